"""What the image networks are trained to do: flow matching, shortcut distillation, sharp decoding."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from emotive.models.affect_embedding import AffectEmbedding
from emotive.models.image_denoiser import ImageDenoiser
from emotive.models.text_encoder import SceneTextEncoder
from emotive.sampling.flow import MeanVelocity, add_noise, euler_step, flow_sigmas, guide, velocity

SHIFT = 2.0  # of the sampling schedule, see flow_sigmas


class Batch(NamedTuple):
    """clean (B, 3, 64, 64) in [-1, 1]; ids (B, K); affect (B, 3); without_affect bool (B,)."""

    clean: Tensor
    ids: Tensor
    affect: Tensor
    without_affect: Tensor


class Generator(nn.Module):
    """Text encoder and denoiser, trained together; the affect embedding stays frozen outside."""

    def __init__(self, text_encoder: SceneTextEncoder, denoiser: ImageDenoiser, affect: AffectEmbedding):
        super().__init__()
        self.text_encoder, self.denoiser = text_encoder, denoiser
        self._affect = [affect]  # in a list: not a submodule

    def forward(
        self,
        x: Tensor,
        sigma: Tensor,
        sigma_next: Tensor,
        ids: Tensor,
        affect: Tensor,
        without_affect: Tensor,
        guidance: Tensor,
    ) -> Tensor:
        with torch.autocast(x.device.type, enabled=False):
            features = self._affect[0](affect)
        text = self.text_encoder(ids)
        return self.denoiser(x, sigma, sigma_next, text, features, without_affect, guidance).float()


def clean_loss(predicted: Tensor, clean: Tensor, sigma: Tensor) -> Tensor:
    """Squared error of x0, weighted 1 / (sigma^2 + 0.15): between x0 and velocity matching.

    Velocity's own weight 1 / sigma^2 spends the model on noise too faint to see, plain x0 on pure noise.
    """
    error = (predicted - clean).square().mean((1, 2, 3))
    return (error * noise_weight(sigma)).mean()


def noise_weight(sigma: Tensor) -> Tensor:
    """What an error of x0 counts at a noise level, see `clean_loss`."""
    return 1 / (sigma.square() + 0.15)


def random_sigma(n: int, device: torch.device) -> Tensor:
    """Noise levels (n,) for training: logit-normal, leaning towards noise as few-channel pixels need."""
    return torch.sigmoid(torch.randn(n, device=device) * 1.1 + 0.9).clamp(0.01, 0.999)


def flow_loss(model: Callable[..., Tensor], batch: Batch, autocast: Callable) -> Tensor:
    """Plain flow matching on x0."""
    n = len(batch.clean)
    sigma = random_sigma(n, batch.clean.device)
    x = add_noise(batch.clean, torch.randn_like(batch.clean), sigma)
    with autocast():
        unguided = torch.ones(n, 2, device=x.device)
        predicted = model(x, sigma, sigma, batch.ids, batch.affect, batch.without_affect, unguided)
    return clean_loss(predicted, batch.clean, sigma)


def guided_velocity(
    model: Callable[..., Tensor], batch: Batch, null_ids: Tensor, guidance: Tensor
) -> MeanVelocity:
    """The plain flow model under guidance, as a mean velocity (its three predictions in one batch)."""
    n = len(batch.clean)
    ids = torch.cat([null_ids.expand(n, -1).to(batch.ids), batch.ids, batch.ids])
    without = torch.ones(2 * n, dtype=torch.bool, device=ids.device)
    without = torch.cat([without, torch.zeros_like(without[:n])])

    def u(x: Tensor, sigma: Tensor, sigma_next: Tensor) -> Tensor:
        s, x3 = sigma.repeat(3), x.repeat(3, 1, 1, 1)
        clean = model(x3, s, s, ids, batch.affect.repeat(3, 1), without, guidance.repeat(3, 1))
        null, text, full = clean.chunk(3)
        return velocity(x, guide(null, text, full, guidance), sigma)

    return u


def student_loss(
    model: Callable[..., Tensor],
    teacher: Callable[..., Tensor],
    average: Callable[..., Tensor],
    batch: Batch,
    null_ids: Tensor,
    limits: tuple[float, float],
    autocast: Callable,
) -> Tensor:
    """Shortcut distillation (Frans et al. 2024) of the guided teacher, on the schedule of 8 steps.

    Half of a batch learns steps: a step of 1/8 matches two guided half-steps of the teacher, a longer one two
    half-steps of the student's own average. Guidance scales are drawn anew and given to the student. The
    other half goes on with plain flow, in the same call.
    """
    n, device = len(batch.clean), batch.clean.device
    k = n // 2
    b = Batch(*(t[:k] for t in batch))
    grid = flow_sigmas(16, SHIFT).to(device)
    length = 2 ** int(torch.multinomial(torch.tensor([0.4, 0.2, 0.2, 0.2]), 1))  # in eighths, of the batch
    start = torch.randint(0, 8 // length, (k,), device=device) * 2 * length
    steps, middle, end = grid[start], grid[start + length], grid[start + 2 * length]
    plain = random_sigma(n - k, device)
    sigma, sigma_next = torch.cat([steps, plain]), torch.cat([end, plain])
    guidance = 1 + torch.rand(n, 2, device=device) * (torch.tensor(limits, device=device) - 1)
    x = add_noise(batch.clean, torch.randn_like(batch.clean), sigma)
    never = torch.zeros(k, dtype=torch.bool, device=device)

    def own(y: Tensor, s: Tensor, t: Tensor) -> Tensor:
        return velocity(y, average(y, s, t, b.ids, b.affect, never, guidance[:k]), s)

    with torch.no_grad(), autocast():
        u = guided_velocity(teacher, b, null_ids, guidance[:k]) if length == 1 else own
        half = euler_step(x[:k], u(x[:k], steps, middle), steps, middle)
        whole = euler_step(half, u(half, middle, end), middle, end)
        mean = (x[:k] - whole) / (steps - end).reshape(-1, 1, 1, 1)
        target = (x[:k] - steps.reshape(-1, 1, 1, 1) * mean).clamp(-1.3, 1.3)
    without = torch.cat([never, batch.without_affect[k:]])
    with autocast():
        predicted = model(x, sigma, sigma_next, batch.ids, batch.affect, without, guidance)
    return clean_loss(predicted, torch.cat([target, batch.clean[k:]]), sigma)


def decoder_loss(decoder: nn.Module, small: Tensor, large: Tensor, autocast: Callable) -> Tensor:
    """L1 on pixels and on their differences: contours weigh as much as areas."""
    with autocast():
        drawn = decoder(small).float()
    rows = (drawn.diff(dim=2) - large.diff(dim=2)).abs().mean()
    columns = (drawn.diff(dim=3) - large.diff(dim=3)).abs().mean()
    return (drawn - large).abs().mean() + rows + columns
