"""Letters -> phones with stress: how a word is said that no dictionary has.

Every letter has two frames, and each frame says a phone or nothing. Connectionist temporal classification
(Graves et al. 2006) sums over all the ways in which letters and phones may be aligned; Black, Lenzo & Pagel
1998, whose "each letter makes no phone, one or two" this is, had to find one alignment beforehand.
"""

from __future__ import annotations

import re

import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from torch import Tensor, nn
from torch.nn import functional as F

from emotive.errors import InputError

from .blocks import rotate, zero

FRAMES = 2  # per letter: enough for all but spelled letters ("html")
BATCH = 256  # words


class LetterBlock(nn.Module):
    """Five neighbouring letters, then attention over the word, then an MLP, all residual. x is (B, N, D)."""

    def __init__(self, dim: int, heads: int):
        super().__init__()
        self.heads = heads
        self.near = nn.Conv1d(dim, dim, 5, padding=2, groups=dim)
        self.qkv = nn.Linear(dim, 3 * dim, bias=False)
        self.out = zero(nn.Linear(dim, dim, bias=False))
        self.up = nn.Linear(dim, 2 * dim)
        self.down = zero(nn.Linear(2 * dim, dim))
        self.norms = nn.ModuleList(nn.LayerNorm(dim) for _ in range(3))

    def forward(self, x: Tensor, mask: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        """mask (B, N, 1): 1 where there is a letter."""
        b, n, d = x.shape
        x = x + self.near((self.norms[0](x) * mask).transpose(1, 2)).transpose(1, 2)
        q, k, v = self.qkv(self.norms[1](x)).view(b, n, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        q, k = rotate(q, cos, sin).to(v.dtype), rotate(k, cos, sin).to(v.dtype)
        scores = (
            q @ k.transpose(-1, -2) * (d // self.heads) ** -0.5
        )  # over ten letters plain attention is fastest
        h = scores.masked_fill(mask.transpose(1, 2)[:, None] == 0, -1e4).softmax(-1).to(v.dtype) @ v
        x = x + self.out(h.transpose(1, 2).reshape(b, n, d))
        return x + self.down(F.relu(self.up(self.norms[2](x))).square())


class LetterToSound(ModelMixin, ConfigMixin):
    """Words of letters a-z -> log probabilities of phones, two frames a letter; `phones` decodes them.

    Args:
        symbols: the phones, vowels with a stress digit; the model's classes are these after "nothing".
        dim, heads, layers: of the transformer.
        dropout: in training, of whole letter features between layers.
    """

    @register_to_config
    def __init__(
        self,
        symbols: tuple[str, ...],
        dim: int = 128,
        heads: int = 4,
        layers: int = 3,
        dropout: float = 0.1,
    ):
        super().__init__()
        self.letters = nn.Embedding(27, dim, padding_idx=0)
        self.blocks = nn.ModuleList(LetterBlock(dim, heads) for _ in range(layers))
        self.norm = nn.LayerNorm(dim)
        self.head = nn.Linear(dim, FRAMES * (1 + len(symbols)))
        self.head_dim, self.dropout = dim // heads, dropout
        self.symbols = tuple(symbols)
        bases = tuple(dict.fromkeys(s.rstrip("012") for s in symbols))
        self.bases = ("", *bases)
        self.base_of = [0, *(self.bases.index(symbol.rstrip("012")) for symbol in symbols)]

    def forward(self, letters: Tensor) -> Tensor:
        """Letters (B, N), 1 to 26, 0 behind the end -> log probabilities (B, 2 N, 1 + symbols), float32.

        Class 0 is nothing: the frame says no phone, or goes on with the one before.
        """
        mask = (letters > 0)[..., None].to(self.head.weight.dtype)
        x = self.letters(letters)
        cos, sin = rotary(letters.shape[1], self.head_dim, x.device)
        for block in self.blocks:
            x = F.dropout(block(x, mask, cos, sin), self.dropout, self.training)
        logits = self.head(self.norm(x)).unflatten(-1, (FRAMES, -1)).flatten(1, 2)
        return logits.float().log_softmax(-1)

    @torch.no_grad()
    def phones(self, words: list[str]) -> list[tuple[str, ...]]:
        """The phones of each word, with at least one vowel and exactly one primary stress.

        Args:
            words: letters a-z in either case, other characters are passed over.

        The best phone of each frame is taken whatever its stress. A word without any vowel gets the likeliest
        one at its likeliest frame. The vowel that most probably has primary stress gets it, the others
        secondary or none, whichever is likelier. Raises InputError for a word without a letter a-z.
        """
        found: list[tuple[str, ...]] = []
        for i in range(0, len(words), BATCH):
            codes = [encode(word) for word in words[i : i + BATCH]]
            log_probs = self(pad(codes).to(self.head.weight.device)).cpu()
            found += [
                self.decode(row[: FRAMES * len(code)]) for row, code in zip(log_probs, codes, strict=True)
            ]
        return found

    def decode(self, log_probs: Tensor) -> tuple[str, ...]:
        """One word's log probabilities (frames, 1 + symbols) -> its phones, as in `phones`."""
        vowels = [i for i, name in enumerate(self.bases) if name + "1" in self.symbols]
        probs = log_probs.exp()
        by_base = torch.zeros(len(probs), len(self.bases)).index_add_(1, torch.tensor(self.base_of), probs)
        best = by_base.argmax(-1).tolist()
        if not set(best) & set(vowels):
            frame, vowel = divmod(int(by_base[:, vowels].argmax()), len(vowels))
            best[frame] = vowels[vowel]
        runs: list[tuple[int, Tensor]] = []  # base, probabilities summed over its frames
        for frame, name in enumerate(best):
            if name and frame and name == best[frame - 1]:
                runs[-1] = (name, runs[-1][1] + probs[frame])
            elif name:
                runs.append((name, probs[frame]))

        def chance(run: tuple[int, Tensor], stress: str) -> float:
            return float(run[1][1 + self.symbols.index(self.bases[run[0]] + stress)])

        cores = [k for k, (name, _) in enumerate(runs) if name in vowels]
        share = {k: chance(runs[k], "1") / max(sum(chance(runs[k], s) for s in "012"), 1e-12) for k in cores}
        primary = max(cores, key=lambda k: share[k])
        said = []
        for k, run in enumerate(runs):
            name = self.bases[run[0]]
            if k == primary:
                said.append(name + "1")
            elif k in share:
                said.append(name + max("02", key=lambda s, run=run: chance(run, s)))
            else:
                said.append(name)
        return tuple(said)


def encode(word: str) -> list[int]:
    """A word's letters as numbers from 1. Raises InputError for a word without a letter a-z."""
    code = [ord(c) - 96 for c in re.sub(r"[^a-z]", "", word.lower())]
    if not code:
        raise InputError(f"{word[:20]!r} has no letter a-z to read")
    return code


def pad(codes: list[list[int]]) -> Tensor:
    """Rows of different lengths -> (B, N), 0 behind the end."""
    longest = max(len(code) for code in codes)
    return torch.tensor([code + [0] * (longest - len(code)) for code in codes])


def rotary(length: int, head_dim: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Cosines and sines (length, head_dim / 2) for rotary positions; wavelengths 6 to 600 letters."""
    frequencies = torch.exp(-torch.linspace(0.0, 4.6, head_dim // 2, device=device))
    angles = torch.arange(length, device=device)[:, None] * frequencies
    return angles.cos(), angles.sin()
