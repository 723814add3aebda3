"""Group normalisation (Wu and He 2018) of channels-last pictures, with what a UNet has before and behind it.

A residual block adds a bias per channel (the time's), normalises, and applies SiLU: several passes over
memory as separate operations, and torch's own group norm answers channels first even where it is given
channels last (pytorch issue 111824), so that the convolution behind it turns the picture around again. Here
it is one launch where a group fits into the registers of a multiprocessor, and otherwise two: moments of
tiles of rows, then their merger (Chan et al. 1979) at the head of the pass that normalises. Sums are float32,
around a mean of the tile, so that a mean far from zero costs no digits.
"""

import torch
import triton
import triton.language as tl
from torch import Tensor
from torch.nn import functional as F

from emotive.errors import InputError

from . import check_device, programs

WHOLE = 32768  # values of a group (padded) that one program keeps: 64 registers in each of 512 threads
TILE = 8192  # values of a tile (padded): 32 in each of 256 threads, with as many in each of two sums
# That the tiles should make: two on each multiprocessor of an H200; fixed, so that every card sums alike.
PROGRAMS = 264
MAX_TILES = 64  # each program of the second pass reads the moments of all
DTYPES = (torch.float32, torch.bfloat16, torch.float16)


def group_norm_silu_reference(
    x: Tensor,
    weight: Tensor,
    bias: Tensor,
    groups: int,
    eps: float = 1e-5,
    added: Tensor | None = None,
    silu: bool = True,
) -> Tensor:
    """What `group_norm_silu` computes, in plain torch and float32."""
    wide = x.float() if added is None else x.float() + added.float().reshape(-1, x.shape[1], 1, 1)
    y = F.group_norm(wide, groups, weight.float(), bias.float(), eps)
    return (F.silu(y) if silu else y).to(x.dtype)


def group_norm_silu(
    x: Tensor,
    weight: Tensor,
    bias: Tensor,
    groups: int,
    eps: float = 1e-5,
    added: Tensor | None = None,
    silu: bool = True,
) -> Tensor:
    """silu(group_norm(x + added)), each group of a picture over its pixels and C / `groups` channels.

    Args:
        x: (N, C, H, W), channels last in memory; float32, bfloat16 or float16.
        weight, bias: (C,), of the norm.
        added: (N, C), (1, C) or (C,), added to every pixel before the norm; None is nothing.
        silu: False leaves the activation out.

    Returns: like x, channels last. An operator of torch's (`emotive::group_norm_silu`), which
    `torch.compile` and CUDA graphs take as it is. No gradient. Raises InputError for other shapes, dtypes,
    layouts or devices.
    """
    if x.ndim != 4 or x.dtype not in DTYPES or 0 in x.shape:
        raise InputError(f"group_norm_silu takes (N, C, H, W) of float32, bf16 or fp16, not {_said(x)}")
    channels = x.shape[1]
    if not x.is_contiguous(memory_format=torch.channels_last):
        raise InputError(
            "group_norm_silu takes channels-last memory: x.contiguous(memory_format=torch.channels_last)"
        )
    if groups < 1 or channels % groups:
        raise InputError(f"{channels} channels do not make {groups} equal groups")
    for name, tensor in (("weight", weight), ("bias", bias)):
        if tensor.shape != (channels,) or not tensor.is_contiguous():
            raise InputError(f"{name} must be ({channels},), not {_said(tensor)}")
    if added is not None:
        added = added[None] if added.ndim == 1 else added
        if added.ndim != 2 or added.shape[0] not in (1, len(x)) or added.shape[1] != channels:
            raise InputError(f"added must be ({len(x)}, {channels}) or (1, {channels}), not {_said(added)}")
        if added.stride(1) != 1:
            raise InputError("added must have its channels next to each other in memory")
    check_device(x, weight, bias, added)
    return _operator(x, weight, bias, added, groups, eps, silu)


