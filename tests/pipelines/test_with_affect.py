"""Affect on other people's pipelines: what is asked for reaches the denoiser, and nothing else changes."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
import torch
from diffusers.models.controlnets.controlnet import ControlNetModel
from diffusers.pipelines.auto_pipeline import AutoPipelineForImage2Image
from diffusers.pipelines.controlnet.pipeline_controlnet import StableDiffusionControlNetPipeline
from diffusers.pipelines.pipeline_utils import DiffusionPipeline
from diffusers.schedulers.scheduling_dpmsolver_multistep import DPMSolverMultistepScheduler
from tiny import tiny_image_pipeline
from tiny_backbones import TINY, size_of, tiny_backbone
from torch import Tensor

from emotive.affect import Affect
from emotive.backbones.adapter import Part, Prompts, only
from emotive.backbones.blend import PHRASES, AffectBlend
from emotive.errors import InputError
from emotive.pipelines.with_affect import _REQUEST, AffectCall, plain_embeds, with_affect

FAMILIES = list(TINY)


@dataclass
class Push:
    """An adapter that moves every content token by valence and arousal; it keeps what it was asked."""

    name: str = "push"
    asked: Prompts | None = None
    points: Tensor | None = None
    by: float = 3.0

    def fingerprint(self) -> str:
        return "0" * 64

    def __call__(self, prompts: Prompts, points: Tensor, strength: float) -> list[Part]:
        self.asked, self.points = prompts, points
        embeds = prompts.embeds
        move = strength * self.by * points[:, :1, None].to(embeds.tokens) * embeds.content[..., None]
        pooled = (
            None if embeds.pooled is None else embeds.pooled + strength * points[:, 1:2].to(embeds.pooled)
        )
        return only(replace(embeds, tokens=embeds.tokens + move, pooled=pooled))


def call(pipe: Any, prompt: Any = "a house", seed: int = 0, **kwargs: Any) -> np.ndarray:
    """Pictures (B, 16, 16, 3) after two steps."""
    size = {} if "image" in kwargs else {"height": 16, "width": 16}
    settings = {"num_inference_steps": 2, "output_type": "np", **size, **kwargs}
    if hasattr(pipe, "tokenizer_2"):  # T5's sequences of 512 tokens are slow, and padding here
        settings |= {"max_sequence_length": 64} if hasattr(pipe, "transformer") else {}
    return pipe(prompt, generator=torch.Generator().manual_seed(seed), **settings).images


@pytest.fixture(params=FAMILIES)
def family(request: pytest.FixtureRequest) -> str:
    return request.param


def test_it_is_the_same_object_and_class(family: str):
    pipe = tiny_backbone(family)
    kind, parts = type(pipe), pipe.components
    attached: Any = with_affect(pipe, AffectBlend())
    assert attached is pipe and isinstance(pipe, kind) and isinstance(pipe, AffectCall)
    assert type(pipe).__name__ == kind.__name__ and attached.components == parts
    told, own = (list(inspect.signature(k.__call__).parameters) for k in (type(pipe), kind))
    ours = ["affect", "affect_strength", "affect_guidance_scale", "directions"]
    assert [name for name in told if name not in ours] == own and set(ours) < set(told)


def test_without_affect_it_is_bit_for_bit_the_plain_pipeline(family: str):
    plain = call(tiny_backbone(family))
    pipe: Any = with_affect(tiny_backbone(family), Push())
    assert np.array_equal(call(pipe), plain)
    assert np.array_equal(call(pipe, affect="joy", affect_strength=0), plain)
    assert np.array_equal(call(pipe, affect="joy", affect_strength=0, affect_guidance_scale=4), plain)


def test_affect_moves_the_picture_and_the_same_seed_remakes_it(family: str):
    pipe: Any = with_affect(tiny_backbone(family), Push())
    plain, felt = call(pipe), call(pipe, affect="0.8,-0.5")
    assert np.abs(felt - plain).max() > 1e-3
    assert np.array_equal(felt, call(pipe, affect=Affect(0.8, -0.5)))
    assert np.array_equal(call(pipe), plain)  # nothing of it is left


def test_an_adapter_is_given_the_prompt_its_content_and_the_points(family: str):
    adapter = Push()
    pipe: Any = with_affect(tiny_backbone(family), adapter)
    call(pipe, ["a house", "cat"], affect=["0.5,-0.25", "-1,1,0.5"], num_images_per_prompt=2)
    assert adapter.asked is not None and adapter.points is not None
    assert adapter.asked.texts == ("a house", "a house", "cat", "cat")
    expected = [[0.5, -0.25, np.nan]] * 2 + [[-1, 1, 0.5]] * 2
    np.testing.assert_array_equal(adapter.points.numpy(), np.array(expected, np.float32))
    counts = adapter.asked.embeds.content.sum(1).tolist()
    # One token a letter; T5 marks the beginnings of words itself, CLIP their ends.
    assert counts == {"sd3": [12, 12, 6, 6]}.get(family, [6, 6, 3, 3])
    content = adapter.asked.embeds.content
    assert not content[:, 0].any() or family == "flux"  # CLIP starts with a token of its own, T5 does not


def test_a_batch_is_what_its_pictures_are_alone(family: str):
    pipe: Any = with_affect(tiny_backbone(family), Push())
    one, other = call(pipe, "a house", affect="joy"), call(pipe, "cat", 1, affect="fear")
    generators = [torch.Generator().manual_seed(i) for i in (0, 1)]
    settings: dict[str, Any] = {"num_inference_steps": 2, "output_type": "np", **size_of(family)}
    if family in ("sd3", "flux"):
        settings["max_sequence_length"] = 64
    both = pipe(["a house", "cat"], affect=["joy", "fear"], generator=generators, **settings).images
    np.testing.assert_allclose(both, np.concatenate([one, other]), atol=2e-5)


@pytest.mark.parametrize("family", ["sd", "sd2", "sdxl", "sd3"])  # the others take guidance as an input
def test_only_the_prompt_feels_not_the_negative_prompt(family: str):
    pipe: Any = with_affect(tiny_backbone(family), Push())
    seen: list[Tensor] = []
    denoiser = getattr(pipe, "unet", None) or pipe.transformer
    denoiser.register_forward_pre_hook(
        lambda module, args, kwargs: seen.append(kwargs["encoder_hidden_states"]), with_kwargs=True
    )
    call(pipe, negative_prompt="ugly")
    call(pipe, negative_prompt="ugly", affect="joy")
    plain, felt = seen[0], seen[-1]
    assert torch.equal(plain[0], felt[0]) and not torch.equal(plain[1], felt[1])


def test_flux_true_guidance_leaves_the_negative_prompt_alone():
    pipe: Any = with_affect(tiny_backbone("flux"), Push())
    seen: list[Tensor] = []
    pipe.transformer.register_forward_pre_hook(
        lambda module, args, kwargs: seen.append(kwargs["encoder_hidden_states"]), with_kwargs=True
    )
    call(pipe, negative_prompt="ugly", true_cfg_scale=3.0, num_inference_steps=1)
    call(pipe, negative_prompt="ugly", true_cfg_scale=3.0, num_inference_steps=1, affect="joy")
    assert not torch.equal(seen[0], seen[2]) and torch.equal(seen[1], seen[3])


def test_affect_guidance_moves_what_is_predicted_along_the_affect(family: str):
    """At scale g the denoiser's answer is plain + g (felt - plain), in one step and in what is decoded."""
    answers: list[Tensor] = []

    def predicted(scale: float, affect: str | None) -> Tensor:
        pipe: Any = with_affect(tiny_backbone(family), Push())
        denoiser = pipe._family.denoiser
        with torch.no_grad():
            answers.clear()
            own = pipe.scheduler.step
            pipe.scheduler.step = lambda out, *a, **k: (answers.append(out.clone()), own(out, *a, **k))[1]
            call(pipe, affect=affect, affect_guidance_scale=scale, num_inference_steps=1)
        assert not getattr(pipe, denoiser)._forward_hooks
        return answers[0]

    plain, felt, far = predicted(1, None), predicted(1, "joy"), predicted(2.5, "joy")
    torch.testing.assert_close(far, plain + 2.5 * (felt - plain), atol=1e-4, rtol=1e-3)
    torch.testing.assert_close(predicted(0, "joy"), plain, atol=1e-5, rtol=1e-4)


