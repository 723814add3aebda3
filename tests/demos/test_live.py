"""The live room in a headless browser: `emotive live` with the shipped model, its pad, picture and curve."""

import base64
import io
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("gradio", reason="the Studio needs the extra demos")
pytest.importorskip("websockets", reason="the live room needs the extra demos")

from browser import Browser, find_browser, free_port, serving, wait

from emotive.affect import Affect
from emotive.cli import main
from emotive.media.provenance import read_provenance

LIVE = "window.emotiveLive"
PROBLEM = "document.querySelector('.live-problem').textContent"


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(["live", "--no-browser", *arguments]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    return line


def test_bad_options_are_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    port = ("--port", str(free_port()))
    assert "--port 0" in refused(capsys, "--port", "0")
    assert "no model" in refused(capsys, "--model", "nonsense", *port)
    assert "1, 2 or 4" in refused(capsys, "--steps", "3", *port)
    assert "out of range" in refused(capsys, "--affect", "2,0", *port)
    assert "seed" in refused(capsys, "--seed", "-1", *port)
    assert "501 characters" in refused(capsys, "--prompt", "x" * 501, *port)
    assert "no such file" in refused(capsys, "--curve", str(tmp_path / "none.csv"), *port)
    assert "cannot listen" in refused(capsys, "--host", "no.such.host.invalid")
    monkeypatch.setitem(sys.modules, "websockets", None)
    assert 'pip install "emotive[demos]"' in refused(capsys, *port)


# -- the whole of it -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with serving(
        "live", "--steps", "1", "--prompt", "a house in a meadow", "--affect", "0,0", "--seed", "3"
    ) as url:
        yield url


@pytest.fixture(scope="module")
def page(address: str) -> Iterator[Browser]:
    browser = Browser(find_browser())
    try:
        browser.open(address)
        browser.wait_for(f"{LIVE}?.stats().frames > 0", 240)
        yield browser
    finally:
        browser.close()


def picture(page: Browser) -> np.ndarray:
    """The picture on the screen, once it is at rest: uint8 (512, 512, 3)."""
    page.wait_for("document.querySelector('.live').dataset.live === 'false'", 120)
    png = page.run("document.querySelector('.live canvas').toDataURL('image/png')")
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(png.partition(",")[2]))).convert("RGB"))


def affect(page: Browser) -> tuple[float, float]:
    here = page.run(f"{LIVE}.affect()")
    return here["valence"], here["arousal"]


def settled(page: Browser, valence: float, arousal: float) -> None:
    """Waits until the pad is there, to a pixel, and something was painted since."""
    page.wait_for(
        f"(({{valence, arousal}}) => Math.abs(valence - {valence}) + Math.abs(arousal - {arousal}) < 0.03)"
        f"({LIVE}.affect())"
    )
    page.wait_for(f"{LIVE}.follows()", 120)


def drag(page: Browser, *points: tuple[float, float]) -> None:
    left, top, width, height = page.box("#live-pad .pad-space")
    page.drag([(left + width * (0.5 + v / 2), top + height * (0.5 - a / 2)) for v, a in points])


def test_a_drag_moves_the_picture_as_the_feeling_says(page: Browser):
    before, frames = picture(page), page.run(f"{LIVE}.stats().frames")
    drag(page, *[(0.8 * i / 10, 0.5 * i / 10) for i in range(11)])
    settled(page, 0.8, 0.5)
    pleasant = picture(page)
    drag(page, *[(0.8 - 1.6 * i / 10, 0.5 - i / 10) for i in range(11)])
    settled(page, -0.8, -0.5)
    unpleasant = picture(page)
    assert page.run(f"{LIVE}.stats().frames") >= frames + 2
    assert (
        np.abs(pleasant.astype(int) - before).mean() > 3
        and np.abs(pleasant.astype(int) - unpleasant).mean() > 10
    )
    assert saturation(pleasant) > saturation(unpleasant), "what is felt is also seen"
    assert pleasant.mean() > unpleasant.mean()


def saturation(pixels: np.ndarray) -> float:
    return float(np.ptp(pixels.astype(int), axis=2).mean())


def test_the_page_says_how_fast_it_is(page: Browser):
    stats = page.run(f"{LIVE}.stats()")
    assert stats["delay"] > 0 and stats["frames"] > 2
    frames = stats["frames"]
    picture(page)
    assert page.run(f"{LIVE}.stats().frames") == frames, "nothing is painted while nothing moves"


def test_arrow_keys_and_names_move_it(page: Browser):
    page.click("#live-pad .pad-landmarks button[data-term=neutral]")
    page.run("document.querySelector('#live-pad .pad-puck').focus()")
    for key, shift in (("ArrowRight", True), ("ArrowUp", False), ("ArrowRight", False)):
        page.key(key, shift)
    settled(page, 0.25, 0.05)
    before = picture(page)
    page.click("#live-pad .pad-landmarks button[data-term=angry]")
    settled(page, Affect.parse("angry").valence, Affect.parse("angry").arousal)
    assert np.abs(picture(page).astype(int) - before).mean() > 3
    assert page.run("document.querySelector('.live canvas').getAttribute('aria-label')").endswith(", angry")


