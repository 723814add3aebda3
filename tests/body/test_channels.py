"""The splines that motion is written in: exact where they can be, smooth everywhere, the same at any rate."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emotive.affect import AffectCurve
from emotive.body.channels import CHANNEL, CHANNELS, HAND, TOKENS, knots_of, of, tracks_of
from emotive.body.performing import Performer
from emotive.signals.archive import frame_rate

TIMES = np.arange(241) / 30


def test_fifty_controls_with_names_of_their_own():
    assert len(CHANNELS) == len(set(CHANNELS)) == 50
    assert [CHANNELS[i] for i in range(50)[of("right")]] == [f"right.{name}" for name in HAND]


@pytest.mark.parametrize(("hertz", "error"), [(0.3, 2e-3), (1, 5e-3), (2, 5e-3), (3, 0.02)])
def test_what_hands_do_is_kept(hertz: float, error: float):
    track = np.sin(2 * np.pi * hertz * TIMES + hertz)[:, None]
    again = tracks_of(knots_of(track, 30), TIMES)
    inside = slice(6, -6)
    assert np.sqrt(np.square(again - track)[inside].mean()) < error


def test_straight_lines_are_exact_and_so_is_rest():
    line = np.stack([TIMES, np.ones_like(TIMES)], 1)
    again = tracks_of(knots_of(line, 30), TIMES)
    np.testing.assert_allclose(again[8:-8], line[8:-8], atol=1e-3)
    np.testing.assert_allclose(again[:, 1], 1, atol=1e-6)


@given(st.integers(1, 40), st.sampled_from([15, 24, 25, 30, 60, 120]))
def test_a_constant_is_a_constant_however_short(frames: int, fps: int):
    knots = knots_of(np.full((frames, 3), 2.5), fps)
    assert len(knots) == max(1, -(-frames * TOKENS // fps))
    np.testing.assert_allclose(tracks_of(knots, np.arange(frames) / fps), 2.5, atol=1e-5)


def test_knots_reach_no_farther_than_two_of_them():
    knots = np.zeros((60, 1), np.float32)
    knots[30] = 1
    near = np.abs(TIMES - 30.5 / TOKENS) < 2 / TOKENS
    found = tracks_of(knots, TIMES)[:, 0]
    assert (
        (found[near] >= 0).all()
        and found[~near].max() < 1e-6
        and found.max() == pytest.approx(2 / 3, abs=0.05)
    )


@pytest.mark.parametrize("fps", [24, 30, 29.97, 60])
def test_pieces_are_the_whole_frame_by_frame(fps: float):
    rng = np.random.default_rng(0)
    knots = np.repeat(rng.normal(0, 3, (1, 50)), 90, 0)
    knots[:, CHANNEL["head.yaw"]] += 20 * np.sin(np.arange(90) / 5)
    knots[:, [CHANNEL[f"{s}.{n}"] for s in ("left", "right") for n in ("out", "up", "ahead")]] = 0.2
    knots = knots.astype(np.float32)
    rate, curve = frame_rate(fps), AffectCurve([(0, "joy"), (6, "sad")])
    count = round(6 * rate)
    whole = Performer(rate, curve).take(knots, count)
    assert whole is not None and len(whole) == count
    online, parts, at = Performer(rate, curve), [], 0
    for size in (1, 3, 30, 2, 54):
        at += size
        piece = online.take(knots[at - size : at], count if at == 90 else None)
        if piece is not None:
            assert piece.start == pytest.approx(sum(len(p) for p in parts) / float(rate))
            parts.append(piece)
    np.testing.assert_allclose(np.concatenate([p.rotations for p in parts]), whole.rotations, atol=1e-5)
    assert parts[-1].affect.at(0).valence == pytest.approx(curve.at(parts[-1].start).valence, abs=1e-6)
