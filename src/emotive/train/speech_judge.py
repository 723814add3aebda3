"""The recipe of the learned speech judge: readings -> takes as training goes -> network -> spread -> card.

    emotive train speech-judge -o runs/speech-judge --minutes 20

Never heard: the voices that Emotive speaks with, the sentences that its evaluation uses, and
`HELD_OUT_VOICE`, which scores it. The last of each training voice's sentences are kept from the weights too,
and set the two factors that scale the spread.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from emotive.data.readings import Speaker, make_readings
from emotive.data.sentences import judge_sentence
from emotive.devices import choose_device, choose_dtype
from emotive.models.speech_judge import SpeechJudgeNetwork
from emotive.perceive.voice import SPEECH_JUDGE, SpeechJudge
from emotive.weights import write_sums

from .loop import Average, train
from .regression_losses import beta_nll, ccc_loss, pair_loss
from .speech_judge_card import write_card
from .speech_takes import JUDGE_RATE, SpeechBatch, Takes, channel

JUDGE_VOICES = ("awb", "kal")  # what it learns from
HELD_OUT_VOICE = "ked"
HELD_OUT = 0.15  # of each voice's sentences
LIKELIHOOD, PAIRS = 0.5, 0.5  # weights beside the concordance


def split(speaker: Speaker) -> tuple[Speaker, Speaker]:
    """A speaker's sentences to learn from, and the last 15 % of them, held out."""
    first = len(speaker.readings) - max(1, round(HELD_OUT * len(speaker.readings)))
    return tuple(replace(speaker, readings=r) for r in (speaker.readings[:first], speaker.readings[first:]))  # type: ignore[return-value]


def train_speech_judge(
    output: Path,
    minutes: float = 20.0,
    seed: int = 0,
    device: str | None = None,
    readings: Path | None = None,
    sentences: int = 600,
    takes: int = 1200,
    batch_size: int = 32,
    report: Callable[[str], None] = print,
    spell: Any = None,
    **config: Any,
) -> Path:
    """Trains, calibrates and measures the judge; returns its folder `output/emotive-speech-judge-1`.

    Args:
        output: folder for the state and the model; an interrupted run goes on from it.
        minutes: training time; readings, first takes and measuring take about ten minutes more.
        seed: of weights, takes and batches.
        readings: folder of the voices' readings, `output/readings` unless given; made if they are missing,
            which needs flite and festival.
        sentences: how many each voice reads.
        takes: how many are kept in memory, about 100 kB each; a sixteenth of every batch is new.
        spell: letters to sounds, for words that are not in the dictionary; see `data.voices.read`.
        config: of the network.
    """
    place = choose_device(device)
    dtype, reason = choose_dtype(place)
    report(f"training on {place.type}, {reason}")
    folder = readings or output / "readings"
    folder.mkdir(parents=True, exist_ok=True)
    output.mkdir(parents=True, exist_ok=True)
    speakers = [
        Speaker.open(make_readings(folder, voice, sentences, seed, spell, report, judge_sentence))
        for voice in (*JUDGE_VOICES, HELD_OUT_VOICE)
    ]
    known, unread = zip(*(split(speaker) for speaker in speakers[:-1]), strict=True)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network: Any = SpeechJudgeNetwork(**config)
    network = network.to(place)
    state_file = output / "judge.pt"
    # A run that goes on hears new takes, not those of its beginning again.
    done = torch.load(state_file, weights_only=True, mmap=True)["step"] if state_file.exists() else 0
    report(f"recording {takes} takes")
    pool = Takes(known, takes, seed + done)
    generator = torch.Generator().manual_seed(seed + done)

    def autocast() -> AbstractContextManager:
        return torch.autocast(place.type, dtype=dtype, enabled=dtype != torch.float32)

    def loss(batch: SpeechBatch) -> Tensor:
        with torch.no_grad():
            power = channel(network.power(batch.waveforms.to(place)), generator)
        with autocast():
            mean, log_sd = network.read(power)
        affect = batch.affect.to(place)
        likelihood = beta_nll(mean, log_sd, affect)
        return ccc_loss(mean, affect) + LIKELIHOOD * likelihood + PAIRS * pair_loss(mean, affect)

    average = train(
        network,
        pool.batches(batch_size, seed + done),
        loss,
        minutes,
        state_file,
        other_rate=2e-3,
        average=Average(network, decay=0.998),
        report=report,
        label="judge",
    )
    judge = average.model.to("cpu", torch.bfloat16).float()  # as it will be stored
    judge.register_to_config(spread=calibrated_spread(judge, unread, seed), _name_or_path="")
    folder = output / SPEECH_JUDGE
    judge.to(torch.bfloat16).save_pretrained(folder)
    for file in folder.glob("*.safetensors"):
        file.chmod(0o644)
    write_sums(folder)
    state = torch.load(state_file, weights_only=True, mmap=True)
    report("measuring the finished judge")
    write_card(folder, SpeechJudge.from_pretrained(folder), minutes, seed, state, known, unread, speakers[-1])
    return folder


def calibrated_spread(
    network: SpeechJudgeNetwork, speakers: tuple[Speaker, ...], seed: int, count: int = 400
) -> tuple[float, float]:
    """Factors for the two standard deviations that make squared errors, in units of their own variance, 1 on
    average, over disguised takes of sentences that the weights never met."""
    takes = Takes(speakers, count, seed + 1)
    found = SpeechJudge(network).estimate([(w, JUDGE_RATE) for w in takes.waveforms])
    factors = [
        float(np.sqrt(np.mean(((mean - wanted) / sd) ** 2)))
        for mean, wanted, sd in (
            (found.valence, takes.affect[:, 0], found.valence_sd),
            (found.arousal, takes.affect[:, 1], found.arousal_sd),
        )
    ]
    return factors[0], factors[1]
