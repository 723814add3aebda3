"""The step of a `StepSchedule` in one launch: coefficients, noise, casts, and the shift of a stream batch.

Latents are small (64 KB at 512px), so what counts is the number of launches, not bytes: the sequential step
in plain torch is 4 to 6 of them, that of a stream batch about 10. Noise comes in as a tensor, drawn by the
sampler's own generator: in the kernel it would be another random stream, and not equal to the reference.
"""

import torch
import triton
import triton.language as tl
from torch import Tensor

from emotive.errors import InputError
from emotive.sampling.realtime.schedule import StepSchedule

from . import check_device, programs

BLOCK = 256  # values of a program: at 4 x 64 x 64 that is 64 programs a picture
DTYPES = (torch.float32, torch.bfloat16, torch.float16)


def fused_step(x: Tensor, out: Tensor, noise: Tensor | None, schedule: StepSchedule, i: int) -> Tensor:
    """`take_step`, and its cast of the model's output to x's float32, in one launch.

    Args:
        x: (B, C, H, W), float32, contiguous.
        out: like x, of any floating dtype, contiguous or channels last.
        noise: like x, or None.
        schedule: on the CPU: its numbers are read here.

    Raises InputError for other shapes, layouts or devices.
    """
    _check(x, out, noise)
    if schedule.next_x.device.type != "cpu":
        raise InputError("fused_step reads the schedule on the host: give schedule.to('cpu')")
    following = torch.empty_like(x)
    pixels = x.shape[-2] * x.shape[-1]
    row, channel, pixel = _strides(out)
    each = x[0].numel()
    programs(_step, triton.cdiv(each, BLOCK), len(x))(
        x, out, x if noise is None else noise, following,
        float(schedule.next_x[i]), float(schedule.next_out[i]), float(schedule.next_noise[i]),
        each, pixels, row, channel, pixel,
        NOISE=noise is not None, BLOCK=BLOCK, num_warps=4, enable_fp_fusion=False,
    )  # fmt: skip
    return following


def fused_stream_step(x: Tensor, out: Tensor, noise: Tensor, schedule: StepSchedule) -> Tensor:
    """`stream_step_in_place` in one launch: x becomes that of the next call; returns the finished picture.

    Args:
        x: (S, B, C, H, W), float32, contiguous; row i at step i. Overwritten.
        out: (S B, C, H, W), of any floating dtype, contiguous or channels last.
        noise: (D, B, C, H, W), float32, contiguous: the next picture sets out from noise[0]; with D = S,
            row i adds noise[i + 1] after its step (the last adds noise[0], times its coefficient: nothing).
            D = 1 is a schedule that adds none.
        schedule: S steps, on x's device.

    Returns: (B, C, H, W). Raises InputError for other shapes, layouts or devices.
    """
    steps = len(schedule)
    if x.ndim != 5 or len(x) != steps or noise.shape[1:] != x.shape[1:] or len(noise) not in (1, steps):
        raise InputError(
            f"a stream batch of {steps} steps takes x (S, B, C, H, W) and noise of S rows or one, not "
            f"{tuple(x.shape)} and {tuple(noise.shape)}"
        )
    _check(x.flatten(0, 1), out, None)
    if not (x.is_contiguous() and noise.is_contiguous() and noise.dtype == torch.float32):
        raise InputError("fused_stream_step takes contiguous float32 x and noise")
    check_device(x, noise, schedule.next_x)
    done = torch.empty_like(x[0])
    pixels, each, picture = x.shape[-2] * x.shape[-1], x[0].numel(), x[0, 0].numel()
    row, channel, pixel = _strides(out)
    programs(_stream_step, triton.cdiv(each, BLOCK))(
        x, out, noise, done, schedule.next_x, schedule.next_out, schedule.next_noise, float(schedule.start),
        each, picture, pixels, row, channel, pixel,
        STEPS=steps, NOISE=steps > 1 and len(noise) == steps, BATCH=x.shape[1], BLOCK=BLOCK, num_warps=4,
        enable_fp_fusion=False,
    )  # fmt: skip
    return done


def _check(x: Tensor, out: Tensor, noise: Tensor | None) -> None:
    if x.ndim != 4 or x.dtype != torch.float32 or not x.is_contiguous():
        raise InputError(
            f"a fused step takes contiguous float32 (B, C, H, W), not {tuple(x.shape)} of {x.dtype}"
        )
    if out.shape != x.shape or out.dtype not in DTYPES:
        raise InputError(
            f"the model's output must be {tuple(x.shape)}, not {tuple(out.shape)} of {out.dtype}"
        )
    if not (out.is_contiguous() or out.is_contiguous(memory_format=torch.channels_last)):
        raise InputError("the model's output must be contiguous or channels last")
    if noise is not None and (noise.shape != x.shape or noise.dtype != x.dtype or not noise.is_contiguous()):
        raise InputError(f"noise must be contiguous float32 {tuple(x.shape)}")
    check_device(x, out, noise)


def _strides(out: Tensor) -> tuple[int, int, int]:
    """From picture to picture, channel to channel and pixel to pixel. By shape: torch leaves strides of
    dimensions of size 1 open."""
    _, channels, height, width = out.shape
    pixels = height * width
    if out.is_contiguous():
        return channels * pixels, pixels, 1
    return channels * pixels, 1, channels


@triton.jit
def _step(
    x, out, noise, following, next_x, next_out, next_noise, each, pixels, row, channel, pixel,
    NOISE: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    picture = tl.program_id(1).to(tl.int64)
    within = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    valid = within < each
    at = picture * each + within
    answer = tl.load(
        out + picture * row + (within // pixels) * channel + (within % pixels) * pixel, mask=valid
    ).to(tl.float32)
    value = next_x * tl.load(x + at, mask=valid) + next_out * answer
    if NOISE:
        value += next_noise * tl.load(noise + at, mask=valid)
    tl.store(following + at, value, mask=valid)


@triton.jit
def _stream_step(
    x, out, noise, done, next_x, next_out, next_noise, start, each, picture, pixels, row, channel, pixel,
    STEPS: tl.constexpr, NOISE: tl.constexpr, BATCH: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """A program takes the same values of all rows, last row first: what it overwrites it has read itself."""
    within = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    valid = within < each
    inside = within % picture
    of = (within // picture) * row + (inside // pixels) * channel + (inside % pixels) * pixel
    for back in tl.static_range(STEPS):  # type: ignore[misc]
        i = STEPS - 1 - back
        answer = tl.load(out + i * BATCH * row + of, mask=valid).to(tl.float32)
        value = (
            tl.load(next_x + i) * tl.load(x + i * each + within, mask=valid) + tl.load(next_out + i) * answer
        )
        if NOISE:
            value += tl.load(next_noise + i) * tl.load(noise + ((i + 1) % STEPS) * each + within, mask=valid)
        if back == 0:
            tl.store(done + within, value, mask=valid)
        else:
            tl.store(x + (i + 1) * each + within, value, mask=valid)
    tl.store(x + within, start * tl.load(noise + within, mask=valid), mask=valid)
