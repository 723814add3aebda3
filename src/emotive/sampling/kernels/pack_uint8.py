"""Decoded pictures to pixels in one pass: scale, clamp, round, and channels innermost as 8-bit numbers."""

import torch
import triton
import triton.language as tl
from torch import Tensor

from emotive.errors import InputError

from . import check_device, programs

BLOCK = 2048  # bytes of a program: 16 in each of 128 threads
DTYPES = (torch.float32, torch.bfloat16, torch.float16)


def pack_uint8(x: Tensor, scale: float = 0.5, shift: float = 0.5) -> Tensor:
    """`packed` in one launch.

    Pixels (B, H, W, C) of pictures (B, C, H, W): 255 times x scale + shift, which is clamped to 0..1,
    rounded with halves to even, as diffusers' pipelines round.

    x: float32, bfloat16 or float16, of any strides. The default takes pictures in -1..1; 1 and 0 take 0..1.
    An operator of torch's (`emotive::pack_uint8`), which `torch.compile` takes as it is. Raises InputError
    for other shapes, dtypes or devices.
    """
    if x.ndim != 4 or x.dtype not in DTYPES or 0 in x.shape:
        raise InputError(
            f"pack_uint8 takes (B, C, H, W) of float32, bf16 or fp16, not {str(x.dtype)[6:]} {tuple(x.shape)}"
        )
    check_device(x)
    return _operator(x, scale, shift)


@torch.library.custom_op(
    "emotive::pack_uint8", mutates_args=(), schema="(Tensor x, float scale, float shift) -> Tensor"
)
def _operator(x, scale, shift):
    batch, channels, height, width = x.shape
    pixels = torch.empty(batch, height, width, channels, dtype=torch.uint8, device=x.device)
    each = channels * height * width
    programs(_pack, triton.cdiv(each, BLOCK), batch)(
        x, pixels, scale, shift, each, width, *x.stride(),
        CHANNELS=channels, FLAT=x.is_contiguous(memory_format=torch.channels_last), BLOCK=BLOCK, num_warps=4,
        enable_fp_fusion=False,  # product and sum rounded only once would differ from the reference
    )  # fmt: skip
    return pixels


@_operator.register_fake
def _like(x, scale, shift):
    batch, channels, height, width = x.shape
    return torch.empty(batch, height, width, channels, dtype=torch.uint8, device=x.device)


@triton.jit
def _pack(
    x, pixels, scale, shift, each, width, of_picture, of_channel, of_row, of_column,
    CHANNELS: tl.constexpr, FLAT: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """Bytes in the order in which they are written, so that a thread writes 16 at once: program (part,
    picture)."""
    picture = tl.program_id(1).to(tl.int64)
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    valid = at < each
    if FLAT:
        value = tl.load(x + picture * each + at, mask=valid)
    else:
        pixel = at // CHANNELS
        row = pixel // width
        value = tl.load(
            x
            + picture * of_picture
            + (at % CHANNELS) * of_channel
            + row * of_row
            + (pixel % width) * of_column,
            mask=valid,
        )
    wide = tl.minimum(tl.maximum(value.to(tl.float32) * scale + shift, 0.0), 1.0) * 255.0
    even = (
        wide + 8388608.0
    ) - 8388608.0  # from 2^23 on float32 has no fractions: the sum is rounded, half to even
    tl.store(pixels + picture * each + at, even.to(tl.uint8), mask=valid)
