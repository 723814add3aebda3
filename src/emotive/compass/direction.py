"""A direction that a person found: offsets of what a model is conditioned on, their file, and their use.

    pipe("a house by the sea", directions={"prickly": 0.7})

A direction belongs to the model that it was found on. Its file keeps what that model makes of one fixed
input, the probe, and another model, which makes something else of it, refuses the direction.
"""

from __future__ import annotations

import json
import math
import os
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from emotive.backbones.adapter import PromptEmbeds, moved
from emotive.errors import InputError
from emotive.media import write_whole

SUFFIX = ".safetensors"
FORMAT = "emotive-direction-1"
MOST = 3.0  # how far a direction is followed: beyond, pictures come apart
PROBE = "a house by the sea"  # said to a backbone's text encoders
SAME = 0.95  # cosine of two probes that are of one model; bfloat16 loses less than 0.001 of it
MAX_BYTES = 1 << 24
NAME = re.compile(r"[\w][\w .-]{0,59}")

Directions = Mapping[Any, float]  # by name, path or `Direction`; a Mapping is invariant in its keys


@dataclass(frozen=True, eq=False)
class Direction:
    """What moves pictures the way that a person sorted them.

    Attributes:
        name: what the person calls it: letters, digits, space, hyphen, dot; 1 to 60 characters.
        offsets: what 1.0 of it adds, float32, by name. Foreign backbones: "tokens" (D,), added to the tokens
            that say the prompt and to those behind them, and "pooled" (P,) where the family has pooled
            embeds. Our picture model: "affect" (3,), "text.tokens" and "text.pooled", as
            `emotive.compass.scene` says.
        space: the model that it belongs to, in words.
        probe: what that model makes of a fixed input, float32 (Q,); see `same_space`.
        confidence: the expected cosine between what was found and what the person meant, 0..1.
        interval: its 90 % interval.
        judgements: how many comparisons, trays or pairs, it was found by.
        created: ISO 8601, UTC.
        card: what a reader should know of it, as text.
    """

    name: str
    offsets: Mapping[str, Tensor]
    space: str
    probe: Tensor
    confidence: float = math.nan
    interval: tuple[float, float] = (math.nan, math.nan)
    judgements: int = 0
    created: str = ""
    card: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        check_name(self.name)
        if not self.offsets:
            raise InputError(f"the direction {self.name!r} has no offsets")
        for part, offset in {**self.offsets, "probe": self.probe}.items():
            if not torch.isfinite(offset).all():
                raise InputError(f"the direction {self.name!r}: {part} is not finite (NaN or infinite)")

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Writes it as one .safetensors file, overwriting; returns the path. Raises InputError."""
        path = Path(path)
        if path.suffix != SUFFIX:
            raise InputError(
                f"cannot write {path.name[:80]}: the name of a direction's file ends in {SUFFIX}"
            )
        tensors = {f"offset.{k}": v.detach().cpu().float().contiguous() for k, v in self.offsets.items()}
        tensors["probe"] = self.probe.detach().cpu().float().contiguous()
        facts = {key: getattr(self, key) for key in ("name", "space", "confidence", "interval", "judgements")}
        facts |= {"created": self.created, "card": self.card}
        write_whole(path, save(tensors, {"format": FORMAT, "direction": json.dumps(facts)}))
        return path

    @classmethod
    def load(cls, name_or_path: str | os.PathLike[str]) -> Direction:
        """From a file, or by its bare name: `name.safetensors` in the current folder, then in the user's
        (`directions_folder`). Raises InputError if there is none, or the file is damaged or not one."""
        path = find(name_or_path)
        try:
            if path.stat().st_size > MAX_BYTES:
                raise ValueError("it is too large for one")
            with safe_open(str(path), "pt") as file:
                told = file.metadata() or {}
                if told.get("format") != FORMAT:
                    raise ValueError("it is not marked as one")
                tensors = {key: file.get_tensor(key).float() for key in file.keys()}
            facts = json.loads(told["direction"])
            return cls(
                name=str(facts["name"]),
                offsets={k.removeprefix("offset."): v for k, v in tensors.items() if k != "probe"},
                space=str(facts["space"]),
                probe=tensors["probe"],
                confidence=float(facts["confidence"]),
                interval=(float(facts["interval"][0]), float(facts["interval"][1])),
                judgements=int(facts["judgements"]),
                created=str(facts["created"]),
                card=str(facts["card"]),
            )
        except (OSError, ValueError, KeyError, TypeError, IndexError, SafetensorError) as error:
            why = " ".join(str(error).split())[:160]
            raise InputError(f"{path} holds no direction of Emotive: {why}") from error

    def same_space(self, probe: Tensor) -> bool:
        """Whether a model whose probe is this one is the model that the direction was found on."""
        mine, other = self.probe.flatten(), probe.detach().cpu().float().flatten()
        if mine.shape != other.shape:
            return False
        return bool(mine @ other >= SAME * mine.norm() * other.norm())

    def renamed(self, name: str) -> Direction:
        """The same under another name."""
        return replace(self, name=name)


def directions_folder() -> Path:
    """Where a user keeps directions: `emotive/directions` in $XDG_DATA_HOME or the platform's data folder."""
    base = os.environ.get("XDG_DATA_HOME", "")
    if not os.path.isabs(base):
        if sys.platform == "win32":
            base = os.environ.get("LOCALAPPDATA") or os.path.expanduser("~/AppData/Local")
        elif sys.platform == "darwin":
            base = os.path.expanduser("~/Library/Application Support")
        else:
            base = os.path.expanduser("~/.local/share")
    return Path(base) / "emotive" / "directions"


