"""Own footage, made by our own renderer and voice: it comes back as what was drawn, and is learned from."""

import os
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from made_up_voice import made_up_reading, made_up_speaker

from emotive.affect import Affect, AffectCurve
from emotive.data.face_teacher import act
from emotive.errors import InputError
from emotive.face.contacts import INDEX, lip_gap
from emotive.face.opening import open_portrait
from emotive.face.phone_shapes import VISEMES
from emotive.face.renderer import PortraitRenderer
from emotive.media.provenance import Provenance
from emotive.media.video import VideoWriter
from emotive.models.affect_embedding import AffectEmbedding
from emotive.models.face_denoiser import FaceDenoiser
from emotive.signals import FaceMotion, Phone
from emotive.train.clips import TOKENS, Clip, record_clip
from emotive.train.head import train_denoiser
from emotive.train.head_card import SYNTHETIC, learned_from
from emotive.train.head_data import CROP
from emotive.train.head_footage import (
    mixed_batches,
    open_footage,
    stretches,
    targets_of_motion,
    tracked,
)
from emotive.train.head_losses import head_loss
from emotive.voice.align import can_align
from emotive.voice.listening import RATE, listen, loudness
from emotive.voice.vocoder import FRAME_RATE, synthesize
from emotive.weights import resolve

TEXT = "Some of them hear the old man."
FPS = Fraction(TOKENS)
POINT = (0.5, 0.3, np.nan)


def full_precision() -> torch.autocast:
    return torch.autocast("cpu", enabled=False)


def played(motion: FaceMotion, path: Path, sound: np.ndarray | None) -> None:
    provenance = Provenance("a test", seed=0, model="none", medium="head")
    audio = None if sound is None else (sound, RATE)
    renderer = PortraitRenderer(open_portrait("mara"), 256)
    with VideoWriter(path, (256, 256), TOKENS, provenance, audio, sidecar=False) as writer:
        for frame in renderer.frames(motion):
            writer.write(frame)


@pytest.fixture(scope="module")
def spoken() -> tuple[np.ndarray, FaceMotion]:
    """Two seconds of a made-up voice, and how the teacher says it."""
    reading = made_up_reading(TEXT, pace=8)
    sound = synthesize(reading.features)[: 2 * RATE]
    phones, syllables, _ = reading.timeline.spans(FRAME_RATE)
    loud = loudness(listen(sound))
    points = np.repeat([POINT], len(loud), 0)
    rng = np.random.default_rng(0)
    shown = act(phones, syllables, "arpabet", points, loud, np.zeros(6, np.float32), TOKENS, rng)
    pose = shown.pose
    return sound, FaceMotion(shown.weights, pose[:, :3], pose[:, 3:6], pose[:, 6:], FPS)


