"""The recipe of the embedded image model: teacher -> decoder -> denoiser -> student -> card.

    emotive train image --minutes 150 -o runs/image

Painters fill a reservoir of pictures in the background while the networks learn from it. Every stage keeps
its state in the output folder: the same command goes on where it stopped. `--init NAME|DIR` starts from the
weights of a finished model instead of from nothing.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
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
from emotive.errors import WeightsError
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
from .image_losses import SHIFT, Batch, Generator, decoder_loss, flow_loss, guided_velocity, student_loss
from .loop import Average, Network, train

FEW_STEPS = (1, 2, 4, 8)
SHARES = {"decoder": 0.03, "denoiser": 0.75, "student": 0.16, "polish": 0.06}


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
    report: Callable[[str], None] = print,
) -> Path:
    """Trains the image model and returns the folder of the finished pipeline, `output/emotive-image-1`.

    Args:
        output: folder for data, states and sheets; an interrupted run goes on from it.
        minutes: training time in all, shared among the stages as SHARES says.
        device: "cpu" or "cuda"; None takes the best one.
        init: an embedded model or a folder to start from.
        seed: of weights, batches and pictures.
        painters: background processes that paint training data.
        capacity: pictures in the reservoir (12 kB each).
        compile: torch.compile the networks: a quarter faster and more; needs a C++ compiler on a CPU.
    """
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
    _fill(data, min(capacity, max(256, capacity // 5)), painters, seed, report)
    data.start(painters, seed)
    try:
        generator, decoder = _on(place, Generator(encoder, denoiser, affect)), _on(place, decoder)
        null_ids = encoder.null(1).to(place)

        def stage(
            name: str, model: Network, feed: Iterator, loss: Callable[..., Tensor], **options
        ) -> Average[Network]:
            share, state_file = minutes * SHARES[name], output / f"{name}.pt"
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
        sheet.write(teacher, "teacher")
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
        softer = polish_batches(large, student.model, sharp.model, 8, place, seed, autocast)
        polished = stage("polish", decoder, softer, sharpness, other_rate=5e-4)
        sheet.decoder = polished.model
        sheet.write(student, "student")
        data.stop()
        folder = _save(output, student.model, polished.model, affect)
        command = f"emotive train image --minutes {minutes:g} --seed {seed} --batch-size {batch_size}"
        command += " --compile" * compile + (f" --init {init}" if init else "")
        _measure(folder, data, command, _history(output, place, dtype), minutes, report)
        return folder
    finally:
        data.stop()


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
            self.write(average, time.strftime("%H%M%S"))
            self.written = time.monotonic()

    @torch.no_grad()
    def write(self, average: Average[Generator], name: str) -> None:
        """24 scenes, half of them never seen in training, from the guided flow in 16 steps."""
        from PIL import Image

        rng = random.Random(self.seed)
        scenes = [replace(random_scene(rng), subject=subject) for subject in SUBJECTS]
        scenes += [random_scene(rng, reserved=True) for _ in range(12)]
        affects = [Affect(rng.uniform(-1, 1), rng.uniform(-1, 1)) for _ in scenes]
        model = average.model
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
