"""The image pipeline on tiny random models of the real architecture: everything but the taste."""

import json
import shutil
import warnings
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers.schedulers.scheduling_ddim import DDIMScheduler
from diffusers.schedulers.scheduling_dpmsolver_multistep import DPMSolverMultistepScheduler
from diffusers.schedulers.scheduling_flow_match_euler_discrete import FlowMatchEulerDiscreteScheduler
from diffusers.schedulers.scheduling_flow_match_heun_discrete import FlowMatchHeunDiscreteScheduler
from diffusers.schedulers.scheduling_unipc_multistep import UniPCMultistepScheduler
from PIL import Image
from tiny import tiny_image_pipeline  # pyright: ignore[reportMissingImports]

from emotive import weights
from emotive.affect import Affect, AffectCurve
from emotive.errors import EmotiveError, InputError, WeightsError
from emotive.models.affect_embedding import AffectEmbedding, AffectTokens
from emotive.models.text_encoder import TextFeatures
from emotive.pipelines.image import EmotiveImagePipeline
from emotive.sampling.flow import flow_sigmas, guide, sample, velocity

SCENE = "a boat at sea at night in rain"
FLOW = 3  # steps at which the tiny model is a plain flow model; at 1, 2 and 4 it takes few steps
JOY, FEAR = Affect.parse("joy"), Affect.parse("fear")


@pytest.fixture(scope="module")
def shared() -> EmotiveImagePipeline:
    return tiny_image_pipeline()


