"""Affect without training, by moving the embeds: directions of valence, arousal and dominance, fitted once
per text encoder from how named emotions are said.

**Fit.** Every word of `phrases.WORDS` is said in every frame, so that what a scene adds is the same for all
words. For each term of Russell & Mehrabian 1977 this leaves a point p and vectors x: the mean of the tokens
that say the phrase, the mean of those behind it (its end and the padding, in which an encoder that reads from
left to right sums a prompt up), and the pooled embeds. Each x is regressed on p, x = b + p W, in a way that
keeps the axes apart (`regression`). b is what the phrases are without a feeling, and what the mere mention of
one does. It is dropped: p W is the offset from the neutral phrase, which need not be said, for it is the same
in every x.

**Length.** Each row of W is scaled to the same length: the mean distance |x - b| of the stronger half of the
terms, divided by how far out in the valence-arousal plane these stand (.83). So where strong words stand, at
strength 1, a token moves as far as a strong word moves one.

Applied, p W of its kind is added to every token but those before the prompt. It is linear in the point and in
the strength; lengths of tokens are not restored, for that would bend the line.
"""

from __future__ import annotations

import hashlib
import weakref
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from emotive.errors import InputError, WeightsError

from .adapter import Part, PromptEmbeds, Prompts, only
from .phrases import FRAMES, phrases
from .regression import AXES, FOLDS, agreement, by_term, directions, held_out

PROBE = "a house by the sea under a cloudy sky"
SAME_ENCODER = 0.5  # cosine of the probe: fine-tunes stay above; of another encoder it is about 0
Encode = Callable[[Sequence[str]], PromptEmbeds]


class Summary(NamedTuple):
    """What an encoder makes of N texts, float32 on the CPU. tokens: (N, S, 2, D), in each of S parts of the
    sequence the mean of the tokens that say the text and of those behind. pooled: (N, P) or None."""

    tokens: Tensor
    pooled: Tensor | None


