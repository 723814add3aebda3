"""What the model card of the gestures says: measured on voices that training never heard, beside the teacher.

A short form of `emotive evaluate gesture`, by the learned judge alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
import torch

from emotive.affect import Affect, AffectCurve
from emotive.body.accents import Accent, accents_of, events_of, phrases_of
from emotive.body.habits import random_habits
from emotive.body.performing import Performer
from emotive.body.posing import pose
from emotive.data.gesture_teacher import gesture
from emotive.evaluate.gesture_metrics import Seen, foot_skate, mean_jerk, repeated, stroke_consistency
from emotive.evaluate.metrics import concordance, spearman
from emotive.perceive.body_features import quantity_of_motion
from emotive.perceive.body_judge import BodyJudge
from emotive.pipelines.gesture import EmotiveGesturePipeline, Manner
from emotive.pipelines.loading import Sampling
from emotive.signals import BodyMotion
from emotive.voice.listening import loudness, paired
from emotive.weights import write_sums

from .clips import TOKENS, Clip

ARMS = ("model, words known", "model, sound alone", "its teacher")
POINTS = 2  # for each clip


def finish(
    folder: Path,
    held_out: Mapping[str, Sequence[Clip]],
    clips: int,
    command: str,
    history: str,
    filmed: int,
    report: Callable[[str], None] = print,
) -> None:
    """Measures the model in `folder` on voices that it never heard, and writes its card."""
    pipe = EmotiveGesturePipeline.from_pretrained(folder)
    pipe.set_progress_bar_config(disable=True)
    heard = [clip for some in held_out.values() for clip in some]
    rows = measure(pipe, heard)
    for name, row in rows.items():
        report(f"{name}: " + ", ".join(f"{key} {value:.2f}" for key, value in row.items()))
    size = sum(f.stat().st_size for f in folder.rglob("*.safetensors")) / 1e6
    titles = list(next(iter(rows.values())))
    table = [
        "| held-out voices and people | " + " | ".join(titles) + " |",
        "|---" * (len(titles) + 1) + "|",
        *(f"| {name} | " + " | ".join(f"{v:.2f}" for v in row.values()) + " |" for name, row in rows.items()),
    ]
    learned = CAPTURED.format(count=filmed) if filmed else SYNTHETIC
    text = CARD.format(
        name=folder.name,
        denoiser=f"{sum(p.numel() for p in pipe.denoiser.parameters()) / 1e6:.2f}M parameters",
        affect=pipe.affect_embedding.fingerprint()[:12],
        bytes=f"{size:.1f} MB",
        command=command,
        clips=f"{clips:,}",
        history=history,
        learned=learned,
        table="\n".join(table),
        count=len(heard) * POINTS,
    )
    (folder / "README.md").write_text(text, encoding="utf-8")
    write_sums(folder)


def measure(
    pipe: EmotiveGesturePipeline, clips: Sequence[Clip], points: int = POINTS, seed: int = 0
) -> dict[str, dict[str, float]]:
    """For each of `ARMS`: concordance of valence and arousal as the judge sees them with what was asked for,
    Spearman's correlation of arousal with quantity of motion, strokes that end on stresses, those of another
    clip, jerk against the teacher's, and how feet slide (cm/s)."""
    rng = np.random.default_rng(seed)
    judge = BodyJudge.from_pretrained()
    accents = [accents_of(c.phones, c.syllables, c.words, c.alphabet) for c in clips]
    stresses = [np.array([a.time for a in row if a.stress == 1 and a.content]) for row in accents]
    asked, found = [], {arm: [] for arm in ARMS}
    for i, clip in enumerate(clips):
        for _ in range(points):
            point, habits = rng.uniform(-1, 1, 2), random_habits(rng)
            asked.append(point)
            for arm in ARMS:
                motion = _moved(pipe, arm, clip, accents[i], point, habits, rng)
                seen = Seen(motion)
                beat = stroke_consistency(seen, stresses[i])
                j = (i + 1) % len(clips)
                wrong = repeated(stresses[j], len(clips[j].heard) / TOKENS, motion.duration)
                other = stroke_consistency(seen, wrong)
                amount, read = quantity_of_motion(motion), judge.estimate([motion])
                found[arm].append(
                    (
                        read.valence[0],
                        read.arousal[0],
                        amount,
                        beat,
                        other,
                        mean_jerk(seen),
                        foot_skate(seen),
                    )
                )
    wanted = np.array(asked)
    usual = np.mean([row[5] for row in found[ARMS[-1]]])
    told = {}
    for arm, rows in found.items():
        table = np.array(rows, float)  # None becomes NaN: no stroke, nothing to time
        told[arm] = {
            "CCC valence": concordance(table[:, 0], wanted[:, 0]),
            "CCC arousal": concordance(table[:, 1], wanted[:, 1]),
            "Spearman of arousal and motion": float(spearman(wanted[:, 1], table[:, 2])),
            "strokes on stresses": float(np.nanmean(table[:, 3])),
            "on another clip's": float(np.nanmean(table[:, 4])),
            "jerk / teacher": float(table[:, 5].mean() / usual),
            "foot skate, cm/s": float(table[:, 6].mean()),
        }
    return told