@pytest.fixture
def pipe(shared: EmotiveImagePipeline):
    """The shared pipeline with a scheduler of its own; tests that change networks build their own."""
    shared.scheduler = FlowMatchEulerDiscreteScheduler(shift=2.0)
    return shared


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same pipeline in a folder, with its sums."""
    folder = tmp_path_factory.mktemp("models") / "tiny"
    tiny_image_pipeline().save_pretrained(folder)
    weights.write_sums(folder)
    return folder


@pytest.fixture
def model(saved: Path, tmp_path: Path) -> Path:
    """A copy of the saved pipeline, to damage."""
    return Path(shutil.copytree(saved, tmp_path / "model"))


def noise(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def noises(*seeds: int) -> list[torch.Generator]:
    return [noise(seed) for seed in seeds]


def latents(pipe: Any, prompt: Any = SCENE, affect: Any = JOY, seed: Any = 0, **options) -> torch.Tensor:
    """The small pictures that a call paints, undecoded."""
    generator = noise(seed) if isinstance(seed, int) else noises(*seed)
    return pipe(prompt, affect, **{"generator": generator, "output_type": "latent", **options}).images


def close(a: torch.Tensor, b: torch.Tensor, atol: float = 1e-5) -> None:
    torch.testing.assert_close(a, b, atol=atol, rtol=0)


def differ(a: torch.Tensor, b: torch.Tensor) -> bool:
    return bool((a - b).abs().amax() > 1e-3)


# -- seeds and batches ------------------------------------------------------------------------------------


@pytest.mark.parametrize("steps", [1, 4, FLOW])
def test_the_same_seed_paints_the_same_and_another_does_not(pipe, steps):
    first = latents(pipe, num_inference_steps=steps)
    assert torch.equal(latents(pipe, num_inference_steps=steps), first)
    assert differ(latents(pipe, seed=1, num_inference_steps=steps), first)


def test_the_random_state_of_the_process_is_neither_used_nor_moved(pipe):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        first = latents(pipe)
        torch.manual_seed(2)
        state = torch.get_rng_state()
        assert torch.equal(latents(pipe), first)
        assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("steps", [4, FLOW])
def test_a_batch_is_its_pictures(pipe, steps):
    prompts = [SCENE, "a cat in the forest", ""]
    affects = [JOY, Affect(-0.6, 0.1), None]
    together = latents(pipe, prompts, affects, seed=[5, 6, 7], num_inference_steps=steps)
    for i, (prompt, affect) in enumerate(zip(prompts, affects, strict=True)):
        close(latents(pipe, prompt, affect, seed=5 + i, num_inference_steps=steps)[0], together[i])


def test_pictures_beyond_what_is_decoded_at_once(pipe):
    small = latents(pipe, affect=[JOY] * 9, seed=list(range(9)), num_inference_steps=1)
    large = pipe.decode(small)
    assert large.shape == (9, 3, 512, 512)
    close(pipe.decode(small[8:])[0], large[8])


def test_several_images_per_prompt_lie_side_by_side(pipe):
    prompts, affects = [SCENE, "a cat in the forest"], [JOY, FEAR]
    out = pipe(prompts, affects, num_images_per_prompt=2, generator=noises(1, 2, 3, 4), output_type="latent")
    assert out.affects == [JOY, JOY, FEAR, FEAR]
    for i in range(4):
        close(latents(pipe, prompts[i // 2], affects[i // 2], seed=i + 1)[0], out.images[i])


def test_one_generator_gives_each_picture_its_own_noise(pipe):
    first, second = latents(pipe, num_images_per_prompt=2)
    assert differ(first, second)


def test_noise_can_be_given(pipe):
    given = pipe.prepare_latents(1, noise(3))
    assert given.shape == (1, 3, 64, 64) and given.dtype == torch.float32
    expected = latents(pipe, seed=3)
    assert torch.equal(latents(pipe, generator=None, latents=given), expected)
    assert torch.equal(given, pipe.prepare_latents(1, noise(3)))  # and is left as it was


# -- prompts and affects ----------------------------------------------------------------------------------


def test_one_prompt_takes_several_affects_and_one_affect_several_prompts(pipe):
    affects = latents(pipe, SCENE, ["joy", FEAR], seed=[0, 0])
    prompts = latents(pipe, [SCENE, ""], JOY, seed=[0, 0])
    assert affects.shape == prompts.shape == (2, 3, 64, 64)
    close(affects[0], prompts[0])
    assert differ(affects[0], affects[1]) and differ(prompts[0], prompts[1])


@pytest.mark.parametrize(
    ("prompt", "affect", "says"),
    [
        ([SCENE] * 2, [JOY] * 3, "2 prompts and 3 affects"),
        ([SCENE] * 3, [JOY] * 2, "3 prompts and 2 affects"),
        ([], JOY, "nothing to paint"),
        (SCENE, [], "nothing to paint"),
        ([SCENE] * 3, AffectCurve([(0, JOY), (0.5, FEAR)]), "3 prompts and 15 affects"),
    ],
)
def test_lists_that_do_not_pair_are_refused(pipe, prompt, affect, says):
    with pytest.raises(InputError, match=says):
        pipe(prompt, affect)


@pytest.mark.parametrize(
    ("affect", "same"),
    [
        ("joy", JOY),
        ("0.6,-0.2", Affect(0.6, -0.2)),
        ("joy:0.7+fear:0.3", Affect.parse("joy:0.7+fear:0.3")),
        (None, Affect.neutral()),
        ([None, "joy"], [Affect.neutral(), JOY]),
        ((JOY,), JOY),
        (AffectCurve([(0, "joy")]), JOY),
    ],
)
def test_an_affect_can_be_said_in_many_ways(pipe, affect, same):
    n = len(same) if isinstance(same, list) else 1
    out = pipe(SCENE, affect, generator=noises(*range(n)), output_type="latent")
    expected = pipe(SCENE, same, generator=noises(*range(n)), output_type="latent")
    assert torch.equal(out.images, expected.images)
    assert out.affects == expected.affects and all(isinstance(a, Affect) for a in out.affects)


def test_affect_dominance_and_words_all_change_the_picture(pipe):
    base = latents(pipe, SCENE, Affect(0.2, 0.2))
    for prompt, affect in (
        (SCENE, Affect(0.3, 0.2)),
        (SCENE, Affect(0.2, 0.1)),
        (SCENE, Affect(0.2, 0.2, 0.0)),
        (SCENE, Affect(0.2, 0.2, 0.9)),
        ("a ship at sea at night in rain", Affect(0.2, 0.2)),
        ("a boat at sea at night", Affect(0.2, 0.2)),
        ("", Affect(0.2, 0.2)),
    ):
        assert not torch.equal(latents(pipe, prompt, affect), base), (prompt, affect)


def test_unknown_words_are_named_and_left_out(pipe):
    with pytest.warns(UserWarning, match="left out: zeppelin"):
        got = latents(pipe, "a zeppelin near the sea")
    assert torch.equal(got, latents(pipe, "near the sea"))


@pytest.mark.parametrize("images", [1, 2])
def test_a_curve_gives_frames_that_move_over_still_noise(pipe, images):
    curve = AffectCurve([(0.0, Affect(-0.8, -0.5)), (1.0, Affect(0.8, 0.7))])
    out = pipe(SCENE, curve, fps=5, num_images_per_prompt=images, generator=noise(), output_type="latent")
    assert len(out.images) == len(out.affects) == 5 * images
    assert out.affects[::images] == [curve.at(i / 5) for i in range(5)]
    first_noise = pipe.prepare_latents(images, noise())
    for k in range(images):
        track = out.images[k::images]
        for i in range(5):
            alone = pipe(SCENE, curve.at(i / 5), latents=first_noise[k : k + 1], output_type="latent")
            close(alone.images[0], track[i])
        assert all(differ(a, b) for a, b in pairwise(track))
    if images == 2:
        assert differ(out.images[0], out.images[1])


def test_a_curve_can_have_noise_of_its_own_in_each_frame(pipe):
    curve = AffectCurve([(0.0, JOY), (1.0, JOY)])
    a, b = latents(pipe, affect=curve, seed=[1, 2], fps=2)
    assert differ(a, b)


@pytest.mark.parametrize("fps", [0, -1, float("nan"), float("inf"), 1001])
def test_a_frame_rate_that_makes_no_sense_is_refused(pipe, fps):
    with pytest.raises(InputError, match="fps"):
        pipe(SCENE, AffectCurve([(0, JOY), (1, FEAR)]), fps=fps)


@pytest.mark.parametrize("steps", [4, FLOW])
@pytest.mark.parametrize("affect", [JOY, Affect(0.7, -0.9), Affect(-1, 1, 1)])
def test_strength_zero_is_neutral_and_one_changes_nothing(pipe, affect, steps):
    how = {"num_inference_steps": steps}
    assert torch.equal(
        latents(pipe, affect=affect, affect_strength=0, **how), latents(pipe, affect=None, **how)
    )
    assert torch.equal(
        latents(pipe, affect=affect, affect_strength=1, **how), latents(pipe, affect=affect, **how)
    )


def test_strength_moves_along_the_ray_from_neutral_and_stops_at_the_edge(pipe):
    half = latents(pipe, affect=Affect(0.8, -0.4, 0.2), affect_strength=0.5)
    close(half, latents(pipe, affect=Affect(0.4, -0.2, 0.1)))
    beyond = latents(pipe, affect=Affect(0.8, -0.2), affect_strength=2)
    close(beyond, latents(pipe, affect=Affect(1.0, -0.4)))


def test_strength_leaves_an_unset_dominance_unset(pipe):
    close(
        latents(pipe, affect=Affect(0.8, -0.4), affect_strength=0.5), latents(pipe, affect=Affect(0.4, -0.2))
    )


# -- what comes out ---------------------------------------------------------------------------------------


def test_output_types_are_the_same_picture(pipe):
    small, tensor, array, pictures = (
        pipe(SCENE, [JOY, FEAR], generator=noises(1, 2), output_type=kind, texture=0).images
        for kind in ("latent", "pt", "np", "pil")
    )
    assert small.shape == (2, 3, 64, 64) and small.dtype == torch.float32 and small.abs().max() <= 1
    assert tensor.shape == (2, 3, 512, 512) and tensor.dtype == torch.float32
    assert tensor.min() >= 0 and tensor.max() <= 1 and tensor.std() > 0.01
    assert torch.equal(pipe.decode(small), tensor)
    assert array.shape == (2, 512, 512, 3) and array.dtype == np.float32
    assert np.array_equal(array, tensor.permute(0, 2, 3, 1).numpy())
    assert [type(p) for p in pictures] == [Image.Image] * 2
    for picture, values in zip(pictures, array, strict=True):
        assert picture.size == (512, 512) and picture.mode == "RGB"
        assert np.abs(np.asarray(picture) - 255.0 * values).max() <= 0.5 + 1e-3


def test_decoding_maps_minus_one_to_black_and_one_to_white(pipe):
    class Enlarge(torch.nn.Module):
        def forward(self, sample: torch.Tensor) -> torch.Tensor:
            return torch.nn.functional.interpolate(sample, scale_factor=8)

    own = tiny_image_pipeline()
    own.decoder.forward = Enlarge().forward
    small = torch.tensor([-3.0, -1.0, 0.0, 0.5, 1.0, 3.0]).reshape(6, 1, 1, 1).expand(6, 3, 64, 64)
    large = own.decode(small)
    close(large[:, 0, 0, 0], torch.tensor([0.0, 0.0, 0.5, 0.75, 1.0, 1.0]))


def test_a_tuple_on_request(pipe):
    images, affects = pipe(SCENE, "joy", generator=noise(), output_type="latent", return_dict=False)
    out = pipe(SCENE, "joy", generator=noise(), output_type="latent")
    assert torch.equal(images, out.images) and affects == out.affects == [JOY]
    assert out[0] is out.images and out["affects"] is out.affects


def test_texture_is_laid_on_after_decoding(pipe):
    def paint(**options) -> torch.Tensor:
        return pipe(SCENE, Affect(0, 1), generator=noise(), output_type="pt", **options).images

    plain, laid, more = paint(texture=0), paint(), paint(texture=2)
    assert torch.equal(paint(texture=1), laid)
    assert 0 < (laid - plain).abs().mean() < (more - plain).abs().mean() < 0.1
    assert abs(float((laid - plain).mean())) < 0.005  # it lights nothing up
    assert torch.equal(latents(pipe, texture=0), latents(pipe, texture=4))


# -- steps and callbacks ----------------------------------------------------------------------------------


@pytest.mark.parametrize("steps", [1, 4, FLOW])
def test_a_callback_sees_every_step(pipe, steps):
    seen = []

    def look(owner, step, timestep, tensors):
        assert owner is pipe and list(tensors) == ["latents"]
        seen.append((step, float(timestep), tensors["latents"].clone()))
        return tensors

    last = latents(pipe, num_inference_steps=steps, callback_on_step_end=look)
    assert [step for step, _, _ in seen] == list(range(steps))
    close(torch.tensor([t for _, t, _ in seen]), 1000 * flow_sigmas(steps, 2.0)[:-1], atol=1e-2)
    assert torch.equal(seen[-1][2].clamp(-1, 1), last)
    assert torch.equal(last, latents(pipe, num_inference_steps=steps))  # looking changes nothing


def test_a_callback_can_replace_the_latents(pipe):
    other = torch.full((1, 3, 64, 64), 0.25)

    def replace(owner, step, timestep, tensors):
        return {"latents": other} if step == 3 else {}

    assert torch.equal(latents(pipe, callback_on_step_end=replace), other)

    def restart(owner, step, timestep, tensors):
        return {"latents": other} if step == 0 else tensors

    assert differ(latents(pipe, callback_on_step_end=restart), latents(pipe))


def test_a_callback_gets_only_what_it_asks_for(pipe):
    seen = []

    def look(owner, step, timestep, tensors):
        seen.append(dict(tensors))
        return tensors

    got = latents(pipe, callback_on_step_end=look, callback_on_step_end_tensor_inputs=[])
    assert seen == [{}] * 4 and torch.equal(got, latents(pipe))


def test_a_callback_can_interrupt(pipe):
    seen = []

    def stop(owner, step, timestep, tensors):
        seen.append(tensors["latents"].clone())
        owner._interrupt = step == 1
        return tensors

    got = latents(pipe, callback_on_step_end=stop)
    assert len(seen) == 2 and torch.equal(got, seen[1].clamp(-1, 1))
    assert differ(got, latents(pipe))  # the next call goes all the way


def test_a_callback_cannot_ask_for_what_is_not_there(pipe):
    with pytest.raises(InputError, match="prompt_embeds"):
        pipe(SCENE, callback_on_step_end_tensor_inputs=["latents", "prompt_embeds"])


class Calls:
    """Batch sizes and step ends of the denoiser's calls while it lives."""

    def __init__(self, pipe: EmotiveImagePipeline):
        self.batches: list[int] = []
        self.plain: list[bool] = []
        self._hook = pipe.denoiser.register_forward_pre_hook(self._note)

    def _note(self, module, args):
        x, sigma, sigma_next = args[:3]
        self.batches.append(len(x))
        self.plain.append(bool((sigma == sigma_next).all()))

    def __enter__(self) -> "Calls":
        return self

    def __exit__(self, *_) -> None:
        self._hook.remove()