@dataclass(eq=False)
class AffectDirections:
    """Moves the embeds of a prompt along directions of valence, arousal and dominance.

    Attributes:
        tokens: (S, 2, 3, D) float32, what 1 of an axis adds, in each part of the sequence, to a token that
            says the prompt and to one behind it.
        pooled: (3, P) or None, what it adds to the pooled embeds.
        starts: where the S parts of the sequence begin. One, but in Stable Diffusion 3, where the tokens of
            CLIP come before those of T5.
        probe: what the text encoder makes of `PROBE`, one row; by it another is refused.
        figures: what was measured when it was fitted; see `fit`.
        content_only: leaves the tokens behind the prompt as they are. Much weaker.
    """

    tokens: Tensor
    pooled: Tensor | None
    starts: tuple[int, ...]
    probe: Summary
    figures: Mapping[str, Any]
    content_only: bool = False
    name: str = "directions"
    _recognised: weakref.ref | None = field(default=None, init=False, repr=False)

    @classmethod
    def fit(cls, encode: Encode, batch: int = 32) -> AffectDirections:
        """Fits directions to a text encoder: a few hundred short phrases, no training, nothing random.

        `encode` gives the embeds of texts, as `plain_embeds` of a pipeline does, `batch` at a time.

        `figures` of what is returned, of the text encoder, not of pictures: "phrases" and "terms", "ccc" and
        "r2" with which each axis is read of terms that the fit was not given (`FOLDS` folds), and "step", the
        length of an offset at a pole as a share of the length of a token, for both kinds of token.

        Raises InputError if embeds are not finite, or emotion words change nothing.
        """
        said = phrases()
        starts = part_starts(encode([FRAMES[1].format(word="sad"), FRAMES[2].format(word="happy"), PROBE]))
        summary = summarised(encode, said.texts, starts, batch)
        tokens = by_term(summary.tokens, said.term)
        pooled = None if summary.pooled is None else by_term(summary.pooled, said.term)
        moved = torch.stack(
            [
                torch.stack([directions(x[:, 0], said.points), follow(x[:, 1], said.points)])
                for x in tokens.unbind(1)
            ]
        )
        probe = summarised(encode, [PROBE], starts, batch)
        steps = moved[..., 0, :].norm(dim=-1) / probe.tokens[0].norm(dim=-1).clamp(min=1e-9)
        read = held_out(tokens.flatten(1), said.points)
        return cls(
            tokens=moved,
            pooled=None if pooled is None else directions(pooled, said.points),
            starts=starts,
            probe=probe,
            figures={
                "phrases": len(said.texts),
                "terms": len(said.points),
                **agreement(read, said.points),
                "step": [[round(float(step), 4) for step in part] for part in steps],
            },
        )

    def __call__(self, prompts: Prompts, points: Tensor, strength: float) -> list[Part]:
        """See `AffectAdapter`. Dominance that is unset adds nothing."""
        embeds = prompts.embeds
        self._check(prompts)
        amounts = strength * points.nan_to_num(0).to(embeds.tokens.device, torch.float32)
        positions = torch.arange(embeds.tokens.shape[1])
        part = torch.bucketize(positions, torch.tensor(self.starts[1:]), right=True)
        offsets = _along(amounts, self.tokens.permute(2, 1, 0, 3))[:, :, part]  # (B, 2, K, D)
        # A prompt of nothing, and embeds whose words are not known, are all behind: that is most of them.
        content = embeds.content & ~embeds.content[:, 1:].all(1, keepdim=True)
        behind = (positions >= self.starts[0]).to(content.device) & ~content
        if self.content_only:
            behind = behind & embeds.content
        # A token of zeros stands for an encoder that is not there (Stable Diffusion 3 without T5).
        moving = ((content | behind) & embeds.tokens.any(-1))[..., None]
        moved = embeds.tokens.float() + torch.where(content[..., None], offsets[:, 0], offsets[:, 1])
        tokens = torch.where(moving, moved.to(embeds.tokens.dtype), embeds.tokens)
        pooled = embeds.pooled
        if pooled is not None and self.pooled is not None:
            pooled = (pooled.float() + _along(amounts.to(pooled.device), self.pooled)).to(pooled.dtype)
        return only(replace(embeds, tokens=tokens, pooled=pooled))

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_recognised": None}  # a weak reference, which cannot be copied elsewhere

    def fingerprint(self) -> str:
        """64 hex digits: the sha256 of the directions and of where they apply."""
        digest = hashlib.sha256(repr((self.starts, self.content_only)).encode())
        for tensor in (self.tokens, self.pooled):
            digest.update(b"-" if tensor is None else tensor.contiguous().numpy().tobytes())
        return digest.hexdigest()

    def save(self, folder: str | Path) -> Path:
        """Writes it as a folder that `with_affect(pipe, folder)` opens. Raises InputError."""
        from .saving import save_adapter

        optional = {"pooled": self.pooled, "probe.pooled": self.probe.pooled}
        tensors = {"tokens": self.tokens, "probe.tokens": self.probe.tokens}
        tensors |= {key: tensor for key, tensor in optional.items() if tensor is not None}
        config = {
            "starts": list(self.starts),
            "content_only": self.content_only,
            "axes": list(AXES),
            "probe": PROBE,
            "figures": dict(self.figures),
        }
        return save_adapter(folder, self.name, tensors, config, self.card())

    @classmethod
    def from_saved(cls, tensors: Mapping[str, Tensor], config: Mapping[str, Any]) -> AffectDirections:
        """The inverse of `save`. Raises ValueError or KeyError if they do not fit together."""
        tokens, pooled = tensors["tokens"].float(), tensors.get("pooled")
        starts = tuple(int(start) for start in config["starts"])
        probe = Summary(tensors["probe.tokens"].float(), tensors.get("probe.pooled"))
        parts, width = len(starts), tokens.shape[-1]
        expected = {"tokens": (parts, 2, len(AXES), width), "probe.tokens": (1, parts, 2, width)}
        if pooled is not None:
            expected |= {"pooled": (len(AXES), pooled.shape[-1]), "probe.pooled": (1, pooled.shape[-1])}
        for key, shape in expected.items():
            if tuple(tensors[key].shape) != shape or not torch.isfinite(tensors[key]).all():
                raise ValueError(f"{key} should be finite and {shape}, it is {tuple(tensors[key].shape)}")
        if config["probe"] != PROBE or not starts or list(starts) != sorted(set(starts)):
            raise ValueError("config.json names another probe, or parts out of order: fit it again")
        return cls(tokens, pooled, starts, probe, config["figures"], bool(config["content_only"]))

    def card(self) -> str:
        """The card of a saved adapter, Markdown."""
        figures = self.figures
        rows = "\n".join(
            f"| {axis} | {figures['ccc'][axis]:.2f} | {figures['r2'][axis]:.2f} |" for axis in AXES
        )
        steps = "; ".join(f"{100 * a:.0f} % and {100 * b:.0f} %" for a, b in figures["step"])
        widths = f"{self.tokens.shape[-1]} per token" + (
            "" if self.pooled is None else f", {self.pooled.shape[-1]} pooled"
        )
        return CARD.format(
            phrases=figures["phrases"], terms=figures["terms"], frames=len(FRAMES), rows=rows, steps=steps,
            widths=widths, folds=FOLDS,
        )  # fmt: skip

    def _check(self, prompts: Prompts) -> None:
        """Raises WeightsError if the embeds come from another text encoder than the one fitted."""
        embeds = prompts.embeds
        width = None if embeds.pooled is None else embeds.pooled.shape[-1]
        mine = None if self.pooled is None else self.pooled.shape[-1]
        if embeds.tokens.shape[-1] != self.tokens.shape[-1] or width != mine:
            raise WeightsError(
                f"these directions are for embeds of {self.tokens.shape[-1]} per token and {mine or 'none'} "
                f"pooled, not {embeds.tokens.shape[-1]} and {width or 'none'}: fit them to this backbone"
            )
        if prompts.texts is None:  # given embeds, a pipeline may have no encoder at all
            return
        if self._recognised is not None and self._recognised() is prompts.source is not None:
            return
        other = summarised(prompts.encode, [PROBE], self.starts, 1)
        likeness = [F.cosine_similarity(self.probe.tokens[0, :, 0], other.tokens[0, :, 0], dim=-1)]
        if self.probe.pooled is not None and other.pooled is not None:
            likeness.append(F.cosine_similarity(self.probe.pooled, other.pooled))
        if not (lowest := float(torch.cat(likeness).min())) >= SAME_ENCODER:
            raise WeightsError(
                f"these directions were fitted to another text encoder (cosine {lowest:.2f}, at least "
                f"{SAME_ENCODER} is needed): fit them to this backbone"
            )
        if prompts.source is not None:
            self._recognised = weakref.ref(prompts.source)


