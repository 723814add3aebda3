"""The published EmotiCrafter checkpoints as an adapter, for Stable Diffusion XL.

    adapter = EmotiCrafter.from_checkpoint("scale_factor_1.0.pth")
    pipe = with_affect(pipe, adapter)

Dang et al. 2025, EmotiCrafter (ICCV; arXiv 2501.05710): a transformer over the prompt embeds that attends to
arousal, then to valence, and answers an offset of the embeds. Paper and released code differ. Weights only
mean something in the code that they were trained in, so what is computed here is the code's:

    order       arousal before valence (the paper: valence first)
    residual    x = LN(x), x = x + attention(x): the normalised x is carried on (the paper: h + attn(LN(h)))
    affect      16 tokens for each dimension (the paper: one vector), both through one projection
    attention   queries from `c_attn`, keys and values from `c_z`, in self-attention too; nothing is masked

It computes in float32, moves every token (start, end and padding as well), and leaves the pooled embeds as
they are. Dominance it does not know. Strength s is taken at inference: f + s (f' - f), where f' is what the
network answers for the neutral embeds f.
"""

from __future__ import annotations

import hashlib
import os
import re
import warnings
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from emotive.errors import InputError, WeightsError
from emotive.weights import read_tensors

from .adapter import Part, Prompts, only
from .saving import open_adapter, save_adapter

SCALE = 3.0  # the network reads valence and arousal on -3..3
HEAD_WIDTH = 64  # GPT-2's; the number of heads cannot be read off the weights
# In a checkpoint, but not in what it computes: the word table, and masks as older GPT-2 attention kept them.
UNUSED = re.compile(r"wte\.weight|h\.\d+\.attn(_[av])?\.(bias|masked_bias)")
ATTENTIONS = ("attn", "attn_a", "attn_v")

CARD = """# EmotiCrafter, as an affect adapter

Converted from the checkpoint that the authors of EmotiCrafter published (Dang et al. 2025, arXiv 2501.05710;
github.com/idvxlab/EmotiCrafter), for Stable Diffusion XL. The unused word table and the unused halves of the
attention weights are left out; the offsets it gives are the same. Its authors trained it on 39,843 pairs of
prompts, with people's ratings of valence and arousal (OASIS, EMOTIC, FindingEmo).

Its authors state no licence: ask them before you pass these weights on.

Its published error in arousal is 1.828 on a scale of -3..3, where always answering neutral has 1.800; in
valence 1.510 against 1.800.
"""


@dataclass(frozen=True)
class EmotiCrafterShape:
    """Sizes of the network; the defaults are the published one's.

    features: width of the prompt embeds. width, layers, heads: of the transformer. positions: the most tokens
    of a prompt. tokens: for each dimension of affect. hidden: width of the layer that reads a coordinate.
    """

    features: int = 2048
    width: int = 768
    layers: int = 12
    heads: int = 12
    positions: int = 1024
    tokens: int = 16
    hidden: int = 256


class Attention(nn.Module):
    """Multi-head attention of x (B, K, E) to z (B, M, E) without a mask -> (B, K, E)."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(width, width)
        self.key_value = nn.Linear(width, 2 * width)
        self.proj = nn.Linear(width, width)

    def forward(self, x: Tensor, z: Tensor) -> Tensor:
        parts = (self.query(x), *self.key_value(z).chunk(2, -1))
        q, k, v = (part.unflatten(-1, (self.heads, -1)).transpose(1, 2) for part in parts)
        return self.proj(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))


class Block(nn.Module):
    """Self-attention, arousal, valence, each on top of its own normalised input; then an MLP."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.ln_1, self.attn = nn.LayerNorm(width), Attention(width, heads)
        self.ln_a, self.attn_a = nn.LayerNorm(width), Attention(width, heads)
        self.ln_v, self.attn_v = nn.LayerNorm(width), Attention(width, heads)
        self.ln_2 = nn.LayerNorm(width)
        self.mlp = nn.ModuleDict({"c_fc": nn.Linear(width, 4 * width), "c_proj": nn.Linear(4 * width, width)})

    def forward(self, x: Tensor, arousal: Tensor, valence: Tensor) -> Tensor:
        x = self.ln_1(x)
        x = x + self.attn(x, x)
        x = self.ln_a(x)
        x = x + self.attn_a(x, arousal)
        x = self.ln_v(x)
        x = x + self.attn_v(x, valence)
        inner = F.gelu(self.mlp["c_fc"](self.ln_2(x)), approximate="tanh")
        return x + self.mlp["c_proj"](inner)


