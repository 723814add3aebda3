"""The room of bodies in a headless browser: the figure that plays there is the one that the film shows."""

import socket
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("gradio", reason="the Studio needs the extra demos")

from browser import Browser, find_browser, open_tab, wait
from test_studio_gesture import FPS, HERE, SIDE, hum, new_theatre
from tiny import tiny_gesture_pipeline, tiny_image_pipeline, tiny_speech_pipeline

from emotive.body.actors import ACTORS, open_actor
from emotive.body.motion_files import load_body_motion
from emotive.body.renderer import BodyRenderer
from emotive.demos.easel import Easel
from emotive.demos.face import LONGEST_TEXT
from emotive.demos.studio import serve
from emotive.media.provenance import read_provenance
from emotive.media.video import open_video

STAGE = "document.querySelector('.body')"
VIDEO = f"{STAGE}.querySelector('video')"
CANVAS = f"{STAGE}.querySelector('canvas')"
READY, REST = (f"{STAGE}?.dataset.state === {state!r}" for state in ("ready", "rest"))
TITLE = f"{STAGE}.querySelector('.stage-title').textContent"
NOTICE = "document.querySelector('#body-notice .notice').textContent"
WHO, OTHER = list(ACTORS)[:2]


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """The room of bodies of a Studio with tiny models, in a browser."""
    program = find_browser()
    folder = tmp_path_factory.mktemp("studio")
    for name, pipe in (("tiny-speech", tiny_speech_pipeline()), ("tiny-gesture", tiny_gesture_pipeline())):
        pipe.save_pretrained(folder / name)
    easel = Easel("emotive-image-1", folder)
    easel.use(tiny_image_pipeline(), {**HERE, "model": "emotive-image-1"})
    theatre = new_theatre(folder, str(folder / "tiny-speech"), body=str(folder / "tiny-gesture"))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    app, url = serve(easel, "127.0.0.1", port, None, False, theatre.booth, theatre.camera, theatre)
    browser = Browser(program, 1280, 900)
    try:
        browser.open(url)
        browser.wait_for("document.querySelector('.stage')?.dataset.live === 'false'", 120)
        assert not theatre.ready and not theatre.booth.ready, "nobody has come for a body yet"
        enter(browser)
        yield browser
    finally:
        browser.close()
        app.close(verbose=False)


def enter(page: Browser) -> None:
    open_tab(page, "#rooms", "Body")
    page.wait_for("!!document.querySelector('#move') && !!document.querySelector('#body-pad .pad-puck')")
    page.wait_for(f"{REST} && document.querySelectorAll('.cast button').length === {len(ACTORS)}", 120)


def seen(page: Browser) -> np.ndarray:
    """What the frame of the stage shows, without its corners: float (H, W, 3)."""
    left, top, width, height = page.box(".body .screen-frame")
    file = page.downloads.parent / "seen.png"
    page.screenshot(file)
    picture = Image.open(file).convert("RGB")
    file.unlink()
    return small(picture.crop((left + 60, top + 60, left + width - 60, top + height - 60)))


def go_to(page: Browser, part: float) -> None:
    page.run(f"""(() => {{ const range = {STAGE}.querySelector('input[type=range]');
        range.value = {part}; range.dispatchEvent(new Event('input')); }})()""")


def filmed(frame: np.ndarray) -> np.ndarray:
    """A frame of a film, cut as `seen` cuts a stage of the page."""
    edge = round(60 * SIDE / 532)
    return small(Image.fromarray(frame).crop((edge, edge, SIDE - edge, SIDE - edge)))


def small(picture: Image.Image) -> np.ndarray:
    return np.asarray(picture.resize((160, 160), Image.Resampling.BOX), float)


def alike(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.corrcoef(a.ravel(), b.ravel())[0, 1])