@pytest.mark.parametrize(
    ("options", "batches", "plain"),
    [
        ({"num_inference_steps": 1}, [1], False),
        ({"num_inference_steps": 4}, [1] * 4, False),
        ({"num_inference_steps": 4, "guidance_scale": 1, "affect_guidance_scale": 1}, [1] * 4, False),
        ({"num_inference_steps": 3}, [3] * 3, True),
        ({"num_inference_steps": 3, "guidance_scale": 1, "affect_guidance_scale": 1}, [1] * 3, True),
        ({"num_inference_steps": 3, "guidance_scale": 1, "affect_guidance_scale": 2}, [3] * 3, True),
        ({"num_inference_steps": 3, "affect": [JOY, FEAR]}, [6] * 3, True),
    ],
)
def test_how_often_the_network_is_asked(pipe, options, batches, plain):
    with Calls(pipe) as calls:
        latents(pipe, **options)
    assert calls.batches == batches and calls.plain == [plain] * len(batches)


# -- guidance ---------------------------------------------------------------------------------------------


def conditions(pipe: EmotiveImagePipeline) -> tuple[TextFeatures, TextFeatures, AffectTokens]:
    """Null text, text and affect of SCENE and JOY."""
    null = pipe.text_encoder(pipe.text_encoder.null(1))
    return null, pipe.encode_prompt([SCENE]), pipe.encode_affect([JOY])


