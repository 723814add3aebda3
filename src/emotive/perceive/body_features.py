"""What a body does, measured on the places of its joints: how much and how fast it moves, how it is held.

All of it is the same wherever the body stands, whichever way it faces and however tall it is: lengths are
those of a person whose arm, shoulder to wrist, is `ARM` m, and heights and widths are against the body's own
shoulders, hips and feet, along its own sideways and ahead. Speeds are of places at 30 frames/s below 5 Hz,
the usual limit for human movement (Winter 2009), so that a recording's rate and tremble say nothing.

Sources of the measures; which way each goes with affect is in `body_published`:

C07  Castellano, Villalba & Camurri 2007: quantity of motion, contraction index, velocity, acceleration,
     fluidity.
G11  Glowinski et al. 2011: energy, extent, symmetry and smoothness of two hands and a head.
W98  Wallbott 1998: shoulders, head, upper body, hands; movement activity, expansiveness, dynamics.
D13  Dael, Goudbeek & Scherer 2013: amount, speed, force, fluency, size and height of gestures.
P20  Poyo Solanas, Vaessen & de Gelder 2020: limb angles, limb contraction, symmetry, head and hands' height.
H05  Hartmann, Mancini & Pelachaud 2005: overall activation, spatial extent, temporal extent, fluidity.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.interpolate import make_interp_spline
from scipy.ndimage import gaussian_filter1d

from emotive.body.channels import ARM
from emotive.errors import InputError
from emotive.signals import JOINT, PARENTS, BodyMotion

from .body_strokes import MOVING, Movement, movements, stroke_ends, together

RATE = 30  # frames/s of every measure
TREMBLE = 0.025  # s: the Gaussian that leaves half the power at 5.3 Hz
LEAST = 0.5  # s that a body must be seen
UNMOVED = {"smoothness": -6.0, "directness": 0.75}  # where no hand moves: as of an ordinary gesture

FEATURES: tuple[str, ...] = (
    "motion", "hand speed", "peak speed", "acceleration", "smoothness", "directness", "strokes", "holds",
    "head speed", "sway", "both hands",
    "openness", "elbows out", "elbows bent", "hands up", "highest hand", "hands ahead", "hands apart",
    "asymmetry", "palms up", "fingers open",
    "head down", "head aside", "slump", "lean", "shoulders up", "shoulders ahead", "knees bent", "feet apart",
)  # fmt: skip
"""Kinematics first. m, m/s and m/s^2 are of a person whose arm is `ARM` m.

