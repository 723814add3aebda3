"""What lies where in a portrait: the head's outline, how each part follows it, the background behind it.

A drawn portrait brings these; of a photograph they are estimated here.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from .frame import FaceFrame, smooth
from .landmarks import FaceLandmarks

NECK = 0.62  # face units from the chin down, over which the neck bends
SMOOTH = 512  # pixels: the larger side at which what varies slowly is computed
WORK = 256  # pixels: the larger side at which outlines are estimated


@dataclass(frozen=True, eq=False)
class Plates:
    """texture: uint8 (H, W, 4), the moving layer, premultiplied. backdrop: uint8 (H, W, 3), what stays.
    follow: float32 (H, W), how much each place of the layer follows the head."""

    texture: np.ndarray
    backdrop: np.ndarray
    follow: np.ndarray


def person(image: np.ndarray, landmarks: FaceLandmarks, frame: FaceFrame) -> np.ndarray:
    """float32 (H, W) in 0..1: where the person is in a photograph, by graph cuts on colour (GrabCut)."""
    height, width = image.shape[:2]
    factor = min(1.0, WORK / max(height, width))
    small = cv2.resize(image, (round(width * factor), round(height * factor)), interpolation=cv2.INTER_AREA)
    grid = np.stack(np.meshgrid(np.arange(small.shape[1]), np.arange(small.shape[0])), -1) / factor
    face = frame.to_face(grid)
    x, y = face[..., 0], face[..., 1]
    oval = frame.to_face(landmarks.oval)[:, :2]
    top, chin = oval[:, 1].min(), oval[18, 1]
    half = np.ptp(oval[:, 0]) / 2
    middle = oval[:, 0].mean()
    mark = np.full(small.shape[:2], cv2.GC_PR_BGD, np.uint8)
    wide = np.hypot((x - middle) / (half * 1.35), (y - 0.05) / ((chin - top) * 0.72))
    mark[wide < 1] = cv2.GC_PR_FGD
    shoulders = (y > chin + 0.25) & (np.abs(x - middle) < half * (1.0 + 1.6 * smooth(y, chin, chin + 0.9)))
    mark[shoulders] = cv2.GC_PR_FGD
    far = np.hypot((x - middle) / (half * 2.3), (y - 0.1) / ((chin - top) * 1.25))
    mark[(far > 1) & (y < chin)] = cv2.GC_BGD
    inside = np.zeros(small.shape[:2], np.uint8)
    centre = landmarks.oval[:, :2].mean(0)
    polygon = (centre + (landmarks.oval[:, :2] - centre) * 0.97) * factor
    cv2.fillPoly(inside, [np.round(polygon).astype(np.int32)], 1)
    neck = (y > chin - 0.1) & (y < chin + 0.5) & (np.abs(x - middle) < half * 0.55)
    mark[(inside > 0) | neck] = cv2.GC_FGD
    before = np.isin(mark, (cv2.GC_FGD, cv2.GC_PR_FGD))
    models = [_mixture(small[part].astype(float)) for part in (~before, before)]
    cv2.grabCut(small, mark, (0, 0, 1, 1), models[0], models[1], 4, cv2.GC_EVAL)
    found = np.isin(mark, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.uint8)
    # One piece without holes: the one that holds the face.
    _, label = cv2.connectedComponents(found)
    cx, cy = np.round(centre * factor).astype(int)
    found = (label == label[cy, cx]).astype(np.uint8)
    _, label = cv2.connectedComponents(1 - found)
    rim = np.unique(np.concatenate([label[0], label[-1], label[:, 0], label[:, -1]]))
    found = 1 - np.isin(label, rim[rim > 0]).astype(np.uint8)
    found = cv2.morphologyEx(found, cv2.MORPH_OPEN, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (5, 5)))
    soft = cv2.GaussianBlur(found.astype(np.float32), (0, 0), 1.2)
    soft = cv2.resize(soft, (width, height), interpolation=cv2.INTER_CUBIC)
    return refined_edge(image, np.clip(soft, 0, 1), max(2, round(0.035 * frame.unit)))


def _mixture(colours: np.ndarray, components: int = 5) -> np.ndarray:
    """Gaussians over colours (n, 3), float64 (1, 65) as GrabCut has them: weights, means, covariances.

    Its own start is drawn at random; this k-means starts from equal parts by lightness, so that a picture is
    always cut out alike.
    """
    if len(colours) < 8 * components:
        colours = np.concatenate([colours, np.full((8 * components, 3), 127.0)])
    group = np.argsort(np.argsort(colours.sum(1), kind="stable"), kind="stable") * components // len(colours)
    means = np.stack([colours[group == k].mean(0) for k in range(components)])
    for _ in range(6):
        group = ((colours[:, None] - means) ** 2).sum(2).argmin(1)
        means = np.stack(
            [colours[group == k].mean(0) if (group == k).any() else means[k] for k in range(components)]
        )
    weights = np.bincount(group, minlength=components) / len(colours)
    spread = []
    for k in range(components):
        offsets = colours[group == k] - means[k]
        spread.append(offsets.T @ offsets / max(len(offsets), 1) + np.eye(3))
    return np.concatenate([weights, means.ravel(), np.ravel(spread)])[None]


def refined_edge(image: np.ndarray, alpha: np.ndarray, radius: int) -> np.ndarray:
    """An outline drawn to the picture's own edges by a guided filter (He, Sun & Tang 2013)."""
    guide = image.astype(np.float32).mean(2) / 255
    box = (2 * radius + 1, 2 * radius + 1)

    def mean(values: np.ndarray) -> np.ndarray:
        return cv2.blur(values, box)

    mean_guide, mean_alpha = mean(guide), mean(alpha)
    a = (mean(guide * alpha) - mean_guide * mean_alpha) / (mean(guide * guide) - mean_guide**2 + 1e-3)
    b = mean_alpha - a * mean_guide
    fine = mean(a) * guide + mean(b)
    return smooth(fine, 0.06, 0.86).astype(np.float32)


