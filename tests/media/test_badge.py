"""The badge of synthetic pictures."""

import numpy as np
import pytest

from emotive.media.badge import badge


@pytest.mark.parametrize("size", [(64, 64), (512, 512), (360, 640), (2048, 2048)])
def test_it_stands_in_the_lower_left_corner_and_can_be_seen(size: tuple[int, int]):
    for level in (0, 128, 255):
        frame = np.full((*size, 3), level, np.uint8)
        marked = badge(frame)
        assert (frame == level).all() and marked.shape == frame.shape and marked.dtype == np.uint8
        rows, columns = np.nonzero((marked != frame).any(-1))
        assert rows.min() > size[0] - max(24, 0.2 * size[0]) and columns.max() < max(62, 0.6 * size[1])
        changed = marked[rows.min() :, : columns.max()]
        assert int(changed.max()) - int(changed.min()) > 120  # light letters on a dark ground
