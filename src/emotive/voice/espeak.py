"""A hundred languages by espeak-ng, with the times of its phones; an optional extra under the GPL.

It sounds like a machine, but its phones are exact to the sample, and it speaks what our own voice cannot.
Facts about its C interface: espeak-ng 1.52, src/include/espeak-ng/speak_lib.h.
"""

from __future__ import annotations

import bisect
import ctypes
import difflib
import re
import threading
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from emotive.errors import InputError
from emotive.signals import Phone, Speech, Syllable, Word

from .phones import PAUSE, is_ipa_vowel

DEFAULT = "en-us"
MAX_TEXT = 100_000  # characters said at once; about two hours
_LOCK = threading.Lock()  # the library has one state

_SYNCHRONOUS, _PHONEME_EVENTS, _PHONEME_IPA, _DONT_EXIT = 2, 1, 2, 0x8000
_UTF8 = 1
_WORD, _END, _PHONEME = 1, 5, 7


class _Id(ctypes.Union):
    _fields_ = (("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8))


class _Event(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),  # of the word, in characters, from 1 on
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),  # ms
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _Id),
    )


class _Voice(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_char_p),
        ("languages", ctypes.c_void_p),
        ("identifier", ctypes.c_char_p),
        ("gender", ctypes.c_ubyte),
        ("age", ctypes.c_ubyte),
        ("variant", ctypes.c_ubyte),
        ("xx1", ctypes.c_ubyte),
        ("score", ctypes.c_int),
        ("spare", ctypes.c_void_p),
    )


_CALLBACK = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event)
)


@dataclass(frozen=True)
class _Heard:
    """An event: `at` is its sample, `position` the index in the text of its word."""

    type: int
    at: int
    position: int
    symbol: str


class EspeakEngine:
    """espeak-ng, at 22,050 samples/s, in the process: about a thousand times faster than speech.

    A voice is a language ("ru", "en-us", "cmn"), the name or identifier of a voice ("English (America)"),
    each with a variant if one likes ("en-us+f2", "ru+whisper"). Phones are IPA; a stressed vowel begins with
    ˈ or ˌ. Words are those of the text as it is written: a number is one word. Syllables are found by a rule:
    the last consonant between two vowels belongs to the second.

    Raises InputError if the package espeakng-loader is missing.
    """

    def __init__(self) -> None:
        _library()

    def synthesize(self, text: str, voice: str = "") -> Speech:
        """Says `text`. Raises InputError for a text without words, one of more than 100,000 characters, and
        for an unknown voice, with the names nearest to it."""
        if not isinstance(text, str) or not text.strip():
            raise InputError("there is nothing to say: give a text with words in it")
        if len(text) > MAX_TEXT:
            raise InputError(f"the text has {len(text):,} characters; at most {MAX_TEXT:,} are said at once")
        voice = voice or DEFAULT
        with _LOCK:
            library, rate = _library()
            _choose(library, voice)
            samples, events = _say(library, text.replace("\0", " "))
        phones, places = _phones(events, len(samples), rate)
        if all(phone.symbol == PAUSE for phone in phones):
            raise InputError(f"espeak has nothing to say for {text[:40]!r} in the voice {voice}")
        words, syllables = _words(text, phones, places, events)
        return Speech(
            samples / np.float32(32768), rate, text, phones, syllables, words, alphabet="ipa", voice=voice
        )

    def voices(self) -> tuple[str, ...]:
        """The languages that can be spoken, such as "en-us", in alphabetical order."""
        with _LOCK:
            return tuple(sorted({language for _, language, _ in _languages(_library()[0])}))


