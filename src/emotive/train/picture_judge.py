"""The recipe of the learned picture judge: abstract motifs -> network -> spread -> card.

    emotive train judge -o runs/judge --minutes 15

The judge must read scenes that it never sees. So what it learns from varies in everything but the hand: any
palette, light, weather, backdrop and size (`data.motifs.paint_abstract`), and then blur, sharpening, noise,
surface texture, JPEG and a slight colour grade, all drawn without regard to the affect. Never trained on:
scenes, and the families of `HELD_OUT_MOTIFS`. `CALIBRATION_MOTIFS` are kept from the weights too, and set the
two factors that scale the spread.
"""

from __future__ import annotations

import io
import random
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from PIL import Image, ImageFilter
from torch import Tensor

from emotive.affect import Affect
from emotive.data.motifs import HELD_OUT_MOTIFS, JUDGE_MOTIFS, paint_abstract, paint_motif
from emotive.devices import choose_device, choose_dtype
from emotive.media.texture import lay_texture
from emotive.models.picture_judge import PictureJudgeNetwork
from emotive.perceive.picture import PICTURE_JUDGE, PictureJudge, square
from emotive.weights import write_sums

from .image_data import random_affect
from .loop import Average, train
from .picture_judge_card import write_card
from .regression_losses import beta_nll, pair_loss

CALIBRATION_MOTIFS = ("arches", "shards")
TRAINING_MOTIFS = tuple(name for name in JUDGE_MOTIFS if name not in CALIBRATION_MOTIFS)
PAINT_SIZE = 192  # px, averaged down to the network's size
FRESH = 6  # pictures painted anew for every batch of 64
PLAIN = 0.1  # share of pictures with one family, plainly
PAIRS = 2.0  # weight of the differences within pairs


class Batch(NamedTuple):
    """pictures (B, 3, size, size) in [-1, 1], affect (B, 2): valence and arousal."""

    pictures: Tensor
    affect: Tensor


def _paint(seed: int, plain: bool, affect: Affect, families: tuple[str, ...]) -> np.ndarray:
    if plain:  # one family
        return paint_motif(families[seed % len(families)], affect, seed, PAINT_SIZE)
    return paint_abstract(affect, seed, PAINT_SIZE, families)