def test_an_empty_prompt_is_pure_mood(family: str):
    adapter = Push()
    pipe: Any = with_affect(tiny_backbone(family), adapter)
    picture = call(pipe, None, affect="joy")
    assert picture.shape == (1, 16, 16, 3) and adapter.asked is not None
    assert adapter.asked.embeds.content[:, 1:].all()


@pytest.mark.parametrize("family", ["sd", "sd2", "sd3"])  # XL's empty negative is made of zeros
def test_a_blended_mood_is_not_what_it_is_guided_away_from(family: str):
    """Without words the prompt says what the negative prompt says: the second half of the batch is meant."""
    pipe: Any = with_affect(tiny_backbone(family), AffectBlend())
    denoiser = getattr(pipe, "unet", None) or pipe.transformer
    plain: list[Tensor] = []
    mixed: list[Tensor] = []
    settings: dict[str, Any] = {"affect": "0.4,0.6", "guidance_scale": 5.0, "num_inference_steps": 1}

    def look(module: Any, args: Any, output: Any) -> None:  # before blending, for it was registered first
        if len(output[0]) == 2:
            plain.append(output[0].clone())

    denoiser.register_forward_hook(look)
    own = pipe.scheduler.step
    pipe.scheduler.step = lambda out, *a, **k: (mixed.append(out.clone()), own(out, *a, **k))[1]
    call(pipe, "", **settings)
    negative, meant = plain[0]
    torch.testing.assert_close(negative, meant)  # they say the same
    felt = negative + (mixed[0][0] - negative) / 5
    parts = [(0.24, ""), (0.16, PHRASES[1, 0, 0]), (0.36, PHRASES[0, 1, 0]), (0.24, PHRASES[1, 1, 0])]
    total = torch.zeros_like(felt)
    for weight, words in parts:
        plain.clear()
        call(pipe, words, guidance_scale=5.0, num_inference_steps=1)
        total += weight * plain[0][1]
    torch.testing.assert_close(felt, total, atol=1e-4, rtol=1e-3)


