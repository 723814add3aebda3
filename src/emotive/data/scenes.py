"""What a scene is, the words for it, and which scenes are kept for evaluation.

A scene is pure content: subject, setting, time of day, weather. How it is painted is affect's business
(`style.py`). The painter grows by data: a new subject is one drawing function in `subjects.py` and one
line in `LEXICON`.
"""

from __future__ import annotations

import random
import zlib
from dataclasses import dataclass
from itertools import product

# kind -> name -> the words captions use for it; the first is the name itself.
LEXICON: dict[str, dict[str, tuple[str, ...]]] = {
    "subject": {
        "house": ("house", "cottage", "home"),
        "tree": ("tree", "oak", "maple"),
        "boat": ("boat", "sailboat", "ship"),
        "lighthouse": ("lighthouse", "beacon"),
        "windmill": ("windmill", "mill"),
        "balloon": ("balloon", "aerostat"),
        "flowers": ("flowers", "blossoms", "tulips"),
        "castle": ("castle", "fortress"),
        "cat": ("cat", "kitten"),
        "person": ("person", "figure", "wanderer"),
        "tent": ("tent", "camp"),
        "mushroom": ("mushroom", "toadstool"),
    },
    "setting": {
        "meadow": ("meadow", "field", "grassland"),
        "mountains": ("mountains", "peaks", "alps"),
        "sea": ("sea", "ocean"),
        "forest": ("forest", "woods"),
        "desert": ("desert", "dunes"),
        "city": ("city", "town"),
    },
    "time": {
        "dawn": ("dawn", "sunrise"),
        "day": ("day", "noon", "daytime"),
        "sunset": ("sunset", "dusk", "evening"),
        "night": ("night", "midnight"),
    },
    "weather": {
        "clear": ("clear", "cloudless"),
        "cloudy": ("clouds", "cloudy", "overcast"),
        "rain": ("rain", "rainy"),
        "snow": ("snow", "snowy"),
        "fog": ("fog", "foggy", "mist"),
    },
}
SUBJECTS, SETTINGS, TIMES, WEATHERS = (
    tuple(LEXICON[kind]) for kind in ("subject", "setting", "time", "weather")
)

# Function words of the grammar below; they carry no content and are not encoded.
FUNCTION_WORDS = (
    "a", "an", "the", "in", "at", "by", "on", "of", "with", "under", "near", "some", "hot", "air", "view",
    "picture", "painting", "scene", "landscape", "sky", "weather", "skies", "and", "during", "over", "above",
    "beside", "behind", "before", "from", "to", "into", "it", "is", "its", "one", "this", "that",
)  # fmt: skip


@dataclass(frozen=True)
class Scene:
    """Content of one picture. `subject` None is a landscape without one."""

    subject: str | None
    setting: str
    time: str
    weather: str

    @property
    def reserved(self) -> bool:
        """True for the one in twelve combinations that training never sees (a hash, so it never drifts)."""
        return zlib.crc32(f"{self.subject}|{self.setting}|{self.time}|{self.weather}".encode()) % 12 == 0


def all_scenes() -> list[Scene]:
    """Every scene that the painter can paint, in a fixed order."""
    return [Scene(*c) for c in product((*SUBJECTS, None), SETTINGS, TIMES, WEATHERS)]


def random_scene(rng: random.Random, reserved: bool = False) -> Scene:
    """A scene from the training part, or from the reserved part."""
    while True:
        subject = None if rng.random() < 0.06 else rng.choice(SUBJECTS)
        scene = Scene(subject, rng.choice(SETTINGS), rng.choice(TIMES), rng.choice(WEATHERS))
        if scene.reserved == reserved:
            return scene


_PLURAL = ("flowers", "blossoms", "tulips")
_PLACE = {
    "meadow": "in a",
    "mountains": "in the",
    "sea": "by the",
    "forest": "in the",
    "desert": "in the",
    "city": "in the",
}


def caption(scene: Scene, rng: random.Random) -> str:
    """One of the many ways to say a scene; time and weather are sometimes left unsaid.

    What is unsaid is decided by the model, as a person would expect: the default is a clear day.
    """
    parts = []
    if scene.subject is None:
        parts.append(rng.choice(("a view", "a landscape", "")))
    else:
        word = rng.choice(LEXICON["subject"][scene.subject])
        parts.append(word if word in _PLURAL else f"{rng.choice(('a', 'the'))} {word}")
    word = rng.choice(LEXICON["setting"][scene.setting])
    parts.append(f"{_PLACE[scene.setting]} {word}")
    if scene.time != "day" or rng.random() < 0.5:
        parts.append(f"at {rng.choice(LEXICON['time'][scene.time])}")
    if scene.weather != "clear" or rng.random() < 0.5:
        word = rng.choice(LEXICON["weather"][scene.weather])
        adjective = word.endswith("y") or word in ("clear", "cloudless", "overcast")
        parts.append(f"under {word} skies" if adjective else f"in {word}")
    head, *rest = parts
    if rng.random() < 0.3:
        rng.shuffle(rest)
    return " ".join(p for p in (head, *rest) if p)
