"""Measures a finished voice against its teacher and writes its card.

Fidelity: how far the model's frames are from what the rules make of a reading that training never saw, at the
same times and the same affect. Whether affect is *heard* is measured elsewhere (`emotive evaluate speech`).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from emotive.affect import Affect, AffectCurve
from emotive.data.readings import Speaker
from emotive.data.sentences import EVALUATION_SENTENCES
from emotive.data.takes import take
from emotive.data.voices import VOICES, read
from emotive.pipelines.speech import Sampling, Take
from emotive.voice.prosody import SEMITONE
from emotive.voice.vocoder import FRAME_RATE

POINTS = ((0.0, 0.0), (-0.8, -0.8), (-0.8, 0.8), (0.8, -0.8), (0.8, 0.8))


def distortion(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Log-spectral distortion in dB of cepstra (T, 60), root mean square over the mel scale, (T,)."""
    gap = (one - other) * 10 / np.log(10)
    return np.sqrt(gap[:, 0] ** 2 + 0.5 * (gap[:, 1:] ** 2).sum(1))


@torch.no_grad()
def measure(
    pipe: Any, speakers: Sequence[Speaker], sentences: int = 20, seed: int = 1
) -> dict[str, dict[str, float]]:
    """Per voice: distortion (dB) and F0 error (semitones) and voicing error at the teacher's times; duration
    error (ms a phone, root mean square) and the ratio of lengths."""
    rows = {}
    for speaker in speakers:
        found: dict[str, list[float]] = {
            name: [] for name in ("distortion", "f0", "voicing", "phone", "length")
        }
        texts = EVALUATION_SENTENCES[:sentences]
        for n, reading in enumerate(
            speaker.like(read(texts, VOICES[speaker.name], pipe.letter_to_sound.phones))
        ):
            v, a = POINTS[n % len(POINTS)]
            rng, affect = np.random.default_rng(seed), Affect(v, a)
            points = np.repeat(affect.as_array()[None], reading.timeline.frames, 0)
            timeline, features, _ = take(reading, points, speaker.centre, rng)
            phones = pipe.encode_prompt(timeline.utterance, speaker.name)
            asked = Take(
                timeline,
                phones,
                pipe.denoiser.encode(phones),
                AffectCurve.constant(affect),
                1.0,
                speaker.name,
            )
            made = pipe.speak(asked, Sampling(generator=torch.Generator().manual_seed(n)))
            loud = features.cepstrum[:, 0] > features.cepstrum[:, 0].max() - 10
            both = features.voiced & made.voiced & loud
            found["distortion"].append(float(distortion(made.cepstrum, features.cepstrum)[loud].mean()))
            found["f0"].append(float(np.sqrt(np.mean((made.lf0 - features.lf0)[both] ** 2)) / SEMITONE))
            found["voicing"].append(float((features.voiced != made.voiced)[loud].mean()))
            mine = pipe.time(
                timeline.utterance,
                phones,
                np.repeat(affect.as_array()[None], len(timeline.utterance), 0),
                1.0,
            )
            gap = (np.diff(mine.edges) - np.diff(timeline.edges))[1:-1] / FRAME_RATE
            found["phone"].append(float(np.sqrt(np.mean(gap**2)) * 1000))
            found["length"].append(mine.frames / timeline.frames)
        rows[speaker.name] = {name: float(np.mean(values)) for name, values in found.items()}
    return rows


def write_card(
    folder: Path, rows: dict[str, dict[str, float]], letters: dict[str, float], facts: dict[str, str]
) -> None:
    """The model card, README.md: what it is, how it was made, what was measured, how it sounds."""
    table = [
        "| voice | log-spectral distortion | F0 | voicing wrong | phone durations | length |",
        "|---|---|---|---|---|---|",
        *(
            f"| {name} | {r['distortion']:.1f} dB | {r['f0']:.2f} semitones | {100 * r['voicing']:.1f} % | "
            f"{r['phone']:.0f} ms | x {r['length']:.2f} |"
            for name, r in rows.items()
        ),
    ]
    spelling = {f"letters_{k}": f"{100 * v:.1f}" for k, v in letters.items() if "error" in k}
    text = CARD.format(table="\n".join(table), **facts, **spelling)
    (folder / "README.md").write_text(text, encoding="utf-8")