def test_given_embeds_of_pipelines_that_do_not_repeat_them():
    for family in ("sd3", "flux"):
        adapter = Push()
        pipe: Any = with_affect(tiny_backbone(family), adapter)
        embeds = plain_embeds(pipe, ["a house"])
        settings: dict[str, Any] = {"num_inference_steps": 1, "output_type": "np", **size_of(family)}
        given = {"prompt_embeds": embeds.tokens, "pooled_prompt_embeds": embeds.pooled}
        if family == "sd3":
            given |= {"negative_prompt_embeds": embeds.tokens, "negative_pooled_prompt_embeds": embeds.pooled}
        pipe(**given, affect="joy", **settings)
        assert adapter.points is not None and adapter.points.shape == (1, 3)


def test_threads_that_share_a_pipeline_do_not_mix_their_affects():
    from concurrent.futures import ThreadPoolExecutor

    pipe: Any = with_affect(tiny_backbone("sd"), AffectBlend())
    asked = [None, "0.4,0.6", "-0.5,0.2", None, "0.9,-0.3", None]
    alone = [call(pipe, affect=affect) for affect in asked]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda affect: call(pipe, affect=affect), asked))
    for one, other in zip(alone, together, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


def test_affect_that_reaches_nothing_is_said():
    pipe: Any = with_affect(tiny_backbone("sd"), AffectBlend())
    own = pipe.prepare_latents

    def exchange(*args: Any, **kwargs: Any) -> Any:
        request = _REQUEST.get()
        assert request is not None and request.parts is not None
        request.parts[0].embeds.tokens.add_(1)
        return own(*args, **kwargs)

    pipe.prepare_latents = exchange  # after encoding: the denoiser is then given other embeds
    with pytest.raises(InputError, match="the affect reached no prediction"):
        call(pipe, affect="0.4,0.6")


def test_embeds_instead_of_a_prompt():
    adapter = Push()
    pipe: Any = with_affect(tiny_backbone("sd"), adapter)
    tokens = plain_embeds(pipe, ["a house"]).tokens
    settings: dict[str, Any] = {"num_inference_steps": 2, "output_type": "np", **size_of("sd")}
    generator = torch.Generator().manual_seed(0)
    felt = pipe(prompt_embeds=tokens, affect="joy", generator=generator, **settings).images
    assert adapter.asked is not None and adapter.asked.texts is None
    assert np.isfinite(felt).all()
    with pytest.raises(InputError, match="needs the prompt as text"):
        with_affect(pipe, AffectBlend())(prompt_embeds=tokens, affect="joy", **settings)


@pytest.mark.parametrize("family", ["sd", "sdxl", "sd3", "flux"])
def test_img2img_made_from_it_takes_the_adapter_on(family: str):
    pipe = with_affect(tiny_backbone(family), Push())
    other: Any = with_affect(AutoPipelineForImage2Image.from_pipe(pipe), Push())
    other.set_progress_bar_config(disable=True)
    image = torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(1))
    size = {} if family in ("sd", "sdxl") else {"height": 16, "width": 16}
    plain = call(other, image=image, strength=1.0, **size)
    assert not np.array_equal(call(other, image=image, strength=1.0, affect="joy", **size), plain)
    assert np.array_equal(
        call(other, image=image, strength=1.0, affect="joy", affect_strength=0, **size), plain
    )


