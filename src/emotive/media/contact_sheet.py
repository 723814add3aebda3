"""Many pictures on one page: a valence-arousal sheet as PNG, or an offline HTML page without scripts."""

from __future__ import annotations

import os
from collections.abc import Sequence
from html import escape
from pathlib import Path
from urllib.parse import quote

from PIL import Image

from emotive.media import write_whole
from emotive.media.image import draw_grid, write_png
from emotive.media.provenance import Provenance

Picture = tuple[str | Path, str, Provenance | None]  # file, caption, where it comes from


def write_grid(
    path: str | Path,
    images: Sequence[Image.Image],
    columns: int,
    provenance: Provenance,
    cell: int | None = None,
) -> Path:
    """Writes the sheet that `draw_grid` draws as PNG with a sidecar; `provenance.cells` are its cells.

    Raises InputError if the pictures do not fill the rows, or as `write_png` does.
    """
    return write_png(path, draw_grid(images, columns, cell), provenance)


def write_contact_sheet(path: str | Path, title: str, pictures: Sequence[Picture]) -> Path:
    """Writes one HTML page that shows `pictures` with their captions and a dot in the valence-arousal plane.

    Pictures are referenced relative to the page, so that the folder can be moved or zipped as a whole;
    nothing is fetched from anywhere. Pictures of one prompt and seed that fill a valence-arousal grid are
    laid out as that grid, with its axes. Raises InputError if the folder is missing or cannot be written.
    """
    path = Path(path)
    loose = list(pictures)
    sections = []
    for group in _grids(loose):
        sections.append(_grid(path, group))
        loose = [picture for picture in loose if all(picture is not member for member in group)]
    cards = "".join(_card(path, picture) for picture in loose)
    body = (f'<main class="cards">{cards}</main>' if cards else "") + "".join(sections)
    page = _PAGE.format(title=escape(title), style=_STYLE, body=body, statement=_STATEMENT)
    write_whole(path, page.encode())
    return path


def _grids(pictures: list[Picture]) -> list[list[Picture]]:
    """Groups of pictures that fill a valence-arousal grid of at least 2 x 2, each in reading order."""
    groups: dict[tuple[str, int], dict[tuple[float, float], Picture]] = {}
    for picture in pictures:
        provenance = picture[2]
        if provenance is not None and provenance.affect is not None:
            point = (-provenance.affect.arousal, provenance.affect.valence)
            groups.setdefault((provenance.prompt, provenance.seed), {}).setdefault(point, picture)
    found = []
    for cells in groups.values():
        rows, columns = ({point[axis] for point in cells} for axis in (0, 1))
        if len(rows) > 1 and len(columns) > 1 and len(cells) == len(rows) * len(columns):
            found.append([cells[point] for point in sorted(cells)])
    return found


def _grid(page: Path, group: list[Picture]) -> str:
    points = [p[2].affect for p in group if p[2] is not None and p[2].affect is not None]
    columns = sorted({point.valence for point in points})
    rows = sorted({point.arousal for point in points}, reverse=True)
    cells = []
    for i, (file, caption, _) in enumerate(group):
        if i % len(columns) == 0:
            cells.append(f'<span class="tick row">{_signed(rows[i // len(columns)])}</span>')
        source = _source(page, file)
        cells.append(f'<a href="{source}"><img src="{source}" alt="{escape(caption)}" loading="lazy"></a>')
    ticks = "".join(f'<span class="tick">{_signed(value)}</span>' for value in columns)
    provenance = group[0][2]
    prompt = escape(provenance.prompt) if provenance is not None and provenance.prompt else "a mood"
    return (
        f'<section class="plane"><h2>{prompt}</h2><div class="frame">'
        '<div class="axis y"><span>calm</span><b>arousal</b><span>excited</span></div>'
        f'<div class="grid" style="--columns:{len(columns)}">{"".join(cells)}<span></span>{ticks}</div>'
        '<div class="axis x"><span>unpleasant</span><b>valence</b><span>pleasant</span></div></div></section>'
    )


