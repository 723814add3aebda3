"""The recipe of letter-to-sound: how English is spelled, from the CMU Pronouncing Dictionary.

A tenth of the dictionary is held out and measured on. It is chosen by the first four letters of a word, so
that "walk" and "walked", or a name and its plural, are on the same side: what is measured are stems that were
never seen, not endings of stems that were. Two words that only end alike may be on different sides. The
held-out words are never trained on, in the shipped model neither.
"""

from __future__ import annotations

import hashlib
import json
import random
import re
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from emotive.media import write_whole
from emotive.models.letter_to_sound import FRAMES, LetterToSound, encode, pad
from emotive.voice.lexicon import dictionary
from emotive.voice.phones import CONSONANTS, VOWELS, base
from emotive.weights import write_sums

from .loop import train

PREFIX = 4  # letters that decide on which side a word is
METRICS = "metrics.json"
Entry = tuple[str, tuple[str, ...]]


def new_letter_to_sound(**config) -> LetterToSound:
    """An untrained network over the phones of `voice.phones`, without pause and breath."""
    return LetterToSound((*VOWELS, *CONSONANTS), **config)


def train_letter_to_sound(
    out: Path,
    minutes: float = 12.0,
    seed: int = 0,
    report: Callable[[str], None] = print,
    *,
    batch_size: int = 256,
    test_words: int | None = None,
    network: LetterToSound | None = None,
) -> Path:
    """Trains on the CPU and returns the folder of the finished network, `out/letter_to_sound`.

    The folder has `config.json`, the weights, their sums and `metrics.json`: see `measure`, with "minutes",
    "samples" (words seen, with repetitions) and "parameters".

    Args:
        out: folder for the state; an interrupted run goes on from it.
        minutes: training time.
        seed: of weights and batches.
        batch_size: words a step.
        test_words: measure on so many of the held-out words only; all if None.
        network: another one than the standard one.
    """
    out.mkdir(parents=True, exist_ok=True)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = network or new_letter_to_sound()
    known, held_out = split(entries())
    report(f"letter-to-sound: {len(known)} words to learn, {len(held_out)} held out")
    average = train(
        network,
        batches(known, batch_size, seed),
        lambda batch: spelling_loss(network, *batch),
        minutes,
        out / "letter_to_sound.pt",
        report=report,
        label="letter-to-sound",
    )
    folder = out / "letter_to_sound"
    finished: Any = average.model
    finished.to(torch.bfloat16).save_pretrained(folder)
    for file in folder.glob("*.safetensors"):
        file.chmod(0o644)
    reader = LetterToSound.from_pretrained(folder, low_cpu_mem_usage=False).float().eval()
    if test_words is not None:
        held_out = random.Random(0).sample(held_out, min(test_words, len(held_out)))
    measured: dict[str, float] = measure(reader.phones, held_out)
    state = torch.load(out / "letter_to_sound.pt", weights_only=True, mmap=True)
    measured |= {
        "minutes": minutes,
        "samples": state["samples"],
        "parameters": sum(p.numel() for p in reader.parameters()),
        "words_learned_from": len(known),
    }
    write_whole(folder / METRICS, json.dumps(measured, indent=2).encode())
    write_sums(folder)
    report(
        f"letter-to-sound: of {len(held_out)} words held out, phone errors {measured['phone_error']:.1%}, "
        f"without stress {measured['phone_error_without_stress']:.1%}, "
        f"words wrong {measured['word_error']:.1%}"
    )
    return folder


def read_metrics(folder: Path) -> dict[str, float]:
    """What was measured when the network in the folder was made."""
    return json.loads((folder / METRICS).read_text("utf-8"))