@torch.no_grad()
def test_the_loop_is_guided_flow_by_eulers_method(pipe):
    """The pipeline's batched loop against the plain functions of `sampling`, one prediction at a time."""
    null, text, affect = conditions(pipe)
    scales = torch.tensor([[3.0, 1.7]])
    on, off = torch.tensor([False]), torch.tensor([True])

    def u(x: torch.Tensor, sigma: torch.Tensor, _: torch.Tensor) -> torch.Tensor:
        nothing, words, everything = (
            pipe.denoiser(x, sigma, sigma, said, affect, without, scales)
            for said, without in ((null, off), (text, off), (text, on))
        )
        return velocity(x, guide(nothing, words, everything, scales), sigma)

    expected = sample(u, pipe.prepare_latents(1, noise()), flow_sigmas(FLOW, 2.0)).clamp(-1, 1)
    got = latents(pipe, num_inference_steps=FLOW, guidance_scale=3.0, affect_guidance_scale=1.7)
    close(got, expected)


@torch.no_grad()
@pytest.mark.parametrize("steps", [1, 2, 4])
def test_few_steps_hand_the_scales_and_the_end_of_the_step_to_the_model(pipe, steps):
    _, text, affect = conditions(pipe)
    scales, on = torch.tensor([[3.0, 1.7]]), torch.tensor([False])

    def u(x: torch.Tensor, sigma: torch.Tensor, sigma_next: torch.Tensor) -> torch.Tensor:
        return velocity(x, pipe.denoiser(x, sigma, sigma_next, text, affect, on, scales), sigma)

    expected = sample(u, pipe.prepare_latents(1, noise()), flow_sigmas(steps, 2.0)).clamp(-1, 1)
    got = latents(pipe, num_inference_steps=steps, guidance_scale=3.0, affect_guidance_scale=1.7)
    close(got, expected)


