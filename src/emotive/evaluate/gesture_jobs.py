"""What there is to do for the gesture protocol, one job at a time, in whichever process: captions over the
grid, curves, voices that feel something else, borrowed feelings, chance and silence."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from emotive.affect import Affect, AffectCurve
from emotive.body.limits import violations
from emotive.perceive.body_features import FEATURES, features_of
from emotive.perceive.judge import Estimates
from emotive.perceive.motion_features import MotionFeatures
from emotive.signals import BodyMotion, Speech

from .gesture_arms import (
    FPS,
    Acted,
    Beats,
    GestureCaption,
    Mover,
    again_motion,
    model_mover,
    scaled_motion,
    silence,
    talk_of,
    teacher_motion,
    unspelled,
)
from .gesture_metrics import (
    BINS,
    LAX,
    SIGMA,
    Seen,
    consistency,
    ends_of,
    foot_skate,
    hand_penetration,
    hold_share,
    l1_diversity,
    mean_acceleration,
    mean_jerk,
    published_beat_consistency,
    repeated,
    seed_diversity,
    speed_histogram,
    strokes_of,
)
from .gesture_strips import strip
from .head_tracking import paths, smoothed
from .protocol import Measurements, Protocol, run
from .speech import audible
from .speech_sentences import CORNERS

NUISANCES = ("quantity of motion", "head down")
CHUNKS = 3  # of 2 s of each clip, whose codes are compared
CODE = 32  # numbers of a chunk
HISTOGRAM = len(BINS) - 1
IDLE = 10.0  # s of silence
CHANCES = 4  # seeds of one request
FELT = (Affect.neutral(), *CORNERS)
SEEN = 4.0  # s, of a window that is read; what was asked for is averaged over as much


@dataclass(frozen=True)
class Setup:
    """What all jobs share. speaker: says the affective sentences. beats: of every caption's first speech, by
    number."""

    pipe: Any
    speaker: Any
    judges: Mapping[str, Any]
    features: MotionFeatures
    affects: Sequence[Affect]
    seeds: Sequence[int]
    steps: int
    beats: Sequence[Beats] = ()

    def movers(self) -> dict[str, Mover]:
        """Every arm that moves for itself, by name."""
        model = model_mover(self.pipe, self.steps)
        return {
            "model": model,
            "heard": lambda speech, *how: model(unspelled(speech), *how),
            "teacher": teacher_motion,
            "again": again_motion,
        }


@dataclass(frozen=True)
class Task:
    """One job: its kind, a key of `_JOBS`, the caption that it is about, and whether it is shown."""

    kind: str
    caption: GestureCaption
    show: bool = False

    @property
    def name(self) -> str:
        """What to tell of it."""
        return f"“{self.caption.text[:60]}” {self.caption.voice}"


class ActedJudge:
    """A judge of bodies, for what the arms make."""

    def __init__(self, judge: Any):
        self.judge = judge
        self.name = judge.name

    def fingerprint(self) -> str:
        """The judge's own."""
        return self.judge.fingerprint()

    def estimate(self, items: Sequence[Acted]) -> Estimates:
        """What it reads of each motion as a whole."""
        return self.judge.estimate([item.motion for item in items])


def do(setup: Setup, task: Task) -> Any:
    """What the task's kind answers."""
    return _JOBS[task.kind](setup, task)


# -- control -----------------------------------------------------------------------------------------------


def _control(setup: Setup, task: Task) -> tuple[dict[str, Measurements], dict[str, np.ndarray]]:
    """One caption's measurements by arm, and strips to show: neutral and the corners of the grid."""
    caption = spoken(setup, task.caption, setup.affects)
    movers = setup.movers()
    neutral = next((i for i, a in enumerate(setup.affects) if a.valence == a.arousal == 0), 0)

    def moving(mover: Mover) -> Any:
        def make(_: GestureCaption, affects: Sequence[Affect], seed: int) -> list[Acted]:
            noise = caption.noise(seed)
            return [
                Acted(caption, i, mover(caption.speech(i), AffectCurve.constant(a), caption.actor, noise))
                for i, a in enumerate(affects)
            ]

        return make

    def unmoved(seed: int) -> BodyMotion:
        calm = AffectCurve.constant(Affect.neutral())
        return movers["model"](caption.speech(neutral), calm, caption.actor, caption.noise(seed))

    def constant(_: GestureCaption, affects: Sequence[Affect], seed: int) -> list[Acted]:
        return [Acted(caption, neutral, unmoved(seed))] * len(affects)

    def scaled(_: GestureCaption, affects: Sequence[Affect], seed: int) -> list[Acted]:
        motion = unmoved(seed)
        return [Acted(caption, neutral, scaled_motion(motion, a)) for a in affects]

    strips: dict[str, np.ndarray] = {}

    def show(arm: str, number: int, seed: int, items: Sequence[Acted]) -> None:
        if task.show and arm in ("model", "teacher", "scaled") and seed == setup.seeds[0]:
            chosen = [items[i] for i in audible(setup.affects)]
            strips[arm] = strip([c.motion for c in chosen], caption.actor)

    arms = {name: moving(movers[name]) for name in ("model", "teacher", "again")}
    arms |= {"scaled": scaled, "constant": constant}
    if caption.number % 2 == 0:
        arms["heard"] = moving(movers["heard"])
    protocol = Protocol(
        [caption],
        setup.affects,
        setup.seeds,
        arms,
        {name: ActedJudge(judge) for name, judge in setup.judges.items()},
        nuisances=_nuisances,
        content=lambda caption, items: {},
        features=lambda items: _distributions(setup, items),
        qualities={name: _each(of) for name, of in QUALITIES.items()} | _timing(setup, caption.number),
        show=show,
    )
    return run(protocol), strips