class EmotiCrafterNetwork(nn.Module):
    """Prompt embeds (B, K, D) and arousal, valence (B, 1), in -3..3 -> offsets of the embeds (B, K, D).

    Parameters are called as in the checkpoints, except in attention: `query` is the first third of `c_attn`,
    `key_value` is `c_z`, `proj` is `c_proj`, all transposed, as nn.Linear has them.
    """

    def __init__(self, shape: EmotiCrafterShape):
        super().__init__()
        self.shape = shape
        width = shape.width

        def reader() -> nn.Sequential:
            return nn.Sequential(
                nn.Linear(1, shape.hidden), nn.ReLU(), nn.Linear(shape.hidden, shape.tokens * width)
            )

        self.xl_feature2gpt_feature = nn.Linear(shape.features, width, bias=False)
        self.wpe = nn.Embedding(shape.positions, width)
        self.a_f, self.v_f = reader(), reader()
        self.attn_proj = nn.Linear(width, width, bias=False)
        self.h = nn.ModuleList([Block(width, shape.heads) for _ in range(shape.layers)])
        self.ln_f = nn.LayerNorm(width)
        self.gpt_feature2xl_feature = nn.Linear(width, shape.features, bias=False)
        self.ln_xl_feature = nn.LayerNorm(shape.features)

    def forward(self, embeds: Tensor, arousal: Tensor, valence: Tensor) -> Tensor:
        x = self.xl_feature2gpt_feature(embeds) + self.wpe.weight[: embeds.shape[1]]
        a, v = (
            self.attn_proj(read(value).unflatten(-1, (self.shape.tokens, -1)))
            for read, value in ((self.a_f, arousal), (self.v_f, valence))
        )
        for block in self.h:
            x = block(x, a, v)
        return self.ln_xl_feature(self.gpt_feature2xl_feature(self.ln_f(x)))


class EmotiCrafter:
    """An `AffectAdapter` that holds EmotiCrafter's network. See the top of this file."""

    name = "emoticrafter"

    def __init__(self, network: EmotiCrafterNetwork):
        self.network = network.float().eval().requires_grad_(False)
        self._fingerprint: str | None = None
        self._told = False

    @classmethod
    def from_checkpoint(cls, path: str | os.PathLike[str], heads: int | None = None) -> EmotiCrafter:
        """Opens a published checkpoint: a table of tensors in .pth or .safetensors, its keys with `module.`
        or without. Nothing in it is run.

        Args:
            path: the file.
            heads: of attention; a head is 64 wide if not given, as in everything that was published.

        Raises:
            InputError: there is no such file.
            WeightsError: it is damaged, carries code, or holds another network; what is wrong is named.
        """
        path = Path(path)
        state = {
            key.removeprefix("module."): value for key, value in read_tensors(path, "EmotiCrafter").items()
        }
        state = {key: value for key, value in state.items() if not UNUSED.fullmatch(key)}
        shape = _shape(path, state, heads)
        _check(path, state, shape)
        return cls._holding(_slim(state, shape), shape)

    @classmethod
    def from_saved(cls, tensors: Mapping[str, Tensor], config: Mapping[str, Any]) -> EmotiCrafter:
        """From what `save` wrote."""
        return cls._holding(tensors, EmotiCrafterShape(**config["shape"]))

    @classmethod
    def _holding(cls, tensors: Mapping[str, Tensor], shape: EmotiCrafterShape) -> EmotiCrafter:
        with torch.device("meta"):
            network = EmotiCrafterNetwork(shape)
        network.load_state_dict(tensors, assign=True)
        return cls(network)

    @classmethod
    def load(cls, folder: str | os.PathLike[str]) -> EmotiCrafter:
        """From a folder that `save` wrote, verified. Raises WeightsError if it holds something else."""

        def unneeded(_: Any) -> Any:
            raise NotImplementedError("EmotiCrafter encodes nothing")

        found = open_adapter(Path(folder), unneeded)
        if not isinstance(found, cls):
            raise WeightsError(f"{folder} holds the adapter {found.name!r}, not EmotiCrafter")
        return found

    def save(self, folder: str | os.PathLike[str]) -> Path:
        """Writes it as safetensors; returns the folder. See `saving.save_adapter`."""
        shape = {"shape": asdict(self.network.shape)}
        return save_adapter(folder, self.name, self.network.state_dict(), shape, CARD)

    def fingerprint(self) -> str:
        """64 hex digits over the weights and sizes; the same before `save` and after `load`."""
        if self._fingerprint is None:
            digest = hashlib.sha256(repr(self.network.shape).encode())
            for key, value in sorted(self.network.state_dict().items()):
                digest.update(key.encode())
                digest.update(value.cpu().contiguous().numpy().data)
            self._fingerprint = digest.hexdigest()
        return self._fingerprint

    @torch.no_grad()
    def __call__(self, prompts: Prompts, points: Tensor, strength: float) -> list[Part]:
        """See `AffectAdapter`. Dominance is ignored, with a warning the first time that it is set."""
        embeds, shape = prompts.embeds, self.network.shape
        length, width = embeds.tokens.shape[1:]
        if width != shape.features:
            raise WeightsError(
                f"EmotiCrafter was made for prompt embeds {shape.features} wide (Stable Diffusion XL's are "
                f"2048), and this backbone's are {width}: use the adapter 'directions' or 'blend'"
            )
        if length > shape.positions:
            raise InputError(f"EmotiCrafter reads at most {shape.positions} tokens; the prompt has {length}")
        if not self._told and not points[:, 2].isnan().all():
            warnings.warn("EmotiCrafter knows valence and arousal only: dominance is ignored", stacklevel=2)
            self._told = True
        tokens = embeds.tokens.float()
        valence, arousal, _ = (SCALE * points.to(tokens)).split(1, 1)
        with torch.autocast(tokens.device.type, enabled=False):
            offset = self.network.to(tokens.device)(tokens, arousal, valence)
        return only(replace(embeds, tokens=(tokens + strength * offset).to(embeds.tokens)))


