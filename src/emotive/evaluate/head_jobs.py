"""What there is to do for the talking-head protocol, one job at a time, in whichever process: captions over
the grid, utterances, curves and levels on a portrait, a voice that talks and rests."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch

from emotive.affect import Affect, AffectCurve
from emotive.perceive.face_units import face_units
from emotive.signals import FaceMotion, Speech

from .head_arms import FPS, MOVERS, HeadCaption, Mover, joined, model_mover, silence, unspelled
from .head_life import blink_rate, flicker, head_speed, jitter, life_features, mouth_energy
from .head_lips import Utterance
from .head_tracking import followed, named_faces, paths, sweeps
from .head_view import SEEN, TRUE, ClipJudge, Detect, FilmedClip, filmed, screen_of
from .head_visemes import LipReader
from .lip_sync import closed, contacts
from .protocol import Measurements, Protocol, run
from .speech import audible
from .speech_sentences import CORNERS, way

NUISANCES = ("mouth opening", "head pitch", "head speed")
STRIP, STEP = 10, 2  # frames of a film strip, and how many lie between two of them
LIFE_CHUNK = 120  # frames: 4 s
IDLE = 30.0  # s of silence
TALKING = (0.0, 0.0, 0.6, -0.6)  # arousal of the clips whose living movement is compared
FLICKER = 90  # frames


@dataclass(frozen=True)
class Setup:
    """What all jobs share. speaker: says the affective sentences, None: held-out voices alone."""

    pipe: Any
    speaker: Any
    judges: Mapping[str, Any]
    detect: Detect | None
    affects: Sequence[Affect]
    seeds: Sequence[int]
    steps: int
    reader: LipReader | None = None

    @property
    def column(self) -> str:
        """Where the headline judge looks."""
        return TRUE if self.detect is None else SEEN

    def movers(self) -> dict[str, Mover]:
        """Every arm by name."""
        model = model_mover(self.pipe, self.steps)
        return {"model": model, "heard": lambda speech, *how: model(unspelled(speech), *how), **MOVERS}

    def clip_judges(self) -> dict[str, ClipJudge]:
        """By name; the same judge on the renderer's own landmarks is another one."""
        found = {name: ClipJudge(judge, self.column) for name, judge in self.judges.items()}
        if self.column == SEEN:
            found |= {f"{name}, true": ClipJudge(judge, TRUE) for name, judge in self.judges.items()}
        return found


@dataclass(frozen=True)
class Task:
    """One job: its kind, a key of `_JOBS`, and what it is about."""

    kind: str
    name: str = ""
    caption: HeadCaption | None = None
    portrait: str = ""
    speeches: tuple[Speech, ...] = field(default=())
    show: bool = False


def do(setup: Setup, task: Task) -> Any:
    """What the task's kind answers."""
    return _JOBS[task.kind](setup, task)


# -- control -----------------------------------------------------------------------------------------------


def _control(setup: Setup, task: Task) -> tuple[dict[str, Measurements], dict[str, np.ndarray]]:
    """One caption's measurements by arm, and strips to show: neutral and the corners of the grid."""
    assert task.caption is not None
    caption = task.caption
    if not caption.speeches:
        caption = replace(caption, speeches=tuple(_said(setup, caption, affect) for affect in setup.affects))
    screen, movers = screen_of(caption.portrait, setup.detect), setup.movers()
    neutral = next((i for i, a in enumerate(setup.affects) if a.valence == a.arousal == 0), 0)

    def moving(mover: Mover) -> Any:
        def make(_: HeadCaption, affects: Sequence[Affect], seed: int) -> list[FilmedClip]:
            return [
                filmed(
                    screen, caption, i, mover(caption.speech(i), AffectCurve.constant(a), caption.noise(seed))
                )
                for i, a in enumerate(affects)
            ]

        return make

    def constant(_: HeadCaption, affects: Sequence[Affect], seed: int) -> list[FilmedClip]:
        calm = AffectCurve.constant(Affect.neutral())
        motion = movers["model"](caption.speech(neutral), calm, caption.noise(seed))
        return [filmed(screen, caption, neutral, motion)] * len(affects)

    strips: dict[str, np.ndarray] = {}

    def show(arm: str, number: int, seed: int, items: Sequence[FilmedClip]) -> None:
        if task.show and arm != "constant" and seed == setup.seeds[0]:
            chosen = [items[i] for i in audible(setup.affects)]
            strips[arm] = screen.strip([c.motion for c in chosen], [_widest(c) for c in chosen])

    arms = {"model": moving(movers["model"]), "rules": moving(movers["rules"])}
    arms |= {"teacher": moving(movers["teacher"]), "constant": constant}
    protocol = Protocol(
        [caption],
        setup.affects,
        setup.seeds,
        arms,
        setup.clip_judges(),
        nuisances=_nuisances,
        content=lambda caption, items: {},
        features=lambda items: np.stack([life_features(c.motion) for c in items]),
        qualities={
            "closures": lambda items: _closures(items, True),
            "closed": lambda items: _closures(items),
        },
        show=show,
    )
    return run(protocol), strips


