"""The recipe of the embedded gestures: readings -> clips -> denoiser -> card.

    emotive train gesture --minutes 70 -o runs/gesture

Synthesisers read sentences and clips are recorded from them once (about ten minutes on a core); the teacher's
performances are made as training runs. The same command goes on where it stopped. `--init NAME|DIR` starts
from the weights of a finished model, `--data FOLDER` adds motion capture: BEAT, BEAT2, ZeroEGGS.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from diffusers import __version__ as diffusers_version
from diffusers.schedulers.scheduling_flow_match_euler_discrete import FlowMatchEulerDiscreteScheduler

from emotive.data.talk import talk
from emotive.devices import choose_device, choose_dtype
from emotive.errors import InputError, WeightsError
from emotive.media import write_whole
from emotive.models.affect_embedding import AffectEmbedding
from emotive.models.gesture_denoiser import GestureDenoiser
from emotive.weights import resolve, verify, write_sums

from .clips import Clip, record
from .gesture_card import finish
from .gesture_data import Scene, batches, filmed_scene, performances
from .gesture_footage import open_motion_data
from .gesture_losses import gesture_loss, scales
from .loop import Average, on_device, train

NAME = "emotive-gesture-1"
SHARE = 0.5  # of what is learned that is motion capture, if there is any
SAVED_EVERY = 5 * 60  # s


def train_gesture(
    output: Path,
    minutes: float = 70.0,
    device: str | None = None,
    init: str | None = None,
    seed: int = 0,
    clips: int = 3000,
    batch_size: int = 16,
    data: Path | None = None,
    share: float = SHARE,
    report: Callable[[str], None] = print,
) -> Path:
    """Trains the motion of bodies and returns the folder of the finished model, `output/emotive-gesture-1`.

    Args:
        output: folder for readings, clips and state; an interrupted run goes on from it.
        minutes: of training; readings and clips come on top.
        device: "cpu" or "cuda"; None takes the best one.
        init: an embedded model or a folder to start from.
        seed: of weights, batches and clips.
        clips: recorded for training, eight seconds each.
        data: a folder of BEAT, BEAT2 or ZeroEGGS.
        share: of what is learned that is that motion, in (0, 1].

    Raises:
        InputError: flite, festival or espeakng-loader is not installed; nothing in `data` can be used; a
            share outside (0, 1].
    """
    if not 0 < share <= 1:
        raise InputError(f"the share of motion capture lies above 0 and is at most 1, not {share}")
    place = choose_device(device)
    output.mkdir(parents=True, exist_ok=True)
    source = resolve(init) if init else None
    if source:
        verify(source)
    affect = AffectEmbedding.from_pretrained(resolve("emotive-affect-1"), low_cpu_mem_usage=False)
    affect = affect.eval().requires_grad_(False)
    takes = open_motion_data(data, output / "motion", report) if data else []
    filmed = [filmed_scene(take) for take in takes]
    heard, held_out = record(output, clips, seed, report, talk)
    denoiser = train_denoiser(
        output, heard, affect, minutes, place, source, batch_size, seed, report, filmed, share
    )
    folder = save(output, affect, denoiser)
    report("measuring the finished model")
    command = f"emotive train gesture --minutes {minutes:g} --seed {seed}"
    command += f" --init {init}" if init else ""
    command += " --data FOLDER" if data else ""  # where it lies is nobody's business
    command += f" --share {share:g}" if data and share != SHARE else ""
    state = torch.load(output / "gesture.pt", weights_only=True, mmap=True)
    machine = torch.cuda.get_device_name() if place.type == "cuda" else f"{torch.get_num_threads()} CPU cores"
    how = choose_dtype(place)[1].split(":")[0]
    history = f"{state['samples']:,} windows of eight seconds in {state['spent'] / 60:.0f} minutes"
    finish(folder, held_out, len(heard), command, f"{history} on {machine}, {how}", len(filmed), report)
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
    filmed: Sequence[Scene] = (),
    share: float = SHARE,
    **config: Any,
) -> GestureDenoiser:
    """The denoiser; returns the averaged weights. `config` changes its size; `share` of what it learns from
    is `filmed`, if there is any."""
    dtype, reason = choose_dtype(device)
    report(f"training on {device.type}, {reason}")

    def autocast() -> torch.autocast:
        return torch.autocast(device.type, dtype=dtype, enabled=dtype != torch.float32)

    torch.manual_seed(seed)
    if init is None:
        denoiser = GestureDenoiser(affect_sha256=affect.fingerprint(), **config)
        for name, value in scales([*performances(clips, 250, seed), *filmed]).items():
            getattr(denoiser, name).copy_(value)
    else:
        denoiser = GestureDenoiser.from_pretrained(init / "denoiser", low_cpu_mem_usage=False)
        if denoiser.config["affect_sha256"] != affect.fingerprint():
            raise WeightsError(f"{init} was trained with another affect embedding")
    denoiser = on_device(device, denoiser.float())
    affect = on_device(device, affect)
    saved = time.monotonic()

    def on_save(average: Average[GestureDenoiser]) -> None:
        nonlocal saved
        if time.monotonic() - saved > SAVED_EVERY:
            save(output, affect, average.model)
            saved = time.monotonic()

    return train(
        denoiser,
        batches(clips, batch_size, seed, filmed, share),
        lambda batch: gesture_loss(denoiser, affect, batch.to(device), autocast),
        minutes,
        output / "gesture.pt",
        report=report,
        on_save=on_save,
        label="gesture",
    ).model


def save(output: Path, affect: AffectEmbedding, denoiser: GestureDenoiser) -> Path:
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
        "_class_name": "EmotiveGesturePipeline",
        "_diffusers_version": diffusers_version,
        "affect_embedding": ["emotive.models.affect_embedding", "AffectEmbedding"],
        "denoiser": ["emotive.models.gesture_denoiser", "GestureDenoiser"],
        "scheduler": ["diffusers", "FlowMatchEulerDiscreteScheduler"],
    }
    write_whole(folder / "model_index.json", (json.dumps(index, indent=2) + "\n").encode())
    for file in folder.rglob("*.safetensors"):
        file.chmod(0o644)
    write_sums(folder)
    return folder
