"""Training data of the voice: neutral readings on disk, takes with feeling made from them as training runs.

A reading costs a synthesiser and an analysis, so it is made once. A take is a reading under the rules of
`data/vocal_affect.py`, at an affect that may change from word to word: a millisecond, and never the same
twice.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from emotive.data.bandwidth import Bandwidth
from emotive.data.sentences import sentence
from emotive.data.vocal_affect import vocal_controls
from emotive.data.voices import VOICES, Reading, read
from emotive.media import write_whole
from emotive.models.speech_denoiser import PhoneTokens, places
from emotive.voice.phones import BREATH, PAUSE, SYMBOLS
from emotive.voice.prosody import INDEX, SEMITONE, apply, warp
from emotive.voice.utterance import Timeline, Utterance
from emotive.voice.vocoder import MIDDLE, VoiceFeatures

CROP = 256  # frames of a take in a batch
NUMBER = {symbol: i for i, symbol in enumerate(SYMBOLS)}
# dB of noise in a modal voice at 3, 6 and 9 kHz, at least: synthesisers have less and buzz (Morise 2016, fig.
# 5).
MODAL_NOISE = np.array([-22.0, -12.0, -7.0], np.float32)
WIDE_VOICE = "slt"  # lends the top of its spectrum to those recorded without one


def make_readings(
    folder: Path, voice: str, count: int, seed: int, spell: Callable, report: Callable[[str], None] = print,
    draw: Callable[[np.random.Generator], str] = sentence,
) -> Path:  # fmt: skip
    """Writes `count` readings of sentences of `draw` by `voice` into `folder`, unless they are there."""
    path = folder / f"readings-{voice}.npz"
    if path.exists():
        return path
    rng = np.random.default_rng([seed, *voice.encode()])

    def readings() -> Iterator[Reading]:
        while True:
            yield from read([draw(rng) for _ in range(50)], VOICES[voice], spell)

    made = []
    for reading in islice(readings(), count):
        made.append(reading)
        if len(made) % 500 == 0:
            report(f"{voice}: {len(made)} of {count} sentences read")
    write_readings(path, made)
    return path


def write_readings(path: Path, readings: Sequence[Reading]) -> None:
    """All readings of a voice in one file of plain arrays."""
    u = [r.timeline.utterance for r in readings]
    file = io.BytesIO()
    np.savez(
        file,
        text=np.array([r.text for r in readings]),
        words=np.array(["\t".join(x.words) for x in u]),
        phones=np.array([len(x) for x in u]),
        symbols=np.concatenate([[NUMBER[s] for s in x.symbols] for x in u]).astype(np.int16),
        layout=np.concatenate([np.stack([x.word, x.syllable, x.boundary, x.closing], 1) for x in u]).astype(
            np.int16
        ),
        edges=np.concatenate([r.timeline.edges for r in readings]).astype(np.int32),
        lf0=np.concatenate([r.features.lf0 for r in readings]).astype(np.float32),
        voiced=np.concatenate([r.features.voiced for r in readings]),
        cepstrum=np.concatenate([r.features.cepstrum for r in readings]).astype(np.float16),
        aperiodicity=np.concatenate([r.features.aperiodicity for r in readings]).astype(np.float16),
    )
    write_whole(path, file.getvalue())


def open_readings(path: Path) -> list[Reading]:
    """What `write_readings` wrote; the voice's name comes from the file's."""
    with np.load(path, allow_pickle=False) as file:
        data = {name: file[name] for name in file.files}
    voice, readings, p, e, t = path.stem.removeprefix("readings-"), [], 0, 0, 0
    for i, count in enumerate(data["phones"]):
        layout = data["layout"][p : p + count].astype(int).T
        symbols = tuple(SYMBOLS[n] for n in data["symbols"][p : p + count])
        edges = data["edges"][e : e + count + 1].astype(int)
        at = slice(t, t + int(edges[-1]))
        tracks = (data[name][at].astype(np.float32) for name in ("lf0", "cepstrum", "aperiodicity"))
        lf0, cepstrum, aperiodicity = tracks
        words = tuple(str(data["words"][i]).split("\t"))
        readings.append(
            Reading(
                str(data["text"][i]), voice, Timeline(Utterance(words, symbols, *layout), edges),
                VoiceFeatures(lf0, data["voiced"][at], cepstrum, aperiodicity),
            )
        )  # fmt: skip
        p, e, t = p + int(count), e + int(count) + 1, at.stop
    return readings


@dataclass(frozen=True)
class Speaker:
    """A voice's readings, its middle log F0, what its H sounds like, a cepstrum (60,), and the top of its
    spectrum, where its recordings lack one."""

    name: str
    readings: list[Reading]
    centre: float
    breath: np.ndarray
    bandwidth: Bandwidth | None = None

    @classmethod
    def open(cls, path: Path, bandwidth: Bandwidth | None = None) -> Speaker:
        """Reads a voice's file."""
        given = open_readings(path)
        readings = [prepared(reading, bandwidth) for reading in given]
        lf0 = np.concatenate([r.features.lf0[r.features.voiced] for r in readings])
        breathed = [r.features.cepstrum[_frames_of("HH", r.timeline)] for r in readings[:400]]
        centre = float(np.median(lf0))
        return cls(readings[0].voice, readings, centre, np.concatenate(breathed).mean(0), bandwidth)

    def like(self, readings: Iterable[Reading]) -> Iterator[Reading]:
        """Other readings by the same voice, treated as its own are."""
        return (prepared(reading, self.bandwidth) for reading in readings)


