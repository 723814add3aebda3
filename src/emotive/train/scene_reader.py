"""The recipe of the scene reader: learns to name what the teacher painted, whatever the mood.

    emotive train scene-reader --minutes 10 -o runs/reader

It is a recogniser, not a judge of affect: it must read content that a mood bends, so it learns from the whole
plane. Blur, noise and surface texture are laid on what it sees, so that it reads a model's softer pictures
too. Unlike a generator, it learns from the reserved combinations as well: its errors must not depend on what
they are kept for.
"""

from __future__ import annotations

import io
import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from emotive.data.scenes import LEXICON, random_scene
from emotive.errors import InputError
from emotive.media import write_whole
from emotive.media.texture import lay_texture
from emotive.models.scene_reader import SceneClassifier
from emotive.perceive.scene import SceneReader
from emotive.weights import write_sums

from .image_batches import as_pictures
from .image_data import Reservoir, encode_scene, random_affect
from .loop import train

NAME = "emotive-scene-reader-1"
KINDS = tuple(LEXICON)


def new_classifier(**config) -> SceneClassifier:
    """An untrained classifier over the painter's lexicon; the last subject is "none"."""
    vocabulary = {kind: list(names) for kind, names in LEXICON.items()}
    vocabulary["subject"].append("none")
    return SceneClassifier(vocabulary, **config)


