"""Prompt embeds of pairs, for the mapper: encoded once, kept on disk within a limit, read a shard at a time.

A pair for Stable Diffusion XL is 0.6 MB of embeds, one for FLUX 8 MB: tens of thousands fit no memory. Shards
are safetensors files of some 64 MB in float16, mapped into memory when read. What is over the limit is
encoded again whenever its turn comes. A shard is named by its texts and its encoder, so that a run that goes
on, or begins anew with another rate, finds what is there and takes nothing stale.
"""

from __future__ import annotations

import hashlib
import os
import random
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from emotive.backbones.adapter import PromptEmbeds
from emotive.backbones.mapper import PROBE, probe_of
from emotive.data.affect_pairs import AffectPair
from emotive.errors import InputError

Encode = Callable[[Sequence[str]], PromptEmbeds]
SHARD_BYTES = 64_000_000
MIXED = 4  # shards whose rows come in random order together; so many are in memory, and one more


class Batch(NamedTuple):
    """B pairs. neutral, emotional (B, K, D); their words, bool (B, K); pooled embeds (B, P) or None; points
    (B, 3), dominance NaN where unset; weights (B,). float32."""

    neutral: Tensor
    emotional: Tensor
    content: Tensor
    said: Tensor
    pooled_neutral: Tensor | None
    pooled_emotional: Tensor | None
    points: Tensor
    weights: Tensor


