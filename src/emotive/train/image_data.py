"""Training pictures: a reservoir on disk that painters fill and refresh while a model learns from it."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
from multiprocessing.process import BaseProcess
from pathlib import Path

import numpy as np

from emotive.affect import Affect
from emotive.data.scenes import SETTINGS, SUBJECTS, TIMES, WEATHERS, Scene, random_scene


def random_affect(rng: random.Random) -> Affect:
    """Uniform over the square, a fifth of it on the rim, dominance unset in half."""
    v, a = rng.uniform(-1, 1), rng.uniform(-1, 1)
    if rng.random() < 0.2:
        v, a = rng.choice(((v, 1.0), (v, -1.0), (1.0, a), (-1.0, a)))
    return Affect(v, a, rng.uniform(-1, 1) if rng.random() < 0.5 else None)


def encode_scene(scene: Scene) -> tuple[int, int, int, int]:
    """Indices into SUBJECTS (or -1), SETTINGS, TIMES, WEATHERS."""
    subject = -1 if scene.subject is None else SUBJECTS.index(scene.subject)
    return subject, SETTINGS.index(scene.setting), TIMES.index(scene.time), WEATHERS.index(scene.weather)


def decode_scene(code: np.ndarray) -> Scene:
    """The inverse of `encode_scene`."""
    s, e, t, w = (int(c) for c in code)
    return Scene(None if s < 0 else SUBJECTS[s], SETTINGS[e], TIMES[t], WEATHERS[w])


def kept_array(path: Path, shape: tuple[int, ...], dtype: type) -> np.memmap:
    """The array in a .npy file, as it was left; a new one of zeros where there is none of that shape."""
    if path.exists():
        old = np.lib.format.open_memmap(path, mode="r+")
        if old.shape == shape:
            return old
    return np.lib.format.open_memmap(path, mode="w+", dtype=dtype, shape=shape)


class Reservoir:
    """`capacity` pictures of `size` px, averaged down from `paint_size` px.

    Files: pixels.npy uint8 (N, size, size, 3); scene.npy int8 (N, 4); affect.npy float32 (N, 3), dominance
    NaN where unset; filled.npy bool (N,). Painters wrap round and overwrite, so that data never runs out.
    """

    def __init__(self, folder: Path, capacity: int, size: int = 64, paint_size: int = 256):
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.capacity, self.size, self.paint_size = folder, capacity, size, paint_size
        self.pixels = self._map("pixels", (capacity, size, size, 3), np.uint8)
        self.scene = self._map("scene", (capacity, 4), np.int8)
        self.affect = self._map("affect", (capacity, 3), np.float32)
        self.filled = self._map("filled", (capacity,), np.bool_)
        self._painters: list[BaseProcess] = []

    def _map(self, name: str, shape: tuple[int, ...], dtype: type) -> np.memmap:
        return kept_array(self.folder / f"{name}.npy", shape, dtype)

    def paint_slot(self, slot: int, rng: random.Random) -> None:
        """Paints one new picture into a slot."""
        from emotive.data.painter import paint

        scene, affect = random_scene(rng), random_affect(rng)
        picture = paint(scene, affect, rng.getrandbits(31), self.paint_size)
        k = self.paint_size // self.size
        mean = picture.reshape(self.size, k, self.size, k, 3).mean((1, 3))
        self.pixels[slot] = np.round(mean).astype(np.uint8)
        self.scene[slot] = encode_scene(scene)
        self.affect[slot] = affect.as_array()
        self.filled[slot] = True

    def start(self, painters: int, seed: int) -> None:
        """Starts painting in the background, in `painters` processes at low priority."""
        context = multiprocessing.get_context("spawn")
        for i in range(painters):
            args = (str(self.folder), self.capacity, self.size, self.paint_size, i, painters, seed)
            self._painters.append(context.Process(target=_paint_forever, args=args, daemon=True))
            self._painters[-1].start()

    def stop(self) -> None:
        """Stops the painters."""
        for p in self._painters:
            p.terminate()
            p.join()
        self._painters.clear()


def _paint_forever(
    folder: str, capacity: int, size: int, paint_size: int, first: int, step: int, seed: int
) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the trainer, who stops us
    if hasattr(os, "nice"):  # not on Windows
        os.nice(10)
    reservoir = Reservoir(Path(folder), capacity, size, paint_size)
    rng = random.Random(f"{seed}/{first}/{os.getpid()}")
    # Empty slots first, then the oldest again and again.
    empty = [i for i in range(first, capacity, step) if not reservoir.filled[i]]
    for slot in empty:
        reservoir.paint_slot(slot, rng)
    while True:
        for slot in range(first, capacity, step):
            reservoir.paint_slot(slot, rng)