def test_guidance_one_is_unguided(pipe):
    how = {"num_inference_steps": FLOW, "affect_guidance_scale": 1.0}
    with Calls(pipe) as single:
        unguided = latents(pipe, guidance_scale=1.0, **how)
    with Calls(pipe) as triple:  # rounds to 1 in float32, but takes the way of three predictions
        guided = latents(pipe, guidance_scale=1.0 + 1e-12, **how)
    assert single.batches == [1] * FLOW and triple.batches == [3] * FLOW
    close(guided, unguided)


@pytest.mark.parametrize("steps", [4, FLOW])
def test_each_scale_matters_and_none_is_the_models_own(pipe, steps):
    how = {"num_inference_steps": steps}
    words, feeling = pipe.guidance_defaults
    base = latents(pipe, **how)
    assert torch.equal(latents(pipe, guidance_scale=words, affect_guidance_scale=feeling, **how), base)
    assert differ(latents(pipe, guidance_scale=words + 1, **how), base)
    assert differ(latents(pipe, affect_guidance_scale=feeling + 1, **how), base)


def test_without_guidance_scales_nothing_is_heard(pipe):
    how = {"num_inference_steps": FLOW, "guidance_scale": 0, "affect_guidance_scale": 0}
    silent = latents(pipe, SCENE, JOY, **how)
    close(latents(pipe, "a cat in the forest", FEAR, **how), silent)
    deaf = {**how, "guidance_scale": 2}
    close(latents(pipe, SCENE, FEAR, **deaf), latents(pipe, SCENE, JOY, **deaf))
    assert differ(latents(pipe, "a cat in the forest", JOY, **deaf), latents(pipe, SCENE, JOY, **deaf))


@pytest.mark.parametrize("steps", [1, 2, 4])
@pytest.mark.parametrize(("name", "limit"), [("guidance_scale", 4.0), ("affect_guidance_scale", 3.0)])
def test_few_steps_take_guidance_up_to_the_models_limit(pipe, name, limit, steps):
    latents(pipe, num_inference_steps=steps, **{name: limit})
    for scale in (limit + 0.01, 0.99, 0.0, -1.0, float("nan"), float("inf")):
        with pytest.raises(InputError, match=f"^{name} must lie in 1..{limit:g} at {steps} steps"):
            pipe(SCENE, num_inference_steps=steps, **{name: scale})


