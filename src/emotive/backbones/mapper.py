"""Affect by a trained mapper: a slim transformer that answers what to add to the prompt embeds.

    with_affect(pipe, "my-mapper")          # a folder that `emotive train mapper` wrote

What is added is the network's residual times `affect_strength`, at every token from the first word on. The
start token stays: a causal encoder reads it before any word, so that it never carries the prompt. The end
token and the padding behind it move: in CLIP they have read the whole prompt, and a denoiser attends to all
of them.
"""

from __future__ import annotations

import hashlib
import json
import os
import weakref
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from emotive.errors import InputError, WeightsError
from emotive.models.affect_embedding import AffectEmbedding
from emotive.models.affect_mapper import AffectMapperNetwork, size_for
from emotive.weights import resolve, verify

from .adapter import Part, PromptEmbeds, Prompts, moved, only
from .saving import save_adapter

EMBEDDING = "emotive-affect-1"
PROBE = "a wooden table by the window with a jug of water on it"
SAME_ENCODER = (
    0.8  # cosine of the probe's embeds; fine-tunes of one encoder are closer, other encoders farther
)
CARD = """# An affect mapper for a diffusion backbone

Made with `emotive.backbones.mapper`; nothing is known of how it was trained.
"""


def affect_embedding() -> AffectEmbedding:
    """The shared affect embedding, verified and frozen."""
    folder = resolve(EMBEDDING)
    verify(folder)
    found = AffectEmbedding.from_pretrained(folder, low_cpu_mem_usage=False)
    return found.eval().requires_grad_(False)


def probe_of(embeds: PromptEmbeds) -> dict[str, Tensor]:
    """What tells one text encoder from another: the mean over the words of the first prompt, float32 (D,),
    and its pooled embeds (P,) if there are any."""
    content = embeds.content[0]
    found = {"probe.tokens": embeds.tokens[0][content].float().mean(0).cpu()}
    if embeds.pooled is not None:
        found["probe.pooled"] = embeds.pooled[0].float().cpu()
    return found