def _card(page: Path, picture: Picture) -> str:
    file, caption, provenance = picture
    source, dial, facts, wide = _source(page, file), "", "", ""
    if provenance is not None:
        if provenance.affect is not None:
            x, y = 10 + 8 * provenance.affect.valence, 10 - 8 * provenance.affect.arousal
            point = (
                f"valence {_signed(provenance.affect.valence)}, arousal {_signed(provenance.affect.arousal)}"
            )
            dial = (
                f'<svg class="dial" viewBox="0 0 20 20" role="img" aria-label="{point}">'
                f'<title>{point}</title><rect x="1" y="1" width="18" height="18" rx="3"/>'
                '<path d="M10 2v16M2 10h16"/>'
                f'<circle cx="{x:.2f}" cy="{y:.2f}" r="2"/></svg>'
            )
        wide = " wide" if provenance.cells else ""
        words = f"“{escape(provenance.prompt)}”" if provenance.prompt else "no words"
        facts = f'<small title="{escape(provenance.model)}">{words} · seed {provenance.seed}</small>'
    return (
        f'<figure class="card{wide}"><a href="{source}">'
        f'<img src="{source}" alt="{escape(caption)}" loading="lazy"></a>'
        f"<figcaption>{dial}<span>{escape(caption)}{facts}</span></figcaption></figure>"
    )


def _source(page: Path, file: str | Path) -> str:
    try:
        relative = Path(os.path.relpath(Path(file).resolve(), page.resolve().parent)).as_posix()
    except ValueError:  # another drive
        return escape(Path(file).resolve().as_uri())
    return escape(quote(relative if "/" in relative else f"./{relative}"))


def _signed(value: float) -> str:
    return f"{value:+.2f}".rstrip("0").rstrip(".").replace("-", "−") if round(value, 2) else "0"


_STATEMENT = "These pictures were generated by Emotive (AI-generated media)."

_STYLE = """
:root { color-scheme: light dark; --paper: #fbfaf7; --ink: #33312c; --quiet: #77746c; --line: #e4e1d9;
  --card: #fff; --dot: #c2502e; }
@media (prefers-color-scheme: dark) { :root { --paper: #191816; --ink: #e9e6df; --quiet: #9a968c;
  --line: #35332e; --card: #22211e; --dot: #f08a62; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1240px; padding: 3rem clamp(1rem, 4vw, 3rem); background: var(--paper);
  color: var(--ink); font: 16px/1.45 ui-sans-serif, system-ui, "Segoe UI", Helvetica, Arial, sans-serif; }
h1 { margin: 0 0 2rem; font-weight: 600; font-size: 1.7rem; letter-spacing: -0.01em; text-wrap: balance; }
h2 { margin: 0 0 1rem; font-weight: 500; font-size: 1.1rem; }
img { display: block; width: 100%; height: auto; }
a:focus-visible { outline: 2px solid var(--dot); outline-offset: 2px; }
.cards { display: grid; gap: 1.4rem;
  grid-template-columns: repeat(auto-fill, minmax(min(100%, 15.5rem), 1fr)); }
.card { margin: 0; background: var(--card); border: 1px solid var(--line); border-radius: 10px;
  overflow: hidden; }
.wide { grid-column: 1 / -1; }
.wide img { max-width: 900px; margin: 0 auto; }
figcaption { display: flex; gap: .7rem; align-items: center; padding: .7rem .9rem .8rem; }
figcaption span { min-width: 0; overflow-wrap: anywhere; }
small { display: block; color: var(--quiet); font-size: .8rem; }
.dial { flex: none; width: 2.1rem; }
.dial rect { fill: none; stroke: var(--line); } .dial path { stroke: var(--line); stroke-width: .8; }
.dial circle { fill: var(--dot); }
.plane { margin: 3rem auto 0; max-width: 900px; }
.frame { display: grid; grid-template-columns: 1.6rem 1fr; gap: .4rem; }
.grid { display: grid; gap: 4px; align-items: center;
  grid-template-columns: 2.4rem repeat(var(--columns), 1fr); }
.grid img { border-radius: 3px; }
.tick, .axis { color: var(--quiet); font-size: .8rem; text-align: center;
  font-variant-numeric: tabular-nums; }
.row { text-align: right; padding-right: .4rem; }
.axis { display: flex; justify-content: space-between; } .axis b { color: var(--ink); font-weight: 500; }
.x { grid-column: 2; padding-left: 2.4rem; }
.y { writing-mode: vertical-rl; transform: rotate(180deg); padding-top: 1.6rem; }
footer { margin-top: 3rem; color: var(--quiet); font-size: .8rem; }
@media print { body { padding: 0; } .card { break-inside: avoid; } }
"""

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="generator" content="Emotive">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<h1>{title}</h1>
{body}
<footer>{statement}</footer>
</body>
</html>
"""
