"""The room of voices: its logic on a tiny real pipeline, and the whole of it in a headless browser."""

import base64
import json
import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image

pytest.importorskip("gradio", reason="the Studio needs the extra demos")

from browser import Browser, find_browser, open_tab, wait
from tiny import tiny_image_pipeline, tiny_speech_pipeline

from emotive.affect import Affect
from emotive.cli.speaking import asked, speaker, speech_plan_like
from emotive.demos import voice_views
from emotive.demos.easel import Easel
from emotive.demos.studio import build_studio, serve
from emotive.demos.voice import LONGEST_TEXT, Booth, Take, asked_aloud, open_recording, voices_of, way
from emotive.errors import InputError, WeightsError
from emotive.media.audio import read_audio
from emotive.media.provenance import read_provenance
from emotive.signals import Speech

MODEL = "emotive-speech-1"
PAINTER = "emotive-image-1"
HERE = {"model": MODEL, "model_fingerprint": "", "emotive": "0", "torch": "", "device": "cpu", "threads": 1}
DEFAULTS = {"text": "We read it.", "affect": "joy", "strength": 1.0, "seed": "7", "voice": "slt"}


@pytest.fixture(scope="module")
def booth(tmp_path_factory: pytest.TempPathFactory) -> Booth:
    pipe = tiny_speech_pipeline()
    return Booth(MODEL, tmp_path_factory.mktemp("booth"), lambda: (pipe, {**HERE, "dtype": "float32"}))


def plan(**changes):
    return asked_aloud(MODEL, **{**DEFAULTS, **changes})


def vowel(path: Path, seconds: float = 1.0, rate: int = 16_000) -> Path:
    """Something like a voice: harmonics of a falling 150 Hz under two formants."""
    t = np.arange(int(seconds * rate)) / rate
    phase = 2 * np.pi * np.cumsum(150 - 20 * t / seconds) / rate
    hertz = 150 * np.arange(1, 40)
    shape = np.exp(-(((hertz - 600) / 300) ** 2)) + 0.5 * np.exp(-(((hertz - 1200) / 400) ** 2)) + 0.02
    sound = sum(a * np.sin((k + 1) * phase) for k, a in enumerate(shape))
    soundfile.write(path, 0.5 * sound / np.abs(sound).max(), rate)
    return path


def unpacked(uri: str) -> bytes:
    return base64.b64decode(uri.partition(",")[2])


# -- logic ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("end", [None, Affect(-0.6, 0.4)], ids=["stays", "moves"])
def test_the_command_speaks_a_download_again(booth: Booth, tmp_path: Path, end: Affect | None):
    take = booth.speak(plan(affect="joy:0.7+fear:0.3", voice="rms", breathing=False), end)
    shown = voice_views.resting(take, booth.folder)
    file = tmp_path / f"{shown['name']}.wav"
    file.write_bytes(unpacked(shown["audio"]))
    made = read_provenance(file)
    assert (made.prompt, made.seed, made.voice, made.medium) == ("We read it.", 7, "rms", "speech")
    assert made.model == MODEL and made.extra["breathing"] is False and "generated" in made.statement
    again = speech_plan_like(file, False, None)
    spoken = Speech.concatenate(list(speaker(tiny_speech_pipeline(), again, again.prompt)(asked(again))))
    waveform, rate = read_audio(file)
    assert rate == take.speech.sample_rate and shown["seconds"] == len(waveform) / rate
    np.testing.assert_allclose(spoken.waveform, waveform, atol=1 / 32768)
    timeline = tmp_path / "timeline.json"
    timeline.write_bytes(unpacked(shown["timeline"]))
    read = Speech.load(timeline)
    assert read.words == take.speech.words and read.phones == take.speech.phones
    assert json.loads(timeline.read_text())["provenance"] == json.loads(made.to_json())
    assert not list(booth.folder.iterdir()), "nothing stays on this machine"


def test_a_feeling_that_moves_starts_and_ends_where_it_should(booth: Booth):
    take = booth.speak(plan(affect="0.8,0.5"), Affect(-0.6, -0.4))
    ends = [take.speech.affect.at(t) for t in (0.0, take.speech.duration)]
    assert [(a.valence, a.arousal) for a in ends] == [(0.8, 0.5), (-0.6, -0.4)]
    assert take.made.extra["word_affects"].count(";") == len(take.speech.words) - 1 == 2
    assert voice_views.title(take.made) == "“We read it.”, from +0.80, +0.50 to −0.60, −0.40"
    assert way(Affect(0, 0, 1), Affect(1, -1, 0), 3)[1] == Affect(0.5, -0.5, 0.5)
    assert way(Affect(0.25, 0), Affect(1, 1), 1) == [Affect(0.25, 0)]


