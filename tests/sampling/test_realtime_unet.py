"""UNets in real time: what is computed ahead changes nothing, and the steps are those of diffusers."""

import copy
from collections.abc import Sequence
from typing import Any

import pytest
import torch
from diffusers.models.autoencoders.autoencoder_tiny import AutoencoderTiny
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from diffusers.schedulers.scheduling_euler_ancestral_discrete import EulerAncestralDiscreteScheduler
from diffusers.schedulers.scheduling_euler_discrete import EulerDiscreteScheduler
from diffusers.schedulers.scheduling_lcm import LCMScheduler
from tiny_backbones import tiny_backbone
from torch import Tensor

from emotive.affect import Affect
from emotive.errors import InputError
from emotive.sampling.realtime.attention import attend, check_attention
from emotive.sampling.realtime.denoiser import rows_of
from emotive.sampling.realtime.sampler import RealtimeSampler
from emotive.sampling.realtime.schedule import StepSchedule
from emotive.sampling.realtime.step import take_step
from emotive.sampling.realtime.tiny_decoder import TinyDecoder
from emotive.sampling.realtime.tuning import Tuning
from emotive.sampling.realtime.unet import AnchorEmbeds, UNetDenoiser, blend, guidance_embedding
from emotive.sampling.realtime.unet_hoisting import shared_copy

FAMILIES = ("sd", "sd2", "lcm", "sdxl")
TURBO: Any = {"beta_schedule": "scaled_linear", "timestep_spacing": "trailing"}
PLAIN = Tuning(channels_last=False)
ANCHORS, TOKENS = 4, 7


class FourCorners:
    """Random embeds at the corners of valence and arousal, of one seed for each prompt."""

    def __init__(self, width: int, pooled: int):
        self.width, self.pooled = width, pooled

    def embeds(self, prompts: Sequence[str]) -> AnchorEmbeds:
        sources = [torch.Generator().manual_seed(len(prompt)) for prompt in prompts]
        tokens = [torch.randn(ANCHORS, TOKENS, self.width, generator=source) for source in sources]
        pooled = [torch.randn(ANCHORS, self.pooled, generator=source) for source in sources]
        return AnchorEmbeds(torch.stack(tokens), torch.stack(pooled) if self.pooled else None)

    def weights(self, affects: Sequence[Affect]) -> Tensor:
        v, a = torch.tensor([[(1 + each.valence) / 2, (1 + each.arousal) / 2] for each in affects]).T
        return torch.stack([(1 - v) * (1 - a), (1 - v) * a, v * (1 - a), v * a], 1)


def denoiser(family: str, schedule: StepSchedule, unet: Any = None, **options) -> UNetDenoiser:
    unet = unet or tiny_backbone(family).unet
    anchors = FourCorners(unet.config["cross_attention_dim"], 16 if family == "sdxl" else 0)
    if family == "sdxl":
        options["time_ids"] = (16, 16, 0, 0, 16, 16)
    with torch.no_grad():
        return UNetDenoiser(unet, schedule, anchors, **options)


def turbo(steps: int) -> StepSchedule:
    return StepSchedule.from_scheduler(EulerDiscreteScheduler(**TURBO), steps)


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@torch.no_grad()
def predicted(of: UNetDenoiser, x: Tensor, steps: range, affects: Sequence[Affect]) -> Tensor:
    condition = of.condition(of.scene(["house", "a meadow"]), of.control(affects))
    return of.draw(x, *rows_of(condition, steps, len(affects)))


def small_unet(**settings) -> UNet2DConditionModel:
    """One level, for what takes long to trace."""
    plain: dict[str, Any] = {
        "sample_size": 8, "block_out_channels": (8,), "layers_per_block": 1, "attention_head_dim": 2,
        "norm_num_groups": 4, "down_block_types": ("CrossAttnDownBlock2D",),
        "up_block_types": ("CrossAttnUpBlock2D",), "cross_attention_dim": 16,
    }  # fmt: skip
    return UNet2DConditionModel(**{**plain, **settings}).eval()


AFFECTS = (Affect(0.3, -0.8), Affect(-1.0, 0.25))