@pytest.mark.parametrize("adapter", [Push(), AffectBlend()], ids=["push", "blend"])
def test_controlnet(adapter: Any):
    base = tiny_backbone("sd")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        control = ControlNetModel.from_unet(base.unet, conditioning_embedding_out_channels=(8, 16)).eval()
    pipe: Any = StableDiffusionControlNetPipeline(
        **base.components, controlnet=control, requires_safety_checker=False
    )
    pipe.set_progress_bar_config(disable=True)
    image = torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(1))
    plain = call(pipe, image=image)
    with_affect(pipe, adapter)
    assert np.array_equal(call(pipe, image=image), plain)
    assert np.abs(call(pipe, image=image, affect="joy") - plain).max() > 1e-4


@pytest.mark.parametrize("family", ["sd", "flux"])
@pytest.mark.parametrize("adapter", [Push(), AffectBlend()], ids=["push", "blend"])
def test_offloading_gives_the_same_pictures(family: str, adapter: Any):
    from accelerate import cpu_offload

    here = call(with_affect(tiny_backbone(family), adapter), affect="joy")
    pipe: Any = with_affect(tiny_backbone(family), adapter)
    for module in pipe.components.values():
        if isinstance(module, torch.nn.Module):
            cpu_offload(module, execution_device=torch.device("cpu"))  # hooks as on CUDA: weights come and go
    assert {p.device.type for p in pipe.text_encoder.parameters()} == {"meta"}
    np.testing.assert_allclose(call(pipe, affect="joy"), here, atol=1e-6)


def test_lora_scale_scheduler_and_callback_work_as_before():
    from peft import LoraConfig

    pipe: Any = with_affect(tiny_backbone("sd"), AffectBlend())
    plain = call(pipe, affect="joy")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        pipe.unet.add_adapter(LoraConfig(r=2, target_modules=["to_q", "to_v"], init_lora_weights=False))
    with_lora = call(pipe, affect="joy")
    assert np.abs(with_lora - plain).max() > 1e-4
    pipe.unet.disable_adapters()
    np.testing.assert_allclose(call(pipe, affect="joy"), plain, atol=1e-6)
    pipe.scheduler = DPMSolverMultistepScheduler.from_config(pipe.scheduler.config)
    steps: list[int] = []

    def told(pipe: Any, step: int, timestep: Any, tensors: dict) -> dict:
        steps.append(step)
        return tensors

    call(pipe, affect="joy", callback_on_step_end=told, num_inference_steps=3)
    assert steps == [0, 1, 2]


