"""The motion of a filmed face out of its landmarks: blendshapes, head and gaze that, drawn, give them again.

The renderer's own shapes are built on the face at rest. Frame by frame, in turn: the head's pose by
Gauss-Newton on points that expressions move little, in the renderer's camera; then the weights of the shapes
that explain what is left, by bounded least squares (non-negative: Lawson & Hanson 1974) with a small cost on
every weight and on leaving the frame before.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from emotive.errors import InputError
from emotive.signals import ARKIT, FaceMotion

from .contacts import shapes
from .frame import EYE_DISTANCE, FaceFrame
from .head_pose import DISTANCE, PIVOT, rotation_matrix
from .landmarks import FaceLandmarks
from .measures import measure
from .mesh import FaceMesh, build_mesh
from .shapes import INDEX, ShapeBasis, build_shapes, displace, effective

LONGEST_GAP = 0.3  # s without a face that are bridged
LEAST = 15  # frames with a face, to know what it is at rest
CALM = 0.12  # share of the frames that count as calm
EYEBALL = 2.0  # radii of the iris, as the renderer has it
SHUT = 0.55  # of a blink, from which the iris does not show where the eye looks
# What contours do not show, or do not tell from their neighbours.
_UNSEEN = shapes(
    "eyeLook", "tongueOut", "cheekPuff", "cheekSquint", "jawForward",
    "mouthDimple", "mouthPress", "mouthShrug",
)  # fmt: skip
SEEN = tuple(i for i in range(len(ARKIT)) if i not in _UNSEEN)
"""Numbers in ARKIT of the shapes that are found; all others stay 0."""
# Of the points of `contours`: 36 oval, 20 brows, 36 eyes, 44 lips, 9 nose.
_OVAL, _EYES, _LIPS, _NOSE = slice(0, 36), slice(56, 92), slice(92, 136), slice(136, 145)
_CORNERS = [56 + 18 * side + at for side in range(2) for at in (0, 8)]
_BRIDGE, _BASE, _TOP = list(range(136, 140)), [141, 142, 143], [*range(0, 6), *range(31, 36)]
_STEADY = np.array([*_CORNERS, *_BRIDGE, *_BASE, *_TOP])
_TRUST = np.repeat([1.0, 1.0, 0.6, 0.15], [len(_CORNERS), len(_BRIDGE), len(_BASE), len(_TOP)])[:, None]
_DEPTH = 0.3  # what the landmarks' own depth counts against their place
_COST = 0.02  # face units of error that a shape at full weight must explain
_LEAVING = 0.012  # the same for a change by 1 from frame to frame
_TREMBLE = 0.0015  # face units by which landmarks tremble
# Small or rare shapes, and how many times their cost is.
_RARE = {
    "mouthStretch": 2.0, "mouthFunnel": 1.5, "mouthRoll": 2.5, "mouthUpperUp": 3.0, "mouthLowerDown": 5.0,
    "noseSneer": 2.0, "jawLeft": 2.0, "jawRight": 2.0, "eyeWide": 2.0,
}  # fmt: skip
_LOWER = [*range(10, 27), *range(92, 136)]  # lips, and the oval around the chin
_GAP = 1.5  # what the lips' distance counts against a point's place: it is what lips are read by
_UPPER_EDGE, _LOWER_EDGE = np.arange(104, 113), np.arange(115, 124)  # inner, without the corners
_COUNTS = np.ones(145)
_COUNTS[_OVAL], _COUNTS[_EYES], _COUNTS[_LIPS] = 0.3, 1.5, 1.5


def contours(landmarks: FaceLandmarks) -> np.ndarray:
    """The points of all contours but the irises, (145, 3): 36 oval, 20 brows, 36 eyes, 44 lips, 9 nose."""
    parts = (landmarks.oval, landmarks.brows, landmarks.eyes, landmarks.lips, landmarks.nose)
    return np.concatenate([np.asarray(part, float).reshape(-1, 3) for part in parts])


def solve_motion(
    landmarks: Sequence[FaceLandmarks | None], fps: float | Fraction, neutral: FaceLandmarks | None = None
) -> FaceMotion:
    """The motion of one face from its landmarks in every frame of a video, `fps` frames/s.

    Args:
        landmarks: in pixels of the video; None where no face was found. Up to 0.3 s in a row are bridged.
        neutral: the same face at rest, in the same video or at least upright and at the same size; pose and
            gaze are relative to it. By default what `calm_face` takes for it.

    Shapes that contours do not show stay 0, see `SEEN`. The camera is taken to be 0.6 m away, so that metres
    are about right. Raises InputError for no or too few frames with a face (15, without a neutral), and for a
    longer gap, in a line that says when.
    """
    rate = Fraction(fps).limit_denominator(1001)
    found = _checked(landmarks, rate, neutral)
    face = _Face.of(neutral or calm_face([landmarks[i] for i in found]))
    weights, pose = np.zeros((len(found), len(ARKIT))), np.zeros((len(found), 6))
    gaze = np.zeros((len(found), 2))
    w, at, look = np.zeros(len(ARKIT)), np.zeros(6), np.zeros(2)
    for row, i in enumerate(found):
        now = landmarks[i]
        assert now is not None
        seen = face.frame.to_face(contours(now))
        for _ in range(3):
            shown = face.shown(w, look)
            at = _posed(seen, shown, at)
            w = face.weights(seen, shown, at, w, weights[row - 1] if row else None)
        look = face.gaze(now, at, w, look)
        weights[row], pose[row], gaze[row] = w, at, look
    times = np.arange(len(landmarks))
    weights, pose, gaze = (
        np.stack([np.interp(times, found, track) for track in tracks.T], 1)
        for tracks in (weights, pose, gaze)
    )
    # Landmarks tremble by a part of a pixel; heads do not.
    kernel = np.array([0.25, 0.5, 0.25])
    pose = np.stack([np.convolve(np.pad(track, 1, "edge"), kernel, "valid") for track in pose.T], 1)
    return FaceMotion(weights, pose[:, :3], pose[:, 3:] * EYE_DISTANCE, gaze, rate)


def calm_face(landmarks: Sequence[FaceLandmarks]) -> FaceLandmarks:
    """A face at rest: the median of the calmest frames of a video, where it usually is in the picture.

    Calm is a mouth that is shut, eyes that are open, and little motion. Somebody who smiles all the time
    smiles at rest: give a neutral then.
    """
    frames = [FaceFrame.of(now) for now in landmarks]
    points = np.stack([f.to_face(contours(now)) for f, now in zip(frames, landmarks, strict=True)])
    lips = points[:, _LIPS, 1].reshape(-1, 4, 11)
    opening = (lips[:, 2, 2:-2] - lips[:, 1, 2:-2]).mean(1)
    eyes = points[:, _EYES, 1].reshape(-1, 2, 2, 9)
    lids = (eyes[:, :, 1, 3:6] - eyes[:, :, 0, 3:6]).mean((1, 2))
    moved = np.abs(np.gradient(points[:, 36:, :2], axis=0)).mean((1, 2))
    usual = np.abs(points[:, 36:, :2] - np.median(points[:, 36:, :2], axis=0)).mean((1, 2))
    unrest = 0.5 * _ranks(moved) + _ranks(usual)
    most = max(LEAST // 2, round(CALM * len(landmarks)))
    calm = np.argsort(unrest + 2 * (lids < np.percentile(lids, 35)), kind="stable")[:most]
    rest = np.median(points[calm], axis=0)
    # Somebody who talks all the time shuts the lips now and then, but not when the brows rest. A jaw that
    # hangs behind them is no rest, nor are lips that are pressed or pursed.
    shut = np.argsort(opening, kind="stable")[: 2 * most]
    mouths = points[shut][:, _LOWER, :2]
    odd = np.abs(mouths - np.median(mouths, axis=0)).mean((1, 2))
    restless = 0.5 * _ranks(points[shut][:, 18, 1]) + _ranks(odd) + 0.5 * _ranks(unrest[shut])
    shut = shut[np.argsort(restless, kind="stable")[:most]]
    rest[_LOWER] = np.median(points[shut], axis=0)[_LOWER]
    right = np.median(np.stack([frames[i].right for i in calm]), axis=0)
    right /= np.linalg.norm(right)
    place = FaceFrame(
        np.median(np.stack([frames[i].origin for i in calm]), axis=0), right, np.array([-right[1], right[0]]),
        float(np.median([frames[i].unit for i in calm])),
    )  # fmt: skip
    irises = np.median([frames[i].to_face(landmarks[i].irises[:, :2]) for i in calm], axis=0)
    radius = np.median([landmarks[i].irises[:, 2] / frames[i].unit for i in calm], axis=0) * place.unit
    return _faced(place.to_picture(rest), np.concatenate([place.to_picture(irises), radius[:, None]], 1))


def _ranks(x: np.ndarray) -> np.ndarray:
    return np.argsort(np.argsort(x, kind="stable")) / len(x)


def _faced(points: np.ndarray, irises: np.ndarray) -> FaceLandmarks:
    """The landmarks of points as `contours` has them."""
    forms = ((36, 3), (2, 2, 5, 3), (2, 2, 9, 3), (4, 11, 3), (9, 3))
    parts = np.split(points.astype(np.float32), [36, 56, 92, 136])
    oval, brows, eyes, lips, nose = (part.reshape(form) for part, form in zip(parts, forms, strict=True))
    return FaceLandmarks(oval, brows, eyes, irises.astype(np.float32), lips, nose)


def _checked(
    landmarks: Sequence[FaceLandmarks | None], rate: Fraction, neutral: FaceLandmarks | None
) -> np.ndarray:
    """The numbers of the frames that have a face."""
    found = np.array([i for i, now in enumerate(landmarks) if now is not None], int)
    least = LEAST if neutral is None else 1
    if len(found) < least:
        raise InputError(f"a face was found in {len(found)} frames; its motion is known from {least} on")
    edges = np.r_[-1, found, len(landmarks)]
    longest = int(np.diff(edges).argmax())
    gap = (edges[longest + 1] - edges[longest] - 1) / rate
    if gap >= LONGEST_GAP:
        raise InputError(
            f"no face is seen for {float(gap):.1f} s from {float((edges[longest] + 1) / rate):.1f} s on; "
            f"{LONGEST_GAP} s are bridged: cut the video there"
        )
    for i in found:
        now = landmarks[i]
        if not (np.isfinite(contours(now)).all() and np.isfinite(now.irises).all() and now.eye_distance > 1):
            raise InputError(f"the landmarks of frame {i} are not those of a face")
    return found


@dataclass(frozen=True, eq=False)
class _Face:
    """A face at rest. frame: where it lies in the picture. mesh, basis: of its contours and the inner lips.
    linear: (shapes seen, 145, 3). irises: (2, 3), face units. radii: (2,)."""

    frame: FaceFrame
    mesh: FaceMesh
    basis: ShapeBasis
    linear: np.ndarray
    cost: np.ndarray
    irises: np.ndarray
    radii: np.ndarray

    @classmethod
    def of(cls, neutral: FaceLandmarks) -> _Face:
        frame = FaceFrame.of(neutral)
        scale, shift = 128.0, np.array([256.0, 220.0, 0.0])  # pixels of a picture of 512, upright
        flat = frame.to_face(neutral.irises[:, :2])
        radii = neutral.irises[:, 2] / frame.unit
        irises = np.concatenate([flat * scale + shift[:2], radii[:, None] * scale], 1)
        upright = _faced(frame.to_face(contours(neutral)) * scale + shift, irises)
        own = FaceFrame.of(upright)
        mesh = build_mesh(upright, own, (512, 512))
        basis = build_shapes(measure(upright, own, mesh), mesh)
        at = np.concatenate([
            mesh.oval, mesh.brows.ravel(), mesh.lids[:, :, ::2].ravel(), mesh.upper_lip[0, ::2],
            mesh.upper_lip[-1, ::2], mesh.lower_lip[-1, ::2], mesh.lower_lip[0, ::2], mesh.nose,
            mesh.upper_lip[-1], mesh.lower_lip[-1],
        ])  # fmt: skip
        bases = basis.bases.reshape(len(basis.bases), -1, 3)[:, at].copy()
        bases[-1] = 0  # the face's own opening belongs to its rest
        few = replace(
            mesh,
            points=mesh.points[at],
            upper_lip=np.arange(145, 166)[None],
            lower_lip=np.arange(166, 187)[None],
        )
        linear = bases[: len(ARKIT), :145].astype(float)
        # A jaw that drops behind shut lips, so that lips close no more than the jaw opens them.
        linear[INDEX["mouthClose"]] += linear[INDEX["jawOpen"]]
        cost = np.array([
            next((size for stem, size in _RARE.items() if ARKIT[i].startswith(stem)), 1.0) for i in SEEN
        ])  # fmt: skip
        reduced = ShapeBasis(
            bases.reshape(len(bases), -1), basis.close_upper[at], basis.close_lower[at], basis.gap
        )
        z = mesh.points[mesh.lids[:, 0, 8], 2]
        return cls(
            frame, few, reduced, linear[list(SEEN)], cost, np.concatenate([flat, z[:, None]], 1), radii
        )

    def shown(self, w: np.ndarray, gaze: np.ndarray) -> np.ndarray:
        """The contours (145, 3) under weights (52,), as the renderer combines them."""
        return displace(self.basis, self.mesh, effective(w, gaze)[0], self.mesh.points)[:145].astype(float)

    def weights(
        self, seen: np.ndarray, shown: np.ndarray, at: np.ndarray, w: np.ndarray, before: np.ndarray | None
    ) -> np.ndarray:
        """Better weights (52,) than `w`, under which the contours are `shown`, for those that are `seen`."""
        from scipy.linalg import solve_triangular
        from scipy.optimize import nnls

        step = 1e-4
        here = project(shown, at)[:, :2]
        slopes = np.stack(
            [(project(shown + step * axis, at)[:, :2] - here) / step for axis in np.eye(3)], -1
        )  # (145, 2, 3)
        columns = _measured(np.einsum("pij,kpj->kpi", slopes, self.linear)).T
        jaw, close = (SEEN.index(INDEX[name]) for name in ("jawOpen", "mouthClose"))
        now = _parted(w[list(SEEN)], jaw, close)
        wanted = _measured(seen[:, :2] - here) + columns @ now
        rows = [columns, np.diag(_COST * self.cost)]
        values = [wanted, np.zeros(len(SEEN))]
        if before is not None:
            rows.append(_LEAVING * np.eye(len(SEEN)))
            values.append(_LEAVING * _parted(before[list(SEEN)], jaw, close))
        q, r = np.linalg.qr(np.concatenate(rows))
        target = np.concatenate(values)
        # A cost that grows with the weight itself: what trembling alone explains stays 0.
        doubt = _TREMBLE * np.linalg.norm(columns, axis=0)
        target = q.T @ target - solve_triangular(r, doubt, trans=1)
        full = np.zeros(len(SEEN), bool)
        found = nnls(r, target, maxiter=600)[0]
        while (found[~full] > 1).any():  # what is full stays so; the others make up for it
            full |= found > 1
            found = full.astype(float)
            rest = target - r @ found
            found[~full] = nnls(r[:, ~full], rest, maxiter=600)[0]
        found[jaw] = min(found[jaw] + found[close], 1.0)
        found[close] = min(found[close], found[jaw])
        out = np.zeros(len(ARKIT))
        out[list(SEEN)] = found
        return out

    def gaze(self, now: FaceLandmarks, at: np.ndarray, w: np.ndarray, before: np.ndarray) -> np.ndarray:
        """Yaw and pitch (rad) by the irises of the eyes that are open; `before` if none is."""
        seen, here = self.frame.to_face(now.irises[:, :2]), project(self.irises, at)[:, :2]
        step, found = 1e-4, []
        for eye, side in enumerate(("Right", "Left")):
            if w[INDEX[f"eyeBlink{side}"]] > SHUT or not self.radii[eye] > 0:
                continue
            slope = np.stack(
                [
                    (project(self.irises + step * axis, at)[eye, :2] - here[eye]) / step
                    for axis in np.eye(3)[:2]
                ],
                1,
            )
            moved = np.linalg.solve(slope, seen[eye] - here[eye]) / (EYEBALL * self.radii[eye])
            pitch = np.arcsin(np.clip(-moved[1], -0.7, 0.7))
            found.append([np.arcsin(np.clip(moved[0] / np.cos(pitch), -0.7, 0.7)), pitch])
        return np.mean(found, axis=0) if found else before


def _measured(moved: np.ndarray) -> np.ndarray:
    """What is compared of displacements (..., 145, 2): all of them and the distances between the lips."""
    gap = moved[..., _LOWER_EDGE, 1] - moved[..., _UPPER_EDGE, 1]
    flat = (moved * _COUNTS[:, None]).reshape(*moved.shape[:-2], -1)
    return np.concatenate([flat, _GAP * gap], -1)


def _parted(w: np.ndarray, jaw: int, close: int) -> np.ndarray:
    """Weights with the jaw's share that opens the lips in the place of the jaw."""
    out = w.copy()
    out[jaw] = max(out[jaw] - out[close], 0.0)
    return out