motion: ln of the mass-weighted mean speed of all segments, m/s (quantity of motion; C07).
hand speed, peak speed: ln of the mean over both wrists, and of the faster one's 95th percentile, m/s (C07).
acceleration: ln of the mean over both wrists, m/s^2 (C07).
smoothness: minus the log dimensionless jerk, mean over movements (see `body_strokes`; G11).
directness: chord by path, mean over movements, 0..1 (Laban's space).
strokes: of either hand that end, 1/s, see `body_strokes` (H05).
holds: share of time in which neither hand moves, 0..1.
head speed: ln of the mean speed of the eyes against the neck, m/s. sway: of the hips, the same.
both hands: share of the time in which one moves that the other does, too (G11).
openness: cube root of the box around hands, elbows, head and hips, m (contraction index; C07, P20).
elbows out: upper arms from hanging, sideways, deg; elbows bent: 0 straight, deg (P20).
hands up: mean height of the wrists above the shoulders, m; highest hand: the higher one's 95th percentile
(D13, P20). hands ahead: of the shoulders, m. hands apart: sideways distance, m.
asymmetry: distance of one wrist from the other's mirror image, m (G11, P20).
palms up: how far the palms face up, -1..1. fingers open: tips from the wrist, 1 straight.
head down: deg below straight ahead as at rest (W98, P20). head aside: turned away from the trunk, deg.
slump: the upper trunk bent over the lower one, deg (W98). lean: hips to neck ahead of upright, deg (P20).
shoulders up, shoulders ahead, knees bent: against rest, m, m (W98), deg. feet apart: of the ankles, m."""

# Masses as shares of the body: of the segment between two joints (de Leva 1996, men and women averaged).
MASSES: dict[tuple[str, str], float] = {
    ("neck", "head"): 0.0681, ("hips", "spine"): 0.1182, ("spine", "chest"): 0.1560,
    ("chest", "neck"): 0.1569,
    **{
        (f"{side}{above}", f"{side}{below}"): share
        for side in ("left", "right")
        for above, below, share in (
            ("UpperArm", "LowerArm", 0.0263), ("LowerArm", "Hand", 0.0150),
            ("Hand", "MiddleProximal", 0.0059), ("UpperLeg", "LowerLeg", 0.1447),
            ("LowerLeg", "Foot", 0.0457), ("Foot", "Toes", 0.0133),
        )
    },
}  # fmt: skip

Places = Callable[[str], np.ndarray]
"""The name of a joint -> where it is, (T, 3)."""

_SIDES = ("left", "right")
_TIPS = ("Index", "Middle", "Ring", "Little")


@dataclass(frozen=True, eq=False)
class BodyTracks:
    """Measures over time at `RATE`, T frames. speeds: name -> (T,), before logarithms. held: name -> (T,),
    postures. moving: (T, 2), bool, whether each wrist moves. wrist_speed: (T, 2), m/s. steps: the movements
    of each wrist. ends: s, at which strokes end."""

    speeds: dict[str, np.ndarray]
    held: dict[str, np.ndarray]
    moving: np.ndarray
    wrist_speed: np.ndarray
    reaches: tuple[list[Movement], list[Movement]]
    ends: np.ndarray

    def __len__(self) -> int:
        return len(self.moving)

    @property
    def duration(self) -> float:
        """Seconds."""
        return len(self) / RATE


def body_tracks(motion: BodyMotion) -> BodyTracks:
    """Of any motion. Raises InputError for one that is shorter than `LEAST`."""
    return tracks_of_places(motion.positions(), float(motion.fps), rest_of(motion.offsets))


def tracks_of_places(places: np.ndarray, fps: float, rest: np.ndarray) -> BodyTracks:
    """The same from the places of all joints (T, 55, 3), m, at `fps`, and those in the T-pose, (55, 3)."""
    if len(places) / fps < LEAST - 1e-6:
        raise InputError(f"a body must be seen for {LEAST} s at least, not {len(places) / fps:.2f}")
    size = ARM / arm_of(rest)
    at = smoothed_places(places * size, fps)
    rest = rest * size
    speeds, wrist_speed = _speeds(at)
    wrists = [at[:, JOINT[f"{side}Hand"]] for side in _SIDES]
    reaches = (movements(wrists[0], RATE), movements(wrists[1], RATE))
    heights = own_places(at)[:, [JOINT[f"{side}Hand"] for side in _SIDES], 1]
    ends = together(*(stroke_ends(wrist_speed[:, k], heights[:, k], RATE) for k in (0, 1)))
    return BodyTracks(speeds, _postures(at, rest), wrist_speed > MOVING, wrist_speed, reaches, ends)


def features_of(tracks: BodyTracks, first: int = 0, last: int | None = None) -> np.ndarray:
    """`FEATURES` of frames `first` to `last` (not included), float64 (29,)."""
    last = len(tracks) if last is None else last
    part = slice(first, last)
    seconds = (last - first) / RATE
    moving = tracks.moving[part]
    inside = [m for hand in tracks.reaches for m in hand if first <= m.middle < last]
    found = {
        "motion": _log(tracks.speeds["motion"][part].mean()),
        "hand speed": _log(tracks.wrist_speed[part].mean()),
        "peak speed": _log(np.quantile(tracks.wrist_speed[part].max(1), 0.95)),
        "acceleration": _log(tracks.speeds["acceleration"][part].mean(), 0.05),
        "smoothness": _mean([m.smoothness for m in inside], UNMOVED["smoothness"]),
        "directness": _mean([m.directness for m in inside], UNMOVED["directness"]),
        "strokes": float(((tracks.ends * RATE >= first) & (tracks.ends * RATE < last)).sum()) / seconds,
        "holds": float((~moving.any(1)).mean()),
        "head speed": _log(tracks.speeds["head speed"][part].mean()),
        "sway": _log(tracks.speeds["sway"][part].mean(), 0.002),
        "both hands": float(moving.all(1).sum() / max(moving.any(1).sum(), 1)),
        "highest hand": float(np.quantile(tracks.held["higher"][part], 0.95)),
    }
    found |= {name: float(track[part].mean()) for name, track in tracks.held.items() if name != "higher"}
    return np.array([found[name] for name in FEATURES])


def body_features(motion: BodyMotion) -> np.ndarray:
    """`FEATURES` of a whole motion, float64 (29,). Raises InputError below `LEAST` s."""
    return features_of(body_tracks(motion))


def window_features(motion: BodyMotion, seconds: float, step: float) -> tuple[np.ndarray, np.ndarray]:
    """Middles of windows (N,), s, and their `FEATURES` (N, 29). Raises InputError below `LEAST` s."""
    tracks = body_tracks(motion)
    spans = window_starts(len(tracks), seconds, step)
    return np.array(spans).mean(1) / RATE, np.stack([features_of(tracks, *span) for span in spans])


def quantity_of_motion(motion: BodyMotion) -> float:
    """Mass-weighted mean speed of all segments, m/s of a person whose arm is `ARM` m (C07)."""
    return float(body_tracks(motion).speeds["motion"].mean())


def window_starts(frames: int, seconds: float, step: float) -> list[tuple[int, int]]:
    """(first, last) of windows of `seconds` every `step` s over that many frames at `RATE`; one that is
    shorter if there are not as many."""
    size, hop = round(seconds * RATE), round(step * RATE)
    if frames <= size:
        return [(0, frames)]
    starts = [*range(0, frames - size, hop), frames - size]
    return [(s, s + size) for s in starts]


def scaled_places(motion: BodyMotion) -> np.ndarray:
    """Places of all joints at `RATE`, (T, 55, 3), m, of the body as large as one whose arm is `ARM` m."""
    size = ARM / arm_of(rest_of(motion.offsets))
    return smoothed_places(motion.positions() * size, float(motion.fps))


def rest_of(offsets: np.ndarray) -> np.ndarray:
    """Where the joints are in the T-pose, (55, 3), of their offsets from their parents."""
    rest = np.zeros((len(PARENTS), 3))
    for joint, parent in enumerate(PARENTS):
        rest[joint] = offsets[joint] + (rest[parent] if parent >= 0 else 0)
    return rest


def smoothed_places(places: np.ndarray, fps: float) -> np.ndarray:
    """Places (T, ..., 3) at `RATE` frames/s without what is faster than hands are."""
    count = max(2, round(len(places) * RATE / fps))
    beyond = min(round(4 * TREMBLE * fps), len(places) - 1)
    # Beyond its ends a motion goes on as it went: the first and last speeds are not slowed.
    longer = np.pad(places, ((beyond, beyond), *((0, 0),) * (places.ndim - 1)), "reflect", reflect_type="odd")
    calm = gaussian_filter1d(longer, TREMBLE * fps, axis=0, mode="nearest", truncate=4.0)
    calm = calm[beyond : beyond + len(places)]
    if fps == RATE:
        return calm
    degree = min(3, len(places) - 1)
    times = np.minimum(np.arange(count) / RATE, (len(places) - 1) / fps)
    return make_interp_spline(np.arange(len(places)) / fps, calm, degree)(times)


def _speeds(at: np.ndarray) -> tuple[dict[str, np.ndarray], np.ndarray]:
    velocity = np.gradient(at, 1 / RATE, axis=0)
    total, weight = np.zeros(len(at)), 0.0
    for (above, below), mass in MASSES.items():
        middle = (velocity[:, JOINT[above]] + velocity[:, JOINT[below]]) / 2
        total, weight = total + mass * np.linalg.norm(middle, axis=1), weight + mass
    wrists = velocity[:, [JOINT[f"{side}Hand"] for side in _SIDES]]
    pace = np.linalg.norm(np.gradient(wrists, 1 / RATE, axis=0), axis=-1).mean(1)
    eyes = (velocity[:, JOINT["leftEye"]] + velocity[:, JOINT["rightEye"]]) / 2 - velocity[:, JOINT["neck"]]
    speeds = {
        "motion": total / weight,
        "acceleration": pace,
        "head speed": np.linalg.norm(eyes, axis=1),
        "sway": np.linalg.norm(velocity[:, JOINT["hips"]], axis=1),
    }
    return speeds, np.linalg.norm(wrists, axis=-1)


def _postures(at: np.ndarray, rest: np.ndarray) -> dict[str, np.ndarray]:
    """Postures of each frame; `higher` is the height of the higher wrist."""
    here, there = _named(at), _named(rest[None])
    hands, elbows = (np.stack([here(f"{s}{part}") for s in _SIDES], 1) for part in ("Hand", "LowerArm"))
    upper = elbows - np.stack([here(f"{s}UpperArm") for s in _SIDES], 1)
    outward = upper[..., 0] * np.array([1.0, -1.0])
    box = np.concatenate([hands, elbows, here("head")[:, None], here("hips")[:, None]], 1)
    trunk, was = here("neck") - here("hips"), there("neck") - there("hips")
    bent = _pitch(here("neck") - here("chest")) - _pitch(here("chest") - here("hips"))
    bent_at_rest = _pitch(there("neck") - there("chest")) - _pitch(there("chest") - there("hips"))
    leg = ("UpperLeg", "LowerLeg", "Foot")
    look, looked = _eyes(here) - here("head"), _eyes(there) - there("head")
    ahead = look @ np.array([0, 0, 1.0])
    shoulder, shouldered = _shoulders(here), _shoulders(there)
    mirrored = hands[:, 1] * np.array([-1.0, 1.0, 1.0])
    return {
        "openness": np.cbrt(np.prod(box.max(1) - box.min(1), axis=1).clip(1e-6)),
        "elbows out": np.degrees(np.arctan2(outward, np.hypot(upper[..., 1], upper[..., 2]))).mean(1),
        "elbows bent": _bend(here, "UpperArm", "LowerArm", "Hand"),
        "hands up": hands[..., 1].mean(1),
        "higher": hands[..., 1].max(1),
        "hands ahead": hands[..., 2].mean(1),
        "hands apart": hands[:, 0, 0] - hands[:, 1, 0],
        "asymmetry": np.linalg.norm(hands[:, 0] - mirrored, axis=1),
        "palms up": _palms(at),
        "fingers open": _fingers(at) / _fingers(rest[None]),
        "head down": -np.degrees(np.arctan2(look[:, 1], np.hypot(look[:, 0], ahead)))
        + np.degrees(np.arctan2(looked[:, 1], looked[:, 2])),
        "head aside": np.abs(np.degrees(np.arctan2(look[:, 0], ahead))),
        "slump": bent - bent_at_rest,
        "lean": _pitch(trunk) - _pitch(was),
        "shoulders up": shoulder[:, 1] - shouldered[:, 1],
        "shoulders ahead": shoulder[:, 2] - shouldered[:, 2],
        "knees bent": _bend(here, *leg) - _bend(there, *leg),
        "feet apart": (here("leftFoot") - here("rightFoot"))[:, 0],
    }


def own_places(at: np.ndarray) -> np.ndarray:
    """Places (T, 55, 3) in the body's own axes: to its left, up, ahead; from the middle of its shoulders."""
    # Shoulders and hips both say which way a body faces: arms that are drawn ahead turn neither.
    side = sum(
        (at[:, JOINT[f"left{part}"]] - at[:, JOINT[f"right{part}"]] for part in ("UpperArm", "UpperLeg")),
        np.zeros((len(at), 3)),
    )
    side = side * np.array([1.0, 0.0, 1.0])
    side = side / np.linalg.norm(side, axis=1, keepdims=True).clip(1e-9)
    up = np.broadcast_to(np.array([0.0, 1.0, 0.0]), side.shape)
    axes = np.stack([side, up, np.cross(side, up)], -1)
    origin = (at[:, JOINT["leftUpperArm"]] + at[:, JOINT["rightUpperArm"]]) / 2
    return (at - origin[:, None]) @ axes


def _named(at: np.ndarray) -> Places:
    places = own_places(at)
    return lambda name: places[:, JOINT[name]]


def _shoulders(of: Places) -> np.ndarray:
    """The middle between the shoulder joints against the top of the chest, in the trunk's own axes."""
    up = of("neck") - of("chest")
    up = up / np.linalg.norm(up, axis=1, keepdims=True)
    lift = (of("leftUpperArm") + of("rightUpperArm")) / 2 - of("upperChest")
    ahead = np.cross(np.array([1.0, 0.0, 0.0]), up)
    return np.stack([lift[:, 0], (lift * up).sum(1), (lift * ahead).sum(1)], 1)


def _eyes(of: Places) -> np.ndarray:
    return (of("leftEye") + of("rightEye")) / 2


def _bend(of: Places, above: str, middle: str, below: str) -> np.ndarray:
    """How far joints of both sides are bent from straight, the mean, deg."""
    found = []
    for side in _SIDES:
        a, b = of(f"{side}{middle}") - of(f"{side}{above}"), of(f"{side}{below}") - of(f"{side}{middle}")
        cosine = (a * b).sum(1) / (np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)).clip(1e-9)
        found.append(np.degrees(np.arccos(cosine.clip(-1, 1))))
    return np.mean(found, 0)


