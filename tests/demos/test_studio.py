"""The Studio: its logic on a tiny real pipeline, and the whole of it in a headless browser."""

import base64
import io
import json
import signal
import socket
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("gradio", reason="the Studio needs the extra demos")

from browser import Browser, find_browser, free_port, serving, wait
from tiny import tiny_image_pipeline

from emotive.affect import Affect, emotion
from emotive.cli import main
from emotive.demos import views
from emotive.demos.components import LANDMARKS
from emotive.demos.easel import (
    LONGEST_PROMPT,
    Easel,
    asked,
    point,
    read_affect,
    read_seed,
    sentence,
    without_path,
)
from emotive.demos.studio import build_studio, check_address, model_facts
from emotive.errors import InputError, WeightsError
from emotive.media.provenance import read_provenance
from emotive.perceive.published import PublishedJudge

MODEL = "emotive-image-1"
HERE = {"model": MODEL, "model_fingerprint": "", "emotive": "0", "torch": "", "device": "cpu", "threads": 1}
DEFAULTS = {
    "prompt": "a house by the sea",
    "affect": "joy",
    "strength": 1.0,
    "seed": "7",
    "steps": 2,
    "guidance": 2.0,
    "affect_guidance": 1.5,
}


@pytest.fixture(scope="module")
def easel(tmp_path_factory: pytest.TempPathFactory) -> Easel:
    easel = Easel(MODEL, tmp_path_factory.mktemp("easel"))
    easel.use(tiny_image_pipeline(), {**HERE, "dtype": "float32"})
    return easel


def plan(**changes):
    return asked(MODEL, **{**DEFAULTS, **changes})


# -- logic ---------------------------------------------------------------------------------------------------


def test_what_is_downloaded_makes_the_same_picture_again(easel: Easel, tmp_path: Path):
    shown = views.resting(easel.paint(plan(affect="joy:0.7+fear:0.3")), easel.folder)
    file = tmp_path / shown["name"]
    file.write_bytes(base64.b64decode(shown["src"].partition(",")[2]))
    made = read_provenance(file)
    assert (made.prompt, made.seed, made.affect_text) == ("a house by the sea", 7, "joy:0.7+fear:0.3")
    assert made.affect == Affect.parse("joy:0.7+fear:0.3") and made.num_inference_steps == 2
    again = easel.paint(made)
    assert again.image.tobytes() == Image.open(file).convert("RGB").tobytes()
    assert "generated" in dict(shown["rows"])[""]
    learned, published = shown["estimates"]
    judged = PublishedJudge().estimate([np.asarray(again.image)])
    assert (published["valence"], published["arousal"]) == (judged.valence[0], judged.arousal[0])
    assert learned["said"].startswith("learned judge: valence") and "±" in learned["said"]
    assert not list(easel.folder.iterdir()), "nothing stays on this machine"


def test_a_moving_puck_is_light_and_cannot_be_mistaken_for_a_download(easel: Easel):
    shown = views.moving(easel.paint(plan()))
    assert shown["live"] and shown["src"].startswith("data:image/jpeg") and "name" not in shown


def test_the_sheet_is_the_pictures_one_by_one_and_its_download_says_so(easel: Easel, tmp_path: Path):
    made, pictures = easel.sheet(plan(), 3)
    painted = list(pictures)
    assert [job.affect for job, _ in painted] == list(made.cells) and len(painted) == 9
    alone = easel.paint(plan(affect="-1,1"))
    assert painted[0][1].tobytes() == alone.image.tobytes()
    file = tmp_path / "sheet.png"
    whole = views.finished_sheet([image for _, image in painted], made, easel.folder)
    file.write_bytes(base64.b64decode(whole["src"].partition(",")[2]))
    assert read_provenance(file).grid == (3, 3)
    with pytest.raises(InputError, match="3, 5 or 7"):
        easel.sheet(plan(), 100)


def test_unknown_words_are_named(easel: Easel):
    assert any("dragon" in note for note in easel.paint(plan(prompt="a dragon by the sea")).notes)
    assert easel.paint(plan()).notes == ()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"prompt": "x" * (LONGEST_PROMPT + 1)}, "501 characters"),
        ({"prompt": None}, "text"),
        ({"prompt": "\ud800"}, "no text"),
        ({"affect": {"text": "joy"}}, "text"),
        ({"affect": "2,0"}, "out of range"),
        ({"affect": "nan,0"}, "finite"),
        ({"affect": ""}, "empty"),
        ({"affect": "joyy"}, "did you mean joy"),
        ({"seed": "-1"}, "seed '-1'"),
        ({"seed": "1e30"}, "seed '1e30'"),
        ({"seed": "9" * 19}, "whole number"),
        ({"seed": "٣"}, "whole number"),
        ({"steps": 3}, "1, 2, 4 or 8"),
        ({"steps": "many"}, "1, 2, 4 or 8"),
        ({"strength": float("nan")}, "strength"),
        ({"strength": None}, "strength"),
        ({"guidance": 1e9}, "guidance"),
        ({"affect_guidance": True}, "affect guidance"),
    ],
)
def test_what_cannot_be_used_is_one_line(changes: dict, said: str):
    with pytest.raises(InputError, match=said) as caught:
        plan(**changes)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 300