@pytest.mark.parametrize("end", [None, Affect(-0.8, -0.8)], ids=["stays", "moves"])
def test_a_recording_is_an_edit_that_names_its_source(booth: Booth, tmp_path: Path, end: Affect | None):
    file = vowel(tmp_path / "me.wav")
    take = booth.rerender(file, plan(text="", voice="", affect="0.8,0.8"), end)
    assert take.made.edits and take.made.extra["edited_from"] == "me.wav" and take.made.voice == ""
    assert 0.5 < take.speech.duration < 2 and "edited" in take.made.statement
    shown = voice_views.resting(take, booth.folder)
    saved = tmp_path / "back.wav"
    saved.write_bytes(unpacked(shown["audio"]))
    assert replace(read_provenance(saved), created="") == replace(take.made, created="")
    if end is None:
        assert take.made.affect == Affect(0.8, 0.8) and shown["title"] == "me.wav, valence 0.8, arousal 0.8"
    else:
        assert take.made.curve is not None
        assert [(t, a.valence) for t, a in take.made.curve.keyframes] == [(0.0, 0.8), (1.0, -0.8)]


def test_the_head_of_the_player_runs_over_the_sound_that_it_is_at(booth: Booth):
    """A click is drawn where the player takes its time to be: the margins are the picture's."""
    import io

    click, rate = 1.5, 24_000
    waveform = np.zeros(2 * rate, np.float32)
    waveform[int(click * rate) :][:24] = 0.9
    shown = voice_views.resting(Take(Speech(waveform, rate), plan()), booth.folder)
    picture = np.asarray(Image.open(io.BytesIO(unpacked(shown["picture"]))).convert("L"), dtype=float)
    assert picture.shape[1] == 2 * shown["width"]
    column = picture[60:200].mean(0)
    inside = slice(int(shown["from"] * len(column)) + 8, int(shown["to"] * len(column)) - 8)
    bright = inside.start + np.average(np.arange(inside.stop - inside.start), weights=column[inside] > 90)
    place = shown["from"] + click / shown["seconds"] * (shown["to"] - shown["from"])
    assert bright / len(column) == pytest.approx(place, abs=0.004)


def test_an_estimate_is_the_judges_own_or_there_is_none(booth: Booth):
    from emotive.perceive.voice import SpeechJudge

    speech = booth.speak(plan(text="We read it, and then we read it again.")).speech
    found = voice_views.readings(speech)
    try:
        judged = SpeechJudge.from_pretrained().estimate([speech])
    except WeightsError:
        assert found == []
    else:
        assert (found[0]["valence"], found[0]["arousal"]) == (judged.valence[0], judged.arousal[0])
    assert voice_views.readings(Speech(np.full(240, 0.1), 24_000)) == [], "too short to be judged"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"text": "x" * (LONGEST_TEXT + 1)}, "601 characters"),
        ({"text": None}, "text"),
        ({"text": "\ud800"}, "no text"),
        ({"affect": "2,0"}, "out of range"),
        ({"affect": None}, "text"),
        ({"affect": "joyy"}, "did you mean joy"),
        ({"seed": "-1"}, "seed '-1'"),
        ({"strength": float("nan")}, "strength"),
        ({"voice": ["slt"]}, "text"),
    ],
)
def test_what_cannot_be_used_is_one_line(changes: dict, said: str):
    with pytest.raises(InputError, match=said) as caught:
        plan(**changes)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 300


def test_what_cannot_be_said_is_one_line(booth: Booth):
    for changes, said in (
        ({"text": " "}, "nothing to say"),
        ({"text": "日本語です"}, "."),
        ({"voice": "nobody"}, "no voice 'nobody'"),
    ):
        for end in (None, Affect(0, 0)):
            with pytest.raises(InputError, match=said) as caught:
                booth.speak(plan(**changes), end)
            assert "\n" not in str(caught.value)


def test_numbers_cannot_be_made_to_talk_for_hours(booth: Booth):
    seconds = booth.speak(plan(text="9999 9999")).speech.duration
    with pytest.raises(InputError, match=r"longer than \d+ s to say: shorten the text"):
        booth.speak(plan(text="9999 9999"), longest=0.9 * seconds)