def _palms(at: np.ndarray) -> np.ndarray:
    """Height of the palms' normals, the mean of both, -1 down .. 1 up."""
    found = []
    for side, sign in (("left", 1.0), ("right", -1.0)):
        wrist = at[:, JOINT[f"{side}Hand"]]
        index, little = (at[:, JOINT[f"{side}{finger}Proximal"]] - wrist for finger in ("Index", "Little"))
        normal = sign * np.cross(little, index)
        found.append(normal[:, 1] / np.linalg.norm(normal, axis=1).clip(1e-9))
    return np.mean(found, 0)


def _fingers(at: np.ndarray) -> np.ndarray:
    """Distance of the fingers' last joints from the wrist, the mean of all, m."""
    lengths = [
        np.linalg.norm(at[:, JOINT[f"{side}{finger}Distal"]] - at[:, JOINT[f"{side}Hand"]], axis=1)
        for side in _SIDES
        for finger in _TIPS
    ]
    return np.mean(lengths, 0)


def _pitch(way: np.ndarray) -> np.ndarray:
    """How far a way up is bent ahead, deg."""
    return np.degrees(np.arctan2(way[:, 2], way[:, 1]))


def arm_of(rest: np.ndarray) -> float:
    """Shoulder to wrist at rest, m, the mean of both sides. Raises InputError for none."""
    bones = [
        np.linalg.norm(rest[JOINT[f"{side}{below}"]] - rest[JOINT[f"{side}{above}"]])
        for side in _SIDES
        for above, below in (("UpperArm", "LowerArm"), ("LowerArm", "Hand"))
    ]
    if min(bones) < 1e-3:
        raise InputError("this body has no arms: its gestures cannot be read")
    return float(sum(bones) / 2)


def _mean(values: list[float], otherwise: float) -> float:
    return float(np.mean(values)) if values else otherwise


def _log(value: float, least: float = 0.005) -> float:
    """Of what is never quite 0."""
    return float(np.log(value + least))
