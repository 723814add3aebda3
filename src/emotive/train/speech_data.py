"""Training batches of the voice: takes with feeling, made from neutral readings as training runs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from emotive.data.readings import NUMBER, Speaker
from emotive.data.takes import random_affect, take, with_breath
from emotive.models.speech_denoiser import PhoneTokens, places
from emotive.voice.phones import PAUSE
from emotive.voice.vocoder import MIDDLE, VoiceFeatures

CROP = 256  # frames of a take in a batch


def pack(features: VoiceFeatures) -> np.ndarray:
    """Features as the denoiser has them before normalisation: log F0, cepstrum, aperiodicity, (T, 64).

    Log F0 counts from the middle of all voices: a mean near 0 loses nothing when weights become bf16.
    """
    pitch = features.lf0[:, None] - np.float32(MIDDLE)
    return np.concatenate([pitch, features.cepstrum, features.aperiodicity], 1)


class SpeechBatch(NamedTuple):
    """What a step of training sees: B takes of T = `CROP` frames and of at most P phones."""

    durations: Tensor  # (B, P) frames, 0 where there is no phone
    phones: PhoneTokens
    phone_affect: Tensor  # (B, P, 3)
    frames: Tensor  # (B, T, 64), not normalised
    voiced: Tensor  # (B, T)
    phone_of_frame: Tensor  # (B, T), -1 beyond the end
    place: Tensor  # (B, T, 3)
    affect: Tensor  # (B, T / 2, 3)

    def to(self, device: torch.device) -> SpeechBatch:
        """The same on another device."""
        return SpeechBatch(*(part.to(device) for part in self))  # type: ignore[arg-type]


def batches(speakers: Sequence[Speaker], size: int, seed: int) -> Iterator[SpeechBatch]:
    """Endless batches; the voice of a take is the number of its speaker."""
    rng = np.random.default_rng(seed)
    while True:
        yield collate([example(speakers, int(rng.integers(len(speakers))), rng) for _ in range(size)])


def example(speakers: Sequence[Speaker], number: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """One random take by speaker `number`, cropped."""
    speaker = speakers[number]
    reading = speaker.readings[int(rng.integers(len(speaker.readings)))]
    if rng.random() < 0.4:
        pauses = [i for i, s in enumerate(reading.timeline.utterance.symbols[:-1]) if s == PAUSE]
        reading = with_breath(reading, speaker.breath, int(rng.choice(pauses)), rng)
    affect = random_affect(reading.timeline, rng)
    timeline, features, origins = take(reading, affect, speaker.centre, rng)
    u = timeline.utterance
    centres = ((reading.timeline.edges[:-1] + reading.timeline.edges[1:]) // 2).clip(0, len(affect) - 1)
    moved = affect[np.rint(origins).astype(int).clip(0, len(affect) - 1)]
    frames = len(features)
    start = int(rng.integers(0, max(1, frames - CROP + 1))) if frames > CROP else 0
    at = slice(start, start + CROP)
    phone = timeline.phone_of_frame()
    place = places(torch.from_numpy(timeline.edges), torch.from_numpy(phone)).numpy()
    return {
        "symbols": np.array([NUMBER[s] for s in u.symbols]),
        "boundaries": u.boundary,
        "closings": u.closing,
        "voice": np.array(number),
        "durations": np.diff(timeline.edges),
        "phone_affect": affect[centres],
        "frames": pack(features)[at],
        "voiced": features.voiced[at],
        "phone_of_frame": phone[at],
        "place": place[at],
        "affect": moved[at],
    }


def collate(examples: Sequence[dict[str, np.ndarray]]) -> SpeechBatch:
    """Examples padded to the longest in phones, and to `CROP` frames."""
    most = -(-max(len(e["symbols"]) for e in examples) // 8) * 8  # few shapes, for the compiler

    def stack(name: str, length: int, fill: float, dtype: torch.dtype) -> Tensor:
        rows = torch.full((len(examples), length, *examples[0][name].shape[1:]), fill, dtype=dtype)
        for row, e in zip(rows, examples, strict=True):
            row[: len(e[name])] = torch.from_numpy(np.ascontiguousarray(e[name])).to(dtype)
        return rows

    whole, real = torch.long, torch.float32
    return SpeechBatch(
        stack("durations", most, 0, real),
        PhoneTokens(
            stack("symbols", most, -1, whole),
            stack("boundaries", most, 0, whole),
            stack("closings", most, 0, whole),
            torch.tensor([int(e["voice"]) for e in examples]),
        ),
        stack("phone_affect", most, 0, real),
        stack("frames", CROP, 0, real),
        stack("voiced", CROP, 0, real),
        stack("phone_of_frame", CROP, -1, whole),
        stack("place", CROP, 0, real), stack("affect", CROP, 0, real)[:, ::2],
    )  # fmt: skip


def normalisation(speakers: Sequence[Speaker], seed: int = 0, takes: int = 150) -> tuple[Tensor, Tensor]:
    """Mean and deviation (voices, 64) of the frames of random takes; log F0's over what is voiced."""
    rng = np.random.default_rng(seed)
    means, deviations = [], []
    for number in range(len(speakers)):
        examples = [example(speakers, number, rng) for _ in range(takes)]
        frames = np.concatenate([e["frames"] for e in examples])
        voiced = np.concatenate([e["voiced"] for e in examples])
        mean, deviation = frames.mean(0), frames.std(0)
        mean[0], deviation[0] = frames[voiced, 0].mean(), frames[voiced, 0].std()
        means.append(mean)
        deviations.append(deviation)
    return torch.tensor(np.array(means)), torch.tensor(np.array(deviations)).clamp_min(0.02)