def _said(setup: Setup, caption: HeadCaption, affect: Affect) -> Speech:
    generator = torch.Generator().manual_seed(caption.number)
    return setup.speaker(
        caption.text, affect, voice=caption.voice, num_inference_steps=8, generator=generator
    ).speech


def _widest(clip: FilmedClip) -> int:
    """The frame in the middle half of a clip in which the mouth is open as it mostly is while speaking."""
    a, b = len(clip.motion) // 4, max(len(clip.motion) * 3 // 4, len(clip.motion) // 4 + 1)
    gap = clip.mouth.gap[a:b]
    return a + int(np.abs(gap - np.quantile(gap, 0.7)).argmin())


def _nuisances(clips: Sequence[FilmedClip]) -> np.ndarray:
    """What a face could move with the request without showing a feeling: `NUISANCES`, (N, 3)."""
    return np.array(
        [
            [
                c.mouth.gap.mean(),
                np.degrees(c.motion.rotation[:, 0].mean()),
                np.log(head_speed(c.motion) + 0.1),
            ]
            for c in clips
        ]
    )


def _closures(clips: Sequence[FilmedClip], sounds: bool = False) -> np.ndarray:
    """How many p b m are said in each clip, or for how many of them the lips close."""
    found = [contacts(closed(c.mouth), float(FPS), c.caption.speech(c.request).phones) for c in clips]
    return np.array([c.sounds if sounds else c.made for c in found], float)


# -- lips --------------------------------------------------------------------------------------------------