def test_plain_flow_takes_any_guidance(pipe):
    for name in ("guidance_scale", "affect_guidance_scale"):
        for scale in (0, 0.5, 20.0):
            assert latents(pipe, num_inference_steps=FLOW, **{name: scale}).isfinite().all()
        for scale in (-0.1, 100.1, float("nan"), float("inf")):
            with pytest.raises(InputError, match=f"^{name} must lie in 0..100"):
                pipe(SCENE, num_inference_steps=FLOW, **{name: scale})


# -- schedulers -------------------------------------------------------------------------------------------

FLOW_PREDICTION = {"prediction_type": "flow_prediction", "use_flow_sigmas": True, "flow_shift": 2.0}
SCHEDULERS: dict[str, Callable] = {
    "euler": lambda config: FlowMatchEulerDiscreteScheduler.from_config(config),
    "heun": lambda config: FlowMatchHeunDiscreteScheduler.from_config(config),
    "unipc": lambda config: UniPCMultistepScheduler.from_config(config, **FLOW_PREDICTION),
    "dpm": lambda config: DPMSolverMultistepScheduler.from_config(config, **FLOW_PREDICTION),
    "dpm constructed": lambda config: DPMSolverMultistepScheduler(**FLOW_PREDICTION),
}


@pytest.mark.parametrize("steps", [1, 3, 10, 50])
@pytest.mark.parametrize("name", SCHEDULERS)
def test_every_flow_scheduler_returns_the_picture_that_the_model_sees(name, steps):
    own = tiny_image_pipeline()
    picture = 1.6 * torch.rand(1, 3, 64, 64, generator=noise(9)) - 0.8
    own.denoiser.forward = lambda sample, *_: picture.expand(len(sample), -1, -1, -1)
    own.scheduler = SCHEDULERS[name](own.scheduler.config)
    close(latents(own, num_inference_steps=steps), picture, atol=1e-4)


@pytest.mark.parametrize(
    ("name", "error"), [("euler", 0.02), ("heun", 0.004), ("unipc", 0.004), ("dpm", 0.004)]
)
def test_every_flow_scheduler_solves_the_same_equation(name, error):
    """Where pictures are normal, N(m, s^2), the best x0 is linear in x and the flow ends at m + s * noise."""
    own, m, s = tiny_image_pipeline(), 0.1, 0.2

    def best(sample: torch.Tensor, sigma: torch.Tensor, *_) -> torch.Tensor:
        k = sigma.reshape(-1, 1, 1, 1)
        return m + s * s * (1 - k) / ((1 - k) ** 2 * s * s + k * k) * (sample - (1 - k) * m)

    own.denoiser.forward = best
    own.scheduler = SCHEDULERS[name](own.scheduler.config)
    expected = (m + s * own.prepare_latents(1, noise())).clamp(-1, 1)
    got = latents(own, num_inference_steps=40)
    assert (got - expected).abs().mean() < error


def test_another_scheduler_makes_it_a_plain_flow_model(pipe):
    pipe.scheduler = SCHEDULERS["heun"](pipe.scheduler.config)
    with Calls(pipe) as calls:
        latents(pipe, num_inference_steps=4, guidance_scale=20.0)
    assert calls.batches == [3] * 7 and all(calls.plain)  # Heun asks twice a step, but once at the last


@pytest.mark.parametrize(
    "scheduler",
    [
        DDIMScheduler(),
        DPMSolverMultistepScheduler(),
        DPMSolverMultistepScheduler(prediction_type="flow_prediction"),
        DPMSolverMultistepScheduler(use_flow_sigmas=True),
        UniPCMultistepScheduler(prediction_type="flow_prediction"),
    ],
    ids=[
        "ddim",
        "dpm",
        "dpm without flow sigmas",
        "dpm without flow prediction",
        "unipc without flow sigmas",
    ],
)
def test_a_scheduler_of_another_kind_is_refused(pipe, scheduler):
    pipe.scheduler = scheduler
    with pytest.raises(InputError, match="not set up for flow matching"):
        pipe(SCENE, JOY)


# -- dtype ------------------------------------------------------------------------------------------------


