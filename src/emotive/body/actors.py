"""People who perform: how each looks, is built and moves."""

from __future__ import annotations

import difflib
from dataclasses import dataclass

import numpy as np

from emotive.errors import InputError

from .habits import HABITS
from .skeleton import Build

TOPS = ("pullover", "tee", "scoop", "vneck", "turtleneck", "polo", "hoodie", "cardigan")
HAIRSTYLES = ("swept", "side", "crop", "curls", "bob", "long", "bun", "ponytail")
BEARDS = ("none", "stubble", "short", "full")


@dataclass(frozen=True)
class Looks:
    """Colours are sRGB, as "#rrggbb".

    top, hairstyle, beard: of `TOPS`, `HAIRSTYLES`, `BEARDS`. trim: of collar, cuffs and hem; under: of what
    is worn below an open top. girth: how stout, about 0.9..1.2. curve: 0..1, waist and chest of a woman.
    soft: 0..1, a narrower jaw, a smaller nose.
    """

    skin: str
    lips: str
    eyes: str
    hair: str
    hairstyle: str
    top: str
    top_colour: str
    trim_colour: str
    under_colour: str = "#efe9dd"
    trousers_colour: str = "#3d4252"
    shoes_colour: str = "#8a5a3c"
    soles_colour: str = "#f0eadf"
    backdrop: str = "#d9d3ca"
    brows: str | None = None
    beard: str = "none"
    girth: float = 1.0
    curve: float = 0.0
    soft: float = 0.0


@dataclass(frozen=True, eq=False)
class Actor:
    """habits: float32 (16,), as `habits.HABITS` names them."""

    name: str
    habits: np.ndarray
    build: Build
    looks: Looks


def _habits(**values: float) -> np.ndarray:
    out = np.zeros(len(HABITS), np.float32)
    for name, value in values.items():
        out[HABITS.index(name)] = value
    return out


