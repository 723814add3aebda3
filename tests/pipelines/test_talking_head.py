"""The talking-head pipeline, on a tiny random model: lengths, chance, streaming, conditions, bad input."""

from pathlib import Path

import numpy as np
import pytest
import torch
from tiny import tiny_head_pipeline

from emotive.affect import Affect, AffectCurve
from emotive.errors import InputError, WeightsError
from emotive.face.contacts import lip_gap
from emotive.face.controls import FaceControls
from emotive.models.affect_embedding import AffectEmbedding
from emotive.pipelines.talking_head import EmotiveTalkingHeadPipeline
from emotive.signals import FaceMotion, Phone, Speech

RATE = 24_000


@pytest.fixture(scope="module")
def pipe() -> EmotiveTalkingHeadPipeline:
    return tiny_head_pipeline()


def noise(seconds: float, seed: int = 0) -> np.ndarray:
    return (
        (0.1 * np.random.default_rng(seed).standard_normal(round(seconds * RATE)))
        .astype(np.float32)
        .clip(-1, 1)
    )


def move(
    pipe: EmotiveTalkingHeadPipeline, speech: object = None, affect: object = None, seed: int = 0, **how
) -> FaceMotion:
    how = {"num_inference_steps": 2, "sample_rate": None if isinstance(speech, Speech) else RATE, **how}
    speech = noise(1.5) if speech is None else speech
    return pipe.motion(speech, affect, generator=torch.Generator().manual_seed(seed), **how)  # type: ignore[arg-type]


def tracks(motion: FaceMotion) -> np.ndarray:
    return np.concatenate([motion.weights, motion.rotation, motion.translation, motion.gaze], 1)


@pytest.mark.parametrize(("seconds", "fps"), [(0.05, 30), (1.0, 25), (1.5, 30), (1.51, 60), (9.0, 24)])
def test_the_motion_is_as_long_as_the_sound(pipe, seconds: float, fps: int):
    motion = move(pipe, noise(seconds), fps=fps)
    assert len(motion) == max(1, round(seconds * fps)) and motion.fps == fps
    assert np.isfinite(tracks(motion)).all()


def test_same_seed_same_motion_and_another_seed_another(pipe):
    one, same, other = move(pipe), move(pipe), move(pipe, seed=1)
    assert np.array_equal(tracks(one), tracks(same)) and not np.array_equal(tracks(one), tracks(other))


def test_every_condition_moves_the_face(pipe):
    plain = tracks(move(pipe, affect="0,0"))
    assert not np.array_equal(plain, tracks(move(pipe, affect="0.8,0.8")))
    assert not np.array_equal(plain, tracks(move(pipe, noise(1.5, seed=9), affect="0,0")))
    assert not np.array_equal(
        plain, tracks(move(pipe, affect="0,0", controls=FaceControls(style=(2, 2, 2, 2, 2, 2))))
    )
    spoken = Speech(noise(1.5), RATE, phones=(Phone("AA1", 0, 0.7), Phone("M", 0.7, 1.5)))
    assert not np.array_equal(plain, tracks(move(pipe, spoken, affect="0,0")))


def test_strength_0_is_neutral_and_half_of_a_point_is_the_point_at_half(pipe):
    neutral = tracks(move(pipe, affect=Affect.neutral()))
    assert np.array_equal(neutral, tracks(move(pipe, affect="0.9,-0.9", affect_strength=0)))
    assert np.array_equal(
        tracks(move(pipe, affect="0.4,0.2")), tracks(move(pipe, affect="0.8,0.4", affect_strength=0.5))
    )


def test_names_show_their_own_face_where_points_are_close(pipe):
    def brows(name: str) -> float:
        motion = move(pipe, noise(2), affect=name, controls=FaceControls(blink=0))
        return float(motion.weights[30:, [motion.names.index("browInnerUp")]].mean())

    angry, fearful = (Affect.parse(name) for name in ("angry", "fearful"))
    assert np.hypot(angry.valence - fearful.valence, angry.arousal - fearful.arousal) < 0.15
    assert brows("fearful") > brows("angry") + 0.15


