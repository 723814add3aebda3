"""The recipe of the embedded image model: teacher -> decoder -> denoiser -> student -> card.

    emotive train image --minutes 150 -o runs/image

Painters fill a reservoir of pictures in the background while the networks learn from it. Every stage keeps
its state in the output folder: the same command goes on where it stopped. `--init NAME|DIR` starts from the
weights of a finished model instead of from nothing.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from emotive.affect import Affect
from emotive.data.scenes import FUNCTION_WORDS, LEXICON, SUBJECTS, Scene, caption, random_scene
from emotive.models.affect_embedding import AffectEmbedding
from emotive.models.image_decoder import ImageDecoder
from emotive.models.image_denoiser import ImageDenoiser
from emotive.models.text_encoder import SceneTextEncoder
from emotive.sampling.flow import add_noise, euler_step, flow_sigmas, guide, sample, velocity

from .image_data import Reservoir, decode_scene
from .loop import Average, train

SHIFT = 2.0  # of the sampling schedule, see flow_sigmas
FEW_STEPS = (1, 2, 4, 8)
SHARES = {"decoder": 0.06, "denoiser": 0.70, "student": 0.17, "polish": 0.07}


class Batch(NamedTuple):
    """clean (B, 3, 64, 64) in [-1, 1]; ids (B, K); affect (B, 3); without_affect bool (B,)."""

    clean: Tensor
    ids: Tensor
    affect: Tensor
    without_affect: Tensor


class Generator(nn.Module):
    """Text encoder and denoiser, trained together; the affect embedding stays frozen outside."""

    def __init__(self, text_encoder: SceneTextEncoder, denoiser: ImageDenoiser, affect: AffectEmbedding):
        super().__init__()
        self.text_encoder, self.denoiser = text_encoder, denoiser
        self._affect = [affect]  # in a list: not a submodule

    def forward(self, x: Tensor, sigma: Tensor, sigma_next: Tensor, ids: Tensor, affect: Tensor, without_affect: Tensor, guidance: Tensor) -> Tensor:
        with torch.autocast(x.device.type, enabled=False):
            features = self._affect[0](affect)
        return self.denoiser(x, sigma, sigma_next, self.text_encoder(ids), features, without_affect, guidance).float()


def batches(reservoir: Reservoir, encoder: SceneTextEncoder, size: int, device: torch.device, seed: int) -> Iterator[Batch]:
    """Endless random batches: mirrored in half, captioned anew each time; conditions dropped for guidance."""
    rng, words = np.random.default_rng(seed), random.Random(seed)
    null = encoder.null(1)[0].tolist()
    known = np.flatnonzero(np.asarray(reservoir.filled))
    drawn = 0
    while True:
        drawn += 1
        if drawn % 200 == 0 and len(known) < reservoir.capacity:
            known = np.flatnonzero(np.asarray(reservoir.filled))
        rows = rng.choice(known, size)
        pixels = reservoir.pixels[rows]
        flip = rng.random(size) < 0.5
        pixels[flip] = pixels[flip, :, ::-1]
        clean = torch.from_numpy(pixels).to(device).permute(0, 3, 1, 2).float() / 127.5 - 1
        prompts = [caption(decode_scene(code), words) for code in reservoir.scene[rows]]
        ids = encoder.tokenize(prompts)
        ids[torch.from_numpy(rng.random(size) < 0.10)] = torch.tensor(null)
        affect = torch.from_numpy(reservoir.affect[rows])
        yield Batch(clean.contiguous(memory_format=torch.channels_last), ids.to(device), affect.to(device),
                    torch.from_numpy(rng.random(size) < 0.12).to(device))  # fmt: skip


def clean_loss(predicted: Tensor, clean: Tensor, sigma: Tensor) -> Tensor:
    """Squared error of x0, weighted 1 / (sigma^2 + 0.15): between x0 and velocity matching.

    Velocity's own weight 1 / sigma^2 spends the model on noise too faint to see, plain x0 on pure noise.
    """
    error = (predicted - clean).square().mean((1, 2, 3))
    return (error / (sigma.square() + 0.15)).mean()


def flow_loss(model: Callable[..., Tensor], batch: Batch, autocast: Callable) -> Tensor:
    """Plain flow matching on x0, sigma from a logit-normal that leans towards noise."""
    n = len(batch.clean)
    sigma = torch.sigmoid(torch.randn(n, device=batch.clean.device) * 1.1 + 0.9).clamp(0.01, 0.999)
    x = add_noise(batch.clean, torch.randn_like(batch.clean), sigma)
    with autocast():
        predicted = model(x, sigma, sigma, batch.ids, batch.affect, batch.without_affect, torch.ones(n, 2, device=x.device))
    return clean_loss(predicted, batch.clean, sigma)


def guided_velocity(model: Callable[..., Tensor], batch: Batch, null_ids: Tensor, guidance: Tensor) -> Callable[[Tensor, Tensor, Tensor], Tensor]:
    """The plain flow model under guidance, as a mean velocity (its three predictions in one batch)."""
    n = len(batch.clean)
    ids = torch.cat([null_ids.expand(n, -1).to(batch.ids), batch.ids, batch.ids])
    off = torch.cat([torch.ones(2 * n, dtype=torch.bool, device=ids.device), torch.zeros(n, dtype=torch.bool, device=ids.device)])

    def u(x: Tensor, sigma: Tensor, sigma_next: Tensor) -> Tensor:
        s, x3 = sigma.repeat(3), x.repeat(3, 1, 1, 1)
        clean = model(x3, s, s, ids, batch.affect.repeat(3, 1), off, guidance.repeat(3, 1))
        return velocity(x, guide(*clean.chunk(3), guidance), sigma)

    return u


def student_loss(model: Callable[..., Tensor], teacher: Callable[..., Tensor], batch: Batch,
                 null_ids: Tensor, limits: tuple[float, float], autocast: Callable) -> Tensor:  # fmt: skip
    """Shortcut distillation (Frans et al. 2024) of the guided teacher, on the schedule of 8 steps.

    Half of a batch learns steps: a step of 1/8 matches two guided half-steps of the teacher, a longer one two
    half-steps of the student's own. Guidance scales are drawn anew and given to the student. The
    other half goes on with plain flow.
    """
    n, device = len(batch.clean) // 2, batch.clean.device
    plain = flow_loss(model, Batch(*(t[n:] for t in batch)), autocast)
    b = Batch(*(t[:n] for t in batch))
    grid = flow_sigmas(16, SHIFT).to(device)
    length = 2 ** torch.multinomial(torch.tensor([0.4, 0.2, 0.2, 0.2]), 1).item()  # in eighths; one length per batch
    start = torch.randint(0, 8 // int(length), (n,), device=device) * 2 * int(length)
    sigma, middle, end = grid[start], grid[start + int(length)], grid[start + 2 * int(length)]
    guidance = 1 + torch.rand(n, 2, device=device) * (torch.tensor(limits, device=device) - 1)
    x = add_noise(b.clean, torch.randn_like(b.clean), sigma)
    never = torch.zeros(n, dtype=torch.bool, device=device)
    with torch.no_grad(), autocast():
        if length == 1:
            u = guided_velocity(teacher, b, null_ids, guidance)
        else:
            def u(y: Tensor, s: Tensor, t: Tensor) -> Tensor:
                return velocity(y, model(y, s, t, b.ids, b.affect, never, guidance), s)
        half = euler_step(x, u(x, sigma, middle), sigma, middle)
        whole = euler_step(half, u(half, middle, end), middle, end)
        mean = (x - whole) / (sigma - end).reshape(-1, 1, 1, 1)
        target = (x - sigma.reshape(-1, 1, 1, 1) * mean).clamp(-1.3, 1.3)
    with autocast():
        predicted = model(x, sigma, end, b.ids, b.affect, never, guidance)
    return 0.5 * plain + clean_loss(predicted, target, sigma)


def decoder_loss(decoder: nn.Module, small: Tensor, large: Tensor, autocast: Callable) -> Tensor:
    """L1 on pixels and on their differences: contours weigh as much as areas."""
    with autocast():
        drawn = decoder(small).float()
    rows = (drawn.diff(dim=2) - large.diff(dim=2)).abs().mean()
    columns = (drawn.diff(dim=3) - large.diff(dim=3)).abs().mean()
    return (drawn - large).abs().mean() + rows + columns


def decoder_batches(large: Reservoir, size: int, device: torch.device, seed: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Random crops: small (B, 3, 32, 32) and large (B, 3, 256, 256), in [-1, 1]."""
    rng = np.random.default_rng(seed)
    while True:
        rows = rng.choice(np.flatnonzero(np.asarray(large.filled)), size)
        y, x = 8 * rng.integers(0, 33, 2)
        pixels = np.ascontiguousarray(large.pixels[rows][:, y : y + 256, x : x + 256])
        whole = torch.from_numpy(pixels).to(device).permute(0, 3, 1, 2).float() / 127.5 - 1
        if rng.random() < 0.5:
            whole = whole.flip(3)
        small = (F.avg_pool2d(whole, 8) * 127.5).round() / 127.5
        yield small, whole


