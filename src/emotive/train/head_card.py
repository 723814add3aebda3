"""Measures a finished talking head on voices that it never heard, and writes its card."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch

from emotive.data.face_teacher import act, random_style
from emotive.face.contacts import lip_gap
from emotive.face.decoding import MotionParts
from emotive.face.phone_shapes import VISEMES, targets_of
from emotive.face.visemes import speaking_mouth
from emotive.models.affect_embedding import AffectEmbedding
from emotive.models.face_denoiser import FaceDenoiser
from emotive.voice.listening import RATE, listen, loudness

from .clips import TOKENS, Clip
from .head_perform import perform

CORNERS = ((1.0, 1.0), (1.0, -1.0), (-1.0, 1.0), (-1.0, -1.0))
TOUCHING = 0.03  # `lip_gap` below which lips are shut
WITHIN = 0.04  # s around a phone in which they must be


def closures(clip: Clip) -> list[tuple[float, float]]:
    """When lips must shut: start and end of every p, b and m."""
    return [(p.start, p.end) for p in clip.phones if "PP" in targets_of(p.symbol, clip.alphabet)]


def closure_recall(gap: np.ndarray, clip: Clip, shift: float = 0.0) -> tuple[int, int]:
    """How many p b m have their lips shut within 40 ms, and of how many; shift (s) of the motion."""
    times = np.arange(len(gap)) / TOKENS + shift
    spans = [s for s in closures(clip) if s[1] < len(gap) / TOKENS]
    shut = [bool((gap[(times >= a - WITHIN) & (times <= b + WITHIN)] < TOUCHING).any()) for a, b in spans]
    return sum(shut), len(shut)


def envelope_match(gap: np.ndarray, loud: np.ndarray, most: int = 6) -> tuple[float, int]:
    """Pearson correlation of mouth opening and loudness, and the lag in frames at which it is largest (above
    0: the mouth is late)."""
    found = []
    for lag in range(-most, most + 1):
        a = gap[max(0, lag) : len(gap) + min(0, lag)]
        b = loud[max(0, -lag) : len(loud) + min(0, -lag)]
        found.append(np.corrcoef(a, b)[0, 1] if a.std() > 1e-6 and b.std() > 1e-6 else 0.0)
    return float(found[most]), int(np.argmax(found)) - most


class VisemeReader:
    """A linear reader of visemes from motion, fitted on what the teacher does: five frames to 15 classes."""

    def __init__(self, clips: Sequence[Clip], seed: int = 0, steps: int = 400):
        rng = np.random.default_rng(seed)
        rows, labels = [], []
        for clip in clips:
            loud = loudness(clip.heard.astype(np.float32))
            points = np.repeat(rng.uniform(-1, 1, (1, 3)), len(loud), 0)
            shown = act(
                clip.phones, clip.syllables, clip.alphabet, points, loud, random_style(rng), TOKENS, rng
            )
            rows.append(_context(shown.weights))
            labels.append(shown.visemes.argmax(1))
        x, y = np.concatenate(rows), np.concatenate(labels)
        self.mean, self.deviation = x.mean(0), x.std(0) + 1e-3
        inputs = torch.from_numpy((x - self.mean) / self.deviation).float()
        wanted = torch.from_numpy(y)
        generator = torch.Generator().manual_seed(seed)
        self.weight = torch.zeros(x.shape[1] + 1, len(VISEMES), requires_grad=True)
        counts = torch.bincount(wanted, minlength=len(VISEMES)).float().clamp_min(1)
        optimizer = torch.optim.Adam([self.weight], lr=0.02)
        for _ in range(steps):
            pick = torch.randint(len(inputs), (4096,), generator=generator)
            logits = _with_one(inputs[pick]) @ self.weight
            # Rare classes count somewhat more: what is scored is the mean over classes.
            loss = torch.nn.functional.cross_entropy(
                logits, wanted[pick], weight=counts.rsqrt() / counts.rsqrt().mean()
            )
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    @torch.no_grad()
    def read(self, weights: np.ndarray) -> np.ndarray:
        """(T,): the number in VISEMES that each frame of weights (T, 52) looks like."""
        x = torch.from_numpy((_context(weights) - self.mean) / self.deviation).float()
        return (_with_one(x) @ self.weight).argmax(1).numpy()


def _context(weights: np.ndarray) -> np.ndarray:
    padded = np.pad(weights, ((2, 2), (0, 0)), mode="edge")
    return np.concatenate([padded[i : i + len(weights)] for i in range(5)], 1)


def _with_one(x: torch.Tensor) -> torch.Tensor:
    return torch.cat([x, torch.ones(len(x), 1)], 1)


def macro_f1(found: np.ndarray, true: np.ndarray, tolerance: int = 1) -> float:
    """Mean F1 over the classes that occur; a frame is right if its class is true within
    `tolerance` frames."""
    found = found.copy()
    for shift in range(1, tolerance + 1):
        for other in (np.roll(true, shift), np.roll(true, -shift)):
            found = np.where(found == other, true, found)
    scores = []
    for k in np.unique(true):
        hit = ((found == k) & (true == k)).sum()
        scores.append(2 * hit / ((found == k).sum() + (true == k).sum()))
    return float(np.mean(scores))


def measure(
    denoiser: FaceDenoiser,
    affect: AffectEmbedding,
    clips: Mapping[str, Sequence[Clip]],
    reader: VisemeReader,
    seed: int = 0,
    steps: int = 8,
) -> dict[str, dict[str, float]]:
    """Per set of clips and condition: closure recall, envelope correlation and lag, viseme macro-F1."""
    rows: dict[str, dict[str, float]] = {}
    everything = [clip for part in clips.values() for clip in part]
    for name, part in clips.items():
        neutral = np.array([0.0, 0.0, np.nan])
        rows[name] = _scored(denoiser, affect, part, part, [neutral], reader, seed, steps)
        rows[f"{name}, phones known"] = _scored(
            denoiser, affect, part, part, [neutral], reader, seed, steps, known=True
        )
    corners = [np.array([*corner, np.nan]) for corner in CORNERS]
    rows["all, V-A corners"] = _scored(denoiser, affect, everything, everything, corners, reader, seed, steps)
    rows["all, V-A corners, phones known"] = _scored(
        denoiser, affect, everything, everything, corners, reader, seed, steps, known=True
    )
    others = everything[1:] + everything[:1]
    rows["all, shuffled audio"] = _scored(
        denoiser, affect, others, everything, [np.array([0.0, 0.0, np.nan])], reader, seed, steps
    )
    rows["rules alone, phones known"] = _scored(
        None, affect, everything, everything, [np.zeros(3)], reader, seed, steps
    )
    return rows


def _scored(
    denoiser: FaceDenoiser | None,
    affect: AffectEmbedding,
    heard: Sequence[Clip],
    clips: Sequence[Clip],
    points: Sequence[np.ndarray],
    reader: VisemeReader,
    seed: int,
    steps: int,
    known: bool = False,
) -> dict[str, float]:
    generator = torch.Generator().manual_seed(seed)
    shut, of, correlations, lags, found, true = 0, 0, [], [], [], []
    for i, (ears, clip) in enumerate(zip(heard, clips, strict=True)):
        sound = ears.heard.astype(np.float32)
        tokens = min(len(sound), len(clip.heard))
        curve = np.repeat(points[i % len(points)][None], tokens, 0)
        loud = loudness(clip.heard.astype(np.float32))[:tokens]
        said = speaking_mouth(
            clip.phones,
            TOKENS,
            len(clip.heard),
            alphabet=clip.alphabet,
            loudness=0.4 + 0.75 * np.pad(loud, (0, len(clip.heard) - tokens)),
        )
        if denoiser is None:
            weights = said.weights[:tokens]
        else:
            weights = perform(
                denoiser,
                affect,
                sound[:tokens],
                curve,
                generator,
                steps=steps,
                visemes=said.visemes[:tokens] if known else None,
            ).weights
        gap = lip_gap(weights)
        hits, count = closure_recall(gap, clip)
        shut, of = shut + hits, of + count
        correlation, lag = envelope_match(gap, loud)
        correlations.append(correlation)
        lags.append(lag)
        found.append(reader.read(weights))
        true.append(said.visemes[:tokens].argmax(1))
    return {
        "closures": shut / max(of, 1),
        "envelope": float(np.mean(correlations)),
        "lag": float(np.median(lags)),
        "visemes": macro_f1(np.concatenate(found), np.concatenate(true)),
        "visemes, same frame": macro_f1(np.concatenate(found), np.concatenate(true), 0),
    }


def silence(
    denoiser: FaceDenoiser, affect: AffectEmbedding, seconds: float = 8.0, seed: int = 0
) -> dict[str, float]:
    """What a face does in silence: mean opening of the mouth, and how far the head moves (deg, deviation)."""
    rng = np.random.default_rng(seed)
    heard = listen(1e-4 * rng.standard_normal(round(seconds * RATE)).astype(np.float32))
    points = np.zeros((len(heard), 3), np.float32)
    parts: MotionParts = perform(denoiser, affect, heard, points, torch.Generator().manual_seed(seed))
    return {
        "opening": float(lip_gap(parts.weights).mean()),
        "head": float(np.rad2deg(parts.rotation.std(0)).mean()),
    }


SYNTHETIC = """\
**The embedded motion is learned from synthetic speech and procedural articulation: no face was recorded for
it, and no recording of human speech was heard.**"""


def learned_from(footage: Sequence[Clip] = (), share: float = 0.5) -> str:
    """What the card says that the motion is learned from: how much footage, and never whose."""
    if not footage:
        return SYNTHETIC
    seconds = sum(len(clip.heard) for clip in footage) / TOKENS
    felt = sum(bool(np.isfinite(clip.affect[:, 0]).any()) for clip in footage)
    return FOOTAGE.format(share=f"{share:.0%}", clips=len(footage), seconds=f"{seconds:,.0f}", felt=felt)


FOOTAGE = """\
**{share} of each training step was footage of faces that its maker brought (clips: {clips}, seconds:
{seconds}, clips with a known affect: {felt}); the rest is synthetic speech and procedural articulation.** The
motion in the footage was solved from landmarks: what contours do not show (tongue, cheeks, jaw forward) did
not move in it."""


def write_card(
    folder: Path, rows: dict[str, dict[str, float]], idle: dict[str, float], facts: dict[str, str]
) -> None:
    """The model card, README.md."""
    table = [
        "| held-out speech | closures of p b m | mouth/envelope r | lag, frames | viseme F1 | same frame |",
        "|---|---|---|---|---|---|",
        *(
            f"| {name} | {r['closures']:.3f} | {r['envelope']:.2f} | {round(r['lag']):+d} | "
            f"{r['visemes']:.2f} | {r['visemes, same frame']:.2f} |"
            for name, r in rows.items()
        ),
    ]
    text = CARD.format(
        table="\n".join(table), opening=f"{idle['opening']:.4f}", head=f"{idle['head']:.1f}", **facts
    )
    (folder / "README.md").write_text(text, encoding="utf-8")


CARD = """---
license: apache-2.0
library_name: emotive
tags: [affect, valence-arousal, talking-head, lip-sync, blendshapes]
---