def test_affect_of_the_speech_is_the_default(pipe):
    spoken = Speech(noise(1), RATE, affect=AffectCurve([(0, "joy"), (1, "sad")]))
    assert move(pipe, spoken).affect == spoken.affect
    assert np.array_equal(tracks(move(pipe, spoken)), tracks(move(pipe, spoken, spoken.affect)))


@pytest.mark.parametrize("affect", ["0,0", "1,1", "-1,1", "-1,-1", "1,-1", "surprised", "fearful"])
def test_known_lips_close_whatever_the_feeling(pipe, affect: str):
    phones = tuple(Phone(s, 0.3 * i, 0.3 * (i + 1)) for i, s in enumerate(("pau", "AA1", "B", "AA1", "pau")))
    motion = move(pipe, Speech(noise(1.5), RATE, phones=phones), affect, fps=60)
    gap = lip_gap(motion.weights)
    assert gap[38:46].max() < 0.02  # within the B, at 0.6 to 0.9 s


def test_guidance_1_is_unguided_and_more_is_another(pipe):
    plain = tracks(move(pipe, affect="0.9,0.5", guidance_scale=1, affect_guidance_scale=1))
    near = tracks(move(pipe, affect="0.9,0.5", guidance_scale=1 + 1e-6, affect_guidance_scale=1))
    assert np.allclose(plain, near, atol=2e-3)
    assert not np.allclose(plain, tracks(move(pipe, affect="0.9,0.5", guidance_scale=3)), atol=2e-3)


def test_blinks_can_be_left_out_and_change_nothing_else(pipe):
    much, none = (move(pipe, noise(6), controls=FaceControls(blink=b)) for b in (4, 0))
    eyes = np.array(["eye" in name for name in much.names])
    lids = (
        much.weights[:, much.names.index("eyeBlinkLeft")] - none.weights[:, none.names.index("eyeBlinkLeft")]
    )
    assert lids.max() > 0.5
    assert np.array_equal(much.weights[:, ~eyes], none.weights[:, ~eyes])
    assert np.array_equal(much.rotation, none.rotation) and np.array_equal(much.gaze, none.gaze)


def test_a_stream_makes_every_frame_once_and_soon(pipe):
    sound, chunk = noise(2), 1600  # 67 ms
    given, made, late = 0, 0, []

    def audio():
        nonlocal given
        for i in range(0, len(sound), chunk):
            given = min(i + chunk, len(sound))
            yield sound[i : i + chunk]

    for piece in pipe.stream_motion(audio(), "joy", sample_rate=RATE, num_inference_steps=1):
        assert piece.start == pytest.approx(made / 30)
        if given < len(sound):
            late.append(given / RATE - (made + 1) / 30)  # between the sound of its first frame and the frame
        made += len(piece)
    assert made == 60
    assert max(late) < 0.24 and len(late) > 15  # its own token and three ahead, in chunks of two tokens


def test_a_stream_may_come_in_any_pieces(pipe):
    sound = noise(1)
    rng = np.random.default_rng(0)
    cuts = np.sort(rng.integers(1, len(sound), 30))
    parts = [part for part in np.split(sound, cuts) if len(part)]
    frames = sum(len(p) for p in pipe.stream_motion(parts, sample_rate=RATE, num_inference_steps=1))
    assert frames == 30


def test_the_call_draws_the_motion_on_a_portrait(pipe):
    made = pipe(
        "mara", noise(0.2), "joy", sample_rate=RATE, size=128, generator=torch.Generator().manual_seed(0)
    )
    frames = list(made.frames)
    assert len(frames) == len(made.motion) == 6
    assert all(f.shape == (128, 128, 3) and f.dtype == np.uint8 for f in frames)
    assert np.array_equal(np.stack(frames), np.stack(list(pipe.animate("mara", made.motion, size=128))))
    assert not np.array_equal(frames[0], frames[-1])


