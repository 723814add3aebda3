"""All that moves besides the hands: breath, trunk, hips and feet, collarbones, head and eyes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from emotive.body.accents import Accent
from emotive.body.channels import CHANNEL

from .gesture_affect import habit
from .gesture_lexicon import SHAPES
from .gesture_plan import Moment, Planned, leading_hand
from .gesture_tracks import Keys, bell, drift, smooth

STEP = 0.085  # m, of a foot that changes its place; posing lets a foot stay within 0.05


def hold_body(
    tracks: np.ndarray,
    hands: dict[str, np.ndarray],
    planned: Sequence[Planned],
    accents: Sequence[Accent],
    phrases: Sequence[tuple[float, float]],
    moment: Moment,
    habits: np.ndarray,
    rngs: Sequence[np.random.Generator],
) -> None:
    """Writes all of `tracks` (N, 50) but the hands.

    rngs: five streams, so that what one part does moves no other.
    """
    breath = _breath(phrases, moment, rngs[0])
    weight = _weight(tracks, moment, habits, rngs[1])
    trunk = _trunk(tracks, hands, planned, accents, moment, breath, weight, rngs[2])
    _shoulders(tracks, hands, planned, moment, breath)
    _head(tracks, trunk, planned, accents, phrases, moment, habits, rngs[3], rngs[4])


def _breath(phrases: Sequence[tuple[float, float]], moment: Moment, rng: np.random.Generator) -> np.ndarray:
    """1 when full, -1 when empty: (N,). Speakers breathe in before each phrase (Rochet-Capellan & Fuchs
    2013)."""
    hertz = float(moment.manner.breath.mean()) / 60
    first, last = moment.times[0], moment.times[-1]
    full = [begins for begins, _ in phrases if first < begins < last]
    anchors, count = [first - rng.random() / hertz], [0.0]
    for time in [*full, last + 1 / hertz]:
        apart = time - anchors[-1]
        if apart < 0.6 / hertz:
            continue
        count.append(count[-1] + max(1.0, round(apart * hertz)))
        anchors.append(time)
    cycles = smooth(np.interp(moment.times, anchors, count), 0.4, moment.fps)
    # Faster in than out.
    return np.cos(2 * np.pi * cycles + 0.45 * np.sin(2 * np.pi * cycles))


def _weight(tracks: np.ndarray, moment: Moment, habits: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Hips and feet; returns how much weight is on the own left leg, -1 .. 1, (N,)."""
    times, arousal, posture = moment.times, moment.points[:, 1], moment.posture
    put = _writer(tracks)
    side = 1.0 if rng.random() < 0.5 else -1.0
    keys = Keys(float(times[0]), np.array([0.75 * side]))
    ahead = np.zeros(2)  # of the left and the right foot, m
    ahead[0 if side < 0 else 1] = 0.035  # the leg without weight stands a little in front
    feet = Keys(float(times[0]), np.concatenate([ahead, [0.0, 0.0]]))
    time = float(times[0]) + rng.uniform(0.8, 4.0)
    while time < times[-1]:
        i = moment.index(time)
        pace = float(np.exp(-0.35 * arousal[i]))
        chance, size, way, out = rng.random(4)
        side = -side if chance < 0.6 else side
        keys.stay(time)
        keys.add(
            time + (0.75 + 0.5 * size) * float(np.exp(-0.2 * arousal[i])),
            np.array([side * (0.4 + 0.6 * size)]),
        )
        steps = 0.22 * float(np.exp(0.7 * arousal[i] + 0.5 * habit(habits, "step")))
        if way < steps:  # the free foot moves: ahead in approach, back in retreat (Shafir et al. 2016)
            free = 1 if side > 0 else 0
            advance = float(np.clip(posture.lean[i] / 5 + 0.8 * (2 * out - 1), -1.4, 1.4))
            place = feet.value.copy()
            place[free] = (0.02 + STEP * advance) if abs(place[free] - STEP * advance) > 0.05 else -0.02
            place[2 + free] = 0.02 * (2 * rng.random() - 1)
            feet.stay(time + 0.35)
            feet.add(time + 0.75, place)
        time += (2.4 + 3.8 * rng.random()) * pace
    weight = keys.at(times)[:, 0]
    places = feet.at(times)
    slow = drift(times, np.array([0.32, 0.32, 0.30, 0.9, 0.9, 0.22]), rng)
    sway = posture.sway
    put("hips.side", 0.034 * weight + sway * (0.0068 * slow[:, 0] + 0.0014 * slow[:, 3]))
    between = smooth(0.5 * (places[:, 0] + places[:, 1]), 0.3, moment.fps)
    put(
        "hips.ahead",
        0.018 + between + sway * (0.0060 * slow[:, 1] + 0.0012 * slow[:, 4]) - 0.028 * posture.neck,
    )
    put("hips.roll", 3.0 * weight + 0.3 * slow[:, 5])
    turned = 3.0 if leading_hand(habits) == "right" else -3.0
    put("hips.yaw", 1.6 * slow[:, 2] + turned * 0.6 * np.tanh(2 * habit(habits, "gaze") + 0.5))
    put("crouch", 0.002 + 0.028 * posture.neck + 0.0009 * posture.slump.clip(0, 20) + 0.003 * np.abs(weight))
    toes = 9 + 4 * np.tanh(habit(habits, "open")) + 90 * (posture.stance - 0.012)
    for n, name in enumerate(("left", "right")):
        put(f"{name}.foot.out", posture.stance + places[:, 2 + n])
        put(f"{name}.foot.ahead", places[:, n])
        put(f"{name}.foot.turn", toes + (2.5 if n else -2.5) * np.tanh(habit(habits, "step")))
    return weight


