"""Measures a finished image model and writes its card.

The measure here is *renderer consistency*: an estimator that learned valence, arousal and subject from the
teacher's paintings reads the model's pictures. It says whether the model paints as its teacher does; it is
no judge of emotion, and it is printed beside what it makes of the teacher's own paintings.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from emotive.affect import Affect
from emotive.data.scenes import SUBJECTS, Scene, caption, random_scene
from emotive.evaluate.metrics import concordance

from .image_batches import as_pictures
from .image_data import Reservoir

LEVELS = (-0.9, -0.45, 0.0, 0.45, 0.9)


class _Estimator(nn.Module):
    """64px picture -> valence, arousal (B, 2) and logits over subjects, "none" last."""

    def __init__(self) -> None:
        super().__init__()
        widths = (3, 32, 64, 128, 192)
        self.body = nn.Sequential(*(self._halve(a, b) for a, b in pairwise(widths)))
        self.affect = nn.Linear(widths[-1], 2)
        self.subject = nn.Linear(widths[-1] * 16, len(SUBJECTS) + 1)

    @staticmethod
    def _halve(inputs: int, outputs: int) -> nn.Module:
        down, same = nn.Conv2d(inputs, outputs, 3, 2, 1), nn.Conv2d(outputs, outputs, 3, 1, 1)
        return nn.Sequential(down, nn.ReLU(), same, nn.GroupNorm(8, outputs), nn.ReLU())

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        h = self.body(pictures)
        return self.affect(h.mean((2, 3))), self.subject(h.flatten(1))


def fit_estimator(
    reservoir: Reservoir, minutes: float, seed: int, report: Callable[[str], None]
) -> _Estimator:
    """Learns valence, arousal and subject from the paintings of a reservoir."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    net = _Estimator()
    optimizer = torch.optim.AdamW(net.parameters(), lr=1e-3)
    known = np.flatnonzero(np.asarray(reservoir.filled))
    start = reported = time.monotonic()
    while (spent := (time.monotonic() - start) / 60) < minutes:
        for group in optimizer.param_groups:
            group["lr"] = 1e-3 * min(1.0, 2 * (1 - spent / minutes) + 0.02)
        rows = rng.choice(known, 64)
        x = as_pictures(reservoir.pixels[rows])
        x = x.flip(3) if rng.random() < 0.5 else x
        x = x + 0.04 * torch.randn_like(x)
        affect = torch.from_numpy(reservoir.affect[rows])[:, :2]
        subject = torch.from_numpy(reservoir.scene[rows, 0].astype(np.int64)) % (len(SUBJECTS) + 1)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            estimate, logits = net(x)
        loss = F.mse_loss(estimate.float(), affect) + 0.2 * F.cross_entropy(logits.float(), subject)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if time.monotonic() - reported > 10:
            reported = time.monotonic()
            report(f"estimator: loss {float(loss):.4f}, {minutes - spent:.1f} minutes left")
    return net.eval()