def polish_batches(large: Reservoir, generator: Generator, size: int, device: torch.device, seed: int, autocast: Callable) -> Iterator[tuple[Tensor, Tensor]]:
    """Pairs whose small picture is the denoiser's own, softer idea of a painting, noised a little or a lot."""
    rng, words = np.random.default_rng(seed), random.Random(seed)
    encoder = generator.text_encoder
    plain = decoder_batches(large, size, device, seed)
    while True:
        if rng.random() < 0.3:
            yield next(plain)
            continue
        rows = rng.choice(np.flatnonzero(np.asarray(large.filled)), size)
        whole = torch.from_numpy(large.pixels[rows]).to(device).permute(0, 3, 1, 2).float() / 127.5 - 1
        clean = F.avg_pool2d(whole, 8)
        ids = encoder.tokenize([caption(decode_scene(c), words) for c in large.scene[rows]]).to(device)
        sigma = torch.rand(size, device=device) * 0.45 + 0.05
        x = add_noise(clean, torch.randn_like(clean), sigma)
        off = torch.zeros(size, dtype=torch.bool, device=device)
        with torch.no_grad(), autocast():
            small = generator(x, sigma, sigma, ids, torch.from_numpy(large.affect[rows]).to(device), off, torch.ones(size, 2, device=device))
        y, x0 = rng.integers(0, 33, 2)
        yield small[:, :, y : y + 32, x0 : x0 + 32], whole[:, :, 8 * y : 8 * y + 256, 8 * x0 : 8 * x0 + 256]


