"""Diffusers pipelines in real time: the pictures of the pipeline's own call, with affect and without."""

from typing import Any

import numpy as np
import pytest
import torch
from diffusers.models.autoencoders.autoencoder_tiny import AutoencoderTiny
from diffusers.pipelines.stable_diffusion.pipeline_stable_diffusion_img2img import (
    StableDiffusionImg2ImgPipeline,
)
from diffusers.schedulers.scheduling_euler_ancestral_discrete import EulerAncestralDiscreteScheduler
from diffusers.schedulers.scheduling_euler_discrete import EulerDiscreteScheduler
from diffusers.schedulers.scheduling_pndm import PNDMScheduler
from tiny_backbones import size_of, tiny_backbone
from torch import Tensor

from emotive.affect import Affect
from emotive.backbones.adapter import Part, Prompts, only
from emotive.backbones.blend import AffectBlend
from emotive.backbones.mapper import AffectMapper
from emotive.errors import InputError, WeightsError
from emotive.pipelines.realtime_backbone import AffectGrid, backbone_sampler, mean_embeds
from emotive.pipelines.with_affect import AffectCall, plain_embeds, with_affect
from emotive.sampling.realtime.tuning import Tuning

PROMPT = "a house"
PLAIN = Tuning(channels_last=False)
TURBO: Any = {"beta_schedule": "scaled_linear", "timestep_spacing": "trailing"}


def turbo_pipe(family: str) -> Any:
    """A tiny pipeline with the scheduler of SD-Turbo, of SDXL-Turbo, or of a latent consistency model."""
    pipe = tiny_backbone(family)
    if family == "sdxl":
        pipe.scheduler = EulerAncestralDiscreteScheduler(**TURBO)
    elif family != "lcm":
        pipe.scheduler = EulerDiscreteScheduler(**TURBO)
    return pipe


def by_the_pipeline(
    pipe: Any, prompts: list[str], steps: int, guidance: float, seed: int, **more
) -> np.ndarray:
    """What the pipeline's own call paints, uint8."""
    sources = [torch.Generator().manual_seed(seed + i) for i in range(len(prompts))]
    call: Any = dict(num_inference_steps=steps, guidance_scale=guidance, generator=sources, output_type="np")
    return (255 * pipe(prompts, **call, **size_of("sd"), **more).images).round()


def apart(frame: np.ndarray, other: np.ndarray) -> float:
    """The largest difference, in levels of 255."""
    assert frame.dtype == np.uint8 and frame.shape == other.shape
    return float(np.abs(frame.astype(float) - other).max())


@pytest.mark.parametrize(
    "family, steps, guidance", [("sd", 1, 0.0), ("sd2", 2, 0.0), ("lcm", 4, 8.5), ("sdxl", 3, 0.0)]
)
def test_a_plain_pipeline_paints_what_its_call_does(family, steps, guidance):
    pipe = turbo_pipe(family)
    sampler = backbone_sampler(pipe, steps, batch=2, tuning=PLAIN, guidance_scale=guidance)
    sampler.prepare([PROMPT, "rain"], seed=7)
    expected = by_the_pipeline(pipe, [PROMPT, "rain"], steps, guidance, 7)
    assert expected.std() > 1
    assert apart(sampler.step().pixels(), expected) <= 1
    with pytest.raises(InputError, match=r"with_affect\(pipe\)"):
        sampler.update("joy")


@pytest.mark.parametrize("family, steps, guidance", [("sd2", 2, 0.0), ("lcm", 4, 8.5), ("sdxl", 2, 0.0)])
def test_directions_paint_what_the_pipeline_paints(family, steps, guidance):
    pipe = with_affect(turbo_pipe(family), "directions")
    strength = 4.0  # a tiny encoder is moved little
    sampler = backbone_sampler(pipe, steps, tuning=PLAIN, guidance_scale=guidance, affect_strength=strength)
    sampler.prepare(PROMPT, "joy", seed=3)
    frames = [sampler.step().copy()]
    for affect in (Affect(-0.7, 0.9), Affect(0.2, -0.4, 0.8)):
        sampler.update(affect)
        frames.append(sampler.step().copy())
    for frame, affect in zip(frames, ("joy", Affect(-0.7, 0.9), Affect(0.2, -0.4, 0.8)), strict=True):
        felt = {"affect": affect, "affect_strength": strength}
        assert apart(frame, by_the_pipeline(pipe, [PROMPT], steps, guidance, 3, **felt)) <= 1
    assert apart(frames[0], frames[1].astype(float)) > 1


