"""The microphone and the portrait of the live room in a headless browser, with a made-up microphone."""

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from made_up_voice import TEXTS, made_up_reading
from tiny import tiny_head_pipeline, tiny_image_pipeline, tiny_speech_pipeline

pytest.importorskip("gradio", reason="the Studio needs the extra demos")

import browser
from browser import Browser, find_browser, free_port, wait

from emotive.demos import live_head
from emotive.demos.easel import Easel
from emotive.demos.live import LiveRoom
from emotive.demos.live_canvas import Canvas
from emotive.demos.live_head import LiveHead
from emotive.demos.live_server import Tickets, serve_live
from emotive.demos.live_tab import Start
from emotive.demos.live_voice import VoiceRoom
from emotive.demos.studio import build_live, launch, model_facts
from emotive.perceive.voice import SpeechJudge
from emotive.train.speech_takes import spoken

MODEL, RATE = "emotive-image-1", 48_000
SIDE = 128  # of the portrait, for speed
FAKE = ("--use-fake-device-for-media-stream", "--autoplay-policy=no-user-gesture-required")


@pytest.fixture(scope="module")
def microphone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A made-up voice that is excited and says the same again and again."""
    rng = np.random.default_rng(0)
    said = spoken(made_up_reading(TEXTS[0], 110.0), (0.0, 0.9), math.log(110.0), rng)
    file = tmp_path_factory.mktemp("microphone") / "voice.wav"
    soundfile.write(file, np.repeat(3 * said, 3).clip(-1, 1), RATE, subtype="PCM_16")
    return file


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    easel = Easel(MODEL, tmp_path_factory.mktemp("easel"))
    here = {
        "model": MODEL,
        "model_fingerprint": "",
        "emotive": "0",
        "torch": "",
        "device": "cpu",
        "threads": 1,
    }
    easel.use(tiny_image_pipeline(), {**here, "dtype": "float32"})
    judge, head, voice = SpeechJudge.from_pretrained(), tiny_head_pipeline(), tiny_speech_pipeline()
    voices = VoiceRoom(lambda: judge, LiveHead(lambda: head, lambda: voice))
    live = LiveRoom(Canvas(easel)), Tickets()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(live_head, "SIDE", SIDE)
        app = build_live(live, model_facts(MODEL)[0], Start(), voice=True)
        server, url = launch(app, "127.0.0.1", free_port())
        serve_live(server, *live, rooms=[voices.handlers])
        yield url
        app.close(verbose=False)


def opened(address: str, *flags: str) -> Browser:
    """The page in a browser with more flags."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(browser, "FLAGS", (*browser.FLAGS, *flags))
        page = Browser(find_browser(), 1200, 1400)
    page.open(address)
    page.wait_for("Boolean(window.emotiveVoice) && Boolean(document.querySelector('.live-voice .talk'))", 90)
    return page


@pytest.fixture(scope="module")
def page(address: str, microphone: Path) -> Iterator[Browser]:
    file = f"--use-file-for-fake-audio-capture={microphone}"
    page = opened(address, *FAKE, "--use-fake-ui-for-media-stream", file)
    yield page
    page.close()


def stats(page: Browser) -> dict:
    return page.run("emotiveVoice.stats()")


def text(page: Browser, selector: str) -> str:
    return page.run(f"document.querySelector('{selector}').textContent")


def test_the_pad_follows_the_microphone_until_it_is_taken(page: Browser):
    start = page.run("emotiveLive.affect()")
    page.run("[...document.querySelectorAll('.live-sources button')].at(-1).click()")
    page.wait_for("emotiveVoice.stats().words > 8", 90)
    wait(lambda: page.run("emotiveLive.affect()")["text"] != start["text"], "the affect to move")
    moved = page.run("emotiveLive.affect()")
    puck = page.run("document.querySelector('#live-pad .pad-puck').style.left")
    assert abs(float(puck.rstrip("%")) - (50 + 50 * moved["valence"])) < 25  # it moves on meanwhile
    assert "arousal" in text(page, ".talk-heard") or "No voice" in text(page, ".talk-heard")
    assert text(page, ".talk-problem") == "" and not page.run("document.querySelector('.talk-ear').hidden")
    page.run("emotiveLive.follow('pad')")
    assert page.run("document.querySelector('.talk-ear').hidden")
    assert not stats(page)["following"]


def test_hold_and_speak_and_the_portrait_answers(page: Browser):
    left, top, width, height = page.box(".talk-hold")
    middle = left + width / 2, top + height / 2
    still = page.run("document.querySelector('.talk-face').toDataURL()")
    page.mouse("mousePressed", *middle)
    page.wait_for("emotiveVoice.stats().take === 'listening'", 90)
    page.wait_for("emotiveVoice.stats().drawn > 5", 30)  # while the button is held
    assert stats(page)["take"] == "listening" and stats(page)["delay"] > 0
    assert page.run("document.querySelector('.talk-face').toDataURL()") != still
    page.mouse("mouseReleased", *middle)
    page.wait_for("emotiveVoice.stats().take === 'speaking'", 60)
    page.wait_for("emotiveVoice.stats().clock > 0.1", 60)
    assert stats(page)["drawn"] > 0
    page.wait_for("emotiveVoice.stats().take === ''", 60)
    assert text(page, ".talk-problem") == "" and not page.complaints
    assert page.strangers() == []


def test_another_portrait_by_keyboard_and_a_click_instead_of_holding(page: Browser):
    page.run("document.querySelector('.talk-portraits [aria-checked=true]').focus()")
    page.key("ArrowRight")
    chosen = page.run("document.querySelector('.talk-portraits [aria-checked=true]').dataset.name")
    assert chosen == live_head.bundled_portraits()[1]
    page.click(".talk-hold")
    page.wait_for("emotiveVoice.stats().drawn > 2", 90)
    assert text(page, ".talk-hold") == "Click to end"
    page.click(".talk-hold")
    page.wait_for("['speaking', ''].includes(emotiveVoice.stats().take)", 60)
    page.wait_for("emotiveVoice.stats().take === ''", 60)
    assert text(page, ".talk-problem") == ""


def test_a_microphone_that_is_not_allowed_is_one_line(address: str):
    page = opened(address, *FAKE, "--deny-permission-prompts")
    try:
        page.run("[...document.querySelectorAll('.live-sources button')].at(-1).click()")
        page.wait_for("document.querySelector('.talk-problem').textContent", 30)
        assert "not allowed here: allow it in the browser" in text(page, ".talk-problem")
        pressed = "document.querySelector('.live-sources [aria-pressed=true]').textContent"
        assert page.run(pressed) == "the pad"
        page.click(".talk-hold")
        page.wait_for("document.querySelector('.talk-problem').textContent.includes('not allowed')", 30)
        page.wait_for("emotiveVoice.stats().take === ''", 30)
        assert not page.complaints
    finally:
        page.close()