def train_image(output: Path, minutes: float = 150.0, device: str | None = None, init: str | None = None, seed: int = 0,
                painters: int = 1, capacity: int = 100_000, batch_size: int = 64, compile: bool = False,
                report: Callable[[str], None] = print) -> Path:  # fmt: skip
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
    from emotive.devices import choose_device, choose_dtype
    from emotive.weights import resolve

    place = choose_device(device)
    dtype, reason = choose_dtype(place)
    report(f"training on {place.type}, {reason}")

    def autocast() -> torch.autocast:
        return torch.autocast(place.type, dtype=dtype, enabled=dtype != torch.float32)

    torch.manual_seed(seed)
    output.mkdir(parents=True, exist_ok=True)
    data = Reservoir(output / "data", capacity)
    large = Reservoir(output / "large", capacity=max(64, capacity // 66), size=512, paint_size=512)
    affect = AffectEmbedding.from_pretrained(resolve("emotive-affect-1")).to(place).eval().requires_grad_(False)
    _fill(large, max(64, large.capacity), painters, seed + 1, report)
    _fill(data, min(capacity, max(256, capacity // 5)), painters, seed, report)
    data.start(painters, seed)
    try:
        if init:
            source = resolve(init)
            encoder = _grown(SceneTextEncoder.from_pretrained(source / "text_encoder"), new_text_encoder())
            denoiser = ImageDenoiser.from_pretrained(source / "denoiser")
            decoder = ImageDecoder.from_pretrained(source / "decoder")
        else:
            encoder = new_text_encoder()
            denoiser = ImageDenoiser(affect_sha256=affect.fingerprint())
            decoder = ImageDecoder()
        generator = Generator(encoder, denoiser, affect).to(place, memory_format=torch.channels_last)
        decoder = decoder.to(place, memory_format=torch.channels_last)
        null_ids = encoder.null(1).to(place)

        def fast(module: nn.Module) -> Callable[..., Tensor]:
            return torch.compile(module, dynamic=False) if compile else module

        def stage(name: str, model: nn.Module, feed: Iterator, loss: Callable[..., Tensor], **options) -> Average:
            return train(model, feed, loss, minutes * SHARES[name], output / f"{name}.pt", report=report, label=name, **options)

        sharp = stage("decoder", decoder, decoder_batches(large, 8, place, seed), lambda b: decoder_loss(decoder, *b, autocast),
                      other_rate=1e-3)  # fmt: skip
        decoder.load_state_dict(sharp.model.state_dict())
        sheet = _SheetWriter(output, decoder, autocast, place, seed)
        learner = fast(generator)
        teacher = stage("denoiser", generator, batches(data, encoder, batch_size, place, seed), lambda b: flow_loss(learner, b, autocast),
                        on_save=sheet)  # fmt: skip
        sheet.write(teacher, "teacher")
        generator.load_state_dict(teacher.model.state_dict())
        guide_by, limits = fast(teacher.model), denoiser.config.guidance_limits  # type: ignore[attr-defined]
        student = stage(
            "student", generator, batches(data, encoder, batch_size, place, seed + 1),
            lambda b: student_loss(learner, guide_by, b, null_ids, limits, autocast),
            matrix_rate=5e-4, other_rate=2.5e-4,
        )  # fmt: skip
        polished = stage("polish", decoder, polish_batches(large, student.model, 8, place, seed, autocast),  # type: ignore[arg-type]
                         lambda b: decoder_loss(decoder, *b, autocast), other_rate=5e-4)  # fmt: skip
        sheet.decoder = polished.model
        sheet.write(student, "student")
        return _save(output, student.model, polished.model, affect, seed, minutes, place)
    finally:
        data.stop()
        large.stop()


def new_text_encoder(dim: int = 256) -> SceneTextEncoder:
    """An untrained encoder over the painter's lexicon."""
    return SceneTextEncoder({k: {n: list(w) for n, w in v.items()} for k, v in LEXICON.items()}, list(FUNCTION_WORDS), dim)


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
    """Writes a sheet of samples for the eye every ten minutes: numbers saturate long before shapes are crisp."""

    def __init__(self, output: Path, decoder: nn.Module, autocast: Callable, device: torch.device, seed: int):
        self.output, self.decoder, self.autocast, self.device, self.seed = output, decoder, autocast, device, seed
        self.written = time.monotonic()

    def __call__(self, average: Average) -> None:
        if time.monotonic() - self.written > 600:
            self.write(average, time.strftime("%H%M%S"))
            self.written = time.monotonic()

    @torch.no_grad()
    def write(self, average: Average, name: str) -> None:
        """24 scenes, half of them never seen in training, from the guided flow in 16 steps."""
        from PIL import Image

        rng = random.Random(self.seed)
        scenes = [Scene(s, e, t, w) for s, (e, t, w) in zip(SUBJECTS, [(x.setting, x.time, x.weather) for x in
                  (random_scene(rng) for _ in SUBJECTS)], strict=True)]  # fmt: skip
        scenes += [random_scene(rng, reserved=True) for _ in range(12)]
        affects = [Affect(rng.uniform(-1, 1), rng.uniform(-1, 1)) for _ in scenes]
        model: Generator = average.model  # type: ignore[assignment]
        ids = model.text_encoder.tokenize([caption(s, rng) for s in scenes]).to(self.device)
        va = torch.from_numpy(np.stack([a.as_array() for a in affects])).to(self.device)
        never = torch.zeros(len(scenes), dtype=torch.bool, device=self.device)
        x = torch.randn(len(scenes), 3, 64, 64, generator=torch.Generator().manual_seed(self.seed)).to(self.device)
        batch = Batch(x, ids, va, never)
        with self.autocast():
            u = guided_velocity(model, batch, model.text_encoder.null(1).to(self.device), torch.tensor([[2.0, 1.5]], device=self.device).expand(len(x), 2))
            small = sample(u, x, flow_sigmas(16, SHIFT))
            large = torch.cat([self.decoder(s[None]) for s in small]).float()
        pixels = ((large.clamp(-1, 1) + 1) * 127.5).round().byte().permute(0, 2, 3, 1).cpu().numpy()[:, ::2, ::2]
        rows = [np.concatenate(list(pixels[i : i + 6]), 1) for i in range(0, 24, 6)]
        Image.fromarray(np.concatenate(rows)).save(self.output / f"sheet-{name}.png")


def _save(output: Path, generator: Generator, decoder: nn.Module, affect: AffectEmbedding, seed: int, minutes: float, device: torch.device) -> Path:
    from diffusers.schedulers.scheduling_flow_match_euler_discrete import FlowMatchEulerDiscreteScheduler

    from emotive.pipelines.image import EmotiveImagePipeline

    generator.denoiser.register_to_config(few_steps=FEW_STEPS)
    pipe = EmotiveImagePipeline(
        text_encoder=generator.text_encoder, affect_embedding=affect, denoiser=generator.denoiser,
        decoder=decoder, scheduler=FlowMatchEulerDiscreteScheduler(shift=SHIFT),
    )  # fmt: skip
    folder = output / "emotive-image-1"
    pipe.to("cpu").save_pretrained(folder)
    return folder