@pytest.fixture(scope="module")
def folder(spoken, landmark_network: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("footage")
    sound, motion = spoken
    played(motion, folder / "ada.mp4", sound)
    return folder


@pytest.fixture(scope="module")
def footage(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Clip]:
    return open_footage(folder, tmp_path_factory.mktemp("kept"), lambda line: None)


@pytest.fixture(scope="module")
def clips() -> list[Clip]:
    rng = np.random.default_rng(0)
    return [record_clip(made_up_speaker(), rng, sentences=1) for _ in range(2)]


def test_a_filmed_face_comes_back_as_it_was_drawn(spoken, footage: list[Clip]):
    (clip,), (sound, motion) = footage, spoken
    tokens = len(clip.heard)
    assert abs(tokens - len(motion)) <= 1 and clip.targets is not None
    gap, true = lip_gap(clip.targets.weights), lip_gap(motion.weights)[:tokens]
    assert np.corrcoef(gap, true)[0, 1] > 0.85
    # AAC is not lossless, but what is heard is where it was.
    drawn = loudness(listen(sound))[:tokens]
    assert np.corrcoef(loudness(clip.heard.astype(np.float32)), drawn)[0, 1] > 0.98
    assert not np.isfinite(clip.affect).any()  # nobody told it
    assert not clip.phones and not clip.targets.visemes.any()


def test_what_was_solved_is_kept_until_the_clip_changes(folder: Path, tmp_path: Path, footage: list[Clip]):
    own, kept = tmp_path / "own", tmp_path / "kept"
    own.mkdir()
    os.link(folder / "ada.mp4", own / "ada.mp4")
    lines: list[str] = []
    (first,) = open_footage(own, kept, lines.append)
    assert len(lines) == 1 and lines[0].startswith("ada.mp4: ")
    (again,) = open_footage(own, kept, lines.append)
    assert len(lines) == 1
    assert first.targets is not None and again.targets is not None
    for name in ("weights", "pose", "closure", "contact", "visemes"):
        np.testing.assert_array_equal(getattr(first.targets, name), getattr(again.targets, name))
    np.testing.assert_array_equal(first.heard, again.heard)
    AffectCurve([(0, Affect(-1, 0)), (1, Affect(1, 0))]).write(own / "ada.csv")
    if can_align():
        (own / "ada.txt").write_text(TEXT)
    (told,) = open_footage(own, kept, lines.append)
    assert told.affect[0, 0] < -0.9 and told.affect[-1, 0] > 0.9
    if can_align():
        assert told.targets is not None
        is_known = told.targets.visemes.any() and len(told.phones) > 10
        assert is_known or any("ada.txt is not used" in line for line in lines)


def test_clips_that_cannot_be_used_are_named_and_the_others_are(folder: Path, tmp_path: Path, spoken):
    own = tmp_path / "own"
    own.mkdir()
    with pytest.raises(InputError, match="no video clips"):
        open_footage(own, tmp_path / "kept")
    (own / "letter.mp4").write_text("Dear Ada")
    still = replace(
        spoken[1], **{n: getattr(spoken[1], n)[:4] for n in ("weights", "rotation", "translation", "gaze")}
    )
    played(still, own / "mute.mp4", None)
    lines: list[str] = []
    with pytest.raises(InputError, match="none of the 2"):
        open_footage(own, tmp_path / "kept", lines.append)
    assert [("letter.mp4" in line, "mute.mp4 has no sound" in line) for line in lines] == [(1, 0), (0, 1)]
    os.link(folder / "ada.mp4", own / "ada.mp4")
    assert len(open_footage(own, tmp_path / "kept", lines.append)) == 1


def test_a_face_that_goes_away_is_not_looked_for_in_every_frame(landmark_network: Path, spoken):
    renderer = PortraitRenderer(open_portrait("mara"), 128)
    motion = spoken[1]
    face = renderer.render(motion.weights[0], motion.rotation[0], motion.translation[0], motion.gaze[0])
    found = tracked(iter([face, *[np.full_like(face, 127)] * 4, *[face] * 6]))
    # Looked at: 0, 1, then 3, then 7 and all that follow.
    assert [now is not None for now in found] == [True, *[False] * 6, *[True] * 4]


def test_a_video_is_cut_where_the_face_is_away_for_long():
    face = open_portrait("mara").landmarks
    assert stretches([None, face, *[None] * 8, face, *[None] * 9, face, face, None]) == [
        slice(1, 11),
        slice(20, 22),
    ]
    assert stretches([None] * 3) == []


def test_batches_mix_what_was_filmed_with_what_was_synthesised(footage: list[Clip], clips: list[Clip]):
    batch = next(mixed_batches(clips, footage, 40, 0))
    filmed = ~batch.typical
    assert 10 < filmed.sum() < 30
    assert not batch.felt[filmed].any()  # unknown is unknown, not neutral
    assert batch.heard.shape == (40, CROP, 172) and batch.weights.shape == (40, CROP, 52)
    assert not batch.knows[filmed].any() and not batch.visemes[filmed].any()
    for part in batch:
        assert part.isfinite().all() or part is batch.affect
    assert batch.affect[filmed].isfinite().all()
    told = [replace(clip, affect=np.full_like(clip.affect, 0.5)) for clip in footage]
    batch = next(mixed_batches(clips, told, 8, 0, share=1.0))
    assert batch.felt.all() and not batch.typical.any()


def test_a_denoiser_learns_from_footage(footage: list[Clip], clips: list[Clip], tmp_path: Path):
    affect = AffectEmbedding.from_pretrained(resolve("emotive-affect-1"), low_cpu_mem_usage=False)
    affect = affect.eval().requires_grad_(False)
    tiny: dict[str, Any] = {"dim": 32, "layers": 1, "heads": 2}
    net = train_denoiser(
        tmp_path, clips, affect, 0.05, torch.device("cpu"), batch_size=4, report=lambda line: None,
        footage=footage, share=1.0, **tiny,
    )  # fmt: skip
    start = FaceDenoiser(affect_sha256=affect.fingerprint(), **tiny)  # answers with the mean
    start.load_state_dict({**start.state_dict(), **dict(net.named_buffers())})
    batch = next(mixed_batches(clips, footage, 8, 9, share=1.0))
    losses = []
    for candidate in (start, net):
        torch.manual_seed(0)
        with torch.no_grad():
            losses.append(float(head_loss(candidate, affect, batch, full_precision, 1.0)))
    assert losses[1] < 0.9 * losses[0]


def test_the_card_says_how_much_footage_and_not_whose(footage: list[Clip]):
    card = " ".join(learned_from(footage, 0.5).split())
    assert (
        "50% of each training step" in card and "(clips: 1, seconds: 2, clips with a known affect: 0)" in card
    )
    assert "ada" not in card and "no face was recorded" not in card
    assert learned_from() == SYNTHETIC


def test_blinks_are_taken_out_and_cameras_too():
    frames = 60
    weights, pose = np.zeros((frames, 52)), np.full((frames, 3), 0.1)
    weights[20:25, INDEX["eyeBlinkLeft"]] = 1.0
    weights[20:24, INDEX["eyeSquintLeft"]] = 0.4
    weights[:, INDEX["jawOpen"]] = 0.3
    weights[30:35, INDEX["mouthClose"]] = 0.3
    motion = FaceMotion(weights, pose, pose, np.zeros((frames, 2)), FPS)
    loud = np.r_[np.zeros(32), np.ones(28)]
    found = targets_of_motion(motion, loud)
    assert (
        found.weights[:, INDEX["eyeBlinkLeft"]].max() == found.weights[:, INDEX["eyeSquintLeft"]].max() == 0
    )
    np.testing.assert_allclose(found.weights[:, INDEX["jawOpen"]], 0.3, atol=1e-6)
    assert not found.pose.any()
    assert found.closure[32:35].all() and found.closure.sum() == 3  # before, nobody talks
    known = targets_of_motion(
        motion, loud, [Phone("pau", 0, 1.0), Phone("M", 1.0, 1.2), Phone("AA1", 1.2, 2.0)]
    )
    assert not found.visemes.any()
    said = [VISEMES[k] for k in known.visemes[[10, 33, 48]].argmax(1)]
    assert said == ["sil", "PP", "aa"]
    np.testing.assert_array_equal(known.closure, found.closure)
    vowel = targets_of_motion(motion, loud, [Phone("AA1", 0, 2.0)])
    assert not vowel.closure.any()  # lips that are not to shut