@pytest.mark.parametrize("family", FAMILIES)
def test_what_is_computed_ahead_changes_nothing(family):
    schedule = turbo(3)
    plain, hoisted = (denoiser(family, schedule, hoist=hoist) for hoist in (False, True))
    x = noise(6, 4, 8, 8)
    reference = predicted(plain, x, range(3), AFFECTS)
    assert reference.std() > 0.1
    assert torch.allclose(predicted(hoisted, x, range(3), AFFECTS), reference, atol=1e-5)
    one = predicted(hoisted, x[2:4], range(1, 2), AFFECTS)
    assert torch.allclose(one, reference[2:4], atol=1e-5)
    other = predicted(hoisted, x, range(3), AFFECTS[::-1])
    assert (other - reference).abs().max() > 1e-3


@pytest.mark.parametrize("family", FAMILIES)
def test_without_hoist_it_is_the_unet_itself(family):
    pipe, schedule = tiny_backbone(family), turbo(3)
    plain = denoiser(family, schedule, pipe.unet, hoist=False, guidance=8.5)
    x, corner = noise(2, 4, 8, 8), [Affect(1.0, 1.0)] * 2
    anchors = plain.anchors.embeds(["house", "a meadow"])
    more: dict[str, Any] = {}
    if family == "sdxl":
        assert anchors.pooled is not None
        sizes = torch.tensor([[16.0, 16, 0, 0, 16, 16]]).repeat(2, 1)
        more["added_cond_kwargs"] = {"text_embeds": anchors.pooled[:, 3], "time_ids": sizes}
    if family == "lcm":
        told = pipe.get_guidance_scale_embedding(torch.tensor([7.5, 7.5]), embedding_dim=8)
        more["timestep_cond"] = told
    with torch.no_grad():
        expected = pipe.unet(x, schedule.timesteps[1], anchors.tokens[:, 3], **more).sample
    assert torch.equal(predicted(plain, x, range(1, 2), corner), expected)


def test_blended_keys_and_values_are_those_of_blended_embeds():
    live = denoiser("sdxl", turbo(1))
    tokens, _ = live.anchors.embeds(["house", "a meadow"])
    weights = live.control(AFFECTS)
    assert torch.allclose(weights.sum(1), torch.ones(2))
    with torch.no_grad():
        assert torch.allclose(
            blend(live.project(tokens), weights), live.project(blend(tokens, weights)), atol=1e-5
        )


def test_half_precision_is_blended_in_full():
    anchors, weights = noise(1, ANCHORS, 500), torch.tensor([[0.251, 0.249, 0.253, 0.247]])
    exact = blend(anchors.half().float(), weights)
    assert blend(anchors.half(), weights).dtype == torch.float16
    assert torch.equal(blend(anchors.half(), weights), exact.half())


def diffusers_loop(unet: Any, scheduler: Any, steps: int, x: Tensor, text: Tensor, source, **more) -> Tensor:
    """As diffusers' pipelines take their steps without guidance."""
    scheduler.set_timesteps(steps)
    x = x * scheduler.init_noise_sigma
    for t in scheduler.timesteps:
        scaled = scheduler.scale_model_input(x, t)
        x = scheduler.step(unet(scaled, t, text, **more).sample, t, x, generator=source).prev_sample
    return x


@pytest.mark.parametrize(
    "family, made, steps",
    [
        ("sd2", lambda: EulerDiscreteScheduler(**TURBO), 1),
        ("sd2", lambda: EulerDiscreteScheduler(**TURBO, prediction_type="v_prediction"), 4),
        ("sdxl", lambda: EulerAncestralDiscreteScheduler(**TURBO), 4),
        ("lcm", lambda: LCMScheduler(), 4),
    ],
)
def test_steps_equal_those_of_diffusers(family, made, steps):
    pipe = tiny_backbone(family)
    schedule = StepSchedule.from_scheduler(made(), steps)
    live = denoiser(family, schedule, pipe.unet)
    tokens, pooled = live.anchors.embeds(["house"])
    more: dict[str, Any] = {}
    if pooled is not None:
        more["added_cond_kwargs"] = {
            "text_embeds": pooled[:, 3],
            "time_ids": torch.tensor([[16.0, 16, 0, 0, 16, 16]]),
        }
    if family == "lcm":
        more["timestep_cond"] = guidance_embedding(7.5, 8)
    start, source = noise(1, 4, 8, 8), torch.Generator().manual_seed(5)
    with torch.no_grad():
        expected = diffusers_loop(pipe.unet, made(), steps, start, tokens[:, 3], source, **more)
        condition = live.condition(live.scene(["house"]), live.control([Affect(1.0, 1.0)]))
        x, source = schedule.start * start, torch.Generator().manual_seed(5)
        for i in range(steps):
            out = live.draw(schedule.input_scale[i] * x, *rows_of(condition, range(i, i + 1), 1))
            drawn = torch.randn(x.shape, generator=source) if schedule.next_noise[i] else None
            x = take_step(x, out, drawn, schedule, i)
    assert (x - expected).abs().max() <= 1e-5 * max(1.0, float(expected.abs().max()))


