"""Trains the stand-in backbone: a small but real StableDiffusionPipeline that knows words of emotion.

    python benchmarks/stand_in_backbone.py -o runs/stand-in --minutes 60

It is for measuring what attaches to a backbone where no published weights can be had: diffusers' own classes,
a text encoder that read words of emotion before it was taught pictures, a denoiser that learned from captions
only, never from numbers. It learns from the pictures of the procedural painter, so it says nothing about
photographs, and little about models a hundred times its size.

Four stages on one core: the text encoder learns to read (a twentieth of the time), the autoencoder learns to
see (a tenth), the paintings become latents, and denoiser and text encoder learn together from captioned
paintings. The folder is a diffusers pipeline from a quarter of the time on, and is replaced as training goes.
"""

from __future__ import annotations

import argparse
import copy
import multiprocessing
import random
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from diffusers.pipelines.stable_diffusion.pipeline_stable_diffusion import StableDiffusionPipeline
from diffusers.schedulers.scheduling_ddim import DDIMScheduler
from stand_in_captions import LENGTH, Mood, held_out_terms, new_tokenizer, random_mood, say, with_noise
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from emotive.data.scenes import SETTINGS, SUBJECTS, TIMES, WEATHERS, Scene, caption, random_scene
from emotive.train.image_batches import as_pictures
from emotive.train.image_data import decode_scene, encode_scene
from emotive.train.loop import Average, train

SIZE, WIDTH, CHANNELS = 64, 128, 8  # px of a picture; of the embeds; of a latent, a quarter of the side
SPREAD = 0.08  # sd of the affect of a painting around what its caption says
KINDS = (len(SUBJECTS) + 1, len(SETTINGS), len(TIMES), len(WEATHERS))
SAVE_EVERY = 600.0  # seconds


class Reader(nn.Module):
    """The text encoder, and heads that make it learn what captions mean; only the encoder is kept."""

    def __init__(self, tokenizer: CLIPTokenizer):
        super().__init__()
        size = len(tokenizer)
        self.encoder = CLIPTextModel(
            CLIPTextConfig(
                vocab_size=size, hidden_size=WIDTH, intermediate_size=4 * WIDTH, num_hidden_layers=3,
                num_attention_heads=4, max_position_embeddings=LENGTH, projection_dim=WIDTH,
                bos_token_id=size - 2, eos_token_id=size - 1, pad_token_id=size - 1,
            )
        )  # fmt: skip
        self.scene, self.affect = nn.Linear(WIDTH, sum(KINDS)), nn.Linear(WIDTH, 3)

    def loss(self, ids: Tensor, scene: Tensor, point: Tensor) -> Tensor:
        """ids (B, K); scene (B, 4), indices from 0; point (B, 3)."""
        read = self.encoder(ids).pooler_output
        kinds = self.scene(read).split(KINDS, 1)
        named = torch.stack([F.cross_entropy(k.float(), scene[:, i]) for i, k in enumerate(kinds)])
        return named.sum() + 10 * F.mse_loss(self.affect(read).float(), point)


class Painter(nn.Module):
    """What is trained last: the denoiser, with the text encoder that it is conditioned on."""

    def __init__(self, reader: Reader):
        super().__init__()
        self.reader = reader
        self.unet = UNet2DConditionModel(
            sample_size=SIZE // 4, in_channels=CHANNELS, out_channels=CHANNELS,
            block_out_channels=(64, 128, 160),
            down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
            up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
            layers_per_block=1, attention_head_dim=4, norm_num_groups=16, cross_attention_dim=WIDTH,
        )  # fmt: skip


def new_scheduler() -> DDIMScheduler:
    """Velocities, and no signal in the last step: a mood changes the mean colour, which other schedules
    leak."""
    return DDIMScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", prediction_type="v_prediction",
        rescale_betas_zero_snr=True, timestep_spacing="trailing", clip_sample=False, steps_offset=1,
    )  # fmt: skip


def new_autoencoder() -> AutoencoderKL:
    """To a quarter of the side, without attention."""
    config: dict[str, Any] = {"block_out_channels": (16, 32, 64), "layers_per_block": 1}
    config |= {"down_block_types": ("DownEncoderBlock2D",) * 3, "up_block_types": ("UpDecoderBlock2D",) * 3}
    return AutoencoderKL(
        **config, latent_channels=CHANNELS, norm_num_groups=8, sample_size=SIZE, mid_block_add_attention=False
    )


