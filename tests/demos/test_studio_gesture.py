"""The room of bodies: its logic on tiny real pipelines."""

import base64
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from PIL import Image

pytest.importorskip("gradio", reason="the Studio needs the extra demos")

from tiny import tiny_gesture_pipeline, tiny_head_pipeline, tiny_speech_pipeline

from emotive.affect import Affect
from emotive.body.actors import ACTORS
from emotive.body.head_and_body import with_face
from emotive.body.motion_files import load_body_motion
from emotive.body.stage import Stage
from emotive.cli import main
from emotive.demos import gesture, gesture_views
from emotive.demos.easel import Easel
from emotive.demos.face import LONGEST_CLIP, LONGEST_TEXT, Camera
from emotive.demos.gesture import FPS, SIDE, Act, Theatre, asked_of_body, standing, who_moves
from emotive.demos.studio import build_studio
from emotive.demos.voice import Booth
from emotive.errors import InputError, WeightsError
from emotive.media.provenance import Provenance, read_provenance
from emotive.media.video import open_video
from emotive.signals import ARKIT, JOINT
from emotive.voice.align import can_align

MODEL, HEAD, SPEECH = "emotive-gesture-1", "emotive-head-1", "emotive-speech-1"
HERE = {
    "model_fingerprint": "",
    "emotive": "0",
    "torch": "",
    "device": "cpu",
    "threads": 1,
    "dtype": "float32",
}
DEFAULTS = {"text": "Read.", "affect": "joy", "strength": 1.0, "seed": "7", "voice": "slt"}
WHO, OTHER = list(ACTORS)[:2]


def new_theatre(folder: Path, speech: str = SPEECH, head: str = HEAD, body: str = MODEL) -> Theatre:
    booth = Booth(speech, folder, lambda: (tiny_speech_pipeline(), {**HERE, "model": SPEECH}))
    camera = Camera(head, folder, booth, lambda: (tiny_head_pipeline(), {**HERE, "model": HEAD}))
    return Theatre(body, folder, booth, camera, lambda: (tiny_gesture_pipeline(), {**HERE, "model": MODEL}))


@pytest.fixture(scope="module")
def theatre(tmp_path_factory: pytest.TempPathFactory) -> Theatre:
    return new_theatre(tmp_path_factory.mktemp("theatre"))


