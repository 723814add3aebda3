"""The way back from joints to controls: which tracks would pose a body as a motion has it."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import binary_closing, binary_opening, gaussian_filter1d

from emotive.signals import JOINT, BodyMotion
from emotive.signals.rotations import six_of, vectors_of

from .arms import SIGNS, SWIVEL, frame_of, placed, pole_of, raise_of, zero_of
from .channels import ARM, CHANNEL, CHANNELS, HAND, of
from .feet import WAIT, Feet
from .fingers import SHARES, SPREADS, THUMB_SHARES, thumb_axis
from .posing import stands
from .skeleton import FINGERS, SIGN
from .turns import about, about_all, across, angles_of, cross, dot, moved, turned_back, unit

STILL = 0.12  # m/s below which an ankle belongs to a foot that stands


def channels_of(motion: BodyMotion) -> np.ndarray:
    """Controls in the order of `CHANNELS`, float32 (T, 50), read off a motion of any proportions by geometry.

    `pose` of them, with a build of the same proportions, gives the motion back as far as controls can say it.
    The person should face ahead and stand about the origin: `faced` sees to that for recordings.
    """
    tracks = np.zeros((len(motion), len(CHANNELS)))
    if not len(motion):
        return tracks.astype(np.float32)
    turned, at = motion.placed()
    offsets = motion.offsets.astype(np.float64)

    def write(name: str, values: np.ndarray) -> None:
        tracks[:, CHANNEL[name]] = values

    yaw, lean, roll = angles_of(turned[:, 0]).T
    for name, angle in zip(("hips.yaw", "lean", "hips.roll"), (yaw, lean, roll), strict=True):
        write(name, angle)
    top = turned[:, JOINT["upperChest"]]
    upright = about_all(yaw, lean, np.zeros_like(yaw))
    parts = {"trunk": turned_back(upright, top), "head": turned[:, JOINT["head"]]}
    for part, orientation in parts.items():
        for name, angle in zip(("yaw", "pitch", "roll"), angles_of(orientation).T, strict=True):
            write(f"{part}.{name}", angle)
    local = motion.matrices()
    gaze = np.mean([angles_of(local[:, JOINT[f"{side}Eye"]]) for side in SIGN], 0)
    write("gaze.yaw", gaze[:, 0])
    write("gaze.pitch", -gaze[:, 1])

    long = float(_lengths(offsets, "leftLowerLeg", "leftFoot").sum())
    write("hips.side", at[:, 0, 0])
    write("hips.ahead", at[:, 0, 2] - long * np.sin(np.deg2rad(lean)))
    for side in SIGN:
        place = _places(at, turned, offsets, float(motion.fps), side)
        for i, name in enumerate(("out", "ahead", "turn")):
            write(f"{side}.foot.{name}", place[:, i])
    # As far as hips are below where they would be over the same steps with straight legs.
    straight = stands(Feet(), tracks, offsets, float(motion.fps))
    write("crouch", straight.at["hips"][:, 1] - at[:, 0, 1])

    hands = _hands(turned, at, offsets, top)
    _read_fingers(local, hands)
    collars = np.stack([local[:, JOINT[f"{side}Shoulder"], :, 0] for side in SIGN]) * SIGNS[:, None, None]
    raised, ahead = raise_of(placed(hands))
    raised = np.rad2deg(np.arctan2(collars[..., 1], SIGNS[:, None] * collars[..., 0])) - raised
    ahead = np.rad2deg(np.arcsin(collars[..., 2].clip(-1, 1))) - ahead
    for i, side in enumerate(SIGN):
        tracks[:, of(side)] = hands[i]
        write(f"{side}.raise", raised[i])
        write(f"{side}.round", ahead[i])
    return tracks.astype(np.float32)


def faced(motion: BodyMotion, seconds: float = 3.0) -> BodyMotion:
    """The same motion of a person who always faces ahead and stands about the origin.

    What is taken off is how the hips are turned, and the middle between the ankles, both smoothed over
    `seconds`.
    """
    if not len(motion):
        return motion
    turned, at = motion.placed()
    smoothing = seconds * float(motion.fps) / 2
    ahead = gaussian_filter1d(turned[:, 0, :, 2], smoothing, axis=0, mode="nearest")
    yaw = np.rad2deg(np.arctan2(ahead[:, 0], ahead[:, 2]))
    feet = at[:, [JOINT["leftFoot"], JOINT["rightFoot"]]].mean(1)
    middle = gaussian_filter1d(feet, smoothing, axis=0, mode="nearest") * (1.0, 0.0, 1.0)
    back = about("y", -yaw)
    rest = motion.offsets[[JOINT["leftUpperLeg"], JOINT["leftLowerLeg"], JOINT["leftFoot"]], 2].sum()
    root = moved(back, at[:, 0] - middle) + np.array([0.0, 0.0, rest])
    rotations = motion.rotations.copy()
    rotations[:, 0] = six_of(back @ turned[:, 0])
    return BodyMotion(rotations, root, motion.offsets, motion.fps, motion.affect, motion.start)


def _places(at: np.ndarray, turned: np.ndarray, offsets: np.ndarray, fps: float, side: str) -> np.ndarray:
    """Where a foot wants to stand, out, ahead and turned, (T, 3): where it stands, and from the moment at
    which it leaves on where it will."""
    sign, count = SIGN[side], len(at)
    rest = offsets[[JOINT[f"{side}{part}"] for part in ("UpperLeg", "LowerLeg", "Foot")]].sum(0)
    ankle = at[:, JOINT[f"{side}Foot"]]
    ahead = turned[:, JOINT[f"{side}Foot"], :, 2]
    yaw = np.rad2deg(np.arctan2(ahead[:, 0], ahead[:, 2]))
    place = np.stack([sign * (ankle[:, 0] - rest[0]), ankle[:, 2] - rest[2], sign * yaw], -1)
    speed = np.zeros(count)
    if count > 1:
        step = np.linalg.norm(np.diff(ankle, axis=0), axis=-1) * fps
        speed = np.maximum(np.append(step, step[-1]), np.insert(step, 0, step[0]))
    short = np.ones(max(1, round(0.08 * fps)), bool)
    stands = binary_opening(binary_closing(np.pad(speed < STILL, len(short)), short), short)
    stands = stands[len(short) : len(short) + count]
    if not stands.any():
        return np.broadcast_to(np.median(place, 0), place.shape)
    edges = np.flatnonzero(np.diff(stands.astype(int), prepend=0, append=0))
    found = np.empty_like(place)
    begins = 0
    for first, last in edges.reshape(-1, 2):
        found[begins:] = np.median(place[first:last], 0)
        # A foot waits a little before it goes, so the wish comes that much earlier.
        begins = max(first + 1, last - round(WAIT * fps) + 1)
    return found


def _hands(turned: np.ndarray, at: np.ndarray, offsets: np.ndarray, top: np.ndarray) -> np.ndarray:
    """Channels of both hands (2, T, 13) but those of the fingers."""

    def joint(part: str, values: np.ndarray) -> np.ndarray:
        return np.stack([values[:, JOINT[side + part]] for side in SIGN])

    length = _lengths(offsets, "leftLowerArm", "leftHand").sum()
    between = offsets[[JOINT["leftShoulder"], JOINT["rightShoulder"]]]
    between = (between + offsets[[JOINT["leftUpperArm"], JOINT["rightUpperArm"]]]).mean(0)
    frame = frame_of(top)
    middle = at[:, JOINT["upperChest"]] + moved(top, between)
    shoulders, elbows, wrists = (joint(part, at) for part in ("UpperArm", "LowerArm", "Hand"))
    hands = np.zeros((2, len(at), len(HAND)))
    local = moved(np.swapaxes(frame, -1, -2), wrists - middle) * (ARM / length)
    hands[..., 0] = SIGNS[:, None] * local[..., 0]
    hands[..., 1:3] = local[..., 1:]

    # Where the elbow is about the line from shoulder to wrist; of a straight arm the back of its elbow tells.
    way = unit(wrists - shoulders)
    first, second = unit(elbows - shoulders), unit(wrists - elbows)
    bend = first - dot(first, way)[..., None] * way
    elbow = across(bend - 0.02 * joint("UpperArm", turned)[..., 2], way)
    pole = pole_of(hands, way, frame)
    side = SIGNS[:, None, None] * cross(way, pole)
    hands[..., 6] = np.rad2deg(np.arctan2(dot(elbow, side), dot(elbow, pole))) / SWIVEL

    bent = turned_back(zero_of(first, second, elbow)[1], joint("Hand", turned))
    turn = np.arctan2(bent[..., 2, 1], bent[..., 1, 1])
    flexion = np.arcsin((SIGNS[:, None] * bent[..., 0, 1]).clip(-1, 1))
    deviation = -SIGNS[:, None] * np.arctan2(bent[..., 0, 2], bent[..., 0, 0])
    hands[..., 3:6] = np.rad2deg(np.stack([turn, flexion, deviation], -1))
    return hands


def _lengths(offsets: np.ndarray, *joints: str) -> np.ndarray:
    return np.linalg.norm(offsets[[JOINT[name] for name in joints]], axis=-1)


def _read_fingers(local: np.ndarray, hands: np.ndarray) -> None:
    """Writes curls and spread into hands (2, T, 13), least squares over the joints that share them."""
    first = HAND.index("thumb")
    for i, (side, sign) in enumerate(SIGN.items()):
        spread, weight = np.zeros(len(local)), np.full(len(local), 1e-9)
        for k, finger in enumerate(FINGERS):
            thumb = finger == "thumb"
            joint = JOINT[f"{side}{finger.capitalize()}{'Metacarpal' if thumb else 'Proximal'}"]
            bones = local[:, joint : joint + 3]
            if thumb:
                angles, shares = np.rad2deg(vectors_of(bones) @ thumb_axis(sign)), np.array(THUMB_SHARES)
            else:
                x, y, z = bones[..., 0, 0], sign * bones[..., 1, 0], sign * bones[..., 2, 0]
                flat = np.where(x < 0, -1, 1) * np.hypot(x, z)
                angles, shares = np.rad2deg(np.arctan2(-y, flat)), np.array(SHARES)
                # Fingers that are bent point down: the less they tell how far they are spread.
                share, counts = SPREADS[k - 1], x[:, 0].clip(0) ** 2
                spread += counts * share * np.rad2deg(np.arctan2(z[:, 0], x[:, 0].clip(1e-3)))
                weight += counts * share**2
            hands[i, :, first + k] = angles @ shares / (shares @ shares)
        hands[i, :, HAND.index("spread")] = spread / weight
