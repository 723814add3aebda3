"""Neutral readings of the teacher voices, on disk and in memory: what takes with feeling are made from.

A reading costs a synthesiser and an analysis, so it is made once.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import numpy as np

from emotive.media import write_whole
from emotive.voice.phones import SYMBOLS
from emotive.voice.prosody import SEMITONE
from emotive.voice.utterance import Timeline, Utterance
from emotive.voice.vocoder import VoiceFeatures

from .bandwidth import Bandwidth
from .sentences import sentence
from .voices import VOICES, Reading, read

NUMBER = {symbol: i for i, symbol in enumerate(SYMBOLS)}
# dB of noise in a modal voice at 3, 6 and 9 kHz, at least: synthesisers have less, and buzz.
MODAL_NOISE = np.array([-22.0, -12.0, -7.0], np.float32)
WIDE_VOICE = "slt"  # lends the top of its spectrum to those recorded without one


def make_readings(
    folder: Path,
    voice: str,
    count: int,
    seed: int,
    spell: Callable | None,
    report: Callable[[str], None] = print,
    draw: Callable[[np.random.Generator], str] = sentence,
) -> Path:
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