@pytest.fixture(scope="module")
def voiced(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return hum(tmp_path_factory.mktemp("sound") / "hum.wav", 0.6)


def hum(path: Path, seconds: float, rate: int = 16_000) -> Path:
    """A falling buzz that comes and goes: enough of a voice for a face to move to."""
    t = np.arange(int(seconds * rate)) / rate
    soundfile.write(path, 0.3 * np.sign(np.sin(2 * np.pi * (140 - 20 * t) * t)) * np.sin(9 * t) ** 2, rate)
    return path


def plan(**changes) -> Provenance:
    return asked_of_body(MODEL, **{**DEFAULTS, **changes})


def performed(
    theatre: Theatre, stage: Stage, end: Affect | None = None, faced: bool = False, **changes
) -> Act:
    """The act as soon as it moves, without waiting for its film."""
    changes = {"text": "", "voice": "", **changes} if stage.audio else changes
    for step in theatre.perform(plan(**changes), end, stage, faced):
        if isinstance(step, Act):
            return step
    raise AssertionError("nobody moved")


def unpacked(uri: str) -> bytes:
    return base64.b64decode(uri.partition(",")[2])


def gltf(data: bytes) -> dict:
    assert data[:4] == b"glTF"
    return json.loads(data[20 : 20 + int.from_bytes(data[12:16], "little")])


def test_an_act_is_a_figure_with_sound_and_then_a_film_and_files_that_say_what_they_are(
    theatre: Theatre, tmp_path: Path
):
    stage = who_moves(OTHER, True)
    *said, act, whole = theatre.perform(plan(affect="joy:0.7+fear:0.3", voice="rms"), None, stage, True)
    assert said == ["Speaking", "Moving"] and isinstance(act, Act) and isinstance(whole, Act)
    assert act.film == b"" and whole.motion is act.motion and act.face is not None
    seen = gesture_views.moving(act, theatre.folder)
    sound, rate = soundfile.read(io.BytesIO(unpacked(seen["sound"])))
    assert len(sound) / rate == pytest.approx(act.motion.duration, abs=1.5 / FPS)
    extras = gltf(unpacked(seen["figure"]))["asset"]["extras"]
    assert extras["frames"] == len(act.motion) and extras["emotive"]["seed"] == 7
    shown = gesture_views.finished(whole, theatre.folder)
    files = {Path(name).suffix: tmp_path / name for name, _ in shown["files"]}
    assert list(files) == [".mp4", ".glb", ".vrma", ".bvh", ".npz", ".wav"]
    for (_, data), file in zip(shown["files"], files.values(), strict=True):
        file.write_bytes(unpacked(data))
    made = read_provenance(files[".mp4"])
    assert (made.prompt, made.seed, made.voice, made.medium) == ("Read.", 7, "rms", "gesture")
    assert made.extra["style"] == OTHER and made.extra["upper"] is True and made.extra["face_model"] == HEAD
    assert "generated" in made.statement and read_provenance(files[".wav"]).seed == 7
    frames = list(open_video(files[".mp4"]))
    assert len(frames) - len(act.motion) in (0, 1) and frames[0].shape == (SIDE, SIDE, 3)
    # The numbers are exact, with the head where the face holds it; the skeleton is that of the actor.
    body, _ = with_face(act.motion, act.face)
    np.testing.assert_array_equal(load_body_motion(files[".npz"]).rotations, body.rotations)
    assert load_body_motion(files[".bvh"]).positions() == pytest.approx(body.positions(), abs=2e-3)
    assert "VRMC_vrm_animation" in gltf(files[".vrma"].read_bytes())["extensionsUsed"]
    rows = dict(shown["rows"])
    assert rows["actor"] == OTHER.capitalize() and rows["face"] == HEAD and rows["voice"] == "rms"
    assert seen["title"] == f"{OTHER.capitalize()}: “Read.”, joy 0.7 + fear 0.3"
    assert not list(theatre.folder.iterdir()), "nothing stays on this machine"


def test_the_command_moves_the_body_of_a_download_again(
    theatre: Theatre, voiced: Path, gesture_model: Path, tmp_path: Path
):
    file, again = tmp_path / "made.mp4", tmp_path / "again.npz"
    *_, act = theatre.perform(
        plan(text="", voice="", affect="sad"), None, who_moves(OTHER, False, str(voiced)), False
    )
    assert isinstance(act, Act)
    file.write_bytes(act.film)
    like = ("--like", str(file), "--model", str(gesture_model), "-o", str(again))
    assert main(["gesture", "--audio", str(voiced), *like]) == 0
    made = load_body_motion(again)
    np.testing.assert_allclose(made.rotations, act.motion.rotations, atol=1e-5)
    np.testing.assert_allclose(made.root, act.motion.root, atol=1e-5)
    assert read_provenance(file).extra["audio"] == voiced.name
    assert str(voiced.parent) not in read_provenance(file).to_json()


def test_the_seed_and_nothing_else_is_chance(theatre: Theatre, voiced: Path):
    stage = who_moves(WHO, False, str(voiced))
    once, again, other = (performed(theatre, stage, seed=seed).motion for seed in (7, 7, 8))
    np.testing.assert_array_equal(once.rotations, again.rotations)
    assert not np.array_equal(once.rotations, other.rotations)


def test_a_feeling_that_moves_starts_and_ends_where_it_should(theatre: Theatre, voiced: Path):
    for stage, text in ((who_moves(WHO, False), "Read it."), (who_moves(WHO, False, str(voiced)), "")):
        act = performed(theatre, stage, Affect(-0.6, -0.4), text=text, affect="0.8,0.5")
        ends = [act.motion.affect.at(t) for t in (0.0, act.motion.duration)]
        assert [(round(a.valence, 2), round(a.arousal, 2)) for a in ends] == [(0.8, 0.5), (-0.6, -0.4)]
        assert gesture_views.title(act.made).endswith("from +0.80, +0.50 to −0.60, −0.40")
    assert act.made.extra["audio"] == voiced.name and act.made.prompt == act.made.voice == ""


def test_a_speaking_face_moves_lips_and_head_and_nothing_below(theatre: Theatre, voiced: Path):
    stage = who_moves(WHO, False, str(voiced))
    plain, faced = (performed(theatre, stage, faced=on) for on in (False, True))
    assert plain.face is None and faced.face is not None
    np.testing.assert_array_equal(plain.motion.rotations, faced.motion.rotations)
    lips = [i for i, name in enumerate(ARKIT) if name.startswith(("jaw", "mouth"))]
    assert np.ptp(faced.face.weights[:, lips], axis=0).max() > 0.01
    shown, _ = with_face(faced.motion, faced.face)
    moved = np.abs(shown.rotations - faced.motion.rotations).max((0, 2)) > 1e-4
    assert {name for name, j in JOINT.items() if moved[j]} == {"neck", "head", "leftEye", "rightEye"}
    names = {name for name, *_ in (row.values() for row in gesture_views.readings(faced))}
    assert {"the published body judge"} <= names


def test_silence_is_a_body_that_stands_and_says_so(theatre: Theatre, tmp_path: Path):
    silent = tmp_path / "silent.wav"
    soundfile.write(silent, np.zeros(8000, np.float32), 8000)
    act = performed(theatre, who_moves(WHO, False, str(silent)), faced=True)
    assert act.face is None and act.motion.duration == pytest.approx(1.0, abs=0.05)
    (note,) = act.notes
    assert note.startswith("the face shows the feeling alone, since the recording is silent")
    assert "face_model" not in act.made.extra


def test_an_actor_at_rest_stands_on_the_floor_in_their_own_figure(theatre: Theatre):
    views = [gesture_views.resting(who_moves(name, False), theatre) for name in (WHO, OTHER)]
    heads = [gltf(unpacked(view["figure"]))["asset"]["extras"]["frames"] for view in views]
    assert heads == [1, 1] and views[0]["figure"] != views[1]["figure"]
    for name, view in zip((WHO, OTHER), views, strict=True):
        picture = np.asarray(Image.open(io.BytesIO(unpacked(view["still"]))), float)
        assert picture.shape == (SIDE, SIDE, 3) and picture.std() > 15, "there is somebody"
        places = standing(ACTORS[name]).positions()[0]
        low = [places[JOINT[f"{side}Toes"], 1] for side in ("left", "right")]
        assert max(low) - min(low) < 0.01 and -0.01 < min(low) < 0.05
        assert view["camera"]["height"] == ACTORS[name].build.height
    faces = gesture_views.cast(theatre)
    assert [face["name"] for face in faces] == list(ACTORS)
    assert len({face["src"] for face in faces}) == len(ACTORS)
    assert not list(theatre.folder.iterdir())


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("nobody", False), "choose one of the actors"),
        (("", False), "choose one of the actors"),
        ((None, False), "choose one of the actors"),
        (([WHO], False), "choose one of the actors"),
        ((WHO, False, 7), "choose a recording first"),
        ((WHO, False, "a.wav", None), "words of the recording are text"),
        ((WHO, False, "a.wav", "\ud800"), "words of the recording are text"),
        ((WHO, False, "a.wav", "y" * (LONGEST_TEXT + 1)), f"{LONGEST_TEXT} at most"),
    ],
)
def test_who_moves_is_said_or_one_line(arguments: tuple[Any, ...], said: str):
    with pytest.raises(InputError, match=said):
        who_moves(*arguments)