def _trunk(
    tracks: np.ndarray,
    hands: dict[str, np.ndarray],
    planned: Sequence[Planned],
    accents: Sequence[Accent],
    moment: Moment,
    breath: np.ndarray,
    weight: np.ndarray,
    rng: np.random.Generator,
) -> np.ndarray:
    """The trunk turns and leans with its hands; yaw, pitch and roll (N, 3), deg, of all of it."""
    times, fps, posture = moment.times, moment.fps, moment.posture
    put = _writer(tracks)
    slow = drift(times, np.array([0.30, 0.35, 0.25, 1.1, 1.1]), rng)
    left, right = (smooth(hands[side][:, :3], 0.22, fps) for side in ("left", "right"))
    busy = smooth(np.maximum(hands["left.active"], hands["right.active"]), 0.25, fps)
    out, up, ahead = (right - left).T
    sway = posture.sway
    yaw = 30 * ahead - 16 * out + 8 * up + 1.9 * sway * slow[:, 0] + 0.35 * sway * slow[:, 3]
    roll = -5 * up + 7 * out - 0.9 * weight + 0.8 * slow[:, 2]
    lifted = 0.5 * (left[:, 1] + right[:, 1]) + 0.35
    forth = 0.5 * (left[:, 2] + right[:, 2]) - 0.25
    rising = sum(smooth(np.gradient(hands[side][:, 1]) * fps, 0.1, fps) for side in ("left", "right"))
    pitch = posture.slump - 0.55 * breath + 0.7 * slow[:, 1] + 0.25 * sway * slow[:, 4]
    pitch += busy * (-6 * lifted + 8 * forth) - 2.2 * rising * posture.sway.clip(0.5, 1.5)
    for stroke in planned:
        extra = SHAPES[stroke.shape].head
        if extra > 0:  # into the stroke, from a little behind
            pitch += (
                stroke.amount
                * extra
                * (bell(times, stroke.time + 0.05, 0.22) - 0.45 * bell(times, stroke.time - 0.33, 0.2))
            )
        elif extra < 0:
            pitch += stroke.amount * extra * bell(times, stroke.time + 0.15, 0.45)
    lean = posture.lean + 0.4 * sway * slow[:, 1]
    put("trunk.yaw", yaw)
    pitch += _beaten(accents, moment, rng)
    put("trunk.pitch", pitch)
    put("trunk.roll", roll)
    put("lean", lean)
    return np.stack([yaw + tracks[:, CHANNEL["hips.yaw"]], pitch + lean, roll], -1)


def _beaten(accents: Sequence[Accent], moment: Moment, rng: np.random.Generator) -> np.ndarray:
    """The trunk's own share of stresses (N,), deg: the more aroused, the more of the body beats along."""
    out = np.zeros(len(moment.times))
    for accent in accents:
        if accent.stress != 1:
            continue
        i = moment.index(accent.time)
        size = (0.6 + 0.8 * rng.random()) * (1.0 if accent.content else 0.5) * float(moment.manner.sway[i])
        u = moment.times - accent.time
        out += size * (bell(u, 0.06, 0.13) - 0.5 * bell(u, -0.18, 0.15))
    return out