def test_directions_are_exact_between_the_anchors():
    pipe: Any = with_affect(tiny_backbone("sdxl"), "directions")
    sampler = backbone_sampler(pipe, 1, tuning=PLAIN, guidance_scale=1)
    grid: Any = sampler.denoiser.anchors  # type: ignore[attr-defined]
    assert grid.points.shape == (8, 3)
    anchors = grid.embeds([PROMPT, "rain"])
    again = grid.embeds(["rain", PROMPT, "rain"])
    assert torch.allclose(again.tokens, anchors.tokens[[1, 0, 1]], atol=1e-6)
    assert torch.allclose(again.pooled, anchors.pooled[[1, 0, 1]], atol=1e-6)
    affects = [Affect(0.37, -0.61, 0.2), Affect(-0.9, 0.1)]
    points = torch.tensor([[0.37, -0.61, 0.2], [-0.9, 0.1, float("nan")]])
    base = plain_embeds(pipe, [PROMPT, "rain"])
    (asked,) = pipe.affect_adapter(Prompts(base, None, lambda texts: base), points, 1.0)
    weights = grid.weights(affects)
    for found, expected in ((anchors.tokens, asked.embeds.tokens), (anchors.pooled, asked.embeds.pooled)):
        blended = torch.einsum("bm,bm...->b...", weights, found)
        assert torch.allclose(blended, expected, atol=1e-5)
    assert not torch.allclose(asked.embeds.tokens, base.tokens, atol=1e-3)


class Bent:
    """Moves embeds by the square of valence; asks nothing of the encoder."""

    name = "bent"

    def __init__(self):
        self.asked = torch.zeros(0, 3)

    def fingerprint(self) -> str:
        return "0" * 64

    def __call__(self, prompts: Prompts, points: Tensor, strength: float) -> list[Part]:
        self.asked = points
        embeds = prompts.embeds
        moved = embeds.tokens + strength * points[:, :1, None] ** 2
        return only(type(embeds)(moved, embeds.pooled, embeds.content))


def test_an_adapter_that_bends_is_asked_at_more_points_without_dominance():
    adapter = Bent()
    pipe = with_affect(turbo_pipe("sd"), adapter)  # type: ignore[arg-type]
    for count, anchors in ((None, 5), (9, 9)):
        sampler = backbone_sampler(pipe, 1, tuning=PLAIN, anchors=count, guidance_scale=0)
        sampler.prepare(PROMPT)
        assert len(adapter.asked) == anchors**2
        assert adapter.asked[:, :2].unique(dim=0).shape == (anchors**2, 2)
        assert adapter.asked[:, 2].isnan().all()
        grid: Any = sampler.denoiser.anchors  # type: ignore[attr-defined]
        tokens = grid.embeds([PROMPT]).tokens
        at = grid.weights([Affect(0.5, 0.9, 0.3)])
        blended = torch.einsum("bm,bmkd->bkd", at, tokens)[0] - plain_embeds(pipe, [PROMPT]).tokens[0]
        assert torch.allclose(blended, torch.tensor(0.25), atol=1e-5)  # .5 is an anchor of both


def test_a_mapper_is_exact_at_its_anchors():
    pipe: Any = turbo_pipe("sd")
    mapper = AffectMapper.untrained(lambda texts: plain_embeds(pipe, texts))
    for weight in mapper.network.parameters():
        weight.data.normal_(0, 0.3, generator=torch.Generator().manual_seed(weight.numel()))
    pipe = with_affect(pipe, mapper)
    sampler = backbone_sampler(pipe, 2, tuning=PLAIN, guidance_scale=0)
    sampler.prepare(PROMPT, Affect(-0.5, 1.0), seed=1)
    expected = by_the_pipeline(pipe, [PROMPT], 2, 0.0, 1, affect=Affect(-0.5, 1.0))
    assert apart(sampler.step().pixels(), expected) <= 1
    neutral = by_the_pipeline(pipe, [PROMPT], 2, 0.0, 1)
    assert np.abs(neutral - expected).max() > 1