def test_a_bad_recording_is_one_line_without_a_place_on_this_machine(booth: Booth, tmp_path: Path):
    text, long, silent, cut = (tmp_path / f"{name}.wav" for name in ("notes", "long", "silent", "cut"))
    text.write_text("no sound")
    soundfile.write(long, np.zeros(61 * 8000, np.float32), 8000)
    soundfile.write(silent, np.zeros(8000, np.float32), 8000)
    cut.write_bytes(vowel(tmp_path / "whole.wav").read_bytes()[:9000])
    for file, said in (
        (text, "^notes.wav is not audio"),
        (long, "^long.wav lasts 61 s: 60 s at most"),
        (silent, "silent"),
        (cut, "^cut.wav is cut short"),
        (tmp_path / "missing.wav", "^missing.wav"),
        (None, "choose a recording"),
    ):
        with pytest.raises(InputError, match=said) as caught:
            booth.rerender(file, plan(text="", voice=""))  # type: ignore[arg-type]
        assert str(tmp_path) not in str(caught.value)
    waveform, rate = open_recording(vowel(tmp_path / "good.flac", 0.5))
    assert (len(waveform), rate) == (8000, 16_000)


def test_the_model_opens_once_and_only_when_someone_comes(tmp_path: Path):
    opened, gate = [], threading.Event()

    def opening():
        opened.append(True)
        gate.wait(30)
        raise WeightsError("no model 'nobody'")

    late = Booth("nobody", tmp_path, opening)
    app = build_studio(Easel(PAINTER, tmp_path), late)
    assert not opened and not late.ready, "pictures do not wait for a voice"
    late.open()
    late.open()
    gate.set()
    for _ in range(2):
        with pytest.raises(WeightsError, match="no model 'nobody'"):
            late.speak(plan())
    assert len(opened) == 1 and late.ready
    assert not app.get_api_info()["named_endpoints"]
    assert all(fn.api_visibility == "private" for fn in app.fns.values())
    speaks = [fn for fn in app.fns.values() if fn.concurrency_id == "booth"]
    assert len(speaks) == 2 and all(fn.concurrency_limit == 1 for fn in speaks)
    with pytest.raises(WeightsError):
        voices_of("no-such-model")
    with pytest.raises(WeightsError, match="speech model"):
        voices_of(str(tmp_path))


# -- the whole of it -----------------------------------------------------------------------------------------

PLAYER = "document.querySelector('.player')"
READY = f"{PLAYER}.dataset.state === 'ready'"
TITLE = "document.querySelector('.player .stage-title').textContent"
NOTICE = "document.querySelector('#voice-notice .notice').textContent"


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """The room of voices of a Studio with tiny models, in a browser."""
    program = find_browser()
    folder = tmp_path_factory.mktemp("studio")
    model = folder / "tiny-speech"
    tiny_speech_pipeline().save_pretrained(model)
    easel = Easel(PAINTER, folder)
    easel.use(tiny_image_pipeline(), {**HERE, "model": PAINTER, "dtype": "float32"})
    booth = Booth(str(model), folder, lambda: (tiny_speech_pipeline(), {**HERE, "dtype": "float32"}))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    app, url = serve(easel, "127.0.0.1", port, booth=booth)
    browser = Browser(program, 1280, 800)
    try:
        browser.open(url)
        browser.wait_for("document.querySelector('.stage')?.dataset.live === 'false'", 120)
        assert not booth.ready, "nobody has come for a voice yet"
        open_tab(browser, "#rooms", "Voice")
        browser.wait_for(
            "!!document.querySelector('#speak') && !!document.querySelector('#voice-pad .pad-puck')"
        )
        yield browser
    finally:
        browser.close()
        app.close(verbose=False)