def test_ip_adapter_works_as_before():
    pipe: Any = with_affect(tiny_backbone("sd"), AffectBlend())
    generator = torch.Generator().manual_seed(5)

    def weights(*shape: int) -> Tensor:
        return 0.3 * torch.randn(shape, generator=generator)

    tokens, wide, width = 4, 12, 16
    layers = {}
    for i, name in enumerate(pipe.unet.attn_processors):
        if name.endswith("attn2.processor"):
            attention = pipe.unet.get_submodule(name.removesuffix(".processor"))
            for key in ("to_k_ip", "to_v_ip"):
                layers[f"{i}.{key}.weight"] = weights(attention.inner_dim, width)
    projection = {"proj.weight": weights(tokens * width, wide), "proj.bias": weights(tokens * width)}
    projection |= {"norm.weight": torch.ones(width), "norm.bias": torch.zeros(width)}
    pipe.unet._load_ip_adapter_weights([{"image_proj": projection, "ip_adapter": layers}])
    picture = torch.stack([torch.zeros(1, wide), weights(1, wide)])  # without and with the picture
    plain = call(pipe, ip_adapter_image_embeds=[picture])
    felt = call(pipe, ip_adapter_image_embeds=[picture], affect="joy")
    other = call(pipe, ip_adapter_image_embeds=[3 * picture], affect="joy")
    assert np.abs(felt - plain).max() > 1e-4 and np.abs(other - felt).max() > 1e-4


def test_saved_it_is_the_plain_pipeline(tmp_path):
    pipe = with_affect(tiny_backbone("sd"), Push())
    pipe.save_pretrained(tmp_path / "sd")
    opened = DiffusionPipeline.from_pretrained(tmp_path / "sd")
    opened.set_progress_bar_config(disable=True)
    assert not isinstance(opened, AffectCall) and type(opened).__name__ == "StableDiffusionPipeline"
    assert np.array_equal(call(opened), call(pipe))


def test_a_failed_call_leaves_nothing_behind():
    @dataclass
    class Broken(Push):
        def __call__(self, prompts: Prompts, points: Tensor, strength: float) -> list[Part]:
            return only(replace(prompts.embeds, tokens=prompts.embeds.tokens * float("nan")))

    pipe: Any = with_affect(tiny_backbone("sd"), Broken())
    plain = call(pipe)
    with pytest.raises(InputError, match=r"adapter 'push': tokens of the prompt embeds are not finite"):
        call(pipe, affect="joy")
    assert np.array_equal(call(pipe), plain) and not pipe.unet._forward_hooks


def test_a_prompt_that_is_too_long_is_said_with_what_is_cut():
    pipe: Any = with_affect(tiny_backbone("sd"), Push())
    with pytest.warns(UserWarning, match="too long for 77 tokens; not read: 'xyz'"):
        call(pipe, "a" * 75 + "xyz", affect="joy")
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        call(pipe, "a" * 75, affect="joy")


BAD: Sequence[tuple[dict[str, Any], str]] = [
    ({"affect": "joyy"}, "joy"),
    ({"affect": []}, "empty list"),
    ({"affect": ["joy", "fear"]}, "2 affects for 1 prompts"),
    ({"affect": "joy", "affect_strength": 11}, "affect_strength must lie in 0..10"),
    ({"affect": "joy", "affect_strength": float("nan")}, "affect_strength must lie in 0..10"),
    ({"affect": "joy", "affect_guidance_scale": -1}, "affect_guidance_scale must lie in 0..100"),
    ({"affect": "joy", "affect_guidance_scale": float("nan")}, "affect_guidance_scale must lie in 0..100"),
]


@pytest.mark.parametrize(("kwargs", "line"), BAD)
def test_bad_arguments_are_one_line(kwargs: dict[str, Any], line: str):
    pipe: Any = with_affect(tiny_backbone("sd"), Push())
    with pytest.raises(InputError, match=line) as error:
        call(pipe, **kwargs)
    assert "\n" not in str(error.value)


def test_what_affect_cannot_be_attached_to():
    with pytest.raises(InputError, match="takes an affect already"):
        with_affect(tiny_image_pipeline(), AffectBlend())
    with pytest.raises(InputError, match="diffusers pipeline, not to UNet2DConditionModel"):
        with_affect(tiny_backbone("sd").unet, AffectBlend())

    class Other(DiffusionPipeline):
        pass

    with pytest.raises(InputError, match="Other is of no family that affect can be attached to: Stable Diff"):
        with_affect(Other(), AffectBlend())