def part_starts(embeds: PromptEmbeds) -> tuple[int, ...]:
    """Where the parts of the sequence begin: wherever the tokens that say it begin in every row."""
    said = embeds.content
    begins = said & ~F.pad(said, (1, 0))[:, :-1]
    starts = tuple(begins.all(0).nonzero()[:, 0].tolist())
    if not starts:
        raise InputError(
            "the tokens that say a prompt begin at another place in every prompt: no family is so"
        )
    return starts


def summarised(encode: Encode, texts: Sequence[str], starts: Sequence[int], batch: int) -> Summary:
    """What an encoder makes of texts, `batch` at a time. Raises InputError if that is not finite."""
    tokens, pooled = [], []
    for i in range(0, len(texts), batch):
        embeds = encode(texts[i : i + batch])
        embeds.check("the backbone's text encoder")
        ends = [*starts[1:], embeds.tokens.shape[1]]
        rows = len(texts[i : i + batch])  # a pipeline may repeat them, for several images a prompt
        said = embeds.content[:rows].to(embeds.tokens.device, torch.float32)[..., None]
        kinds = []
        for kind in (said, 1 - said):
            sums = embeds.tokens[:rows].float() * kind
            kinds.append(
                [
                    sums[:, a:b].sum(1) / kind[:, a:b].sum(1).clamp(min=1)
                    for a, b in zip(starts, ends, strict=True)
                ]
            )
        tokens.append(torch.stack([torch.stack(means, 1) for means in kinds], 2).cpu())
        pooled.append(None if embeds.pooled is None else embeds.pooled[:rows].float().cpu())
    return Summary(torch.cat(tokens), None if pooled[0] is None else torch.cat(pooled))


