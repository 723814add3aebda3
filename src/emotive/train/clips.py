"""Clips of synthetic speech for the motion of faces and bodies: what is heard, and where every phone lies.

Two or three sentences by one voice with pauses between them, said with feeling or plainly, in a silent or a
noisy place. Features are kept, not sound: ten kilobytes a second.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from emotive.data.face_teacher import FaceTargets
from emotive.data.readings import Speaker, make_readings, open_speakers
from emotive.data.sentences import sentence
from emotive.data.takes import random_affect, take
from emotive.media import write_whole
from emotive.media.audio import resample
from emotive.models.letter_to_sound import LetterToSound
from emotive.signals import Phone, Syllable, Word
from emotive.voice.espeak import EspeakEngine
from emotive.voice.listening import FEATURES, FRAMES, RATE, listen
from emotive.voice.vocoder import FRAME_RATE, synthesize
from emotive.weights import resolve

from .speech_takes import disguised

TOKENS = 30  # tokens/s
READ = {"slt": 900, "rms": 900, "slt16": 300}  # sentences by each voice
HELD_OUT = ("awb", "kal", "ked")  # a voice, and an engine, that training never hears
ACCENTS = ("en-us", "en-gb", "en-us", "en-gb-x-rp", "en-gb-scotland", "en-us-nyc", "en-029")
SPEAKERS = (
    "f1", "f2", "f3", "f4", "f5", "m1", "m2", "m3", "m4", "m5", "m6", "m7", "m8", "klatt", "klatt2", "klatt3",
    "klatt4", "adam", "Alex", "Alicia", "Andrea", "Andy", "Annie", "anika", "announcer", "antonio", "aunty",
    "belinda", "benjamin", "boris", "caleb", "david", "Denis", "ed", "edward", "Gene", "grandma", "grandpa",
    "gustave", "Henrique", "Hugo", "ian", "iven", "iven3", "Jacky", "john", "Lee", "linda", "Marco", "Mario",
    "max", "michel", "miguel", "mike2", "norbert", "pablo", "paul", "pedro", "quincy", "Reed", "robert",
    "rob", "sandro", "shelby", "steph", "steph2", "Storm", "travis", "victor", "zac",
)  # fmt: skip
ESPEAK_VOICES = tuple(f"{ACCENTS[i % len(ACCENTS)]}+{name}" for i, name in enumerate(SPEAKERS))
"""Of espeak-ng: seventy speakers with formants of their own, each in one accent."""


@dataclass(frozen=True)
class Clip:
    """voice: who speaks. heard: float16 (N, 172), see `voice.listening`. affect: float32 (N, 3), of the
    voice, NaN where it is not known. phones, syllables and words in seconds, `alphabet` of the phones.
    targets: how the face moved, of a filmed clip; the teacher decides for all others."""

    voice: str
    heard: np.ndarray
    affect: np.ndarray
    alphabet: str
    phones: tuple[Phone, ...]
    syllables: tuple[Syllable, ...]
    targets: FaceTargets | None = None
    words: tuple[Word, ...] = ()


@dataclass(frozen=True)
class _Part:
    waveform: np.ndarray
    phones: Sequence[Phone]
    syllables: Sequence[Syllable]
    words: Sequence[Word]
    affect: np.ndarray  # (N, 3) at 30/s


def record_clip(
    speaker: Speaker | str,
    rng: np.random.Generator,
    sentences: int | None = None,
    draw: Callable[[np.random.Generator], str] = sentence,
) -> Clip:
    """A new clip by a speaker with readings, or by the voice of espeak of that name, which says what `draw`
    gives it."""
    count = int(rng.integers(1, 4)) if sentences is None else sentences
    plain = rng.random() < 0.4
    if isinstance(speaker, str):
        speed = float(np.exp(rng.normal(0, 0.08)))  # faster is also higher, as of a smaller speaker
        parts = [_espoken(speaker, draw(rng), speed) for _ in range(count)]
        name, alphabet = speaker, "ipa"
    else:
        parts = [_taken(speaker, plain, rng) for _ in range(count)]
        name, alphabet = speaker.name, "arpabet"
    return _joined(name, alphabet, parts, rng)


def _taken(speaker: Speaker, plain: bool, rng: np.random.Generator) -> _Part:
    reading, centre = speaker.readings[int(rng.integers(len(speaker.readings)))], speaker.centre
    if rng.random() < 0.7:
        reading, centre = disguised(reading, centre, rng)
    affect = random_affect(reading.timeline, rng)
    if plain:
        affect[:, :2], affect[:, 2] = 0.0, np.nan
    timeline, features, origins = take(reading, affect, centre, rng)
    phones, syllables, words = timeline.spans(FRAME_RATE)
    waveform = synthesize(features)
    at = np.arange(len(waveform) * TOKENS // RATE) * (FRAME_RATE // TOKENS + 1 / 3)
    moved = affect[np.rint(origins[np.rint(at).astype(int).clip(0, len(origins) - 1)]).astype(int)]
    return _Part(waveform, phones, syllables, words, moved)


def _espoken(voice: str, text: str, speed: float) -> _Part:
    speech = EspeakEngine().synthesize(text, voice)
    waveform = resample(speech.waveform, round(speech.sample_rate * speed), RATE)
    phones = [Phone(p.symbol, p.start / speed, p.end / speed) for p in speech.phones]
    syllables = [Syllable(s.stress, s.start / speed, s.end / speed) for s in speech.syllables]
    words = [Word(w.text, w.start / speed, w.end / speed) for w in speech.words]
    neutral = np.tile(np.array([0, 0, np.nan], np.float32), (len(waveform) * TOKENS // RATE, 1))
    return _Part(waveform, phones, syllables, words, neutral)


def _joined(name: str, alphabet: str, parts: Sequence[_Part], rng: np.random.Generator) -> Clip:
    """Parts with pauses of 0.1 to 1.5 s around them, in a place with its noise."""
    phones: list[Phone] = []
    syllables: list[Syllable] = []
    words: list[Word] = []
    sounds, feelings = [], []
    at = 0  # tokens

    def pause() -> None:
        nonlocal at
        tokens = round(TOKENS * min(2.5, 0.1 + rng.exponential(0.45)))
        sounds.append(np.zeros(tokens * RATE // TOKENS, np.float32))
        feelings.append(np.full((tokens, 3), np.inf, np.float32))
        at += tokens

    pause()
    for part in parts:
        start, tokens = at / TOKENS, len(part.affect)
        phones += [Phone(p.symbol, start + p.start, start + p.end) for p in part.phones]
        syllables += [Syllable(s.stress, start + s.start, start + s.end) for s in part.syllables]
        words += [Word(w.text, start + w.start, start + w.end) for w in part.words]
        sounds.append(part.waveform[: tokens * RATE // TOKENS])
        feelings.append(part.affect)
        at += tokens
        pause()
    affect = np.concatenate(feelings)
    spoken = np.flatnonzero(np.isfinite(affect[:, 0]))
    nearest = spoken[np.abs(np.arange(len(affect))[:, None] - spoken).argmin(1)]
    waveform = np.concatenate(sounds)
    loud = np.sqrt(np.mean(np.square(waveform[np.abs(waveform) > 0.01])) + 1e-12)
    noise = rng.standard_normal(len(waveform)).astype(np.float32)
    if rng.random() < 0.5:  # rooms rumble more than they hiss
        noise = np.convolve(noise, np.exp(-np.arange(24) / 6).astype(np.float32), "same") / 2
    waveform = waveform + noise * np.float32(loud * 10 ** (-rng.uniform(25, 70) / 20))
    return Clip(
        name, listen(waveform).astype(np.float16), affect[nearest], alphabet, tuple(phones), tuple(syllables),
        words=tuple(words),
    )  # fmt: skip


def make_clips(
    path: Path,
    speakers: Sequence[Speaker | str],
    count: int,
    seed: int,
    report: Callable[[str], None] = print,
    draw: Callable[[np.random.Generator], str] = sentence,
) -> list[Clip]:
    """`count` clips by `speakers` in turn, written to `path` unless they are there."""
    if not path.exists():
        rng = np.random.default_rng(seed)
        clips = []
        for i in range(count):
            clips.append(record_clip(speakers[i % len(speakers)], rng, draw=draw))
            if (i + 1) % 500 == 0:
                report(f"{i + 1} of {count} clips recorded")
        write_clips(path, clips)
    return open_clips(path)


def write_clips(path: Path, clips: Sequence[Clip]) -> None:
    """All clips in one file of plain arrays, their timelines as JSON."""
    timelines = [
        {
            "voice": clip.voice,
            "alphabet": clip.alphabet,
            "tokens": len(clip.heard),
            "phones": [(p.symbol, round(p.start, 4), round(p.end, 4)) for p in clip.phones],
            "syllables": [(s.stress, round(s.start, 4), round(s.end, 4)) for s in clip.syllables],
            "words": [(w.text, round(w.start, 4), round(w.end, 4)) for w in clip.words],
        }
        for clip in clips
    ]
    file = io.BytesIO()
    np.savez(
        file,
        heard=np.concatenate([clip.heard for clip in clips]),
        affect=np.concatenate([clip.affect for clip in clips]).astype(np.float16),
        timelines=np.frombuffer(json.dumps(timelines).encode(), np.uint8),
    )
    write_whole(path, file.getvalue())


def open_clips(path: Path) -> list[Clip]:
    """What `write_clips` wrote."""
    return list(_opened(path))


def _opened(path: Path) -> Iterator[Clip]:
    with np.load(path, allow_pickle=False) as file:
        heard, affect = file["heard"], file["affect"].astype(np.float32)
        timelines = json.loads(file["timelines"].tobytes())
    assert heard.shape[1] == FRAMES * FEATURES
    start = 0
    for line in timelines:
        at = slice(start, start + line["tokens"])
        start = at.stop
        yield Clip(
            line["voice"], heard[at], affect[at], line["alphabet"],
            tuple(Phone(*phone) for phone in line["phones"]),
            tuple(Syllable(*syllable) for syllable in line["syllables"]),
            words=tuple(Word(*word) for word in line["words"]),
        )  # fmt: skip


def record(
    output: Path,
    clips: int,
    seed: int,
    report: Callable[[str], None],
    draw: Callable[[np.random.Generator], str] = sentence,
) -> tuple[list[Clip], dict[str, list[Clip]]]:
    """Clips to train on, and those of each voice that is held out; they say what `draw` gives them."""
    path = resolve("emotive-speech-1") / "letter_to_sound"
    letters = LetterToSound.from_pretrained(path, low_cpu_mem_usage=False).float().eval()
    readings = output / "readings"
    readings.mkdir(exist_ok=True)
    for name, count in (*READ.items(), *((name, 60) for name in HELD_OUT)):
        make_readings(readings, name, count, seed, letters.phones, report, draw)
    speakers = open_speakers(readings, (*READ, *HELD_OUT))
    known, unknown = speakers[: len(READ)], speakers[len(READ) :]
    slt, rms, slt16 = known
    turn = []
    for i in range(0, len(ESPEAK_VOICES), 2):
        turn += [slt if i % 4 else slt16, ESPEAK_VOICES[i], rms, ESPEAK_VOICES[i + 1]]
    held_out = {
        s.name: make_clips(output / f"clips-{s.name}.npz", [s], 16, seed + 100, report, draw) for s in unknown
    }
    return make_clips(output / "clips.npz", turn, clips, seed, report, draw), held_out