def entries() -> list[Entry]:
    """The dictionary's words of two letters a-z or more with their phones, by the alphabet.

    Without words that have no vowel, and without those that spelling cannot tell: more phones than the
    network has frames, or a letter's name for every letter ("bbc").
    """
    found = []
    for word, said in sorted(dictionary().items()):
        phones = tuple(said.split())
        if not re.fullmatch(r"[a-z]{2,}", word) or not any(p in VOWELS for p in phones):
            continue
        names = "".join(dictionary()[letter + "."] for letter in word)
        spelled = re.sub(r"[ 012]", "", said) == re.sub(r"[ 012]", "", names)
        repeated = sum(a == b for a, b in pairwise(phones))  # need a frame between them
        if not spelled and len(phones) + repeated <= FRAMES * len(word):
            found.append((word, phones))
    return found


def is_held_out(word: str) -> bool:
    """Whether the word is kept for measuring: by the sha256 of its first four letters, one in ten."""
    return hashlib.sha256(word[:PREFIX].encode()).digest()[0] * 10 < 256


def split(words: Sequence[Entry]) -> tuple[list[Entry], list[Entry]]:
    """Words to learn from, words held out."""
    return [e for e in words if not is_held_out(e[0])], [e for e in words if is_held_out(e[0])]


def batches(words: Sequence[Entry], size: int, seed: int) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Endless batches of words about equally long: letters (B, N), phones (B, P), numbers of phones (B,).

    Phones are counted from 1 in the order of the network's symbols, 0 behind the end.
    """
    rng = random.Random(seed)
    numbers = {symbol: i for i, symbol in enumerate((*VOWELS, *CONSONANTS), 1)}
    coded = [(encode(word), [numbers[p] for p in phones]) for word, phones in words]
    while True:
        order = sorted(range(len(coded)), key=lambda i: (len(coded[i][0]), rng.random()))
        starts = list(range(0, len(order), size))
        rng.shuffle(starts)
        for start in starts:
            rows = [coded[i] for i in order[start : start + size]]
            counts = torch.tensor([len(phones) for _, phones in rows])
            yield pad([letters for letters, _ in rows]), pad([phones for _, phones in rows]), counts


def spelling_loss(network: LetterToSound, letters: Tensor, phones: Tensor, counts: Tensor) -> Tensor:
    """CTC: minus the log probability of the phones, over all alignments, a phone."""
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=_fast_bf16()):
        log_probs = network(letters)
    frames = FRAMES * (letters > 0).sum(1)
    return F.ctc_loss(log_probs.transpose(0, 1), phones, frames, counts, zero_infinity=True)


def _fast_bf16() -> bool:
    from emotive.devices import choose_device, choose_dtype

    return choose_dtype(choose_device("cpu"))[0] == torch.bfloat16


def measure(say: Callable[[list[str]], list[tuple[str, ...]]], words: Sequence[Entry]) -> dict[str, float]:
    """Errors against the dictionary's first pronunciation, shares of 1.

    "phone_error" and "phone_error_without_stress": phones to insert, delete or change, over the phones of the
    dictionary. "word_error", "word_error_without_stress": words with any such error. "words": how many.
    """
    said = say([word for word, _ in words])
    edits = {"": [], "_without_stress": []}
    for got, (_, wanted) in zip(said, words, strict=True):
        edits[""].append(edit_distance(got, wanted))
        edits["_without_stress"].append(edit_distance([base(p) for p in got], [base(p) for p in wanted]))
    total = sum(len(phones) for _, phones in words)
    found: dict[str, float] = {"words": len(words)}
    for name, counts in edits.items():
        found[f"phone_error{name}"] = sum(counts) / total
        found[f"word_error{name}"] = sum(c > 0 for c in counts) / len(words)
    return found


def edit_distance(got: Sequence[str], wanted: Sequence[str]) -> int:
    """The fewest insertions, deletions and changes that make one the other (Levenshtein 1966)."""
    row = list(range(len(wanted) + 1))
    for i, a in enumerate(got, 1):
        previous, row[0] = row[0], i
        for j, b in enumerate(wanted, 1):
            previous, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, previous + (a != b))
    return row[-1]
