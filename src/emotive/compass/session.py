"""A search: trays that are asked and answered, what is known after them, and a file to go on from."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from emotive.errors import InputError
from emotive.media import check_file, write_whole

from .answers import Answer
from .asking import next_tray, random_tray
from .basis import REACH, Basis
from .direction import Direction
from .sorter import Comparisons, Floats, Posterior, infer, joined

FORMAT = "emotive-compass-1"
FEWEST, MOST_PICTURES = 2, 8
MAX_SESSION = 1 << 24  # bytes
CHECK = 4  # every fourth tray is drawn at random, to see whether its answer is foreseen
STEPS = (-2.0, -1.0, 0.0, 1.0, 2.0)  # of a direction, in a strip


@dataclass(frozen=True, eq=False)
class Tray:
    """Pictures to sort: all of one prompt and one noise, so that only what is searched for differs.

    z: (n, d), where each lies on the basis.
    """

    prompt: str
    seed: int
    z: Floats

    def directions(self, basis: Basis) -> list[dict[Direction, float]]:
        """What to ask a pipeline for, as its `directions`: one for each picture."""
        return [{basis.at(z): 1.0} for z in self.z]


@dataclass
class Compass:
    """The state of a search in d dimensions.

    Every tray follows from `seed` and the answers before it: the same answers give the same direction.

    Attributes:
        dimensions: d, of the basis.
        prompts: what is painted, one or several in turns. More prompts, and a direction that holds for more.
        pictures: in a tray, 2..8; 2 is a choice between two.
        seed: of the noise and of everything drawn.
        done: the trays so far, with their answers.
    """

    dimensions: int
    prompts: tuple[str, ...]
    pictures: int = 6
    seed: int = 0
    done: list[tuple[Tray, Answer]] = field(default_factory=list)

    def __post_init__(self) -> None:
        if not FEWEST <= self.pictures <= MOST_PICTURES:
            raise InputError(f"a tray has {FEWEST} to {MOST_PICTURES} pictures, not {self.pictures}")
        if not self.prompts:
            raise InputError('say what to paint, such as "a house by the sea"')
        self._known: tuple[int, Posterior] | None = None
        self._tray: tuple[int, Tray] | None = None

    @property
    def posterior(self) -> Posterior:
        """What is known of the direction after the answers so far."""
        if self._known is None or self._known[0] != len(self.done):
            self._known = len(self.done), infer(joined(self._said(), self.dimensions), self.seed)
        return self._known[1]

    @property
    def tray(self) -> Tray:
        """The tray that is to be sorted now."""
        n = len(self.done)
        if self._tray is None or self._tray[0] != n:
            if n % CHECK == CHECK - 1:
                z = random_tray(self.dimensions, self.pictures, self.seed + n)
            else:
                z = next_tray(self.posterior, self.pictures, self.seed + n)
            # As its file keeps it.
            self._tray = n, Tray(self.prompts[n % len(self.prompts)], self.seed + n, np.round(z, 6))
        return self._tray[1]

    def answer(self, answer: Answer | str) -> None:
        """Sorts the tray, and goes on to the next. Raises InputError for what is no answer to it."""
        if isinstance(answer, str):
            answer = Answer.parse(answer, self.pictures)
        answer.check(self.pictures)
        self.done.append((self.tray, answer))
        self._known = None

    def undo(self) -> None:
        """Takes the last answer back: its tray is to be sorted again. Raises InputError if there is none."""
        if not self.done:
            raise InputError("there is no answer to take back yet")
        tray, _ = self.done.pop()
        self._known, self._tray = None, (len(self.done), tray)

    def agreement(self) -> float:
        """Held-out consistency: the share of comparisons in every fourth tray that the direction found from
        the trays *before* it orders as the person then did; .5 by chance, NaN where there is none yet.

        Those trays are drawn at random. The others ask what is not known, so nobody could foresee them.
        """
        said, right, total = self._said(), 0.0, 0.0
        for n in range(CHECK - 1, len(said), CHECK):
            foreseen = infer(joined(said[:n], self.dimensions), self.seed).direction
            right += float(said[n].weights @ (said[n].differences @ foreseen > 0))
            total += float(said[n].weights.sum())
        return right / total if total else float("nan")

    def _said(self) -> list[Comparisons]:
        return [answer.comparisons(tray.z) for tray, answer in self.done]

    def direction(
        self, basis: Basis, name: str, created: str = "", agreement: float | None = None
    ) -> Direction:
        """The direction as known now. Raises InputError before anything was sorted."""
        if not any(len(a.comparisons(t.z).differences) for t, a in self.done):
            raise InputError("nothing was sorted yet, so there is no direction: sort a tray first")
        known = self.posterior
        found = basis.at(REACH * known.direction, name)
        return Direction(
            name=name,
            offsets=found.offsets,
            space=basis.space,
            probe=basis.probe,
            confidence=round(known.confidence, 4),
            interval=(round(known.interval[0], 4), round(known.interval[1], 4)),
            judgements=len(self.done),
            created=created,
            card=_card(self, basis, name, agreement),
        )

    def save(self, path: Path, **more: object) -> Path:
        """Writes the search as JSON, with what else the caller wants to find again; returns the path."""
        record = {
            "format": FORMAT,
            "dimensions": self.dimensions,
            "prompts": list(self.prompts),
            "pictures": self.pictures,
            "seed": self.seed,
            **more,
            "done": [
                {"prompt": t.prompt, "seed": t.seed, "z": t.z.tolist(), "answer": str(a)}
                for t, a in self.done
            ],
        }
        write_whole(path, json.dumps(record, indent=1, ensure_ascii=False).encode())
        return path

    @classmethod
    def load(cls, path: Path) -> tuple[Compass, dict[str, object]]:
        """A search, and everything in its file by name. Raises InputError if it is none, or damaged."""
        check_file(path)
        try:
            if path.stat().st_size > MAX_SESSION:
                raise ValueError("it is too large")
            record = json.loads(path.read_text("utf-8"))
            if record["format"] != FORMAT:
                raise ValueError(f"its format is {str(record['format'])[:40]!r}")
            d, pictures = int(record["dimensions"]), int(record["pictures"])
            done = []
            for one in record["done"]:
                z = np.array(one["z"], np.float64)
                if z.shape != (pictures, d) or not np.isfinite(z).all():
                    raise ValueError("a tray has the wrong shape")
                tray = Tray(str(one["prompt"]), int(one["seed"]), z)
                done.append((tray, Answer.parse(one["answer"], pictures)))
            prompts = tuple(str(prompt) for prompt in record["prompts"])
            return cls(d, prompts, pictures, int(record["seed"]), done), record
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            why = " ".join(str(error).split())[:160]
            raise InputError(f"{path} holds no search of the compass: {why}") from error


def strip(direction: Direction, steps: Sequence[float] = STEPS) -> list[dict[Direction, float]]:
    """What to ask a pipeline for, as `directions`, to see a direction from end to end."""
    return [{direction: step} if step else {} for step in steps]


def _card(compass: Compass, basis: Basis, name: str, agreement: float | None) -> str:
    known = compass.posterior
    order = np.argsort(-np.abs(known.direction))[:4]
    along = ", ".join(f"{basis.names[i]} {known.direction[i]:+.2f}" for i in order)
    lines = [
        f"The direction {name!r}, found by a person who sorted {len(compass.done)} trays of "
        f"{compass.pictures} pictures of: {'; '.join(compass.prompts)}.",
        f"It belongs to {basis.space}. 1.0 of it is {REACH:g} units of a basis of {len(basis)} axes; most of "
        f"it lies along {along}.",
        f"Expected cosine with what the person meant, under a linear model of preference: "
        f"{known.confidence:.2f} (90 %: {known.interval[0]:.2f} to {known.interval[1]:.2f}).",
    ]
    if agreement is not None and agreement == agreement:
        lines.append(f"Held-out comparisons ordered as the person did: {agreement:.0%} (50 % by chance).")
    lines.append(
        "One person's judgement of these pictures: what it means to others, and elsewhere, is not measured."
    )
    return "\n".join(lines)
