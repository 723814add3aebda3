"""The recipe of the embedded talking head: readings -> clips -> denoiser -> card.

    emotive train head --minutes 50 -o runs/head

Synthesisers read sentences and clips are recorded from them once (about ten minutes on a core); the teacher's
performances are made as training runs. The same command goes on where it stopped. `--init NAME|DIR` starts
from the weights of a finished model, `--data CLIPS` adds own footage of people who agreed to it.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers import __version__ as diffusers_version
from diffusers.schedulers.scheduling_flow_match_euler_discrete import FlowMatchEulerDiscreteScheduler

from emotive.devices import choose_device, choose_dtype
from emotive.errors import InputError, WeightsError
from emotive.media import write_whole
from emotive.models.affect_embedding import AffectEmbedding
from emotive.models.face_denoiser import FaceDenoiser
from emotive.weights import resolve, verify, write_sums

from .clips import Clip, record
from .head_card import VisemeReader, learned_from, measure, silence, write_card
from .head_data import batches, performances
from .head_footage import SHARE, mixed_batches, open_footage
from .head_losses import channel_weights, head_loss, linear_basis
from .loop import Average, on_device, train

NAME = "emotive-head-1"
SAVED_EVERY = 5 * 60  # s


def train_head(
    output: Path,
    minutes: float = 50.0,
    device: str | None = None,
    init: str | None = None,
    seed: int = 0,
    clips: int = 3000,
    batch_size: int = 16,
    data: Path | None = None,
    share: float = SHARE,
    report: Callable[[str], None] = print,
) -> Path:
    """Trains the motion of faces and returns the folder of the finished model, `output/emotive-head-1`.

    Args:
        output: folder for readings, clips and state; an interrupted run goes on from it.
        minutes: of training; readings and clips come on top.
        device: "cpu" or "cuda"; None takes the best one.
        init: an embedded model or a folder to start from.
        seed: of weights, batches and clips.
        clips: recorded for training, eight seconds each.
        data: a folder of own video clips of faces, of people who agreed to it, see `head_footage`.
        share: of what is learned that is those clips', in (0, 1].

    Raises:
        InputError: flite, festival or espeakng-loader is not installed; no clip in `data` can be used; a
            share outside (0, 1].
        WeightsError: `data` is given and the landmark network was not fetched.
    """
    if not 0 < share <= 1:
        raise InputError(f"the share of own clips lies above 0 and is at most 1, not {share}")
    place = choose_device(device)
    output.mkdir(parents=True, exist_ok=True)
    source = resolve(init) if init else None
    if source:
        verify(source)
    affect = AffectEmbedding.from_pretrained(resolve("emotive-affect-1"), low_cpu_mem_usage=False)
    affect = affect.eval().requires_grad_(False)
    footage = open_footage(data, output / "footage", report) if data else []
    heard, held_out = record(output, clips, seed, report)
    denoiser = train_denoiser(
        output, heard, affect, minutes, place, source, batch_size, seed, report, footage, share
    )
    folder = save(output, affect, denoiser)
    report("measuring the finished model")
    command = f"emotive train head --minutes {minutes:g} --seed {seed}" + (f" --init {init}" if init else "")
    command += " --data CLIPS" if data else ""  # whose they are is nobody's business
    command += f" --share {share:g}" if data and share != SHARE else ""
    state = torch.load(output / "head.pt", weights_only=True, mmap=True)
    machine = torch.cuda.get_device_name() if place.type == "cuda" else f"{torch.get_num_threads()} CPU cores"
    how = choose_dtype(place)[1].split(":")[0]
    history = f"{state['samples']:,} windows of four seconds in {state['spent'] / 60:.0f} minutes"
    finish(folder, heard, held_out, command, f"{history} on {machine}, {how}", footage, share)
    return folder


def train_denoiser(
    output: Path,
    clips: Sequence[Clip],
    affect: AffectEmbedding,
    minutes: float,
    device: torch.device,
    init: Path | None = None,
    batch_size: int = 16,
    seed: int = 0,
    report: Callable[[str], None] = print,
    footage: Sequence[Clip] = (),
    share: float = SHARE,
    **config: Any,
) -> FaceDenoiser:
    """The denoiser; returns the averaged weights. `config` changes its size; `share` of what it learns from
    is footage, if there is any."""
    dtype, reason = choose_dtype(device)
    report(f"training on {device.type}, {reason}")

    def autocast() -> torch.autocast:
        return torch.autocast(device.type, dtype=dtype, enabled=dtype != torch.float32)

    torch.manual_seed(seed)
    shown = performances([*clips, *footage], 250, seed)
    if init is None:
        denoiser = FaceDenoiser(affect_sha256=affect.fingerprint(), **config)
        for name, value in linear_basis(shown, denoiser.latents).items():
            getattr(denoiser, name).copy_(value)
    else:
        denoiser = FaceDenoiser.from_pretrained(init / "denoiser", low_cpu_mem_usage=False)
        if denoiser.config["affect_sha256"] != affect.fingerprint():
            raise WeightsError(f"{init} was trained with another affect embedding")
    denoiser = on_device(device, denoiser.float())
    affect = on_device(device, affect)
    variance = torch.from_numpy(np.concatenate([t.weights for t in shown])).var(0)
    scale = float((variance * channel_weights()).sum())
    saved = time.monotonic()

    def on_save(average: Average[FaceDenoiser]) -> None:
        nonlocal saved
        if time.monotonic() - saved > SAVED_EVERY:
            save(output, affect, average.model)
            saved = time.monotonic()

    shuffled = batches(clips, batch_size, seed)
    if footage:
        shuffled = mixed_batches(clips, footage, batch_size, seed, share)
    return train(
        denoiser,
        shuffled,
        lambda batch: head_loss(denoiser, affect, batch.to(device), autocast, scale),
        minutes,
        output / "head.pt",
        report=report,
        on_save=on_save,
        label="head",
    ).model


def save(output: Path, affect: AffectEmbedding, denoiser: FaceDenoiser) -> Path:
    """Writes the parts of the pipeline as bf16 safetensors."""
    folder = output / NAME
    parts = {"affect_embedding": affect, "denoiser": denoiser}
    for name, network in parts.items():
        network.register_to_config(_name_or_path="")  # not where they lay on this machine
        copy = type(network).from_config(network.config)
        copy.load_state_dict(network.state_dict())
        copy.to(torch.bfloat16).save_pretrained(folder / name)
    FlowMatchEulerDiscreteScheduler(shift=1.0).save_pretrained(folder / "scheduler")
    index = {
        "_class_name": "EmotiveTalkingHeadPipeline",
        "_diffusers_version": diffusers_version,
        "affect_embedding": ["emotive.models.affect_embedding", "AffectEmbedding"],
        "denoiser": ["emotive.models.face_denoiser", "FaceDenoiser"],
        "scheduler": ["diffusers", "FlowMatchEulerDiscreteScheduler"],
    }
    write_whole(folder / "model_index.json", (json.dumps(index, indent=2) + "\n").encode())
    for file in folder.rglob("*.safetensors"):
        file.chmod(0o644)
    write_sums(folder)
    return folder


def finish(
    folder: Path,
    clips: Sequence[Clip],
    held_out: dict[str, list[Clip]],
    command: str,
    history: str,
    footage: Sequence[Clip] = (),
    share: float = SHARE,
) -> None:
    """Measures the model in `folder` on voices that it never heard, and writes its card."""
    affect = AffectEmbedding.from_pretrained(folder / "affect_embedding", low_cpu_mem_usage=False)
    denoiser = FaceDenoiser.from_pretrained(folder / "denoiser", low_cpu_mem_usage=False).float().eval()
    reader = VisemeReader(clips[:240])
    rows = measure(denoiser, affect, held_out, reader)
    size = sum(f.stat().st_size for f in folder.rglob("*.safetensors")) / 1e6
    facts = {
        "name": folder.name,
        "denoiser": f"{sum(p.numel() for p in denoiser.parameters()) / 1e6:.2f}M parameters",
        "affect": affect.fingerprint()[:12],
        "bytes": f"{size:.1f} MB",
        "command": command,
        "clips": f"{len(clips):,}",
        "history": history,
        "learned": learned_from(footage, share),
        "manner": "its rules and of the faces in its footage" if footage else "its rules, not of a person",
    }
    write_card(folder, rows, silence(denoiser, affect), facts)
    write_sums(folder)
