"""What there is to do for the gesture protocol, one job at a time, in whichever process: captions over the
grid, curves, voices that feel something else, borrowed feelings, named ones, chance and silence."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from textwrap import shorten
from typing import Any

import numpy as np
import torch

from emotive.affect import Affect, AffectCurve
from emotive.face.sheet import NAMES
from emotive.perceive.body_features import features_of
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
from .gesture_metrics import Seen, seed_diversity, strokes_of
from .gesture_numbers import QUALITIES, distributions, nuisances, of_each, timing
from .gesture_strips import strip
from .head_tracking import paths, smoothed
from .protocol import Measurements, Protocol, run
from .speech import audible
from .speech_sentences import CORNERS

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
        return f"“{shorten(self.caption.text, 64, placeholder=' …')}” {self.caption.voice}"


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
        nuisances=nuisances,
        content=lambda caption, items: {},
        features=lambda items: distributions(setup.features, items),
        qualities={name: of_each(of) for name, of in QUALITIES.items()} | timing(setup.beats, caption.number),
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


def _names(setup: Setup, task: Task) -> dict[str, dict[str, np.ndarray]]:
    """Arm -> named emotion -> the measures (29,) of how this actor moves with it."""
    speech, actor = task.caption.speech(0), task.caption.actor
    out: dict[str, dict[str, np.ndarray]] = {}
    for arm in ("model", "teacher"):
        move = setup.movers()[arm]
        for name in NAMES:
            motion = move(speech, AffectCurve.constant(name), actor, task.caption.noise(1))
            out.setdefault(arm, {})[name] = features_of(Seen(motion).tracks)
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
    "names": _names,
    "chance": _chance,
}
