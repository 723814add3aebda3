"""Other engines: what they say has its times, what they cannot say is one line."""

import importlib.util
import os
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from emotive.errors import InputError
from emotive.signals import Speech
from emotive.voice import engines, espeak
from emotive.voice.engines import CallableEngine, CommandEngine

needs_espeak = pytest.mark.skipif(
    importlib.util.find_spec("espeakng_loader") is None, reason="the espeak extra is not installed"
)
TONE = 0.4 * np.sin(np.arange(8000) * 0.1)
# Writes its text as sound, one letter after the other, and what it was called with beside.
PROGRAM = """
import sys, wave
text, out = sys.argv[1], sys.argv[2]
text = sys.stdin.buffer.read().decode("utf-8") if text == "-" else text
with wave.open(out, "wb") as file:
    file.setnchannels(1), file.setsampwidth(2), file.setframerate(8000)
    file.writeframes(b"".join(bytes((0, ord(c) % 100)) * 800 for c in text))
"""


def program(*arguments: str, code: str = PROGRAM) -> list[str]:
    return [sys.executable, "-c", code, *arguments]


def spelled(speech: Speech) -> str:
    return "".join(chr(round(float(v) * 128)) for v in speech.waveform[400::800])


def test_a_command_gets_its_text_as_one_argument():
    text = 'A {wav} $(touch x); "B"'
    said = CommandEngine(program("{text}", "{wav}"), align=False).synthesize(text)
    assert said.sample_rate == 8000 and said.duration == len(text) / 10
    assert spelled(said) == "".join(chr(ord(c) % 100) for c in text)
    assert said.text == text and said.phones == said.words == ()


def test_a_command_without_a_place_for_its_text_reads_it():
    said = CommandEngine(program("-", "{wav}"), align=False).synthesize("Hi 日")
    assert spelled(said) == "".join(chr(ord(c) % 100) for c in "Hi 日")


def test_a_voice_reaches_its_place_or_is_refused():
    said = CommandEngine(program("{voice}-{text}", "{wav}"), align=False).synthesize("A", voice="B")
    assert spelled(said) == "B-A" and said.voice == "B"
    with pytest.raises(InputError, match=r"no \{voice\}"):
        CommandEngine(program("{text}", "{wav}"), align=False).synthesize("A", voice="B")


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("import sys; sys.exit('no such\\nvoice')", "failed with 1: no such voice"),
        ("pass", "wrote no file: it did not say why"),
        ("import sys; open(sys.argv[2], 'w').write('hello')", "wrote no speech: its file is not audio"),
        ("import sys; open(sys.argv[2], 'w')", "its file is empty"),
    ],
)
def test_commands_that_fail_are_one_line(code: str, why: str):
    with pytest.raises(InputError, match=why) as caught:
        CommandEngine(program("{text}", "{wav}", code=code), align=False).synthesize("hello")
    assert "\n" not in str(caught.value)


def test_commands_that_cannot_run(monkeypatch: pytest.MonkeyPatch):
    for command, why in (
        ("flite -t {text}", r"needs \{wav\}"),
        ("", r"needs \{wav\}"),
        ("flite '{wav}", "cannot be split"),
    ):
        with pytest.raises(InputError, match=why):
            CommandEngine(command)
    engine = CommandEngine("no-such-program-anywhere {text} {wav}", align=False)
    with pytest.raises(InputError, match="cannot run no-such-program-anywhere"):
        engine.synthesize("hello")
    for text in ("", " \n"):
        with pytest.raises(InputError, match="nothing to say"):
            engine.synthesize(text)
    with pytest.raises(InputError, match="cannot run"):
        CommandEngine(program("{text}", "{wav}"), align=False).synthesize("a\0b")
    monkeypatch.setattr(engines, "_TIMEOUT", 0.2)
    slow = program("{text}", "{wav}", code="import time; time.sleep(20)")
    with pytest.raises(InputError, match="did not finish"):
        CommandEngine(slow, align=False).synthesize("hello")


