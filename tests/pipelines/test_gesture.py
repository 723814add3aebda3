"""The gesture pipeline, on a tiny random model: lengths, chance, streaming, conditions, bad input."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from tiny import tiny_gesture_pipeline

from emotive.affect import Affect, AffectCurve
from emotive.body.actors import ACTORS
from emotive.body.skeleton import offsets_of
from emotive.errors import InputError, WeightsError
from emotive.evaluate.gesture_metrics import Seen, foot_skate
from emotive.models.affect_embedding import AffectEmbedding
from emotive.pipelines.gesture import EmotiveGesturePipeline
from emotive.signals import JOINT, BodyMotion, Phone, Speech, Syllable, Word

RATE = 24_000


@pytest.fixture(scope="module")
def pipe() -> EmotiveGesturePipeline:
    return tiny_gesture_pipeline()


def noise(seconds: float, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (0.1 * rng.standard_normal(round(seconds * RATE))).astype(np.float32).clip(-1, 1)


def move(
    pipe: EmotiveGesturePipeline, speech: object = None, affect: object = None, seed: int = 0, **how
) -> BodyMotion:
    how = {"num_inference_steps": 2, "sample_rate": None if isinstance(speech, Speech) else RATE, **how}
    speech = noise(1.5) if speech is None else speech
    made = pipe(speech, affect, generator=torch.Generator().manual_seed(seed), **how)  # type: ignore[arg-type]
    return made.motion  # type: ignore[union-attr]


def tracks(motion: BodyMotion) -> np.ndarray:
    return np.concatenate([motion.rotations.reshape(len(motion), -1), motion.root], 1)


@pytest.mark.parametrize(("seconds", "fps"), [(0.05, 30), (1.0, 25), (1.5, 30), (1.51, 60), (19.0, 24)])
def test_the_motion_is_as_long_as_the_sound(pipe, seconds: float, fps: int):
    motion = move(pipe, noise(seconds), fps=fps)
    assert len(motion) == max(1, round(seconds * fps)) and motion.fps == fps
    assert np.isfinite(tracks(motion)).all()


def test_same_seed_same_motion_and_another_seed_another(pipe):
    one, same, other = move(pipe), move(pipe), move(pipe, seed=1)
    assert np.array_equal(tracks(one), tracks(same)) and not np.array_equal(tracks(one), tracks(other))


def test_every_condition_moves_the_body(pipe):
    plain = tracks(move(pipe, affect="0,0"))
    assert not np.array_equal(plain, tracks(move(pipe, affect="0.8,0.8")))
    assert not np.array_equal(plain, tracks(move(pipe, noise(1.5, seed=9), affect="0,0")))
    assert not np.array_equal(plain, tracks(move(pipe, affect="0,0", style=np.full(16, 1.5))))
    phones = (Phone("AA1", 0, 0.7), Phone("M", 0.7, 1.5))
    spoken = Speech(noise(1.5), RATE, "", phones, (Syllable(1, 0, 1.5),), (Word("all", 0, 1.5),))
    assert not np.array_equal(plain, tracks(move(pipe, spoken, affect="0,0")))


def test_strength_0_is_neutral_and_half_of_a_point_is_the_point_at_half(pipe):
    neutral = tracks(move(pipe, affect=Affect.neutral()))
    assert np.array_equal(neutral, tracks(move(pipe, affect="0.9,-0.9", affect_strength=0)))
    half = tracks(move(pipe, affect="0.8,0.4", affect_strength=0.5))
    assert np.array_equal(tracks(move(pipe, affect="0.4,0.2")), half)


def test_affect_of_the_speech_is_the_default(pipe):
    spoken = Speech(noise(1), RATE, affect=AffectCurve([(0, "joy"), (1, "sad")]))
    assert move(pipe, spoken).affect == spoken.affect
    assert np.array_equal(tracks(move(pipe, spoken)), tracks(move(pipe, spoken, spoken.affect)))


def test_a_curve_moves_the_body_where_it_differs(pipe):
    still, late = (
        move(pipe, noise(8), AffectCurve([(0, "0,0"), (5, "0,0"), (5.1, to)])) for to in ("0,0", "1,1")
    )
    apart = np.abs(tracks(still) - tracks(late)).max(1)
    assert apart[180:].max() > 1e-3 and apart[:15].max() < 0.02 * apart[180:].max()


def test_emotion_from_another_recording_is_its_curve_stretched(pipe):
    made = move(pipe, noise(3), emotion_from=noise(6, seed=3))
    times = [time for time, _ in made.affect.keyframes]
    assert len(times) > 1 and 0 <= times[0] and times[-1] <= 3
    again = move(pipe, noise(3), made.affect)
    np.testing.assert_allclose(tracks(made), tracks(again), atol=1e-5)


def test_an_actor_brings_habits_and_build(pipe):
    name, actor = next((n, a) for n, a in ACTORS.items() if a.build.height != 1)
    made = move(pipe, style=name)
    np.testing.assert_array_equal(made.offsets, offsets_of(actor.build))
    np.testing.assert_array_equal(tracks(made), tracks(move(pipe, style=actor)))
    assert not np.array_equal(tracks(made), tracks(move(pipe)))


def test_silence_is_a_body_that_stands(pipe):
    motion = move(pipe, np.zeros(2 * RATE, np.float32))
    hips = motion.positions()[:, JOINT["hips"], 1]
    assert len(motion) == 60 and (hips > 0.8).all() and (hips < 1.0).all()


def test_guidance_1_is_unguided_and_more_is_another(pipe):
    plain = tracks(move(pipe, affect="0.9,0.5", guidance_scale=1, affect_guidance_scale=1))
    near = tracks(move(pipe, affect="0.9,0.5", guidance_scale=1 + 1e-6, affect_guidance_scale=1))
    assert np.allclose(plain, near, atol=2e-3)
    assert not np.allclose(plain, tracks(move(pipe, affect="0.9,0.5", affect_guidance_scale=4)), atol=2e-3)


def test_feet_stand_where_they_stand(pipe):
    motion = move(pipe, noise(6), "1,1")
    assert foot_skate(Seen(motion)) < 1  # cm/s


def test_a_stream_makes_every_frame_once_and_forgets(pipe):
    sound, chunk, given, late = noise(12), 3200, 0, []

    def audio():
        nonlocal given
        for i in range(0, len(sound), chunk):
            given = min(i + chunk, len(sound))
            yield sound[i : i + chunk]

    made = []
    for piece in pipe.stream(audio(), "joy", sample_rate=RATE, num_inference_steps=1):
        assert piece.start == pytest.approx(sum(map(len, made)) / 30)
        if given < len(sound):
            late.append(given / RATE - piece.start)
        made.append(piece)
    assert sum(map(len, made)) == 360
    assert max(late) < 1.3 and len(late) > 30
    whole = np.concatenate([tracks(piece) for piece in made])
    joint = np.cumsum([len(piece) for piece in made])[:-1]
    steps = np.abs(np.diff(whole, axis=0)).max(1)
    # Pieces join on to each other as smoothly as frames do within one.
    assert np.median(steps[joint - 1]) < 2 * np.median(steps)


@pytest.mark.parametrize("fps", [24, 60])
def test_a_stream_may_come_in_any_pieces(pipe, fps: int):
    sound, rng = noise(2), np.random.default_rng(0)
    parts = [part for part in np.split(sound, np.sort(rng.integers(1, len(sound), 30))) if len(part)]
    pieces = pipe.stream(parts, sample_rate=RATE, num_inference_steps=1, fps=fps)
    assert sum(len(piece) for piece in pieces) == 2 * fps


def test_it_is_saved_and_opened_again(pipe, tmp_path: Path):
    pipe.save_pretrained(tmp_path / "gesture")
    again = EmotiveGesturePipeline.from_pretrained(tmp_path / "gesture")
    again.set_progress_bar_config(disable=True)
    assert np.allclose(tracks(move(pipe)), tracks(move(again)), atol=1e-5)


def test_the_network_of_another_medium_is_refused(pipe):
    with pytest.raises(TypeError, match="its denoiser is a Linear"):
        EmotiveGesturePipeline(pipe.affect_embedding, torch.nn.Linear(1, 1), pipe.scheduler)  # type: ignore


def test_a_file_has_its_own_rate_beside_samples(pipe, tmp_path: Path):
    soundfile.write(tmp_path / "a.wav", noise(1.5), 16_000)
    one = move(pipe, str(tmp_path / "a.wav"))  # which comes with the rate of other samples
    assert len(one) == round(1.5 * RATE / 16_000 * 30)


def test_another_embedding_is_refused(pipe):
    stranger = AffectEmbedding(n_tokens=4, dim=8, pooled_dim=16, width=16, n_frequencies=8)
    with pytest.raises(WeightsError, match="was trained with the affect embedding"):
        EmotiveGesturePipeline(stranger, pipe.denoiser, pipe.scheduler)


def test_callbacks_see_and_change_latents(pipe):
    seen = []

    def tell(_, step: int, timestep: object, tensors: dict) -> dict:
        seen.append((step, tuple(tensors["latents"].shape)))
        return {"latents": torch.zeros_like(tensors["latents"])}

    still = move(pipe, callback_on_step_end=tell)
    assert seen == [(0, (1, 23, 50)), (1, (1, 23, 50))]
    assert not np.array_equal(tracks(still), tracks(move(pipe)))


@pytest.mark.parametrize(
    ("how", "says"),
    [
        ({"speech": np.zeros(0, np.float32)}, "at least 20 ms"),
        ({"speech": np.full(RATE, np.nan, np.float32)}, "not finite"),
        ({"speech": noise(1), "sample_rate": None}, "does not tell its sample rate"),
        ({"speech": "missing.wav", "sample_rate": None}, "does not exist"),
        ({"speech": Speech(np.zeros(0, np.float32), RATE)}, "lasts 0 s"),
        ({"fps": 5}, "fps must lie in 10..120"),
        ({"affect_strength": -1}, "affect_strength must lie in 0..10"),
        ({"num_inference_steps": 0}, "num_inference_steps must be"),
        ({"guidance_scale": -1}, "guidance_scale must lie"),
        ({"affect": "jou"}, "unknown emotion"),
        ({"affect": "joy", "emotion_from": noise(2)}, "not both"),
        ({"emotion_from": np.zeros(2 * RATE, np.float32)}, "silent"),
        ({"style": ["x"] * 16}, "16 numbers within 4"),
        ({"style": "nobody"}, "nobody"),
        ({"style": np.zeros(3)}, "16 numbers"),
        ({"style": np.full(16, np.nan)}, "16 numbers"),
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
        list(pipe.stream([noise(0.1), chunk], sample_rate=RATE))