def test_a_sentence_is_spoken_seen_and_downloaded(page: Browser):
    page.write("#sentence textarea", "We opened the letter.")
    left, top, width, height = page.box("#voice-pad .pad-space")
    page.drag([(left + width * (0.8 - 0.05 * i), top + height * 0.3) for i in range(12)])
    page.click("#speak")
    page.wait_for(f"{READY} && {TITLE}.startsWith('“We opened the letter.”')", 120)
    assert page.run(NOTICE) == ""
    assert page.run(f"{TITLE}.includes('valence −0.5, arousal 0.4')") is True
    page.wait_for("document.querySelector('.player audio').readyState >= 1")
    assert page.run("document.querySelector('.player audio').paused") is True, "nothing plays by itself"
    name = page.run("document.querySelector('.player-wav').download")
    page.click(".player-wav")
    file = page.downloads / name
    wait(lambda: file.is_file() and not list(page.downloads.glob("*.crdownload")), "the download")
    made, (waveform, rate) = read_provenance(file), read_audio(file)
    assert made.prompt == "We opened the letter." and made.affect is not None
    assert (made.affect.valence, made.affect.arousal) == (
        pytest.approx(-0.5, abs=0.03),
        pytest.approx(0.4, abs=0.03),
    )
    seconds = page.run("document.querySelector('.player audio').duration")
    assert seconds == pytest.approx(len(waveform) / rate, abs=0.01)
    picture = page.run(
        "(({ naturalWidth: w, naturalHeight: h }) => [w, h])(document.querySelector('.player img'))"
    )
    assert picture == [voice_views.NARROWEST, voice_views.HEIGHT]
    page.run("""(() => { const range = document.querySelector('.player input');
        range.value = 0.5; range.dispatchEvent(new Event('input')); })()""")
    page.wait_for(f"Math.abs(document.querySelector('.player audio').currentTime - {seconds / 2}) < 0.02")


def test_a_path_leads_from_the_start_to_the_end(page: Browser):
    page.write("#voice-pad .pad-text", "0.6,0.4")
    page.key("Enter")
    page.wait_for("document.querySelector('#voice-pad .pad-numbers').textContent.includes('0.60')")
    page.click("#voice-pad .pad-moves")
    page.wait_for("document.querySelector('#voice-pad .pad-text').value === '-0.6,-0.4'")
    page.click("#voice-pad .pad-landmarks button[data-term=neutral]")
    page.click("#speak")
    page.wait_for(f"{READY} && {TITLE}.endsWith('from +0.60, +0.40 to +0.00, +0.00')", 120)
    page.click("#voice-pad .pad-from")
    assert page.run("document.querySelector('#voice-pad .pad-text').value") == "0.6,0.4"
    page.click("#voice-pad .pad-stays")
    page.click("#speak")
    page.wait_for(f"{READY} && {TITLE}.endsWith('valence 0.6, arousal 0.4')", 120)


def test_bad_input_is_one_line_and_what_was_said_stays(page: Browser):
    before = page.run(TITLE)
    page.write("#sentence textarea", "🐉🐉")
    page.click("#speak")
    page.wait_for(f"{NOTICE} !== '' && {READY}")
    assert "\n" not in page.run(NOTICE) and page.run(TITLE) == before
    page.write("#sentence textarea", "y" * (LONGEST_TEXT + 5))
    page.click("#speak")
    page.wait_for(f"{NOTICE}.includes('605 characters')")
    assert page.complaints == [] and page.strangers() == []


def test_a_phone_gets_the_whole_room(page: Browser):
    page.resize(390, 844, mobile=True)
    try:
        assert page.run("document.documentElement.scrollWidth") <= 390
        for part in ("#voice-pad .pad", ".player-frame", "#speak"):
            left, _, width, _ = page.box(part)
            assert left >= 0 and left + width <= 390, part
    finally:
        page.resize(1280, 800)


def test_a_recording_is_said_again_and_a_bad_one_is_one_line(page: Browser, tmp_path: Path):
    bad = tmp_path / "bad.wav"
    bad.write_text("this is no sound")
    open_tab(page, "#source", "Recording")
    page.wait_for("!!document.querySelector('#recording input[type=file]')")
    page.wait_for("!document.querySelector('#voice')")  # a recording has its own
    page.click("#speak")
    page.wait_for(f"{NOTICE}.startsWith('Choose a recording first')")
    page.choose_file("#recording input[type=file]", bad)
    page.wait_for(f"{NOTICE} === 'bad.wav is not audio that can be read: give wav, flac, mp3 or ogg'", 60)
    page.run("document.querySelector('#recording button[aria-label=Clear]').click()")
    page.wait_for(f"{NOTICE} === '' && !!document.querySelector('#recording input[type=file]')")
    page.choose_file("#recording input[type=file]", vowel(tmp_path / "good.wav"))
    page.wait_for("!document.querySelector('#recording input[type=file]')", 60)
    page.click("#speak")
    page.wait_for(f"{READY} && {TITLE}.startsWith('good.wav, ')", 120)
    assert page.run(NOTICE) == "" and page.strangers() == []
