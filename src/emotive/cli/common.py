"""What the commands share: the app, common options, and how they speak.

Written paths go to stdout, one per line; everything else to stderr.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from emotive.errors import InputError

if TYPE_CHECKING:
    from emotive.media.provenance import Provenance

IMAGE_MODEL = "emotive-image-1"

app = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,  # plain help: it starts faster, and pipes well
    pretty_exceptions_enable=False,
    help="Turn a point or a path in valence-arousal space into media.",
)
train_app = typer.Typer(rich_markup_mode=None, help="Train the models again, or on from where they are.")
app.add_typer(train_app, name="train")


def option(help: str, *names: str) -> Any:
    return typer.Option(*names, help=help)


Device = Annotated[str | None, option("cpu, cuda, cuda:1, mps. [the best there is]")]
Folder = Annotated[Path, option("The folder, made if it does not exist.", "--output", "-o")]
AsJson = Annotated[bool, option("As JSON.", "--json")]


def make_folder(folder: Path) -> None:
    from emotive.media import check_folder

    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot make the folder {folder}: {error.strerror}") from error
    check_folder(folder)


def batch_size(here: dict[str, Any], plan: Provenance | None = None) -> int:
    """Pictures at once: on a CPU a batch gains nothing and costs memory, and models of others are large."""
    return 1 if here["device"] == "cpu" or (plan is not None and plan.backbone) else 16


def progress(pictures: Iterator[Any], total: int) -> Iterator[Any]:
    """A bar on stderr where there is something to wait for and someone to see it."""
    from tqdm import tqdm

    return iter(tqdm(pictures, total=total, unit="picture", disable=True if total < 2 else None, leave=False))


@contextmanager
def needs_extra(extra: str) -> Iterator[None]:
    """A module that an extra would bring is one line with the command that brings it."""
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] == "emotive":
            raise
        raise InputError(f'{error.name} is not installed: pip install "emotive[{extra}]"') from error


@contextmanager
def notes() -> Iterator[None]:
    """Warnings for the user become one line on stderr, each once; those between libraries are dropped."""
    seen = set()

    def note(message: Warning | str, category: type[Warning], filename: str, *_: Any) -> None:
        text, foreign = str(message), {"torch", "diffusers", "huggingface_hub"} & set(Path(filename).parts)
        if issubclass(category, UserWarning) and not foreign and text not in seen:
            seen.add(text)
            say(f"note: {text}")

    with warnings.catch_warnings():
        warnings.simplefilter("always", UserWarning)
        warnings.showwarning = note
        yield


def report(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def say(line: str) -> None:
    print("emotive:", plain(" ".join(line.split())), file=sys.stderr, flush=True)


def plain(text: str) -> str:
    """Without control characters: text from files must not steer the terminal."""
    return "".join(c if c.isprintable() else "?" for c in text)


def table(rows: dict[str, Any]) -> None:
    for name, value in rows.items():
        for label, line in zip_longest([name], str(value).splitlines(), fillvalue=""):
            print(f"{label:<11} {plain(line)}".rstrip())
