"""What few steps cost: control, content and quality of the embedded image model, beside its 20 steps.

    python benchmarks/few_steps.py [--model NAME|DIR] [--reference NAME|DIR] [-o few-steps]

Writes few-steps.json and few-steps.md, and prints the table. Held-out captions are painted over a grid of
valence and arousal, at each step count from the same noise, beside 20 guided steps of plain flow (of
`--reference`, where two models are to be compared with one yardstick) and the teacher's own paintings.
Intervals are 95 % bootstraps by caption. Speed is the matter of `realtime.py` and `image.py`.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

import emotive
from emotive.affect import Affect
from emotive.data.scenes import Scene
from emotive.evaluate import metrics
from emotive.evaluate.image import CYCLES, NUISANCES, PictureCaption, affect_grid, held_out_captions
from emotive.evaluate.protocol import Measurements, Protocol, run
from emotive.evaluate.summary import chance, content, control
from emotive.media import write_whole
from emotive.media.provenance import now
from emotive.media.texture import lay_texture
from emotive.perceive.attributes import picture_attributes
from emotive.perceive.picture import PICTURE_JUDGE, PictureJudge
from emotive.perceive.published import PublishedJudge
from emotive.perceive.scene import SceneReader
from emotive.pipelines.image import EmotiveImagePipeline

TEACHER, PAINTINGS, NEUTRAL = "20 steps, the yardstick", "paintings", "always neutral"
DRAWN = (16.0, 32.0)  # cycles a picture: the finest that a 64px latent carries
AT_ONCE = 25  # pictures
FRAMES = 48  # once round the plane, at a radius of 0.7


def paint_arms(
    pipe: EmotiveImagePipeline, reference: EmotiveImagePipeline, steps: Sequence[int]
) -> dict[str, Any]:
    """Arm -> (caption, affects, seed) -> pictures. The teacher first: what follows is compared with it."""
    from emotive.data.painter import paint

    def at(pipe: EmotiveImagePipeline, n: int) -> Any:
        return lambda caption, affects, seed: pictures(pipe, caption.text, affects, caption.noise(seed), n)

    def neutral(caption: PictureCaption, affects: Sequence[Affect], seed: int) -> list[np.ndarray]:
        return pictures(pipe, caption.text, [Affect.neutral()], caption.noise(seed), 1) * len(affects)

    def paintings(caption: PictureCaption, affects: Sequence[Affect], seed: int) -> list[np.ndarray]:
        return [paint(caption.scene, a, caption.noise(seed), 512) for a in affects]

    few = {name_of(n): at(pipe, n) for n in steps}
    return {TEACHER: at(reference, 20), **few, NEUTRAL: neutral, PAINTINGS: paintings}


def name_of(steps: int) -> str:
    """How an arm of so many steps is called."""
    return f"{steps} step{'s' * (steps > 1)}"


def pictures(
    pipe: EmotiveImagePipeline,
    text: str,
    affects: Sequence[Affect],
    seed: int,
    steps: int,
    texture: float = 1.0,
) -> list[np.ndarray]:
    """uint8 (512, 512, 3) for each affect, all from the same noise."""
    made = []
    for i in range(0, len(affects), AT_ONCE):
        some: list[Any] = list(affects[i : i + AT_ONCE])
        noise = [torch.Generator().manual_seed(seed) for _ in some]
        options: dict[str, Any] = {"num_inference_steps": steps, "generator": noise, "output_type": "latent"}
        with torch.no_grad():
            latents: Any = pipe([text] * len(some), some, return_dict=False, **options)[0]
            arousal = torch.tensor([a.arousal for a in some], device=latents.device)
            done = lay_texture(pipe.decode(latents), arousal, texture)
        made += list((255 * done).round().byte().permute(0, 2, 3, 1).cpu().numpy())
    return made


# -- numbers of pictures -----------------------------------------------------------------------------------


def drawn_detail(picture: np.ndarray) -> float:
    """The power of what the latent draws finest, DRAWN cycles a picture, as a share of all but the mean."""
    low, high = (metrics.high_frequency_energy(picture, cycles) for cycles in DRAWN)
    return low - high


def sharpness(picture: np.ndarray) -> float:
    """The mean absolute difference of neighbouring cells of 8 x 8 pixels, in luma: contours of the latent."""
    light = metrics.luma(picture)
    side = light.shape[0] // 8
    cells = light.reshape(side, 8, side, 8).mean((1, 3))
    return float((np.abs(np.diff(cells, axis=0)).mean() + np.abs(np.diff(cells, axis=1)).mean()) / 2)


def peak_signal_to_noise(a: np.ndarray, b: np.ndarray) -> float:
    """PSNR in dB of two uint8 pictures; at most 99, where they are equal."""
    error = np.square(a.astype(np.float32) - b).mean()
    return float(min(99.0, 10 * np.log10(255**2 / max(error, 1e-9))))


def structural_similarity(a: np.ndarray, b: np.ndarray) -> float:
    """SSIM of luma, with Gaussian windows of 11 pixels and sigma 1.5 (Wang et al. 2004, eq. 13), after
    averaging down to 128px, as its authors advise for large pictures."""
    ramp = torch.arange(11, dtype=torch.float32) - 5
    line = torch.exp(-ramp.square() / (2 * 1.5**2))
    window = (line[:, None] * line / line.sum() ** 2)[None, None]

    def blurred(x: Tensor) -> Tensor:
        return F.conv2d(x, window)

    x, y = (
        F.interpolate(torch.from_numpy(metrics.luma(p))[None, None].float(), (128, 128), mode="area")
        for p in (a, b)
    )
    mx, my = blurred(x), blurred(y)
    vx, vy, cov = blurred(x * x) - mx * mx, blurred(y * y) - my * my, blurred(x * y) - mx * my
    c1, c2 = 0.01**2, 0.03**2
    found = (2 * mx * my + c1) * (2 * cov + c2) / ((mx * mx + my * my + c1) * (vx + vy + c2))
    return float(found.mean())


def judge_features(judge: PictureJudge) -> Callable[[Sequence[np.ndarray]], np.ndarray]:
    """What the picture judge sees before it answers, (N, D): features that learned from abstract motifs."""

    def features(items: Sequence[np.ndarray]) -> np.ndarray:
        rows: list[Tensor] = []
        hook = judge.network.head.register_forward_pre_hook(lambda _, inputs: rows.append(inputs[0]))
        try:
            judge.estimate(items)  # reads each picture and its mirror image, in turns
        finally:
            hook.remove()
        pairs = [(a + b) / 2 for a, b in zip(rows[::2], rows[1::2], strict=True)]
        return torch.cat(pairs).double().cpu().numpy()

    return features


class BesideTeacher:
    """Compares what an arm painted with the teacher's pictures from the same noise: arm -> numbers."""

    def __init__(self) -> None:
        self.found: dict[str, dict[str, list[float]]] = {}
        self._teacher: Sequence[np.ndarray] = ()

    def __call__(self, arm: str, caption: int, seed: int, items: Sequence[np.ndarray]) -> None:
        if arm == TEACHER:
            self._teacher = items
            return
        mine = self.found.setdefault(arm, {"psnr": [], "ssim": []})
        mine["psnr"] += [peak_signal_to_noise(a, b) for a, b in zip(items, self._teacher, strict=True)]
        mine["ssim"] += [structural_similarity(a, b) for a, b in zip(items, self._teacher, strict=True)]


