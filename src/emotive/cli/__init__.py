"""The command line: `emotive image "a lighthouse by the sea" --affect joy`.

Written paths go to stdout, one per line; everything else to stderr. Exit codes: 0; 2 for input that cannot
be used, in one line; 1 for a fault (EMOTIVE_TRACEBACK=1 shows where); 130 for Ctrl-C.
"""

from __future__ import annotations

import codecs
import json
import os
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from emotive import __version__
from emotive.errors import EmotiveError

os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")  # or it advises before every line of ours

# Each adds its commands, in the order of --help.
# isort: off
from . import image, film, edit, compass, speech, head, gesture, judge, about, fetch, convert, studio, live  # noqa: F401
from . import evaluate, train, train_directions, train_mapper  # noqa: F401

# isort: on
from .common import app, notes, option, say


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line on `argv` (sys.argv by default) and returns the exit code."""
    arguments = None if argv is None else list(argv)
    for stream in (sys.stdout, sys.stderr):
        if getattr(stream, "errors", "") in ("strict", "surrogateescape") and hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="emotive")  # pyright: ignore
    try:
        with notes():
            command = typer.main.get_command(app)
            code = command.main(args=arguments, prog_name="emotive", standalone_mode=False)
            sys.stdout.flush()
        return code if isinstance(code, int) else 0
    except EmotiveError as error:
        say(f"error: {error}")
        return 2
    except (KeyboardInterrupt, typer.Abort):
        return 130
    except BrokenPipeError:  # `emotive info | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 0
    except Exception as error:
        if isinstance(usage := getattr(error, "exit_code", None), int) and hasattr(error, "format_message"):
            wrong = error.format_message().replace("Value error, ", "")  # pyright: ignore  pydantic's prefix
            say(f"error: {wrong} See emotive --help")
            return usage
        if os.environ.get("EMOTIVE_TRACEBACK"):
            raise
        say(f"fault: {type(error).__name__}: {str(error)[:500]} (EMOTIVE_TRACEBACK=1 shows where)")
        return 1


def _unprintable(error: UnicodeError) -> tuple[str | bytes, int]:
    """What a terminal lacks becomes \\uXXXX, as JSON may say it; a file name's bytes stay what they are."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    character = error.object[error.start]
    if "\udc80" <= character <= "\udcff":  # a byte, as surrogateescape keeps it
        return bytes([ord(character) - 0xDC00]), error.start + 1
    return json.dumps(character)[1:-1], error.start + 1


codecs.register_error("emotive", _unprintable)


@app.callback(invoke_without_command=True)
def _root(
    context: typer.Context, version: Annotated[bool, option("Print the version.", "--version")] = False
) -> None:
    if version:
        print(f"emotive {__version__}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        print(context.get_help())