def _moved(
    pipe: EmotiveGesturePipeline,
    arm: str,
    clip: Clip,
    accents: Sequence[Accent],
    point: np.ndarray,
    habits: np.ndarray,
    rng: np.random.Generator,
) -> BodyMotion:
    """One arm's motion to one clip."""
    curve = AffectCurve.constant(Affect(float(point[0]), float(point[1])))
    heard = clip.heard.astype(np.float32)
    if arm == ARMS[-1]:
        points = np.tile([*point, np.nan], (len(heard), 1)).astype(np.float32)
        shown = gesture(accents, phrases_of(clip.phones), points, loudness(heard), habits, TOKENS, rng)
        return pose(shown.tracks, TOKENS, affect=curve)
    both = torch.from_numpy(paired(heard))
    events = None
    if arm == ARMS[0]:
        known = events_of(clip.phones, clip.syllables, clip.words, clip.alphabet, len(both))
        events = torch.from_numpy(known)
    how = Sampling(10, pipe.guidance_defaults, torch.Generator().manual_seed(int(rng.integers(2**31))))
    knots = pipe.knots(both, events, Manner(habits, None, curve), how)
    moved = Performer(Fraction(TOKENS), curve).take(knots, len(heard))
    assert moved is not None
    return moved


SYNTHETIC = """\
**The embedded motion is learned from synthetic speech and a procedural teacher: nobody was recorded for it,
by camera, suit or microphone.**"""

CAPTURED = """\
**Its maker added {count} takes of motion capture to the synthetic ones.** Their licences may bind the
model."""

CARD = """---
license: apache-2.0
library_name: emotive
tags: [affect, valence-arousal, co-speech-gesture, motion]
---

# {name}

A voice and a path through valence and arousal to the motion of a whole body that speaks: the 55 joints of
SMPL-X. Any language is heard; English words, where they are known, shape the hands.

| part | what |
|---|---|
| denoiser | {denoiser}; flow matching over fifty controls of a body, as splines of 15 knots a second |
| affect_embedding | `emotive-affect-1`, {affect} |

{bytes} in bf16. It hears log-mels, level, pitch and voicing; where phones and words are known it is also told
of stresses, phrases and what words mean. Inverse kinematics turns its controls into joints: feet that stand
do not slide, and wrists stay within their range, whatever it draws.

## How it was trained

    {command}

{clips} clips of one to three sentences by synthetic voices (festival's and flite's `slt`, flite's `rms`,
seventy of espeak-ng), many said with feeling. What the body does was made as training ran, by the rules
of `data/gesture_teacher.py`: each time another person with habits of their own, and in two of three clips
another affect than the voice's, so that the voice does not override what is asked for. Clean history at
the start of half of the windows, and sound that ends early, let the same weights go on for any length and
stream.

{history}.

{learned}

## Measured

{count} performances of each arm to voices that training never heard (flite's `awb`, festival's `kal` and
`ked`), by people that it never saw, at random points. The judge (`emotive-body-judge-1`) learned from other
people and clips of the same teacher: these numbers say that control works, not how people would rate it.
Strokes on stresses: exp(-d^2 / 2 sigma^2), sigma 0.1 s, of the stroke's end and the nearest stressed vowel.

{table}

`emotive evaluate gesture` measures more, with a judge that never saw our motion.

## Limits

A standing adult alone, seen by nobody: no walking, sitting, touching of things or of others, no listener. Its
gestures are those of the teacher's lexicon. Affect shows as published relations say it shows on average; a
culture, a person or a moment may show it otherwise. It shows an affect that was asked for, not what somebody
feels.
"""