class PairEmbeds:
    """The embeds of pairs, by number.

    Args:
        pairs: texts and points; they stay in memory, about half a kilobyte each.
        encode: texts -> embeds, as the backbone makes them.
        folder: where shards are kept; made if it is not there. Files in it that belong to no shard go.
        limit: bytes on disk, in all; 0 keeps none.
        weights: of the pairs, (N,); all 1 if not given.
        at_once: prompts to encode in one call.
    """

    def __init__(
        self,
        pairs: Sequence[AffectPair],
        encode: Encode,
        folder: Path,
        limit: int,
        weights: Tensor | None = None,
        at_once: int = 16,
        shard_bytes: int = SHARD_BYTES,
    ):
        self.pairs, self.encode, self.folder, self.at_once = pairs, encode, folder, at_once
        self.points = torch.tensor([pair.point for pair in pairs])
        self.weights = torch.ones(len(pairs)) if weights is None else weights
        probe = encode([PROBE])
        probe.check("the backbone's text encoder")
        pooled = 0 if probe.pooled is None else probe.pooled.shape[1]
        self.pair_bytes = 2 * (2 * (probe.tokens[0].numel() + pooled) + probe.content.shape[1])
        self.per_shard = max(1, shard_bytes // self.pair_bytes)
        self.shards = -(-len(pairs) // self.per_shard)
        kept = min(self.shards, limit // (self.pair_bytes * self.per_shard))
        encoder = b"".join(t.half().numpy().tobytes() for t in probe_of(probe).values())
        self._digests = [self._digest(shard, encoder) for shard in range(self.shards)]
        self._files = {shard: folder / f"{self._digests[shard]}.safetensors" for shard in range(kept)}
        self._open: OrderedDict[int, dict[str, Tensor]] = OrderedDict()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for file in folder.glob("*.safetensors"):
                if file not in self._files.values():
                    file.unlink()
        except OSError as error:
            raise InputError(f"cannot use the folder {folder}: {error.strerror or error}") from error

    def fingerprint(self) -> str:
        """64 hex digits over the pairs, their points and the encoder."""
        digest = hashlib.sha256("".join(self._digests).encode())
        digest.update(self.points.numpy().astype("<f4").tobytes())
        return digest.hexdigest()

    def batches(self, size: int, seed: int, start: int = 0) -> Iterator[Batch]:
        """Endless batches in an order that is the same for the same seed; `start` skips as many, for nothing.

        Rows of `MIXED` shards are mixed; shards come in a new order every time round.
        """
        rows = self._order(seed, start * size)
        while True:
            yield self.batch([next(rows) for _ in range(size)])

    def batch(self, rows: Sequence[int]) -> Batch:
        """The pairs with these numbers."""
        found = []
        for row in rows:
            shard, at = divmod(row, self.per_shard)
            found.append({name: column[at] for name, column in self._shard(shard).items()})
        columns = {name: torch.stack([one[name] for one in found]) for name in found[0]}
        floats = {name: t if t.dtype == torch.bool else t.float() for name, t in columns.items()}
        return Batch(
            floats["neutral"], floats["emotional"], floats["content"], floats["said"],
            floats.get("pooled_neutral"), floats.get("pooled_emotional"),
            self.points[list(rows)], self.weights[list(rows)],
        )  # fmt: skip

    def _order(self, seed: int, skip: int) -> Iterator[int]:
        turn, skip = divmod(skip, len(self.pairs))
        while True:
            rng = random.Random(f"{seed}/{turn}")
            shards = rng.sample(range(self.shards), self.shards)
            for first in range(0, self.shards, MIXED):
                rows = [
                    row
                    for shard in shards[first : first + MIXED]
                    for row in range(
                        shard * self.per_shard, min((shard + 1) * self.per_shard, len(self.pairs))
                    )
                ]
                rng.shuffle(rows)
                yield from rows[skip:]
                skip = max(0, skip - len(rows))
            turn += 1

    def _shard(self, shard: int) -> dict[str, Tensor]:
        if shard in self._open:
            self._open.move_to_end(shard)
            return self._open[shard]
        file = self._files.get(shard)
        found = None if file is None else _read(file)
        if found is None:
            found = self._encoded(shard)
            if file is not None:
                _write(file, found)
        self._open[shard] = found
        if len(self._open) > MIXED + 1:
            self._open.popitem(last=False)
        return found

    def _encoded(self, shard: int) -> dict[str, Tensor]:
        pairs = self.pairs[shard * self.per_shard : (shard + 1) * self.per_shard]
        parts: dict[str, list[Tensor]] = {}
        for first in range(0, len(pairs), self.at_once):
            some = pairs[first : first + self.at_once]
            embeds = self.encode([pair.neutral for pair in some] + [pair.emotional for pair in some])
            embeds.check("the backbone's text encoder")
            n = len(some)
            columns = {"neutral": embeds.tokens[:n].half(), "emotional": embeds.tokens[n:].half()}
            columns |= {"content": embeds.content[:n], "said": embeds.content[n:]}
            if embeds.pooled is not None:
                columns |= {"pooled_neutral": embeds.pooled[:n].half()}
                columns |= {"pooled_emotional": embeds.pooled[n:].half()}
            for name, column in columns.items():
                parts.setdefault(name, []).append(column.cpu())
        found = {name: torch.cat(columns) for name, columns in parts.items()}
        if any(not column.isfinite().all() for column in found.values()):
            raise InputError("the backbone's text encoder makes embeds too large for float16")
        return found

    def _digest(self, shard: int, encoder: bytes) -> str:
        digest = hashlib.sha256(encoder)
        for pair in self.pairs[shard * self.per_shard : (shard + 1) * self.per_shard]:
            digest.update(f"{pair.neutral}\n{pair.emotional}\n".encode())
        return digest.hexdigest()[:32]


def _read(file: Path) -> dict[str, Tensor] | None:
    """A shard, or None if it is not there or was cut short."""
    if not file.exists():
        return None
    try:
        with safe_open(file, framework="pt") as shard:  # mapped: pages are read when they are asked for
            return {name: shard.get_tensor(name) for name in shard.keys()}
    except (SafetensorError, OSError):
        return None


def _write(file: Path, columns: dict[str, Tensor]) -> None:
    partial = file.with_suffix(".partial")
    try:
        save_file({name: t.contiguous() for name, t in columns.items()}, partial)
        os.replace(partial, file)
    except (OSError, SafetensorError) as error:
        partial.unlink(missing_ok=True)
        raise InputError(
            f"cannot write {file}: {error}; give less room with --cache, or make some"
        ) from error
