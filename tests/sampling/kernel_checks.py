"""Each kernel against its reference; `test_kernels.py` runs this in a process of its own."""

import copy
from typing import Any

import pytest
import torch
from diffusers.models.resnet import ResnetBlock2D
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from torch import Tensor, nn

from emotive.errors import InputError
from emotive.sampling.kernels import group_norm_silu as norms
from emotive.sampling.kernels.fused_blocks import with_kernels
from emotive.sampling.kernels.fused_step import fused_step, fused_stream_step
from emotive.sampling.kernels.pack_uint8 import pack_uint8
from emotive.sampling.realtime.output import packed
from emotive.sampling.realtime.schedule import StepSchedule
from emotive.sampling.realtime.step import stream_step_in_place, take_step

DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")
HALVES = (torch.bfloat16, torch.float16)


def normal(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float32) -> Tensor:
    drawn = torch.randn(*shape, generator=torch.Generator().manual_seed(seed))
    return drawn.to(DEVICE, dtype)


def channels_last(x: Tensor) -> Tensor:
    return x.contiguous(memory_format=torch.channels_last)


def affine(channels: int, dtype: torch.dtype = torch.float32) -> tuple[Tensor, Tensor]:
    return normal(channels, seed=1, dtype=dtype), normal(channels, seed=2, dtype=dtype)


# (N, C, H, W), groups, rows of `added`, silu: odd sizes, groups that are no power of two, a single pixel or
# group.
CASES = [
    ((2, 12, 5, 7), 2, 2, True),
    ((2, 8, 1, 1), 4, 1, True),
    ((3, 20, 9, 4), 1, 0, True),
    ((1, 64, 6, 6), 32, None, False),
    ((1, 10, 7, 9), 5, None, True),
]


