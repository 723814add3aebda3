"""Two hands that rest, prepare, strike, hold and come home (Kendon 2004), as tracks of their controls."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from emotive.body.accents import Accent

from .gesture_lexicon import HANDSHAPES, RESTS, SHAPES, Pose
from .gesture_plan import Moment, Planned, leading_hand, rest_at
from .gesture_tracks import PEAK, Keys, bell, drift, smooth

HOME = np.array([0.19, -0.30, 0.27])  # m: the middle of the space that gestures use
_LOW = np.array([0.20, -0.40, 0.22])  # about where a gesture starts
NEAR = 0.10  # m between wrists of hands that meet
REACH = 0.30  # m from it, which large gestures approach
# What keys hold besides the seven numbers of a pose: how freely the hand moves in space, whether it touches
# the other one at rest, whether it is gesturing, whether it rubs.
_FREE, _TOUCH, _ACTIVE, _RUB = 7, 8, 9, 10
_EARLY, _LATE, _FINGERS = 0.045, 0.035, 0.050  # s: elbows lead, wrists and then fingers follow
_BEND = np.array([0.75, 0.45, 0.25])  # arcs go outward, up and ahead


@dataclass
class _Hand:
    side: str
    arm: Keys
    fingers: Keys
    resting: bool = True


def move_hands(
    planned: Sequence[Planned],
    rests: Sequence[tuple[float, str]],
    accents: Sequence[Accent],
    moment: Moment,
    habits: np.ndarray,
    rng: np.random.Generator,
) -> dict[str, np.ndarray]:
    """side -> (N, 13), in the order of `body.channels.HAND`, and side + ".active" -> (N,): 1 in a gesture, 0
    at rest."""
    main = leading_hand(habits)
    raw: dict[str, np.ndarray] = {}
    out: dict[str, np.ndarray] = {}
    beats = _beats(planned, accents, moment, rng)
    for side in ("left", "right"):
        strokes = [p for p in planned if side in p.hands]
        raw[side], raw[side + ".fingers"] = _keyed(side, strokes, rests, moment, main, rng)
    wander = drift(moment.times, np.array([0.35] * 6 + [1.2] * 6 + [0.5] * 10), rng)
    rub = (0.5 + 0.5 * np.tanh(2 * wander[:, 1])) * np.sin(
        2 * np.pi * np.cumsum(1.1 + 0.3 * moment.points[:, 1]) / moment.fps + 0.5 * wander[:, 0]
    )
    follow = {side: smooth(raw[side][:, :3] - _LOW, 0.07, moment.fps) for side in ("left", "right")}
    for n, side in enumerate(("left", "right")):
        partner_side = "right" if side == "left" else "left"
        x, partner = raw[side], raw[partner_side]
        feel = moment.posture
        free, touch, active = x[:, _FREE], x[:, _TOUCH], x[:, _ACTIVE].clip(0, 1)
        hand = x[:, :7].copy()
        # Affect raises hands and opens elbows whatever they do, so that its changes show at once.
        hand[:, 1] += free * feel.height
        hand[:, 0] += free * (1 - touch) * 0.0038 * (feel.open - 14)
        hand[:, 6] += (0.35 + 0.65 * free) * 0.013 * (feel.open - 14)
        # It goes along with the other one's gestures.
        echo = (1 - active) * partner[:, _ACTIVE].clip(0, 1) * (0.4 + 0.6 * free)
        hand[:, :3] += (
            0.16 * (echo * feel.sway.clip(0.4, 2))[:, None] * (follow[partner_side] * (0.5, 1.0, 1.0))
        )
        # A hand left alone by the other moves off a little.
        alone = touch * (1 - partner[:, _TOUCH])
        hand[:, :5] += alone[:, None] * (0.050, -0.025, -0.020, -4.0, -12.0)
        rubbing = (x[:, _RUB] * (touch + active).clip(0, 1)) * rub * (1 if n else -1)
        hand[:, 2] += 0.009 * rubbing
        hand[:, 1] += 0.005 * rubbing
        hand[:, 4] += 4 * rubbing
        held = active * _stillness(x, moment.fps)
        beat = beats * held * (1.0 if side == main else 0.7)
        hand[:, 1] -= 0.032 * beat
        hand[:, 2] += 0.016 * beat
        hand[:, 4] += 9 * beat
        loose = (0.35 + 0.65 * active) * (1 - 0.7 * touch)
        small = wander[:, 3 * n : 3 * n + 3] * 0.0070 + wander[:, 6 + 3 * n : 9 + 3 * n] * 0.0012
        hand[:, :3] += small * (feel.sway * loose)[:, None]
        hand[:, :3] += (0.0012 * feel.tremble * np.sin(2 * np.pi * 6.3 * moment.times + n))[:, None]
        hand[:, 3:5] += wander[:, [12 + n, 14 + n]] * (1.5 + 3 * active)[:, None]
        _drag(hand, moment.fps)
        curls = raw[side + ".fingers"] + 1.8 * wander[:, [16 + n, 18, 19, 20, 21, 12]] * (1, 1, 1, 1, 1, 0.4)
        curls[:, :5] += feel.curl[:, None] * (1 - 0.5 * active[:, None])
        curls[:, :5] = curls[:, :5].clip(0, 92)
        out[side] = smooth(np.concatenate([hand, curls], 1), 0.022, moment.fps)
        out[side + ".active"] = active
    _part(out["left"], out["right"])
    return out


def _part(left: np.ndarray, right: np.ndarray) -> None:
    """Hands that meet keep their wrists apart, by as much as a hand is thick and a little more."""
    apart = left[:, :3] - right[:, :3]
    apart[:, 0] = left[:, 0] + right[:, 0]
    short = (NEAR - np.linalg.norm(apart, axis=1)) / 0.015
    push = 0.5 * 0.015 * np.log1p(np.exp(short.clip(-30, 30)))
    left[:, 0] += push
    right[:, 0] += push


def _keyed(
    side: str,
    strokes: Sequence[Planned],
    rests: Sequence[tuple[float, str]],
    moment: Moment,
    main: str,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """The hand's keys as tracks: (N, 11) and fingers (N, 6)."""
    leads = side == main
    begin = float(moment.times[0])
    pose, shape = _rest(rests[0][1], leads)
    hand = _Hand(side, Keys(begin, pose), Keys(begin, HANDSHAPES[shape]))
    rebounds: list[tuple[float, np.ndarray]] = []
    before: np.ndarray | None = None
    for n, stroke in enumerate(strokes):
        following = strokes[n + 1] if n + 1 < len(strokes) else None
        _wait(hand, rests, stroke.time - 1.5, moment, leads, rng)
        before = _strike(hand, stroke, before, moment, rebounds, rng)
        _after(hand, stroke, following, rests, moment, leads, rng)
    _wait(hand, rests, moment.times[-1], moment, leads, rng)
    x = hand.arm.at(moment.times, _BEND)
    late = hand.arm.at(moment.times - _LATE)
    x[:, 3:6] = late[:, 3:6]
    x[:, 6] = smooth(hand.arm.at(moment.times + _EARLY)[:, 6], 0.06, moment.fps)
    for time, way in rebounds:
        u = (moment.times - time).clip(0, None)
        x[:, :3] += (np.exp(-u / 0.11) * np.sin(2 * np.pi * u / 0.30))[:, None] * way
    return x, hand.fingers.at(moment.times - _FINGERS)