def _damage(picture: np.ndarray, size: int, rng: random.Random) -> np.ndarray:
    """Averages a painting down to `size`; what chance does to it on the way knows nothing of its affect.

    JPEG; a smaller, softer picture in between; the pipeline's surface texture as for some other arousal;
    blur or sharpening; noise.
    """
    if rng.random() < 0.15:
        buffer = io.BytesIO()
        Image.fromarray(picture).save(buffer, "JPEG", quality=rng.randint(35, 95))
        picture = np.asarray(Image.open(buffer).convert("RGB"))
    if rng.random() < 0.2:
        x = torch.from_numpy(picture.copy()).permute(2, 0, 1)[None].float() / 255
        x = lay_texture(x, torch.tensor([rng.uniform(-1, 1)]), rng.uniform(0.3, 1.5))
        picture = (x[0] * 255).round().byte().permute(1, 2, 0).numpy()
    if rng.random() < 0.3:
        picture = square(picture, rng.randint(size // 2, 2 * size))
    picture = square(picture, size)
    if rng.random() < 0.5:
        image = Image.fromarray(picture)
        if rng.random() < 0.65:
            image = image.filter(ImageFilter.GaussianBlur(rng.uniform(0.2, 1.1) * size / 128))
        else:
            image = image.filter(ImageFilter.UnsharpMask(1.0, rng.randint(20, 120), 0))
        picture = np.asarray(image)
    if rng.random() < 0.2:
        noise = np.random.default_rng(rng.getrandbits(32)).standard_normal(picture.shape, np.float32)
        picture = (picture + rng.uniform(1, 6) * noise).round().clip(0, 255).astype(np.uint8)
    return picture


class Gallery:
    """Painted examples in memory, always renewed: pixels uint8 (N, size, size, 3), affect float32 (N, 2).

    Rows 2 i and 2 i + 1 are a pair: the same things painted in two affects, so N is even.
    """

    def __init__(self, count: int, size: int, seed: int, families: tuple[str, ...] = TRAINING_MOTIFS):
        self.pixels = np.zeros((count, size, size, 3), np.uint8)
        self.affect = np.zeros((count, 2), np.float32)
        self.families, self.rng, self.next = families, random.Random(f"judge/{seed}"), 0
        self.paint(count // 2)

    def paint(self, pairs: int) -> None:
        """Paints new pairs over the oldest."""
        for _ in range(pairs):
            seed, plain = self.rng.getrandbits(31), self.rng.random() < PLAIN
            for row in (self.next, self.next + 1):
                affect = random_affect(self.rng)
                painting = _paint(seed, plain, affect, self.families)
                self.pixels[row] = _damage(painting, self.pixels.shape[1], self.rng)
                self.affect[row] = affect.valence, affect.arousal
            self.next = (self.next + 2) % len(self.pixels)

    def batches(self, size: int, device: torch.device, seed: int) -> Iterator[Batch]:
        """Endless random batches of pairs, augmented."""
        rng, generator = np.random.default_rng(seed), torch.Generator().manual_seed(seed)
        while True:
            self.paint(max(1, FRESH * size // 128))
            rows = 2 * rng.integers(0, len(self.pixels) // 2, size // 2)
            rows = np.stack([rows, rows + 1], 1).ravel()
            pixels = torch.from_numpy(self.pixels[rows]).to(device).permute(0, 3, 1, 2)
            pictures = augment(pixels.float() / 127.5 - 1, generator)
            affect = torch.from_numpy(self.affect[rows])
            yield Batch(pictures.contiguous(memory_format=torch.channels_last), affect.to(device))


def augment(pictures: Tensor, generator: torch.Generator) -> Tensor:
    """Pictures (B, 3, H, H) in [-1, 1], half of them mirrored, each in a slightly other grade.

    The grade (light +-0.05, contrast +-6 %, saturation +-10 %, a breath of colour) knows nothing of the
    affect, so that light and colour alone are not enough: form must be read too.
    """
    n = len(pictures)

    def between(low: float, high: float) -> Tensor:
        return low + (high - low) * torch.rand(n, 1, 1, generator=generator)

    grey = torch.full((3, 3), 1 / 3)
    saturation = between(0.90, 1.10)
    matrix = between(0.94, 1.06) * (saturation * torch.eye(3) + (1 - saturation) * grey)
    shift = between(-0.05, 0.05) + 0.015 * torch.randn(n, 3, 1, generator=generator)
    x = torch.baddbmm(shift.to(pictures), matrix.to(pictures), pictures.flatten(2)).view_as(pictures)
    mirrored = torch.rand(n, generator=generator) < 0.5
    x[mirrored] = x[mirrored].flip(3)
    return x.clamp_(-1, 1)


def train_picture_judge(
    output: Path,
    minutes: float = 15.0,
    seed: int = 0,
    device: str | None = None,
    paintings: int = 3000,
    batch_size: int = 64,
    report: Callable[[str], None] = print,
    **config: Any,
) -> Path:
    """Trains, calibrates and measures the judge; returns its folder `output/emotive-picture-judge-1`.

    Args:
        output: folder for the state and the model; an interrupted run goes on from it.
        minutes: training time; painting the first examples and measuring take about two minutes more.
        seed: of weights, paintings and batches.
        paintings: how many are kept in memory, 49 kB each; a tenth of every batch is new.
        config: of the network.
    """
    place = choose_device(device)
    dtype, reason = choose_dtype(place)
    report(f"training on {place.type}, {reason}")
    output.mkdir(parents=True, exist_ok=True)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network: Any = PictureJudgeNetwork(**config)
    network = network.to(place, memory_format=torch.channels_last)
    state_file = output / "judge.pt"
    # A run that goes on sees new pictures, not those of its beginning again.
    done = torch.load(state_file, weights_only=True, mmap=True)["step"] if state_file.exists() else 0
    report(f"painting {paintings} motifs")
    gallery = Gallery(paintings, network.size, seed + done)

    def autocast() -> AbstractContextManager:
        return torch.autocast(place.type, dtype=dtype, enabled=dtype != torch.float32)

    def loss(batch: Batch) -> Tensor:
        with autocast():
            mean, log_sd = network(batch.pictures)
        return beta_nll(mean, log_sd, batch.affect) + PAIRS * pair_loss(mean, batch.affect)

    average = train(
        network,
        gallery.batches(batch_size, place, seed + done),
        loss,
        minutes,
        state_file,
        other_rate=2e-3,
        average=Average(network, decay=0.998),
        report=report,
        label="judge",
    )
    judge = average.model.to("cpu", torch.bfloat16).float()  # as it will be stored
    judge.register_to_config(spread=calibrated_spread(judge, seed), _name_or_path="")
    folder = output / PICTURE_JUDGE
    judge.to(torch.bfloat16).save_pretrained(folder)
    for file in folder.glob("*.safetensors"):
        file.chmod(0o644)
    write_sums(folder)
    state = torch.load(state_file, weights_only=True, mmap=True)
    report("measuring the finished judge")
    families = {"training": TRAINING_MOTIFS, "calibration": CALIBRATION_MOTIFS, "held_out": HELD_OUT_MOTIFS}
    write_card(folder, PictureJudge.from_pretrained(folder), minutes, seed, state, families)
    return folder


def calibrated_spread(network: PictureJudgeNetwork, seed: int, count: int = 1000) -> tuple[float, float]:
    """Factors for the two standard deviations that make squared errors, in units of their own variance, 1 on
    average, over motif families that the weights never saw."""
    gallery = Gallery(count, network.size, seed + 1, CALIBRATION_MOTIFS)
    estimates = PictureJudge(network).estimate(list(gallery.pixels))
    factors = [
        float(np.sqrt(np.mean(((found - wanted) / sd) ** 2)))
        for found, wanted, sd in (
            (estimates.valence, gallery.affect[:, 0], estimates.valence_sd),
            (estimates.arousal, gallery.affect[:, 1], estimates.arousal_sd),
        )
    ]
    return factors[0], factors[1]