def _frames_of(symbol: str, timeline: Timeline) -> np.ndarray:
    return np.array([s == symbol for s in timeline.utterance.symbols])[timeline.phone_of_frame()]


def prepared(reading: Reading, bandwidth: Bandwidth | None) -> Reading:
    """A reading with the top of its spectrum, no less noise than a modal voice has, and questions that
    rise."""
    f = reading.features
    cepstrum = bandwidth.extend(f.cepstrum) if bandwidth else f.cepstrum
    noise = f.aperiodicity.clip(MODAL_NOISE, None)
    return rising(replace(reading, features=replace(f, cepstrum=cepstrum, aperiodicity=noise)))


def rising(reading: Reading) -> Reading:
    """A yes-no question with its pitch rising from the last stressed syllable on, by 5 semitones.

    The engines read questions like statements (Bolinger 1978: nearly all languages raise them).
    """
    u, edges = reading.timeline.utterance, reading.timeline.edges
    lf0 = reading.features.lf0.copy()
    asked = u.closing == 5
    if not asked.any():
        return reading
    inside = np.flatnonzero(asked & (u.syllable >= 0))
    accents = [i for i in inside if u.stressed()[i]] or list(inside)
    start = edges[np.flatnonzero(u.syllable == u.syllable[accents[-1]])[0]]
    end = edges[inside[-1] + 1]
    ramp = np.linspace(0, 1, end - start) if end > start else np.zeros(0)
    lf0[start:end] = lf0[start] + 0.4 * (lf0[start:end] - lf0[start]) + 5 * SEMITONE * ramp
    lf0[end:] += 5 * SEMITONE
    return replace(reading, features=replace(reading.features, lf0=lf0.astype(np.float32)))


