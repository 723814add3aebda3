"""The backbone protocol: does what is attached to a diffusion model control affect, and what does it cost?

Every prompt is painted at every point of EmotiCrafter's grid from the same noise: by the backbone alone, with
words in the prompt, and through each adapter. Judges read the pictures. Errors are given in EmotiCrafter's
unit beside the error of always answering neutral; concordance, rank correlations, slope and leakage say what
an error cannot. What is kept of the neutral picture, of the prompt and of quality is measured beside.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

import emotive
from emotive.backbones.families import family_of
from emotive.data.scenes import Scene
from emotive.errors import InputError
from emotive.media import check_file
from emotive.media.provenance import now
from emotive.perceive.attributes import picture_attributes
from emotive.perceive.scene import SceneReader

from . import metrics
from .backbone_arms import AdapterArm, BackbonePrompt, Painter, backbone_arms
from .continuity import continuity, feature_distance, picture_distance, structure
from .peer_metrics import error, neutral_error, peer_grid, within_group_kendall
from .protocol import Judge, Measurements, Protocol, run
from .summary import AXES, chance, content, control

MEDIUM = "backbone"
NUISANCES = ("luminance", "rms_contrast", "saturation")
TILE = 96  # px, in the sheets of the report
SHOWN = 3  # prompts in the report

# Neutral prompts for when none are given: things, places, animals and people, said without feeling.
PROMPTS = (
    "a house in a meadow", "a street in a town", "a tree on a hill", "a boat on a lake",
    "a cup on a wooden table", "a dog lying on the floor", "a portrait of an old man",
    "a woman standing by a window", "a forest path", "a bridge over a river", "a cat on a chair",
    "a child holding a balloon", "a mountain and a valley", "a room with a chair and a lamp",
    "a vase of flowers", "a train at a station", "a horse in a field", "a lighthouse by the sea",
    "a man walking along a road", "a city seen from above", "a kitchen", "a market square",
    "a bird on a branch", "two people sitting on a bench",
)  # fmt: skip


def read_prompts(path: str | Path) -> list[str]:
    """The prompts of a text file, one a line; empty lines and lines that begin with # are left out.

    Raises InputError if it cannot be read or has none.
    """
    path = Path(path)
    check_file(path)
    try:
        lines = [line.strip() for line in path.read_text("utf-8-sig").splitlines()]
    except (OSError, UnicodeDecodeError) as wrong:
        raise InputError(f"cannot read {path} as UTF-8 text, one prompt a line") from wrong
    found = [line for line in lines if line and not line.startswith("#")]
    if not found:
        raise InputError(f"{path} has no prompts: write one a line")
    return found


def prompts_of(texts: Sequence[str]) -> list[BackbonePrompt]:
    """Texts as the protocol has them."""
    return [BackbonePrompt(text, i) for i, text in enumerate(texts)]


def painter_prompts(count: int) -> list[BackbonePrompt]:
    """Held-out scenes of Emotive's painter, for backbones that learned from it: these can be read back."""
    from .image import held_out_captions

    return [BackbonePrompt(c.text, c.number, c.scene) for c in held_out_captions(count)]


@dataclass(frozen=True)
class BackboneEvaluation:
    """report: what `report.json` holds. points: (arm, judge) -> (n, 4), requested valence and arousal, then
    measured. sheets: (prompt, arm -> uint8 picture), high arousal on top."""

    report: dict[str, Any]
    points: dict[tuple[str, str], np.ndarray]
    sheets: list[tuple[str, dict[str, np.ndarray]]]