def follow(vectors: Tensor, points: Tensor) -> Tensor:
    """`directions`, or zeros (3, Q) if emotion words leave the vectors (E, Q) as they are."""
    spread = (vectors - vectors.mean(0)).norm(dim=1).max()
    still = bool(spread <= 1e-5 * vectors.norm(dim=1).mean())
    return torch.zeros(len(AXES), vectors.shape[1]) if still else directions(vectors, points)


def mood_basis(encode: Encode, n: int = 12, batch: int = 32) -> tuple[dict[str, Tensor], Tensor]:
    """The moods that a text encoder tells apart: principal components of what emotion words do to its embeds.

    Returns the components, {"tokens": (n, D), and "pooled": (n, P) where there are pooled embeds}, and scales
    (n,), the standard deviation of the terms along each, largest first: component times scale is what a mood
    of average strength adds. Tokens and pooled embeds share components, each weighed by its own spread. One
    vector stands for tokens that say the prompt and those behind, and for both parts of Stable Diffusion 3.

    Raises InputError unless n lies in 1..40.
    """
    if not 1 <= n <= 40:
        raise InputError(f"a basis of moods has 1 to 40 components, not {n}")
    said = phrases()
    summary = summarised(encode, said.texts, part_starts(encode([PROBE])), batch)
    blocks = {"tokens": by_term(summary.tokens.mean((1, 2)), said.term)}
    if summary.pooled is not None:
        blocks["pooled"] = by_term(summary.pooled, said.term)
    blocks = {key: (x - x.mean(0)).double() for key, x in blocks.items()}
    spreads = {key: x.square().sum(1).mean().sqrt() for key, x in blocks.items()}
    whitened = torch.cat([x / spreads[key] for key, x in blocks.items()], 1)
    _, values, components = torch.linalg.svd(whitened, full_matrices=False)
    components = components[:n] * components[:n].sum(1, keepdim=True).sign()  # of the two signs, always one
    split = components.split([x.shape[1] for x in blocks.values()], 1)
    basis = {key: (part * spreads[key]).float() for key, part in zip(blocks, split, strict=True)}
    return basis, (values[:n] / len(said.points) ** 0.5).float()


def _along(amounts: Tensor, axes: Tensor) -> Tensor:
    """(B, ...): amounts (B, 3) of axes (3, ...). A plain sum, so that a row is the same in every batch."""
    axes = axes.to(amounts.device)
    shape = (-1,) + (1,) * (axes.ndim - 1)
    return sum(
        (amounts[:, i].view(shape) * axes[i] for i in range(1, len(axes))),
        amounts[:, 0].view(shape) * axes[0],
    )


CARD = """# Directions of affect

Offsets of valence, arousal and dominance for the embeds of one text encoder ({widths}), fitted from
{phrases} phrases: words for {terms} emotions, each in {frames} frames. The points of the emotions are those
of Russell & Mehrabian 1977. No picture was used, nothing was trained; `emotive.backbones.directions`, which
fitted them, says how.

How well emotions that the fit was not given are read from the text encoder, in {folds} folds over the terms:

| axis | CCC | R2 |
|---|---|---|
{rows}

At the pole of an axis and strength 1 the offset is {steps} as long as a token that says the prompt
and one behind it.

Limits. These numbers are of the text encoder. What the pictures show is another question, and control on real
weights has not yet been measured. The directions fit this text encoder and close fine-tunes of it; another is
refused. Points of emotions are means over raters, good to about 0.2 in valence and 0.35 in arousal.
"""
