"""Directions in our picture model: a shift of the point of affect, and of how time and weather are said.

The mood is moved where it has coordinates, so that it stays among the moods that the model knows, whatever is
added. Of the words, those that say how a scene is lit and what the weather is are moved, never what stands in
it: the scene stays what it was.

offsets: "affect" (3,), added to valence, arousal and dominance; "text.tokens" (K, D) and "text.pooled" (D,),
added to what the text encoder makes of a prompt.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import torch
from torch import Tensor

from emotive.affect import Affect
from emotive.errors import InputError
from emotive.models.affect_embedding import AffectEmbedding
from emotive.models.text_encoder import SceneTextEncoder, TextFeatures

from .basis import Basis
from .direction import Directions, elsewhere, opened

CONTENT = ("subject", "setting")  # kinds of words that stay
MOOD = 0.5  # of the affect space, which spans -1..1, to one unit: a typical picture lies halfway out
WORDS = 1.3  # whitened, a word lies at most 2 out; so far it must be said to be seen
KEYS = ("affect", "text.tokens", "text.pooled")


@dataclass(frozen=True, eq=False)
class SceneShift:
    """What directions add. affect: (3,); tokens: (K, D); pooled: (D,)."""

    affect: Tensor
    tokens: Tensor
    pooled: Tensor

    def moved(self, affect: Affect, strength: float) -> Affect:
        """`affect`, at `strength` times its distance from neutral, moved and kept in [-1, 1]."""
        point = torch.from_numpy(affect.as_array()) * strength
        if strength == 0 or self.affect[2] != 0:
            point = point.nan_to_num(0)
        v, a, d = (point + self.affect).clamp(-1, 1).tolist()
        return Affect(v, a, None if d != d else d)

    def said(self, text: TextFeatures) -> TextFeatures:
        """What the text encoder made of the prompts, moved."""
        return TextFeatures(
            text.tokens + self.tokens.to(text.tokens), text.pooled + self.pooled.to(text.pooled)
        )


def scene_shift(
    directions: Directions, text_encoder: SceneTextEncoder, affect_embedding: AffectEmbedding
) -> SceneShift | None:
    """The sum of directions, by name or file and how far (-3..3); None if it is nothing at all.

    Raises InputError if one is not there, is out of range or belongs to another model.
    """
    found = opened(directions)
    if not found:
        return None
    probe = scene_probe(text_encoder, affect_embedding)
    total: dict[str, Tensor] = {}
    for direction, amount in found:
        if set(direction.offsets) != set(KEYS) or not direction.same_space(probe):
            raise elsewhere(direction)
        for key in KEYS:
            total[key] = total.get(key, torch.zeros(())) + amount * direction.offsets[key]
    return SceneShift(*(total[key] for key in KEYS))


@torch.no_grad()
def scene_basis(text_encoder: SceneTextEncoder, affect_embedding: AffectEmbedding, space: str) -> Basis:
    """The axes of our picture model: valence, arousal, dominance, then, for every kind of word that is no
    content (time, weather), the whitened principal components of its words: one fewer than it has words.

    Whitened so, all words of a kind lie equally far out and equally far from each other, and any order of
    them is a linear preference. `space` is the model in words.
    """
    vocabulary: dict[str, dict[str, list[str]]] = text_encoder.config["vocabulary"]
    names, tokens, pooled = ["valence", "arousal", "dominance"], [], []
    rows = [vocabulary[kind] for kind in CONTENT if kind in vocabulary]
    scenes = torch.cat([text_encoder.tokenize([" ".join(names)]) for names in itertools.product(*rows)])
    scenes = scenes.to(text_encoder.embedding.weight.device)
    for i, kind in enumerate(text_encoder.kinds):
        if kind in CONTENT:
            continue
        said = []
        for words in vocabulary[kind].values():
            with_word = scenes.clone()
            with_word[:, i] = text_encoder.ids[words[0]][1]
            features = text_encoder(with_word)
            said.append(torch.cat([features.tokens[0, i], features.pooled.mean(0)]).float().cpu())
        apart = torch.stack(said) - torch.stack(said).mean(0)
        _, lengths, components = torch.linalg.svd(apart, full_matrices=False)
        n, d = len(said) - 1, len(components[0]) // 2
        components = components * components.sum(1, keepdim=True).sign()  # of the two signs, always one
        axes = WORDS * components[:n] * (lengths[:n, None] / len(said) ** 0.5)
        own = torch.zeros(n, len(text_encoder.kinds), d)
        own[:, i] = axes[:, :d]
        tokens.append(own)
        pooled.append(axes[:, d:])
        names += [f"{kind} {k + 1}" for k in range(n)]
    if not tokens:
        raise InputError("this model has no words for time or weather to search along")
    offsets = {
        "affect": torch.cat([MOOD * torch.eye(3), torch.zeros(len(names) - 3, 3)]),
        "text.tokens": torch.cat([torch.zeros(3, *tokens[0].shape[1:]), *tokens]),
        "text.pooled": torch.cat([torch.zeros(3, pooled[0].shape[1]), *pooled]),
    }
    return Basis(tuple(names), offsets, space, scene_probe(text_encoder, affect_embedding))


@torch.no_grad()
def scene_probe(text_encoder: SceneTextEncoder, affect_embedding: AffectEmbedding) -> Tensor:
    """The probe of our picture model, (Q,): what it makes of the empty prompt and of the neutral point."""
    ids = text_encoder.null(1).to(text_encoder.embedding.weight.device)
    neutral = torch.zeros(1, 3, device=affect_embedding.frequencies.device)
    parts = text_encoder(ids).pooled[0], affect_embedding(neutral).pooled[0]
    return torch.cat([part.detach().float().cpu() for part in parts])
