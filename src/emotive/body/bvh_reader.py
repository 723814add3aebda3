"""Motion files of other programs: BVH (Biovision Hierarchy), as recorded or exported by anybody.

A skeleton of joints with offsets, then a row of numbers a frame, in the order in which the joints name their
channels. Rotations are in degrees and follow one another in the order of the channels, R = R1 R2 R3. A joint
that has positions among its channels is put there, against its parent; they replace its offset, as in the
programs that write them for every joint. There are no units and no axes: `retarget` finds them.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from pathlib import Path

import numpy as np

from emotive.errors import InputError
from emotive.signals.archive import RATES, reading

MAX_BYTES = 2**30  # of a file: an hour of 75 joints at 120 frames/s
MAX_JOINTS = 1024
DEEPEST = 200  # joints from the root to an end
MAX_NUMBERS = 250_000_000  # of a motion: 1 GB
END = "end"  # how an End Site is called, after its joint and a dot

_CHANNELS = {f"{axis}{kind}": (kind, i) for i, axis in enumerate("xyz") for kind in ("position", "rotation")}


@dataclass(frozen=True, eq=False)
class Bvh:
    """names: of N joints, and of the ends of their chains, "Head.end". parents: the number of each one's
    parent, always a lower one; -1 of the root. offsets: (N, 3) from the parent, in the file's units.
    channels: of each joint, such as "Xposition" or "Zrotation", in their order. frames: float32 (T, C), one
    column a channel, positions in the file's units, rotations in degrees. fps: frames/s."""

    names: tuple[str, ...]
    parents: tuple[int, ...]
    offsets: np.ndarray
    channels: tuple[tuple[str, ...], ...]
    frames: np.ndarray
    fps: Fraction

    def __len__(self) -> int:
        return len(self.frames)

    def rest(self) -> np.ndarray:
        """Places of the joints with all rotations zero, (N, 3), the root at its offset."""
        placed = np.zeros_like(self.offsets)
        for joint, parent in enumerate(self.parents):
            placed[joint] = self.offsets[joint] + (placed[parent] if parent >= 0 else 0.0)
        return placed

    def placed(self, first: int = 0, last: int | None = None, step: int = 1) -> tuple[np.ndarray, np.ndarray]:
        """Orientations (T, N, 3, 3) and places (T, N, 3) of all joints in the file's world, of every `step`th
        frame from `first` to `last` (not included)."""
        rows = self.frames[first:last:step].astype(np.float64)
        count = len(rows)
        turned = np.empty((len(self.names), count, 3, 3))
        placed = np.empty((len(self.names), count, 3))
        column = 0
        for joint, parent in enumerate(self.parents):
            own = rows[:, column : column + len(self.channels[joint])]
            column += own.shape[1]
            offset, turn = self._local(joint, own)
            if parent < 0:
                turned[joint], placed[joint] = turn, offset
            else:
                turned[joint] = turned[parent] @ turn
                placed[joint] = placed[parent] + (turned[parent] @ offset[..., None])[..., 0]
        return turned.swapaxes(0, 1), placed.swapaxes(0, 1)

    def _local(self, joint: int, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        offset = np.broadcast_to(self.offsets[joint], (len(values), 3)).copy()
        turn = np.broadcast_to(np.eye(3), (len(values), 3, 3))
        for name, value in zip(self.channels[joint], values.T, strict=True):
            kind, axis = _CHANNELS[name.lower()]
            if kind == "position":
                offset[:, axis] = value
            else:
                turn = turn @ _about(axis, np.deg2rad(value))
        return offset, turn


def _about(axis: int, angle: np.ndarray) -> np.ndarray:
    """Rotation matrices (T, 3, 3) about X, Y or Z, rad."""
    turned = np.zeros((len(angle), 3, 3))
    j, k = (axis + 1) % 3, (axis + 2) % 3
    turned[:, axis, axis] = 1
    turned[:, j, j] = turned[:, k, k] = np.cos(angle)
    turned[:, k, j] = np.sin(angle)
    turned[:, j, k] = -turned[:, k, j]
    return turned


def read_bvh(path: str | os.PathLike[str]) -> Bvh:
    """Reads a `.bvh`. More frames than it promises are taken, as other readers do.

    Raises InputError, naming the file and the line, if it is missing, empty, damaged, cut short or too large,
    or has a number that is not finite.
    """
    path = Path(path)
    with reading(path, "a BVH file"):
        if path.stat().st_size > MAX_BYTES:
            raise InputError("it is too large to be the motion of a person")
        with path.open(encoding="utf-8-sig", errors="replace") as file:
            lines = _Lines(file)
            names, parents, offsets, channels = _hierarchy(lines)
            frames, fps = _motion(lines, sum(map(len, channels)))
    return Bvh(names, parents, offsets, channels, frames, fps)


class _Lines:
    """The lines that say something, and the number of the last one."""

    def __init__(self, lines: Iterator[str]) -> None:
        self._lines = enumerate(lines, start=1)
        self.number = 0

    def next(self) -> str | None:
        for number, line in self._lines:
            self.number = number
            if stripped := line.strip():
                return stripped
        return None

    def expect(self, what: str) -> str:
        line = self.next()
        if line is None:
            raise InputError(f"it ends after line {self.number}, where {what} should follow")
        return line

    def error(self, what: str) -> InputError:
        return InputError(f"line {self.number}: {what}")

    def numbers(self, words: list[str]) -> np.ndarray:
        try:
            values = np.array(words, np.float64)
        except ValueError:
            raise self.error("there is something that is no number") from None
        if not (np.abs(values) < 1e9).all():  # false for NaN, too
            raise self.error("a number is not finite or absurd")
        return values


def _hierarchy(
    lines: _Lines,
) -> tuple[tuple[str, ...], tuple[int, ...], np.ndarray, tuple[tuple[str, ...], ...]]:
    if lines.expect("HIERARCHY").upper() != "HIERARCHY":
        raise lines.error("a BVH file begins with HIERARCHY")
    names: list[str] = []
    parents: list[int] = []
    offsets: list[np.ndarray] = []
    channels: list[tuple[str, ...]] = []
    open_joints: list[int] = []
    while True:
        line = lines.expect("the skeleton or MOTION")
        word, _, rest = line.partition(" ") if " " in line else line.partition("\t")
        word, rest = word.upper(), rest.strip()
        if word == "MOTION" and not open_joints:
            break
        if word == "}" and open_joints:
            open_joints.pop()
        elif word in ("ROOT", "JOINT", "END"):
            if (word == "ROOT") == bool(open_joints) or (word == "ROOT" and names):
                raise lines.error("a BVH file has one ROOT, in which all joints lie")
            if len(names) == MAX_JOINTS or len(open_joints) == DEEPEST:
                raise lines.error("the skeleton has too many joints")
            above = open_joints[-1] if open_joints else -1
            if word == "END":
                rest = f"{names[above]}.{END}"
            elif not rest:
                raise lines.error("a joint has no name")
            if not line.endswith("{") and lines.expect("{") != "{":
                raise lines.error(f"a {{ should follow {rest[:40]!r}")
            names.append(rest.rstrip("{").strip())
            parents.append(above)
            offsets.append(np.zeros(3))
            channels.append(())
            open_joints.append(len(names) - 1)
        elif word == "OFFSET" and open_joints:
            values = lines.numbers(rest.split())
            if len(values) != 3:
                raise lines.error("an OFFSET has three numbers")
            offsets[open_joints[-1]] = values
        elif word == "CHANNELS" and open_joints:
            channels[open_joints[-1]] = _channels(lines, rest.split())
        else:
            raise lines.error(f"{line[:40]!r} does not belong into a skeleton")
    if not names:
        raise lines.error("there is no skeleton before MOTION")
    return tuple(names), tuple(parents), np.stack(offsets), tuple(channels)


def _channels(lines: _Lines, words: list[str]) -> tuple[str, ...]:
    named = words[1:]
    if not words or words[0] != str(len(named)) or len({*named}) != len(named):
        raise lines.error("CHANNELS names as many channels as it counts, each once")
    for name in named:
        if name.lower() not in _CHANNELS:
            raise lines.error(f"{name[:40]!r} is no channel: use Xposition, Xrotation and the like")
    return tuple(named)


def _motion(lines: _Lines, columns: int) -> tuple[np.ndarray, Fraction]:
    counted, count = lines.expect("Frames:").partition(":")[::2]
    # Some recordings of BEAT write the number as 7200.0.
    if counted.strip().lower() != "frames" or not count.strip().removesuffix(".0").isdigit():
        raise lines.error("Frames: and a number should follow MOTION")
    promised = int(count.strip().removesuffix(".0"))
    timed, time = lines.expect("Frame Time:").partition(":")[::2]
    if timed.strip().lower().split() != ["frame", "time"]:
        raise lines.error("Frame Time: and seconds should follow Frames:")
    fps = _rate(lines, time.strip())
    if not columns:
        raise lines.error("no joint has channels, so nothing moves")
    rows: list[np.ndarray] = []
    while (line := lines.next()) is not None:
        values = lines.numbers(line.split())
        if len(values) != columns:
            raise lines.error(f"there are {len(values)} numbers, not {columns}: the file is cut or damaged")
        rows.append(values.astype(np.float32))
        if len(rows) * columns > MAX_NUMBERS:
            raise lines.error("the motion is too long")
    if not rows:
        raise lines.error("there is no frame")
    if len(rows) < promised:
        raise lines.error(f"it ends after {len(rows)} of {promised} frames: the file is cut short")
    return np.stack(rows), fps


def _rate(lines: _Lines, text: str) -> Fraction:
    """Frames/s of a frame time, which is rounded: 0.0333 means 30, and 0.033367 means 29.97."""
    try:
        time = Decimal(text)
        seconds, exponent = float(time), time.as_tuple().exponent
    except (InvalidOperation, ValueError):
        raise lines.error(f"{text[:40]!r} is no frame time") from None
    if not (math.isfinite(seconds) and seconds > 0 and RATES[0] <= 1.001 / seconds <= 1.002 * RATES[1]):
        raise lines.error(f"a frame time lies in {1 / RATES[1]:.4f}..{1 / RATES[0]} s, not at {text[:40]}")
    half = 0.5 * 10.0 ** (exponent if isinstance(exponent, int) else 0)
    whole = max(1, round(1 / seconds))
    for rate in (Fraction(whole), Fraction(whole * 1000, 1001)):
        if abs(float(1 / rate) - seconds) <= half * 1.001 and rate <= RATES[1]:
            return rate
    return min(Fraction(1 / seconds).limit_denominator(1001), Fraction(RATES[1]))