def test_an_actor_is_chosen_moves_in_3d_with_sound_and_is_downloaded(page: Browser):
    page.click(f".cast button[data-name={OTHER}]")
    page.wait_for(f"{REST} && {STAGE}.querySelector('img').alt === {OTHER.capitalize()!r}", 60)
    page.write("#body-sentence textarea", "Read it aloud, and then read it again.")
    page.click("#body-pad .pad-landmarks button[data-term=sad]")
    page.click("#move")
    page.wait_for(f"{VIDEO}.currentTime > 0", 120)  # it was asked for, and plays before there is a film
    assert page.run(f"{CANVAS}.hidden") is False
    page.wait_for(f"{READY} && {VIDEO}.paused", 240)
    assert page.run(NOTICE) == ""
    assert page.run(TITLE) == f"{OTHER.capitalize()}: “Read it aloud, and then read it again.”, sad"
    file = page.downloads / page.run(f"{STAGE}.querySelector('.body-mp4').download")
    for kind in ("mp4", "glb", "vrma", "bvh", "npz", "wav"):
        page.click(f".body-{kind}")
        made = file.with_suffix(f".{kind}")
        wait(lambda made=made: made.is_file() and not list(page.downloads.glob("*.crdownload")), f"{made}")
    told = read_provenance(file)
    assert (told.affect_text, told.extra["style"]) == ("sad", OTHER)
    frames, motion = list(open_video(file)), load_body_motion(file.with_suffix(".npz"))
    assert len(frames) - len(motion) in (0, 1)
    # Two moments, at which the body stands differently: the browser shows each as the film does.
    far = [filmed(frame) for frame in frames[: len(motion)]]
    last = max(range(len(far)), key=lambda i: np.abs(far[i] - far[0]).mean())
    shown = []
    for at in (0, last):
        go_to(page, (at + 0.5) / len(motion) if at else 0)
        page.wait_for(f"Math.abs({VIDEO}.currentTime - {(at + 0.5) / FPS if at else 0}) < 0.05")
        shown.append(seen(page))
    moved = np.abs(shown[1] - shown[0]).max(-1) > 40
    assert moved.sum() > 10, "the skin follows the joints"
    for picture, at, other in ((shown[0], 0, last), (shown[1], last, 0)):
        assert alike(picture, far[at]) > 0.93
        assert alike(picture[moved], far[at][moved]) > alike(picture[moved], far[other][moved]) + 0.1
    page.click(".body-film")
    page.wait_for(f"{CANVAS}.hidden && {VIDEO}.videoWidth === {SIDE}")
    page.click(".body-turns")
    assert page.run(f"{CANVAS}.hidden") is False


def test_the_figure_turns_under_the_hand_and_back(page: Browser):
    go_to(page, 0)
    front = seen(page)
    left, top, width, height = page.box(".body canvas")
    x, y = left + width / 2, top + height / 2
    page.drag([(x + 8 * i, y) for i in range(20)], pause=0)
    side = seen(page)
    assert alike(front, side) < 0.97 and np.abs(side - front).max(-1).mean() > 3
    page.click(".body canvas", clicks=2)
    np.testing.assert_allclose(seen(page), front, atol=3)
    page.run("document.querySelector('#upper input').click()")
    page.wait_for("document.querySelector('#upper input').checked")
    actor = open_actor(OTHER)
    still = next(iter(BodyRenderer(actor, SIDE, framing="upper").frames(standing_now(page))))
    wait(lambda: alike(seen(page), filmed(still)) > 0.93, "the camera to come nearer", 30)
    page.run("document.querySelector('#upper input').click()")


def standing_now(page: Browser):
    """The first frame of what was downloaded."""
    return load_body_motion(next(page.downloads.glob("*.npz"))).part(0, 1)


def test_bad_input_is_one_line_and_who_moved_stays(page: Browser):
    before = page.run(TITLE)
    page.write("#body-sentence textarea", "word " * 400)
    page.click("#move")
    page.wait_for(f"{NOTICE}.includes('{LONGEST_TEXT} at most') && {READY}")
    assert "\n" not in page.run(NOTICE) and page.run(TITLE) == before
    page.write("#body-sentence textarea", "Read.")


def test_a_phone_gets_the_whole_room_of_bodies(page: Browser):
    page.resize(390, 844, mobile=True)
    try:
        assert page.run("document.documentElement.scrollWidth") <= 390
        for part in ("#body-pad .pad", ".body .screen-frame", "#move", ".body canvas", "#faced"):
            left, _, width, height = page.box(part)
            assert left >= 0 and left + width <= 390 and height > 15, part
    finally:
        page.resize(1280, 900)


def test_a_recording_moves_the_body(page: Browser, tmp_path: Path):
    open_tab(page, "#body-source", "Recording")
    page.wait_for("!!document.querySelector('#body-recording input[type=file]')")
    page.wait_for("!document.querySelector('#body-voice')")  # a recording has its own
    page.click("#move")
    page.wait_for(f"{NOTICE}.startsWith('Choose a recording first')")
    page.choose_file("#body-recording input[type=file]", hum(tmp_path / "hum.wav", 0.5))
    page.wait_for(f"{NOTICE} === '' && !document.querySelector('#body-recording input[type=file]')", 60)
    page.click("#move")
    page.wait_for(f"{READY} && {TITLE}.endsWith(': hum.wav, sad')", 120)
    assert page.complaints == [] and page.strangers() == []


def test_without_webgl_there_is_the_film(page: Browser):
    address = page.run("location.href")
    page.open("about:blank")
    page.open(address)
    page.wait_for("document.querySelector('.stage')?.dataset.live === 'false'", 120)
    page.run("void (HTMLCanvasElement.prototype.getContext = () => null)")
    enter(page)
    assert page.run(f"[{CANVAS}.hidden, {STAGE}.querySelector('img').hidden]") == [True, False]
    page.write("#body-sentence textarea", "Read.")
    page.click("#move")
    page.wait_for(f"{READY} && {VIDEO}.videoWidth === {SIDE}", 120)
    assert page.run(f"[{CANVAS}.hidden, {STAGE}.querySelector('.body-choice').hidden]") == [True, True]
    assert page.complaints == [] and page.strangers() == []