def _strike(
    hand: _Hand,
    stroke: Planned,
    before: np.ndarray | None,
    moment: Moment,
    rebounds: list[tuple[float, np.ndarray]],
    rng: np.random.Generator,
) -> np.ndarray:
    """Preparation and stroke; where the hand then is."""
    i, feel = moment.index(stroke.time), moment.manner
    shape, arousal, cap = SHAPES[stroke.shape], moment.points[i, 1], float(feel.speed[i])
    follows = stroke.hands[0] != hand.side
    draws, jitter = rng.random(6), rng.standard_normal((2, 7))
    apex = stroke.time + (0.015 + 0.035 * draws[0] if follows else 0.0)
    amount = stroke.amount * float(feel.amplitude[i]) * (0.80 + 0.15 * draws[1] if follows else 1.0)
    length = float(feel.stroke[i]) * (0.85 + 0.3 * draws[2])
    goal = _placed(shape.strike, amount, shape.fixed, jitter[0])
    start = _placed(shape.prepare, amount, shape.fixed, jitter[1])
    if shape.motion == "rub":
        goal[_RUB] = 1.0
    if follows:
        goal[:3] += shape.under
        start[:3] += shape.under
    if stroke.again and before is not None and not hand.resting:
        goal[:7] = before[:7] + 0.6 * (goal[:7] - before[:7])
        start = goal + 0.65 * (start - goal)
        start[3] = 0.5 * (start[3] + goal[3])
    arc = 0.16 * (0.6 + 0.7 * draws[3]) * (0.6 + 0.8 * float(feel.fluid[i]))
    via = 0.35 + 0.25 * float(feel.fluid[i])
    arrive = apex - length
    far = float(np.linalg.norm((start - hand.arm.value)[:3]))
    wish = 0.24 + 0.75 * far * float(np.exp(-0.3 * arousal)) + 0.05 * (1 - arousal)
    prepare = max(min(max(wish, 0.22), 0.85), PEAK * far / (1.1 * cap))
    hand.arm.stay(arrive - prepare)
    hand.fingers.stay(arrive - prepare + 0.02)
    room = arrive - hand.arm.time
    if room < 0.16:  # no time to prepare fully: a shorter stroke
        length = max(0.15, min(length, 0.55 * (apex - hand.arm.time)))
        arrive = apex - length
        room = arrive - hand.arm.time
    if room < 0.10:  # none at all: straight to a place on the way
        apex = max(apex, hand.arm.time + 0.28)
        goal = 0.55 * hand.arm.value + 0.45 * goal
        hand.arm.add(apex, goal, bulge=0.1)
        hand.fingers.add(max(apex + 0.04, hand.fingers.time + 0.2), HANDSHAPES[stroke.fingers])
        hand.resting = False
        return goal
    start = _within(hand.arm.value, start, room, cap)
    start = goal + (_within(goal, start, length, 1.1 * cap) - goal)
    hand.arm.add(arrive, start, via, arc)
    hand.fingers.add(arrive + 0.2 * length, _opening(stroke, shape.fingers[0]), via=0.3)
    hand.arm.add(apex, goal, bulge=0.5 * arc)
    hand.fingers.add(apex + 0.05, HANDSHAPES[stroke.fingers])
    rebound = 0.08 * max(0.0, float(feel.power[i])) * (1 - 0.5 * float(feel.fluid[i]))
    rebounds.append((apex, (goal - start)[:3] * rebound))
    hand.resting = False
    return goal