def project(points: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Points (n, 3) of a face at rest, face units, after turning and shifting the head: X and Y as the camera
    sees them, Z. at: rotation (3,) rad and shift (3,) face units, Y up, as `head_pose.pose` has them, but
    without its limits."""
    scale = (DISTANCE - points[:, 2:]) / DISTANCE
    solid = np.concatenate([points[:, :2] * scale, points[:, 2:]], 1) - PIVOT
    solid[:, 1] *= -1
    turned = solid @ rotation_matrix(at[:3]).T + at[3:]
    turned[:, 1] *= -1
    turned += PIVOT
    return np.concatenate([turned[:, :2] * DISTANCE / (DISTANCE - turned[:, 2:]), turned[:, 2:]], 1)


def _posed(seen: np.ndarray, shown: np.ndarray, at: np.ndarray) -> np.ndarray:
    """The pose (6,) under which the steady points of `shown` lie nearest to `seen`, from `at` on."""
    points, wanted = shown[_STEADY], seen[_STEADY]
    has_depth = np.ptp(wanted[:, 2]) > 1e-3
    step = 1e-4

    def placed(at: np.ndarray) -> np.ndarray:
        out = project(points, at)
        z = out[:, 2] - np.average(out[:, 2], weights=_TRUST[:, 0])  # where depth is 0 is not agreed
        return np.concatenate([out[:, :2], _DEPTH * z[:, None]], 1) if has_depth else out[:, :2]

    goal = wanted[:, :2]
    if has_depth:
        z = wanted[:, 2] - np.average(wanted[:, 2], weights=_TRUST[:, 0])
        goal = np.concatenate([goal, _DEPTH * z[:, None]], 1)
    for _ in range(2):
        here = placed(at)
        slopes = np.stack(
            [((placed(at + step * axis) - here) / step * _TRUST).ravel() for axis in np.eye(6)], 1
        )
        at = at + np.linalg.lstsq(slopes, ((goal - here) * _TRUST).ravel(), rcond=None)[0]
    return at
