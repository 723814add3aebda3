"""From knots to frames, piece by piece: the splines are drawn as soon as they are decided."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np

from emotive.affect import AffectCurve
from emotive.signals import BodyMotion
from emotive.signals.archive import curve_from

from .channels import TOKENS, tracks_of
from .posing import Poser
from .skeleton import Build

_BEFORE = 2  # knots before a frame that count
_AFTER = 2  # and after it


class Performer:
    """Knots come in, frames go out; nothing is kept but the last knots and where the feet stand.

    fps: of the frames. curve: affect over time, as it is shown. girth: how stout the body is, 1 is usual.
    """

    def __init__(self, fps: Fraction, curve: AffectCurve, build: Build | None = None, girth: float = 1.0):
        self.fps, self.curve = fps, curve
        self._poser = Poser(fps, build, girth)
        self._knots: np.ndarray | None = None
        self._first = 0  # number of the first knot that is kept
        self._frames = 0  # that went out

    def take(self, knots: np.ndarray, until: int | None = None) -> BodyMotion | None:
        """The frames that `knots` (N, 50), those after the last ones, decide; None if there are none.

        until: how many frames there are in all, with the last knots.
        """
        kept = knots if self._knots is None else np.concatenate([self._knots, knots])
        known = self._first + len(kept)
        decided = int(np.ceil((known - _AFTER + 0.5) * float(self.fps) / TOKENS - 1e-9))
        stop = until if until is not None else max(self._frames, decided)
        found = None
        if stop > self._frames:
            # The first knots repeat before the beginning, as the last ones do after the end.
            at = (np.arange(self._frames, stop) / float(self.fps)) - self._first / TOKENS
            tracks = tracks_of(kept, at)
            begins = self._frames / float(self.fps)
            moved = self._poser.take(tracks)
            found = replace(moved, affect=curve_from(self.curve, begins), start=begins)
            self._frames = stop
        drop = max(0, int(self._frames * TOKENS / float(self.fps) - 0.5) - _BEFORE - self._first)
        self._knots, self._first = kept[drop:], self._first + drop
        return found
