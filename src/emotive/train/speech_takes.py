"""What the speech judge hears while it learns: takes with feeling, by disguised speakers, over bad channels.

The judge must read voices that it never met. So from a few synthetic voices come many: pitch, tract length,
range, rate, breath and colour of the *speaker*, drawn without regard to the affect, and then a room, a
microphone, noise. What is left to learn from is how affect moves a voice away from itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from emotive.data.readings import Speaker
from emotive.data.takes import take, with_breath
from emotive.data.voices import Reading
from emotive.media.audio import resample
from emotive.voice.phones import PAUSE
from emotive.voice.prosody import SEMITONE
from emotive.voice.vocoder import SAMPLE_RATE, shape, stretch, synthesize

JUDGE_RATE = 16_000  # samples/s that the judge hears
SECONDS = (1.5, 2.0, 2.5, 3.0, 4.0)  # of a crop; all crops of a batch have one length
FRESH = 1  # pairs of takes made anew for every batch of 32


class SpeechBatch(NamedTuple):
    """waveforms (B, N) at 16 kHz, affect (B, 2): valence and arousal. Rows 2 i and 2 i + 1 are a pair."""

    waveforms: Tensor
    affect: Tensor


def random_point(rng: np.random.Generator) -> np.ndarray:
    """Valence and arousal (2,): uniform, a third of them on the rim of the square, a few neutral."""
    point = rng.uniform(-1, 1, 2)
    if rng.random() < 0.3:
        point[rng.integers(2)] = rng.choice([-1.0, 1.0])
    if rng.random() < 0.05:
        point[:] = 0
    return point


def spoken(
    reading: Reading, affect: Sequence[float] | np.ndarray, centre: float, rng: np.random.Generator
) -> np.ndarray:
    """A take at one affect (valence, arousal) throughout: a waveform float32 (N,) at 16 kHz, in [-1, 1]."""
    points = np.repeat(np.asarray(affect, np.float32)[None, :2], reading.timeline.frames, 0)
    _, features, _ = take(reading, points, centre, rng)
    waveform = resample(synthesize(features), SAMPLE_RATE, JUDGE_RATE)
    return waveform * np.float32(min(1.0, 0.99 / max(float(np.abs(waveform).max()), 1e-9)))


def disguised(reading: Reading, centre: float, rng: np.random.Generator) -> tuple[Reading, float]:
    """The reading by somebody else, and that speaker's middle log F0.

    Half of the speakers are higher by 4 to 11 semitones with a tract shorter by 8 to 18 %, about the distance
    between men and women (Peterson & Barney 1952); the others within 3 semitones and 8 %.
    """
    high = rng.random() < 0.5
    pitch = rng.uniform(4, 11) if high else rng.uniform(-3, 3)
    formant = rng.uniform(0.08, 0.18) if high else rng.uniform(-0.08, 0.08)
    f, tempo = reading.features, np.exp(rng.normal(0, 0.05))
    edges = np.rint(reading.timeline.edges * tempo).astype(int)
    f = f.at((np.arange(edges[-1]) + 0.5) / tempo - 0.5)
    new_centre = centre + float(pitch * SEMITONE)
    lf0 = new_centre + (f.lf0 - centre) * np.float32(np.exp(rng.normal(0, 0.1)))
    cepstrum = stretch(f.cepstrum, np.full(len(f), formant)) + np.float32(rng.normal(0, 1.5)) * shape("tilt")
    noise = (f.aperiodicity + f.voiced[:, None] * rng.uniform(0, 5)).clip(None, 0).astype(np.float32)
    features = replace(f, lf0=lf0.astype(np.float32), cepstrum=cepstrum, aperiodicity=noise)
    return replace(reading, timeline=replace(reading.timeline, edges=edges), features=features), new_centre


def in_a_room(waveform: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """With the reverberation of a small room: noise decaying within 0.15 to 0.6 s, 3 to 18 dB below the voice
    (Polack's model: late reverberation is Gaussian noise under an exponential)."""
    seconds = rng.uniform(0.15, 0.6)
    time = np.arange(round(seconds * JUDGE_RATE)) / JUDGE_RATE
    tail = rng.standard_normal(len(time)) * 10 ** (-3 * time / seconds)
    tail[: JUDGE_RATE // 200] = 0  # 5 ms until the first walls answer
    tail *= 10 ** (-rng.uniform(3, 18) / 20) / np.sqrt(np.sum(tail**2))
    size = 1 << int(np.ceil(np.log2(len(waveform) + len(tail))))
    wet = np.fft.irfft(np.fft.rfft(waveform, size) * np.fft.rfft(tail, size), size)[: len(waveform)]
    return (waveform + wet).astype(np.float32)


def channel(power: Tensor, generator: torch.Generator) -> Tensor:
    """Mel power (B, M, T) through microphones and telephones: smooth colour of a few dB, and for some nothing
    above 3 to 7 kHz (as in MP3 at low rates) or below 100 to 300 Hz. Rows of a pair share their channel."""
    pairs, bands = len(power) // 2, power.shape[1]

    def between(low: float, high: float) -> Tensor:
        return low + (high - low) * torch.rand(pairs, 1, generator=generator)

    place = (torch.arange(bands) + 0.5) / bands
    colour = torch.zeros(pairs, bands)
    for k, decibels in enumerate((2.0, 2.0, 1.5, 1.0), start=1):
        weight = decibels * torch.randn(pairs, 1, generator=generator)
        colour = colour + weight * torch.cos(torch.pi * k * place)
    cut = torch.rand(pairs, 1, generator=generator)
    top = torch.where(cut < 0.35, between(0.68, 0.97), 2.0)  # share of the mel scale below 7 kHz
    bottom = torch.where(cut > 0.85, between(0.02, 0.12), -1.0)
    colour = colour - 60 * ((place > top) | (place < bottom))
    return power * (10 ** (colour / 10)).repeat_interleave(2, 0)[:, :, None].to(power)


class Takes:
    """Takes in memory, always renewed: int16 waveforms at 16 kHz, affect float32 (N, 2).

    Rows 2 i and 2 i + 1 are a pair: the same sentence by the same disguised speaker in the same room, in two
    affects, so N is even.
    """

    def __init__(self, speakers: Sequence[Speaker], count: int, seed: int):
        self.speakers, self.rng, self.next = speakers, np.random.default_rng(seed), 0
        self.waveforms: list[np.ndarray] = [np.zeros(0, np.int16)] * count
        self.affect = np.zeros((count, 2), np.float32)
        self.record(count // 2)

    def record(self, pairs: int) -> None:
        """Records new pairs over the oldest."""
        for _ in range(pairs):
            for row, (waveform, affect) in enumerate(self._pair(), start=self.next):
                scale = 32000 / max(float(np.abs(waveform).max()), 1e-6)  # the judge hears no level
                self.waveforms[row] = (waveform * scale).astype(np.int16)
                self.affect[row] = affect
            self.next = (self.next + 2) % len(self.waveforms)

    def _pair(self) -> list[tuple[np.ndarray, np.ndarray]]:
        rng = self.rng
        speaker = self.speakers[int(rng.integers(len(self.speakers)))]
        reading = speaker.readings[int(rng.integers(len(speaker.readings)))]
        if rng.random() < 0.3:
            pauses = [i for i, s in enumerate(reading.timeline.utterance.symbols[:-1]) if s == PAUSE]
            reading = with_breath(reading, speaker.breath, int(rng.choice(pauses)), rng)
        reading, centre = disguised(reading, speaker.centre, rng)
        room = rng.integers(2**31) if rng.random() < 0.35 else None
        pair = []
        for _ in range(2):
            affect = random_point(rng)
            waveform = spoken(reading, affect, centre, rng)
            if room is not None:
                waveform = in_a_room(waveform, np.random.default_rng(room))
            pair.append((waveform, affect))
        return pair

    def batches(self, size: int, seed: int) -> Iterator[SpeechBatch]:
        """Endless random batches of pairs, cropped to one length, with noise 20 to 50 dB below the voice."""
        rng = np.random.default_rng([seed, 1])
        noise = _noises(np.random.default_rng([seed, 2]))
        while True:
            self.record(max(1, FRESH * size // 32))
            pairs = rng.integers(0, len(self.waveforms) // 2, size // 2)
            rows = np.stack([2 * pairs, 2 * pairs + 1], 1).ravel()
            length = round(float(rng.choice(SECONDS)) * JUDGE_RATE)
            crops = np.zeros((size, length), np.float32)
            for i, row in enumerate(rows):
                if i % 2 == 0:  # both of a pair: the same place, microphone and noise
                    place, loss, kind = (
                        rng.random(),
                        10 ** (-rng.uniform(20, 50) / 20),
                        rng.integers(len(noise)),
                    )
                whole = self.waveforms[row]
                start = int(place * max(0, len(whole) - length))
                crop = whole[start : start + length].astype(np.float32) / 32768
                at = int(rng.integers(noise.shape[1] - length))
                crops[i, : len(crop)] = crop
                loud = crop[np.abs(crop) > 0.05]
                level = float(np.sqrt(np.mean(loud**2))) if len(loud) else 0.1
                crops[i] += level * loss * noise[kind, at : at + length]
            yield SpeechBatch(torch.from_numpy(crops), torch.from_numpy(self.affect[rows]))


def _noises(rng: np.random.Generator, seconds: float = 20.0) -> np.ndarray:
    """White, pink and brown noise (3, N) at 16 kHz, of unit power."""
    n = round(seconds * JUDGE_RATE)
    spectrum = np.fft.rfft(rng.standard_normal((3, n)))
    hertz = np.fft.rfftfreq(n, 1 / JUDGE_RATE).clip(30)
    coloured = np.fft.irfft(spectrum * hertz ** np.array([[0.0], [-0.5], [-1.0]]), n)
    return (coloured / coloured.std(1, keepdims=True)).astype(np.float32)
