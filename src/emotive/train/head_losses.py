"""What the face denoiser is trained to do: flow matching of motion, closures and contacts, visemes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from emotive.data.face_teacher import FaceTargets
from emotive.face.contacts import MOUTH, lip_gap, shapes
from emotive.models.affect_embedding import AffectEmbedding
from emotive.models.face_denoiser import FaceConditions, FaceDenoiser
from emotive.signals import ARKIT

from .head_data import HeadBatch
from .speech_losses import clean_weight, random_sigma

DROPPED = {"affect": 0.10, "style": 0.15}  # for guidance, and for faces without a style
LIPS, POSES, SPEED = 3.0, 0.35, 3.0  # weights of channels of the mouth, of pose, of velocity
JOIN = 6.0  # how much more the first step after history counts
CLOSED = 3.0  # how much more closed lips count than open ones


def channel_weights() -> Tensor:
    """(52,): how much an error of each blendshape counts."""
    out = torch.ones(len(ARKIT))
    out[MOUTH] = LIPS
    out[shapes("tongue")] = 1.0
    out[shapes("mouthSmile", "mouthFrown", "eyeWide", "eyeBlink", "brow")] = 2.0
    return out


def linear_basis(targets: Sequence[FaceTargets], latents: int) -> dict[str, Tensor]:
    """The buffers of `FaceDenoiser`: principal components of blendshapes, whitened; mean and deviation of
    pose."""
    weights = torch.from_numpy(np.concatenate([t.weights for t in targets])).double()
    pose = torch.from_numpy(np.concatenate([t.pose for t in targets])).double()
    scale = channel_weights().double().sqrt()
    mean = weights.mean(0)
    _, sizes, directions = torch.linalg.svd((weights - mean) * scale, full_matrices=False)
    deviation = (sizes / len(weights) ** 0.5)[:latents].clamp_min(1e-4)
    directions = directions[:latents]
    return {
        "mean": mean.float(),
        "basis": (deviation[:, None] * directions / scale).float(),
        "inverse": ((directions * scale).T / deviation).float(),
        "pose_mean": pose.mean(0).float(),
        "pose_deviation": pose.std(0).clamp_min(1e-4).float(),
    }


def head_loss(
    denoiser: FaceDenoiser,
    affect: AffectEmbedding,
    batch: HeadBatch,
    autocast: Callable[[], torch.autocast],
    scale: float,
) -> Tensor:
    """Error of the blendshapes, lips and closed lips first, of their velocity and of pose; cross-entropy of
    closures, contacts and visemes. scale: the mean weighted variance of blendshapes."""
    count, device = len(batch.heard), batch.heard.device
    clean = denoiser.encode(batch.weights, batch.pose)
    sigma = random_sigma(count, device, 0.6)
    sigma = torch.where(torch.rand(count, device=device) < 0.15, 1.0, sigma)  # sampling starts there
    sigmas = torch.where(batch.history, 0.0, sigma[:, None])
    s = sigmas[..., None]
    noise = torch.randn_like(clean)
    # A model's own history is not as clean as the teacher's.
    noisy = torch.where(batch.history[..., None], clean + 0.01 * noise, (1 - s) * clean + s * noise)
    with torch.no_grad(), torch.autocast(device.type, enabled=False):
        feeling = affect(batch.affect).pooled
    conditions = FaceConditions(
        batch.heard, batch.hears, feeling, batch.style, batch.visemes, batch.knows,
        (torch.rand(count, device=device) < DROPPED["affect"]) | ~batch.felt,
        (torch.rand(count, device=device) < DROPPED["style"]) | ~batch.typical,
        batch.present,
    )  # fmt: skip
    with autocast():
        predicted = denoiser(noisy, sigmas, conditions)
    counts = (batch.present & ~batch.history).float()
    # What nobody heard yet can only be guessed.
    counts = counts * torch.where(batch.hears | ~batch.hears.any(1, keepdim=True), 1.0, 0.3)
    weights, pose = denoiser.decode(predicted.clean)
    channels = channel_weights().to(device)
    gap = torch.from_numpy(lip_gap(batch.weights.flatten(0, 1).cpu().numpy())).view(counts.shape).to(device)
    mouth = torch.zeros(len(ARKIT), device=device)
    mouth[MOUTH] = 1.0
    nearly = 1 + CLOSED * torch.exp(-12 * gap)[..., None] * mouth
    past = batch.history[..., None]
    error = (weights - batch.weights).masked_fill(past, 0.0)  # history is kept as it came
    shape = (error.square() * channels * nearly).sum(-1)
    speed = ((error[:, 1:] - error[:, :-1]).square() * channels).sum(-1)
    pose_error = ((pose - batch.pose) / denoiser.pose_deviation).masked_fill(past, 0.0)
    move = pose_error.square().mean(-1)
    jerk = (pose_error[:, 1:] - pose_error[:, :-1]).square().mean(-1)
    level = clean_weight(sigma)[:, None] * counts
    # Where the new joins on to history nothing may jump: a stream joins ten times a second.
    join = 1 + JOIN * batch.history[:, :-1].float()
    later = level[:, 1:] * torch.maximum(counts[:, :-1], batch.history[:, :-1].float()) * join
    total = counts.sum()
    flow = ((shape / scale + POSES * move) * level).sum() / total
    flow = flow + ((SPEED * speed / scale + POSES * 10 * jerk) * later).sum() / total

    def crossed(logits: Tensor, wanted: Tensor) -> Tensor:
        return (F.binary_cross_entropy_with_logits(logits.float(), wanted, reduction="none") * counts).sum()

    touch = crossed(predicted.closure, batch.closure) + crossed(predicted.contact, batch.contact)
    wanted = batch.visemes / batch.visemes.sum(-1, keepdim=True).clamp_min(1e-6)
    said = -(wanted * predicted.visemes.float().log_softmax(-1)).sum(-1)
    return flow + (2.0 * touch + 0.6 * (said * counts).sum()) / total