class Kept(TinyDecoder):
    """Keeps the latents of the last frame."""

    def __call__(self, latents: Tensor, control: Tensor) -> Tensor:
        self.latents = latents.clone()
        return super().__call__(latents, control)


def tiny_decoder(**options) -> AutoencoderTiny:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        return AutoencoderTiny(
            encoder_block_out_channels=(8, 8), decoder_block_out_channels=(8, 8), num_encoder_blocks=(1, 1),
            num_decoder_blocks=(1, 1), **options,
        ).eval()  # fmt: skip


@pytest.mark.parametrize(
    "family, steps, hoist", [("sd2", 1, True), ("sd2", 3, True), ("lcm", 4, True), ("sdxl", 2, False)]
)
def test_a_stream_paints_what_one_after_another_does(family, steps, hoist):
    made = LCMScheduler() if family == "lcm" else EulerDiscreteScheduler(**TURBO)
    schedule = StepSchedule.from_scheduler(made, steps)
    latents = {}
    for mode in ("sequential", "stream"):
        keep = Kept(tiny_decoder())
        live = denoiser(family, schedule, hoist=hoist)
        sampler = RealtimeSampler(live, keep, schedule, mode, 2, PLAIN)
        sampler.prepare(["house", "a meadow"], list(AFFECTS), seed=4)
        for frame in sampler.stream(steps + 1):
            pixels = frame.pixels()
        assert pixels.shape == (2, 16, 16, 3) and pixels.std() > 0
        before = keep.latents
        sampler.update([Affect(0.9, 0.9), Affect(0.0, 0.0)])
        for _ in range(1 if mode == "sequential" else 2 * steps):
            sampler.step()
        latents[mode] = before, keep.latents
        assert (keep.latents - before).abs().max() > 1e-3
    scale = float(latents["sequential"][0].abs().max())
    for one, many in zip(*latents.values(), strict=True):
        assert (one - many).abs().max() <= 1e-5 * max(1.0, scale)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_unet_stays_as_it_was(family):
    pipe = tiny_backbone(family)
    unet = pipe.unet
    weights, processors = copy.deepcopy(unet.state_dict()), dict(unet.attn_processors)
    kinds = [type(module) for module in unet.modules()]
    live = denoiser(family, turbo(2), unet)
    predicted(live, noise(4, 4, 8, 8), range(2), AFFECTS)
    assert type(unet) is UNet2DConditionModel
    assert [type(module) for module in unet.modules()] == kinds
    assert unet.attn_processors == processors
    assert all(torch.equal(weights[name], value) for name, value in unet.state_dict().items())
    twin = shared_copy(unet)
    mine = {parameter.data_ptr() for parameter in unet.parameters()}
    assert {parameter.data_ptr() for parameter in twin.parameters()} == mine
    assert twin.down_blocks[0] is not unet.down_blocks[0]


def test_another_layout_of_memory_is_the_same_picture():
    unet = tiny_backbone("sd").unet
    x = noise(4, 4, 8, 8)
    expected = predicted(denoiser("sd", turbo(2), unet), x, range(2), AFFECTS)
    live = denoiser("sd", turbo(2), unet, channels_last=True)
    assert unet.conv_in.weight.is_contiguous(memory_format=torch.channels_last)
    assert torch.allclose(predicted(live, x, range(2), AFFECTS), expected, atol=1e-5)


@pytest.mark.parametrize("backend", ["math", "flash"])
def test_every_attention_is_the_same_attention(backend):
    x = noise(4, 4, 8, 8)
    for hoist in (True, False):
        expected = predicted(denoiser("sdxl", turbo(2)), x, range(2), AFFECTS)
        live = denoiser("sdxl", turbo(2), hoist=hoist, attention=backend)
        assert torch.allclose(predicted(live, x, range(2), AFFECTS), expected, atol=1e-5)


