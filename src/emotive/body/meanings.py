"""What a word may do with the hands: it points to the speaker or away, is large, is many, says no.

Kendon 2004 and McNeill 1992 describe deictic, metaphoric and iconic gestures and the words they go with;
which words fall under which heading here is our own short list.
"""

from __future__ import annotations

_MEANINGS = {
    "self": "i me my mine myself we us our ours i'm i'll i've i'd we're we'll we've heart",
    "other": "you your yours yourself you're you'll you've he him she her they them their who",
    "all": "all everything everyone everybody everywhere whole world together every each around always "
    "entire many lots so",
    "no": "no not never nothing nobody none nowhere don't won't can't didn't doesn't isn't wasn't wouldn't "
    "couldn't shouldn't aren't stop neither nor without enough refuse against",
    "unsure": "maybe perhaps know guess somehow somewhat wonder kind sort whatever either complicated "
    "unclear doubt possibly",
    "big": "big huge large great enormous wide long far giant vast bigger biggest grew massive high tall "
    "deep strong",
    "small": "small tiny little bit narrow short less few near close exactly precise precisely detail point "
    "thin",
    "up": "up rise rose top higher grow over above fly flew jump sky raise climb lifted hope",
    "down": "down fall fell below under low lower sink drop bottom beneath lost back",
    "here": "here this these now today come inside next",
    "there": "there that those go gone went away way past behind outside turn left right look",
    "number": "one two three four five six seven eight nine ten first second third twice again hundred "
    "thousand million",
    "contrast": "but other hand although however rather instead different between both versus",
    "emphasis": "really very absolutely must important believe truly completely too much only ever",
    "question": "what why how when where which",
}

MEANINGS: tuple[str, ...] = tuple(_MEANINGS)
"""Fifteen headings."""

_HEADING = {word: heading for heading, words in _MEANINGS.items() for word in words.split()}

_FUNCTION = frozenset(
    "a an the and or but nor so yet of to in on at by for with from into onto over under about as than then "
    "that this these those it its it's he him his she her hers they them their we us our you your i me my is "
    "are was were be been being am do does did have has had having will would shall should can could may "
    "might must if because while when where which who whom whose what there here just up down out off".split()
)


def meaning(word: str) -> str | None:
    """The heading of `MEANINGS` that a word falls under, if any."""
    return _HEADING.get(plain(word))


def is_content(word: str) -> bool:
    """Whether a word is more than grammar."""
    return plain(word) not in _FUNCTION


def plain(word: str) -> str:
    """In small letters, without marks around it: "Never!" -> "never"."""
    return word.lower().replace("’", "'").strip("'\".,;:!?()[]-– ")