def _opening(stroke: Planned, fingers: str) -> np.ndarray:
    shape = HANDSHAPES[fingers]
    return 0.85 * HANDSHAPES[stroke.fingers] + 0.15 * shape if stroke.again else shape


def _after(
    hand: _Hand,
    stroke: Planned,
    following: Planned | None,
    rests: Sequence[tuple[float, str]],
    moment: Moment,
    leads: bool,
    rng: np.random.Generator,
) -> None:
    """The hold, and the way home if there is time for it."""
    i, feel = moment.index(stroke.time), moment.manner
    arousal = float(moment.points[i, 1])
    draws = rng.random(4)
    begin, goal = hand.arm.time, hand.arm.value
    gap = (following.time - float(feel.stroke[i]) - 0.45 if following else np.inf) - begin
    hold = (0.25 + 0.4 * draws[0]) * 2 * float(feel.hold[i])
    sagged = goal.copy()
    sagged[:3] += 0.12 * (HOME - goal[:3]) * (goal[_FREE] > 0.5) + 0.006 * (2 * draws[1:4] - 1)
    sagged[1] -= 0.012
    sagged[3:5] *= (0.88, 0.6)
    if gap < 1.5 - 0.25 * arousal:  # stays up and waits for the next
        if gap > 0.35:
            hand.arm.add(begin + gap, goal + 0.6 * (sagged - goal))
        return
    # A hold lasts to the end of what it goes with, if that is not far.
    until = begin + max(hold, min(stroke.accent.ends - 0.1 - begin, 1.25 + 0.25 * draws[1]))
    until = min(until, begin + gap - 0.85)
    if until > begin + 0.12:
        hand.arm.add(until, sagged)
        hand.fingers.stay(begin + 0.1)
        relaxed = 0.82 * HANDSHAPES[stroke.fingers] + 0.18 * HANDSHAPES["relax"]
        hand.fingers.add(max(until, hand.fingers.time + 0.1), relaxed)
    pose, fingers = _rest(rest_at(rests, hand.arm.time + 0.4), leads)
    if gap < 2.3:  # only half way
        low = pose.copy()
        low[:7] = (0.17, -0.37, 0.26, 26, 8, 0, 0.22)
        low[[_TOUCH, _ACTIVE]] = 0.0, 0.3
        pose = 0.4 * pose + 0.6 * low
    _go(hand, pose, HANDSHAPES[fingers], (0.62 + 0.3 * draws[2]) * float(np.exp(-0.25 * arousal)), moment)
    hand.resting = True


def _wait(
    hand: _Hand,
    rests: Sequence[tuple[float, str]],
    until: float,
    moment: Moment,
    leads: bool,
    rng: np.random.Generator,
) -> None:
    """Stands as `rests` has it; the hands change one after the other."""
    for time, name in rests[1:]:
        time += 0.15 * rng.random() + (0.0 if leads else 0.12)
        if hand.resting and hand.arm.time + 0.1 < time < until - 0.6:
            hand.arm.stay(time)
            hand.fingers.stay(time)
            pose, fingers = _rest(name, leads)
            slow = 0.95 * float(np.exp(-0.3 * moment.points[moment.index(time), 1]))
            _go(hand, pose, HANDSHAPES[fingers], slow, moment)