def test_bfloat16_is_close_and_the_affect_embedding_stays_exact(pipe, saved):
    half = EmotiveImagePipeline.from_pretrained(saved, dtype=torch.bfloat16)
    moved = tiny_image_pipeline().to(torch.bfloat16)
    low: Any
    for low in (half, moved):
        low.set_progress_bar_config(disable=True)
        assert low.denoiser.dtype == low.decoder.dtype == low.text_encoder.dtype == torch.bfloat16
        assert low.affect_embedding.dtype == torch.float32
        assert low.affect_embedding.fingerprint() == pipe.affect_embedding.fingerprint()
        for steps in (4, FLOW):
            expected = latents(pipe, num_inference_steps=steps)
            got = latents(low, num_inference_steps=steps)
            assert got.dtype == torch.float32
            assert (got - expected).abs().mean() < 0.05 * expected.abs().mean()
        image = low(SCENE, JOY, generator=noise(), output_type="pt").images
        assert image.dtype == torch.float32 and image.isfinite().all()


# -- saving and loading -----------------------------------------------------------------------------------


@pytest.mark.parametrize("steps", [4, FLOW])
def test_a_saved_pipeline_paints_the_same(pipe, saved, steps):
    loaded: Any = EmotiveImagePipeline.from_pretrained(saved)
    loaded.set_progress_bar_config(disable=True)
    assert torch.equal(latents(loaded, num_inference_steps=steps), latents(pipe, num_inference_steps=steps))
    first, second = (
        p(SCENE, "joy", num_inference_steps=steps, generator=noise(), output_type="np").images
        for p in (pipe, loaded)
    )
    assert np.array_equal(first, second)
    assert loaded.guidance_defaults == pipe.guidance_defaults
    assert isinstance(loaded.scheduler, FlowMatchEulerDiscreteScheduler) and loaded.scheduler.shift == 2.0


def test_a_pipeline_knows_where_it_came_from(pipe, saved):
    loaded = EmotiveImagePipeline.from_pretrained(str(saved))
    assert loaded.name == str(saved) and loaded.fingerprint() == weights.fingerprint(saved)
    assert tiny_image_pipeline().fingerprint() == ""


def test_only_safetensors_are_saved(saved):
    suffixes = {file.suffix for file in saved.rglob("*") if file.is_file() and file.name != weights.SUMS}
    assert suffixes == {".safetensors", ".json"}
    assert len(list(saved.rglob("*.safetensors"))) == 4


def test_parts_can_be_exchanged_on_loading(saved):
    heun = FlowMatchHeunDiscreteScheduler(shift=2.0)
    assert EmotiveImagePipeline.from_pretrained(saved, scheduler=heun).scheduler is heun


def test_an_embedding_that_the_denoiser_does_not_know_is_refused(pipe):
    stranger = AffectEmbedding(n_tokens=4, dim=8, pooled_dim=16, width=16, n_frequencies=8)
    with pytest.raises(WeightsError) as error:
        EmotiveImagePipeline(pipe.text_encoder, stranger, pipe.denoiser, pipe.decoder, pipe.scheduler)
    for embedding in (stranger, pipe.affect_embedding):
        assert embedding.fingerprint()[:12] in str(error.value)


def edited(folder: Path, name: str, **changes) -> None:
    """Changes entries of a JSON file, and the sums with it: the digests match, the contents do not."""
    file = folder / name
    file.write_text(json.dumps({**json.loads(file.read_text()), **changes}))
    weights.write_sums(folder)


def truncate(folder: Path) -> None:
    file = folder / "denoiser" / "diffusion_pytorch_model.safetensors"
    file.write_bytes(file.read_bytes()[:-100])


def flip_a_bit(folder: Path) -> None:
    file = folder / "denoiser" / "diffusion_pytorch_model.safetensors"
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(data)


def leave_out(name: str) -> Callable[[Path], None]:
    """Removes a file or folder and writes the sums as if it had never been there."""

    def damage(folder: Path) -> None:
        path = folder / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()
        weights.write_sums(folder)

    return damage


