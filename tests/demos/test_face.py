"""The room of faces: its logic on tiny real pipelines, and the whole of it in a headless browser."""

import base64
import io
import json
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image

pytest.importorskip("gradio", reason="the Studio needs the extra demos")

from browser import Browser, find_browser, open_tab, wait
from points68 import ibug
from tiny import tiny_head_pipeline, tiny_image_pipeline, tiny_speech_pipeline

from emotive import weights
from emotive.affect import Affect
from emotive.cli import main
from emotive.demos import face, face_views
from emotive.demos.easel import Easel
from emotive.demos.face import (
    FPS,
    LONGEST_CLIP,
    LONGEST_TEXT,
    SIDE,
    Camera,
    Scene,
    asked_of_face,
    moves,
    who_speaks,
)
from emotive.demos.studio import build_studio, serve
from emotive.demos.voice import Booth
from emotive.errors import InputError, WeightsError
from emotive.face.motion_files import load_motion
from emotive.face.opening import bundled_portraits, open_portrait
from emotive.face.shot import Shot
from emotive.media.provenance import read_provenance
from emotive.media.video import open_video
from emotive.signals import ARKIT

MODEL, SPEECH, PAINTER = "emotive-head-1", "emotive-speech-1", "emotive-image-1"
HERE = {"model_fingerprint": "", "emotive": "0", "torch": "", "device": "cpu", "threads": 1}
DEFAULTS = {"text": "Read.", "affect": "joy", "strength": 1.0, "seed": "7", "voice": "slt"}
WHO = bundled_portraits()[0]
STILL = (1, 1, 0, 0, False, False)


def new_camera(folder: Path, speech: str = SPEECH, head: str = MODEL) -> Camera:
    own = {**HERE, "dtype": "float32"}
    booth = Booth(speech, folder, lambda: (tiny_speech_pipeline(), {**own, "model": SPEECH}))
    return Camera(head, folder, booth, lambda: (tiny_head_pipeline(), {**own, "model": MODEL}))


@pytest.fixture(scope="module")
def camera(tmp_path_factory: pytest.TempPathFactory) -> Camera:
    return new_camera(tmp_path_factory.mktemp("camera"))


def plan(**changes):
    return asked_of_face(MODEL, **{**DEFAULTS, **changes})


def filmed(camera: Camera, shot: Shot, end: Affect | None = None, **changes) -> Scene:
    *said, scene = camera.film(plan(**changes), end, shot)
    assert isinstance(scene, Scene) and all(isinstance(step, str) and step for step in said)
    return scene


def hum(path: Path, seconds: float = 1.0, rate: int = 16_000) -> Path:
    """A falling buzz that comes and goes: enough of a voice for a face to move to."""
    t = np.arange(int(seconds * rate)) / rate
    soundfile.write(path, 0.3 * np.sign(np.sin(2 * np.pi * (140 - 20 * t) * t)) * np.sin(9 * t) ** 2, rate)
    return path


