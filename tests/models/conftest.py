"""Puts tests/ on the path, for tiny.py."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))