def _shoulders(
    tracks: np.ndarray,
    hands: dict[str, np.ndarray],
    planned: Sequence[Planned],
    moment: Moment,
    breath: np.ndarray,
) -> None:
    put, posture = _writer(tracks), moment.posture
    shrug = np.zeros(len(moment.times))
    for stroke in planned:
        if stroke.shape == "shrug":
            shrug += 9 * stroke.amount * np.exp(-(((moment.times - stroke.time - 0.12) / 0.34) ** 4))
    for side in ("left", "right"):
        put(f"{side}.raise", posture.raised + shrug + 0.7 * breath * (1 + 0.4 * posture.neck))
        put(f"{side}.round", posture.rounded - 0.3 * breath)


def _head(
    tracks: np.ndarray,
    trunk: np.ndarray,
    planned: Sequence[Planned],
    accents: Sequence[Accent],
    phrases: Sequence[tuple[float, float]],
    moment: Moment,
    habits: np.ndarray,
    rng: np.random.Generator,
    looks: np.random.Generator,
) -> None:
    """Head and eyes. The head keeps to the world for the most part, marks stresses and follows the eyes."""
    times, fps, posture = moment.times, moment.fps, moment.posture
    put = _writer(tracks)
    sway = posture.sway
    look = _looks(phrases, moment, looks)
    follow = smooth(look.at(times - 0.09), 0.06, fps)  # the eyes are there first
    nod, tilt, shake = _marks(planned, accents, phrases, moment, habits, rng)
    slow = drift(times, np.array([0.8, 0.7, 0.5, 1.6, 1.6, 0.35, 0.35]), rng)
    carried = smooth(trunk, 0.05, fps)
    lively = 0.35 + 0.75 * sway
    bob = 1.3 * posture.smile * np.sin(2 * np.pi * np.cumsum(0.9 + 0.15 * slow[:, 5]) / fps)
    pitch = posture.head + nod + 0.55 * follow[:, 1] + bob + 0.20 * (carried[:, 1] - posture.slump)
    pitch += 0.10 * posture.slump + lively * (0.6 * slow[:, 0] + 0.25 * slow[:, 3])
    yaw = 0.55 * follow[:, 0] + shake + 0.25 * carried[:, 0] + lively * (1.1 * slow[:, 1] + 0.4 * slow[:, 4])
    tilted = 1.6 * habit(habits, "gaze") + 3.0 * posture.smile * slow[:, 5]
    roll = tilted + tilt + 0.18 * carried[:, 2] + lively * 0.9 * slow[:, 2] - 0.08 * follow[:, 0]
    # The frightened look from aside.
    yaw += 9 * posture.neck * np.tanh(2 * habit(habits, "gaze") + 0.5)
    put("head.pitch", pitch)
    put("head.yaw", yaw)
    put("head.roll", roll)
    eyes = look.at(times)
    put("gaze.yaw", (eyes[:, 0] - yaw).clip(-26, 26))
    put("gaze.pitch", (pitch - eyes[:, 1]).clip(-22, 20))


