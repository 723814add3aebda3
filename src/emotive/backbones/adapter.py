"""What passes between a backbone and what gives it affect: embeds in, conditionings out.

A backbone is conditioned on the embeds of its prompt. An `AffectAdapter` answers for a prompt and a point of
affect with one or more conditionings and the weights of their predictions: one with weight 1 if it moves the
embeds (directions, mapper, EmotiCrafter), several that sum to 1 if it blends predictions (blend).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor

from emotive.errors import InputError

MAX_STRENGTH = 10.0


@dataclass(frozen=True)
class PromptEmbeds:
    """What a backbone's text encoders make of B prompts.

    tokens: (B, K, D), what the denoiser attends to. pooled: (B, P), or None where the family has none.
    content: bool (B, K), the tokens that say the prompt; without start, end and padding. A row with no
    words of its own (the empty prompt) has every token but the first.
    """

    tokens: Tensor
    pooled: Tensor | None
    content: Tensor

    def check(self, whose: str) -> None:
        """Raises InputError if they are not finite."""
        for name, part in (("tokens", self.tokens), ("pooled", self.pooled)):
            if part is not None and not torch.isfinite(part).all():
                raise InputError(f"{whose}: {name} of the prompt embeds are not finite (NaN or infinite)")


@dataclass(frozen=True)
class Prompts:
    """B prompts as an adapter gets them.

    texts: None if the caller gave embeds; rows already repeated for `num_images_per_prompt`. encode: other
    texts, one a row, to embeds as the backbone would make them. source: whose encoder that is, which an
    adapter checks once. several: its encoders were given different texts (prompt_2).
    """

    embeds: PromptEmbeds
    texts: tuple[str, ...] | None
    encode: Callable[[Sequence[str]], PromptEmbeds]
    source: Any = None
    several: bool = False


class Part(NamedTuple):
    """One conditioning and the weights (B,) of what the denoiser predicts from it."""

    embeds: PromptEmbeds
    weight: Tensor


class AffectAdapter(Protocol):
    """Gives a backbone affect. Adapters that hold numbers also `save(folder)` and `load(folder)`."""

    @property
    def name(self) -> str:
        """What it is called in provenance: "directions", "blend", "mapper", "emoticrafter"."""
        ...

    def __call__(self, prompts: Prompts, points: Tensor, strength: float) -> list[Part]:
        """Prompts and points (B, 3) of valence, arousal, dominance in [-1, 1], float32, NaN where dominance
        is unset -> conditionings whose weights sum to 1 in every row.

        `strength` lies in 0..10, 0 excluded; 1 is the affect as given. Raises InputError where it cannot be
        honoured, WeightsError if the adapter was made for another text encoder.
        """
        ...

    def fingerprint(self) -> str:
        """64 hex digits over the adapter's numbers."""
        ...


def moved(content: Tensor) -> Tensor:
    """The tokens that affect moves, bool (B, K): every one from the first word on. CLIP, which reads from
    left to right, sums a prompt up in those behind its words, which denoisers read, too."""
    return content.cumsum(1) > 0


def only(embeds: PromptEmbeds) -> list[Part]:
    """What an adapter answers that moves the embeds: this conditioning alone."""
    return [Part(embeds, torch.ones(len(embeds.tokens), device=embeds.tokens.device))]


def check_strength(strength: float) -> float:
    """Raises InputError unless it is a number in 0..10."""
    if isinstance(strength, bool) or not isinstance(strength, (int, float)):
        raise InputError(f"affect_strength is a number, not {type(strength).__name__}")
    if not 0 <= strength <= MAX_STRENGTH:
        raise InputError(f"affect_strength must lie in 0..{MAX_STRENGTH:g}, not {strength:g}")
    return float(strength)