def filled(image: np.ndarray, known: np.ndarray) -> np.ndarray:
    """float32 (H, W, C): the picture where it is `known` (float32 (H, W), 0..1), and smoothly continued
    elsewhere, by averaging down a pyramid and filling up from it (push-pull, Gortler et al. 1996)."""
    levels = []
    colour, weight = image.astype(np.float32) * known[..., None], known.astype(np.float32)
    while min(weight.shape) > 2:
        levels.append((colour, weight))
        size = ((weight.shape[1] + 1) // 2, (weight.shape[0] + 1) // 2)
        colour = cv2.resize(cv2.GaussianBlur(colour, (5, 5), 1), size, interpolation=cv2.INTER_AREA)
        colour = colour.reshape(size[1], size[0], -1)
        weight = cv2.resize(cv2.GaussianBlur(weight, (5, 5), 1), size, interpolation=cv2.INTER_AREA)
        # Any evidence counts fully one level up, or small islands would fade.
        gain = np.minimum(weight * 4, 1) / np.maximum(weight, 1e-6)
        colour, weight = colour * gain[..., None], weight * gain
    result = colour / np.maximum(weight, 1e-6)[..., None]
    for colour, weight in reversed(levels):
        up = cv2.resize(result, (weight.shape[1], weight.shape[0]), interpolation=cv2.INTER_LINEAR)
        up = cv2.GaussianBlur(up.reshape(colour.shape), (3, 3), 0.8).reshape(colour.shape)
        result = colour + up * (1 - weight[..., None])
    return result


def make_plates(
    image: np.ndarray,
    landmarks: FaceLandmarks,
    frame: FaceFrame,
    head: np.ndarray | None,
    backdrop: np.ndarray | None,
) -> Plates:
    """The layers of a picture; `head` and `backdrop` as in Portrait, of the same size, or None."""
    height, width = image.shape[:2]
    solid = person(image, landmarks, frame)
    given = None if head is None else head.astype(np.float32) / 255
    # What is smooth is computed on a small copy.
    factor = min(1.0, SMOOTH / max(height, width))
    size = round(width * factor), round(height * factor)
    small = [
        cv2.resize(part, size, interpolation=cv2.INTER_AREA)
        for part in (solid, solid if given is None else given)
    ]
    follow, body = _follow(small[0], None if given is None else small[1], landmarks, frame, factor)
    follow = cv2.GaussianBlur(follow, (0, 0), 0.03 * frame.unit * factor)
    follow, body = (
        cv2.resize(part, (width, height), interpolation=cv2.INTER_LINEAR) for part in (follow, body)
    )
    alpha = solid if given is None else np.maximum(given, solid * body)
    alpha = np.where((follow > 0.004) & (alpha > 0.02), alpha, 0).astype(np.float32)
    # A head that is cut off by the picture's border is held there: nothing lies beyond it.
    follow = follow * _free_of_border(alpha * follow, frame.unit)
    # Behind everything that moves lies what is around it, or what a given backdrop has there, but for its
    # neck: that moves, so it must not also stand behind itself. Where nothing moves the picture is best.
    near = cv2.dilate(alpha, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (5, 5)))
    behind = filled(image, (1 - smooth(near, 0.0, 0.25)).astype(np.float32))
    if backdrop is not None:
        other = cv2.GaussianBlur(np.abs(backdrop - behind).max(2), (0, 0), 0.02 * frame.unit)
        other = smooth(other, 6, 24)[..., None]
        behind = behind * other + backdrop * (1 - other)
    rests = 1 - smooth(follow, 0.02, 0.15)[..., None]
    behind = behind * (1 - rests) + image * rests
    behind = np.where((alpha > 0)[..., None], behind, image)
    behind = np.clip(np.round(behind), 0, 255).astype(np.uint8)
    a = np.round(alpha * 255).astype(np.float32)
    over = image.astype(np.float32) - behind * (1 - a[..., None] / 255)
    over = np.clip(np.round(over), 0, a[..., None])
    texture = np.ascontiguousarray(np.concatenate([over, a[..., None]], 2).astype(np.uint8))
    return Plates(texture, np.ascontiguousarray(behind), follow.astype(np.float32))