def test_words_seed_and_steps_change_the_scene_and_bad_ones_say_why(page: Browser):
    before = picture(page)
    frames = page.run(f"{LIVE}.stats().frames")
    page.run("document.querySelector('.live-steps button:nth-child(2)').click()")
    page.write(".live-seed input", "minus one")
    page.run("document.querySelector('.live-seed input').blur()")
    page.wait_for(f"{PROBLEM}.includes('minus one')")
    page.write(".live-seed input", "4")
    page.run("document.querySelector('.live-seed input').blur()")
    page.write("#live-prompt-box input", "a dragon by the sea")
    page.key("Enter")
    page.wait_for("document.querySelector('.live-notes').textContent.includes('dragon')", 120)
    page.wait_for(f"{PROBLEM} === '' && {LIVE}.stats().frames > {frames}", 120)
    page.wait_for("document.querySelector('.live-title').textContent.startsWith('a dragon')", 120)
    assert np.abs(picture(page).astype(int) - before).mean() > 10


def test_keeping_writes_a_file_that_says_how_it_was_made(page: Browser):
    drag(page, (0.2, 0.2), (0.5, 0.25))
    settled(page, 0.5, 0.25)
    valence, arousal = affect(page)
    before = picture(page)
    page.click(".live-keep")
    page.wait_for("!!document.querySelector('.live-kept a')", 120)
    name = page.run("document.querySelector('.live-kept a').download")
    file = page.downloads / name
    wait(lambda: file.is_file() and not list(page.downloads.glob("*.crdownload")), "the download")
    made = read_provenance(file)
    assert (made.prompt, made.seed, made.num_inference_steps) == ("a dragon by the sea", 4, 2)
    assert made.affect is not None and (made.affect.valence, made.affect.arousal) == (valence, arousal)
    kept = np.asarray(Image.open(file).convert("RGB"))
    assert np.abs(kept.astype(int) - before).mean() < 6, "what was on the screen, but for JPEG and rounding"


def test_a_curve_moves_the_puck_and_grabbing_it_ends_that(page: Browser, tmp_path: Path):
    bad, good = tmp_path / "bad.csv", tmp_path / "good.csv"
    bad.write_text("time,valence\n0,0\n")
    good.write_text("time,valence,arousal\n0,-0.9,0.1\n1.5,0.9,0.7\n3,-0.9,0.1\n")
    page.choose_file(".live-file input", bad)
    page.wait_for(f"{PROBLEM}.includes('bad.csv, line 1')")
    page.choose_file(".live-file input", good)
    page.wait_for(f"{PROBLEM} === '' && !document.querySelector('.live-play').disabled")
    frames = page.run(f"{LIVE}.stats().frames")
    page.run(f"{LIVE}.follow('curve')")
    for sign in ("<", ">"):  # it begins on the left
        page.wait_for(f"{LIVE}.affect().valence {sign} 0", 60)
        v, a = affect(page)
        assert a == pytest.approx(0.4 + v / 3, abs=0.02), "it is on the curve"
    page.wait_for(f"{LIVE}.stats().frames > {frames}", 120)
    assert page.run("!!document.querySelector('#live-pad .live-trail')")
    drag(page, (0.3, -0.6), (0.35, -0.65))
    settled(page, 0.35, -0.65)
    pressed = "document.querySelector('.live-sources button[aria-pressed=true]').textContent"
    assert page.run(pressed) == "the pad" and not page.run(
        "!!document.querySelector('#live-pad .live-trail')"
    )


def test_a_phone_shows_picture_and_pad_together_and_touch_moves_it(page: Browser):
    page.resize(390, 844, mobile=True)
    try:
        assert page.run("document.documentElement.scrollWidth") <= 390
        page.run("document.querySelector('#live-pad .pad-plane').scrollIntoView({ block: 'end' })")
        tops = page.run("""['.live .stage-frame', '#live-pad .pad-plane'].map((selector) => {
            const box = document.querySelector(selector).getBoundingClientRect();
            return [box.top, box.bottom]; })""")
        (picture_top, picture_bottom), (pad_top, pad_bottom) = tops
        assert picture_top >= 0 and picture_bottom <= pad_top + 1 and pad_bottom < 845
        left, top, width, height = page.run("""(() => {
            const box = document.querySelector('#live-pad .pad-space').getBoundingClientRect();
            return [box.left, box.top, box.width, box.height]; })()""")
        page.touch([(left + width * x, top + height * 0.3) for x in (0.5, 0.4, 0.3, 0.2)])
        settled(page, -0.6, 0.4)
    finally:
        page.resize(1400, 950)


def test_it_comes_back_when_the_connection_was_lost(page: Browser):
    page.run("window.before = emotiveLive.stats().frames; emotiveLive.drop()")
    page.wait_for(f"{LIVE}.stats().frames > window.before", 120)
    assert page.run(PROBLEM) == ""


def test_nothing_left_this_machine_and_nothing_complained(page: Browser, address: str):
    assert page.strangers() == []
    assert page.complaints == []
