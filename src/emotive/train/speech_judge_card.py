"""Measures a finished speech judge and writes its card."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from emotive.data.readings import Speaker
from emotive.perceive.vocal_features import vocal_features
from emotive.perceive.vocal_published import VocalPublishedJudge, mean_features
from emotive.perceive.voice import SpeechJudge

from .judge_control import GRID, Control, baselines, control, table
from .speech_takes import JUDGE_RATE, disguised, spoken

SENTENCES = 8  # measured of each kind
NEUTRAL = 8  # sentences of the same voice that the published judge hears for comparison


def grid_takes(speaker: Speaker, sentences: int, seed: int, disguise: bool = False) -> list[np.ndarray]:
    """Takes of some of a speaker's sentences over the grid: `len(GRID)` in a row share all else."""
    rng, found = np.random.default_rng(seed), []
    for i in np.linspace(0, len(speaker.readings) - 1, sentences).astype(int):
        reading, centre = speaker.readings[i], speaker.centre
        if disguise:
            reading, centre = disguised(reading, centre, rng)
        found += [spoken(reading, (p.valence, p.arousal), centre, rng) for p in GRID]
    return found


def neutral_takes(speaker: Speaker, seed: int) -> list[np.ndarray]:
    """`NEUTRAL` neutral takes of other sentences than `grid_takes` has, where there are enough."""
    rng = np.random.default_rng(seed)
    chosen = np.linspace(0, len(speaker.readings) - 1, 2 * NEUTRAL + 1).astype(int)[1::2]
    return [spoken(speaker.readings[i], (0.0, 0.0), speaker.centre, rng) for i in chosen]