def with_breath(reading: Reading, breath: np.ndarray, pause: int, rng: np.random.Generator) -> Reading:
    """The reading with an audible breath in at the end of its pause number `pause` (a phone number)."""
    u, edges, f = reading.timeline.utterance, reading.timeline.edges, reading.features
    length, gap = int(rng.integers(22, 38)), int(rng.integers(3, 7))
    at = int(edges[pause + 1])
    through = (np.arange(length) + 0.5) / length
    # In through the mouth: swells slowly, ends sooner than it began (Fukuda et al. 2018).
    swell = 20 * np.log10(np.sin(np.pi * through**1.4).clip(0.03))
    cepstrum = np.repeat(breath[None], length, 0) + 0.15 * rng.standard_normal((length, 60)).astype(
        np.float32
    )
    cepstrum[:, 0] += (swell - 9) * np.log(10) / 10
    quiet = np.repeat(f.cepstrum[max(0, at - 1)][None], gap, 0)
    new = np.concatenate([cepstrum, quiet])

    def put(track: np.ndarray, value: np.ndarray) -> np.ndarray:
        return np.concatenate([track[:at], value, track[at:]])

    n = len(new)
    features = VoiceFeatures(
        put(f.lf0, np.full(n, f.lf0[min(at, len(f) - 1)])), put(f.voiced, np.zeros(n, bool)),
        put(f.cepstrum, new).astype(np.float32), put(f.aperiodicity, np.repeat(f.aperiodicity[at - 1][None],
        n, 0)),
    )  # fmt: skip
    rows = [np.insert(row, pause + 1, row[pause]) for row in (u.word, u.syllable, u.boundary, u.closing)]
    symbols = (*u.symbols[: pause + 1], BREATH, *u.symbols[pause + 1 :])
    moved = np.concatenate([edges[: pause + 2], edges[pause + 1 :] + n])
    return replace(reading, timeline=Timeline(Utterance(u.words, symbols, *rows), moved), features=features)


def take(
    reading: Reading, affect: np.ndarray, centre: float, rng: np.random.Generator
) -> tuple[Timeline, VoiceFeatures, np.ndarray]:
    """The reading under the rules: its new timeline, features, and which old frame each new one came from.

    affect: (T, 2+) valence and arousal on the reading's frames.
    """
    controls = vocal_controls(reading.timeline, affect, rng)
    features = apply(reading.features, controls, centre, rng)
    origins, edges = warp(controls[:, INDEX["duration"]].clip(-1, 1))
    timeline = replace(reading.timeline, edges=np.rint(edges[reading.timeline.edges]).astype(int))
    return timeline, features, origins


def random_affect(timeline: Timeline, rng: np.random.Generator) -> np.ndarray:
    """Affect (T, 3) on a timeline's frames: mostly constant, sometimes moving, sometimes changing at a word.

    Dominance, which the rules do not read, is mostly unset.
    """

    def point() -> np.ndarray:
        # A third on the rim of the square, where rules are strongest and samples would be rare.
        p = rng.uniform(-1, 1, 2)
        if rng.random() < 0.3:
            p[rng.integers(2)] = rng.choice([-1.0, 1.0])
        if rng.random() < 0.08:
            p[:] = 0
        return np.append(p, rng.uniform(-1, 1) if rng.random() < 0.15 else np.nan)

    frames, kind = timeline.frames, rng.random()
    start = point()
    if kind < 0.65:
        return np.repeat(start[None], frames, 0).astype(np.float32)
    end = point()
    end[2] = start[2]
    if kind < 0.85:
        share = np.linspace(0, 1, frames)[:, None]
    else:
        words = np.flatnonzero(np.diff(timeline.utterance.word) != 0) + 1
        at = timeline.edges[rng.choice(words)] if len(words) else frames // 2
        share = (np.arange(frames) >= at)[:, None].astype(float)
    return (start + share * (end - start)).astype(np.float32)


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


def open_speakers(folder: Path, voices: Sequence[str]) -> list[Speaker]:
    """The voices' readings, all with a full spectrum."""
    wide = open_readings(folder / f"readings-{WIDE_VOICE}.npz")
    bandwidth = Bandwidth.fit(np.concatenate([r.features.cepstrum for r in wide[:300]]))
    return [
        Speaker.open(
            folder / f"readings-{voice}.npz",
            bandwidth if VOICES[voice].bandwidth < 12_000 else None,
        )
        for voice in voices
    ]
