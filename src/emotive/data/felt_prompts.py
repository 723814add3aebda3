"""Pairs of prompts of our own: a scene, and the same scene with a named emotion, word for word.

    a lighthouse by the sea            a lighthouse by the sea, lonely mood

The content is the same in both because nothing in it changes. The emotion is a term of Russell & Mehrabian
1977 with its valence, arousal and dominance (`emotive.affect.emotions`). It always stands behind the scene,
one comma away: then every word of the scene keeps its place in the token sequence, and the difference between
the embeds is the feeling, not a shift by one token. EmotiCrafter's pairs, written by a language model around
captions, have neither property.

Every sixth term, and the scenes with a subject or a place of `HELD_OUT_...`, are kept for measuring.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator, Sequence
from itertools import chain

from emotive.affect import EmotionTerm, emotions
from emotive.errors import InputError

from .affect_pairs import AffectPair, write_pairs

# Behind the scene, the term always one comma away; what follows it varies.
FORMS = (
    "{scene}, {term} mood", "{scene}, {term} atmosphere", "{scene}, {term} feeling", "{scene}, {term} scene",
    "{scene}, {term}",
)  # fmt: skip
# Three names of states are no adjectives; their own word, as one.
SAID = {"enjoyment": "enjoyable", "wonder": "wondrous", "in love": "loving"}
NAMED = tuple(entry for entry in emotions() if entry.term != "neutral")
HELD_OUT_TERMS = NAMED[2::6]  # in all four quarters, valence and arousal uncorrelated
TRAINED_TERMS = tuple(entry for entry in NAMED if entry not in HELD_OUT_TERMS)

SUBJECTS = (
    "a house", "an old man", "a young woman", "two children", "a dog", "a black cat", "a horse", "a crow",
    "a flock of birds", "a wooden boat", "a sailing ship", "a red bicycle", "an old car", "a steam train",
    "a bench", "an empty chair", "a piano", "a violin", "a table with bread and wine", "a bowl of fruit",
    "a vase of flowers", "a candle", "a street lamp", "a stone bridge", "a lighthouse", "a windmill",
    "a castle", "a church", "a tall tower", "a market stall", "a crowd of people", "a dancer",
    "a fisherman", "a musician", "a soldier", "a nurse", "a mother with her child", "a couple", "a robot",
    "a statue", "a large tree", "a waterfall", "a rocky hill", "a narrow path", "an open door", "a window",
    "a mirror", "a book", "a kite", "a balloon", "a tent", "a mushroom", "a fox", "a deer", "an elephant",
    "a whale",
)  # fmt: skip
PLACES = (
    "by the sea", "in a forest", "in a meadow", "in the mountains", "in a desert", "in a city",
    "in a village", "on a hill", "on a beach", "by a river", "by a lake", "in a garden", "in a park",
    "in a kitchen", "in a living room", "in an empty room", "in a hospital", "in a school", "in a theatre",
    "in a factory", "in a narrow street", "on a rooftop", "on a bridge", "at a railway station",
    "at the harbour", "in a cave", "in a field of wheat", "under a tree", "in the ruins", "in a library",
    "on a farm", "in a museum",
)  # fmt: skip
LIGHTS = (
    "", "", "", " at dawn", " at noon", " at dusk", " at night", " in the rain", " in the snow", " in fog",
    " under a clear sky", " under a cloudy sky", " in the morning", " in the evening", " in winter",
    " in summer",
)  # fmt: skip
STYLES = ("", "", "", "a photo of ", "a painting of ", "a drawing of ", "a close view of ", "a wide view of ")
HELD_OUT_SUBJECTS, HELD_OUT_PLACES = SUBJECTS[3::8], PLACES[2::8]

SPLITS = ("train", "terms", "scenes", "both")


def scene(rng: random.Random, held_out: bool = False) -> str:
    """A scene without feeling, of 2 to 14 words. Held out, it has a subject or a place that others never
    have.

    >>> scene(random.Random(1))
    'a painting of a flock of birds in the mountains at dawn'
    """
    while True:
        subject, place = rng.choice(SUBJECTS), rng.choice(("", *PLACES))
        if (subject in HELD_OUT_SUBJECTS or place in HELD_OUT_PLACES) != held_out:
            continue
        return f"{rng.choice(STYLES)}{subject} {place}".rstrip() + rng.choice(LIGHTS)


def felt_pairs(
    count: int,
    seed: int = 0,
    split: str = "train",
    scenes: Callable[[random.Random, bool], str] = scene,
    terms: Sequence[EmotionTerm] | None = None,
    forms: Sequence[str] = FORMS,
) -> Iterator[AffectPair]:
    """`count` pairs, one at a time; the same for the same seed.

    Args:
        split: "train"; "terms", "scenes" or "both" for pairs of held-out terms, held-out scenes, or both.
        scenes: draws a scene, held out or not, so that one's own can take their place.
        terms: others than those of the split.
        forms: how a scene is said with a term.
    """
    if split not in SPLITS:
        raise InputError(f"there is no split {split!r}: use {', '.join(SPLITS)}")
    rng = random.Random(f"felt prompts/{split}/{seed}")
    terms = terms or (HELD_OUT_TERMS if split in ("terms", "both") else TRAINED_TERMS)
    for _ in range(count):
        entry = rng.choice(terms)
        said = scenes(rng, split in ("scenes", "both"))
        yield _felt(said, entry, rng.choice(forms), split)


def write_felt_pairs(
    path: str | os.PathLike[str],
    count: int = 20_000,
    seed: int = 0,
    scenes: Callable[[random.Random, bool], str] = scene,
) -> int:
    """Writes `count` pairs to train on and, of each of the other splits, a fiftieth as many, from 64; returns
    how many in all."""
    kept = max(64, count // 50)
    parts = [felt_pairs(count if split == "train" else kept, seed, split, scenes=scenes) for split in SPLITS]
    return write_pairs(path, chain.from_iterable(parts))


def _felt(said: str, entry: EmotionTerm, form: str, split: str) -> AffectPair:
    emotional = form.format(scene=said, term=SAID.get(entry.term, entry.term))
    return AffectPair(said, emotional, entry.valence, entry.arousal, entry.dominance, split)