# {name}

A voice and a path through valence and arousal to the motion of a face, 30 frames/s: ARKit's blendshapes, head
rotation and translation, gaze. Any language is heard; the phones of English taught it.

| part | what |
|---|---|
| denoiser | {denoiser}; flow matching over 28 principal components of blendshapes and 8 of pose |
| affect_embedding | `emotive-affect-1`, {affect} |

{bytes} in bf16. It hears 40 log-mels, level, pitch and voicing, 120 times a second. Closures (p b m),
contacts (f v) and visemes are outputs of their own; closures and contacts are kept after sampling.

## How it was trained

    {command}

{clips} clips of one to three sentences: by the teacher voices `slt` and `rms` (also with other pitch and
tract, and said with feeling by the rules of the embedded voice), flite's `slt`, and seventy voices of
espeak-ng. What the face should do was made as training ran, by rule: co-articulated visemes at the
synthesisers' own phone times, expressions of a random affect (half of the time the voice's own), accents on
stressed syllables, and random style.

{history}.

{learned} The synthesisers' voices `slt`, `rms` and `awb` are built on
CMU ARCTIC.

## Measured

On clips of voices that training never heard: flite's `awb`, and the diphone engine of festival (`kal` and
`ked`). Motion as sampled in 8 steps, without guidance, a neutral face unless said otherwise. Closures: lips
shut (gap below 3 % of a wide open jaw) within 40 ms of each p b m. Visemes: macro-F1 of a linear reader of
the teacher's blendshapes, fifteen classes, within one frame.

{table}

In silence the mouth opens by {opening} (of 1) and the head moves by {head} degrees (standard deviation).

## Limits

Without phones, about two closures in three are found in voices that it never heard, and lips also shut where
they need not: give phones where lips must be right (speech of the embedded voice has them; alignment finds
those of a recording whose text is known).

Its style of articulation is that of {manner}. Accents and head motion follow loudness, not
meaning. Voices of children, song and strong noise were not tried. Expressions are prototypes: they show an
affect that was asked for, not what somebody feels.
"""