def facts_of(pipe: Any, folder: Path, command: str, history: str, sentences: int) -> dict[str, str]:
    """What the card says of a pipeline that was saved in `folder`."""

    def millions(module: torch.nn.Module) -> str:
        return f"{sum(p.numel() for p in module.parameters()) / 1e6:.2f}M parameters"

    return {
        "name": folder.name,
        "denoiser": millions(pipe.denoiser),
        "durations": millions(pipe.durations),
        "prosody": millions(pipe.prosody),
        "letters": millions(pipe.letter_to_sound),
        "affect": pipe.affect_embedding.fingerprint()[:12],
        "bytes": f"{sum(f.stat().st_size for f in folder.rglob('*.safetensors')) / 1e6:.1f} MB",
        "readings": f"{sentences:,}",
        "command": command,
        "history": history,
    }


CARD = """---
license: apache-2.0
library_name: emotive
pipeline_tag: text-to-speech
tags: [affect, valence-arousal, text-to-speech, voice-conversion]
language: en
---

# {name}

English text and a feeling to speech at 24 kHz, with the time of every phone, syllable and word; and a
recording said with another feeling. Voices: `slt` (a woman, US English) and `rms` (a man, US English).

A flow-matching acoustic model of {denoiser} over vocoder frames (100 a second: log F0, a mel cepstrum of
60, aperiodicity in three bands; voicing as an output of its own), a duration model of {durations}, a prosody
denoiser of {prosody} for recordings, letter-to-sound of {letters}, and the affect embedding
`emotive-affect-1` ({affect}). {bytes} in all. The vocoder is WORLD.

## Training

On {readings} sentences a voice of a grammar of our own, read by `cmu_us_slt_arctic_hts` (festival; Carnegie
Mellon University and Nagoya Institute of Technology, permissive licences) and `cmu_us_rms` (flite; Carnegie
Mellon University, permissive licence), both built from the CMU ARCTIC recordings, and said with feeling by
published rules (`emotive/data/vocal_affect.py` cites them). The prosody denoiser learned from three other
voices. The recordings of `rms` end at 8 kHz; what is above is guessed from `slt`. No human has rated the
result.

`{command}`: {history}.

## Measured

Against the teacher: 20 sentences a voice that training never saw, at neutral and at four points of 0.8,
with the teacher's own times (durations: the model's against the teacher's).

{table}

Letter-to-sound on a held-out tenth of the dictionary: {letters_phone_error_without_stress} % of phones wrong
without stress, {letters_phone_error} % with it; {letters_word_error} % of words.

## How it sounds

Like the statistical synthesisers that it learned from, heard through a vocoder: words are clear, vowels
smooth and a little buzzy, `rms` somewhat hoarse above 5 kHz; nobody would take it for a recording. Feeling is
in pitch, pace, pauses, breaths, level, brightness and voice quality. There is no laughter and no sobbing, and
extremes are held back where they would cost words. This was judged from spectrograms, measurements and a
speech recogniser, not by listeners.

## Limits

- English in two American voices; names and unknown words are guessed by letter-to-sound.
- Requested valence is an inversion of published rules: listeners hear arousal well in such speech, valence
  hardly (Laukka et al. 2005; Schröder 2006). Nobody has rated these voices.
- Dominance is taken and ignored by the rules.
- A recording is taken for neutral. Music, noise and several speakers are moved along, and sound it.
- Anyone's voice can be handed in: ask whose it is. Each file says that it was generated.
"""