_CAST = (
    Actor(
        "mara",  # warm and round, both hands, palms open
        _habits(often=0.4, large=0.3, open=0.6, sway=0.8, nod=0.6, both=0.8, fluid=1.4, gaze=0.4, palm=1.3,
                self=0.5),
        Build(height=0.96, shoulders=0.88, hips=0.99, arms=0.97, hands=0.92),
        Looks("#f2c7a9", "#c4706a", "#4f7d5a", "#7a3f26", "long", "scoop", "#1f7f7b", "#17696a",
              trousers_colour="#2f3b52", shoes_colour="#b5793f", backdrop="#dccbb8", curve=0.9, girth=0.96,
              soft=0.9),
    ),
    Actor(
        "kofi",  # large, calm strokes from the shoulder
        _habits(often=-0.2, large=1.3, high=0.4, open=1.2, upright=0.9, sway=0.4, both=0.9, fluid=0.6,
                step=0.7, palm=0.8, fist=0.4),
        Build(height=1.05, shoulders=1.02, arms=1.03, hands=1.04, legs=1.02),
        Looks("#8a5539", "#96504a", "#3a2417", "#1d1614", "crop", "tee", "#f0b53f", "#c08f2d",
              trousers_colour="#39464f", shoes_colour="#e9e2d4", soles_colour="#c9874a", backdrop="#7fb0b5",
              beard="short", girth=1.05),
    ),
    Actor(
        "ines",  # small, exact, often, one hand, points
        _habits(often=1.0, large=-0.8, high=0.3, open=-0.6, upright=0.8, sway=-0.5, nod=0.8, both=-0.6,
                fluid=-0.7, gaze=0.3, point=1.6),
        Build(height=0.93, shoulders=0.90, hips=1.02, trunk=0.99, arms=0.96, hands=0.93),
        Looks("#bb855e", "#a2544c", "#3c2a1c", "#4a423e", "bun", "vneck", "#b0463a", "#8f352d",
              under_colour="#d9d6cf", trousers_colour="#4a4440", shoes_colour="#5b3a2c", backdrop="#cdbfa4",
              curve=0.7, girth=1.04, soft=0.6),
    ),
    Actor(
        "tomas",  # slow, low, thoughtful; hands that meet
        _habits(often=-0.8, large=-0.2, high=-0.7, open=-0.3, upright=-0.5, sway=0.2, nod=0.9, both=0.7,
                fluid=0.5, gaze=-0.5, self=1.2, palm=0.4),
        Build(height=1.01, shoulders=1.0, trunk=1.01, hands=1.02),
        Looks("#e6b496", "#b5736a", "#5f86a8", "#c9c7c2", "side", "polo", "#46618a", "#3a5276",
              trousers_colour="#8d8371", shoes_colour="#6a4630", backdrop="#a9c0a4", brows="#a5a19b",
              beard="full", girth=1.10),
    ),
    Actor(
        "yuki",  # close to the body, quick and light
        _habits(often=0.2, large=-1.2, high=0.1, open=-1.1, upright=0.4, sway=0.3, nod=1.5, both=0.4,
                fluid=0.8, gaze=-0.3, step=-0.5, self=0.8),
        Build(height=0.92, shoulders=0.86, hips=0.94, arms=0.96, head=1.04, hands=0.90),
        Looks("#f4d3b4", "#d07a76", "#3b2a20", "#1e1f2b", "bob", "turtleneck", "#ec93a0", "#e27f8f",
              trousers_colour="#4d5a86", shoes_colour="#f3ede2", soles_colour="#d8cfc0", backdrop="#b4c3de",
              curve=0.6, girth=0.93, soft=1.0),
    ),
    Actor(
        "arjun",  # quick, wide and high, always on the move
        _habits(often=1.3, large=0.8, high=0.9, open=0.5, sway=0.7, nod=0.2, fluid=-0.4, gaze=0.6,
                step=1.1, palm=0.5, point=0.5),
        Build(height=1.0, shoulders=0.97, arms=1.02, legs=1.01),
        Looks("#b37a52", "#9c5a4c", "#33221a", "#1f1a18", "swept", "pullover", "#f1ece2", "#b9bab6",
              trousers_colour="#5b6f8f", shoes_colour="#b5533c", backdrop="#d8a393", beard="stubble",
              girth=0.97, soft=0.2),
    ),
    Actor(
        "nia",  # high and rhythmic, fists and beats
        _habits(often=0.7, large=0.9, high=1.1, open=0.7, upright=1.0, sway=1.0, nod=0.3, both=0.2,
                fluid=0.2, step=0.8, fist=1.1),
        Build(height=0.98, shoulders=0.91, hips=1.01, legs=1.03, arms=1.01, hands=0.95),
        Looks("#6e4531", "#8a4643", "#2a1a12", "#231815", "curls", "hoodie", "#d9694f", "#c25a42",
              under_colour="#f3e9d8", trousers_colour="#2e4a4b", shoes_colour="#f0e7d6",
              soles_colour="#d9694f",
              backdrop="#e3c58f", curve=0.8, soft=0.8),
    ),
    Actor(
        "emil",  # left-handed, a little stiff, steps rarely
        _habits(often=-0.4, large=0.1, high=-0.2, open=-0.5, upright=-0.2, sway=-0.6, right=-1.6,
                both=-0.5, fluid=-0.9, step=-0.8, point=0.6),
        Build(height=1.06, shoulders=0.95, hips=0.95, legs=1.03, trunk=1.01, arms=1.02),
        Looks("#f3cbb1", "#c47f75", "#6d8fae", "#c79a5b", "swept", "cardigan", "#5c6f58", "#4c5e49",
              under_colour="#efe7d8", trousers_colour="#3a3b45", shoes_colour="#7a4b32", backdrop="#c9c2d6",
              brows="#9a7440", girth=0.93, soft=0.3),
    ),
    Actor(
        "leila",  # lively, large circles, looks around
        _habits(often=0.8, large=0.6, high=0.5, open=0.4, sway=1.2, nod=0.5, both=0.3, fluid=1.7, gaze=1.1,
                step=0.4, palm=0.9),
        Build(height=0.97, shoulders=0.88, hips=0.97, legs=1.02, arms=0.99, hands=0.93),
        Looks("#cf976d", "#b05c56", "#4a3120", "#2a1c1a", "ponytail", "pullover", "#8d6fb0", "#7a5d9c",
              trousers_colour="#c9b79c", shoes_colour="#5a4a6b", backdrop="#a8c4bd", curve=0.85,
              girth=0.95, soft=0.85),
    ),
    Actor(
        "bruno",  # heavy, low and slow, hands held before him
        _habits(often=-1.1, large=0.4, high=-1.0, open=0.2, upright=-0.7, sway=0.9, nod=-0.3, both=1.3,
                fluid=0.3, gaze=-0.6, step=-0.3, self=0.6),
        Build(height=0.99, shoulders=1.04, hips=1.08, legs=0.97, trunk=1.02, hands=1.03),
        Looks("#d9a27e", "#ad6a5c", "#4c3524", "#5b3b28", "side", "cardigan", "#a2543f", "#8a4534",
              under_colour="#d7dde0", trousers_colour="#4b4f5c", shoes_colour="#3f332c", backdrop="#c3cbb6",
              beard="stubble", girth=1.18),
    ),
)  # fmt: skip

ACTORS: dict[str, Actor] = {actor.name: actor for actor in _CAST}
"""By name; the first is the one that nobody asked for by name."""


def open_actor(name: str) -> Actor:
    """An actor by name, in letters of any case. Raises InputError, naming the nearest names, for another."""
    actor = ACTORS.get(name.strip().lower())
    if actor is None:
        near = difflib.get_close_matches(name.lower(), ACTORS, 3, 0.3) or list(ACTORS)
        raise InputError(f"there is no actor {name!r}: did you mean {' or '.join(near)}?")
    return actor