def evaluate_backbone(
    painter: Painter,
    adapters: Sequence[AdapterArm],
    judges: Mapping[str, Judge],
    prompts: Sequence[BackbonePrompt],
    *,
    reader: SceneReader | None = None,
    clip: Any = None,
    levels: int = 5,
    seeds: int = 1,
    resamples: int = 2000,
    command: str = "",
    progress: Callable[[str], None] = lambda line: None,
) -> BackboneEvaluation:
    """Paints what is not painted yet, reads it and sums up.

    Args:
        painter: the backbone, how it is sampled, and where pictures are kept.
        adapters: each is an arm, beside the prompt alone, its colour grade, and words in the prompt.
        judges: name -> judge; the first is the headline.
        prompts: without affect. Statistics resample these.
        reader: reads back what prompts with a `scene` show.
        clip: a `perceive.clip.Clip`, for CLIPScore, CLIP-IQA and continuity in its features.
        levels: 5, EmotiCrafter's grid, or 3, its ends and middle.
        seeds: noises for each prompt and request: 1, 2, ...
        resamples: of the bootstrap by prompt.
        command: as the report should tell it.
        progress: told what is done next, once for each arm, prompt and seed.

    Raises InputError for numbers that make no sense or arms of one name.
    """
    if levels not in (3, 5) or not 1 <= seeds <= 100:
        raise InputError(f"the grid has 3 or 5 levels and 1 to 100 seeds, not {levels} and {seeds}")
    arms = backbone_arms(painter, adapters)
    if len(arms) != 4 + len(adapters):
        raise InputError("two adapters have the same name: give one strength or folder once")
    affects = peer_grid(levels)
    shown = sorted({round(i * (len(prompts) - 1) / max(1, SHOWN - 1)) for i in range(SHOWN)})
    gallery = _Gallery(prompts, levels, shown, clip)

    def kept(prompt: BackbonePrompt, items: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
        if reader is None or prompt.scene is None:
            return {}
        reading = reader.read(items)
        wanted = {of.name: getattr(prompt.scene, of.name) or "none" for of in fields(Scene)}
        return {kind: np.array(reading.names(kind)) == name for kind, name in wanted.items()}

    def nuisances(items: Sequence[np.ndarray]) -> np.ndarray:
        found = [picture_attributes(item) for item in items]
        return np.array([[getattr(of, name) for name in NUISANCES] for of in found])

    def no_features(items: Sequence[np.ndarray]) -> np.ndarray:
        return np.zeros((len(items), 0))

    protocol = Protocol(
        list(prompts), affects, range(1, seeds + 1), arms, judges, nuisances, kept, no_features, show=gallery
    )  # fmt: skip
    found = run(protocol, progress)
    first = next(iter(found.values()))
    report = {
        "emotive": emotive.__version__,
        "medium": MEDIUM,
        "created": now(),
        "command": command,
        "backbone": backbone_facts(painter),
        "made_on": hardware(painter.pipe),
        "judges": {name: {"name": j.name, "fingerprint": j.fingerprint()} for name, j in judges.items()},
        "clip": None if clip is None else {"name": clip.name, "fingerprint": clip.fingerprint()},
        "prompts": [p.text for p in prompts],
        "grid": [levels, levels],
        "seeds": list(range(1, seeds + 1)),
        "n": len(first.requested),
        "resamples": resamples,
        "nuisances": list(NUISANCES),
        "neutral_error": neutral_error(first.requested),
        "spearman_ceiling": metrics.spearman_ceiling(np.tile([a.valence for a in affects], seeds)),
        "adapters": {
            arm.label: {
                "kind": arm.adapter.name, "fingerprint": arm.adapter.fingerprint(), "strength": arm.strength
            }
            for arm in adapters
        },
        "arms": {
            arm: {
                "judges": {name: _control(of, name, resamples) for name in judges},
                "content": content(of),
                **gallery.summary(arm),
                "seconds_per_picture": _pace(painter, arm),
            }
            for arm, of in found.items()
        },
    }  # fmt: skip
    points = {
        (arm, name): np.concatenate([found[arm].requested, found[arm].measured[name]], 1)
        for arm in found
        if arm != "constant"
        for name in judges
    }
    sheets = [(prompts[i].text, {arm: gallery.sheet(arm, i) for arm in arms}) for i in shown]
    return BackboneEvaluation(report, points, sheets)


def batches_of(prompts: int, seeds: int, adapters: int) -> int:
    """How often `evaluate_backbone` tells its progress."""
    return prompts * seeds * (4 + adapters)


def backbone_facts(painter: Painter) -> dict[str, Any]:
    """What was measured and how it was sampled."""
    pipe, sampling = painter.pipe, painter.sampling
    family = family_of(pipe)
    denoiser = getattr(pipe, family.denoiser)
    return {
        "name": str(pipe.config.get("_name_or_path", "")) or "in memory",
        "family": family.name,
        "pipeline": type(pipe).__name__,
        "parameters": sum(p.numel() for p in denoiser.parameters()),
        "fingerprint": getattr(pipe, "backbone_sha256", ""),
        "scheduler": type(pipe.scheduler).__name__,
        "steps": sampling.steps,
        "guidance": sampling.guidance,
        "size": list(sampling.size),
        "negative_prompt": sampling.negative_prompt,
    }


def hardware(pipe: Any) -> dict[str, Any]:
    """Where the numbers come from."""
    device = pipe._execution_device  # where it computes, wherever its weights wait
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else _processor()
    return {
        "device": f"{device.type}: {name}",
        "dtype": str(pipe.dtype).removeprefix("torch."),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
    }


def _processor() -> str:
    """What the machine calls its processor."""
    import platform

    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        lines = []
    named = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
    return named or platform.processor() or platform.machine()


def _control(found: Measurements, judge: str, resamples: int) -> dict[str, Any]:
    """The numbers of one arm under one judge: ours, EmotiCrafter's, and both with the requests shuffled."""
    numbers = control(found, judge, resamples)
    for k, axis in enumerate(AXES):
        x, y = found.requested[:, k], found.measured[judge][:, k]
        numbers["axes"][axis] |= {
            "kendall": within_group_kendall(x, y, found.caption),
            "error": error(x, y, found.caption, resamples),
            "spread": float(y.std()),
        }

    def off(requested: np.ndarray, measured: np.ndarray) -> np.ndarray:
        return 3 * np.abs(requested - measured).mean(0)

    times = min(200, resamples)
    shuffled = chance(found, judge, times)
    errors = metrics.shuffled(found.requested, found.measured[judge], off, times)
    for k, axis in enumerate(AXES):
        shuffled["axes"][axis]["error"] = float(errors[k])
    return {**numbers, "shuffled": shuffled}


def _pace(painter: Painter, arm: str) -> float | None:
    """Seconds a picture in this run; None if all were there already."""
    count = painter.painted.get(arm, 0)
    return painter.seconds[arm] / count if count else None


class _Gallery:
    """What is measured between pictures, and tiles of a few prompts; the pictures themselves are let go."""

    def __init__(self, prompts: Sequence[BackbonePrompt], levels: int, shown: Sequence[int], clip: Any):
        self.prompts, self.levels, self.shown, self.clip = prompts, levels, shown, clip
        self.tiles: dict[tuple[str, int], list[np.ndarray]] = {}
        self.numbers: dict[str, dict[str, list[float]]] = {}
        self._neutral: tuple[np.ndarray, Any] | None = None

    def __call__(self, arm: str, prompt: int, seed: int, items: Sequence[np.ndarray]) -> None:
        if arm == "colour_grade":
            items = [_resized(item, (self.neutral.shape[1], self.neutral.shape[0])) for item in items]
        features = None
        if self.clip is not None:
            features = self.clip.picture_features(list(items)).double().numpy()
        if arm == "constant":  # the first arm
            self._neutral = items[0], features
        neutral = self.neutral
        put = self.numbers.setdefault(arm, {}).setdefault
        unlike = {id(item): item for item in items}
        kept = {key: structure(neutral, item) for key, item in unlike.items()}
        put("structure", []).extend(kept[id(item)] for item in items)
        for name, value in continuity(picture_distance(items), self.levels, self.levels).items():
            put(f"ssim_{name}", []).append(value)
        if self.clip is not None and features is not None:
            for name, value in continuity(feature_distance(features), self.levels, self.levels).items():
                put(f"clip_{name}", []).append(value)
            text = self.prompts[prompt].text
            put("clip_score", []).extend(self.clip.clip_score(list(items), [text] * len(items)))
            put("clip_iqa", []).extend(self.clip.clip_iqa(list(items)))
        if prompt in self.shown and (arm, prompt) not in self.tiles:
            self.tiles[arm, prompt] = [_resized(item, (TILE, TILE)) for item in items]

    @property
    def neutral(self) -> np.ndarray:
        """The picture without affect of the prompt and seed that are being read."""
        assert self._neutral is not None  # "constant" is the first arm
        return self._neutral[0]

    def summary(self, arm: str) -> dict[str, Any]:
        """Means over everything; "structure_low" is the tenth percentile."""
        numbers = {name: float(np.mean(values)) for name, values in self.numbers[arm].items()}
        return {**numbers, "structure_low": float(np.quantile(self.numbers[arm]["structure"], 0.1))}

    def sheet(self, arm: str, prompt: int) -> np.ndarray:
        """The tiles of one prompt, uint8 (levels * TILE, levels * TILE, 3)."""
        n = self.levels
        tiles = np.stack(self.tiles[arm, prompt]).reshape(n, n, TILE, TILE, 3)
        return tiles.transpose(0, 2, 1, 3, 4).reshape(n * TILE, n * TILE, 3)


def _resized(picture: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    return np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.BOX))
