"""The student's own way from noise to picture, kept on disk: what longer steps are taught by.

A path is a few-step model's picture in its most steps, with every point it passes: from the same noise, a
longer step must arrive where the short ones do. It is a deterministic map (Luhman & Luhman 2021, "Knowledge
Distillation in Iterative Generative Models"), so that it can be made once and learned from many times.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from emotive.data.scenes import caption, random_scene
from emotive.sampling.flow import euler_step, flow_sigmas, velocity

from .image_data import kept_array, random_affect
from .image_losses import SHIFT, Generator

STEPS = 8  # of a path
WITHOUT_WORDS = 0.05  # of the paths are of pure mood
AT_ONCE = 32  # paths; bounds memory, and is how many are renewed at a time


class PathBatch(NamedTuple):
    """points (B, STEPS + 1, 3, 64, 64) from noise to picture; ids (B, K); affect (B, 3); guidance (B, 2)."""

    points: Tensor
    ids: Tensor
    affect: Tensor
    guidance: Tensor


class Paths:
    """`capacity` paths of a frozen model, as float16 (220 kB each at 64px).

    Files: points.npy, ids.npy, affect.npy, guidance.npy, as in `PathBatch`; filled.npy bool (N,).
    """

    def __init__(
        self, folder: Path, capacity: int, model: Generator, device: torch.device, autocast: Callable
    ):
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.capacity, self.model = folder, capacity, model
        self.device, self.autocast = device, autocast
        side, words = model.denoiser.config["sample_size"], model.text_encoder.null(1).shape[1]
        self.points = self._map("points", (capacity, STEPS + 1, 3, side, side), np.float16)
        self.ids = self._map("ids", (capacity, words), np.int64)
        self.affect = self._map("affect", (capacity, 3), np.float32)
        self.guidance = self._map("guidance", (capacity, 2), np.float32)
        self.filled = self._map("filled", (capacity,), np.bool_)

    def _map(self, name: str, shape: tuple[int, ...], dtype: type) -> np.memmap:
        return kept_array(self.folder / f"{name}.npy", shape, dtype)

    @torch.no_grad()
    def walk(self, rows: np.ndarray, seed: int) -> None:
        """New paths into `rows`: random scenes and affects, half of them at the model's own guidance."""
        rng, noise = random.Random(seed), torch.Generator().manual_seed(seed)
        config, encoder, n = self.model.denoiser.config, self.model.text_encoder, len(rows)
        ids = encoder.tokenize([caption(random_scene(rng), rng) for _ in range(n)])
        ids[torch.tensor([rng.random() < WITHOUT_WORDS for _ in range(n)])] = encoder.null(1)[0]
        affect = torch.from_numpy(np.stack([random_affect(rng).as_array() for _ in range(n)]))
        limits = torch.tensor(config["guidance_limits"], dtype=torch.float32)
        guidance = 1 + torch.rand(n, 2, generator=noise) * (limits - 1)
        guidance[::2] = torch.tensor(config["guidance_defaults"], dtype=torch.float32)
        side = config["sample_size"]
        x = torch.randn(n, 3, side, side, generator=noise)
        never = torch.zeros(n, dtype=torch.bool)
        ids, affect, guidance, x, never = (t.to(self.device) for t in (ids, affect, guidance, x, never))
        points, sigmas = [x], flow_sigmas(STEPS, SHIFT).to(self.device)
        for i in range(STEPS):
            s, t = sigmas[i].expand(n), sigmas[i + 1].expand(n)
            with self.autocast():
                clean = self.model(x, s, t, ids, affect, never, guidance)
            x = euler_step(x, velocity(x, clean, s), s, t)
            points.append(x)
        self.points[rows] = torch.stack(points, 1).half().cpu().numpy()
        self.ids[rows], self.affect[rows] = ids.cpu().numpy(), affect.cpu().numpy()
        self.guidance[rows] = guidance.cpu().numpy()
        self.filled[rows] = True

    def fill(self, seed: int, report: Callable[[str], None]) -> None:
        """Walks every path that is missing."""
        while len(missing := np.flatnonzero(~np.asarray(self.filled))):
            rows = missing[:AT_ONCE]
            self.walk(rows, seed + int(rows[0]))
            done = self.capacity - len(missing) + len(rows)
            if done % (16 * AT_ONCE) == 0 or done == self.capacity:
                report(f"paths: {done} of {self.capacity}")

    def batches(self, size: int, seed: int, renew: int = 16) -> Iterator[PathBatch]:
        """Endless random batches; after every `renew` of them AT_ONCE paths are walked anew."""
        rng, drawn = np.random.default_rng(seed), 0
        while True:
            drawn += 1
            if drawn % renew == 0:
                rows = rng.choice(self.capacity, min(AT_ONCE, self.capacity), replace=False)
                self.walk(rows, int(rng.integers(2**62)))
            rows = rng.choice(self.capacity, size)
            found = (self.points[rows], self.ids[rows], self.affect[rows], self.guidance[rows])
            points, ids, affect, guidance = (torch.from_numpy(a).to(self.device) for a in found)
            yield PathBatch(points.float(), ids, affect, guidance)
