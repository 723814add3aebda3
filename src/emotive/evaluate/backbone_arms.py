"""What paints in the measurement of a backbone: the prompt alone, words in the prompt, adapters.

Pictures are kept on disk as they are made, in a folder for everything that decides how they look, so that a
run that was stopped goes on, and another adapter does not paint the plain pictures again.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from emotive.affect import Affect, emotions
from emotive.backbones.adapter import AffectAdapter
from emotive.backbones.sampling_defaults import guidance_options
from emotive.data.scenes import Scene
from emotive.errors import InputError
from emotive.media import write_whole
from emotive.pipelines.with_affect import with_affect

from .colour_grade import colour_grade

# How much an adverb multiplies what an adjective says (Cliff 1959, Psychological Review 66:27-44).
ADVERBS = {"slightly": 0.54, "very": 1.25, "extremely": 1.45}
NOT_BEFORE_NOUNS = ("neutral", "wonder", "enjoyment", "in love")
GRADE_SIDE = 256  # px; judges look at no more


@dataclass(frozen=True)
class BackbonePrompt:
    """A prompt without affect. `scene`: what a picture of it shows, if a recogniser can tell."""

    text: str
    number: int
    scene: Scene | None = None


@dataclass(frozen=True)
class Sampling:
    """How every picture is sampled. size: (width, height) in pixels."""

    steps: int
    guidance: float
    size: tuple[int, int]
    negative_prompt: str = ""


@dataclass
class Painter:
    """Paints with one backbone and keeps what it painted in `folder`.

    batch: pictures at once. seconds, painted: what was spent on which number of pictures, by arm, now.
    """

    pipe: Any
    sampling: Sampling
    folder: Path
    batch: int = 5
    seconds: dict[str, float] = field(default_factory=dict)
    painted: dict[str, int] = field(default_factory=dict)

    def paint(
        self,
        arm: str,
        text: str,
        seed: int,
        affects: Sequence[Affect] | None = None,
        texts: Sequence[str] | None = None,
        adapter: AffectAdapter | None = None,
        strength: float = 1.0,
    ) -> list[np.ndarray]:
        """Pictures uint8 (H, W, 3), all from the noise of `seed`: of each of `texts` without affect, or of
        `text` in each of `affects` through `adapter`. What was painted before is read."""
        wanted = [text] * len(affects or ()) if texts is None else list(texts)
        settings = {"strength": strength, "adapter": adapter.fingerprint() if adapter else None}
        folder = self._folder(settings if affects else {})
        points = [(a.valence, a.arousal, a.dominance) for a in affects] if affects else [None] * len(wanted)
        files = [folder / f"{_key(t, seed, p)}.png" for t, p in zip(wanted, points, strict=True)]
        missing = [i for i, file in enumerate(files) if not file.exists()]
        if adapter is not None:
            with_affect(self.pipe, adapter)
        for start in range(0, len(missing), self.batch):
            rows = missing[start : start + self.batch]
            began = time.perf_counter()
            some = [affects[i] for i in rows] if affects else None
            made = self._call([wanted[i] for i in rows], seed, some, strength)
            self.seconds[arm] = self.seconds.get(arm, 0.0) + time.perf_counter() - began
            self.painted[arm] = self.painted.get(arm, 0) + len(rows)
            for i, picture in zip(rows, made, strict=True):
                buffer = io.BytesIO()
                picture.save(buffer, "PNG")
                write_whole(files[i], buffer.getvalue())
        return [np.asarray(Image.open(file).convert("RGB")) for file in files]

    def _call(
        self, texts: list[str], seed: int, affects: list[Affect] | None, strength: float
    ) -> list[Image.Image]:
        width, height = self.sampling.size
        options: dict[str, Any] = {
            "num_inference_steps": self.sampling.steps,
            "width": width,
            "height": height,
            # On the CPU, so that the noise is the same on every device.
            "generator": [torch.Generator().manual_seed(seed) for _ in texts],
        }
        options |= guidance_options(
            self.pipe, self.sampling.negative_prompt, self.sampling.guidance, len(texts)
        )
        if affects is not None:
            options |= {"affect": affects, "affect_strength": strength}
        return self.pipe(texts, **options).images

    def _folder(self, settings: Mapping[str, Any]) -> Path:
        """The folder of pictures made in one way; `made.json` in it says which."""
        sampling = self.sampling
        made = {
            "backbone": getattr(self.pipe, "backbone_sha256", ""),
            "scheduler": dict(self.pipe.scheduler.config),
            "steps": sampling.steps,
            "guidance": sampling.guidance,
            "size": list(sampling.size),
            "negative_prompt": sampling.negative_prompt,
            "dtype": str(self.pipe.dtype),
            **settings,
        }
        told = json.dumps(made, indent=1, sort_keys=True, default=str)
        folder = self.folder / hashlib.sha256(told.encode()).hexdigest()[:16]
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as wrong:
            raise InputError(f"cannot make the folder {folder}: {wrong.strerror or wrong}") from wrong
        if not (folder / "made.json").exists():
            write_whole(folder / "made.json", told.encode())
        return folder


@dataclass(frozen=True)
class AdapterArm:
    """An adapter, how strongly it is used, and what it is called in the report."""

    label: str
    adapter: AffectAdapter
    strength: float = 1.0


def backbone_arms(painter: Painter, adapters: Sequence[AdapterArm]) -> dict[str, Any]:
    """Arms of the protocol: "constant", "colour_grade", "words", "degrees", and each adapter's label.

    An arm takes a `BackbonePrompt`, affects and a seed, and gives a picture for each affect.
    """

    def neutral(prompt: BackbonePrompt, seed: int) -> np.ndarray:
        return painter.paint("constant", prompt.text, seed, texts=[prompt.text])[0]

    def constant(prompt: BackbonePrompt, affects: Sequence[Affect], seed: int) -> list[np.ndarray]:
        return [neutral(prompt, seed)] * len(affects)

    def graded(prompt: BackbonePrompt, affects: Sequence[Affect], seed: int) -> list[np.ndarray]:
        picture = Image.fromarray(neutral(prompt, seed))
        picture.thumbnail((GRADE_SIDE, GRADE_SIDE), Image.Resampling.BOX)
        return colour_grade(np.asarray(picture), affects)

    def words(arm: str, adverbs: Mapping[str, float]):
        def paint(prompt: BackbonePrompt, affects: Sequence[Affect], seed: int) -> list[np.ndarray]:
            said = [in_words(prompt.text, affect, adverbs) for affect in affects]
            unlike = list(dict.fromkeys(said))
            made = dict(zip(unlike, painter.paint(arm, prompt.text, seed, texts=unlike), strict=True))
            return [made[text] for text in said]

        return paint

    def felt(arm: AdapterArm):
        def paint(prompt: BackbonePrompt, affects: Sequence[Affect], seed: int) -> list[np.ndarray]:
            how = {"adapter": arm.adapter, "strength": arm.strength}
            return painter.paint(arm.label, prompt.text, seed, affects=affects, **how)

        return paint

    return {
        "constant": constant,
        "colour_grade": graded,
        "words": words("words", {}),
        "degrees": words("degrees", ADVERBS),
        **{arm.label: felt(arm) for arm in adapters},
    }


def in_words(text: str, affect: Affect, adverbs: Mapping[str, float]) -> str:
    """The prompt with the named emotion that lies nearest in valence and arousal, as people write it: "a
    house" -> "a sad house"; as it is where the nearest is neutral. `adverbs` multiply the terms' points.

    >>> in_words("a house by the sea", Affect(-0.63, -0.27), {})
    'a sad house by the sea'
    """
    points = {"": (0.0, 0.0)}
    for e in emotions():
        if e.term not in NOT_BEFORE_NOUNS:
            points[e.term] = (e.valence, e.arousal)
            for adverb, k in adverbs.items():
                points[f"{adverb} {e.term}"] = (k * e.valence, k * e.arousal)
    at = (affect.valence, affect.arousal)
    word = min(points, key=lambda w: sum((a - b) ** 2 for a, b in zip(points[w], at, strict=True)))
    if not word:
        return text
    start = re.match(r"(an?|the|some)\s+", text, re.IGNORECASE)
    if start is None:
        return f"{word} {text}"
    article = start[1]
    if article.lower() in ("a", "an"):
        right = "an" if word[0] in "aeiou" else "a"
        article = right.capitalize() if article[0].isupper() else right
    return f"{article} {word} {text[start.end() :]}"


def _key(text: str, seed: int, point: tuple | None) -> str:
    """The name of a picture's file."""
    return hashlib.sha256(json.dumps([text, seed, point]).encode()).hexdigest()[:24]
