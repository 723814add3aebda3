"""Paintings a second on one core, and what affect costs beside a neutral style.

python benchmarks/painter.py [--size 256] [--seconds 5]
"""

from __future__ import annotations

import argparse
import random
import time

from emotive.affect import Affect
from emotive.data.painter import paint
from emotive.data.scenes import random_scene
from emotive.train.image_data import random_affect


def main() -> None:
    """Paints the same random scenes in random moods and in neutral, turn by turn."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--seconds", type=float, default=5.0)
    options = parser.parse_args()
    rng, spent, n = random.Random(0), [0.0, 0.0], 0
    while sum(spent) < options.seconds:
        scene, moods = random_scene(rng), (random_affect(rng), Affect.neutral())
        for i, mood in enumerate(moods):
            start = time.perf_counter()
            paint(scene, mood, n, options.size)
            spent[i] += time.perf_counter() - start
        n += 1
    print(f"{options.size}px, one core, {n} scenes: {n / spent[0]:.0f} pictures/s in random moods, ", end="")
    print(f"{n / spent[1]:.0f}/s in neutral, ratio {spent[1] / spent[0]:.2f}")


if __name__ == "__main__":
    main()