def measure(
    judge: SpeechJudge, unread: Sequence[Speaker], stranger: Speaker, sentences: int = SENTENCES
) -> dict[str, tuple[Control, Control]]:
    """The judge on sentences and on a voice held out, beside the published judge and the baselines."""
    rows: dict[str, tuple[Control, Control]] = {}
    known = [
        take
        for i, speaker in enumerate(unread)
        for take in grid_takes(speaker, -(-sentences // len(unread)), 100 + i)
    ]
    masked = [
        take
        for i, speaker in enumerate(unread)
        for take in grid_takes(speaker, -(-sentences // len(unread)), 200 + i, disguise=True)
    ]
    strange = grid_takes(stranger, sentences, 300)
    names = ", ".join(speaker.name for speaker in unread)
    for label, takes in (
        (f"held-out sentences of {names}", known),
        ("the same, in disguise", masked),
        (f"held-out voice {stranger.name}", strange),
    ):
        found = judge.estimate([(take, JUDGE_RATE) for take in takes])
        rows[f"{label}: this judge"] = control(found)
    rows |= {f"held-out voice {stranger.name}: {k}": row for k, row in baselines(found).items()}
    neutral = [(take, JUDGE_RATE) for take in neutral_takes(stranger, 400)]
    given = f"given {NEUTRAL} neutral sentences"
    known_speaker = judge.knowing(neutral).estimate([(take, JUDGE_RATE) for take in strange])
    rows[f"held-out voice {stranger.name}: this judge {given}"] = control(known_speaker)
    features = [vocal_features(take, JUDGE_RATE) for take in strange]
    for how, published in (
        ("", VocalPublishedJudge()),
        (f" {given}", VocalPublishedJudge(mean_features(neutral))),
    ):
        estimates = published.estimate_features(features)
        rows[f"held-out voice {stranger.name}: published judge{how}"] = control(estimates)
    return rows


def write_card(
    folder: Path,
    judge: SpeechJudge,
    minutes: float,
    seed: int,
    state: dict[str, Any],
    known: Sequence[Speaker],
    unread: Sequence[Speaker],
    stranger: Speaker,
) -> None:
    """Measures `judge` and writes README.md into `folder`."""
    threads = torch.get_num_threads()
    text = CARD.format(
        table=table(measure(judge, unread, stranger), "takes"),
        parameters=sum(p.numel() for p in judge.network.parameters()),
        command=f"emotive train speech-judge -o DIR --minutes {minutes:g} --seed {seed}",
        samples=state["samples"],
        spent=state["spent"] / 60,
        hardware="one CPU core" if threads == 1 else f"{threads} CPU cores",
        spread=", ".join(f"{k:.2f}" for k in judge.network.config["spread"]),
        voices=" and ".join(speaker.name for speaker in known),
        stranger=stranger.name,
        sentences=", ".join(str(len(speaker.readings)) for speaker in known),
    )
    (folder / "README.md").write_text(text, encoding="utf-8")


CARD = """---
license: apache-2.0
library_name: emotive
tags: [affect, valence-arousal, audio-regression, speech]
---

# emotive-speech-judge-1

Hears valence and arousal, each with a spread, in how something is said: a convolutional network of
{parameters:,} parameters on 64 log-mel bands at 16 kHz, stored in bfloat16, run in float32.

    emotive judge clip.wav

It exists to score Emotive's speech without having learned from the voices that speak it or from the
sentences that evaluation uses. Every clip is brought to one level inside the network: loudness is no cue.

## Training

Two synthetic voices, {voices}, read {sentences} sentences of a grammar of their own (`judge_sentence`); the
rules of `emotive.data.vocal_affect` turn each into takes with a random affect, made as training goes. So
that affect is read against the speaker, who speaks is drawn blindly: pitch within 3 semitones or, for half,
4 to 11 higher with a tract 8 to 18 % shorter (otherwise within 8 %), range, rate, spectral colour and noise
of the voice. Then rooms, noise 20 to 50 dB below the voice, microphones' colour, missing highs or lows. It
never heard the voice {stranger}, which scores it, nor slt and rms, which Emotive speaks with.

`{command}`: {samples:,} takes of 1.5 to 4 s in {spent:.0f} minutes on {hardware}. The loss is 1 -
concordance (Atmaja & Akagi 2020), a Gaussian likelihood weighted by the variance to the power of 0.5
(Seitzer et al. 2022), and the squared error of differences between two takes of one sentence by one
speaker.

**Spread.** The network's standard deviations are multiplied by {spread} (valence, arousal), so that squared
errors match them on average over sentences that the weights never met, by disguised training voices.

## Measured

On a 5 x 5 grid of requests in [-0.9, 0.9], whole sentences without noise; in every cell valence, then
arousal. *Spearman within* is the median over sentences of the rank correlation over one grid; *leakage* the
correlation with the other axis once the own one is regressed out; *error / spread* is 1 where the spread is
right. 8 sentences of each kind. The published judge (`emotive.perceive.vocal_published`) was fitted to
nothing.

{table}

How it came about, plainly: network, disguises and losses were chosen once and not changed after a look at
any score. Training was interrupted twice and shared its core with other work, so that an idle core hears
more in as many minutes. The published judge's coefficients come from papers; of its measures, formants and
the rate of modulation were chosen among several by how they follow neutral readings of awb and kal whose
tract or tempo was changed by a known amount, after a first look at scores on ked and kal.

What falls short: a voice has a colour of its own that passes for mood. Once, afterwards, six sentences each
by Emotive's own voices under the rules were heard. CCC of valence and arousal was .74 and .73 for slt, all
of whose speech sounds 0.4 too calm and 0.4 too unpleasant, and .62 and .93 for rms; given 8 neutral
sentences of the speaker (`SpeechJudge.knowing`) .69 and .91, .68 and .94. Slopes of valence were .6. Order
within a sentence is kept (Spearman .95 and .98), so compare takes of one speaker before those of several.
In windows of 1.5 s of ked, CCC was .81 and .86.

## Limits

- It shares the teacher's rules. High agreement says that a voice speaks as the rules say, not that people
  hear it so: no human rating went into it. Valence above all is an inversion of rules here; listeners'
  ratings of valence are known to be hard to predict from vocal cues (Laukka et al. 2005).
- It learned from two synthetic male voices and what signal processing makes of them. Human recordings,
  singing, whispers, other languages and several speakers at once are far from anything it heard, and the
  spread does not know how far.
- It judges how a thing is said, never the words.
- A window of a curve (1.5 s) has less to go by than a sentence: read its spread.
- It says nothing about the person who speaks, and is no diagnosis of anyone.
- Guidance by this judge would make its scores worthless; nothing in Emotive is guided by it.
"""
