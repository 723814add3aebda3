"""How control is measured, whatever the medium: a protocol says what to make and who reads it; `run` does it.

A medium fills in a `Protocol`: its captions, the affects to ask for, arms that make items, judges that read
affect out of items, nuisances (what colour is to pictures: the cheap way to look like control), a content
recogniser and features for quality. `run` returns plain arrays; `summary.py` makes numbers of them.

Items are whatever the medium's arms make and its judges read: for pictures, uint8 arrays.
"""

from __future__ import annotations

import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np

from emotive.affect import Affect
from emotive.errors import InputError


class Estimates(typing.Protocol):
    """What a judge answers of N items: arrays (N,), each in [-1, 1]."""

    @property
    def valence(self) -> np.ndarray: ...
    @property
    def arousal(self) -> np.ndarray: ...


class Judge(typing.Protocol):
    """Reads affect out of items. It never trained on what is evaluated, and never guided it."""

    @property
    def name(self) -> str: ...
    def fingerprint(self) -> str: ...
    def estimate(self, items: Sequence[Any], /) -> Estimates: ...


# (caption, affects, seed) -> an item for each affect. Same caption and seed: same noise.
Arm = Callable[[Any, Sequence[Affect], int], Sequence[Any]]


@dataclass(frozen=True)
class Protocol:
    """What to make and who reads it.

    captions: what is asked for; statistics resample these. Any objects; arms and `content` understand them.
    affects: the design, the same for every caption and seed.
    seeds: of noise, the same for every caption.
    arms: name -> how to make items. An arm may return one object for several requests: it is read once.
    judges: name -> judge. The first is the headline.
    nuisances: items -> (N, K), the attributes that control must be more than.
    content: caption and items -> kind -> (N,) bool, whether it is still there. {} where content has no kinds.
    features: items -> (N, D), in which distributions are compared.
    qualities: name -> items -> (N,), further numbers of items.
    show: called with arm, number of the caption, seed and items, for a report to keep what it wants.
    """

    captions: Sequence[Any]
    affects: Sequence[Affect]
    seeds: Sequence[int]
    arms: Mapping[str, Arm]
    judges: Mapping[str, Judge]
    nuisances: Callable[[Sequence[Any]], np.ndarray]
    content: Callable[[Any, Sequence[Any]], Mapping[str, np.ndarray]]
    features: Callable[[Sequence[Any]], np.ndarray]
    qualities: Mapping[str, Callable[[Sequence[Any]], np.ndarray]] = field(default_factory=dict)
    show: Callable[[str, int, int, Sequence[Any]], None] = lambda arm, caption, seed, items: None

    @property
    def batches(self) -> int:
        """How many batches `run` makes: one for each arm, caption and seed."""
        return len(self.arms) * len(self.captions) * len(self.seeds)


@dataclass(frozen=True)
class Measurements:
    """What one arm's N items measured, in the order made: by caption, then seed, then affect.

    requested: (N, 2) valence and arousal. caption: (N,) its number. measured: judge -> (N, 2).
    nuisances: (N, K). content: kind -> (N,) bool. features: (N, D). qualities: name -> (N,).
    """

    requested: np.ndarray
    caption: np.ndarray
    measured: dict[str, np.ndarray]
    nuisances: np.ndarray
    content: dict[str, np.ndarray]
    features: np.ndarray
    qualities: dict[str, np.ndarray]


def run(protocol: Protocol, progress: Callable[[str], None] = lambda line: None) -> dict[str, Measurements]:
    """Makes every item, has it read and forgets it: arm -> `Measurements`.

    `progress` is told which arm and caption comes, once for each of `protocol.batches`. Raises InputError if
    there are no captions, affects, seeds or judges.
    """
    for name in ("captions", "affects", "seeds", "arms", "judges"):
        if not getattr(protocol, name):
            raise InputError(f"there is nothing to evaluate: no {name}")
    parts: dict[str, list[dict[str, Any]]] = {arm: [] for arm in protocol.arms}
    # Arms are the inner loop, so that they can share what they make of one caption and seed.
    for number, caption in enumerate(protocol.captions):
        for seed in protocol.seeds:
            for arm, make in protocol.arms.items():
                progress(f"{arm}, caption {number + 1} of {len(protocol.captions)}")
                items = make(caption, protocol.affects, seed)
                protocol.show(arm, number, seed, items)
                parts[arm].append(_read(protocol, caption, items))
    requested = np.array([[a.valence, a.arousal] for a in protocol.affects])
    caption = np.repeat(np.arange(len(protocol.captions)), len(protocol.seeds) * len(protocol.affects))
    batches = len(protocol.captions) * len(protocol.seeds)
    return {
        arm: Measurements(requested=np.tile(requested, (batches, 1)), caption=caption, **_joined(found))
        for arm, found in parts.items()
    }


def together(parts: Sequence[Mapping[str, Measurements]]) -> dict[str, Measurements]:
    """Runs over different captions as one: captions are numbered on, and an arm that only some runs have
    keeps the numbers of those."""
    rows: dict[str, list[dict[str, Any]]] = {}
    first = 0
    for part in parts:
        for arm, found in part.items():
            numbered = {f.name: getattr(found, f.name) for f in fields(Measurements)}
            rows.setdefault(arm, []).append({**numbered, "caption": found.caption + first})
        first += max(int(found.caption.max()) + 1 for found in part.values())
    return {arm: Measurements(**_joined(found)) for arm, found in rows.items()}


def _read(protocol: Protocol, caption: Any, items: Sequence[Any]) -> dict[str, Any]:
    if len(items) != len(protocol.affects):
        raise ValueError(f"an arm made {len(items)} items for {len(protocol.affects)} affects")
    unlike = list({id(item): item for item in items}.values())
    place = {id(item): i for i, item in enumerate(unlike)}
    back = np.array([place[id(item)] for item in items])
    measured = {}
    for name, judge in protocol.judges.items():
        estimates = judge.estimate(unlike)
        measured[name] = np.stack([estimates.valence, estimates.arousal], 1)[back]
    return {
        "measured": measured,
        "nuisances": np.asarray(protocol.nuisances(unlike))[back],
        "content": {k: np.asarray(v)[back] for k, v in protocol.content(caption, unlike).items()},
        "features": np.asarray(protocol.features(unlike))[back],
        "qualities": {k: np.asarray(of(unlike))[back] for k, of in protocol.qualities.items()},
    }


def _joined(parts: list[dict[str, Any]]) -> dict[str, Any]:
    """Arrays of the batches, one after the other; dictionaries of arrays key by key."""
    first = parts[0]
    return {
        key: {k: np.concatenate([p[key][k] for p in parts]) for k in value}
        if isinstance(value, dict)
        else np.concatenate([p[key] for p in parts])
        for key, value in first.items()
    }
