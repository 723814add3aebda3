"""The recipe of the embedded image model: teacher -> decoder -> denoiser -> student -> one step -> card.

    emotive train image --minutes 150 -o runs/image

Painters fill a reservoir of pictures in the background while the networks learn from it. Every stage keeps
its state in the output folder: the same command goes on where it stopped. `--init NAME|DIR` starts from the
weights of a finished model instead of from nothing; then some stages alone may do:

    emotive train image --init emotive-image-1 --stages distil,polish --minutes 60 -o runs/few-steps
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers.schedulers.scheduling_flow_match_euler_discrete import FlowMatchEulerDiscreteScheduler
from torch import Tensor, nn

from emotive.affect import Affect
from emotive.data.scenes import FUNCTION_WORDS, LEXICON, SUBJECTS, caption, random_scene
from emotive.devices import choose_device, choose_dtype
from emotive.errors import InputError, WeightsError
from emotive.models.affect_embedding import AffectEmbedding
from emotive.models.image_decoder import ImageDecoder
from emotive.models.image_denoiser import ImageDenoiser
from emotive.models.text_encoder import SceneTextEncoder
from emotive.pipelines.image import EmotiveImagePipeline
from emotive.sampling.flow import flow_sigmas, sample
from emotive.weights import resolve, verify, write_sums

from .image_batches import batches, decoder_batches, polish_batches
from .image_card import facts_of, fit_estimator, measure, write_card
from .image_data import Reservoir
from .image_distil import PAINTINGS, distil_batches, distil_loss
from .image_likeness import Features
from .image_losses import SHIFT, Batch, Generator, decoder_loss, flow_loss, guided_velocity, student_loss
from .image_paths import Paths
from .loop import Average, Network, train

FEW_STEPS = (1, 2, 4, 8)
SHARES = {"decoder": 0.03, "denoiser": 0.60, "student": 0.13, "distil": 0.20, "polish": 0.04}
PATHS = 4096  # kept on disk, 220 kB each


def train_image(
    output: Path,
    minutes: float = 150.0,
    device: str | None = None,
    init: str | None = None,
    seed: int = 0,
    painters: int = 1,
    capacity: int = 100_000,
    batch_size: int = 64,
    compile: bool = False,
    stages: Sequence[str] = tuple(SHARES),
    report: Callable[[str], None] = print,
) -> Path:
    """Trains the image model and returns the folder of the finished pipeline, `output/emotive-image-1`.

    Args:
        output: folder for data, states and sheets; an interrupted run goes on from it.
        minutes: training time in all, shared among the stages as SHARES says; painting and paths come on top.
        device: "cpu" or "cuda"; None takes the best one.
        init: an embedded model or a folder to start from.
        seed: of weights, batches and pictures.
        painters: background processes that paint training data.
        capacity: pictures in the reservoir (12 kB each).
        compile: torch.compile the networks: a quarter faster and more; needs a C++ compiler on a CPU.
        stages: which of SHARES to do; with fewer than all of them, `init` has what the others would make.

    Raises InputError for stages that are none, or for some of them without `init`.
    """
    check_stages(stages, init)
    place = choose_device(device)
    dtype, reason = choose_dtype(place)
    report(f"training on {place.type}, {reason}")

    def autocast() -> torch.autocast:
        return torch.autocast(place.type, dtype=dtype, enabled=dtype != torch.float32)

    torch.manual_seed(seed)
    affect = AffectEmbedding.from_pretrained(resolve("emotive-affect-1")).eval().requires_grad_(False)
    if init:
        source = resolve(init)
        verify(source)
        denoiser = ImageDenoiser.from_pretrained(source / "denoiser")
        if (known := denoiser.config["affect_sha256"]) != affect.fingerprint():
            raise WeightsError(
                f"{init} was trained with the affect embedding {known[:12]}, and cannot go on with "
                f"{affect.fingerprint()[:12]}"
            )
        encoder = _grown(SceneTextEncoder.from_pretrained(source / "text_encoder"), new_text_encoder())
        decoder = ImageDecoder.from_pretrained(source / "decoder")
    else:
        encoder = new_text_encoder()
        denoiser = ImageDenoiser(affect_sha256=affect.fingerprint())
        decoder = ImageDecoder()
    output.mkdir(parents=True, exist_ok=True)
    data = Reservoir(output / "data", capacity)
    large = Reservoir(output / "large", capacity=max(64, capacity // 66), size=512, paint_size=512)
    affect = _on(place, affect)
    _fill(large, large.capacity, painters, seed + 1, report)
    paints_on = "denoiser" in stages or "student" in stages  # while the networks learn
    wanted = min(capacity, max(256, capacity // 5)) if paints_on else capacity
    _fill(data, wanted, painters, seed, report)
    if paints_on:
        data.start(painters, seed)
    try:
        generator, decoder = _on(place, Generator(encoder, denoiser, affect)), _on(place, decoder)
        null_ids = encoder.null(1).to(place)

        def stage(
            name: str, model: Network, feed: Iterator, loss: Callable[..., Tensor], **options
        ) -> Average[Network]:
            if name not in stages:
                return options.get("average") or Average(model)
            share = minutes * SHARES[name] / sum(SHARES[stage] for stage in stages)
            state_file = output / f"{name}.pt"
            return train(model, feed, loss, share, state_file, report=report, label=name, **options)

        def sharpness(pair: tuple[Tensor, Tensor]) -> Tensor:
            small, large = pair
            return decoder_loss(decoder, small, large, autocast)

        sharp = stage("decoder", decoder, decoder_batches(large, 8, place, seed), sharpness, other_rate=1e-3)
        decoder.load_state_dict(sharp.model.state_dict())
        sheet = _SheetWriter(output, decoder, autocast, place, seed)
        learner = torch.compile(generator, dynamic=False) if compile else generator
        teacher = stage(
            "denoiser",
            generator,
            batches(data, encoder, batch_size, place, seed),
            lambda b: flow_loss(learner, b, autocast),
            on_save=sheet,
        )
        if "denoiser" in stages:
            sheet.write(teacher.model, "teacher")
        generator.load_state_dict(teacher.model.state_dict())
        average, limits = Average(generator), denoiser.config["guidance_limits"]
        student = stage(
            "student",
            generator,
            batches(data, encoder, batch_size, place, seed + 1),
            lambda b: student_loss(learner, teacher.model, average.model, b, null_ids, limits, autocast),
            matrix_rate=5e-4,
            other_rate=2.5e-4,
            average=average,
        )
        few = student.model
        if "distil" in stages:
            generator.load_state_dict(few.state_dict())
            paths = Paths(output / "paths", min(PATHS, capacity), few, place, autocast)
            paths.fill(seed, report)
            some, features = max(1, int(PAINTINGS * batch_size)), Features(few)
            look = torch.compile(features, dynamic=False) if compile else features
            walked = paths.batches(batch_size - some, seed)
            painted = batches(data, encoder, some, place, seed + 2)
            few = stage(
                "distil",
                generator,
                distil_batches(walked, painted),
                lambda b: distil_loss(learner, look, b, autocast),
                matrix_rate=5e-4,
                other_rate=2.5e-4,
            ).model
        softer = polish_batches(large, few, sharp.model, 8, place, seed, autocast)
        polished = stage("polish", decoder, softer, sharpness, other_rate=5e-4)
        sheet.decoder = polished.model
        sheet.write(few, "student")
        data.stop()
        folder = _save(output, few, polished.model, affect)
        command = f"emotive train image --minutes {minutes:g} --seed {seed} --batch-size {batch_size}"
        command += " --compile" * compile + (f" --init {init}" if init else "")
        command += f" --stages {','.join(stages)}" * (tuple(stages) != tuple(SHARES))
        _measure(folder, data, command, _history(output, place, dtype), minutes, report)
        return folder
    finally:
        data.stop()


def check_stages(stages: Sequence[str], init: str | None) -> None:
    """Raises InputError unless `stages` are some of SHARES, and all of them where there is no `init`."""
    unknown = [name for name in stages if name not in SHARES]
    if unknown or not stages:
        raise InputError(f"stages must be some of {', '.join(SHARES)}, not {', '.join(unknown) or 'none'}")
    missing = [name for name in SHARES if name not in stages]
    if missing and not init:
        raise InputError(f"without the stage {missing[0]} there must be a model to start from: give --init")


def new_text_encoder(dim: int = 256) -> SceneTextEncoder:
    """An untrained encoder over the painter's lexicon."""
    vocabulary = {kind: {name: list(words) for name, words in of.items()} for kind, of in LEXICON.items()}
    return SceneTextEncoder(vocabulary, list(FUNCTION_WORDS), dim)


