"""Captions of the stand-in backbone: scenes of the painter, said with and without words of emotion.

Words are those of `emotive.affect` (Russell & Mehrabian 1977) and, so that common prompts mean something to
so small a model, a few more adjectives placed by hand between them. A fifth of the terms is held out: their
words are read by the text encoder, but no picture was ever captioned with them.
"""

from __future__ import annotations

import json
import random
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any

from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers
from transformers import CLIPTokenizer

from emotive.affect import emotions
from emotive.affect.emotions import _names, emotion
from emotive.data.scenes import FUNCTION_WORDS, LEXICON, Scene, caption

LENGTH = 40  # tokens; real encoders of CLIP have 77
Point = tuple[float, float, float]

# Placed by hand: what the table lacks, but people and adapters write.
PLACED: dict[str, Point] = {
    "pleasant": (0.7, 0.0, 0.2), "lovely": (0.8, 0.1, 0.2), "beautiful": (0.7, 0.2, 0.2),
    "unpleasant": (-0.7, 0.1, -0.1), "dismal": (-0.8, -0.2, -0.4), "bleak": (-0.7, -0.4, -0.4),
    "gloomy": (-0.7, -0.4, -0.4), "dreary": (-0.6, -0.6, -0.4), "weary": (-0.4, -0.7, -0.4),
    "intense": (0.0, 0.8, 0.2), "dramatic": (0.0, 0.8, 0.2), "energetic": (0.4, 0.8, 0.3),
    "lively": (0.6, 0.6, 0.3), "still": (0.1, -0.8, 0.0), "soothing": (0.6, -0.6, 0.1),
    "tranquil": (0.6, -0.7, 0.1), "drowsy": (0.1, -0.8, -0.2), "exuberant": (0.8, 0.8, 0.4),
    "terrifying": (-0.7, 0.8, -0.5), "scary": (-0.6, 0.6, -0.4), "violent": (-0.7, 0.8, 0.4),
    "hateful": (-0.8, 0.5, 0.3), "powerful": (0.2, 0.3, 0.9), "dominant": (0.1, 0.3, 0.9),
    "helpless": (-0.4, 0.0, -0.8), "fragile": (-0.1, -0.2, -0.8), "submissive": (-0.1, -0.1, -0.8),
    "festive": (0.8, 0.7, 0.2),
}  # fmt: skip

# Emotion words of the table that are nouns; the others are said as adjectives.
NOUNS = frozenset(
    """enjoyment wonder happiness joy excitement elation amusement astonishment surprise arousal alertness
    interest anticipation curiosity awe realization realisation pride hope optimism affection love
    gratitude admiration security trust relaxation calmness contentment serenity leisure quietness
    consolation relief anger rage fury hostility disgust contempt frustration fear terror panic anxiety
    tension nervousness distress embarrassment guilt remorse shame confusion displeasure disapproval
    discouragement disappointment sadness melancholy despair grief depression loneliness boredom fatigue
    listlessness apathy humiliation annoyance appreciation approval fascination desire respect
    regret""".split()
)
DEGREES = {"": 1.0, "very": 1.35, "extremely": 1.5, "slightly": 0.5, "somewhat": 0.6}
FILLERS = """
    photo photograph image drawing illustration mood feeling atmosphere emotion tone expression style
    full feels looks evoking conveying showing expressing beautiful detailed quality neutral ordinary
    plain everyday person people i am feel very extremely slightly somewhat deeply art color colour
    light for its as like was be are
""".split()
AFTER = (
    "{0}, {1} mood", "{0}, {1} atmosphere", "{0}, {1}", "{0}, feeling {1}", "{0} in a {1} mood",
    "{0}, {1} feeling", "{0} that feels {1}", "a {1} picture of {0}", "a {1} scene, {0}",
    "{0}, the mood is {1}",
)  # fmt: skip
OF = (
    "{0}, full of {1}", "{0}, a feeling of {1}", "{0}, {1}", "{0}, an atmosphere of {1}",
    "a picture of {0} evoking {1}", "{0}, expressing {1}", "{0}, with {1}",
)  # fmt: skip
PLAIN = (
    "{0}", "{0}", "{0}", "a picture of {0}", "a photo of {0}", "{0}, neutral mood", "a painting of {0}",
    "{0}, mood", "{0}, atmosphere", "an ordinary scene, {0}",
)  # fmt: skip