def _follow(
    solid: np.ndarray, given: np.ndarray | None, landmarks: FaceLandmarks, frame: FaceFrame, factor: float
) -> tuple[np.ndarray, np.ndarray]:
    """float32 (h, w) each, over a picture made smaller by `factor`: how much each place follows the head, and
    where the body below belongs to the moving layer."""
    height, width = solid.shape
    grid = np.stack(np.meshgrid(np.arange(width), np.arange(height)), -1)
    face = frame.to_face((grid + 0.5) / factor - 0.5)
    x, y = face[..., 0], face[..., 1]
    oval = frame.to_face(landmarks.oval)[:, :2]
    chin, middle, half = oval[18, 1], oval[18, 0], np.ptp(oval[:, 0]) / 2
    # The neck takes the motion up between the chin and the collar; the bend is spread over all of it.
    end = chin + NECK
    aside = 1 - smooth(np.abs(x - middle), 0.55 * half, 0.95 * half)
    neck = (1 - smooth(y, chin - 0.22, end)) * aside
    wide = 1 - smooth(np.abs(x - middle), 0.95 * half, 1.15 * half)
    body = wide * smooth(y, chin - 0.3, chin) * (1 - smooth(y, end - 0.04, end + 0.06))
    if given is None:
        # Below the chin only the neck follows; shoulders stay.
        beside = 1 - smooth(y, chin - 0.5, chin - 0.1)
    else:
        reach = max(3, 2 * round(0.07 * frame.unit * factor) + 1)
        around = cv2.dilate(given, np.ones((reach, reach), np.uint8))
        below = np.nonzero((given > 0.5).any(1) & (y[:, width // 2] > chin))[0]
        hem = float(y[below[-1], width // 2]) if len(below) else chin
        ends = (np.abs(y - hem - 0.08) < 0.06) & (aside < 0.5) & (around > 0)
        # Long hair lies on the shoulders, and bends towards its ends; short hair is as stiff as the head.
        lies = bool(ends.any()) and float(solid[ends].mean()) > 0.4
        hair = 1 - smooth(y, chin - 0.35, hem) if lies else 1.0
        beside = hair * np.maximum(1 - smooth(y, chin - 0.3, chin), smooth(around, 0, 1))
    return (neck + (1 - aside) * beside).astype(np.float32), body.astype(np.float32)


def _free_of_border(moving: np.ndarray, unit: float) -> np.ndarray:
    held = np.ones(moving.shape, np.uint8)
    for line in (np.s_[0], np.s_[-1], np.s_[:, 0], np.s_[:, -1]):
        held[line] = moving[line] < 0.1
    if held.all():
        return np.ones(moving.shape, np.float32)
    distance = cv2.distanceTransform(held, cv2.DIST_L2, 5)
    return smooth(distance, 0.0, 0.9 * unit).astype(np.float32)