@lru_cache(maxsize=1)
def _library() -> tuple[Any, int]:
    """The library, initialised once in a process, and its sample rate."""
    try:
        import espeakng_loader
    except ImportError:
        raise InputError("espeak needs the package espeakng-loader: pip install 'emotive[espeak]'") from None
    try:
        library = ctypes.CDLL(espeakng_loader.get_library_path())
        data = espeakng_loader.get_data_path().encode()
    except (OSError, RuntimeError) as error:
        raise InputError(f"espeak cannot be loaded: {' '.join(str(error).split())}") from error
    library.espeak_ListVoices.restype = ctypes.POINTER(ctypes.POINTER(_Voice))
    options = _PHONEME_EVENTS | _PHONEME_IPA | _DONT_EXIT
    rate = library.espeak_Initialize(_SYNCHRONOUS, 0, data, options)
    if rate <= 0:
        raise InputError("espeak cannot be initialised: its data are missing; reinstall espeakng-loader")
    return library, rate


def _choose(library: Any, voice: str) -> None:
    # espeak answers OK to an unknown variant and goes on with the voice before for an unknown voice.
    name, _, variant = voice.partition("+")
    known = _known_voices(library)
    if name.lower() not in known:
        near = difflib.get_close_matches(name.lower(), known, n=5, cutoff=0.4) or [DEFAULT]
        raise InputError(f"espeak has no voice {name[:40]!r}; near are {', '.join(near)}")
    variants = _variants()
    if "+" in voice and variant not in variants:
        near = difflib.get_close_matches(variant, variants, n=5, cutoff=0.4) or ["f1", "f2", "m1", "whisper"]
        raise InputError(f"espeak has no variant {variant[:40]!r}; near are {', '.join(near)}")
    # By its identifier: a language that is the second of its voice, such as fr-fr, is not found.
    chosen = known[name.lower()] + (f"+{variant}" if variant else "")
    if library.espeak_SetVoiceByName(chosen.encode()) != 0:
        raise InputError(f"espeak cannot load the voice {voice[:40]!r}")


@lru_cache(maxsize=1)
def _known_voices(library: Any) -> dict[str, str]:
    """Languages, names and identifiers in small letters -> the identifier of their voice."""
    found: dict[str, str] = {}
    for _, language, identifier in sorted(_languages(library)):
        found.setdefault(language.lower(), identifier)
    for voice in _listed(library):
        identifier = voice.identifier.decode()
        found.setdefault(voice.name.decode().lower(), identifier)
        found.setdefault(identifier.lower(), identifier)
    return found


def _languages(library: Any) -> list[tuple[int, str, str]]:
    """Priority (the smallest is the best voice for it), language and identifier."""
    found = []
    for voice in _listed(library):
        at = voice.languages  # pairs of a priority and a name that ends with 0; priority 0 ends the list
        while priority := ctypes.string_at(at, 1)[0]:
            name = ctypes.string_at(at + 1)
            found.append((priority, name.decode(), voice.identifier.decode()))
            at += len(name) + 2
    return found


def _listed(library: Any) -> list[_Voice]:
    """All voices but those of MBROLA, which need another program."""
    voices, found = library.espeak_ListVoices(None), []
    while voices[len(found)]:
        found.append(voices[len(found)].contents)
    return [voice for voice in found if not voice.identifier.startswith(b"mb/")]


@lru_cache(maxsize=1)
def _variants() -> tuple[str, ...]:
    import espeakng_loader

    return tuple(
        sorted(file.name for file in Path(espeakng_loader.get_data_path(), "voices", "!v").iterdir())
    )


def _say(library: Any, text: str) -> tuple[np.ndarray, list[_Heard]]:
    """int16 samples (N,) and the events in the order of time."""
    blocks: list[np.ndarray] = []
    events: list[_Heard] = []

    def receive(samples: Any, count: int, event: Any) -> int:
        if samples and count > 0:
            blocks.append(np.ctypeslib.as_array(samples, (count,)).copy())
        i = 0
        while event[i].type:
            e = event[i]
            symbol = ""
            if e.type == _PHONEME:  # read as bytes: the field is not terminated if all 8 are used
                raw = ctypes.string_at(ctypes.addressof(e) + _Event.id.offset, 8).split(b"\0")[0]
                symbol = raw.decode("utf-8", "ignore")
                symbol = "" if symbol.startswith("(") else symbol  # "(en)": a word of another language
            events.append(_Heard(e.type, e.sample, e.text_position - 1, symbol))
            i += 1
        return 0

    callback = _CALLBACK(receive)
    library.espeak_SetSynthCallback(callback)
    data = text.encode("utf-8", "replace")
    library.espeak_Synth(data, len(data) + 1, 0, 1, 0, _UTF8, None, None)
    library.espeak_Synchronize()
    return np.concatenate(blocks) if blocks else np.zeros(0, np.int16), events


