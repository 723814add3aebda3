"""What a person says of a tray, as text: "3 1 | 2 4", and as comparisons.

3 1 | 2 4     pictures 3 and 1 have more of it, 2 and 4 less; the others are left out
3 > 1 > 2     ranked, from most to least
3 = 1         these two feel the same
-             cannot say
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from emotive.errors import InputError

from .sorter import Comparisons, Floats, alike, joined, piles, ranking

HOW = 'as "3 1 | 2 4" (more | less), "3 > 1 > 2", "3 = 1" or "-" for cannot say'


@dataclass(frozen=True)
class Answer:
    """How a tray was sorted, by the index of its pictures from 0.

    kind: "piles" (more, less), "ranking" (more, from most to least), "alike" (more, two of them) or "pass".
    """

    kind: str
    more: tuple[int, ...] = ()
    less: tuple[int, ...] = ()

    @classmethod
    def parse(cls, text: str, pictures: int) -> Answer:
        """Raises InputError, in one line, for what is no answer to a tray of `pictures`, numbered from 1."""
        said = " ".join(str(text).replace(",", " ").split())
        if said == "-":
            return cls("pass")
        signs = set(re.sub(r"[0-9 ]", "", said))
        if signs == {"|"} and said.count("|") == 1:
            more, less = said.split("|")
            answer = cls("piles", _numbers(more), _numbers(less))
            if not answer.more or not answer.less:
                raise InputError(f"{said[:40]!r} puts nothing on one side: one picture at least on either")
        elif signs == {">"}:
            answer = cls("ranking", tuple(n for part in said.split(">") for n in _one(part, said)))
        elif signs == {"="} and said.count("=") == 1:
            answer = cls("alike", tuple(n for part in said.split("=") for n in _one(part, said)))
        else:
            raise InputError(f"{said[:40]!r} is no answer: sort the pictures by number, {HOW}")
        answer.check(pictures)
        return answer

    def check(self, pictures: int) -> None:
        """Raises InputError unless it speaks of pictures that there are, and of each once."""
        named = (*self.more, *self.less)
        if bad := [n for n in named if not 0 <= n < pictures]:
            raise InputError(f"there is no picture {bad[0] + 1}: this tray has 1 to {pictures}")
        if len(set(named)) != len(named):
            twice = next(n for n in named if named.count(n) > 1)
            raise InputError(f"picture {twice + 1} is named twice: each goes to one place")

    def __str__(self) -> str:
        more, less = ([str(n + 1) for n in side] for side in (self.more, self.less))
        if self.kind == "piles":
            return f"{' '.join(more)} | {' '.join(less)}"
        return {"ranking": " > ".join(more), "alike": " = ".join(more), "pass": "-"}[self.kind]

    def comparisons(self, z: Floats) -> Comparisons:
        """What it says of a tray whose pictures lie at z (n, d)."""
        if self.kind == "piles":
            return piles(z, self.more, self.less)
        if self.kind == "ranking":
            return ranking(z, self.more)
        if self.kind == "alike":
            return alike(z, *self.more)
        return joined([], z.shape[1])


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(word[:6]) - 1 for word in text.split())  # no tray has a million pictures


def _one(part: str, said: str) -> tuple[int, ...]:
    numbers = _numbers(part)
    if len(numbers) != 1:
        raise InputError(f"{said[:40]!r} is no answer: one number between two signs, {HOW}")
    return numbers
