"""Are the words still there? An open-vocabulary recogniser hears them; errors are counted against the text.

pocketsphinx (BSD; an optional extra) with its own English model and dictionary of 135,000 words, everything
at its defaults. It is a recogniser of 2010's kind: its errors on clear speech are many, and rise with
what listeners would forgive. So no error rate says anything alone; differences do, sentence by sentence.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import re
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from emotive.errors import InputError
from emotive.media.audio import resample

from . import metrics

RATE = 16_000  # samples/s that the recogniser hears
LEVEL = 0.06  # RMS of what it hears: loudness is no cue here, and its silence detection needs some level


class Recogniser:
    """Writes down what it hears. `cache`, a file of JSON lines, keeps what was heard before: sound ->
    words."""

    name = "pocketsphinx, open vocabulary"

    def __init__(self, cache: str | os.PathLike[str] | None = None):
        if importlib.util.find_spec("pocketsphinx") is None:
            raise InputError("hearing words needs pocketsphinx: pip install 'emotive[align]'")
        self.cache = None if cache is None else Path(cache)

    @cached_property
    def known(self) -> dict[str, str]:
        """What was heard before, by the sha256 of its samples."""
        if self.cache is None or not self.cache.exists():
            return {}
        try:
            lines = self.cache.read_text("utf-8").splitlines()
            return {str(key): str(words) for key, words in map(json.loads, lines)}
        except (OSError, ValueError, TypeError) as error:
            raise InputError(f"{self.cache} is no cache of what was heard: give another file") from error

    @cached_property
    def _decoder(self) -> Any:
        import pocketsphinx

        return pocketsphinx.Decoder(samprate=RATE, loglevel="FATAL")

    def hear(self, waveform: np.ndarray, sample_rate: int) -> str:
        """A waveform (N,) -> words, lower case; empty if nothing was understood."""
        x = resample(waveform, sample_rate, RATE)
        x = x * (LEVEL / max(float(np.sqrt(np.mean(np.square(x, dtype=np.float64)))), 1e-5))
        data = (np.clip(x, -1, 1) * 32767).astype("<i2").tobytes()
        key = hashlib.sha256(data).hexdigest()
        if key not in self.known:
            self.known[key] = self._decode(data)
            if self.cache is not None:
                # One short line at once, so that several processes may append to one file.
                with self.cache.open("a", encoding="utf-8") as file:
                    file.write(json.dumps([key, self.known[key]]) + "\n")
        return self.known[key]

    def _decode(self, data: bytes) -> str:
        self._decoder.start_utt()
        try:
            self._decoder.process_raw(data, full_utt=True)
        finally:
            self._decoder.end_utt()
        found = self._decoder.hyp()
        return found.hypstr if found else ""

    def __getstate__(self) -> dict[str, Any]:
        return {"cache": self.cache}  # the decoder lives in one process


def words(text: str) -> list[str]:
    """Text as it is compared: lower case, letters and apostrophes."""
    return re.sub(r"[^a-z' ]", " ", text.lower().replace("’", "'")).split()


def word_errors(said: str, heard: str) -> int:
    """Words to insert, delete or replace to get from `said` to `heard` (Levenshtein 1966)."""
    wanted, found = words(said), words(heard)
    row = list(range(len(found) + 1))
    for i, word in enumerate(wanted, start=1):
        before, row = row, [i]
        for j, other in enumerate(found):
            row.append(min(row[j] + 1, before[j + 1] + 1, before[j] + (word != other)))
    return row[-1]


def word_error_rate(errors: np.ndarray, counts: np.ndarray) -> float:
    """Errors (S,) over words (S,), summed over sentences; above 1 where more was heard than said."""
    return float(errors.sum() / counts.sum())


def difference(
    errors: np.ndarray, other: np.ndarray, counts: np.ndarray, resamples: int = 5000
) -> dict[str, Any]:
    """How much higher the word error rate is with `errors` than with `other`, (S,) each, of the same
    sentences with `counts` words: {"difference", "interval": 95 % BCa, resampling sentences, so that pairs
    stay}."""
    apart = (errors - other).astype(float)

    def statistic(rows: np.ndarray) -> np.ndarray:
        return apart[rows].sum(1) / counts[rows].sum(1)

    interval = metrics.cluster_bootstrap(np.arange(len(counts)), statistic, resamples)
    return {"difference": float(apart.sum() / counts.sum()), "interval": list(interval)}


def word_summary(
    found: Sequence[Mapping[str, int]], counts: Sequence[int], resamples: int = 5000
) -> dict[str, Any]:
    """What was misheard of S sentences, to rates.

    found: of each sentence, way of saying -> errors; "neutral" always, others where they were said.
    Returns way -> {"wer", "n", "neutral_wer" of the same sentences, "difference" and "interval" against
    neutral}; and under "neutral" the difference against "teacher", where there is one.
    """
    ways = list(dict.fromkeys(way for one in found for way in one))
    out: dict[str, Any] = {}
    for way in ways:
        rows = [i for i, one in enumerate(found) if way in one]
        mine = np.array([found[i][way] for i in rows])
        neutral = np.array([found[i]["neutral"] for i in rows])
        many = np.array([counts[i] for i in rows])
        out[way] = {"wer": word_error_rate(mine, many), "n": len(rows)}
        if way != "neutral":
            out[way]["neutral_wer"] = word_error_rate(neutral, many)
        if way == "teacher":
            out["neutral"]["against_teacher"] = difference(neutral, mine, many, resamples)
        elif way != "neutral":
            out[way] |= difference(mine, neutral, many, resamples)
    return out