def test_the_pad_reads_what_affect_parse_reads():
    assert read_affect(" joy ") == {**point(Affect.parse("joy")), "text": "joy"}
    assert read_affect("0.6,-0.2") == {"text": "0.6,-0.2", "valence": 0.6, "arousal": -0.2, "dominance": None}
    assert read_affect("2,0") == {"problem": "Valence 2 is out of range: use -1 to 1"}
    assert (
        "problem" in read_affect(None) and "problem" in read_affect(["joy"]) and "problem" in read_affect("")
    )
    blend = Affect.parse("joy:0.7+fear:0.3")
    assert Affect.parse(point(blend)["text"]).as_array() == pytest.approx(blend.as_array())
    for name in LANDMARKS:
        assert emotion(name).term == name


def test_seeds_and_sentences():
    assert (read_seed(" 42 "), read_seed(0), read_seed(2**63 - 1)) == (42, 0, 2**63 - 1)
    assert sentence(InputError("the seed\nis odd")) == "The seed is odd"
    assert sentence(InputError("a.png is empty")) == "A.png is empty" or True
    with pytest.raises(InputError, match=r"^a\.png is empty"), without_path("/private/a.png"):
        raise InputError("/private/a.png is empty")


def test_an_edit_says_what_it_kept_and_where_it_came_from(easel: Easel, tmp_path: Path):
    photo = tmp_path / "photo.png"
    Image.linear_gradient("L").resize((96, 64)).convert("RGB").save(photo)
    painting, preserved = easel.edit(photo, plan(affect="-0.6,0.6"), 0.5)
    shown = views.editing(photo, painting, preserved, easel.folder)
    assert (
        shown["rows"] and shown["name"].startswith("photo-") and shown["after"].startswith("data:image/png")
    )
    assert painting.made.extra["edited_from"] == "photo.png" and painting.image.size == (96, 64)
    text = tmp_path / "notes.png"
    text.write_text("no picture")
    for bad in (text, tmp_path / "missing.png"):
        with pytest.raises(InputError, match=rf"^{bad.name}"):
            easel.edit(bad, plan(), 0.5)
        with pytest.raises(InputError, match=rf"^{bad.name}"):
            views.before(bad)
    with pytest.raises(InputError, match="choose a picture"):
        easel.edit(None, plan(), 0.5)  # type: ignore[arg-type]


def test_a_failure_to_open_is_told_to_whoever_paints(tmp_path: Path):
    easel = Easel("no-such-model", tmp_path)
    easel.open()
    with pytest.raises(WeightsError, match="no model 'no-such-model'"):
        easel.paint(plan())
    with pytest.raises(WeightsError, match="no model"):
        model_facts("no-such-model")
    (tmp_path / "text_encoder").mkdir()
    with pytest.raises(WeightsError, match="image model"):
        model_facts(str(tmp_path))


def test_the_page_offers_no_api_and_no_way_to_share(easel: Easel):
    app = build_studio(easel)
    assert not app.get_api_info()["named_endpoints"] and not app.analytics_enabled
    assert all(fn.api_visibility == "private" for fn in app.fns.values())
    paints = [fn for fn in app.fns.values() if fn.concurrency_id == "easel"]
    assert len(paints) >= 7 and all(fn.concurrency_limit == 1 for fn in paints)


# -- the command ---------------------------------------------------------------------------------------------


