"""Tiny folders laid out as BEAT, BEAT2 and ZeroEGGS are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile
from foreign_skeletons import Foreign, a_pose, beat, bvh_text, talking, zeroeggs

from emotive.signals import BodyMotion

RATE = 16_000
WORDS = [(0.0, 0.4, ""), (0.4, 0.8, "hello"), (0.8, 1.2, "world"), (1.2, 2.0, "")]
PHONES = [
    (0.0, 0.4, "sil"), (0.4, 0.5, "HH"), (0.5, 0.6, "AH0"), (0.6, 0.7, "L"), (0.7, 0.8, "OW1"),
    (0.8, 0.9, "W"), (0.9, 1.1, "ER1"), (1.1, 1.15, "L"), (1.15, 1.2, "D"), (1.2, 2.0, ""),
]  # fmt: skip


def tone(path: Path, seconds: float, rate: int = RATE) -> Path:
    """A voice of a kind: harmonics of 120 Hz that come and go."""
    times = np.arange(round(seconds * rate)) / rate
    voice = sum(np.sin(2 * np.pi * 120 * k * times) / k for k in range(1, 12))
    soundfile.write(path, 0.1 * voice * (0.5 + 0.5 * np.sin(2 * np.pi * 2 * times)), rate, subtype="PCM_16")
    return path


def textgrid(path: Path, words=WORDS, phones=PHONES) -> Path:
    lines = ['File type = "ooTextFile"', 'Object class = "TextGrid"', "0", str(words[-1][1]), "<exists>", "2"]
    for name, spans in (("words", words), ("phones", phones)):
        lines += ['"IntervalTier"', f'"{name}"', "0", str(spans[-1][1]), str(len(spans))]
        lines += [f'{a} {b} "{text}"' for a, b, text in spans]
    path.write_text("\n".join(lines))
    return path


def beat_take(folder: Path, name: str, motion: BodyMotion, label: int | None = None) -> None:
    """The files of a take of BEAT, in the folder of its speaker."""
    own = folder / name.partition("_")[0]
    own.mkdir(parents=True, exist_ok=True)
    skeleton = beat()
    skeleton.rest = a_pose(20)
    (own / f"{name}.bvh").write_text(bvh_text(skeleton, motion, axes="z-up, facing y", order="XYZ"))
    tone(own / f"{name}.wav", motion.duration)
    textgrid(own / f"{name}.TextGrid")
    (own / f"{name}.json").write_text("{}")
    if label is not None:
        (own / f"{name}.csv").write_text(f"0{label}_feeling,0.0,600,600,{label}\n")


def beat2_take(folder: Path, name: str, motion: BodyMotion) -> None:
    for kind in ("smplxflame_30", "wave16k", "textgrid"):
        (folder / kind).mkdir(parents=True, exist_ok=True)
    parameters = motion.smplx()
    parameters["betas"] = np.ones(300)
    np.savez(folder / "smplxflame_30" / f"{name}.npz", allow_pickle=False, **parameters)
    tone(folder / "wave16k" / f"{name}.wav", motion.duration)
    textgrid(folder / "textgrid" / f"{name}.TextGrid")


def zeroeggs_take(folder: Path, name: str, motion: BodyMotion, skeleton: Foreign | None = None) -> None:
    text = bvh_text(skeleton or zeroeggs(), motion, order="ZYX", all_positions=True)
    (folder / f"{name}.bvh").write_text(text)
    tone(folder / f"{name}.wav", motion.duration, 48_000)


def short(seconds: float = 2.0, fps: int = 30) -> BodyMotion:
    return talking(seconds, fps)