def test_without_the_aligner_only_asking_for_it_is_an_error(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(engines, "can_align", lambda: False)
    assert CallableEngine(lambda text: (TONE, 8000)).synthesize("hello").phones == ()
    with pytest.raises(InputError, match=r"pip install 'emotive\[align\]'"):
        CommandEngine("x {wav}", align=True)


def test_functions_may_give_any_sound(tmp_path: Path):
    soundfile.write(tmp_path / "a.wav", TONE, 8000, "FLOAT")
    ready = Speech(TONE, 8000, voice="ready")
    for result, rate in (((TONE, 8000), None), (TONE, 8000), (tmp_path / "a.wav", 16000), (ready, None)):
        said = CallableEngine(lambda text, r=result: r, rate, align=False).synthesize("hello")
        np.testing.assert_allclose(said.waveform, TONE, atol=1e-7)
        assert said.sample_rate == 8000
    assert CallableEngine(lambda text: ready).synthesize("hello") is ready
    engine = CallableEngine(lambda text: TONE)
    for text, voice, why in (
        ("", "", "nothing to say"),
        ("a", "b", "cannot be chosen"),
        ("a", "", "sample rate"),
    ):
        with pytest.raises(InputError, match=why):
            engine.synthesize(text, voice)
    with pytest.raises(InputError, match="not 3 things"):
        CallableEngine(lambda text: (1, 2, 3)).synthesize("a")


@needs_espeak
def test_espeak_tells_every_phone_and_word():
    said = espeak.EspeakEngine().synthesize("Hello, the joyful children. It's 25 o'clock -- yes!")
    assert said.alphabet == "ipa" and said.voice == "en-us" and said.sample_rate == 22050
    assert [w.text for w in said.words] == "Hello the joyful children It's 25 o'clock yes".split()
    hello = [p.symbol for p in said.phones if said.words[0].start <= p.start < said.words[0].end]
    assert hello == ["h", "ə", "l", "ˈoʊ"]
    assert [s.stress for s in said.syllables[:2]] == [0, 1]
    starts = {p.start for p in said.phones}
    assert all(span.start in starts for span in (*said.words, *said.syllables))
    pauses = [p for p in said.phones if p.symbol == "pau"]
    for before, after in ((0, 1), (3, 4), (6, 7)):  # where the punctuation is
        gap = (said.words[before].end, said.words[after].start)
        assert any((p.start, p.end) == gap for p in pauses)
    level = [np.sqrt(np.mean(said.waveform[int(p.start * 22050) : int(p.end * 22050)] ** 2)) for p in pauses]
    vowels = [p for p in said.phones if p.symbol.startswith("ˈ")]
    loud = [np.sqrt(np.mean(said.waveform[int(p.start * 22050) : int(p.end * 22050)] ** 2)) for p in vowels]
    assert max(level) < 0.3 * min(loud)


@needs_espeak
@pytest.mark.parametrize(
    ("voice", "text", "words"),
    [
        ("ru", "Привет, мир.", ["Привет", "мир"]),
        ("fr-fr", "C'est l'heure", ["C'est", "l'heure"]),
        ("en-us+f2", "a 🙂 b", None),
        ("English (America)", "U.S.A. $5", ["U.S.A", "5"]),
        ("cmn", "你好，世界。", ["你好", "世", "界"]),
        ("ar", "مرحبا بالعالم", ["مرحبا", "بالعالم"]),
    ],
)
def test_espeak_speaks_many_languages(voice: str, text: str, words: list[str] | None):
    said = espeak.EspeakEngine().synthesize(text, voice)
    assert said.voice == voice and len(said.phones) > 3
    assert words is None or [w.text for w in said.words] == words
    assert not any("(" in p.symbol for p in said.phones)


@needs_espeak
def test_espeak_voices_differ_and_stay_apart():
    engine = espeak.EspeakEngine()
    first, other, again = (engine.synthesize("a nice day", voice) for voice in ("en-us", "ru+m3", "en-us"))
    assert [p.symbol for p in first.phones] == [p.symbol for p in again.phones]
    assert abs(len(first.waveform) - len(again.waveform)) < 100  # it rounds its pitch periods on
    assert [p.symbol for p in first.phones] != [p.symbol for p in other.phones]
    assert {"en-us", "en-gb", "ru", "cmn", "fr-fr", "ar"} <= set(engine.voices()) and len(
        engine.voices()
    ) > 100


@needs_espeak
@pytest.mark.parametrize(
    ("text", "voice", "why"),
    [
        ("", "", "nothing to say"),
        ("...", "", "nothing to say"),
        ("a" * 100_001, "", "100,001 characters"),
        ("hi", "en_us", "no voice 'en_us'; near are en-us"),
        ("hi", "nonsense", "no voice"),
        ("hi", "en-us+whispr", "no variant 'whispr'; near are whisper"),
        ("hi", "en-us+", "no variant"),
        ("hi", "mb/mb-en1", "no voice"),
    ],
)
def test_what_espeak_cannot_say_is_one_line(text: str, voice: str, why: str):
    with pytest.raises(InputError, match=why) as caught:
        espeak.EspeakEngine().synthesize(text, voice)
    assert "\n" not in str(caught.value)


def test_espeak_tells_how_to_install_it(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "espeakng_loader", None)
    espeak._library.cache_clear()
    with pytest.raises(InputError, match=r"pip install 'emotive\[espeak\]'"):
        espeak.EspeakEngine()


def test_nothing_is_left_of_a_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    CommandEngine(program("{text}", "{wav}"), align=False).synthesize("hello")
    assert os.listdir(tmp_path) == []
