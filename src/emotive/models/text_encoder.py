"""Words -> condition tokens: a small text encoder with its own vocabulary.

A prompt is read as one word per kind (subject, setting, time, weather); kinds that it leaves unsaid have a
token of their own, and a prompt that leaves all of them unsaid is the null prompt of guidance: pure mood.
"""

from __future__ import annotations

import re
import unicodedata
import warnings
from typing import Any, NamedTuple

import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from torch import Tensor, nn

from emotive.errors import InputError

from .blocks import MLP

LONGEST_PROMPT = 2000


class TextFeatures(NamedTuple):
    """tokens (B, K, D), one per kind of word, and pooled (B, D)."""

    tokens: Tensor
    pooled: Tensor


class SceneTextEncoder(ModelMixin, ConfigMixin):
    """Encodes prompts over `vocabulary`: kind -> name -> words, the first of them being the name.

    `function_words` are read over in silence; every other unknown word is named in a warning.
    """

    @register_to_config
    def __init__(
        self, vocabulary: dict[str, dict[str, list[str]]], function_words: list[str], dim: int = 256
    ):
        super().__init__()
        self.kinds = sorted(vocabulary)  # config.json keeps no order
        words = [(k, w) for k, kind in enumerate(self.kinds) for ws in vocabulary[kind].values() for w in ws]
        # The first len(kinds) ids mean "unsaid"; then one id per word: word -> (kind, id).
        self.ids = {w: (k, len(self.kinds) + i) for i, (k, w) in enumerate(sorted(words))}
        self.function_words = set(function_words)
        self.embedding = nn.Embedding(len(self.kinds) + len(words), dim)
        self.norm = nn.LayerNorm(dim)
        self.pool = MLP(len(self.kinds) * dim, dim)
        nn.init.normal_(self.embedding.weight, std=0.5)

    def tokenize(self, prompts: list[str]) -> Tensor:
        """Prompts -> int64 ids (B, K).

        Raises:
            InputError: a prompt is not text, is too long, or has words but no known subject or setting.
        """
        return torch.tensor([self._read(p) for p in prompts])

    def _read(self, prompt: Any) -> list[int]:
        if not isinstance(prompt, str):
            raise InputError(f"a prompt is text, not {type(prompt).__name__}")
        if len(prompt) > LONGEST_PROMPT:
            raise InputError(f"the prompt has {len(prompt)} characters; at most {LONGEST_PROMPT} are read")
        row, more = list(range(len(self.kinds))), []
        unknown = [c for c in prompt if unicodedata.category(c) == "So"]  # a pictograph is a word too
        words = re.findall(r"[^\W_]+", prompt.lower())
        for word in words:
            match = self.ids.get(word) or self.ids.get(word.removesuffix("s")) or self.ids.get(word + "s")
            if match is None:
                if word not in self.function_words:
                    unknown.append(word)
            elif row[match[0]] == match[0]:
                row[match[0]] = match[1]
            elif row[match[0]] != match[1]:
                more.append(word)
        known = {self.kinds[k] for k, i in enumerate(row) if i != k}
        if (known or unknown) and not known & {"subject", "setting"}:
            subjects = ", ".join(self.config.vocabulary["subject"])  # type: ignore[attr-defined]
            raise InputError(
                f"the prompt {prompt[:60]!r} names nothing that this model can draw; it knows {subjects} "
                "(all words: emotive info --vocabulary)"
            )
        problems = ("words this model does not know", unknown), ("one word of a kind is drawn", more)
        for why, left in problems:
            if left:
                warnings.warn(f"{why}; left out: {', '.join(dict.fromkeys(left))[:200]}", stacklevel=2)
        return row

    def null(self, batch: int) -> Tensor:
        """Ids of the null prompt, (B, K)."""
        return torch.arange(len(self.kinds)).expand(batch, -1)

    def forward(self, ids: Tensor) -> TextFeatures:
        tokens = self.norm(self.embedding(ids))
        return TextFeatures(tokens, self.pool(tokens.flatten(1)))