DAMAGE: dict[str, tuple[Callable[[Path], object], str]] = {
    "missing": (shutil.rmtree, "there is no model"),
    "truncated": (truncate, "truncated"),
    "altered": (flip_a_bit, "differs from its sha256"),
    "pickled": (lambda f: (f / "denoiser" / "model.bin").write_bytes(b"\x80\x04N."), "pickle"),
    "unlisted": (lambda f: (f / "extra.json").write_text("{}"), "not listed"),
    "a file lost": (lambda f: (f / "decoder" / "config.json").unlink(), "is missing"),
    "no index": (leave_out("model_index.json"), "does not hold an image pipeline"),
    "no part": (leave_out("decoder"), "does not hold an image pipeline"),
    "no weights": (leave_out("decoder/diffusion_pytorch_model.safetensors"), "pytorch_model.safetensors"),
    "no JSON": (
        lambda f: ((f / "model_index.json").write_text("{"), weights.write_sums(f)),
        "does not hold an image pipeline",
    ),
    "JSON of another shape": (
        lambda f: ((f / "model_index.json").write_text("[]"), weights.write_sums(f)),
        "does not hold an image pipeline",
    ),
    "part of another class": (
        lambda f: edited(f, "model_index.json", decoder=["subprocess", "Popen"]),
        "does not hold an image pipeline",
    ),
    "settings of another type": (
        lambda f: edited(f, "decoder/config.json", channels="big"),
        "does not hold an image pipeline",
    ),
    "settings that do not fit": (
        lambda f: edited(f, "decoder/config.json", channels=[8, 8, 4]),
        "does not hold an image pipeline",
    ),
    "another vocabulary": (
        lambda f: edited(f, "text_encoder/config.json", vocabulary={"subject": {"house": ["house"]}}),
        "does not hold an image pipeline",
    ),
    "another embedding": (
        lambda f: edited(f, "denoiser/config.json", affect_sha256="0" * 64),
        "trained with the affect embedding 000000000000",
    ),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_a_damaged_model_is_refused_in_one_line(model, name):
    damage, says = DAMAGE[name]
    damage(model)
    with pytest.raises(WeightsError, match=says) as error:
        EmotiveImagePipeline.from_pretrained(model)
    assert "\n" not in str(error.value) and len(str(error.value)) < 500


def test_a_folder_without_a_model_is_refused(tmp_path):
    with pytest.raises(WeightsError, match=r"no \*\.safetensors"):
        EmotiveImagePipeline.from_pretrained(tmp_path)


def test_a_model_that_is_no_pipeline_is_refused(saved):
    with pytest.raises(WeightsError):
        EmotiveImagePipeline.from_pretrained(saved / "decoder")


# -- bad input --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"prompt": "a dragon"}, "names nothing that this model can draw"),
        ({"prompt": "x" * 100_000}, "100000 characters"),
        ({"prompt": 7}, "a prompt is text, not int"),
        ({"prompt": None}, "a prompt is text, not NoneType"),
        ({"prompt": [SCENE, 7]}, "a prompt is text, not int"),
        ({"affect": "joyy"}, "unknown emotion 'joyy'"),
        ({"affect": "2,0"}, "out of range"),
        ({"affect": "nan,0"}, "finite"),
        ({"affect": ""}, "empty"),
        ({"affect": 0.5}, "not float"),
        ({"affect": ["joy", 3]}, "not int"),
        ({"num_inference_steps": 0}, "num_inference_steps"),
        ({"num_inference_steps": -4}, "num_inference_steps"),
        ({"num_inference_steps": 1001}, "num_inference_steps"),
        ({"num_inference_steps": 4.0}, "num_inference_steps"),
        ({"num_inference_steps": "4"}, "num_inference_steps"),
        ({"affect_strength": -0.1}, "affect_strength"),
        ({"affect_strength": 11}, "affect_strength"),
        ({"affect_strength": float("nan")}, "affect_strength"),
        ({"texture": -0.1}, "texture"),
        ({"texture": 4.1}, "texture"),
        ({"texture": float("nan")}, "texture"),
        ({"num_images_per_prompt": 0}, "num_images_per_prompt"),
        ({"num_images_per_prompt": 1.5}, "num_images_per_prompt"),
        ({"output_type": "jpeg"}, "output_type must be one of pil, np, pt, latent"),
        ({"generator": noises(1, 2)}, "2 generators for 1 pictures"),
        ({"generator": noises(1, 2, 3), "num_images_per_prompt": 2}, "3 generators for 2 pictures"),
        ({"latents": torch.zeros(1, 3, 32, 32)}, "latents must be"),
        ({"latents": torch.zeros(3, 64, 64)}, "latents must be"),
        ({"latents": torch.zeros(2, 3, 64, 64)}, "latents must be"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_bad_input_is_one_line(pipe, given, says):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(InputError, match=says) as error:
            pipe(**{"prompt": SCENE, "affect": "joy", **given})
    assert isinstance(error.value, EmotiveError)
    assert "\n" not in str(error.value) and len(str(error.value)) < 400


def test_a_schedule_that_the_student_never_learned_is_plain_flow(pipe):
    """At another shift, 4 steps take guidance beyond the student's limits, as 20 steps do."""
    noise = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    with pytest.raises(InputError, match="at 4 steps"):
        pipe("a house", "joy", guidance_scale=9.0, latents=noise)
    pipe.scheduler = FlowMatchEulerDiscreteScheduler(shift=3.0)
    assert len(pipe("a house", "joy", guidance_scale=9.0, latents=noise).images) == 1