def test_what_cannot_be_moved_is_one_line_without_a_place_on_this_machine(
    theatre: Theatre, voiced: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    noise, long = tmp_path / "n.wav", tmp_path / "long.wav"
    noise.write_text("no sound")
    soundfile.write(long, np.zeros(int((LONGEST_CLIP + 1) * 8000), np.float32), 8000)
    bad: list[tuple[Stage, str]] = [
        (who_moves(WHO, False, str(noise)), "^n.wav is not audio"),
        (who_moves(WHO, False, str(long)), "^long.wav lasts 31 s: 30 s at most"),
        (who_moves(WHO, False, str(tmp_path / "gone.wav")), "^gone.wav"),
    ]
    if can_align():
        bad.append((who_moves(WHO, False, str(voiced), "wholly different words"), "."))
    for stage, said in bad:
        with pytest.raises(InputError, match=said) as caught:
            performed(theatre, stage)
        assert str(tmp_path) not in str(caught.value) and "\n" not in str(caught.value)
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"text": "word " * 400}, f"2000 characters: {LONGEST_TEXT} at most"),
        ({"text": "  "}, "nothing to say"),
        ({"text": None}, "text"),
        ({"affect": "2,0"}, "out of range"),
        ({"seed": "-1"}, "seed"),
        ({"strength": None}, "strength"),
        ({"voice": "nobody"}, "nobody"),
    ]
    for changes, said in wrong:
        with pytest.raises(InputError, match=said):
            performed(theatre, who_moves(WHO, False), **changes)
    monkeypatch.setattr(gesture, "LONGEST_CLIP", 0.1)
    with pytest.raises(InputError, match="to say: shorten the text"):
        performed(theatre, who_moves(WHO, False))
    assert not list(theatre.folder.iterdir())


def test_the_models_open_when_somebody_comes_and_a_failure_is_told(tmp_path: Path):
    def opening():
        raise WeightsError("no model 'nobody'")

    whole = new_theatre(tmp_path)
    late = Theatre(MODEL, tmp_path, whole.booth, whole.camera, opening)
    app = build_studio(Easel("emotive-image-1", tmp_path), late.booth, late.camera, late)
    assert not late.ready and not late.booth.ready, "pictures wait for nobody"
    late.open()
    with pytest.raises(WeightsError, match="no model 'nobody'"):
        performed(late, who_moves(WHO, False))
    assert late.booth.ready, "the voice is the booth's, and is opened once"
    assert not app.get_api_info()["named_endpoints"]
    assert all(fn.api_visibility == "private" for fn in app.fns.values())
    acts = [fn for fn in app.fns.values() if fn.concurrency_id == "theatre"]
    assert len(acts) == 3 and all(fn.concurrency_limit == 1 for fn in acts)