def find(name_or_path: str | os.PathLike[str]) -> Path:
    """The file of a direction, by path or by bare name. Raises InputError if there is none."""
    given = os.fspath(name_or_path)
    shown = repr(given if len(given) <= 80 else given[:77] + "...")
    try:
        path = Path(os.path.expanduser(given))
        if path.suffix == SUFFIX or path.name != given:
            tried = [path]
        else:
            tried = [folder / f"{given}{SUFFIX}" for folder in (Path(), directions_folder())]
        found = [candidate for candidate in tried if candidate.is_file()]
    except (OSError, ValueError) as error:  # a name that is too long, or with a null character
        raise InputError(f"there is no direction {shown}: {error}") from error
    if not found:
        places = "" if len(tried) == 1 else f" in the current folder or in {directions_folder()}"
        raise InputError(f"there is no direction {shown}{places}; `emotive compass` finds one")
    return found[0]


def check_name(name: str) -> None:
    """Raises InputError unless `name` can be the name of a direction, and of its file."""
    if not isinstance(name, str) or not NAME.fullmatch(name) or name != name.strip(" ."):
        raise InputError(
            f"{str(name)[:60]!r} cannot name a direction: use 1 to 60 letters, digits, spaces, dots, hyphens"
        )


def opened(directions: Directions) -> list[tuple[Direction, float]]:
    """Directions by name, file or as they are, with how far each is followed; those at 0 are left out.

    Raises InputError for a direction that is not there and for amounts outside -3..3.
    """
    if not isinstance(directions, Mapping):
        raise InputError('directions are given by name with how far, such as {"prickly": 0.7}')
    found = []
    for key, amount in directions.items():
        name = key.name if isinstance(key, Direction) else os.fspath(key)
        number = isinstance(amount, int | float) and not isinstance(amount, bool)
        if not number or not -MOST <= amount <= MOST:
            raise InputError(
                f"directions: {name!r} is followed by -{MOST:g}..{MOST:g}, not {str(amount)[:40]}"
            )
        direction = key if isinstance(key, Direction) else Direction.load(key)
        if amount:
            found.append((direction, float(amount)))
    return found


def add_directions(
    embeds: PromptEmbeds,
    directions: Directions,
    encode: Callable[[Sequence[str]], PromptEmbeds] | None = None,
) -> PromptEmbeds:
    """The embeds of a foreign backbone, moved along directions.

    Args:
        embeds: of the prompts; the offsets go to the tokens that say them, to those behind them, where CLIP
            gathers what was said, and to the pooled embeds.
        directions: by name or file, and how far, -3..3.
        encode: texts to embeds, as the backbone makes them. With it, directions that were found on another
            text encoder of the same sizes are refused as well.

    Raises InputError if a direction is not there, is out of range or belongs to another model.
    """
    found = opened(directions)
    if not found:
        return embeds
    probe = None if encode is None else probe_of(encode)
    tokens, pooled = embeds.tokens, embeds.pooled
    # A token of zeros stands for an encoder that is not there (Stable Diffusion 3 without T5).
    moving = (moved(embeds.content) & tokens.any(-1))[..., None].to(tokens)
    for direction, amount in found:
        sizes = {"tokens": tokens.shape[-1:]} | ({} if pooled is None else {"pooled": pooled.shape[-1:]})
        if {k: v.shape for k, v in direction.offsets.items()} != sizes or (
            probe is not None and not direction.same_space(probe)
        ):
            raise elsewhere(direction)
        tokens = tokens + amount * moving * direction.offsets["tokens"].to(tokens)
        if pooled is not None:
            pooled = pooled + amount * direction.offsets["pooled"].to(pooled)
    return replace(embeds, tokens=tokens, pooled=pooled)


def probe_of(encode: Callable[[Sequence[str]], PromptEmbeds]) -> Tensor:
    """The probe of a backbone, (Q,): the mean of the tokens that say `PROBE`, then the pooled embeds."""
    made = encode([PROBE])
    said = made.content[0]
    parts = [made.tokens[0][said].float().mean(0)] + ([] if made.pooled is None else [made.pooled[0].float()])
    return torch.cat(parts).detach().cpu()


def elsewhere(direction: Direction) -> InputError:
    """The line for a direction of another model."""
    return InputError(
        f"the direction {direction.name!r} was found on {direction.space}, not on this model, where it means "
        "nothing: find it here with `emotive compass`"
    )