def paint_share(folder: Path, count: int, first: int, step: int, seed: int) -> None:
    """Fills every `step`th slot: pixels uint8 (N, 64, 64, 3), scene int8 (N, 4); moods come from the slot."""
    from emotive.affect import Affect
    from emotive.data.painter import paint

    pixels = np.lib.format.open_memmap(folder / "pixels.npy", mode="r+")
    scenes = np.lib.format.open_memmap(folder / "scene.npy", mode="r+")
    for slot in range(first, count, step):
        scene, mood, rng = slot_content(slot, seed)
        valence, arousal, dominance = (min(max(rng.gauss(x, SPREAD), -1.0), 1.0) for x in mood.point)
        large = paint(scene, Affect(valence, arousal, dominance), rng.getrandbits(31), 2 * SIZE)
        pixels[slot] = np.round(large.reshape(SIZE, 2, SIZE, 2, 3).mean((1, 3)))
        scenes[slot] = encode_scene(scene)  # last: a slot with a scene is filled


def slot_content(slot: int, seed: int) -> tuple[Scene, Mood, random.Random]:
    """What the painting in a slot shows, in which mood, and the stream that goes on from there."""
    rng = random.Random(f"stand-in/{seed}/{slot}")
    return random_scene(rng), random_mood(rng), rng


def start_painting(folder: Path, count: int, painters: int, seed: int) -> tuple[np.memmap, np.memmap]:
    """Opens the paintings and lets processes fill what is empty: pixels and scenes (-9: not yet)."""
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "scene.npy").exists():
        shape = (count, SIZE, SIZE, 3)
        np.lib.format.open_memmap(folder / "pixels.npy", mode="w+", dtype=np.uint8, shape=shape)
        np.lib.format.open_memmap(folder / "scene.npy", mode="w+", dtype=np.int8, shape=(count, 4))[:] = -9
    pixels = np.lib.format.open_memmap(folder / "pixels.npy", mode="r")
    scenes = np.lib.format.open_memmap(folder / "scene.npy", mode="r")
    if (scenes[:, 1] < 0).any():
        context = multiprocessing.get_context("spawn")
        for i in range(painters):
            args = (folder, count, i, painters, seed)
            context.Process(target=paint_share, args=args, daemon=True).start()
    return pixels, scenes


def readings(tokenizer: CLIPTokenizer, size: int, seed: int) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Endless captions of scenes that no one painted, with every word of emotion, some of them with nonsense:
    ids (B, K), scene (B, 4), point (B, 3)."""
    rng = random.Random(f"readings/{seed}")
    pieces = [t.removesuffix("</w>") for t in tokenizer.get_vocab() if t.removesuffix("</w>").isalpha()]
    while True:
        scenes = [random_scene(rng) for _ in range(size)]
        moods = [random_mood(rng, held_out=True) for _ in range(size)]
        texts = [say(s, m, rng) for s, m in zip(scenes, moods, strict=True)]
        texts = [with_noise(t, pieces, rng) if rng.random() < 0.15 else t for t in texts]
        codes = torch.tensor([encode_scene(s) for s in scenes])
        codes[:, 0] %= KINDS[0]
        yield encode(tokenizer, texts), codes, torch.tensor([m.point for m in moods])


def encode(tokenizer: CLIPTokenizer, texts: list[str]) -> Tensor:
    """Token ids (B, K) as the pipeline makes them."""
    return tokenizer(
        texts, padding="max_length", truncation=True, max_length=LENGTH, return_tensors="pt"
    ).input_ids


def picture_batches(pixels: np.ndarray, scenes: np.ndarray, size: int, seed: int) -> Iterator[tuple[Tensor]]:
    """Endless paintings in [-1, 1], (B, 3, 64, 64), of those that are there."""
    rng = np.random.default_rng(seed)
    while True:
        known = np.flatnonzero(scenes[:, 1] >= 0)
        if len(known) < 4 * size:
            time.sleep(1)
            continue
        yield (as_pictures(pixels[rng.choice(known, size)]).contiguous(memory_format=torch.channels_last),)


def seeing_loss(vae: AutoencoderKL, pictures: Tensor) -> Tensor:
    """Reconstruction, squared and absolute, and a little of the divergence from a unit normal."""
    with torch.autocast("cpu", dtype=torch.bfloat16):
        moments = vae.encode(pictures, return_dict=False)[0]
        latents: Any = moments.mean + 0.05 * torch.randn_like(moments.mean)
        drawn = vae.decode(latents, return_dict=False)[0].float()
    divergence = (
        0.5 * (moments.mean.float().square() + moments.var.float() - 1 - moments.logvar.float()).mean()
    )
    return F.l1_loss(drawn, pictures) + 2 * F.mse_loss(drawn, pictures) + 1e-4 * divergence


@torch.no_grad()
def latents_of(vae: AutoencoderKL, pixels: np.ndarray, report=print) -> Tensor:
    """(N, C, 16, 16) bfloat16, scaled to unit variance; sets the autoencoder's `scaling_factor`."""
    found = []
    for start in range(0, len(pixels), 128):
        pictures = as_pictures(pixels[start : start + 128]).contiguous(memory_format=torch.channels_last)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            found.append(vae.encode(pictures, return_dict=False)[0].mean.bfloat16())
    latents = torch.cat(found)
    scale = 1 / float(latents[:4096].float().std())
    vae.register_to_config(scaling_factor=scale)
    report(f"{len(latents)} latents, scaling factor {scale:.3f}")
    return (latents.float() * scale).bfloat16()