def spoken(setup: Setup, caption: GestureCaption, affects: Sequence[Affect]) -> GestureCaption:
    """The caption with its sentences said at every affect by the speaker, unless it was recorded."""
    if caption.speeches:
        return caption
    return replace(caption, speeches=tuple(said(setup.speaker, caption, affect) for affect in affects))


def said(speaker: Any, caption: GestureCaption, affect: Affect) -> Speech:
    """A caption's sentences, one after the other, with a feeling."""
    parts = []
    for text in caption.texts:
        generator = torch.Generator().manual_seed(caption.number)
        made = speaker(text, affect, voice=caption.voice, num_inference_steps=8, generator=generator)
        parts.append(made.speech)
    return talk_of(parts)


def _nuisances(items: Sequence[Acted]) -> np.ndarray:
    """What a body could do with the request without showing a feeling otherwise: `NUISANCES`, (N, 2)."""
    columns = [FEATURES.index("motion"), FEATURES.index("head down")]
    return np.stack([features_of(item.seen.tracks)[columns] for item in items])


def _distributions(setup: Setup, items: Sequence[Acted]) -> np.ndarray:
    """Codes of `CHUNKS` chunks, then the histogram of the wrists' speed: (N, 3 x 32 + 60)."""
    codes = setup.features.codes([item.motion for item in items], CHUNKS).reshape(len(items), -1)
    speeds = np.stack([speed_histogram([item.seen]) for item in items])
    return np.concatenate([codes, speeds], 1)


def _worst(seen: Seen) -> float:
    """The most that any joint is beyond the human range, deg."""
    return max(float(beyond.max(initial=0.0)) for beyond in violations(seen.motion).values())


QUALITIES: dict[str, Callable[[Seen], float]] = {
    "motion": lambda seen: float(seen.tracks.speeds["motion"].mean()),
    "jerk": mean_jerk,
    "acceleration": mean_acceleration,
    "l1div": l1_diversity,
    "holds": hold_share,
    "skate": foot_skate,
    "penetration": hand_penetration,
    "range": _worst,
    "seconds": lambda seen: seen.motion.duration,
}
"""Numbers of a motion, by name."""


def _each(of: Callable[[Seen], float]) -> Callable[[Sequence[Acted]], np.ndarray]:
    return lambda items: np.array([of(item.seen) for item in items])


def _timing(setup: Setup, number: int) -> dict[str, Callable[[Sequence[Acted]], np.ndarray]]:
    """Sums over strokes and attacks of how well they agree with their own sound and, "shuffled", with that of
    the other captions, so that they can be pooled."""
    others = [beats for i, beats in enumerate(setup.beats) if i != number]

    def strokes(items: Sequence[Acted]) -> np.ndarray:
        return np.array([len(strokes_of(item.seen)) for item in items], float)

    def ends(items: Sequence[Acted]) -> np.ndarray:
        return np.array([len(ends_of(item.seen)) for item in items], float)

    def agree(which: Callable[[Seen], np.ndarray], shuffled: bool, backwards: bool = False) -> Any:
        def of(item: Acted) -> float:
            times = which(item.seen)
            if not shuffled:
                return _agreement(times, Beats.of(item.speech).stresses, backwards)
            wrong = [repeated(b.stresses, b.seconds, item.motion.duration) for b in others]
            return float(np.mean([_agreement(times, w, backwards) for w in wrong])) if wrong else np.nan

        return lambda items: np.array([of(item) for item in items])

    def published(shuffled: bool, sigma: float) -> Any:
        def of(item: Acted) -> float:
            if not shuffled:
                return _number(published_beat_consistency(item.seen, Beats.of(item.speech).vowels, sigma))
            wrong = [repeated(b.vowels, b.seconds, item.motion.duration) for b in others]
            found = [_number(published_beat_consistency(item.seen, w, sigma)) for w in wrong]
            return float(np.mean(found)) if found else np.nan

        return lambda items: np.array([of(item) for item in items])

    return {
        "strokes": strokes,
        "strokes_own": agree(strokes_of, False),
        "strokes_shuffled": agree(strokes_of, True),
        "ends": ends,
        "ends_own": agree(ends_of, False),
        "ends_shuffled": agree(ends_of, True),
        "stresses": lambda items: np.array([len(Beats.of(item.speech).stresses) for item in items], float),
        "stresses_own": agree(strokes_of, False, True),
        "published_own": published(False, LAX),
        "published_shuffled": published(True, LAX),
        "strict_own": published(False, SIGMA),
        "strict_shuffled": published(True, SIGMA),
    }


