"""How an affect is said of a picture: named emotions in many phrases, from which adapters are fitted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor

from emotive.affect import emotion

# A term of Russell & Mehrabian 1977 -> the words that say it of a picture: its own adjective and a synonym or
# two that `emotive.affect.emotion` answers with the same term. "neutral", the origin by convention, was not
# rated, and stays out.
WORDS: Mapping[str, tuple[str, ...]] = {
    "happy": ("happy", "cheerful"), "joyful": ("joyful", "joyous", "delighted"),
    "excited": ("excited", "thrilled"), "elated": ("elated", "ecstatic"),
    "enjoyment": ("amused", "enjoyment"), "astonished": ("astonished", "amazed"),
    "surprised": ("surprised",), "aroused": ("aroused",), "alert": ("alert", "attentive"),
    "interested": ("interested",), "curious": ("curious",), "awed": ("awed", "awe"),
    "wonder": ("wondering", "wonder"), "proud": ("proud", "triumphant"),
    "hopeful": ("hopeful", "optimistic"), "affectionate": ("affectionate", "tender"),
    "in love": ("loving", "love"), "grateful": ("grateful", "thankful"),
    "impressed": ("impressed", "admiring"), "secure": ("secure", "safe"),
    "relaxed": ("relaxed", "serene", "peaceful"), "leisurely": ("leisurely",),
    "untroubled": ("untroubled", "carefree"), "quiet": ("quiet",), "consoled": ("consoled", "relieved"),
    "angry": ("angry", "anger"), "enraged": ("enraged", "furious"), "hostile": ("hostile", "hostility"),
    "disgusted": ("disgusted", "disgust"), "contemptuous": ("contemptuous", "scornful"),
    "frustrated": ("frustrated", "frustration"), "fearful": ("fearful", "frightened", "scared"),
    "terrified": ("terrified", "horrified"), "anxious": ("anxious", "worried"),
    "tense": ("tense", "nervous"), "distressed": ("distressed", "distress"),
    "embarrassed": ("embarrassed",), "guilty": ("guilty", "remorseful"), "shamed": ("ashamed", "shame"),
    "confused": ("confused",), "displeased": ("displeased", "disapproving"),
    "discouraged": ("discouraged", "disappointed"), "sad": ("sad", "unhappy", "melancholy"),
    "despairing": ("despairing", "grieving"), "depressed": ("depressed", "miserable"),
    "lonely": ("lonely",), "bored": ("bored", "boredom"), "fatigued": ("fatigued", "tired", "sleepy"),
    "listless": ("listless", "apathetic"), "humiliated": ("humiliated",),
    "mildly annoyed": ("annoyed", "annoyance"), "appreciative": ("appreciative", "approving"),
    "fascinated": ("fascinated",), "respectful": ("respectful",), "regretful": ("regretful", "regret"),
    "admired": ("admired",),
}  # fmt: skip

# Every word is said in every frame, so that what a scene or a frame adds is the same for all words. The
# emotion comes early, in the middle and late: an encoder that reads from left to right (CLIP) lets it reach
# only what follows.
FRAMES = (
    "{word} mood",
    "a {word} picture of a house by the sea",
    "a street in the rain, {word} atmosphere",
    "{word} feeling, a meadow with a tree",
)


class Phrases(NamedTuple):
    """texts: words times frames, the frames of a word in a row. term: int64 (N,), which term a text says.
    points: float32 (E, 3), the valence, arousal and dominance of the terms."""

    texts: tuple[str, ...]
    term: Tensor
    points: Tensor


def phrases() -> Phrases:
    """Every word of `WORDS` in every one of `FRAMES`."""
    said = [(i, word) for i, words in enumerate(WORDS.values()) for word in words]
    entries = [emotion(term) for term in WORDS]
    return Phrases(
        texts=tuple(frame.format(word=word) for _, word in said for frame in FRAMES),
        term=torch.tensor([i for i, _ in said for _ in FRAMES]),
        points=torch.tensor([[e.valence, e.arousal, e.dominance] for e in entries]),
    )