@torch.no_grad()
def read_pictures(net: _Estimator, pictures: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pictures float (N, H, H, 3) in [0, 1] -> valence and arousal (N, 2), subject index (N,)."""
    x = torch.from_numpy(np.ascontiguousarray(pictures)).permute(0, 3, 1, 2).float() * 2 - 1
    estimate, logits = net(F.adaptive_avg_pool2d(x, 64))
    return estimate.numpy(), logits.argmax(1).numpy()


def measure(
    pipe: Any, net: _Estimator, scenes: int = 12, seed: int = 1, steps: tuple[int, ...] = (1, 2, 4, 8, 20)
) -> dict:
    """Renderer consistency of a pipeline on a 5x5 grid for each scene, half of them reserved combinations.

    Returns rows {"ccc": (V, A), "slope": (V, A), "subject_seen", "subject_reserved"} for "teacher" and each
    step count, and the CCC of the 4-step pictures with their requests shuffled, a mean over 100 shuffles.
    """
    from emotive.data.painter import paint

    rng = random.Random(seed)
    chosen = [_with_subject(rng, reserved=i % 2 == 1) for i in range(scenes)]
    affects = [Affect(v, a) for a in LEVELS for v in LEVELS]
    wanted = np.tile(np.array([[a.valence, a.arousal] for a in affects]), (scenes, 1))
    subjects = np.repeat([SUBJECTS.index(str(s.subject)) for s in chosen], len(affects))
    reserved = np.repeat([s.reserved for s in chosen], len(affects))

    def row(pictures: list[np.ndarray]) -> dict[str, Any]:
        estimates, drawn = zip(*(read_pictures(net, p) for p in pictures), strict=True)
        estimate, hit = np.concatenate(estimates), np.concatenate(drawn) == subjects
        return {
            "ccc": tuple(concordance(wanted[:, k], estimate[:, k]) for k in (0, 1)),
            "slope": tuple(float(np.polyfit(wanted[:, k], estimate[:, k], 1)[0]) for k in (0, 1)),
            "subject_seen": float(hit[~reserved].mean()),
            "subject_reserved": float(hit[reserved].mean()),
            "estimate": estimate,
        }

    paintings = [
        np.stack([paint(s, a, 1000 + i, 256) for a in affects]) / 255.0 for i, s in enumerate(chosen)
    ]
    rows = {"teacher": row(paintings)}
    for n in steps:
        pictures = []
        for i, scene in enumerate(chosen):
            generators = [torch.Generator().manual_seed(2000 + i) for _ in affects]
            prompt = caption(scene, random.Random(i))
            out = pipe(prompt, affects, num_inference_steps=n, generator=generators, output_type="np")
            pictures.append(out.images)
        rows[f"{n} step{'s' * (n > 1)}"] = row(pictures)
    last = rows["4 steps"]["estimate"]
    orders = [np.random.default_rng(i).permutation(len(last)) for i in range(100)]
    by_chance = [[concordance(wanted[:, k], last[order, k]) for k in (0, 1)] for order in orders]
    rows["4 steps, requests shuffled"] = {"ccc": tuple(np.mean(by_chance, 0))}
    return rows


def _with_subject(rng: random.Random, reserved: bool) -> Scene:
    while True:
        scene = random_scene(rng, reserved)
        if scene.subject is not None:
            return scene


def write_card(folder: Path, rows: dict, facts: dict[str, str]) -> None:
    """The model card, README.md: what it is, how it was made, what was measured, what it cannot do."""
    lines = [
        "| pictures | valence CCC | arousal CCC | slopes V, A | subject right, seen / reserved |",
        "|---|---|---|---|---|",
    ]
    for name, r in rows.items():
        rest = " | |"
        if "slope" in r:
            slopes, subjects = r["slope"], (r["subject_seen"], r["subject_reserved"])
            rest = f"{slopes[0]:.2f}, {slopes[1]:.2f} | {subjects[0]:.2f} / {subjects[1]:.2f} |"
        lines.append(f"| {name} | {r['ccc'][0]:.3f} | {r['ccc'][1]:.3f} | {rest}")
    lines.append("| always neutral | 0 | 0 | 0, 0 | |")
    (folder / "README.md").write_text(CARD.format(table="\n".join(lines), **facts), encoding="utf-8")


CARD = """---
license: apache-2.0
library_name: emotive
pipeline_tag: text-to-image
tags: [affect, valence-arousal, text-to-image]
---

# {name}

Scene and feeling to a 512px picture, in 1, 2, 4 or 8 steps or as a plain flow model. It knows {subjects} in
{settings}, at four times of day, in five weathers: `emotive info --vocabulary` lists its words.

A text encoder of one word per kind, a denoiser of {denoiser} on 64px pictures that predicts the clean
picture, a decoder of {decoder} to 512px, and the affect embedding `emotive-affect-1`
({affect}). {bytes} in all.

## Training

On paintings of the procedural teacher in `emotive.data`, nothing else: no photographs, no people's art, no
human ratings. One in twelve combinations of subject, setting, time and weather was never shown.

`{command}`: {history}.

## Measured

Renderer consistency: an estimator trained on the teacher's paintings reads the model's pictures, on a 5x5
grid of valence and arousal for 12 scenes, half of them combinations that training never showed. It shares
the teacher's rules, so it says how faithfully the model paints them, not what people feel.

{table}

## Limits

Requested valence and arousal mean the published relations of colour, line and composition that the teacher
paints by (`emotive/data/style.py` cites them), not normed stimuli: no human has rated these pictures. The
world is small: one subject, one setting, one flat illustrated hand. Small things (rain, windows at night,
faces) are soft or irregular. Dominance moves scale, horizon and lightness only, and was not measured.
"""


def facts_of(pipe: Any, folder: Path, command: str, history: str) -> dict[str, str]:
    """What the card says of a pipeline that was saved in `folder`."""

    def millions(module: nn.Module) -> str:
        return f"{sum(p.numel() for p in module.parameters()) / 1e6:.2f}M parameters"

    size = sum(f.stat().st_size for f in folder.rglob("*.safetensors"))
    vocabulary = pipe.text_encoder.config.vocabulary
    return {
        "name": folder.name,
        "subjects": ", ".join(vocabulary["subject"]),
        "settings": ", ".join(vocabulary["setting"]),
        "denoiser": millions(pipe.denoiser),
        "decoder": millions(pipe.decoder),
        "affect": pipe.affect_embedding.fingerprint()[:12],
        "bytes": f"{size / 1e6:.1f} MB",
        "command": command,
        "history": history,
    }
