"""The tokenizers of CLIP and T5, built from the vocabularies that `emotive fetch` brings.

A single-file model holds networks, but not the vocabularies that its text encoders were trained with.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from emotive.errors import WeightsError
from emotive.fetching import CLIP_VOCABULARY, T5_VOCABULARY, Fetchable, fetched
from emotive.media import write_whole

CLIP_WORDS = 49408  # CLIP's vocabulary: 2 x 256 bytes, merges, start and end
SPECIAL = ("<|startoftext|>", "<|endoftext|>")


def needed_vocabulary(tokenizer: dict[str, Any]) -> Fetchable:
    """What to fetch for a tokenizer, by its config. Raises WeightsError for one that is not known."""
    kind = str(tokenizer.get("tokenizer_class"))
    if kind.startswith("CLIPTokenizer"):
        return CLIP_VOCABULARY
    if kind.startswith("T5Tokenizer"):
        return T5_VOCABULARY
    raise WeightsError(f"there is no vocabulary for the tokenizer {kind[:60]}")


def write_tokenizer(folder: Path, config: dict[str, Any], model: str) -> None:
    """Writes the files of a tokenizer into `folder`: its config, and its vocabulary in the form that
    transformers reads. `model` is what needs it, for the error.

    Raises WeightsError, naming the command, if the vocabulary was not fetched.
    """
    item = needed_vocabulary(config)
    source = fetched(item)
    if source is None:
        what = item.what.split(",")[0]
        raise WeightsError(
            f"{model} needs {what}, which was not fetched: run `emotive fetch {item.name}`, or give "
            "--config FOLDER, a diffusers folder of the same model"
        )
    folder.mkdir(parents=True, exist_ok=True)
    if item is CLIP_VOCABULARY:
        vocabulary, merges = clip_vocabulary(source)
        write_whole(folder / "vocab.json", json.dumps(vocabulary, ensure_ascii=False).encode())
        write_whole(folder / "merges.txt", "\n".join(["#version: 0.2", *merges, ""]).encode())
    else:
        write_whole(folder / "spiece.model", source.read_bytes())
    write_whole(folder / "tokenizer_config.json", json.dumps(config, indent=1).encode())


def clip_vocabulary(source: Path) -> tuple[dict[str, int], Sequence[str]]:
    """The words of CLIP's byte pair encoding with their numbers, and its merges, best first.

    Radford et al. 2021 read the first 49152 - 256 - 2 merges of a longer list. The words are the 256 bytes,
    the 256 bytes at the end of a word, what each merge makes, then start and end: 49408.

    Raises WeightsError if the file is not that list.
    """
    try:
        lines = gzip.decompress(source.read_bytes()).decode("utf-8").split("\n")
    except (OSError, EOFError, ValueError) as error:
        raise WeightsError(f"cannot read {source}: {' '.join(str(error).split())[:200]}") from error
    merges = lines[1 : 1 + CLIP_WORDS - 2 * 256 - len(SPECIAL)]
    letters = byte_letters()
    words = [
        *letters,
        *(letter + "</w>" for letter in letters),
        *("".join(m.split()) for m in merges),
        *SPECIAL,
    ]
    vocabulary = {word: i for i, word in enumerate(words)}
    if len(vocabulary) != CLIP_WORDS or any(len(merge.split()) != 2 for merge in merges):
        raise WeightsError(
            f"{source} is not CLIP's list of merges: run `emotive fetch {CLIP_VOCABULARY.name}`"
        )
    return vocabulary, merges


def byte_letters() -> list[str]:
    """A visible letter for each of the 256 bytes, in the order of GPT-2's vocabulary (Radford et al. 2019):
    first the bytes that are printable in Latin-1, as themselves, then the others, as letters from 256 on."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    return [chr(byte) for byte in printable] + [chr(256 + i) for i in range(256 - len(printable))]