def test_blending_predictions_becomes_blending_embeds():
    pipe: Any = with_affect(turbo_pipe("sdxl"), AffectBlend())
    sampler = backbone_sampler(pipe, 1, tuning=PLAIN, guidance_scale=0)
    grid: Any = sampler.denoiser.anchors  # type: ignore[attr-defined]
    found = grid.embeds([PROMPT])
    assert found.tokens.shape[:2] == (1, 9)
    base = plain_embeds(pipe, [PROMPT])
    prompts = Prompts(base, (PROMPT,), lambda texts: plain_embeds(pipe, texts), pipe)
    felt = mean_embeds(pipe.affect_adapter(prompts, torch.tensor([[0.3, -0.6, float("nan")]]), 1.0))
    weights = grid.weights([Affect(0.3, -0.6)])
    assert (weights > 0).sum() == 4
    assert felt.pooled is not None
    for mine, theirs in ((found.tokens, felt.tokens), (found.pooled, felt.pooled)):
        assert torch.allclose(torch.einsum("bm,bm...->b...", weights, mine), theirs, atol=1e-5)
    sampler.prepare(PROMPT, Affect(1.0, 1.0), seed=2)  # a pole is one prediction, and so the same picture
    expected = by_the_pipeline(pipe, [PROMPT], 1, 0.0, 2, affect=Affect(1.0, 1.0))
    assert apart(sampler.step().pixels(), expected) <= 1


def test_strength_zero_is_the_pipeline_without_affect():
    pipe = with_affect(turbo_pipe("sd"), "directions")
    sampler = backbone_sampler(pipe, 2, tuning=PLAIN, affect_strength=0, guidance_scale=0)
    sampler.prepare(PROMPT, "rage", seed=5)
    assert apart(sampler.step().pixels(), by_the_pipeline(pipe, [PROMPT], 2, 0.0, 5)) <= 1


def test_weights_of_a_grid():
    grid = AffectGrid(None, [(-1.0, 0.0, 1.0), (-1.0, 1.0), ()])
    assert grid.points.shape == (6, 3)
    generator = np.random.default_rng(0)
    affects = [Affect(*point) for point in generator.uniform(-1, 1, (50, 3))]
    weights = grid.weights(affects)
    assert (weights >= 0).all() and torch.allclose(weights.sum(1), torch.ones(50))
    asked = torch.tensor([[a.valence, a.arousal] for a in affects])
    assert torch.allclose(weights @ grid.points[:, :2], asked, atol=1e-6)
    corners = [Affect(*point[:2].tolist()) for point in grid.points]
    assert torch.equal(grid.weights(corners), torch.eye(6))


def test_the_pipeline_stays_as_it_was():
    pipe: Any = with_affect(turbo_pipe("sd"), "directions")
    expected = by_the_pipeline(pipe, [PROMPT], 2, 0.0, 1, affect="joy")
    sampler = backbone_sampler(pipe, 2, "stream", tuning=Tuning(), guidance_scale=0)
    sampler.prepare(PROMPT, "joy")
    sampler.step()
    assert pipe.scheduler.num_inference_steps == 2 and isinstance(pipe, AffectCall)
    assert np.abs(by_the_pipeline(pipe, [PROMPT], 2, 0.0, 1, affect="joy") - expected).max() <= 1


def test_a_small_autoencoder_paints_instead(tmp_path):
    pipe = turbo_pipe("sd")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        tiny = AutoencoderTiny(
            encoder_block_out_channels=(8, 8), decoder_block_out_channels=(8, 8),
            num_encoder_blocks=(1, 1), num_decoder_blocks=(1, 1),
        ).eval()  # fmt: skip
    tiny.save_pretrained(tmp_path / "taesd")
    frames = []
    for decoder in (tiny, tmp_path / "taesd"):
        sampler = backbone_sampler(pipe, 1, tuning=PLAIN, guidance_scale=0, decoder=decoder)
        sampler.prepare(PROMPT)
        frames.append(sampler.step().copy())
    pipe.vae = tiny
    assert apart(frames[0], by_the_pipeline(pipe, [PROMPT], 1, 0.0, 0)) <= 1
    assert np.array_equal(*frames)