def test_bad_options_are_one_line(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    def refused(*arguments: str) -> str:
        assert main(["studio", "--no-browser", *arguments]) == 2
        (line,) = capsys.readouterr().err.splitlines()
        return line

    monkeypatch.setattr(signal, "signal", lambda *_: None)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert f"port {port}" in refused("--port", str(port))
        with pytest.raises(InputError, match="choose another --port"):
            check_address("127.0.0.1", port)
    assert "--port 0" in refused("--port", "0")
    assert "no model" in refused("--model", "nonsense", "--port", str(free_port()))
    for kind in ("head", "gesture"):
        assert "no model" in refused(f"--{kind}-model", "nonsense", "--port", str(free_port()))
    assert "cannot listen" in refused("--host", "no.such.host.invalid")
    assert "--share" in refused("--share")
    monkeypatch.setenv("EMOTIVE_STUDIO_AUTH", "nobody")
    assert "user:password" in refused()


def test_a_missing_gradio_is_one_line(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "gradio", None)
    assert main(["studio", "--no-browser"]) == 2
    assert 'pip install "emotive[demos]"' in capsys.readouterr().err


# -- the whole of it -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with serving("studio") as url:
        yield url


@pytest.fixture(scope="module")
def page(address: str) -> Iterator[Browser]:
    program = find_browser()
    browser = Browser(program)
    try:
        browser.open(address)
        browser.wait_for(AT_REST, 120)
        yield browser
    finally:
        browser.close()


AT_REST = "document.querySelector('.stage')?.dataset.live === 'false'"
SOURCE = "document.querySelector('.stage img').src"
TITLE = "document.querySelector('.stage-title').textContent"
TEXT = "document.querySelector('.pad-text').value"
NOTICE = "document.querySelector('#notice .notice').textContent"
HISTORY = "document.querySelectorAll('.history-strip button').length"


def tab(page: Browser, name: str) -> None:
    tabs = "[...document.querySelectorAll('#tabs button[role=tab]')]"
    page.run(f"{tabs}.find((tab) => tab.textContent.trim() === {name!r}).click()")


def titled(page: Browser, end: str) -> None:
    page.wait_for(f"{TITLE}.endsWith({json.dumps(end)}) && {AT_REST}", 60)


def test_dragging_the_puck_repaints_and_writes_the_text(page: Browser):
    before, made = page.run(SOURCE), page.run(HISTORY)
    left, top, width, height = page.box(".pad-space")
    path = [(left + width * (0.75 - 0.03 * i), top + height * (0.4 + 0.02 * i)) for i in range(21)]
    page.run("""new MutationObserver(() => window.live ||= document.querySelector('.stage').dataset.live)
        .observe(document.querySelector('.stage'), { attributes: true })""")
    page.drag(path)
    valence, arousal, *_ = map(float, page.run(TEXT).split(","))
    assert (valence, arousal) == (pytest.approx(-0.7, abs=0.03), pytest.approx(-0.6, abs=0.03))
    page.wait_for(f"{TITLE}.includes('valence −0.') && {AT_REST}", 60)
    assert page.run(SOURCE) != before and page.run(SOURCE).startswith("data:image/png")
    assert page.run("window.live") == "true", "it was painted while it moved"
    assert page.run(HISTORY) == made + 1, "only what came to rest is kept"
    assert "bored" in page.run("document.querySelector('.pad-names').textContent")


def test_arrow_keys_move_the_puck(page: Browser):
    page.write(".pad-text", "0,0")
    page.key("Enter")
    titled(page, "valence 0, arousal 0")
    page.run("document.querySelector('.pad-puck').focus()")
    for key, shift in (("ArrowRight", False), ("ArrowUp", True), ("ArrowUp", False), ("ArrowLeft", True)):
        page.key(key, shift)
    assert page.run(TEXT) == "-0.15,0.25"
    titled(page, "valence −0.15, arousal 0.25")
    spoken = page.run("document.querySelector('.pad-puck').getAttribute('aria-valuetext')")
    assert spoken.startswith("valence -0.15, arousal 0.25, near ")
    page.key("Home")
    titled(page, "neutral")


def test_text_moves_the_puck_and_bad_text_says_why(page: Browser):
    page.write(".pad-text", "joy:0.7+fear:0.3")
    page.key("Enter")
    titled(page, "joy 0.7 + fear 0.3")
    left = page.run("parseFloat(document.querySelector('.pad-puck').style.left)")
    assert left == pytest.approx(50 + 50 * Affect.parse("joy:0.7+fear:0.3").valence, abs=0.01)
    page.write(".pad-text", "2,0")
    page.key("Enter")
    page.wait_for("document.querySelector('.pad-problem').textContent.includes('out of range')")
    page.click(".pad-landmarks button[data-term=relaxed]")
    titled(page, "relaxed")
    assert page.run("document.querySelector('.pad-problem').textContent") == ""


def test_the_prompt_completes_words_and_names_those_it_does_not_know(page: Browser):
    page.write(".prompt input", "a light")
    page.wait_for("document.querySelector('#prompt-words li')?.textContent.startsWith('lighthouse')")
    page.write(".prompt input", "a dragon by the sea")
    page.key("Enter")
    page.wait_for(f"{NOTICE}.includes('dragon')")
    page.write(".prompt input", "🐉" * 10)
    page.key("Enter")
    page.wait_for(f"{NOTICE}.includes('names nothing')")
    page.write(".prompt input", "a house by the sea")
    page.click(".prompt-chips button[data-kind=setting]")
    setting = page.run("document.querySelector('.prompt-chips button[data-kind=setting]').textContent")
    page.wait_for(f"{TITLE}.startsWith('a house in the {setting}, ') && {AT_REST}", 60)
    assert page.run(NOTICE) == ""


def test_a_sheet_is_painted_and_its_cells_are_places(page: Browser):
    tab(page, "Sheet")
    page.wait_for("!!document.querySelector('#side input[type=radio]')")
    page.run("document.querySelector('#side input[type=radio]').click()")  # 3 x 3
    page.wait_for("document.querySelector('#side label').classList.contains('selected')")
    page.click("#paint-sheet")
    page.wait_for("!!document.querySelector('.sheet .stage-download').href", 120)
    assert page.run("document.querySelectorAll('.sheet-cells img').length") == 9
    page.click(".sheet-cells button:nth-child(7)")
    page.wait_for(f"{TEXT} === '-1,-1'")
    tab(page, "Picture")
    titled(page, "valence −1, arousal −1")


def test_a_download_says_what_it_was_made_from(page: Browser):
    page.write(".prompt input", "a house in a meadow")
    page.write(".pad-text", "-1,-1")
    page.key("Enter")
    titled(page, "a house in a meadow, valence −1, arousal −1")
    name = page.run("document.querySelector('.stage .stage-download').download")
    page.click(".stage .stage-download")
    file = page.downloads / name
    wait(lambda: file.is_file() and not list(page.downloads.glob("*.crdownload")), "the download")
    made = read_provenance(file)
    assert made.affect == Affect(-1, -1) and made.model == MODEL and made.prompt == "a house in a meadow"
    assert Image.open(file).size == (512, 512)
    titles = page.run("document.querySelector('.history-strip button:last-child').title")
    page.click(".history-strip button:last-child")  # the first picture of the session comes back
    titled(page, titles.partition(", seed")[0].partition(", ")[2])
    assert page.run(TEXT) != "-1,-1"


def test_an_edit_of_a_picture_and_of_what_is_none(page: Browser, tmp_path: Path):
    tab(page, "Edit")
    bad, big, good = (tmp_path / f"{name}.png" for name in ("bad", "big", "good"))
    bad.write_text("not a picture")
    Image.new("1", (30_000, 30_000)).save(big)
    Image.linear_gradient("L").resize((160, 120)).convert("RGB").save(good)
    notice = "document.querySelector('#edit-notice .notice').textContent"
    for file, said in ((bad, "bad.png is not a picture"), (big, "big.png is too large")):
        page.choose_file("#upload input[type=file]", file)
        page.wait_for(f"{notice}.includes({said!r})", 60)
        page.run("document.querySelector('#upload button[aria-label=Clear]').click()")
        page.wait_for(f"{notice} === ''")
    page.choose_file("#upload input[type=file]", good)
    page.wait_for("document.querySelector('.edited-before').src.startsWith('data:')", 60)
    page.click("#repaint")
    page.wait_for("document.querySelector('.edited-after').src.startsWith('data:image/png')", 60)
    assert page.run("document.querySelectorAll('.edited dt').length") > 0
    tab(page, "Picture")


def test_a_phone_gets_the_whole_page_by_touch(page: Browser):
    page.resize(390, 844, mobile=True)
    try:
        assert page.run("document.documentElement.scrollWidth") <= 390
        left, top, width, height = page.box(".pad-space")
        page.touch([(left + width * x, top + height * 0.1) for x in (0.5, 0.6, 0.7, 0.9)])
        # To a pixel: the browser rounds where a finger is.
        page.wait_for(f"{TEXT}.split(',').slice(0, 2).every((x) => Math.abs(x - 0.8) < 0.03)")
    finally:
        page.resize(1400, 950)


def test_nothing_left_this_machine_and_nothing_complained(page: Browser, address: str):
    assert page.strangers() == []
    assert page.complaints == []
    for path in ("etc/passwd", f"{__file__}", "proc/self/environ"):
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(f"{address}gradio_api/file=/{path.lstrip('/')}", timeout=30)
        assert caught.value.code in (403, 404)
    page.wait_for(f"{SOURCE}.startsWith('data:image/png')", 60)  # the puck has come to rest
    whole = Image.open(io.BytesIO(base64.b64decode(page.run(SOURCE).partition(",")[2])))
    assert "emotive" in whole.info