def _phones(events: list[_Heard], length: int, rate: int) -> tuple[tuple[Phone, ...], list[int]]:
    """Phones from 0 to the end, and the index in the text of the word of each.

    A phone without a symbol is a pause where a word, a clause or the text ends, otherwise part of the sound
    before, such as the release of a plosive; so is one without length.
    """
    spans: list[list[Any]] = [[PAUSE, 0, -1]]  # symbol, first sample, place in the text
    kept = [event for event in events if event.type in (_WORD, _END, _PHONEME)]
    for i, event in enumerate(kept):
        if event.type != _PHONEME:
            continue
        symbol = event.symbol
        if not symbol:
            following = next((e for e in kept[i + 1 :] if e.type != _PHONEME or e.symbol), None)
            if following is not None and following.type == _PHONEME:
                continue
            symbol = PAUSE
        last = spans[-1]
        if symbol == last[0] == PAUSE:
            continue
        if event.at <= last[1] and last[0] == PAUSE:
            spans[-1] = [symbol, last[1], event.position]
        elif event.at <= last[1] or (event.at >= length and symbol != PAUSE):
            last[0] += symbol if symbol != PAUSE else ""
        elif event.at < length:
            spans.append([symbol, event.at, event.position])
    edges = [start / rate for _, start, _ in spans] + [length / rate]
    phones = tuple(
        Phone(symbol, edges[i], edges[i + 1]) for i, (symbol, _, _) in enumerate(spans) if length > 0
    )
    return phones, [place for _, _, place in spans]


def _words(
    text: str, phones: tuple[Phone, ...], places: list[int], events: list[_Heard]
) -> tuple[tuple[Word, ...], tuple[Syllable, ...]]:
    """Words as they are written, and their syllables.

    espeak's own word events are not the words: some are empty, one number has several, "o'clock" ends after
    its o. They only divide what is written without blanks, as Chinese and Thai are.
    """
    starts = [match.start() for match in re.finditer(r"(?:[^\w\s]+\s+)?\S+", text)]  # "-- so" is one place
    unspaced = re.compile("[\u0e00-\u0fff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]")
    starts += [
        e.position for e in events if e.type == _WORD and unspaced.match(text[e.position : e.position + 1])
    ]
    starts = sorted(set(starts))
    groups: list[tuple[int, list[Phone]]] = []
    before = None
    for phone, place in zip(phones, places, strict=True):
        if phone.symbol == PAUSE:
            before = None
            continue
        word = max(bisect.bisect_right(starts, place) - 1, 0)
        if word != before:
            groups.append((word, []))
            before = word
        groups[-1][1].append(phone)
    words, syllables = [], []
    for word, spoken in groups:
        end = starts[word + 1] if word + 1 < len(starts) else len(text)
        written = text[starts[word] : end].strip()
        written = re.sub(r"^\W+|\W+$", "", written) or written
        words.append(Word(written, spoken[0].start, spoken[-1].end))
        syllables += _syllables(spoken)
    return tuple(words), tuple(syllables)


def _syllables(spoken: list[Phone]) -> list[Syllable]:
    vowels = [i for i, phone in enumerate(spoken) if is_ipa_vowel(phone.symbol)]
    starts = [0, *(max(left + 1, right - 1) for left, right in pairwise(vowels))]
    ends = [*starts[1:], len(spoken)]
    found = []
    for start, end in zip(starts, ends, strict=True):
        marks = "".join(phone.symbol for phone in spoken[start:end])
        stress = 1 if "ˈ" in marks else 2 if "ˌ" in marks else 0
        found.append(Syllable(stress, spoken[start].start, spoken[end - 1].end))
    return found