def test_another_size():
    pipe = turbo_pipe("sdxl")
    sampler = backbone_sampler(pipe, 1, tuning=PLAIN, guidance_scale=0, size=(24, 32))
    sampler.prepare(PROMPT, seed=9)
    call: Any = dict(num_inference_steps=1, guidance_scale=0.0, output_type="np", width=24, height=32)
    expected = pipe(PROMPT, generator=torch.Generator().manual_seed(9), **call).images
    frame = sampler.step().pixels()
    assert frame.shape == (1, 32, 24, 3)
    assert apart(frame, (255 * expected).round()) <= 1


def test_what_a_model_is_made_for_is_the_default():
    sampler = backbone_sampler(tiny_backbone("lcm"), tuning=PLAIN)
    assert len(sampler.schedule) == 4
    pipe = turbo_pipe("sd")
    pipe.register_to_config(_name_or_path="stabilityai/sd-turbo")
    assert len(backbone_sampler(pipe, tuning=PLAIN).schedule) == 1


def img2img() -> Any:
    return StableDiffusionImg2ImgPipeline.from_pipe(tiny_backbone("sd"))  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "made, options, why",
    [
        (lambda: tiny_backbone("flux"), {}, "has no UNet"),
        (lambda: tiny_backbone("sd3"), {}, "has no UNet"),
        (img2img, {}, "starts from a picture"),
        (lambda: turbo_pipe("sd"), {"guidance_scale": None}, "guidance 7.5 takes two predictions"),
        (lambda: turbo_pipe("sd"), {"guidance_scale": "high"}, "guidance_scale"),
        (lambda: turbo_pipe("sd"), {"anchors": 3}, r"with_affect\(pipe\)"),
        (lambda: turbo_pipe("sd"), {"affect_strength": 2.0}, r"with_affect\(pipe\)"),
        (lambda: turbo_pipe("sd"), {"affect_strength": 11}, "affect_strength"),
        (lambda: turbo_pipe("sd"), {"size": (17, 16)}, "17x16 cannot be painted"),
        (lambda: turbo_pipe("sd"), {"steps": 0}, "num_inference_steps"),
        (lambda: turbo_pipe("sd"), {"mode": "batch"}, "mode"),
        (lambda: turbo_pipe("sd"), {"decoder": AutoencoderTiny(latent_channels=16)}, "reads 16 channels"),
        (lambda: turbo_pipe("sd"), {"tuning": Tuning(attention="cudnn")}, "attention by cudnn"),
        (lambda: with_affect(turbo_pipe("sd"), AffectBlend()), {"anchors": 1}, "anchors"),
    ],
)
def test_what_cannot_be_honoured_is_one_line(made, options, why):
    asked: Any = {"steps": 1, "tuning": PLAIN, "guidance_scale": 0, **options}
    with pytest.raises(InputError, match=why) as caught:
        backbone_sampler(made(), **asked)
    assert "\n" not in str(caught.value)


def test_a_scheduler_of_several_steps_is_refused():
    pipe = turbo_pipe("sd")
    pipe.scheduler = PNDMScheduler(skip_prk_steps=True)  # type: ignore[assignment]
    with pytest.raises(InputError, match="PNDMScheduler"):
        backbone_sampler(pipe, 4, tuning=PLAIN, guidance_scale=0)


def test_a_decoder_that_is_not_there(tmp_path):
    pipe = turbo_pipe("sd")
    (tmp_path / "config.json").write_text('{"_class_name": "UNet2DConditionModel"}')
    for where, why in ((tmp_path / "none", "no such folder"), (tmp_path, "holds a UNet2DConditionModel")):
        with pytest.raises(WeightsError, match=why) as caught:
            backbone_sampler(pipe, 1, tuning=PLAIN, guidance_scale=0, decoder=str(where))
        assert "\n" not in str(caught.value)


def test_realtime_opens_them_too():
    from emotive.pipelines.realtime import realtime

    pipe = tiny_backbone("lcm")
    sampler = realtime(pipe, steps=2, tuning=PLAIN)
    sampler.prepare(PROMPT, seed=4)
    assert apart(sampler.step().pixels(), by_the_pipeline(pipe, [PROMPT], 2, 8.5, 4)) <= 1


def test_the_autoencoder_of_xl_is_refused_in_fp16():
    with pytest.raises(InputError, match="overflows in fp16"):
        backbone_sampler(turbo_pipe("sdxl").to(torch.float16), 1, guidance_scale=0)