def _on(place: torch.device, module: Network) -> Network:
    """`module`, moved there and laid out for convolutions; in words that the type checker follows."""
    moving: Any = module
    return moving.to(place, memory_format=torch.channels_last)


@torch.no_grad()
def _grown(old: SceneTextEncoder, new: SceneTextEncoder) -> SceneTextEncoder:
    """`new` with all that `old` knows: words that both have keep their vectors."""
    weights = old.state_dict()
    rows = new.embedding.weight.clone()
    rows[: len(old.kinds)] = old.embedding.weight[: len(old.kinds)]
    for word, (_, i) in new.ids.items():
        if word in old.ids:
            rows[i] = old.embedding.weight[old.ids[word][1]]
    new.load_state_dict({**weights, "embedding.weight": rows})
    return new


def _fill(reservoir: Reservoir, wanted: int, painters: int, seed: int, report: Callable[[str], None]) -> None:
    if int(reservoir.filled.sum()) >= wanted:
        return
    reservoir.start(painters, seed)
    while (done := int(reservoir.filled.sum())) < wanted:
        report(f"painting: {done} of {wanted} pictures")
        time.sleep(5)
    reservoir.stop()


class _SheetWriter:
    """Writes samples for the eye every ten minutes: numbers saturate long before shapes are crisp."""

    def __init__(self, output: Path, decoder: nn.Module, autocast: Callable, device: torch.device, seed: int):
        self.output, self.decoder, self.autocast = output, decoder, autocast
        self.device, self.seed = device, seed
        self.written = time.monotonic()

    def __call__(self, average: Average[Generator]) -> None:
        if time.monotonic() - self.written > 600:
            self.write(average.model, time.strftime("%H%M%S"))
            self.written = time.monotonic()

    @torch.no_grad()
    def write(self, model: Generator, name: str) -> None:
        """24 scenes, half of them never seen in training, from the guided flow in 16 steps."""
        from PIL import Image

        rng = random.Random(self.seed)
        scenes = [replace(random_scene(rng), subject=subject) for subject in SUBJECTS]
        scenes += [random_scene(rng, reserved=True) for _ in range(12)]
        affects = [Affect(rng.uniform(-1, 1), rng.uniform(-1, 1)) for _ in scenes]
        ids = model.text_encoder.tokenize([caption(s, rng) for s in scenes]).to(self.device)
        va = torch.from_numpy(np.stack([a.as_array() for a in affects])).to(self.device)
        never = torch.zeros(len(scenes), dtype=torch.bool, device=self.device)
        noise = torch.Generator().manual_seed(self.seed)
        x = torch.randn(len(scenes), 3, 64, 64, generator=noise).to(self.device)
        null_ids = model.text_encoder.null(1).to(self.device)
        guidance = torch.tensor([[2.0, 1.5]], device=self.device).expand(len(x), 2)
        with self.autocast():
            u = guided_velocity(model, Batch(x, ids, va, never), null_ids, guidance)
            small = sample(u, x, flow_sigmas(16, SHIFT))
            large = torch.cat([self.decoder(s[None]) for s in small]).float()
        pixels = ((large[:, :, ::2, ::2].clamp(-1, 1) + 1) * 127.5).round().byte()
        pixels = pixels.permute(0, 2, 3, 1).cpu().numpy()
        rows = [np.concatenate(list(pixels[i : i + 6]), 1) for i in range(0, 24, 6)]
        Image.fromarray(np.concatenate(rows)).save(self.output / f"sheet-{name}.png")


