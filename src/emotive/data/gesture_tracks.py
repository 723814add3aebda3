"""Movement written as keys, and the smooth curves through them."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter1d

PEAK = 1.875  # the peak speed of a movement of least jerk, over its mean speed (Flash & Hogan 1985)
_APART = 0.05  # s between keys


class Keys:
    """Values (D,) at times, with curves of degree five between them (least jerk, Flash & Hogan 1985).

    A key is passed at rest, or, with `via` up to 1, at that share of the speed of the straight way.
    `bulge` bends the way to a key sideways, as a share of its length: hands travel on arcs.
    """

    def __init__(self, time: float, value: np.ndarray) -> None:
        self.times = [time]
        self.values = [np.asarray(value, float)]
        self.vias = [0.0]
        self.bulges = [0.0]

    @property
    def time(self) -> float:
        return self.times[-1]

    @property
    def value(self) -> np.ndarray:
        return self.values[-1]

    def add(self, time: float, value: np.ndarray, via: float = 0.0, bulge: float = 0.0) -> None:
        """A key; not before the last one."""
        self.times.append(max(time, self.time + _APART))
        self.values.append(np.asarray(value, float))
        self.vias.append(via)
        self.bulges.append(bulge)

    def stay(self, until: float) -> None:
        """Holds the last value."""
        if until > self.time + _APART:
            self.add(until, self.value)

    def at(self, times: np.ndarray, bend: np.ndarray | None = None) -> np.ndarray:
        """The curve (T, D) at `times`. bend: where to the way bulges, per unit of it, of
        the first dimensions."""
        t = np.array([*self.times, self.times[-1] + 1.0])
        x = np.array([*self.values, self.values[-1]])
        v = np.zeros_like(x)
        inner = slice(1, -1)
        v[inner] = (x[2:] - x[:-2]) / (t[2:] - t[:-2])[:, None]
        v *= np.array([*self.vias, 0.0])[:, None]
        i = (np.searchsorted(t, times, "right") - 1).clip(0, len(t) - 2)
        length = (t[i + 1] - t[i])[:, None]
        u = ((times - t[i])[:, None] / length).clip(0, 1)
        u3, u4, u5 = u**3, u**4, u**5
        out = (
            x[i] * (1 - 10 * u3 + 15 * u4 - 6 * u5)
            + v[i] * length * (u - 6 * u3 + 8 * u4 - 3 * u5)
            + v[i + 1] * length * (-4 * u3 + 7 * u4 - 3 * u5)
            + x[i + 1] * (10 * u3 - 15 * u4 + 6 * u5)
        )
        if bend is not None:
            way = np.linalg.norm((x[i + 1] - x[i])[:, :3], axis=1, keepdims=True)
            size = np.array([*self.bulges, 0.0])[i + 1][:, None]
            out[:, : len(bend)] += 16 * (u * (1 - u)) ** 2 * way * size * bend
        return out


def smooth(track: np.ndarray, seconds: float, fps: float) -> np.ndarray:
    """A track (T, ...) through a Gaussian of that sigma."""
    return gaussian_filter1d(track, seconds * fps, axis=0, mode="nearest", truncate=3.0)


def drift(times: np.ndarray, paces: np.ndarray, rng: np.random.Generator, waves: int = 6) -> np.ndarray:
    """Smooth noises (T, C) of unit variance, each within two octaves below its pace (Hz), as random waves."""
    paces = np.asarray(paces, float)
    hertz = paces * 4 ** rng.uniform(-1.0, 0.0, (waves, len(paces)))
    phase = rng.uniform(0, 2 * np.pi, (waves, len(paces)))
    return np.sin(2 * np.pi * times[:, None, None] * hertz + phase).sum(1) * np.sqrt(2 / waves)


def bell(times: np.ndarray, centre: float, width: float) -> np.ndarray:
    """exp(-((t - centre) / width)^2)."""
    return np.exp(-(((times - centre) / width) ** 2))
