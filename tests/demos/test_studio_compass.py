"""The room of the compass: its logic on a tiny real pipeline, and the whole of it in a headless browser."""

import base64
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from safetensors.torch import load

pytest.importorskip("gradio", reason="the Studio needs the extra demos")

from browser import Browser, find_browser, open_tab
from tiny import tiny_image_pipeline

from emotive.compass.direction import Direction
from emotive.demos.compass import PICTURES, Search, begun, lay_out, look_along, shown, sorted_tray
from emotive.demos.easel import Easel
from emotive.demos.studio import serve
from emotive.demos.voice import Booth
from emotive.errors import InputError

MODEL = "emotive-image-1"
HERE = {"model": MODEL, "model_fingerprint": "", "emotive": "0", "torch": "", "device": "cpu", "threads": 1}


@pytest.fixture(scope="module")
def easel(tmp_path_factory: pytest.TempPathFactory) -> Easel:
    easel = Easel(MODEL, tmp_path_factory.mktemp("easel"))
    easel.use(tiny_image_pipeline(), {**HERE, "dtype": "float32"})
    return easel


def search(easel: Easel) -> Search:
    return begun(easel, "prickly", "a house by the sea", 7)


def test_what_is_saved_is_the_direction_that_was_sorted(easel: Easel, tmp_path: Path):
    found = search(easel)
    lay_out(easel, found)
    before = shown(found)
    assert len(before["tray"]) == PICTURES == len(set(before["tray"])) and before["confidence"] == 0
    assert before["strip"] == [] and before["file"] == ""
    sorted_tray(found, {"more": [0, 3], "less": [5]})
    look_along(easel, found)
    after = shown(found)
    assert [one["label"] for one in after["strip"]] == ["−2", "−1", "as it is", "+1", "+2"]
    assert (
        after["done"] == 1 and 0 < after["confidence"] < 0.9 and after["use"] == 'directions={"prickly": 1.0}'
    )
    file = tmp_path / after["file_name"]
    file.write_bytes(base64.b64decode(after["file"].partition(",")[2]))
    read = Direction.load(file)
    assert (
        read.name == "prickly"
        and read.judgements == 1
        and read.confidence == pytest.approx(after["confidence"], abs=1e-3)
    )
    assert "offset.affect" in load(file.read_bytes())
    assert not list(easel.folder.iterdir()), "nothing stays on this machine"


def test_undo_and_cannot_say(easel: Easel):
    found = search(easel)
    lay_out(easel, found)
    first = found.tray
    sorted_tray(found, {"more": [], "less": []})
    look_along(easel, found)
    assert shown(found)["strip"] == [] and shown(found)["done"] == 1 and shown(found)["confidence"] == 0
    found.compass.undo()
    lay_out(easel, found)
    assert found.tray == first


@pytest.mark.parametrize(
    "told",
    [
        {"more": [0], "less": []},
        {"more": [0], "less": [0]},
        {"more": [0], "less": [6]},
        {"more": [-1], "less": [0]},
        {"more": "01", "less": [2]},
        {"more": [True], "less": [2]},
        {"more": [0.5], "less": [2]},
        {"more": [0] * 999, "less": [2]},
    ],
)
def test_what_a_browser_may_send_is_refused(easel: Easel, told):
    found = search(easel)
    with pytest.raises(InputError):
        sorted_tray(found, told)
    assert not found.compass.done


@pytest.mark.parametrize(
    ("name", "prompt", "says"),
    [
        ("", "a house", "what you are looking for"),
        (None, "a house", "what you are looking for"),
        ("../x", "a house", "cannot name"),
        ("<b>", "a house", "cannot name"),
        ("x" * 99, "a house", "cannot name"),
        ("prickly", "", "what to paint"),
        ("prickly", None, "text"),
        ("prickly", "a dragon", "names nothing"),
        ("prickly", "x" * 999, "characters"),
    ],
)
def test_what_cannot_be_looked_for_is_one_line(easel: Easel, name, prompt, says: str):
    with pytest.raises(InputError, match=says) as caught:
        begun(easel, name, prompt, 7)
    assert "\n" not in str(caught.value)


@pytest.fixture
def page(easel: Easel) -> Iterator[Browser]:
    program = find_browser()
    booth = Booth("emotive-speech-1", easel.folder, lambda: pytest.fail("nobody speaks here"))
    app, url = serve(easel, "127.0.0.1", 7973, booth=booth)
    browser = Browser(program)
    try:
        browser.open(url)
        browser.wait_for("document.querySelector('#stage img')?.src.startsWith('data')", 90)
        open_tab(browser, "#rooms", "Compass")
        browser.wait_for("!!document.querySelector('.compass')?.offsetParent")
        yield browser
    finally:
        browser.close()
        app.close(verbose=False)


def test_sorting_in_the_browser_by_mouse_and_by_keys(page: Browser):
    state = "document.querySelector('.compass').dataset.state"
    card = "document.querySelectorAll('.compass-card')"
    page.write(".compass-name", "cosy")
    page.click(".compass-begin")
    page.wait_for(f"{state} === 'ready' && {card}.length === 6", 60)
    assert page.run("document.querySelector('.compass-next').disabled")
    page.click(".compass-card:nth-child(1) [data-side=more]")
    page.click(".compass-card:nth-child(2) [data-side=less]")
    assert page.run(f"[...{card}].map((one) => one.dataset.side).join()") == "more,less,,,,"
    page.run("document.querySelector('.compass-card [data-side=more]').focus()")
    page.key("ArrowRight")
    page.key("ArrowRight")
    page.key("ArrowUp")
    assert page.run(f"{card}[2].dataset.side") == "more"
    first = page.run(f"{card}[0].querySelector('img').src")
    page.key("Enter")
    page.wait_for("!document.querySelector('.compass-found').hidden", 60)
    page.wait_for(f"{state} === 'ready' && {card}[0].querySelector('img').src !== {first!r}", 60)
    assert page.run("document.querySelectorAll('.compass-strip img').length") == 5
    assert "After 1 tray" in page.run("document.querySelector('.compass-sure').textContent")
    page.click(".compass-found .stage-download")
    saved = page.downloads / "cosy.safetensors"
    for _ in range(100):
        if saved.is_file():
            break
        time.sleep(0.1)
    assert Direction.load(saved).name == "cosy"
    page.click(".compass-undo")
    page.wait_for(f"{state} === 'ready' && {card}[0].querySelector('img').src === {first!r}", 60)
    page.click(".compass-pass")
    page.wait_for(f"{state} === 'ready' && {card}[0].querySelector('img').src !== {first!r}", 60)
    assert page.run("document.querySelector('.compass-found').hidden")
    assert not page.complaints and not page.strangers()
