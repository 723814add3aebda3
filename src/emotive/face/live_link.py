"""The motion of a face as the CSV that Epic's Live Link Face app records, for Unreal, Blender and Maya.

Columns: Timecode, BlendShapeCount (61), ARKit's 52 blendshapes with a capital letter in their usual order,
then yaw, pitch and roll of head, left and right eye. A timecode is HH:MM:SS:FF.mmm: FF counts frames within
the second, mmm thousandths of a frame. Epic documents none of it; layout, timecode and the signs of the head
are those that open importers agree on (nickfisher's Blender add-on for the layout; MeFaMo, which writes what
Unreal reads, for the head): angles in rad, head yaw to the person's left, pitch up, roll towards the right
shoulder, R = yaw pitch roll (recorded upright; in landscape the app flips some).

Gaze goes into the eye-look shapes, whose meaning is ARKit's and certain, and into the angles of the eyes (yaw
to the left, pitch down, as ARKit's eye transforms turn); reading uses the shapes alone.
"""

from __future__ import annotations

import math
import os
import re
from fractions import Fraction
from pathlib import Path

import numpy as np

from emotive.errors import InputError
from emotive.media import write_whole
from emotive.signals import ARKIT, FaceMotion
from emotive.signals.archive import reading

ANGLES = tuple(
    f"{what}{angle}" for what in ("Head", "LeftEye", "RightEye") for angle in ("Yaw", "Pitch", "Roll")
)
COLUMNS = ("Timecode", "BlendShapeCount", *(name[0].upper() + name[1:] for name in ARKIT), *ANGLES)
EYE_RANGE = (math.radians(40), math.radians(30))
"""Yaw and pitch of an eye, rad, at which an eye-look shape is 1; ARKit does not tell its own."""
MAX_BYTES = 512 * 2**20  # of a file: five hours at 60 frames/s

_TIMECODE = re.compile(r"(\d{1,2}):(\d\d):(\d\d)[:;](\d{1,3})(?:\.(\d{1,3}))?$")
_LOOK = {name: ARKIT.index(name) for name in ARKIT if name.startswith("eyeLook")}


def write_live_link(path: str | os.PathLike[str], motion: FaceMotion) -> Path:
    """Writes `.csv`, whole or not at all. Translation, and what ARKit does not name, is not in the format.

    Raises InputError if the rate is not a whole number (a timecode counts whole frames; 29.97, 59.94 and
    23.976 are written as 30, 60 and 24), and as `write_whole` does.
    """
    path, rate = Path(path), round(motion.fps)
    if abs(motion.fps / rate - 1) > 0.0011:
        raise InputError(
            f"{path}: timecodes count whole frames, not {float(motion.fps):g}/s: resample the motion"
        )
    weights = motion.weights[:, : len(ARKIT)].copy()
    for name, column in eye_looks(motion.gaze).items():
        weights[:, _LOOK[name]] = column
    yaw, pitch, roll = _euler(motion.rotation)
    zero = np.zeros(len(motion))
    eye = np.stack([motion.gaze[:, 0], -motion.gaze[:, 1], zero], axis=1)
    values = np.concatenate([weights, np.stack([yaw, pitch, roll], 1), eye, eye], axis=1)
    lines, first = [",".join(COLUMNS)], round(motion.start * rate)
    for i, row in enumerate(values):
        seconds, frame = divmod(first + i, rate)
        code = f"{seconds // 3600 % 24:02}:{seconds // 60 % 60:02}:{seconds % 60:02}:{frame:02}.000"
        lines.append(f"{code},{len(COLUMNS) - 2}," + ",".join(f"{value:.7g}" for value in row))
    write_whole(path, ("\n".join(lines) + "\n").encode())
    return path


def read_live_link(path: str | os.PathLike[str], fps: float | Fraction | None = None) -> FaceMotion:
    """A recording of the app, or what `write_live_link` wrote. Frames that the app left out are interpolated.

    fps: of the recording; by default what its timecodes count to, which needs at least a second.
    Raises InputError, naming the file and the line, for what is missing, damaged, too large or other.
    """
    path = Path(path)
    with reading(path, "a Live Link Face recording"):
        if path.stat().st_size > MAX_BYTES:
            raise InputError("it is too large to be a Live Link Face recording")
        lines = [line for line in path.read_text("utf-8-sig").splitlines() if line.strip()]
        if not lines:
            raise InputError("the file is empty")
        header = [cell.strip().lower() for cell in lines[0].split(",")]
        missing = [name for name in COLUMNS[: 2 + len(ARKIT)] if name.lower() not in header]
        if missing:
            raise InputError(f"not a Live Link Face recording: its header lacks {missing[0]}")
        order = [header.index(name.lower()) if name.lower() in header else -1 for name in COLUMNS]
        codes, rows = [], []
        for number, line in enumerate(lines[1:], start=2):
            cells = line.split(",")
            codes.append(_timecode(cells[0].strip(), number))
            rows.append(_row(cells, order, number, rows[-1] if rows else None))
        if not rows:
            raise InputError("there is a header but no frame below it")
        rate = Fraction(fps).limit_denominator(1001) if fps is not None else _rate(codes)
        frames = [second * round(rate) + frame for second, frame in codes]
        return _motion(np.array(rows), np.array(frames), rate)