@dataclass(frozen=True)
class Mood:
    """What a caption says of affect: one or two words and a degree; no words is neutral."""

    words: tuple[str, ...] = ()
    degree: str = ""

    @property
    def point(self) -> Point:
        """Valence, arousal, dominance, each in [-1, 1]: the mean of the words, times the degree."""
        if not self.words:
            return (0.0, 0.0, 0.0)
        columns = zip(*(lexicon()[w] for w in self.words), strict=True)
        k = DEGREES[self.degree] / len(self.words)
        valence, arousal, dominance = (min(max(k * sum(c), -1.0), 1.0) for c in columns)
        return valence, arousal, dominance


@cache
def lexicon() -> dict[str, Point]:
    """Every word of emotion -> its point; words of two parts and "neutral" are left out."""
    words = {name: entry for name, entry in _names().items() if " " not in name and name != "neutral"}
    return PLACED | {name: (e.valence, e.arousal, e.dominance) for name, e in words.items()}


def held_out_terms() -> tuple[str, ...]:
    """The terms of which no picture was captioned: one in five, by a hash of the term."""
    names = [e.term for e in emotions() if e.term != "neutral"]
    return tuple(name for name in names if zlib.crc32(name.encode()) % 5 == 0)


@cache
def words(held_out: bool) -> tuple[str, ...]:
    """The words for pictures, or all that the text encoder reads."""
    kept = set(held_out_terms())
    return tuple(w for w in lexicon() if held_out or w in PLACED or emotion(w).term not in kept)


def random_mood(rng: random.Random, held_out: bool = False) -> Mood:
    """A quarter neutral, an eighth of two words that lie near each other."""
    chance = rng.random()
    if chance < 0.25:
        return Mood()
    known = words(held_out)
    one = rng.choice(known)
    if chance < 0.375:
        at = lexicon()[one]
        near = [
            w
            for w in known
            if w != one and sum((a - b) ** 2 for a, b in zip(at, lexicon()[w], strict=True)) < 0.2
        ]
        if near:
            return Mood((one, rng.choice(near)))
    degree = "" if one in NOUNS or rng.random() < 0.55 else rng.choice(list(DEGREES))
    return Mood((one,), degree)


def say(scene: Scene, mood: Mood, rng: random.Random) -> str:
    """One of many ways to say a scene in a mood."""
    said = caption(scene, rng)
    if not mood.words:
        return rng.choice(PLAIN).format(said)
    nouns = [w for w in mood.words if w in NOUNS]
    degree = f"{mood.degree} " if mood.degree else ""
    if len(mood.words) == 1 and not nouns and scene.subject and rng.random() < 0.4:
        head, noun, *rest = said.split()
        if head in ("a", "the"):
            article = "an" if (degree or mood.words[0])[0] in "aeiou" else "a"
            return " ".join([article if head == "a" else head, f"{degree}{mood.words[0]}", noun, *rest])
        return f"{degree}{mood.words[0]} {said}"
    joint = ", " if rng.random() < 0.5 else " and "
    forms = OF if len(nouns) == len(mood.words) else AFTER
    return rng.choice(forms).format(said, degree + joint.join(mood.words))


def with_noise(text: str, tokens: Iterable[str], rng: random.Random) -> str:
    """The caption with a few pieces of words in it that mean nothing, so that the encoder learns to pass over
    words that it does not know."""
    said = text.split()
    for _ in range(rng.randint(1, 4)):
        said.insert(rng.randrange(len(said) + 1), "".join(rng.choices(list(tokens), k=rng.randint(1, 3))))
    return " ".join(said)


def new_tokenizer() -> CLIPTokenizer:
    """CLIP's tokenizer with merges learned from the words above until each is one token."""
    known = {w for kind in LEXICON.values() for many in kind.values() for w in many}
    known |= {*lexicon(), *FUNCTION_WORDS, *FILLERS}
    letters = [*"abcdefghijklmnopqrstuvwxyz0123456789,.'-!?:;()"]
    learner = Tokenizer(models.BPE(end_of_word_suffix="</w>"))
    learner.normalizer, learner.pre_tokenizer = normalizers.Lowercase(), pre_tokenizers.Whitespace()
    trainer = trainers.BpeTrainer(
        vocab_size=20_000,
        initial_alphabet=letters,
        end_of_word_suffix="</w>",
        show_progress=False,
        min_frequency=1,
    )
    learner.train_from_iterator(sorted(known), trainer)
    learned = json.loads(learner.to_str())["model"]
    tokens = [*letters, *(f"{c}</w>" for c in letters)]
    tokens += [t for t in learned["vocab"] if t not in set(tokens)]
    tokens += ["<|startoftext|>", "<|endoftext|>"]
    merges: Any = [tuple(pair) for pair in learned["merges"]]
    return CLIPTokenizer(
        vocab={t: i for i, t in enumerate(tokens)},
        merges=merges,
        pad_token="<|endoftext|>",
        model_max_length=LENGTH,
    )
