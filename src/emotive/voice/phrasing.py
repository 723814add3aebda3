"""Where a speaker pauses and breathes: decided before anything has times."""

from __future__ import annotations

from emotive.affect import Affect

from .text import Sentence

# Words that a phrase may begin with, after which nothing is missing from the one before.
OPENERS = frozenset(
    "and but or so because although though while when where which who that if unless until after before "
    "since as than with without for from into through during between against about like".split()
)
LONG_PHRASE = 9  # words after which a calm speaker breathes, and a sad one looks for a pause sooner
SHORTEST = 3  # words between two pauses


def breaks(sentence: Sentence, affect: Affect) -> set[int]:
    """The words after which to pause: those with a mark, and in a low mood more.

    Sad and tired speech pauses more often (Juslin & Laukka 2003, table 7); long phrases are broken anyway.
    """
    words = sentence.words
    found = {i for i, word in enumerate(words) if word.mark}
    down = max(0.0, -affect.arousal) * (1.0 if affect.valence < 0.2 else 0.5)
    patience = LONG_PHRASE - round(5 * down) if down > 0.3 else 2 * LONG_PHRASE
    since = 0
    for i, word in enumerate(words[:-1]):
        since = 0 if i in found else since + 1
        ahead = next((j for j in range(i + 1, len(words)) if j in found), len(words) - 1) - i
        opener = words[i + 1].text.lower() in OPENERS and word.text.lower() not in OPENERS
        if opener and since >= max(SHORTEST, patience - 2) and ahead >= SHORTEST and i not in found:
            found.add(i)
            since = 0
    return found


def breaths(sentence: Sentence, pauses: set[int], affect: Affect, spoken_before: int) -> set[int]:
    """The pauses (-1: the start) that end in an audible breath: before long phrases, more when aroused.

    Args:
        spoken_before: words since the last breath when the sentence begins.
    """
    found, since = set(), spoken_before
    # Breathing is deeper and faster in excitement, and sighs come with sadness (Boiten et al. 1994).
    patience = LONG_PHRASE * (1.3 - 0.7 * abs(affect.arousal))
    for at in sorted({-1, *pauses}):
        last = max((p for p in {-1, *pauses} if p < at), default=-1)
        since += at - last
        ahead = next((p for p in sorted(pauses) if p > at), len(sentence.words) - 1) - at
        if at < len(sentence.words) - 1 and since + ahead / 2 > patience and ahead >= SHORTEST:
            found.add(at)
            since = 0
    return found