def _motion(rows: np.ndarray, frames: np.ndarray, rate: Fraction) -> FaceMotion:
    """From values (T, 61) at the times `frames`, counted in frames."""
    if (np.diff(frames) <= 0).any():
        raise InputError(
            f"line {int(np.argmax(np.diff(frames) <= 0)) + 3}: its timecode does not follow the last"
        )
    count = round(frames[-1] - frames[0]) + 1
    if count > 10 * len(frames) + 600:
        raise InputError("its timecodes leave out most of the frames")
    grid = frames[0] + np.arange(count)
    if count != len(frames) or np.abs(grid - frames).max() > 0.05:  # else what jitters by less stays as it is
        rows = np.stack([np.interp(grid, frames, column) for column in rows.T], axis=1)
    shapes = len(ARKIT)
    weights, angles = rows[:, :shapes].copy(), rows[:, shapes:]
    gaze = _gaze(weights)
    weights[:, list(_LOOK.values())] = 0
    rotation = _rotation_vector(*angles[:, :3].T)
    still = np.zeros((count, 3))
    start = float(frames[0] / round(rate))
    return FaceMotion(np.clip(weights, 0, 1), rotation, still, gaze, rate, start=start)


def _timecode(code: str, number: int) -> tuple[int, float]:
    """Whole seconds, and frames within the second."""
    found = _TIMECODE.match(code)
    if found is None:
        raise InputError(f"line {number}: {code[:40]!r} is not a timecode HH:MM:SS:FF.mmm")
    hours, minutes, seconds, frame = (int(part) for part in found.groups()[:4])
    return 3600 * hours + 60 * minutes + seconds, frame + int((found[5] or "0").ljust(3, "0")) / 1000


def _row(cells: list[str], order: list[int], number: int, before: np.ndarray | None) -> np.ndarray:
    if len(cells) > 1 and cells[1].strip() == "0":  # no face was found: the app writes a count and no values
        return np.zeros(len(order) - 2) if before is None else before
    try:
        row = np.array([float(cells[at]) if at >= 0 else 0.0 for at in order[2:]])
    except (ValueError, IndexError):
        raise InputError(f"line {number}: there are not {len(order) - 2} numbers") from None
    if not np.isfinite(row).all():
        raise InputError(f"line {number}: not all values are finite numbers")
    return row


def _rate(codes: list[tuple[int, float]]) -> Fraction:
    """What the frames count to before a second is full, as the nearest rate in use."""
    if codes[0][0] == codes[-1][0]:
        raise InputError("its timecodes end within a second and do not tell the rate: give the fps")
    most = max(int(frame) for _, frame in codes) + 1
    return Fraction(min((rate for rate in (24, 25, 30, 48, 50, 60, 100, 120) if rate >= most), default=most))


def eye_looks(gaze: np.ndarray) -> dict[str, np.ndarray]:
    """Eye-look weights of a gaze (T, 2): to the left, the left eye looks out and the right one in."""
    left, up = (gaze / np.array(EYE_RANGE)).T
    return {
        "eyeLookOutLeft": left.clip(0, 1),
        "eyeLookInRight": left.clip(0, 1),
        "eyeLookInLeft": (-left).clip(0, 1),
        "eyeLookOutRight": (-left).clip(0, 1),
        **{f"eyeLookUp{side}": up.clip(0, 1) for side in ("Left", "Right")},
        **{f"eyeLookDown{side}": (-up).clip(0, 1) for side in ("Left", "Right")},
    }


def _gaze(weights: np.ndarray) -> np.ndarray:
    """The inverse of `eye_looks`, averaged over both eyes, from weights (T, 52)."""
    w = {name: weights[:, at] for name, at in _LOOK.items()}
    left = w["eyeLookOutLeft"] - w["eyeLookInLeft"] + w["eyeLookInRight"] - w["eyeLookOutRight"]
    up = w["eyeLookUpLeft"] - w["eyeLookDownLeft"] + w["eyeLookUpRight"] - w["eyeLookDownRight"]
    return np.stack([left, up], axis=1) / 2 * np.array(EYE_RANGE)


def _euler(rotation: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Yaw to the left, pitch up, roll to the right shoulder of rotation vectors (T, 3), rad."""
    from scipy.spatial.transform import Rotation

    if not len(rotation):
        return np.zeros(0), np.zeros(0), np.zeros(0)
    yaw, down, roll = Rotation.from_rotvec(rotation.astype(np.float64)).as_euler("YXZ").T
    return yaw, -down, roll


def _rotation_vector(yaw: np.ndarray, pitch: np.ndarray, roll: np.ndarray) -> np.ndarray:
    """The inverse of `_euler`."""
    from scipy.spatial.transform import Rotation

    return Rotation.from_euler("YXZ", np.stack([yaw, -pitch, roll], axis=1)).as_rotvec()