def _looks(phrases: Sequence[tuple[float, float]], moment: Moment, rng: np.random.Generator) -> Keys:
    """Where the eyes go, deg to the own left and down: away as a phrase begins, back to the listener before
    it ends (Kendon 1967); in silence now and then. The frightened glance about, the sad look down."""
    times, posture = moment.times, moment.posture

    def listener(i: int) -> np.ndarray:
        return np.array([2.0 * rng.standard_normal(), 1.0 + 0.5 * posture.gaze_down[i]])

    def away(i: int) -> np.ndarray:
        far = (7 + 9 * rng.random()) * (1 + 0.5 * posture.neck[i])
        down = posture.gaze_down[i] + 3.5 * rng.standard_normal() - 1.0
        return np.array([far if rng.random() < 0.5 else -far, down])

    begins = [p for p in phrases if times[0] < p[0] < times[-1]]
    turns: list[tuple[float, np.ndarray]] = []
    time = times[0] + 2.5 * rng.random()
    spans = iter([*begins, (np.inf, np.inf)])
    span = next(spans)
    while time < times[-1]:
        if span[0] <= time + 0.4:
            begin, end = span
            i = moment.index(begin)
            if rng.random() < posture.avoid[i] + 0.1:
                turns.append((begin - 0.15, away(i)))
                back = min(0.6 + 0.8 * rng.random(), 0.5 * (end - begin) + 0.3)
                turns.append((begin + back, listener(i)))
            elif rng.random() < 0.7:
                turns.append((begin - 0.05, listener(i)))
            span = next(spans)
            time = max(time, begin) + 1.0
        else:
            i = moment.index(time)
            if rng.random() < 0.55 * posture.avoid[i] + 0.25 * posture.neck[i]:
                turns.append((time, away(i)))
                turns.append((time + 0.45 + 0.7 * rng.random(), listener(i)))
            time += (1.6 + 2.8 * rng.random()) * float(np.exp(-0.4 * posture.neck[i]))
    keys = Keys(float(times[0]), listener(0))
    for time, place in sorted(turns, key=lambda turn: turn[0]):
        far = float(np.linalg.norm(place - keys.value))
        keys.stay(time)
        keys.add(time + 0.10 + 0.008 * far, place)
    return keys


def _marks(
    planned: Sequence[Planned],
    accents: Sequence[Accent],
    phrases: Sequence[tuple[float, float]],
    moment: Moment,
    habits: np.ndarray,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Nods on stresses with a little lift before (Graf et al. 2002), tilts, and shakes: each (N,), deg."""
    times, feel = moment.times, moment.manner
    nod, tilt, shake = (np.zeros(len(times)) for _ in range(3))
    marked = {p.accent.time for p in planned}
    for accent in accents:
        if accent.stress != 1 or not times[0] < accent.time < times[-1]:
            continue
        chance, size = rng.random(2)
        lean = rng.standard_normal()
        i = moment.index(accent.time)
        if chance < 0.8:
            large = 1.3 if accent.time in marked else 0.6 if accent.content else 0.35
            amount = float(feel.nod[i]) * (0.3 + 0.85 * size) * large
            u = times - accent.time
            nod += amount * (bell(u, 0.05, 0.11) - 0.45 * bell(u, -0.16, 0.12) - 0.18 * bell(u, 0.29, 0.14))
        tilt += 1.2 * lean * float(feel.sway[i]) * bell(times, accent.time + 0.05, 0.22)
    for stroke in planned:
        u = times - stroke.time
        side = 1.0 if rng.random() < 0.5 else -1.0
        if stroke.accent.meaning == "no":
            shake += 6 * np.sin(2 * np.pi * 2.0 * (u + 0.25)) * bell(u, 0.15, 0.42) * side
        if stroke.accent.meaning in ("unsure", "question"):
            tilt += 5.5 * side * np.exp(-(((u - 0.15) / 0.5) ** 4))
    for begins, ends in phrases:
        chance, side = rng.random(2)
        if not times[0] < begins < times[-1] or ends - begins < 0.5:
            continue
        valence, arousal, dominance = moment.points[moment.index(0.5 * (begins + ends))]
        # Anger shakes its head at what it speaks of.
        if chance < 0.75 * max(0.0, -valence) * max(0.0, arousal) * max(0.0, dominance + 0.2):
            u = ((times - begins) / (ends - begins)).clip(0, 1)
            shake += 5 * arousal * np.sin(np.pi * u) ** 0.7 * np.sin(2 * np.pi * 2.1 * (times - begins))
    # Someone who listens nods now and then.
    time = times[0] + 4 * rng.random()
    spans = np.array([*phrases]) if len(phrases) else np.zeros((0, 2))
    while time < times[-1]:
        size, wait = rng.random(2)
        quiet = not ((spans[:, 0] < time + 0.6) & (spans[:, 1] > time - 0.4)).any()
        if quiet:
            amount = 0.55 * float(feel.nod[moment.index(time)]) * (0.5 + size)
            for n, share in enumerate((1.0, 0.6)):
                nod += amount * share * bell(times, time + 0.42 * n, 0.14)
        time += 3.0 + 4.5 * wait
    return nod, tilt, smooth(shake, 0.04, moment.fps)


def _writer(tracks: np.ndarray) -> Callable[[str, np.ndarray], None]:
    def put(name: str, values: np.ndarray) -> None:
        tracks[:, CHANNEL[name]] = values

    return put