def _agreement(times: np.ndarray, beats: np.ndarray, backwards: bool) -> float:
    """The sum over `times` of their consistency with `beats`, or over `beats` with `times`."""
    one, other = (beats, times) if backwards else (times, beats)
    return len(one) * (consistency(one, other) or 0.0)


def _number(value: float | None) -> float:
    return np.nan if value is None else value


# -- curves ------------------------------------------------------------------------------------------------


def _tracks(setup: Setup, task: Task) -> dict[str, Any]:
    """Paths over the plane by each arm: arm -> path -> judge -> (requested, judged), (N, 2) each; a strip."""
    speech, actor = task.caption.speech(0), task.caption.actor
    movers = setup.movers()
    found: dict[str, Any] = {}
    strips = {}
    for arm in ("model", "teacher"):
        for path, curve in paths(speech.duration).items():
            motion = movers[arm](speech, curve, actor, 11)
            wanted = smoothed(curve.sample(FPS, motion.duration)[:, :2], float(FPS), SEEN)
            for name, judge in setup.judges.items():
                seen = judge.curve(motion)
                at = np.minimum(np.rint(seen.times * float(FPS)).astype(int), len(wanted) - 1)
                pair = (wanted[at], np.stack([seen.valence, seen.arousal], 1))
                found.setdefault(arm, {}).setdefault(path, {})[name] = pair
            if task.show and path == "around the plane":
                strips[arm] = strip([motion], actor, 10)
    return {"found": found, "strips": strips}


# -- voices ------------------------------------------------------------------------------------------------


def _voices(setup: Setup, task: Task) -> dict[str, Any]:
    """Does a voice that feels one thing override a request for another? The model's motion for every voice of
    `FELT` at every request of `FELT`: rows of requested, voice, and judge -> judged, (N, 2) each."""
    move = setup.movers()["model"]
    speeches = [said(setup.speaker, task.caption, felt) for felt in FELT]
    requested, voice, motions = [], [], []
    for felt, speech in zip(FELT, speeches, strict=True):
        for wanted in FELT:
            curve = AffectCurve.constant(wanted)
            motions.append(move(speech, curve, task.caption.actor, task.caption.noise(1)))
            requested.append([wanted.valence, wanted.arousal])
            voice.append([felt.valence, felt.arousal])
    return {"requested": np.array(requested), "voice": np.array(voice), "judged": _judged(setup, motions)}


def _borrowed(setup: Setup, task: Task) -> dict[str, Any]:
    """Feelings taken from another recording: felt (N, 2), how it was said; heard, what the speech judge hears
    in it; judge -> judged, what the body shows to a plain voice."""
    speech = task.caption.speech(0)
    lender = replace(task.caption, voice=setup.speaker.voices[0], speeches=())
    felt, heard, motions = [], [], []
    for affect in FELT[1:]:
        recording = said(setup.speaker, lender, affect)
        generator = torch.Generator().manual_seed(task.caption.noise(1))
        motion = setup.pipe(
            speech,
            emotion_from=recording,
            style=task.caption.actor,
            fps=FPS,
            num_inference_steps=setup.steps,
            generator=generator,
        ).motion
        felt.append([affect.valence, affect.arousal])
        heard.append(motion.affect.sample(FPS, motion.duration)[:, :2].mean(0))
        motions.append(motion)
    return {"felt": np.array(felt), "heard": np.array(heard), "judged": _judged(setup, motions)}


def _judged(setup: Setup, motions: Sequence[BodyMotion]) -> dict[str, np.ndarray]:
    out = {}
    for name, judge in setup.judges.items():
        found = judge.estimate(motions)
        out[name] = np.stack([found.valence, found.arousal], 1)
    return out


# -- chance and silence ------------------------------------------------------------------------------------


def _chance(setup: Setup, task: Task) -> dict[str, Any]:
    """By arm: how different seeds move to the same request, and what is done in silence."""
    speech, actor = task.caption.speech(0), task.caption.actor
    calm, quiet = AffectCurve.constant(Affect.neutral()), silence(IDLE, speech.sample_rate)
    out = {}
    for arm in ("model", "teacher"):
        move = setup.movers()[arm]
        rest = Seen(move(quiet, calm, actor, 31))
        others = [Seen(move(speech, calm, actor, 41 + k)) for k in range(CHANCES)]
        out[arm] = {
            "diversity": seed_diversity(others),
            "idle_motion": float(rest.tracks.speeds["motion"].mean()),
            "idle_strokes": len(strokes_of(rest)) / rest.motion.duration,
        }
    return out


_JOBS: dict[str, Callable[[Setup, Task], Any]] = {
    "control": _control,
    "curve": _tracks,
    "voice": _voices,
    "borrowed": _borrowed,
    "chance": _chance,
}