def tiled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Has small pictures take the two launches of large ones, in several tiles of several rows."""
    monkeypatch.setattr(norms, "WHOLE", 0)
    monkeypatch.setattr(norms, "TILE", 256)
    monkeypatch.setattr(norms, "PROGRAMS", 6)


@pytest.mark.parametrize("launches", [1, 2])
@pytest.mark.parametrize(("shape", "groups", "rows", "silu"), CASES)
def test_norm_equals_the_reference(shape, groups, rows, silu, launches, monkeypatch):
    if launches == 2:
        tiled(monkeypatch)
    x = channels_last(3 * normal(*shape) + 1)
    weight, bias = affine(shape[1])
    added = None if rows is None else normal(*([rows] if rows else []), shape[1], seed=3)
    y = norms.group_norm_silu(x, weight, bias, groups, 1e-5, added, silu)
    expected = norms.group_norm_silu_reference(x, weight, bias, groups, 1e-5, added, silu)
    assert y.is_contiguous(memory_format=torch.channels_last) and y.dtype == x.dtype
    torch.testing.assert_close(y, expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("launches", [1, 2])
@pytest.mark.parametrize("dtype", HALVES)
def test_norm_in_half_precision_is_the_reference_rounded(dtype, launches, monkeypatch):
    if launches == 2:
        tiled(monkeypatch)
    x = channels_last(normal(2, 24, 6, 5, dtype=dtype))
    weight, bias = affine(24, dtype)
    added = normal(2, 24, seed=3, dtype=dtype)
    y = norms.group_norm_silu(x, weight, bias, 4, added=added)
    expected = norms.group_norm_silu_reference(x, weight, bias, 4, added=added)
    # One step of the dtype: the interpreter cuts bf16 off where a GPU rounds it.
    torch.testing.assert_close(y, expected, atol=1e-6, rtol=torch.finfo(dtype).eps)


@pytest.mark.parametrize("launches", [1, 2])
def test_norm_keeps_its_digits_far_from_zero(launches, monkeypatch):
    # Sums around zero would have a variance of 1e8 +- 1: a thousand times off.
    if launches == 2:
        tiled(monkeypatch)
    x = channels_last(normal(1, 8, 12, 12).double() + 10000).float()
    weight, bias = affine(8)
    y = norms.group_norm_silu(x, weight, bias, 2, silu=False)
    exact = nn.functional.group_norm(x.double(), 2, weight.double(), bias.double(), 1e-5)
    torch.testing.assert_close(y.double(), exact, atol=5e-3, rtol=0)  # x itself has steps of 1e-3 there


def test_norm_tiles_cover_every_picture_of_sd_turbo():
    for count in (1, 2, 4, 16):
        for side, channels in ((64, 320), (64, 640), (64, 960), (32, 1920), (32, 2560), (16, 2560)):
            block, rows, tiles = norms._tiling(count, side * side, 32, channels // 32)
            assert rows % block == 0 and (tiles - 1) * rows < side * side <= tiles * rows
            assert tiles <= norms.MAX_TILES


def test_norm_refuses_what_it_cannot_do():
    x, (weight, bias) = channels_last(normal(2, 8, 4, 4)), affine(8)
    run = norms.group_norm_silu
    with pytest.raises(InputError, match="channels-last memory"):
        run(normal(2, 8, 4, 4), weight, bias, 2)
    with pytest.raises(InputError, match="channels-last memory"):
        run(x[:, :, ::2], weight, bias, 2)
    with pytest.raises(InputError, match="8 channels do not make 3 equal groups"):
        run(x, weight, bias, 3)
    with pytest.raises(InputError, match=r"weight must be \(8,\), not float32 \(4,\)"):
        run(x, weight[:4], bias, 2)
    with pytest.raises(InputError, match=r"added must be \(2, 8\) or \(1, 8\)"):
        run(x, weight, bias, 2, added=normal(3, 8))
    with pytest.raises(InputError, match="next to each other"):
        run(x, weight, bias, 2, added=normal(8, 2).T)
    with pytest.raises(InputError, match="not float64"):
        run(x.double(), weight, bias, 2)
    with pytest.raises(InputError, match="on one device"):
        run(x, weight, bias.to("meta"), 2)


def test_norm_is_an_operator_of_torch():
    x, (weight, bias) = channels_last(normal(2, 8, 4, 4)), affine(8)
    torch.library.opcheck(
        torch.ops.emotive.group_norm_silu.default,
        (x, weight, bias, normal(2, 8, seed=3), 2, 1e-5, True),
        test_utils=("test_schema", "test_faketensor"),
    )


def made_up_schedule(steps: int, seed: int = 5) -> StepSchedule:
    numbers = torch.randn(7, steps, generator=torch.Generator().manual_seed(seed))
    numbers[6, -1] = 0  # the last step ends at the picture
    return StepSchedule(*numbers.unbind(), start=1.7)


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("dtype", [torch.float32, *HALVES])
def test_step_equals_take_step(dtype, layout):
    schedule = made_up_schedule(3)
    x, noise = normal(2, 4, 9, 7), normal(2, 4, 9, 7, seed=1)
    out = normal(2, 4, 9, 7, seed=2, dtype=dtype).contiguous(memory_format=layout)
    for i in range(3):
        for given in (noise, None):
            expected = take_step(x, out.float(), given, schedule, i)
            torch.testing.assert_close(fused_step(x, out, given, schedule, i), expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("draws", [1, None])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("steps", [1, 2, 4])
def test_step_of_a_stream_equals_stream_step(steps, layout, draws):
    schedule = made_up_schedule(steps).to(DEVICE)
    x, batch = normal(steps, 3, 4, 9, 7), 3
    noise = normal(draws or steps, batch, 4, 9, 7, seed=1)
    for call in range(steps + 1):  # long enough for a picture to pass all rows
        out = normal(steps * batch, 4, 9, 7, seed=10 + call, dtype=torch.bfloat16).contiguous(
            memory_format=layout
        )
        other = x.clone()
        done = fused_stream_step(x, out, noise, schedule)
        torch.testing.assert_close(
            done, stream_step_in_place(other, out, noise, schedule), atol=1e-4, rtol=1e-5
        )
        torch.testing.assert_close(x, other, atol=1e-4, rtol=1e-5)
        x.copy_(other).div_(x.std())


def test_step_refuses_what_it_cannot_do():
    schedule, x = made_up_schedule(2), normal(2, 4, 6, 6)
    with pytest.raises(InputError, match="contiguous float32"):
        fused_step(x[..., ::2], x[..., ::2], None, schedule, 0)
    with pytest.raises(InputError, match="output must be"):
        fused_step(x, x[:1], None, schedule, 0)
    with pytest.raises(InputError, match="contiguous or channels last"):
        fused_step(x, normal(2, 4, 6, 6).transpose(2, 3), None, schedule, 0)
    with pytest.raises(InputError, match="noise must be contiguous"):
        fused_step(x, x, normal(2, 4, 6, 6).transpose(2, 3), schedule, 0)
    with pytest.raises(InputError, match="a stream batch of 2 steps"):
        fused_stream_step(normal(3, 1, 4, 6, 6), normal(3, 4, 6, 6), normal(1, 1, 4, 6, 6), schedule)


LAYOUTS = {
    "channels first": lambda x: x,
    "channels last": channels_last,
    "transposed": lambda x: x.transpose(2, 3),
    "cropped": lambda x: x[:, :, 1:, 2:-1],
    "expanded": lambda x: x[:1].expand(3, -1, -1, -1),
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", [torch.float32, *HALVES])
@pytest.mark.parametrize("channels", [3, 1])
def test_pack_equals_the_reference(channels, dtype, layout):
    x = LAYOUTS[layout](normal(2, channels, 33, 29, dtype=dtype))  # a third is clamped
    for scale, shift in ((0.5, 0.5), (1.0, 0.0), (0.3, 0.1)):
        assert torch.equal(pack_uint8(x, scale, shift), packed(x, scale, shift))


def test_pack_rounds_halves_to_even():
    halves = (torch.arange(255, device=DEVICE) + 0.5) / 255
    x = halves.view(1, 1, 1, -1)
    assert torch.equal(pack_uint8(x, 1, 0), packed(x, 1, 0))
    every = torch.arange(256, device=DEVICE).view(1, 1, 1, -1)
    assert torch.equal(pack_uint8(every / 255, 1, 0).flatten(), every.flatten().to(torch.uint8))


def test_pack_refuses_what_it_cannot_do():
    with pytest.raises(InputError, match="pack_uint8 takes"):
        pack_uint8(normal(3, 4, 4))
    with pytest.raises(InputError, match="uint8"):
        pack_uint8(torch.zeros(1, 3, 4, 4, dtype=torch.uint8, device=DEVICE))


def tiny_unet() -> Any:
    torch.manual_seed(0)
    unet: Any = UNet2DConditionModel(
        sample_size=8,
        block_out_channels=(16, 32),
        layers_per_block=1,
        norm_num_groups=2,
        cross_attention_dim=12,
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
        attention_head_dim=2,
        use_linear_projection=True,
    )
    for module in unet.modules():
        if isinstance(
            module, nn.GroupNorm
        ):  # as made they scale by 1 and shift by 0, and would hide mistakes
            nn.init.normal_(module.weight)
            nn.init.normal_(module.bias)
    return unet.eval().to(DEVICE)


def test_blocks_of_a_unet_answer_as_before():
    unet = tiny_unet()
    other = copy.deepcopy(unet)
    assert with_kernels(other) == sum(isinstance(module, nn.GroupNorm) for module in unet.modules())
    assert list(other.state_dict()) == list(unet.state_dict())
    x, text, time = normal(1, 4, 4, 4), normal(1, 5, 12, seed=1), torch.tensor([700.0], device=DEVICE)
    with torch.inference_mode():
        expected = unet(x, time, text).sample
        answer = other(x, time, text).sample
    torch.testing.assert_close(answer, expected, atol=2e-5, rtol=1e-4)
    with pytest.raises(InputError, match="has no group norm"):
        with_kernels(nn.Linear(2, 2))


def test_blocks_are_captured_whole():
    # fullgraph: what torch.compile cannot take in one piece is an error.
    unet = tiny_unet()
    with_kernels(unet)
    block: Any = next(module for module in unet.modules() if isinstance(module, ResnetBlock2D))
    x, time = channels_last(normal(1, 16, 4, 4)), normal(1, 64, seed=1)
    with torch.inference_mode():
        expected = block(x, time)
        whole = torch.compile(block, fullgraph=True, dynamic=False, backend="aot_eager")(x, time)
    torch.testing.assert_close(whole, expected, atol=1e-6, rtol=1e-6)