def _lips(setup: Setup, task: Task) -> tuple[dict[str, list[Utterance]], dict[str, np.ndarray]]:
    """Utterances of one voice by arm; "seen": the model's from sound alone, on rendered frames; "model
    +1,+1" and the like: at the corners, every second sentence. And film strips of the first."""
    screen, movers = screen_of(task.portrait, setup.detect), setup.movers()
    calm = AffectCurve.constant(Affect.neutral())
    found: dict[str, list[Utterance]] = {}
    strips: dict[str, np.ndarray] = {}
    for i, speech in enumerate(task.speeches):
        motions = {arm: mover(speech, calm, 1000 + i) for arm, mover in movers.items()}
        corners = CORNERS if i % 2 == 0 else ()
        for arm in ("model", "heard"):
            motions |= {
                f"{arm} {way(a)}": movers[arm](speech, AffectCurve.constant(a), 1000 + i) for a in corners
            }
        rules = screen.mouth(motions["rules"])
        assert rules is not None
        for arm, motion in motions.items():
            mouth = screen.mouth(motion)
            assert mouth is not None
            mine = Utterance.of(speech, motion, mouth, _like(rules.gap, len(mouth)))
            found.setdefault(arm, []).append(mine)
        seen = screen.mouth(motions["heard"], SEEN) if setup.detect is not None else None
        if seen is not None:
            mine = Utterance.of(speech, motions["heard"], seen, _like(rules.gap, len(seen)))
            found.setdefault("seen", []).append(mine)
        if i == 0 and task.show:
            middle = max(0, len(motions["model"]) // 2 - STRIP * STEP // 2)
            numbers = [middle + STEP * k for k in range(STRIP)]
            for arm in ("model", "heard", "teacher"):
                last = len(motions[arm]) - 1
                strips[arm] = screen.strip([motions[arm]], [min(n, last) for n in numbers])
    return found, strips


def _like(track: np.ndarray, frames: int) -> np.ndarray:
    return track[np.minimum(np.arange(frames), len(track) - 1)]


# -- tracking, sweeps, names -------------------------------------------------------------------------------


def _tracks(setup: Setup, task: Task) -> dict[str, Any]:
    """Every path on one portrait by each arm: arm -> path -> judge -> (requested, judged); strips."""
    screen = screen_of(task.portrait, setup.detect)
    speech = joined(task.speeches)
    curves = paths(speech.duration)
    found: dict[str, Any] = {}
    strips = {}
    for arm, mover in setup.movers().items():
        if arm not in ("model", "rules", "teacher"):
            continue
        found[arm] = {
            path: {
                name: followed(screen, judge, setup.column, mover, speech, curve, 11)
                for name, judge in setup.judges.items()
            }
            for path, curve in curves.items()
        }
        if task.show and arm in ("model", "rules"):
            motion = mover(speech, curves["around the plane"], 11)
            numbers = np.linspace(0, len(motion) - 1, STRIP).astype(int)
            strips[arm] = screen.strip([motion], numbers.tolist())
    return {"found": found, "strips": strips}


def _levels(setup: Setup, task: Task) -> dict[str, Any]:
    """Sweeps on one portrait by judge, and the named emotions' landmarks against neutral."""
    screen = screen_of(task.portrait, setup.detect)
    model, speech = setup.movers()["model"], task.speeches[0]
    found = {name: sweeps(screen, judge, setup.column, model, speech) for name, judge in setup.judges.items()}
    return {"sweeps": found, "names": _name_features(setup, task.portrait)}


def _name_features(setup: Setup, portrait: str) -> dict[str, np.ndarray] | None:
    screen = screen_of(portrait, setup.detect)
    faces = named_faces(screen, setup.column)
    if any(face is None for face in faces.values()):
        return None
    neutral = screen.neutral[setup.column]
    return {name: face_units([face], neutral=neutral)[0] for name, face in faces.items() if face is not None}


# -- life --------------------------------------------------------------------------------------------------


def _life(setup: Setup, task: Task) -> dict[str, Any]:
    """One voice talking for a while, and silence after a sentence, by arm."""
    screen, talk = screen_of(task.portrait, setup.detect), joined(task.speeches)
    quiet = joined([task.speeches[0], silence(IDLE, talk.sample_rate)])
    begins = round((quiet.duration - IDLE + 1) * float(FPS))  # a second later: the mouth has come to rest
    calm = AffectCurve.constant(Affect.neutral())
    out: dict[str, Any] = {}
    for arm, mover in setup.movers().items():
        if arm == "loudness":
            continue
        motions = [mover(talk, AffectCurve.constant(Affect(0.0, a)), 21 + k) for k, a in enumerate(TALKING)]
        rest = part_of(mover(quiet, calm, 31), slice(begins, None))
        mouth, still = screen.mouth(motions[0]), screen.mouth(rest)
        assert mouth is not None and still is not None
        count = min(FLICKER, len(motions[0]))
        out[arm] = {
            "blinks": blink_rate(motions[:2]),
            "head_speed": head_speed(motions[0]),
            "jitter": jitter(motions[0]),
            "flicker": flicker(screen.shot(motions[0], i) for i in range(count)),
            "mouth_energy": mouth_energy(mouth.gap, float(FPS)),
            "idle_mouth_energy": mouth_energy(still.gap, float(FPS)),
            "idle_gap": float(np.abs(still.gap).mean()),
            "idle_blinks": blink_rate([rest]),
            "idle_head_speed": head_speed(rest),
            "features": np.stack([f for m in motions for f in _chunks(m)]),
        }
    others = [
        setup.movers()["teacher"](talk, AffectCurve.constant(Affect(0.0, a)), 91 + k)
        for k, a in enumerate(TALKING)
    ]
    out["teacher"]["again"] = np.stack([f for m in others for f in _chunks(m)])
    return out


def part_of(motion: FaceMotion, part: slice) -> FaceMotion:
    """Some frames of a motion."""
    tracks = {name: getattr(motion, name)[part] for name in ("weights", "rotation", "translation", "gaze")}
    return replace(motion, **tracks)


def _chunks(motion: FaceMotion) -> list[np.ndarray]:
    starts = range(0, max(1, len(motion) - LIFE_CHUNK + 1), LIFE_CHUNK)
    return [life_features(part_of(motion, slice(s, s + LIFE_CHUNK))) for s in starts]


_JOBS: dict[str, Callable[[Setup, Task], Any]] = {
    "control": _control,
    "lips": _lips,
    "tracking": _tracks,
    "levels": _levels,
    "life": _life,
}