def captioned(
    latents: Tensor, scenes: np.ndarray, tokenizer: CLIPTokenizer, size: int, seed: int
) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Endless latents (B, C, 16, 16), ids (B, K) of captions, one in ten empty, and ids without the mood."""
    rng = random.Random(f"captioned/{seed}")
    moods = [slot_content(slot, seed)[1] for slot in range(len(latents))]
    while True:
        rows = rng.choices(range(len(latents)), k=size)
        texts = [say(decode_scene(scenes[i]), moods[i], rng) if rng.random() < 0.9 else "" for i in rows]
        plain = [caption(decode_scene(scenes[i]), rng) for i in rows]
        clean = latents[rows].float().contiguous(memory_format=torch.channels_last)
        yield clean, encode(tokenizer, texts), encode(tokenizer, plain)


def words_alone(embeds: Tensor, ids: Tensor, unsaid: Tensor, share: float = 0.35) -> Tensor:
    """Embeds (B, K, D) in which, in `share` of the rows, only the words say the mood.

    The end token and the padding, which is end tokens too, sum the caption up, and so small a denoiser reads
    nothing else, where published ones attend to the words (Hertz et al. 2022, Prompt-to-Prompt). Here they
    are silent or, in half of these rows, say what the scene is without its mood: `unsaid` (B, D).
    """
    end = ids == ids.max()  # the end token has the largest id
    chance = torch.rand(len(ids), 1, 1)
    other = torch.where(chance < share / 2, 0.0, unsaid[:, None]).to(embeds.dtype)
    return torch.where(end[..., None] & (chance < share), other, embeds)


def painting_loss(
    painter: Painter, scheduler: DDIMScheduler, heard: Iterator, latents: Tensor, ids: Tensor, plain: Tensor
) -> Tensor:
    """Squared error of the velocity (Salimans & Ho 2022), and reading, so that no word is forgotten."""
    noise, steps = torch.randn_like(latents), torch.randint(0, 1000, (len(latents),))
    noised = scheduler.add_noise(latents, noise, steps)  # type: ignore[arg-type]
    wanted = scheduler.get_velocity(latents, noise, steps)  # type: ignore[arg-type]
    with torch.autocast("cpu", dtype=torch.bfloat16):
        unsaid = painter.reader.encoder(plain).pooler_output
        embeds = words_alone(painter.reader.encoder(ids).last_hidden_state, ids, unsaid)
        found = painter.unet(noised, steps, embeds, return_dict=False)[0]
        reading = painter.reader.loss(*next(heard))
    return F.mse_loss(found.float(), wanted) + 0.02 * reading


def save_pipeline(folder: Path, painter: Painter, vae: AutoencoderKL, tokenizer: CLIPTokenizer) -> None:
    """Writes the folder of a StableDiffusionPipeline; the old one is there until the new one is whole."""
    pipe = StableDiffusionPipeline(
        vae=copy.deepcopy(vae).float(), text_encoder=copy.deepcopy(painter.reader.encoder).float(),
        tokenizer=tokenizer, unet=copy.deepcopy(painter.unet).float(), scheduler=new_scheduler(),  # type: ignore[arg-type]
        safety_checker=None, feature_extractor=None, requires_safety_checker=False,  # type: ignore[arg-type]
    )  # fmt: skip
    new, old = folder.with_name(f".{folder.name}.new"), folder.with_name(f".{folder.name}.old")
    for stale in (new, old):
        shutil.rmtree(stale, ignore_errors=True)
    pipe.save_pretrained(new)
    (new / "README.md").write_text(CARD.format(held=", ".join(held_out_terms())), encoding="utf-8")
    if folder.exists():
        folder.rename(old)
    new.rename(folder)
    shutil.rmtree(old, ignore_errors=True)


def main() -> None:
    parser = argparse.ArgumentParser(description="Trains the stand-in backbone.")
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder of the pipeline")
    parser.add_argument("--minutes", type=float, default=60, help="training time, painting aside (60)")
    parser.add_argument(
        "--paintings", type=int, default=40_000, help="how many pictures to learn from (40000)"
    )
    parser.add_argument("--painters", type=int, default=1, help="processes that paint (1)")
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    seed, minutes, size = options.seed, options.minutes, options.batch_size
    work = options.output.with_name(f"{options.output.name}-training")
    began = time.monotonic()

    def report(line: str) -> None:
        print(f"{(time.monotonic() - began) / 60:5.1f} min  {line}", flush=True)

    pixels, scenes = start_painting(work, options.paintings, options.painters, seed)
    torch.manual_seed(seed)
    tokenizer = new_tokenizer()
    reader, vae = Reader(tokenizer), new_autoencoder()
    vae.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    heard = readings(tokenizer, 64, seed)
    average = train(
        reader, heard, lambda batch: reader.loss(*batch), 0.05 * minutes, work / "reader.pt", report=report,
        label="reading", average=Average(reader, 0.99),
    )  # fmt: skip
    painter = Painter(average.model.requires_grad_(True))
    average = train(
        vae, picture_batches(pixels, scenes, 16, seed), lambda batch: seeing_loss(vae, *batch), 0.1 * minutes,
        work / "vae.pt", report=report, label="seeing", other_rate=2e-3, average=Average(vae, 0.99),
    )  # fmt: skip
    vae = average.model
    while (left := int((scenes[:, 1] < 0).sum())) > 0:
        report(f"{left} paintings to come")
        time.sleep(10)
    latents = latents_of(vae, pixels, report)
    painter.unet.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    scheduler, heard = new_scheduler(), readings(tokenizer, 16, seed + 1)
    saved = [time.monotonic() - SAVE_EVERY + 240]  # the first after four minutes

    def keep(now: Average[Painter]) -> None:
        if time.monotonic() - saved[0] > SAVE_EVERY:
            save_pipeline(options.output, now.model, vae, tokenizer)
            saved[0] = time.monotonic()

    average = train(
        painter, captioned(latents, scenes, tokenizer, size, seed),
        lambda batch: painting_loss(painter, scheduler, heard, *batch), 0.85 * minutes, work / "painter.pt",
        matrix_rate=1e-3, other_rate=1e-3, average=Average(painter, 0.999), report=report, on_save=keep,
        label="painting",
    )  # fmt: skip
    save_pipeline(options.output, average.model, vae, tokenizer)
    (options.output / "DONE").touch()


CARD = """# A stand-in backbone

A small StableDiffusionPipeline (64 px, v prediction), trained by `benchmarks/stand_in_backbone.py` on the
paintings of Emotive's procedural painter, captioned with words of emotion. It exists to measure what attaches
to diffusion models where no published weights can be had. It is no model of the world.

No picture was captioned with these terms, nor with what they are also called; the text encoder has read
them: {held}.
"""

if __name__ == "__main__":
    main()