class AffectMapper:
    """Moves prompt embeds by a trained network; an `AffectAdapter`.

    It belongs to one text encoder (or a fine-tune of it), and to the affect embedding that it was trained
    with. It computes in float32 whatever the backbone's dtype, and answers in the backbone's.
    """

    name = "mapper"

    def __init__(self, network: AffectMapperNetwork, probe: Mapping[str, Tensor], card: str = CARD):
        """network: on any device. probe: of its text encoder (`probe_of`). card: what is known of it, saved
        beside it.

        Raises WeightsError if the network was trained with another affect embedding than the one here.
        """
        self.embedding = affect_embedding()
        mine, known = self.embedding.fingerprint(), network.config["affect_sha256"]
        if known != mine:
            raise WeightsError(
                f"the mapper was trained with the affect embedding {known[:12]}, not {mine[:12]}: "
                "train it again"
            )
        self.network = network.eval().requires_grad_(False)
        self.probe, self.card = dict(probe), card
        self._checked: weakref.ref | None = None

    @classmethod
    def untrained(
        cls, encode: Callable[[Sequence[str]], PromptEmbeds], seed: int = 0, **config: Any
    ) -> AffectMapper:
        """A mapper for the text encoder that `encode` calls, with random weights from `seed`: until it is
        trained it changes nothing. config: `AffectMapperNetwork`'s, over the sizes for this encoder."""
        embeds = encode([PROBE])
        embeds.check("the backbone's text encoder")
        _, k, d = embeds.tokens.shape
        embedding = affect_embedding()
        widths = {
            "tokens_dim": d,
            "pooled_dim": 0 if embeds.pooled is None else embeds.pooled.shape[1],
            "max_tokens": k,
            "affect_dim": embedding.dim,
            "affect_pooled_dim": embedding.pooled_dim,
            "affect_sha256": embedding.fingerprint(),
        }
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(seed)  # the CPU's; torch.manual_seed would reseed CUDA, too
            network = AffectMapperNetwork(**{**size_for(d), **widths, **config})
        return cls(network, probe_of(embeds))

    def __call__(self, prompts: Prompts, points: Tensor, strength: float) -> list[Part]:
        """See `AffectAdapter`: the embeds plus `strength` times the residual. Linear in `strength`, not in
        the point."""
        embeds = prompts.embeds
        self._check_widths(embeds)
        known = self._checked is not None and self._checked() is prompts.source is not None
        if not known and prompts.texts is not None:
            self._check_encoder(prompts.encode([PROBE] * len(embeds.tokens)))
            if prompts.source is not None:
                self._checked = weakref.ref(prompts.source)
        residual, pooled_residual = self.residuals(embeds, points)
        tokens = embeds.tokens.float() + strength * residual
        if embeds.pooled is None or pooled_residual is None:
            return only(replace(embeds, tokens=tokens.to(embeds.tokens.dtype)))
        pooled = embeds.pooled.float() + strength * pooled_residual
        return only(
            replace(embeds, tokens=tokens.to(embeds.tokens.dtype), pooled=pooled.to(embeds.pooled.dtype))
        )

    @torch.no_grad()
    def residuals(self, embeds: PromptEmbeds, points: Tensor) -> tuple[Tensor, Tensor | None]:
        """What it adds at strength 1, float32: (B, K, D), 0 before the first word, and (B, P) or None."""
        device = embeds.tokens.device
        self.embedding.to(device)  # type: ignore[arg-type]
        self.network.to(device)  # type: ignore[arg-type]
        pooled = None if embeds.pooled is None else embeds.pooled.float()
        with torch.autocast(device.type, enabled=False):
            felt = self.embedding(points.to(device))
            residual, pooled_residual = self.network(embeds.tokens.float(), pooled, embeds.content, felt)
        return residual * moved(embeds.content)[..., None], pooled_residual

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_checked": None}  # a weak reference, which cannot be copied elsewhere

    def fingerprint(self) -> str:
        """64 hex digits over the weights."""
        digest = hashlib.sha256()
        for name, tensor in sorted(self._tensors().items()):
            digest.update(f"{name} {tuple(tensor.shape)}\n".encode())
            digest.update(tensor.detach().cpu().float().numpy().astype("<f4").tobytes())
        return digest.hexdigest()

    def save(self, folder: str | os.PathLike[str]) -> Path:
        """Writes it into a folder, which is made if it is not there; returns the folder."""
        known = {k: v for k, v in self.network.config.items() if not k.startswith("_")}
        config = {"network": json.loads(json.dumps(known)), "card": self.card}
        return save_adapter(folder, self.name, self._tensors(), config, self.card)

    @classmethod
    def from_saved(cls, tensors: Mapping[str, Tensor], config: Mapping[str, Any]) -> AffectMapper:
        """From what `save` wrote; see `saving.open_adapter`, which verifies it first.

        Raises WeightsError for another affect embedding; what else does not fit raises as it comes.
        """
        probe = {key: tensor for key, tensor in tensors.items() if key.startswith("probe.")}
        weights = {key: tensor for key, tensor in tensors.items() if key not in probe}
        network = AffectMapperNetwork(**config["network"])
        network.load_state_dict(weights)
        return cls(network, probe, config["card"])

    @classmethod
    def load(cls, folder: str | os.PathLike[str]) -> AffectMapper:
        """A mapper in a folder, verified. Raises WeightsError if it holds none."""
        from .saving import open_adapter

        found = open_adapter(Path(folder), _never)
        if not isinstance(found, cls):
            raise WeightsError(f"{folder} holds the adapter {found.name!r}, not a mapper")
        return found

    def _tensors(self) -> dict[str, Tensor]:
        return {**self.network.state_dict(), **self.probe}

    def _check_widths(self, embeds: PromptEmbeds) -> None:
        config = self.network.config
        (_, k, d), p = embeds.tokens.shape, 0 if embeds.pooled is None else embeds.pooled.shape[1]
        if (d, p) != (config["tokens_dim"], config["pooled_dim"]):
            raise WeightsError(
                f"the mapper was trained for embeds of width {config['tokens_dim']} "
                f"(pooled: {config['pooled_dim']}), not {d} (pooled: {p}): "
                "train one for this backbone with emotive train mapper"
            )
        if k > config["max_tokens"]:
            raise InputError(
                f"the mapper takes prompt embeds of up to {config['max_tokens']} tokens, not {k}: "
                "shorten max_sequence_length or the embeds"
            )

    def _check_encoder(self, embeds: PromptEmbeds) -> None:
        for name, found in probe_of(embeds).items():
            likeness = float(F.cosine_similarity(found, self.probe[name].float(), dim=0))
            if not likeness >= SAME_ENCODER:
                raise WeightsError(
                    f"the mapper was trained for another text encoder (cosine {likeness:.2f} on a probe "
                    "sentence): train one for this backbone with emotive train mapper"
                )


def _never(texts: Sequence[str]) -> PromptEmbeds:
    raise InputError("a saved mapper needs no text encoder to be opened")