@torch.library.custom_op(
    "emotive::group_norm_silu",
    mutates_args=(),
    schema="(Tensor x, Tensor weight, Tensor bias, Tensor? added, int groups, float eps, bool silu)"
    " -> Tensor",
)
def _operator(x, weight, bias, added, groups, eps, silu):
    count, channels, height, width = x.shape
    pixels, each = height * width, channels // groups
    y = torch.empty_like(x)  # channels last, as x
    first = x if added is None else added  # a pointer that is never read
    stride = 0 if added is None or len(added) == 1 else added.stride(0)
    flags = {"CHANNELS": channels, "EACH": each, "ADDED": added is not None, "SILU": silu}

    block, padded = triton.next_power_of_2(pixels), triton.next_power_of_2(each)
    if block * padded <= WHOLE:
        warps = min(16, max(4, block * padded // 2048))
        programs(_whole_groups, groups, count)(
            x, first, weight, bias, y, pixels, stride, eps,
            **flags, BLOCK=block, PADDED=padded, num_warps=warps,
        )  # fmt: skip
        return y

    block, rows, tiles = _tiling(count, pixels, groups, each)
    flags |= {"GROUPS": groups, "BLOCK": block, "PADDED": padded, "ALL": triton.next_power_of_2(groups)}
    moments = torch.empty(count, 2, tiles, groups, dtype=torch.float32, device=x.device)
    warps = 8 if block * flags["ALL"] * padded >= TILE else 4
    programs(_moments_of_tiles, tiles, count)(
        x, first, moments, pixels, rows, tiles, stride,
        **{k: v for k, v in flags.items() if k != "SILU"}, num_warps=warps,
    )  # fmt: skip
    share = max(block, rows // 4 // block * block)  # more programs than tiles: this pass has no second merger
    programs(_normalise_tiles, triton.cdiv(pixels, share), count)(
        x, first, weight, bias, moments, y, pixels, rows, tiles, share, stride, eps,
        **flags, TILES=triton.next_power_of_2(tiles), num_warps=warps,
    )  # fmt: skip
    return y


@_operator.register_fake
def _like(x, weight, bias, added, groups, eps, silu):
    return torch.empty_like(x)


def _tiling(count: int, pixels: int, groups: int, each: int) -> tuple[int, int, int]:
    """Pixels read at once, pixels in a tile (a multiple of those) and tiles in a picture."""
    across = triton.next_power_of_2(groups) * triton.next_power_of_2(each)
    block = min(max(1, TILE // across), triton.next_power_of_2(pixels))
    wanted = min(MAX_TILES, max(1, PROGRAMS // count))
    rows = triton.cdiv(triton.cdiv(pixels, wanted), block) * block
    return block, rows, triton.cdiv(pixels, rows)


def _said(tensor: Tensor) -> str:
    return f"{str(tensor.dtype)[6:]} {tuple(tensor.shape)}"


@triton.jit
def _whole_groups(
    x, added, weight, bias, y, pixels, stride, eps,
    CHANNELS: tl.constexpr, EACH: tl.constexpr, ADDED: tl.constexpr, SILU: tl.constexpr,
    BLOCK: tl.constexpr, PADDED: tl.constexpr,
):  # fmt: skip
    """One group of one picture, read once: program (group, picture)."""
    group, picture = tl.program_id(0), tl.program_id(1).to(tl.int64)
    within = tl.arange(0, PADDED)[None, :]
    channel = group * EACH + within
    pixel = tl.arange(0, BLOCK)[:, None]
    valid = (pixel < pixels) & (within < EACH)
    at = picture * pixels * CHANNELS + pixel * CHANNELS + channel

    value = tl.load(x + at, mask=valid, other=0.0).to(tl.float32)
    if ADDED:
        value += tl.load(added + picture * stride + channel, mask=within < EACH, other=0.0).to(tl.float32)
    number = pixels * EACH
    mean = tl.sum(tl.sum(tl.where(valid, value, 0.0), axis=1), axis=0) / number
    apart = tl.where(valid, value - mean, 0.0)
    rstd = tl.rsqrt(tl.sum(tl.sum(apart * apart, axis=1), axis=0) / number + eps)

    scale = tl.load(weight + channel, mask=within < EACH, other=0.0).to(tl.float32)
    shift = tl.load(bias + channel, mask=within < EACH, other=0.0).to(tl.float32)
    out = apart * rstd * scale + shift
    if SILU:
        out = out * tl.sigmoid(out)
    tl.store(y + at, out.to(y.dtype.element_ty), mask=valid)


@triton.jit
def _moments_of_tiles(
    x, added, moments, pixels, rows, tiles, stride,
    CHANNELS: tl.constexpr, EACH: tl.constexpr, ADDED: tl.constexpr, GROUPS: tl.constexpr,
    BLOCK: tl.constexpr, PADDED: tl.constexpr, ALL: tl.constexpr,
):  # fmt: skip
    """Mean and summed squares around it of every group in one tile of rows: program (tile, picture).

    moments: (N, 2, tiles, groups).
    """
    tile, picture = tl.program_id(0), tl.program_id(1).to(tl.int64)
    group = tl.arange(0, ALL)[None, :, None]
    within = tl.arange(0, PADDED)[None, None, :]
    channel = group * EACH + within
    known = (group < GROUPS) & (within < EACH)
    pixel = tl.arange(0, BLOCK)[:, None, None]
    first = tile * rows
    last = tl.minimum(first + rows, pixels)
    start = x + picture * pixels * CHANNELS + channel
    more = tl.zeros((1, ALL, PADDED), dtype=tl.float32)
    if ADDED:
        more = tl.load(added + picture * stride + channel, mask=known, other=0.0).to(tl.float32)

    # Around the mean of the first rows: of sums around zero, a mean far from it would leave no digits.
    valid = known & (first + pixel < last)
    value = tl.load(start + (first + pixel) * CHANNELS, mask=valid, other=0.0).to(tl.float32) + more
    here = tl.minimum(last - first, BLOCK) * EACH
    middle = tl.sum(tl.sum(tl.where(valid, value, 0.0), axis=2), axis=0) / here
    apart = tl.where(valid, value - middle[None, :, None], 0.0)
    once, twice = apart, apart * apart
    for row in range(first + BLOCK, last, BLOCK):
        valid = known & (row + pixel < last)
        value = tl.load(start + (row + pixel) * CHANNELS, mask=valid, other=0.0).to(tl.float32) + more
        apart = tl.where(valid, value - middle[None, :, None], 0.0)
        once += apart
        twice += apart * apart

    number = (last - first) * EACH
    off = tl.sum(tl.sum(once, axis=2), axis=0) / number
    squares = tl.sum(tl.sum(twice, axis=2), axis=0) - number * off * off
    flat = tl.arange(0, ALL)
    to = moments + (picture * 2 * tiles + tile) * GROUPS + flat
    tl.store(to, middle + off, mask=flat < GROUPS)
    tl.store(to + tiles * GROUPS, squares, mask=flat < GROUPS)


@triton.jit
def _normalise_tiles(
    x, added, weight, bias, moments, y, pixels, rows, tiles, share, stride, eps,
    CHANNELS: tl.constexpr, EACH: tl.constexpr, ADDED: tl.constexpr, SILU: tl.constexpr, GROUPS: tl.constexpr,
    BLOCK: tl.constexpr, PADDED: tl.constexpr, ALL: tl.constexpr, TILES: tl.constexpr,
):  # fmt: skip
    """Merges the moments of all tiles, and normalises `share` rows: program (share, picture)."""
    part, picture = tl.program_id(0), tl.program_id(1).to(tl.int64)
    tile = tl.arange(0, TILES)[:, None]
    column = tl.arange(0, ALL)[None, :]
    real = (tile < tiles) & (column < GROUPS)
    number = tl.where(tile < tiles, tl.minimum(pixels - tile * rows, rows), 0) * EACH
    at = moments + (picture * 2 * tiles + tile) * GROUPS + column
    means = tl.load(at, mask=real, other=0.0)
    squares = tl.load(at + tiles * GROUPS, mask=real, other=0.0)
    total = pixels * EACH
    mean = tl.sum(means * number, axis=0) / total
    apart = means - mean[None, :]
    rstd = tl.rsqrt((tl.sum(squares, axis=0) + tl.sum(number * apart * apart, axis=0)) / total + eps)

    group = tl.arange(0, ALL)[None, :, None]
    within = tl.arange(0, PADDED)[None, None, :]
    channel = group * EACH + within
    known = (group < GROUPS) & (within < EACH)
    pixel = tl.arange(0, BLOCK)[:, None, None]
    # y = x scale + shift: two numbers a channel, in registers while rows pass by.
    scale = tl.load(weight + channel, mask=known, other=0.0).to(tl.float32) * rstd[None, :, None]
    shift = tl.load(bias + channel, mask=known, other=0.0).to(tl.float32)
    middle = tl.zeros((1, ALL, PADDED), dtype=tl.float32) + mean[None, :, None]
    if ADDED:
        middle -= tl.load(added + picture * stride + channel, mask=known, other=0.0).to(tl.float32)
    start = picture * pixels * CHANNELS + channel
    first = part * share
    last = tl.minimum(first + share, pixels)
    for row in range(first, last, BLOCK):
        valid = known & (row + pixel < last)
        place = start + (row + pixel) * CHANNELS
        out = (tl.load(x + place, mask=valid, other=0.0).to(tl.float32) - middle) * scale + shift
        if SILU:
            out = out * tl.sigmoid(out)
        tl.store(y + place, out.to(y.dtype.element_ty), mask=valid)
