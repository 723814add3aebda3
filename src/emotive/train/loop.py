"""The training loop that every recipe uses.

Budgets are minutes, not steps, so that the same command suits a laptop and a large GPU: the learning rate
follows the share of time used. State is written every minute; the same command goes on where it stopped.
"""

from __future__ import annotations

import copy
import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor, nn

from emotive.errors import InputError

Network = TypeVar("Network", bound=nn.Module)


def learning_rate_factor(progress: float, warmup: float = 0.01, decay: float = 0.35) -> float:
    """Warm-up, constant, linear decay to 2 %: the trapezoid of Zhai et al. 2022. progress in [0, 1]."""
    if progress < warmup:
        return 0.1 + 0.9 * progress / warmup
    return min(1.0, 0.02 + 0.98 * (1 - progress) / decay)


def optimizers(model: nn.Module, matrix_rate: float, other_rate: float) -> list[torch.optim.Optimizer]:
    """Muon (Jordan et al. 2024) for the matrices inside transformer blocks, AdamW for everything else.

    On this task Muon needs about half the samples that AdamW does. It comes with torch 2.9.
    """
    matrices, others = [], []
    for name, p in model.named_parameters():
        if p.requires_grad:
            inside = "blocks." in name and p.ndim == 2 and min(p.shape) > 16
            (matrices if inside else others).append(p)
    found: list[torch.optim.Optimizer] = [
        torch.optim.AdamW(others, lr=other_rate, betas=(0.9, 0.98), weight_decay=0.0, fused=True)
    ]
    if matrices and not hasattr(torch.optim, "Muon"):
        raise InputError(f"training needs torch 2.9 or newer for its optimizer Muon, not {torch.__version__}")
    if matrices:
        like_adamw = {"momentum": 0.95, "adjust_lr_fn": "match_rms_adamw"}
        found.append(torch.optim.Muon(matrices, lr=matrix_rate, weight_decay=0.0, **like_adamw))
    for optimizer in found:
        for group in optimizer.param_groups:
            group["base_rate"] = group["lr"]
    return found


class Average(Generic[Network]):
    """An exponential moving average of a model's weights that warms up with the step count."""

    def __init__(self, model: Network, decay: float = 0.9993):
        self.model = copy.deepcopy(model).eval().requires_grad_(False)
        self.decay = decay

    @torch.no_grad()
    def update(self, model: nn.Module, step: int) -> None:
        """Moves towards `model`; `step` counts from 1."""
        decay = min(self.decay, (1 + step) / (20 + step))
        for mine, theirs in zip(self.model.parameters(), model.parameters(), strict=True):
            mine.lerp_(theirs.detach(), 1 - decay)


def train(
    model: Network,
    batches: Iterable,
    loss: Callable[..., Tensor],
    minutes: float,
    state_file: Path,
    *,
    matrix_rate: float = 2e-3,
    other_rate: float = 1e-3,
    average: Average[Network] | None = None,
    report: Callable[[str], None] = print,
    on_save: Callable[[Average[Network]], None] = lambda average: None,
    label: str = "training",
) -> Average[Network]:
    """Trains `model` for `minutes` (in all, over restarts) and returns the averaged weights.

    Args:
        batches: endless; each batch is handed to `loss`.
        loss: batch -> scalar, calls the model itself.
        state_file: where to keep model, average, optimizer and clock.
        matrix_rate, other_rate: peak learning rates, see `optimizers`.
        average: where to keep the averaged weights, for a loss that needs them itself.
        report: gets one line every ten seconds with the loss and the time left.
        on_save: called with the averaged weights about once a minute, outside the clock.
    """
    average = average or Average(model)
    opts = optimizers(model, matrix_rate, other_rate)
    step, spent, samples = 0, 0.0, 0
    if state_file.exists():
        state = torch.load(state_file, weights_only=True)
        model.load_state_dict(state["model"])
        average.model.load_state_dict(state["average"])
        for optimizer, saved in zip(opts, state["optimizers"], strict=True):
            optimizer.load_state_dict(saved)
        step, spent, samples = state["step"], state["spent"], state["samples"]
        report(f"{label}: goes on at step {step}, {spent / 60:.1f} of {minutes:g} minutes used")

    def save() -> None:
        state = {
            "model": model.state_dict(),
            "average": average.model.state_dict(),
            "optimizers": [optimizer.state_dict() for optimizer in opts],
            "step": step,
            "spent": spent,
            "samples": samples,
        }
        partial = state_file.with_suffix(".partial")
        torch.save(state, partial)
        os.replace(partial, state_file)

    model.train()
    last = reported = saved_at = time.monotonic()
    smooth = None
    iterator = iter(batches)
    while spent < 60 * minutes:
        factor = learning_rate_factor(spent / (60 * minutes))
        for optimizer in opts:
            for group in optimizer.param_groups:
                group["lr"] = factor * group["base_rate"]
        batch = next(iterator)
        value = loss(batch)
        value.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for optimizer in opts:
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        step, samples = step + 1, samples + len(batch[0])
        average.update(model, step)
        latest = float(value.detach())
        smooth = latest if smooth is None else 0.98 * smooth + 0.02 * latest
        now = time.monotonic()
        spent, last = spent + now - last, now
        if now - reported > 10:
            left = max(0.0, minutes - spent / 60)
            pace = f"step {step}, {samples} samples, {samples / spent:.0f}/s"
            report(f"{label}: {pace}, loss {smooth:.5f}, {left:.1f} minutes left")
            reported = now
        if now - saved_at > 60:
            save()
            on_save(average)
            saved_at = last = time.monotonic()
    save()
    return average


def on_device(device: torch.device, module: Network) -> Network:
    """`module`, moved there; in words that the type checker follows."""
    moving: Any = module
    return moving.to(device)