def test_who_is_not_bundled_carries_a_badge_unless_somebody_agreed(pipe):
    from dataclasses import replace

    from emotive.face.opening import open_portrait

    stranger = replace(open_portrait("mara"), bundled=False, name="me.jpg")
    motion = move(pipe, noise(0.1))
    first = {
        name: next(iter(pipe.animate(portrait, motion, size=128, **how)))
        for name, portrait, how in (
            ("bundled", "mara", {}), ("nobody asked", stranger, {}), ("blank", stranger, {"consent": " "}),
            ("agreed", stranger, {"consent": "Mara, by mail"}), ("nobody", stranger, {"not_a_person": True}),
        )
    }  # fmt: skip
    assert np.array_equal(first["bundled"], first["agreed"]) and np.array_equal(
        first["bundled"], first["nobody"]
    )
    assert np.array_equal(first["nobody asked"], first["blank"])
    changed = (first["bundled"] != first["nobody asked"]).any(-1)
    assert changed[-30:, :60].mean() > 0.2 and not changed[:90].any()


def test_a_nearer_face_is_the_same_face_larger(pipe):
    motion = move(pipe, noise(0.05))
    own, near = (
        next(iter(pipe.animate("mara", motion, size=128, distance=d))).astype(float) for d in (None, 0.3)
    )
    whole = next(iter(pipe.animate("mara", motion, size=256))).astype(float)
    assert np.array_equal(own, next(iter(pipe.animate("mara", motion, size=128, distance=0.6))))
    places = [np.abs(whole[y : y + 128, 64:192] - near).mean() for y in range(129)]
    assert min(places) == 0 and np.abs(own - near).mean() > 10


def test_it_is_saved_and_opened_again(pipe, tmp_path: Path):
    pipe.save_pretrained(tmp_path / "head")
    again = EmotiveTalkingHeadPipeline.from_pretrained(tmp_path / "head")
    again.set_progress_bar_config(disable=True)
    assert np.allclose(tracks(move(pipe)), tracks(move(again)), atol=1e-6)


def test_another_embedding_is_refused(pipe):
    stranger = AffectEmbedding(n_tokens=4, dim=8, pooled_dim=16, width=16, n_frequencies=8)
    with pytest.raises(WeightsError, match="was trained with the affect embedding"):
        EmotiveTalkingHeadPipeline(stranger, pipe.denoiser, pipe.scheduler)


def test_callbacks_see_and_change_latents(pipe):
    seen = []

    def tell(_, step: int, timestep: object, tensors: dict) -> dict:
        seen.append((step, tuple(tensors["latents"].shape)))
        return {"latents": torch.zeros_like(tensors["latents"])}

    still = move(pipe, callback_on_step_end=tell)
    assert seen == [(0, (1, 45, 14)), (1, (1, 45, 14))]
    assert not np.array_equal(tracks(still), tracks(move(pipe)))


@pytest.mark.parametrize(
    ("how", "says"),
    [
        ({"speech": np.zeros(RATE, np.float32)}, "silent"),
        ({"speech": np.zeros(0, np.float32)}, "at least 20 ms"),
        ({"speech": np.full(RATE, np.nan, np.float32)}, "not finite"),
        ({"speech": noise(1), "sample_rate": None}, "does not tell its sample rate"),
        ({"speech": "missing.wav", "sample_rate": None}, "does not exist"),
        ({"fps": 5}, "fps must lie in 10..120"),
        ({"fps": float("nan")}, "fps must lie in 10..120"),
        ({"affect_strength": -1}, "affect_strength must lie in 0..10"),
        ({"num_inference_steps": 0}, "num_inference_steps must be"),
        ({"guidance_scale": -1}, "guidance_scale must lie"),
        ({"affect": "jou"}, "unknown emotion"),
        ({"callback_on_step_end_tensor_inputs": ("noise",)}, "callbacks can be given"),
    ],
)
def test_what_cannot_be_honoured_is_one_line(pipe, how: dict, says: str):
    with pytest.raises(InputError, match=says) as raised:
        move(pipe, **how)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("chunk", [np.zeros((2, 100), np.float32), np.full(100, 2.0), np.zeros(100, int)])
def test_a_chunk_that_is_no_sound_is_one_line(pipe, chunk: np.ndarray):
    with pytest.raises(InputError, match="a chunk of the stream is float samples"):
        list(pipe.stream_motion([noise(0.1), chunk], sample_rate=RATE))


@pytest.mark.parametrize("size", [63, 4096, True, 100.5])
def test_absurd_sizes_are_refused(pipe, size):
    with pytest.raises(InputError, match="size is a whole number of pixels"):
        pipe("mara", noise(0.1), sample_rate=RATE, size=size)