def _save(output: Path, generator: Generator, decoder: ImageDecoder, affect: AffectEmbedding) -> Path:
    """Writes the pipeline as bf16 safetensors of at most 10 MB."""
    generator.denoiser.register_to_config(few_steps=FEW_STEPS)
    scheduler = FlowMatchEulerDiscreteScheduler(shift=SHIFT)
    pipe = EmotiveImagePipeline(generator.text_encoder, affect, generator.denoiser, decoder, scheduler)
    for network in (generator.text_encoder, affect, generator.denoiser, decoder):
        network.register_to_config(_name_or_path="")  # not where they lay on this machine
    folder = output / "emotive-image-1"
    pipe.to("cpu", torch.bfloat16).save_pretrained(folder, max_shard_size="10MB")
    for file in folder.rglob("*.safetensors"):
        file.chmod(0o644)
    write_sums(folder)
    return folder


def _history(output: Path, place: torch.device, dtype: torch.dtype) -> str:
    """What each stage took, from its state file."""
    stages = []
    for name in SHARES:
        if not (output / f"{name}.pt").exists():
            continue
        state = torch.load(output / f"{name}.pt", weights_only=True, mmap=True)
        stages.append(f"{name} {state['samples']:,} samples in {state['spent'] / 60:.0f} minutes")
    machine = torch.cuda.get_device_name() if place.type == "cuda" else f"{torch.get_num_threads()} CPU cores"
    return f"{'; '.join(stages)}; on {machine}, {str(dtype).removeprefix('torch.')} autocast"


def _measure(
    folder: Path, data: Reservoir, command: str, history: str, minutes: float, report: Callable
) -> None:
    """Reads the finished model with an estimator and writes the card."""
    pipe = EmotiveImagePipeline.from_pretrained(folder, dtype=torch.bfloat16)
    pipe.set_progress_bar_config(disable=True)
    estimator = fit_estimator(data, min(3.0, 0.05 * minutes), 0, report)
    report("measuring the finished model")
    write_card(folder, measure(pipe, estimator), facts_of(pipe, folder, command, history))
