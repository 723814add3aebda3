"""The end of a frame on a CPU, in one pass over its pixels instead of ten: enlarge, add, texture, round.

On one thread: two would halve its millisecond and a half, and wait for each other on a busy machine.
What it computes is `ImageDecoder`'s last line, `lay_texture` and rounding to bytes; tests hold it to them.
"""

from __future__ import annotations

import numba
import numpy as np


@numba.njit(cache=True, fastmath=True, error_model="numpy", nogil=True)
def finish(
    small: np.ndarray,
    detail: np.ndarray,
    paper: np.ndarray,
    strokes: np.ndarray,
    shares: tuple[float, float],
    out: np.ndarray,
) -> None:
    """Writes one finished picture.

    small: float32 (h, w, 3) in [-1, 1], enlarged bilinearly to H x W. detail: float32 (H / 2, W / 2, 12),
    what the decoder adds, before `F.pixel_shuffle`. paper, strokes: float32 (H, W), see `texture_fields`, and
    how much there is of each, `shares`. out: uint8 (H, W, 3).
    """
    height, width = paper.shape
    calm, aroused = np.float32(shares[0]), np.float32(shares[1])
    rows, columns = small.shape[:2]
    left, right, share = np.empty(width, np.int32), np.empty(width, np.int32), np.empty(width, np.float32)
    for x in range(width):
        at = max(0.0, (x + 0.5) * columns / width - 0.5)
        left[x] = int(at)
        right[x] = min(left[x] + 1, columns - 1)
        share[x] = at - left[x]
    for y in range(height):
        at = max(0.0, (y + 0.5) * rows / height - 0.5)
        top = int(at)
        bottom, down = min(top + 1, rows - 1), np.float32(at - top)
        edge = small[top] + down * (small[bottom] - small[top])  # (w, 3)
        for x in range(width):
            i, j, across = left[x], right[x], share[x]
            k = 2 * (y % 2) + x % 2
            more = detail[y // 2, x // 2]
            r = 0.5 + 0.5 * (edge[i, 0] + across * (edge[j, 0] - edge[i, 0]) + more[k])
            g = 0.5 + 0.5 * (edge[i, 1] + across * (edge[j, 1] - edge[i, 1]) + more[4 + k])
            b = 0.5 + 0.5 * (edge[i, 2] + across * (edge[j, 2] - edge[i, 2]) + more[8 + k])
            r, g, b = min(max(r, 0.0), 1.0), min(max(g, 0.0), 1.0), min(max(b, 0.0), 1.0)
            light = (r + g + b) * np.float32(1 / 3)
            grain = (calm * paper[y, x] + aroused * strokes[y, x]) * (0.35 + 2.6 * light * (1 - light))
            out[y, x, 0] = np.uint8(255 * min(max(r + grain, 0.0), 1.0) + 0.5)
            out[y, x, 1] = np.uint8(255 * min(max(g + grain, 0.0), 1.0) + 0.5)
            out[y, x, 2] = np.uint8(255 * min(max(b + grain, 0.0), 1.0) + 0.5)
