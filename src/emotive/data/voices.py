"""Teacher voices: sentences read by free synthesisers, with the time of every phone.

flite's voices and festival's HTS voice of the same corpus (CMU ARCTIC; licences in the speech model's card)
print where their phones lie. Both are Debian packages (`flite`, `festival`, `festvox-us-slt-hts`,
`festvox-kallpc16k`, `festvox-kdlpc16k`) and are needed for training alone.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from emotive.errors import InputError
from emotive.media.audio import read_audio, resample
from emotive.voice.phones import CLASSES, PAUSE, VOICELESS, base
from emotive.voice.text import Sentence, sentences
from emotive.voice.utterance import Timeline, lay_out
from emotive.voice.vocoder import FRAME_RATE, SAMPLE_RATE, VoiceFeatures, analyse

LEVEL = -26.0  # dB re full scale of what is spoken
NOISE = 10 ** (-78 / 20)  # keeps silence from being minus infinity
LEADING, TRAILING, SPOKEN_PAUSE = 12, 20, 45  # frames of silence kept at either end, and at most inside
# Phones of the engines' American English under cmudict's names; diacritics of stress are ours.
ENGINE_PHONES = {
    "ax": "AH",
    "axr": "ER",
    "ix": "IH",
    "dx": "T",
    "el": "L",
    "em": "M",
    "en": "N",
    "nx": "N",
    "hv": "HH",
}
VOWELS = frozenset(CLASSES["vowel"])
Segments = list[tuple[str, float]]  # phone, end in seconds


@dataclass(frozen=True)
class TeacherVoice:
    """A speaker: who speaks, through which engine, over which range of F0 in Hz, and up to which
    frequency."""

    name: str
    engine: str
    engine_voice: str
    f0_range: tuple[float, float]
    bandwidth: float


VOICES = {
    voice.name: voice
    for voice in (
        TeacherVoice("slt", "festival", "cmu_us_slt_arctic_hts", (90, 400), 12_000),
        TeacherVoice("rms", "flite", "rms", (55, 260), 7_600),
        TeacherVoice("awb", "flite", "awb", (70, 300), 7_600),
        TeacherVoice("kal", "festival", "kal_diphone", (60, 260), 7_600),
        TeacherVoice("ked", "festival", "ked_diphone", (60, 260), 7_600),
        TeacherVoice("slt16", "flite", "slt", (90, 400), 7_600),
    )
}


@dataclass(frozen=True)
class Reading:
    """A sentence as one voice read it, without feeling."""

    text: str
    voice: str
    timeline: Timeline
    features: VoiceFeatures


def read(texts: Sequence[str], voice: TeacherVoice, spell: Callable | None = None) -> Iterator[Reading]:
    """Readings of those `texts` whose phones the engine and our front end agree on, in their order.

    Raises:
        InputError: the engine is not installed.
    """
    for text, waveform, segments in _ENGINES[voice.engine](texts, voice):
        reading = _reading(next(iter(sentences(text, spell))), text, waveform, segments, voice)
        if reading is not None:
            yield reading


def _reading(
    sentence: Sentence, text: str, waveform: np.ndarray, segments: Segments, voice: TeacherVoice
) -> Reading | None:
    timeline = match(sentence, segments)
    if timeline is None:
        return None
    spoken = waveform[np.abs(waveform) > 0.01]
    if len(spoken) < SAMPLE_RATE // 4:
        return None
    rng = np.random.default_rng(len(waveform))
    waveform = waveform * 10 ** ((LEVEL - 20 * np.log10(np.sqrt(np.mean(spoken**2)))) / 20)
    features = analyse(waveform + NOISE * rng.standard_normal(len(waveform)), voice.f0_range)
    frames = min(len(features), timeline.frames)
    timeline = replace(timeline, edges=timeline.edges.clip(None, frames))
    features = features.at(np.arange(frames))
    # What is voiceless by nature is voiceless, and pauses are: the pitch tracker sometimes thinks otherwise.
    voiceless = np.array([s in VOICELESS for s in timeline.utterance.symbols])
    voiced = features.voiced & ~voiceless[timeline.phone_of_frame()]
    return Reading(text, voice.name, *_trimmed(timeline, replace(features, voiced=voiced)))


def match(sentence: Sentence, segments: Segments) -> Timeline | None:
    """Our phones at the engine's times; None unless both have as many, and differ in a tenth of them at
    most."""
    symbols, ends = zip(*segments, strict=True)
    names = [s if s == PAUSE else ENGINE_PHONES.get(s, s.upper()) for s in symbols]
    spoken = [i for i, name in enumerate(names) if name != PAUSE]
    ours = [base(phone) for word in sentence.words for phone in word.phones]
    if len(ours) != len(spoken):
        return None
    wrong = [(o, names[i]) for o, i in zip(ours, spoken, strict=True) if o != names[i]]
    if len(wrong) > len(ours) / 10 or any(not {o, n} <= VOWELS for o, n in wrong):
        return None
    last = np.cumsum([len(word.phones) for word in sentence.words]) - 1
    breaks = {w for w, n in enumerate(last[:-1]) if names[spoken[n] + 1] == PAUSE}
    utterance = lay_out(sentence, breaks)
    if utterance.symbols.count(PAUSE) != len(breaks) + 2:
        return None
    edges, at = [0.0], 0
    for symbol in utterance.symbols:
        if symbol != PAUSE:
            at = spoken.pop(0)
            edges.append(ends[at])
        elif len(edges) == 1:  # the leading pause may be several, or none
            edges.append(ends[spoken[0] - 1] if spoken[0] else 0.0)
        else:
            edges.append(ends[spoken[0] - 1] if spoken else ends[-1])
    frames = np.rint(np.array(edges) * FRAME_RATE).astype(int)
    return Timeline(utterance, frames) if (np.diff(frames[1:-1]) > 0).all() else None


def _trimmed(timeline: Timeline, features: VoiceFeatures) -> tuple[Timeline, VoiceFeatures]:
    """Pauses cut to what we want of them."""
    lengths = np.diff(timeline.edges)
    longest = [SPOKEN_PAUSE if s == PAUSE else 10_000 for s in timeline.utterance.symbols]
    longest[0], longest[-1] = LEADING, TRAILING
    keep, new = [], [0]
    for i, (length, most) in enumerate(zip(lengths, longest, strict=True)):
        start, end = timeline.edges[i], timeline.edges[i + 1]
        kept = np.arange(start, end)
        if length > most:  # of the first its end, of the last its beginning, of others both
            kept = {0: kept[-most:], len(lengths) - 1: kept[:most]}.get(
                i, np.concatenate([kept[: most // 2], kept[most // 2 - most :]])
            )
        keep.append(kept)
        new.append(new[-1] + len(kept))
    return replace(timeline, edges=np.array(new)), features.at(np.concatenate(keep))


def _flite(texts: Sequence[str], voice: TeacherVoice) -> Iterator[tuple[str, np.ndarray, Segments]]:
    _need("flite")
    with tempfile.TemporaryDirectory() as folder:
        wav = Path(folder, "x.wav")
        for text in texts:
            command = ["flite", "-voice", voice.engine_voice, "-psdur", "-t", text, "-o", str(wav)]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            pairs = [item.rsplit(":", 1) for item in done.stdout.split()]
            yield text, resample(*read_audio(wav), SAMPLE_RATE), [(s, float(end)) for s, end in pairs]


def _festival(texts: Sequence[str], voice: TeacherVoice) -> Iterator[tuple[str, np.ndarray, Segments]]:
    _need("festival")
    for start in range(0, len(texts), 50):
        chunk = texts[start : start + 50]
        with tempfile.TemporaryDirectory() as folder:
            lines = [f"(voice_{voice.engine_voice})"]
            for i, text in enumerate(chunk):
                quoted = text.replace("\\", "").replace('"', "")
                lines.append(f'(set! u (utt.synth (Utterance Text "{quoted}")))')
                lines.append(
                    f'(utt.save.segs u "{folder}/{i}.segs") (utt.save.wave u "{folder}/{i}.wav" \'riff)'
                )
            script = Path(folder, "read.scm")
            script.write_text("\n".join(lines), encoding="ascii", errors="replace")
            subprocess.run(["festival", "-b", str(script)], capture_output=True, check=True)
            for i, text in enumerate(chunk):
                rows = [line.split() for line in Path(folder, f"{i}.segs").read_text().splitlines()[1:]]
                segments = [(row[2], float(row[0])) for row in rows]
                yield text, resample(*read_audio(Path(folder, f"{i}.wav")), SAMPLE_RATE), segments


def _need(program: str) -> None:
    if shutil.which(program) is None:
        raise InputError(f"training a voice needs the program {program!r} (on Debian: apt install {program})")


_ENGINES = {"flite": _flite, "festival": _festival}