def _shape(path: Path, state: Mapping[str, Tensor], heads: int | None) -> EmotiCrafterShape:
    """The sizes that the weights have."""

    def sizes(key: str) -> tuple[int, ...]:
        if key not in state:
            raise WeightsError(f"{path} holds no EmotiCrafter: {key} is missing")
        if state[key].ndim != 2 or not state[key].numel():
            raise WeightsError(f"{path} holds no EmotiCrafter: {key} is {tuple(state[key].shape)}")
        return tuple(state[key].shape)

    positions, width = sizes("wpe.weight")
    features = sizes("xl_feature2gpt_feature.weight")[1]
    outputs, hidden = sizes("a_f.2.weight")
    if heads is None:
        heads = width // HEAD_WIDTH
    if heads < 1 or width % heads:
        raise WeightsError(f"{path}: a width of {width} cannot be shared by {heads} heads: give heads=")
    layers = len({key.split(".")[1] for key in state if key.startswith("h.")})
    return EmotiCrafterShape(features, width, layers, heads, positions, outputs // width, hidden)


def _published(shape: EmotiCrafterShape) -> dict[str, tuple[int, ...]]:
    """Names and sizes of the tensors in a checkpoint; attention and MLP are stored inputs first."""
    e, features = shape.width, shape.features
    sizes: dict[str, tuple[int, ...]] = {
        "wpe.weight": (shape.positions, e),
        "xl_feature2gpt_feature.weight": (e, features),
        "gpt_feature2xl_feature.weight": (features, e),
        "attn_proj.weight": (e, e),
    }

    def affine(name: str, weight: tuple[int, ...], outputs: int) -> None:
        sizes[f"{name}.weight"], sizes[f"{name}.bias"] = weight, (outputs,)

    affine("ln_f", (e,), e)
    affine("ln_xl_feature", (features,), features)
    for reader in ("a_f", "v_f"):
        affine(f"{reader}.0", (shape.hidden, 1), shape.hidden)
        affine(f"{reader}.2", (shape.tokens * e, shape.hidden), shape.tokens * e)
    for i in range(shape.layers):
        for norm in ("ln_1", "ln_a", "ln_v", "ln_2"):
            affine(f"h.{i}.{norm}", (e,), e)
        for attention in ATTENTIONS:
            for part, times in (("c_attn", 3), ("c_z", 2), ("c_proj", 1)):
                affine(f"h.{i}.{attention}.{part}", (e, times * e), times * e)
        affine(f"h.{i}.mlp.c_fc", (e, 4 * e), 4 * e)
        affine(f"h.{i}.mlp.c_proj", (4 * e, e), e)
    return sizes


def _check(path: Path, state: Mapping[str, Tensor], shape: EmotiCrafterShape) -> None:
    """Raises WeightsError unless the tensors are those of a checkpoint of this shape, and finite."""
    wanted = _published(shape)
    missing = [key for key in wanted if key not in state] if shape.layers else ["h.0.ln_1.weight"]
    other = [key for key in state if key not in wanted]
    if "ff.weight" in other:
        raise WeightsError(f"{path} was trained with another output layer (ff.weight): it cannot be used")
    for keys, what in ((missing, "is missing"), (other, "is not of it")):
        if keys:
            more = f" (and {len(keys) - 1} more)" if len(keys) > 1 else ""
            raise WeightsError(f"{path} holds no EmotiCrafter: {keys[0][:80]} {what}{more}")
    for key, sizes in wanted.items():
        if tuple(state[key].shape) != sizes:
            raise WeightsError(f"{path}: {key} is {tuple(state[key].shape)}, where {sizes} is needed")
        if not state[key].is_floating_point() or not torch.isfinite(state[key]).all():
            raise WeightsError(f"{path}: {key} is not of finite numbers: get the file anew")


def _slim(state: Mapping[str, Tensor], shape: EmotiCrafterShape) -> dict[str, Tensor]:
    """A checkpoint's tensors as `EmotiCrafterNetwork` has them, float32."""
    slim: dict[str, Tensor] = {}
    renamed = {"c_attn": "query", "c_z": "key_value", "c_proj": "proj"}
    for key, value in state.items():
        inner = key.split(".")
        if inner[0] == "h" and inner[2] in ATTENTIONS:
            if inner[3] == "c_attn":  # queries are the first third of the outputs; the rest is never read
                value = value[..., : shape.width]
            key = ".".join([*inner[:3], renamed[inner[3]], inner[4]])
        if inner[0] == "h" and inner[2] in (*ATTENTIONS, "mlp") and inner[4] == "weight":
            value = value.T
        slim[key] = value.float().contiguous().clone()
    return slim