def test_math_is_what_math_says():
    q, k, v = noise(2, 3, 5, 8), noise(2, 3, 7, 8, seed=1), noise(2, 3, 7, 8, seed=2)
    expected = torch.softmax(q @ k.transpose(2, 3) / 8**0.5, -1) @ v
    for backend in ("sdpa", "math", "flash"):
        assert torch.allclose(attend(q, k, v, backend), expected, atol=1e-6)


@pytest.mark.parametrize("backend", ["cudnn", "efficient", "xformers"])
def test_attention_that_cannot_be_had_is_one_line(backend):
    with pytest.raises(InputError, match=f"attention by {backend}") as caught:
        check_attention(backend, torch.device("cpu"), torch.float32, [8])
    assert "\n" not in str(caught.value)


def test_it_is_one_graph_without_a_break():
    unet = small_unet(
        addition_embed_type="text_time",
        addition_time_embed_dim=8,
        projection_class_embeddings_input_dim=16 + 6 * 8,
        cross_attention_dim=32,
    )
    live = denoiser("sdxl", turbo(1), unet, attention="math")
    x = noise(2, 4, 8, 8)

    def frame(x: Tensor, scene: dict[str, Tensor], control: Tensor) -> Tensor:
        return live.draw(x, *live.condition(scene, control))

    scene = dict(live.scene(["house", "a meadow"]))
    with torch.no_grad():
        found = torch.compile(frame, backend="eager", fullgraph=True)(x, scene, live.control(AFFECTS))
    torch.compiler.reset()
    assert torch.allclose(found, predicted(live, x, range(1), AFFECTS), atol=1e-6)


def test_pixels_are_those_of_a_pipeline():
    pipe = tiny_backbone("sd")
    tiny = tiny_decoder(scaling_factor=0.7, shift_factor=0.2)
    vaes: list[Any] = [tiny, pipe.vae]
    for vae in vaes:
        scale, shift = vae.config["scaling_factor"], vae.config.get("shift_factor") or 0
        latents = noise(2, 4, 8, 8)
        with torch.no_grad():
            decoded = vae.decode(latents / scale + shift).sample
            expected = pipe.image_processor.postprocess(decoded, output_type="np")
            found = TinyDecoder(vae)(latents, torch.zeros(2, 1))
        assert found.dtype == torch.uint8 and found.shape == (2, 16, 16, 3) and found.is_contiguous()
        assert (found.numpy() == (255 * expected).round()).all()


def test_decoders_that_cannot_be_used():
    pipe: Any = tiny_backbone("sdxl")
    with pytest.raises(InputError, match="not UNet2DConditionModel"):
        TinyDecoder(pipe.unet)


@pytest.mark.parametrize(
    "settings, why",
    [
        ({"class_embed_type": "timestep"}, "class_embed_type='timestep'"),
        ({"encoder_hid_dim_type": "text_proj", "encoder_hid_dim": 8}, "encoder_hid_dim_type"),
        ({"attention_type": "gated"}, "attention_type='gated'"),
        ({"down_block_types": ("AttnDownBlock2D",)}, "the block AttnDownBlock2D"),
        ({"mid_block_type": "UNetMidBlock2DSimpleCrossAttn"}, "UNetMidBlock2DSimpleCrossAttn"),
        ({"dual_cross_attention": True}, "dual_cross_attention"),
    ],
)
def test_unets_that_are_not_supported_are_named(settings, why):
    unet = small_unet(**settings)
    with pytest.raises(InputError, match=why) as caught:
        denoiser("sd", turbo(1), unet)
    assert "\n" not in str(caught.value) and "Stable Diffusion 1, 2, Turbo and XL" in str(caught.value)


def test_other_networks_and_missing_conditions():
    with pytest.raises(InputError, match="SD3Transformer2DModel"):
        UNetDenoiser(tiny_backbone("sd3").transformer, turbo(1), FourCorners(16, 0))
    unet = tiny_backbone("sdxl").unet
    with pytest.raises(InputError, match="six time_ids"):
        UNetDenoiser(unet, turbo(1), FourCorners(32, 16))
    sizes: dict[str, Any] = {"time_ids": (16, 16, 0, 0, 16, 16)}
    with torch.no_grad():
        with pytest.raises(InputError, match="pooled"):
            UNetDenoiser(unet, turbo(1), FourCorners(32, 0), **sizes).scene(["house"])
        with pytest.raises(InputError, match="24 numbers a token and the UNet takes 32"):
            UNetDenoiser(unet, turbo(1), FourCorners(24, 16), **sizes).scene(["house"])
