"""Affect without training, by blending predictions: a noise or velocity for each pole, at every step.

CogBlender (2026) interpolates the velocities predicted for prompts at the extremes of a scale by the scores
that are asked for. Here the extremes are the poles of valence, arousal and dominance and the corners between
them, put into words; the weights are multilinear in the point, so they are never negative and sum to 1: what
is predicted stays inside what the backbone predicts for prompts that people write.
"""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from emotive.errors import InputError

from .adapter import Part, Prompts

# (valence, arousal, dominance), each -1, 0 or 1 -> how a prompt says it. The words are named emotions of that
# corner in Russell & Mehrabian 1977, and what a picture of them shows.
PHRASES: Mapping[tuple[int, int, int], str] = {
    (1, 0, 0): "pleasant, happy, lovely mood",
    (-1, 0, 0): "unpleasant, unhappy, dismal mood",
    (0, 1, 0): "intense, aroused, dramatic, energetic mood",
    (0, -1, 0): "calm, still, quiet, sleepy mood",
    (1, 1, 0): "joyful, excited, exuberant mood",
    (1, -1, 0): "serene, relaxed, peaceful mood",
    (-1, 1, 0): "terrifying, furious, violent mood",
    (-1, -1, 0): "sad, gloomy, lonely, weary mood",
}
DOMINANCE = {1: "powerful, proud", -1: "helpless, fragile"}


@dataclass(frozen=True)
class AffectBlend:
    """Blends what is predicted for the prompt as it is and for the prompt at the poles of affect.

    A step calls the denoiser once for the prompt and once for every pole with weight: at most four times with
    valence and arousal, eight with dominance. Needs the prompt as text. `phrases` may be replaced.
    """

    phrases: Mapping[tuple[int, int, int], str] = field(default_factory=lambda: PHRASES)
    name: str = "blend"

    def fingerprint(self) -> str:
        """64 hex digits: the sha256 of the phrases."""
        said = json.dumps([[*key, text] for key, text in sorted(self.phrases.items())])
        return hashlib.sha256(said.encode()).hexdigest()

    def __call__(self, prompts: Prompts, points: Tensor, strength: float) -> list[Part]:
        """See `AffectAdapter`. Coordinates times `strength` are cut off at +-1: beyond, use
        `affect_guidance_scale`."""
        if prompts.texts is None:
            raise InputError("blending needs the prompt as text: give prompt= rather than prompt_embeds=")
        if prompts.several:
            raise InputError("blending takes one prompt: leave prompt_2 and prompt_3 out")
        moved = (points * strength).nan_to_num(0).clamp(-1, 1)
        sides = moved.sign().int().tolist()
        weights = moved.abs()
        parts = [Part(prompts.embeds, torch.ones(len(moved), device=moved.device))]
        for corner in itertools.product((0, 1), repeat=3):
            on = torch.tensor(corner, dtype=torch.bool, device=moved.device)
            weight = torch.where(on, weights, 1 - weights).prod(1)
            if not any(corner):
                parts[0] = Part(prompts.embeds, weight)
            elif weight.any():
                asked = [self._said(text, [s * on for s, on in zip(side, corner, strict=True)])
                         for text, side in zip(prompts.texts, sides, strict=True)]  # fmt: skip
                said = prompts.encode(asked)
                unsaid = (said.tokens == prompts.embeds.tokens).flatten(1).all(1)
                if (unsaid & (weight > 0).to(unsaid.device)).any():
                    raise InputError(
                        "the prompt fills the text encoder and leaves no room for a mood: shorten it"
                    )
                parts.append(Part(said, weight))
        return parts

    def _said(self, text: str, pole: list[int]) -> str:
        valence, arousal, dominance = pole
        words = [DOMINANCE[dominance]] if dominance else []
        if valence or arousal:
            words.append(self.phrases[valence, arousal, 0])
        return ", ".join(filter(None, [text.strip().rstrip(",."), *words]))