@pytest.fixture(scope="module")
def photograph(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A picture that is no bundled portrait any more, and its 68 points."""
    folder = tmp_path_factory.mktemp("photograph")
    portrait = open_portrait(WHO)
    picture, points = folder / "somebody.png", folder / "somebody.json"
    Image.fromarray(portrait.image).resize((512, 512)).save(picture)
    points.write_text(json.dumps((ibug(portrait.landmarks) / 2).tolist()))
    return picture, points


def unpacked(uri: str) -> bytes:
    return base64.b64decode(uri.partition(",")[2])


def thumb(name: str) -> np.ndarray:
    return np.asarray(Image.fromarray(open_portrait(name).image).resize((64, 64)), float)


def badged(frame: np.ndarray, plain: np.ndarray) -> bool:
    """Whether the lower left corner, and nothing else, differs by more than coding does."""
    differs = np.abs(frame.astype(int) - plain).max(-1) > 60
    corner = differs[-SIDE // 8 :, : SIDE // 3]
    return bool(corner.sum() > 200 and differs.sum() == corner.sum())


# -- logic ---------------------------------------------------------------------------------------------------


def test_a_scene_is_a_video_and_its_motion_that_say_what_they_are(camera: Camera, tmp_path: Path):
    shot = Shot(WHO, moves=moves(0.5, 2, 0, 10, False, False))
    scene = filmed(camera, shot, affect="joy:0.7+fear:0.3", voice="rms")
    shown = face_views.playing(scene, camera.folder)
    file = tmp_path / f"{shown['name']}.mp4"
    file.write_bytes(unpacked(shown["video"]))
    made = read_provenance(file)
    assert (made.prompt, made.seed, made.voice, made.medium) == ("Read.", 7, "rms", "head")
    assert made.extra["portrait"] == WHO and "portrait_sha256" not in made.extra
    assert made.extra["controls"] == {"head_motion": 0.5, "blink": 2.0, "gaze": [0.0, 10.0]}
    assert "video was generated" in made.statement and made.model == MODEL
    video = open_video(file)
    frames = list(video)
    assert len(frames) - len(scene.motion) in (0, 1) and frames[0].shape == (SIDE, SIDE, 3)
    assert scene.motion.duration == pytest.approx(scene.speech.duration, abs=1.5 / FPS)
    assert np.abs(frames[0].astype(int) - scene.frames[0]).mean() < 6
    for suffix in (".npz", ".json"):
        motion = tmp_path / f"motion{suffix}"
        motion.write_bytes(unpacked(shown["motion"][suffix]))
        np.testing.assert_array_equal(load_motion(motion).weights, scene.motion.weights)
    assert unpacked(shown["motion"][".csv"]).startswith(b"Timecode")
    assert unpacked(shown["motion"][".glb"])[:4] == b"glTF"
    rows = dict(shown["rows"])
    assert (
        rows["controls"] == "head motion 0.5, blink 2, gaze 0°, 10°" and rows["portrait"] == WHO.capitalize()
    )
    assert shown["title"] == f"{WHO.capitalize()}: “Read.”, joy 0.7 + fear 0.3"
    assert not list(camera.folder.iterdir()), "nothing stays on this machine"


def test_the_command_moves_the_face_of_a_download_again(camera: Camera, tmp_path: Path):
    sound, file, motion = hum(tmp_path / "hum.wav", 0.4), tmp_path / "made.mp4", tmp_path / "again.npz"
    scene = filmed(
        camera, Shot(WHO, audio=sound, moves=moves(2, 0, 5, 0, False, False)), text="", affect="sad"
    )
    file.write_bytes(scene.video)
    tiny_head_pipeline().save_pretrained(tmp_path / "tiny")
    weights.write_sums(tmp_path / "tiny")
    like = ("--like", str(file), "--model", str(tmp_path / "tiny"))
    assert main(["head", "--audio", str(sound), *like, "--motion", str(motion)]) == 0
    again = load_motion(motion)
    np.testing.assert_allclose(again.weights, scene.motion.weights, atol=1e-6)
    np.testing.assert_allclose(again.gaze, scene.motion.gaze, atol=1e-6)


def test_the_seed_and_nothing_else_is_chance(camera: Camera, tmp_path: Path):
    shot = Shot(WHO, audio=hum(tmp_path / "hum.wav", 0.3))
    once, again, other = (filmed(camera, shot, text="", seed=seed).motion for seed in (7, 7, 8))
    np.testing.assert_array_equal(once.weights, again.weights)
    assert not np.array_equal(once.weights, other.weights)


def test_a_feeling_that_moves_starts_and_ends_where_it_should(camera: Camera, tmp_path: Path):
    end = Affect(-0.6, -0.4)
    for shot in (Shot(WHO), Shot(WHO, audio=hum(tmp_path / "hum.wav"))):
        scene = filmed(camera, shot, end, affect="0.8,0.5", text="" if shot.audio else "Read it.")
        assert scene.made.affect is None and scene.made.curve is not None
        ends = [scene.motion.affect.at(t) for t in (0.0, scene.motion.duration)]
        assert [(a.valence, a.arousal) for a in ends] == [(0.8, 0.5), (-0.6, -0.4)]
        assert face_views.title(scene.made).endswith("from +0.80, +0.50 to −0.60, −0.40")
    assert scene.made.extra["audio"] == "hum.wav" and scene.made.prompt == scene.made.voice == ""
    assert face_views.title(scene.made).startswith(f"{WHO.capitalize()}: hum.wav, ")


def test_a_photograph_carries_the_badge_until_somebody_agreed(
    camera: Camera, photograph: tuple[Path, Path], tmp_path: Path
):
    picture, points = photograph
    unasked = who_speaks("", str(picture), str(points), "unasked", "")
    agreed = who_speaks("", str(picture), str(points), "agreed", "  myself,  in writing ")
    nobody = who_speaks("", str(picture), str(points), "nobody", "ignored")
    plain = camera.still(agreed)
    assert badged(camera.still(unasked), plain) and not (camera.still(nobody) != plain).any()
    short = hum(tmp_path / "hum.wav", 0.2)
    scene, allowed = (filmed(camera, replace(shot, audio=short), text="") for shot in (unasked, agreed))
    assert badged(scene.frames[0], allowed.frames[0])
    assert dict(face_views.rows(scene.made))["consent"] == "not given"
    assert (
        allowed.made.extra["consent"] == "myself, in writing" and nobody.told()["consent"] == "not a person"
    )
    assert scene.made.extra["portrait"] == "somebody.png" and str(tmp_path) not in scene.made.to_json()


def test_controls_are_told_only_where_they_differ():
    assert moves(*STILL) == {}
    assert moves(1.5, 1, -5, 0, True, True) == {"still": True, "gaze": (-5.0, 0.0), "lips_only": True}
    assert Shot(WHO, moves=moves(1.5, 1, -5, 0, True, True)).controls.head_motion == 0
    for bad in ((9, 1, 0, 0), (1, None, 0, 0), (1, 1, 90, 0), (1, 1, 0, "up"), (float("nan"), 1, 0, 0)):
        with pytest.raises(InputError, match=r"is a number from"):
            moves(*bad, False, False)


def test_lips_only_keep_the_rest_of_the_face_still(camera: Camera, tmp_path: Path):
    shot = Shot(WHO, audio=hum(tmp_path / "hum.wav", 0.3), moves=moves(1, 1, 0, 0, False, True))
    motion = filmed(camera, shot, text="").motion
    brows = [i for i, name in enumerate(ARKIT) if name.startswith(("brow", "eye"))]
    assert not motion.weights[:, brows].any() and not motion.rotation.any() and motion.weights.any()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("nobody-of-that-name", None, None, "unasked", ""), "choose one of the portraits"),
        ((None, None, None, "unasked", ""), "choose one of the portraits"),
        (("", None, None, "unasked", ""), "choose a photograph first"),
        (("", "a.png", None, "perhaps", ""), "say who agreed"),
        (("", "a.png", None, ["agreed"], ""), "say who agreed"),
        (("", "a.png", None, "agreed", "  "), "write down who agreed"),
        (("", "a.png", None, "agreed", None), "write down who agreed"),
        (("", "a.png", None, "agreed", "\ud800"), "write down who agreed"),
        (("", "a.png", None, "agreed", "y" * 201), "200 characters"),
    ],
)
def test_who_speaks_is_said_or_one_line(arguments: tuple, said: str):
    with pytest.raises(InputError, match=said):
        who_speaks(*arguments)


def test_what_cannot_be_filmed_is_one_line_without_a_place_on_this_machine(
    camera: Camera, photograph: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    text, huge, small, silent, long, noise, points = (
        tmp_path / name
        for name in ("notes.png", "huge.png", "small.png", "silent.wav", "long.wav", "n.wav", "p.json")
    )
    text.write_text("no picture")
    noise.write_text("no sound")
    points.write_text("[[1, 2], [3, 4]]")
    Image.new("1", (30_000, 30_000)).save(huge)
    Image.new("RGB", (8, 8)).save(small)
    soundfile.write(silent, np.zeros(8000, np.float32), 8000)
    soundfile.write(long, np.zeros(int((LONGEST_CLIP + 1) * 8000), np.float32), 8000)
    for shot, said in (
        (Shot(str(text)), "^notes.png is not a picture"),
        (Shot(str(huge)), "^huge.png is too large"),
        (Shot(str(small)), "^small.png has 8 x 8 pixels"),
        (Shot(str(photograph[0]), landmarks=points), "^p.json has 2 points"),
        (Shot(str(tmp_path / "gone.png")), "^gone.png"),
        (Shot(WHO, audio=silent), "^the recording is silent"),
        (Shot(WHO, audio=long), "^long.wav lasts 31 s: 30 s at most"),
        (Shot(WHO, audio=noise), "^n.wav is not audio"),
    ):
        with pytest.raises(InputError, match=said) as caught:
            filmed(camera, shot, text="" if shot.audio else "Read.")
        assert str(tmp_path) not in str(caught.value) and "\n" not in str(caught.value)
    for changes, said in (
        ({"text": "word " * 400}, f"2000 characters: {LONGEST_TEXT} at most"),
        ({"text": "  "}, "nothing to say"),
        ({"text": None}, "text"),
        ({"affect": "2,0"}, "out of range"),
        ({"seed": "-1"}, "seed"),
        ({"strength": None}, "strength"),
    ):
        with pytest.raises(InputError, match=said):
            filmed(camera, Shot(WHO), None, **changes)
    monkeypatch.setattr(face, "LONGEST_CLIP", 0.1)
    with pytest.raises(InputError, match="to say: shorten the text"):
        filmed(camera, Shot(WHO))
    assert not list(camera.folder.iterdir())


def test_the_models_open_when_somebody_comes_and_a_failure_is_told(tmp_path: Path):
    def opening():
        raise WeightsError("no model 'nobody'")

    booth = Booth(SPEECH, tmp_path, lambda: (tiny_speech_pipeline(), {**HERE, "model": SPEECH, "dtype": ""}))
    late = Camera(MODEL, tmp_path, booth, opening)
    app = build_studio(Easel(PAINTER, tmp_path), booth, late)
    assert not late.ready and not booth.ready, "pictures wait for nobody"
    late.open()
    with pytest.raises(WeightsError, match="no model 'nobody'"):
        filmed(late, Shot(WHO))
    assert booth.ready, "the voice is the booth's, and is opened once"
    assert not app.get_api_info()["named_endpoints"]
    assert all(fn.api_visibility == "private" for fn in app.fns.values())
    films = [fn for fn in app.fns.values() if fn.concurrency_id == "camera"]
    assert len(films) == 5 and all(fn.concurrency_limit == 1 for fn in films)


# -- the whole of it -----------------------------------------------------------------------------------------

SCREEN = "document.querySelector('.screen')"
VIDEO = "document.querySelector('.screen video')"
READY = f"{SCREEN}.dataset.state === 'ready'"
REST = f"{SCREEN}.dataset.state === 'rest'"
TITLE = "document.querySelector('.screen .stage-title').textContent"
NOTICE = "document.querySelector('#face-notice .notice').textContent"
PIXELS = f"""(async () => {{ const c = document.createElement("canvas"), s = {VIDEO}; c.width = c.height = 64;
    const g = c.getContext("2d"); g.drawImage(s, 0, 0, 64, 64); const d = g.getImageData(0, 0, 64, 64).data;
    return [...d.filter((_, i) => i % 4 < 3)]; }})()"""


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """The room of faces of a Studio with tiny models, in a browser."""
    program = find_browser()
    folder = tmp_path_factory.mktemp("studio")
    for name, pipe in (("tiny-speech", tiny_speech_pipeline()), ("tiny-head", tiny_head_pipeline())):
        pipe.save_pretrained(folder / name)
    easel = Easel(PAINTER, folder)
    easel.use(tiny_image_pipeline(), {**HERE, "model": PAINTER, "dtype": "float32"})
    camera = new_camera(folder, str(folder / "tiny-speech"), str(folder / "tiny-head"))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    app, url = serve(easel, "127.0.0.1", port, booth=camera.booth, camera=camera)
    browser = Browser(program, 1280, 900)
    try:
        browser.open(url)
        browser.wait_for("document.querySelector('.stage')?.dataset.live === 'false'", 120)
        assert not camera.ready and not camera.booth.ready, "nobody has come for a face yet"
        open_tab(browser, "#rooms", "Face")
        browser.wait_for(
            "!!document.querySelector('#animate') && !!document.querySelector('#face-pad .pad-puck')"
        )
        yield browser
    finally:
        browser.close()
        app.close(verbose=False)


def test_a_portrait_is_chosen_speaks_and_is_downloaded(page: Browser):
    name = bundled_portraits()[1]
    page.wait_for(REST)
    before = page.run(f"{SCREEN}.querySelector('img').src")
    page.click(f".portraits button[data-name={name}]")
    page.wait_for(f"{REST} && {SCREEN}.querySelector('img').src !== {before!r}", 60)
    page.write("#face-sentence textarea", "Read it.")
    page.click("#face-pad .pad-landmarks button[data-term=sad]")
    page.click("#animate")
    page.wait_for(f"{READY} && {TITLE} === '{name.capitalize()}: “Read it.”, sad'", 120)
    assert page.run(NOTICE) == ""
    page.wait_for(f"{VIDEO}.currentTime > 0", 30)  # it was asked for, and plays at once
    assert page.run(f"[{VIDEO}.loop, {VIDEO}.videoWidth, {VIDEO}.videoHeight]") == [False, SIDE, SIDE]
    page.wait_for(f"{VIDEO}.ended", 30)
    seen = np.array(page.run(PIXELS), float).reshape(64, 64, 3)
    alike = {who: np.corrcoef(seen.ravel(), thumb(who).ravel())[0, 1] for who in bundled_portraits()}
    assert max(alike, key=alike.__getitem__) == name and alike[name] > 0.7
    page.run("""(() => { const range = document.querySelector('.screen input[type=range]');
        range.value = 0; range.dispatchEvent(new Event('input')); })()""")
    page.wait_for(f"{VIDEO}.currentTime === 0")
    for link in (".screen-video", ".screen-motion"):
        file = page.downloads / page.run(f"document.querySelector('{link}').download")
        page.click(link)
        wait(
            lambda file=file: file.is_file() and not list(page.downloads.glob("*.crdownload")), "the download"
        )
        if link == ".screen-video":
            made = read_provenance(file)
    assert (made.prompt, made.affect_text, made.extra["portrait"]) == ("Read it.", "sad", name)
    frames = len(list(open_video(file.with_suffix(".mp4"))))
    assert frames - len(load_motion(file)) in (0, 1), "the last one may stay until the sound ends"


def test_bad_input_is_one_line_and_what_was_filmed_stays(page: Browser):
    before = page.run(TITLE)
    page.write("#face-sentence textarea", "word " * 400)
    page.click("#animate")
    page.wait_for(f"{NOTICE}.includes('{LONGEST_TEXT} at most') && {READY}")
    assert "\n" not in page.run(NOTICE) and page.run(TITLE) == before
    page.write("#face-sentence textarea", "Read.")


def test_a_photograph_is_asked_who_agreed(page: Browser, photograph: tuple[Path, Path], tmp_path: Path):
    picture, points = photograph
    bad = tmp_path / "bad.png"
    bad.write_text("this is no picture")
    told = "document.querySelector('#consent-told .notice').textContent"
    shown = f"{SCREEN}.querySelector('img')"
    page.click(".portraits button[data-name='']")
    page.wait_for("!!document.querySelector('#photo input[type=file]')")
    page.click("#animate")
    page.wait_for(f"{NOTICE}.startsWith('Choose a photograph first')", 60)
    page.choose_file("#photo input[type=file]", bad)
    page.wait_for(f"{NOTICE}.startsWith('bad.png is not a picture')", 60)
    page.run("document.querySelector('#photo button[aria-label=Clear]').click()")
    page.wait_for(f"{NOTICE} === '' && !!document.querySelector('#photo input[type=file]')")
    page.choose_file("#landmarks input[type=file]", points)
    page.wait_for("!document.querySelector('#landmarks input[type=file]')", 60)
    page.choose_file("#photo input[type=file]", picture)
    page.wait_for(f"{REST} && {shown}.alt === 'somebody.png'", 60)
    assert "SYNTHETIC" in page.run(told)
    marked = page.run(f"{shown}.src")
    page.run("document.querySelectorAll('#agreed input')[1].click()")
    page.wait_for(f"{shown}.src !== {marked!r} && !!document.querySelector('#consent input')", 60)
    frames = [Image.open(io.BytesIO(unpacked(uri))) for uri in (marked, page.run(f"{shown}.src"))]
    assert badged(*(np.asarray(frame) for frame in frames)), "and the badge is seen before it is filmed"
    page.click("#animate")
    page.wait_for(f"{NOTICE}.startsWith('Write down who agreed')", 60)
    page.write("#consent input", "myself, aloud")
    page.click("#animate")
    page.wait_for(f"{READY} && {TITLE}.startsWith('somebody.png: ')", 120)
    rows = page.run("document.querySelector('.screen dl').textContent")
    assert "consentmyself, aloud" in rows and str(picture.parent) not in rows


def test_a_phone_gets_the_whole_room(page: Browser):
    page.resize(390, 844, mobile=True)
    try:
        assert page.run("document.documentElement.scrollWidth") <= 390
        for part in ("#face-pad .pad", ".screen-frame", "#animate", "#photo", "#agreed"):
            left, _, width, height = page.box(part)
            assert left >= 0 and left + width <= 390 and height > 20, part
    finally:
        page.resize(1280, 900)


def test_a_recording_moves_the_face_and_a_silent_one_is_one_line(page: Browser, tmp_path: Path):
    silent = tmp_path / "silent.wav"
    soundfile.write(silent, np.zeros(8000, np.float32), 8000)
    page.click(f".portraits button[data-name={WHO}]")
    page.wait_for(f"{REST} && !document.querySelector('#photo')", 60)
    open_tab(page, "#face-source", "Recording")
    page.wait_for("!!document.querySelector('#face-recording input[type=file]')")
    page.wait_for("!document.querySelector('#face-voice')")  # a recording has its own
    page.click("#animate")
    page.wait_for(f"{NOTICE}.startsWith('Choose a recording first')")
    for file, ends in ((silent, f"{NOTICE}.startsWith('The recording is silent')"), (None, READY)):
        page.choose_file("#face-recording input[type=file]", file or hum(tmp_path / "hum.wav"))
        page.wait_for(f"{NOTICE} === '' && !document.querySelector('#face-recording input[type=file]')", 60)
        page.click("#animate")
        page.wait_for(ends, 120)
        if file is not None:
            page.run("document.querySelector('#face-recording button[aria-label=Clear]').click()")
            page.wait_for("!!document.querySelector('#face-recording input[type=file]')")
    assert page.run(TITLE) == f"{WHO.capitalize()}: hum.wav, sad" and page.run(NOTICE) == ""
    assert page.complaints == [] and page.strangers() == []
