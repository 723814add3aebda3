"""Attention by a chosen backend, and whether it can be had."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel

from emotive.errors import InputError

BACKENDS = {
    "cudnn": SDPBackend.CUDNN_ATTENTION,
    "flash": SDPBackend.FLASH_ATTENTION,
    "efficient": SDPBackend.EFFICIENT_ATTENTION,
    "math": SDPBackend.MATH,
}


def attend(query: Tensor, key: Tensor, value: Tensor, backend: str = "sdpa") -> Tensor:
    """Attention of queries (R, H, N, d) to K keys and values (R, H, K, d) -> (R, H, N, d), without a mask.

    backend: "sdpa" lets torch choose, "cudnn", "flash", "efficient" and "math" are its backends, "xformers"
    is the library's. Ask `check_attention` first.
    """
    if backend == "sdpa":
        return F.scaled_dot_product_attention(query, key, value)
    if backend == "xformers":
        from xformers.ops import memory_efficient_attention  # type: ignore[import-not-found]

        q, k, v = (part.transpose(1, 2) for part in (query, key, value))  # its layout is (R, N, H, d)
        return memory_efficient_attention(q, k, v).transpose(1, 2)
    with sdpa_kernel(BACKENDS[backend]):
        return F.scaled_dot_product_attention(query, key, value)


@torch.no_grad()
def check_attention(
    backend: str, device: torch.device, dtype: torch.dtype, head_widths: Iterable[int], keys: int = 77
) -> None:
    """Raises InputError unless attention by `backend` works there, in heads of all these widths, to as many
    keys as queries and to `keys`. It is tried: what a backend takes depends on the card and on versions."""
    if backend == "sdpa":
        return
    if backend == "xformers" and importlib.util.find_spec("xformers") is None:
        raise InputError("attention by xformers, which is not installed: pip install xformers, or take sdpa")
    for width in sorted(set(head_widths)):
        query = torch.zeros(1, 2, 64, width, device=device, dtype=dtype)
        other = torch.zeros(1, 2, keys, width, device=device, dtype=dtype)
        try:
            attend(query, query, query, backend)
            attend(query, other, other, backend)
        except (RuntimeError, NotImplementedError, ValueError, ImportError) as error:
            short = str(dtype).removeprefix("torch.")
            raise InputError(
                f"attention by {backend} cannot be had on {device.type} in {short} with heads of width "
                f"{width}: take sdpa, which lets torch choose"
            ) from error