# -- numbers of arms ---------------------------------------------------------------------------------------


def mean_and_interval(values: np.ndarray, captions: np.ndarray, resamples: int) -> dict[str, Any]:
    """{"mean", "interval"} of numbers (N,), by caption."""
    interval = metrics.cluster_bootstrap(captions, lambda rows: values[rows].mean(-1), resamples)
    return {"mean": float(values.mean()), "interval": list(interval)}


def distance_and_interval(
    x: np.ndarray, y: np.ndarray, captions: np.ndarray, resamples: int, seed: int = 0
) -> dict[str, Any]:
    """KID (`metrics.kernel_distance`, pairs inside a caption left out) and its interval by caption."""

    def kernel(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return (a @ b.T / x.shape[1] + 1) ** 3

    both = kernel(x, x) + kernel(y, y) - 2 * kernel(x, y)
    count = captions.max() + 1
    of = np.eye(count)[captions]  # (N, C)
    blocks = of.T @ both @ of / np.outer(of.sum(0), of.sum(0))
    rng, drawn = np.random.default_rng(seed), []
    for _ in range(resamples):
        some = rng.integers(0, count, count)
        unlike = some[:, None] != some
        drawn.append((blocks[np.ix_(some, some)] * unlike).sum() / max(1, unlike.sum()))
    interval = [float(q) for q in np.quantile(drawn, (0.025, 0.975))]
    return {"mean": metrics.kernel_distance(x, y, captions), "interval": interval}


def smoothness(
    pipe: EmotiveImagePipeline, captions: Sequence[PictureCaption], steps: int
) -> dict[str, float]:
    """Frames once round the plane from one noise: the mean change from one to the next, in levels of 255, and
    the largest over the median one, 1 where the picture changes evenly. A mean over captions."""
    angles = np.linspace(0, 2 * np.pi, FRAMES, endpoint=False)
    circle = [Affect(0.7 * float(np.cos(a)), 0.7 * float(np.sin(a))) for a in angles]
    means, jumps = [], []
    for one in captions:
        frames = np.stack(pictures(pipe, one.text, circle, one.noise(1), steps, texture=0.0)).astype(
            np.float32
        )
        change = np.abs(frames - np.roll(frames, 1, 0)).mean((1, 2, 3))
        means.append(change.mean())
        jumps.append(change.max() / np.median(change))
    return {"mean_change": float(np.mean(means)), "largest_over_median": float(np.mean(jumps))}


def numbers(
    found: Mapping[str, Measurements],
    beside: BesideTeacher,
    judges: Sequence[str],
    split: int,
    resamples: int,
) -> dict[str, Any]:
    """arm -> control by judge, content, quality."""
    report: dict[str, Any] = {}
    spaces = {"scene": slice(0, split), "motifs": slice(split, None)}
    for arm, mine in found.items():
        captions = mine.caption
        right = np.stack(list(mine.content.values()), 1).mean(1)
        quality = {
            name: mean_and_interval(values, captions, resamples) for name, values in mine.qualities.items()
        }
        for name, values in beside.found.get(arm, {}).items():
            quality[f"{name}_to_teacher"] = mean_and_interval(np.array(values), captions, resamples)
        for other, key in ((TEACHER, "teacher"), (PAINTINGS, "paintings")):
            if arm != other:
                for space, columns in spaces.items():
                    pair = mine.features[:, columns], found[other].features[:, columns]
                    quality[f"kid_{space}_to_{key}"] = distance_and_interval(*pair, captions, 1000)
        report[arm] = {
            "control": {judge: control(mine, judge, resamples) for judge in judges},
            "content": {**content(mine), "accuracy_interval": mean_and_interval(right, captions, resamples)},
            "quality": quality,
        }
    return report


def table(report: Mapping[str, Any]) -> str:
    """The report's numbers as Markdown."""

    def cell(of: Mapping[str, Any] | None, digits: int = 3, scale: float = 1.0) -> str:
        if of is None:
            return ""
        value = of.get("mean", of.get("ccc"))
        low, high = (f"{scale * v:.{digits}f}" for v in of["interval"])
        return f"{scale * value:.{digits}f} ({low} to {high})"  # type: ignore[operator]

    head = ["pictures", "valence CCC", "arousal CCC", "Spearman V, A", "leakage V to A, A to V"]
    head += ["published judge: Spearman V, A", "content right"]
    lines = ["### Control and content", "", _row(head), _row(["---"] * len(head))]
    for arm, of in report["arms"].items():
        learned, published = of["control"]["picture"], of["control"]["published"]
        axes = learned["axes"]
        row = [arm, cell(axes["valence"]), cell(axes["arousal"])]
        row += [", ".join(f"{axes[a]['spearman']:.3f}" for a in axes)]
        row += [", ".join(f"{v:.3f}" for v in learned["leakage"].values())]
        row += [", ".join(f"{published['axes'][a]['spearman']:.3f}" for a in axes)]
        lines.append(_row([*row, cell(of["content"]["accuracy_interval"])]))
    mixed = report["shuffled"]["picture"]["axes"]
    ccc, rank = ([f"{mixed[a][k]:.3f}" for a in mixed] for k in ("ccc", "spearman"))
    lines.append(_row(["1 step, requests shuffled", *ccc, ", ".join(rank), "", "", ""]))

    head = ["pictures", "PSNR to 20 steps, dB", "SSIM to 20 steps", "1000 KID to 20 steps, scene features"]
    head += ["same, motif features", "1000 KID to paintings, scene features"]
    head += ["fine detail / paintings", "drawn detail / 20 steps", "sharpness / 20 steps"]
    lines += ["", "### Quality", "", _row(head), _row(["---"] * len(head))]
    fine = report["arms"][PAINTINGS]["quality"]["fine_detail"]["mean"]
    teacher = report["arms"][TEACHER]["quality"]
    for arm, of in report["arms"].items():
        q = of["quality"]
        row = [arm, cell(q.get("psnr_to_teacher"), 2), cell(q.get("ssim_to_teacher"))]
        row += [cell(q.get(f"kid_{space}_to_teacher"), 2, 1000) for space in ("scene", "motifs")]
        row += [cell(q.get("kid_scene_to_paintings"), 2, 1000), cell(q["fine_detail"], 2, 1 / fine)]
        row += [cell(q[k], 2, 1 / teacher[k]["mean"]) for k in ("drawn_detail", "sharpness")]
        lines.append(_row(row))

    head = ["frames round the plane", "mean change, of 255", "largest change / median"]
    lines += ["", "### From frame to frame", "", _row(head), _row(["---"] * len(head))]
    for arm, of in report["smoothness"].items():
        lines.append(_row([arm, f"{of['mean_change']:.2f}", f"{of['largest_over_median']:.2f}"]))
    return "\n".join(lines) + "\n"


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def opened(model: str, device: str) -> EmotiveImagePipeline:
    """A pipeline in the precision that the weights have."""
    pipe = EmotiveImagePipeline.from_pretrained(model, dtype=torch.bfloat16).to(device)
    pipe.set_progress_bar_config(disable=True)
    return pipe


def main() -> None:
    """Paints, reads, writes."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default="emotive-image-1")
    parser.add_argument("--reference", help="whose 20 steps the pictures are compared with; the model's own")
    parser.add_argument("--steps", type=int, nargs="+", default=[1, 2, 4, 8])
    parser.add_argument("--captions", type=int, default=24)
    parser.add_argument("--grid", type=int, nargs=2, default=[5, 5], metavar=("ROWS", "COLUMNS"))
    parser.add_argument("--resamples", type=int, default=2000)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("-o", "--output", type=Path, default=Path("few-steps"))
    options = parser.parse_args()
    if options.steps[0] != 1:
        parser.error("--steps must begin with 1: the shuffled requests are those of one step")

    pipe = opened(options.model, options.device)
    reference = opened(options.reference, options.device) if options.reference else pipe
    judges = {"picture": PictureJudge.from_pretrained(PICTURE_JUDGE), "published": PublishedJudge()}
    reader = SceneReader.from_pretrained("emotive-scene-reader-1")
    captions, beside = held_out_captions(options.captions), BesideTeacher()
    motifs = judge_features(judges["picture"])

    def right(caption: PictureCaption, items: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
        reading = reader.read(items)
        wanted = {of.name: getattr(caption.scene, of.name) or "none" for of in fields(Scene)}
        return {kind: np.array(reading.names(kind)) == name for kind, name in wanted.items()}

    def nuisances(items: Sequence[np.ndarray]) -> np.ndarray:
        seen = [picture_attributes(item) for item in items]
        return np.array([[getattr(of, name) for name in NUISANCES] for of in seen])

    def each(of: Callable[[np.ndarray], float]) -> Callable[[Sequence[np.ndarray]], np.ndarray]:
        return lambda items: np.array([of(item) for item in items])

    protocol = Protocol(
        captions,
        affect_grid(*options.grid),
        (1,),
        paint_arms(pipe, reference, options.steps),
        judges,
        nuisances,
        content=right,
        features=lambda items: np.concatenate([reader.features(items), motifs(items)], 1),
        qualities={
            "fine_detail": each(lambda p: metrics.high_frequency_energy(p, CYCLES)),
            "drawn_detail": each(drawn_detail),
            "sharpness": each(sharpness),
        },
        show=beside,
    )
    found = run(protocol, lambda line: print(line, end="\033[K\r", flush=True))
    split = reader.features([np.zeros((64, 64, 3), np.uint8)]).shape[1]
    some = captions[:4]
    report = {
        "emotive": emotive.__version__,
        "created": now(),
        "model": {"name": pipe.name, "fingerprint": pipe.fingerprint()},
        "reference": {"name": reference.name, "fingerprint": reference.fingerprint()},
        "judges": {name: judge.fingerprint() for name, judge in judges.items()},
        "made_on": {
            "device": options.device,
            "dtype": "bfloat16",
            "threads": torch.get_num_threads(),
            "torch": torch.__version__,
            "cores": os.cpu_count(),
        },
        "captions": [c.text for c in captions],
        "pictures": len(found[TEACHER].requested),
        "resamples": options.resamples,
        "arms": numbers(found, beside, list(judges), split, options.resamples),
        "shuffled": {judge: chance(found["1 step"], judge) for judge in judges},
        "smoothness": {
            **{name_of(n): smoothness(pipe, some, n) for n in options.steps if n <= 8},
            TEACHER: smoothness(reference, some, 20),
        },
    }
    options.output.mkdir(parents=True, exist_ok=True)
    text = table(report)
    for name, made in (("few-steps.json", json.dumps(report, indent=1) + "\n"), ("few-steps.md", text)):
        write_whole(options.output / name, made.encode())
    print("\033[K" + text)


if __name__ == "__main__":
    main()
