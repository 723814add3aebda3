"""The kernels compile for Hopper without a GPU; `test_kernels_for_hopper.py` runs this in its own process."""

from typing import Any

import pytest
import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

from emotive.sampling.kernels import fused_step, group_norm_silu, pack_uint8

TYPES = {
    **dict.fromkeys(("x", "out", "added", "weight", "bias", "y"), "*bf16"),
    **dict.fromkeys(("noise", "following", "done", "moments"), "*fp32"),
    **dict.fromkeys(("eps", "start", "scale", "shift"), "fp32"),
    "pixels": "i32",
}
COUNTS = {"pixels", "stride", "each", "rows"}  # multiples of 16 at the sizes of SD-Turbo, as pointers are


def machine_code(kernel: Any, warps: int, constants: dict[str, Any], **types: str) -> dict[str, Any]:
    """What Triton makes of `kernel` at each stage, down to the binary for sm_90."""
    names, types = kernel.arg_names, {**TYPES, **types}
    signature = {n: "constexpr" if n in constants else types.get(n, "i32") for n in names}
    even = [n for n in names if signature[n].startswith("*") or n in COUNTS]
    source = ASTSource(
        fn=kernel,
        signature=signature,
        constexprs={(names.index(n),): value for n, value in constants.items()},
        attrs={(names.index(n),): [["tt.divisibility", 16]] for n in even},
    )
    made: Any = triton.compile(source, target=GPUTarget("cuda", 90, 32), options={"num_warps": warps})
    assert made.asm["cubin"]
    return made.asm


NORM = {"ADDED": True, "SILU": True}


def test_a_norm_in_one_launch_reads_16_bytes_at_once():
    sizes = {"CHANNELS": 1280, "EACH": 40, "BLOCK": 64, "PADDED": 64}
    ptx = machine_code(group_norm_silu._whole_groups, 4, {**NORM, **sizes})["ptx"]
    assert "ld.global.v4.b32" in ptx and "st.global.v4.b32" in ptx


def test_a_norm_in_two_launches_reads_8_bytes_at_once():
    block, _, tiles = group_norm_silu._tiling(1, 64 * 64, 32, 20)
    sizes = {"CHANNELS": 640, "EACH": 20, "BLOCK": block, "PADDED": 32, "GROUPS": 32, "ALL": 32}
    moments = machine_code(group_norm_silu._moments_of_tiles, 8, {"ADDED": True, **sizes})["ptx"]
    assert "ld.global.v2.b32" in moments  # a group begins at a multiple of 40 bytes
    tile = {"TILES": triton.next_power_of_2(tiles)}
    assert (
        "st.global.v2.b32"
        in machine_code(group_norm_silu._normalise_tiles, 8, {**NORM, **sizes, **tile})["ptx"]
    )


def test_the_steps_compile():
    numbers = dict.fromkeys(("next_x", "next_out", "next_noise"), "fp32")
    constants = {"NOISE": True, "BLOCK": fused_step.BLOCK}
    machine_code(fused_step._step, 4, constants, x="*fp32", **numbers)
    tables = dict.fromkeys(numbers, "*fp32")
    machine_code(fused_step._stream_step, 4, {**constants, "STEPS": 4, "BATCH": 1}, x="*fp32", **tables)


@pytest.mark.parametrize("flat", [True, False])
def test_packing_writes_16_bytes_at_once(flat: bool):
    constants = {"CHANNELS": 3, "FLAT": flat, "BLOCK": pack_uint8.BLOCK}
    assert "st.global.v4.b32" in machine_code(pack_uint8._pack, 4, constants, pixels="*u8")["ptx"]