def _go(hand: _Hand, pose: np.ndarray, fingers: np.ndarray, seconds: float, moment: Moment) -> None:
    """To a rest, never faster than hands that come home are."""
    begin, i = hand.arm.time, moment.index(hand.arm.time)
    far = float(np.linalg.norm((pose - hand.arm.value)[:3]))
    seconds = max(seconds, PEAK * far / (0.95 + 0.35 * float(moment.points[i, 1])))
    hand.arm.add(begin + seconds, pose, bulge=0.10)
    hand.fingers.stay(begin)
    hand.fingers.add(max(begin + 0.9 * seconds, hand.fingers.time + 0.2), fingers)


def _placed(pose: Pose, amount: float, fixed: bool, jitter: np.ndarray) -> np.ndarray:
    """A pose of the lexicon at a size, around `HOME`, with the flags of a gesture."""
    out = np.zeros(11)
    out[:7] = pose
    if fixed:
        out[:3] += 0.004 * jitter[:3]
        out[3:6] += 3 * jitter[3:6]
        out[[_FREE, _ACTIVE]] = 0.15, 1.0
        return out
    way = amount * (out[:3] - HOME)
    far = float(np.linalg.norm(way)) + 1e-9
    out[:3] = HOME + way * (REACH * np.tanh(far / REACH) / far) + 0.012 * jitter[:3]
    out[0] = max(out[0], 0.6 * pose[0], 0.02)
    out[3:6] += 5 * jitter[3:6]
    # Hands that are low already are moved less by affect than hands in front of the chest.
    out[[_FREE, _ACTIVE]] = 1.0, 1.0
    return out


def _rest(name: str, leads: bool) -> tuple[np.ndarray, str]:
    rest = RESTS[name]
    out = np.zeros(11)
    out[:7] = rest.main if leads else rest.other
    low = out[1] < -0.44
    out[_FREE] = 0.0 if out[6] > 1 else 0.25 if low else 0.35 if rest.touching else 0.6
    out[_TOUCH] = float(rest.touching and not low)
    out[_RUB] = float(name == "tight")
    return out, rest.fingers


def _within(begin: np.ndarray, end: np.ndarray, seconds: float, speed: float) -> np.ndarray:
    """As far from `begin` to `end` as a hand gets at that peak speed."""
    far = float(np.linalg.norm((end - begin)[:3]))
    return begin + min(1.0, seconds * speed / (PEAK * far + 1e-9)) * (end - begin)


def _stillness(x: np.ndarray, fps: float) -> np.ndarray:
    speed = np.linalg.norm(np.gradient(x[:, :3], axis=0), axis=1) * fps
    return smooth(bell(speed, 0.0, 0.25), 0.1, fps)


def _beats(
    planned: Sequence[Planned], accents: Sequence[Accent], moment: Moment, rng: np.random.Generator
) -> np.ndarray:
    """Small beats (N,) of held hands, on stresses without a gesture of their own."""
    out = np.zeros(len(moment.times))
    taken = np.array([p.accent.time for p in planned] or [np.inf])
    for accent in accents:
        if accent.stress != 1 or not moment.times[0] < accent.time < moment.times[-1]:
            continue
        chance, size = rng.random(2)
        i = moment.index(accent.time)
        if np.abs(taken - accent.time).min() < 0.15 or chance > 0.72 + 0.22 * moment.points[i, 1]:
            continue
        u = moment.times - accent.time - 0.03
        size = float(moment.manner.amplitude[i]) * (0.4 + 0.8 * size)
        out += size * (bell(u, 0, 0.085) - 0.65 * bell(u, -0.18, 0.10) - 0.15 * bell(u, 0.22, 0.13))
    return out


def _drag(hand: np.ndarray, fps: float) -> None:
    """Wrists give way to the air and to their own weight: 16 deg per m/s across the palm, 9 along it."""
    speed = np.gradient(hand[:, :3], axis=0) * fps
    turned = np.deg2rad(hand[:, 3])
    palm = -np.cos(turned) * speed[:, 0] - np.sin(turned) * speed[:, 1]
    thumb = np.cos(turned) * speed[:, 1] - np.sin(turned) * speed[:, 0]
    hand[:, 4] -= 16 * smooth(palm.clip(-1.5, 1.5), 0.05, fps)
    hand[:, 5] -= 9 * smooth(thumb.clip(-1.5, 1.5), 0.05, fps)