def train_scene_reader(
    output: Path,
    minutes: float = 10.0,
    seed: int = 0,
    painters: int = 1,
    capacity: int = 40_000,
    reserved: int = 4000,
    batch_size: int = 64,
    test_paintings: int = 3000,
    report: Callable[[str], None] = print,
    classifier: SceneClassifier | None = None,
) -> Path:
    """Trains on the CPU and returns the folder of the finished model, `output/emotive-scene-reader-1`.

    Args:
        output: folder for data and state; an interrupted run goes on from it.
        minutes: training time; the first pictures are painted before the clock starts.
        seed: of weights, batches and paintings.
        painters: background processes that paint training pictures; 0 learns from what is in `output/data`.
        capacity: pictures of seen combinations in the reservoir (12 kB each).
        reserved: paintings of reserved combinations, made beforehand; a twelfth of what is shown.
        test_paintings: fresh paintings that the card is measured on, half of them reserved combinations.
        classifier: another network than the standard one.

    Raises InputError without painters and paintings.
    """
    output.mkdir(parents=True, exist_ok=True)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = classifier or new_classifier()
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    data = Reservoir(output / "data", capacity)
    try:
        if painters:
            data.start(painters, seed)
        rare = _reserved_paintings(output / "reserved.npz", reserved, seed, report)
        if painters:
            while (done := int(data.filled.sum())) < min(capacity, max(batch_size, capacity // 5)):
                report(f"painting: {done} pictures")
                time.sleep(1)
        if not data.filled.any():
            raise InputError(f"there are no paintings in {output / 'data'}: use 1 painter or more")
        average = train(
            network,
            reader_batches(data, rare, batch_size, seed),
            lambda batch: reading_loss(network, *batch),
            minutes,
            output / "reader.pt",
            other_rate=2e-3,
            report=report,
            label="reader",
        )
    finally:
        data.stop()
    folder = output / NAME
    finished: Any = average.model
    finished.to(torch.bfloat16).save_pretrained(folder)
    for file in folder.glob("*.safetensors"):
        file.chmod(0o644)
    write_sums(folder)
    report("measuring the finished reader")
    reader = SceneReader.from_pretrained(folder)
    command = f"emotive train scene-reader --minutes {minutes:g} --seed {seed} --capacity {capacity}"
    samples = torch.load(output / "reader.pt", weights_only=True, mmap=True)["samples"]
    text = card(reader, command, samples, minutes, test_paintings)
    (folder / "README.md").write_text(text, encoding="utf-8")
    return folder


class Paintings(NamedTuple):
    """pixels uint8 (N, 64, 64, 3); scene (N, 4), indices of names in the order of KINDS; arousal (N,)."""

    pixels: np.ndarray
    scene: np.ndarray
    arousal: np.ndarray


def paintings(count: int, rng: random.Random, reserved: Callable[[int], bool]) -> Paintings:
    """Paints `count` pictures at 256px and averages them down; `reserved` says which are of that kind."""
    from emotive.data.painter import paint

    pixels, scenes, arousal = [], [], []
    for i in range(count):
        scene, affect = random_scene(rng, reserved(i)), random_affect(rng)
        large = paint(scene, affect, rng.getrandbits(31), 256)
        pixels.append(large.reshape(64, 4, 64, 4, 3).mean((1, 3)).round().astype(np.uint8))
        scenes.append(encode_scene(scene))
        arousal.append(affect.arousal)
    return Paintings(np.stack(pixels), named(np.array(scenes)), np.array(arousal, np.float32))


def named(scenes: np.ndarray) -> np.ndarray:
    """Codes of `encode_scene` (N, 4) -> indices of names: no subject is -1 there, and the last name here."""
    found = scenes.astype(np.int64)
    found[:, 0] %= len(LEXICON["subject"]) + 1
    return found


def _reserved_paintings(file: Path, count: int, seed: int, report: Callable[[str], None]) -> Paintings:
    if not file.exists():
        report(f"painting: {count} pictures of reserved combinations")
        made = paintings(count, random.Random(f"reserved/{seed}"), lambda i: True)
        buffer = io.BytesIO()
        np.savez(buffer, **made._asdict())
        write_whole(file, buffer.getvalue())
    with np.load(file) as saved:
        return Paintings(*(saved[name] for name in Paintings._fields))


def reader_batches(
    seen: Reservoir, reserved: Paintings, size: int, seed: int
) -> Iterator[tuple[Tensor, Tensor]]:
    """Endless batches: spoilt pictures (B, 3, 64, 64), the index of the name for each of KINDS (B, 4). One in
    twelve is of a reserved combination, as in the world."""
    rng, generator = np.random.default_rng(seed), torch.Generator().manual_seed(seed)
    known = np.flatnonzero(np.asarray(seen.filled))
    drawn = 0
    while True:
        drawn += 1
        if drawn % 100 == 0 and len(known) < len(seen.filled):
            known = np.flatnonzero(np.asarray(seen.filled))
        few = rng.binomial(size, 1 / 12)
        rows, rare = np.sort(rng.choice(known, size - few)), rng.integers(0, len(reserved.pixels), few)
        pixels = np.concatenate([seen.pixels[rows], reserved.pixels[rare]])
        names = np.concatenate([named(seen.scene[rows]), reserved.scene[rare]])
        arousal = np.concatenate([seen.affect[rows, 1], reserved.arousal[rare]])
        yield spoil(as_pictures(pixels), torch.from_numpy(arousal), generator), torch.from_numpy(names)


def spoil(pictures: Tensor, arousal: Tensor, generator: torch.Generator) -> Tensor:
    """Pictures (B, 3, H, H) in [-1, 1], half of them mirrored, and made softer, noisier, coarser at random.

    Texture is laid at the size that the classifier sees, where it is coarser than what `lay_texture` leaves
    of itself after a 512px picture is made small: harder than what will come.
    """

    def chance(shape: tuple[int, ...]) -> Tensor:
        return torch.rand(shape, generator=generator)

    count = (len(pictures), 1, 1, 1)
    x = torch.where(chance(count) < 0.5, pictures.flip(3), pictures)
    sigma = 0.2 + 1.3 * float(chance((1,)))  # pixels
    taps = torch.exp(-0.5 * (torch.arange(-3.0, 4.0) / sigma).square())
    kernel = torch.outer(taps, taps).div_(taps.sum().square()).expand(3, 1, 7, 7)
    soft = F.conv2d(F.pad(x, (3, 3, 3, 3), mode="replicate"), kernel, groups=3)
    x = torch.where(chance(count) < 0.5, soft, x)
    x = x + 0.06 * chance(count).square() * torch.randn(x.shape, generator=generator)
    x = lay_texture(x / 2 + 0.5, arousal, amount=1.5 * float(chance((1,))))
    return (x * 2 - 1).contiguous(memory_format=torch.channels_last)


def reading_loss(classifier: SceneClassifier, pictures: Tensor, codes: Tensor) -> Tensor:
    """Cross entropy, summed over the kinds."""
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=_fast_bf16()):
        logits, _ = classifier(pictures)
    losses = [F.cross_entropy(logits[kind].float(), codes[:, i]) for i, kind in enumerate(KINDS)]
    return torch.stack(losses).sum()


def _fast_bf16() -> bool:
    from emotive.devices import choose_device, choose_dtype

    return choose_dtype(choose_device("cpu"))[0] == torch.bfloat16


def card(reader: SceneReader, command: str, samples: int, minutes: float, count: int) -> str:
    """The model card, README.md, measured here and now on `count` fresh paintings, half of them reserved."""
    fresh = paintings(count, random.Random("test"), lambda i: i % 2 == 1)
    codes, reserved = fresh.scene, np.array([i % 2 == 1 for i in range(count)])
    reading = reader.read(list(fresh.pixels))
    hits = np.stack([reading.indices(kind) == codes[:, i] for i, kind in enumerate(KINDS)], 1)
    columns = zip((*KINDS, "all four"), np.column_stack([hits, hits.all(1)]).T, strict=True)
    rows = [
        f"| {name} | {hit.mean():.1%} | {hit[~reserved].mean():.1%} | {hit[reserved].mean():.1%} |"
        for name, hit in columns
    ]
    return CARD.format(
        table="\n".join(rows),
        confused=confusions(reading.vocabulary, [reading.indices(k) for k in KINDS], codes),
        command=command,
        samples=samples,
        minutes=minutes,
        paintings=count,
        parameters=sum(p.numel() for p in reader.classifier.parameters()) / 1e6,
        cores="one CPU core" if (threads := torch.get_num_threads()) == 1 else f"{threads} CPU cores",
    )


def confusions(vocabulary: dict[str, tuple[str, ...]], found: list[np.ndarray], codes: np.ndarray) -> str:
    """The three commonest mistakes of each kind, in words; `found` are indices (N,) for each kind."""
    lines = []
    for i, kind in enumerate(KINDS):
        wrong = np.flatnonzero(found[i] != codes[:, i])
        pairs, counts = np.unique(np.stack([codes[wrong, i], found[i][wrong]], 1), axis=0, return_counts=True)
        names = vocabulary[kind]
        told = [f"{names[pairs[k][0]]} as {names[pairs[k][1]]} {counts[k]}x" for k in np.argsort(-counts)[:3]]
        lines.append(f"- {kind}: {', '.join(told) or 'none'}; {len(wrong)} of {len(codes)} wrong")
    return "\n".join(lines)


CARD = """---
license: apache-2.0
library_name: emotive
tags: [image-classification, evaluation]
---

# emotive-scene-reader-1

What a picture of Emotive's painter shows: subject, setting, time of day and weather, read at 64px by a
network of {parameters:.2f}M parameters. It measures whether a generated picture still shows what was asked
for, and gives the features in which the kernel distance compares pictures. It does not judge affect.

## Training

On paintings of the procedural teacher in `emotive.data` over the whole affect plane, nothing else; mirrored,
blurred, with noise and surface texture, so that it reads softer pictures too. One in twelve was of the
combinations that are kept from generators for evaluation: a recogniser has to know them.

`{command}`: {samples:,} samples in {minutes:g} minutes on {cores}.

## Measured

On {paintings:,} fresh paintings over the whole plane, a fifth of them on its rim:

| kind | all | seen combinations | reserved combinations |
|---|---|---|---|
{table}

The commonest mistakes:

{confused}

Clouds and snowfall are the closest pair by construction: both grey the sky, falling snow is a few light dots
that 64px hardly hold, and noise and texture look like it.

## Limits

It knows one illustrated world: photographs, other styles and other words are outside it, and it has no way to
say so. What it reads in a generated picture is what that picture shares with the paintings that it learned
from, not what a person would name.
"""
