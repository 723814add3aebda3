"""Many pictures or clips at once: a valence-arousal sheet as PNG, or an offline HTML page without scripts."""

from __future__ import annotations

import os
from collections.abc import Sequence
from html import escape
from pathlib import Path
from urllib.parse import quote

from PIL import Image

from emotive.affect import Affect
from emotive.media import write_whole
from emotive.media.image import draw_grid, write_png
from emotive.media.provenance import Provenance

Picture = tuple[str | Path, str, Provenance | None]  # file, caption, where it comes from
SOUNDS = (".wav", ".flac", ".ogg", ".mp3")
VIDEOS = (".mp4", ".webm")


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
    laid out as that grid, with its axes. A sound file gets a player under the picture of the same name, such
    as its spectrogram; a video shows that picture until it is played. Raises InputError if the folder is
    missing or cannot be written.
    """
    path = Path(path)
    loose = list(pictures)
    sections = []
    for group in _grids(loose):
        sections.append(_grid(path, group))
        loose = [picture for picture in loose if all(picture is not member for member in group)]
    kinds = {_kind(file) for file, _, _ in pictures}
    rows = ""
    for style, kind in (("cards clips", "videos"), ("cards clips", "clips"), ("cards", "pictures")):
        cards = "".join(_card(path, picture) for picture in loose if _kind(picture[0]) == kind)
        rows += f'<section class="{style}">{cards}</section>' if cards else ""
    legend = f'<p class="legend">{_LEGEND}</p>' if 'class="dial"' in rows else ""
    body = legend + (f"<main>{rows}</main>" if rows else "") + "".join(sections)
    *most, last = sorted(kinds, key=("pictures", "clips", "videos").index) or ["pictures"]
    statement = STATEMENT.replace("pictures", f"{', '.join(most)} and {last}" if most else last)
    page = PAGE.format(title=escape(title), style=_STYLE, generator="Emotive", body=body, statement=statement)
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
        cells.append(f"<div>{_shown(page, file, escape(caption))}</div>")
    ticks = "".join(f'<span class="tick">{_signed(value)}</span>' for value in columns)
    provenance = group[0][2]
    prompt = escape(provenance.prompt) if provenance is not None and provenance.prompt else "a mood"
    return (
        f'<section class="plane"><h2>{prompt}</h2><div class="frame">'
        '<div class="axis y"><span>calm</span><i></i><b>arousal →</b><i></i><span>excited</span></div>'
        f'<div class="grid" style="--columns:{len(columns)}">{"".join(cells)}<span></span>{ticks}</div>'
        '<div class="axis x"><span>unpleasant</span><i></i><b>valence →</b><i></i><span>pleasant</span></div>'
        "</div></section>"
    )


def _card(page: Path, picture: Picture) -> str:
    file, caption, provenance = picture
    dial, seed, words, wide = "", "", "", ""
    if provenance is not None:
        dial = _dial(provenance.affect) if provenance.affect is not None else ""
        seed = f"<small>seed {provenance.seed}</small>"
        words = f"“{escape(provenance.prompt)}”" if provenance.prompt else "no words, a mood alone"
        words = f'<p title="{escape(provenance.model)}">{words}</p>'
        wide = " wide" if provenance.cells else ""
    alt = escape(": ".join(text for text in (provenance.prompt if provenance else "", caption) if text))
    return (
        f'<figure class="card{wide}">{_shown(page, file, alt)}'
        f"<figcaption>{dial}<div><span>{escape(caption)}</span>{seed}{words}</div></figcaption></figure>"
    )


def _shown(page: Path, file: str | Path, alt: str) -> str:
    """A picture; for a sound, the picture of the same name and a player; a video with that picture."""
    kind, source = _kind(file), _source(page, file)
    picture = source if kind == "pictures" else _source(page, Path(file).with_suffix(".png"))
    player = f'controls preload="none" src="{source}" aria-label="{alt}"'
    if kind == "videos":
        return f'<video {player} poster="{picture}" playsinline></video>'
    shown = f'<a href="{picture}"><img src="{picture}" alt="{alt}" loading="lazy"></a>'
    return f"{shown}<audio {player}></audio>" if kind == "clips" else shown


def _kind(file: str | Path) -> str:
    suffix = Path(file).suffix.lower()
    return "clips" if suffix in SOUNDS else "videos" if suffix in VIDEOS else "pictures"


def _dial(affect: Affect) -> str:
    """The plane, with a dot where the affect lies."""
    x, y = 10 + 8 * affect.valence, 10 - 8 * affect.arousal
    point = f"valence {_signed(affect.valence)}, arousal {_signed(affect.arousal)}"
    return (
        f'<svg class="dial" viewBox="0 0 20 20" role="img" aria-label="{point}"><title>{point}</title>'
        '<rect x=".5" y=".5" width="19" height="19" rx="4"/><path d="M10 3v14M3 10h14"/>'
        f'<circle cx="{x:.2f}" cy="{y:.2f}" r="2.2"/></svg>'
    )


def _source(page: Path, file: str | Path) -> str:
    try:
        relative = Path(os.path.relpath(Path(file).resolve(), page.resolve().parent)).as_posix()
    except ValueError:  # another drive
        return escape(Path(file).resolve().as_uri())
    return escape(quote(relative if "/" in relative else f"./{relative}"))


def _signed(value: float) -> str:
    return f"{value:+.2f}".rstrip("0").rstrip(".").replace("-", "−") if round(value, 2) else "0"


STATEMENT = "These pictures were generated by Emotive (AI-generated media)."

_LEGEND = "The dot shows where a feeling lies: pleasant to the right, excited at the top."

_STYLE = """
:root { color-scheme: light dark; --paper: #fbfaf7; --ink: #33312c; --quiet: #6f6c64; --rule: #cbc6ba;
  --dot: #c2502e; }
@media (prefers-color-scheme: dark) { :root { --paper: #1a1917; --ink: #ebe8e1; --quiet: #a8a49a;
  --rule: #4a473f; --dot: #f08a62; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 80rem; padding: clamp(2rem, 5vw, 4.5rem) clamp(1.2rem, 5vw, 4rem);
  background: var(--paper); color: var(--ink); overflow-wrap: break-word;
  font: 1rem/1.5 ui-sans-serif, system-ui, "Segoe UI", Helvetica, Arial, sans-serif; }
h1 { margin: 0 0 .7rem; font-weight: 500; font-size: clamp(1.5rem, 1.2rem + 1.5vw, 2.2rem);
  line-height: 1.2; letter-spacing: -.015em; text-wrap: balance; }
h2 { margin: 0 0 1.4rem; font-weight: 500; font-size: 1.2rem; }
p { margin: 0; }
.legend, p, small, .tick, .axis, footer { color: var(--quiet); }
.legend { max-width: 40rem; }
audio { display: block; width: 100%; height: 2.2rem; margin-top: .4rem; }
.grid audio { height: 1.6rem; margin: .2rem 0 .5rem; }
img, video { display: block; width: 100%; height: auto; border-radius: 12px; }
video { aspect-ratio: 1; }
a:focus-visible { outline: 2px solid var(--dot); outline-offset: 3px; border-radius: 12px; }
.cards { display: grid; gap: 2.6rem 1.8rem; margin-top: 2.6rem;
  grid-template-columns: repeat(auto-fill, minmax(min(100%, 15rem), 1fr)); }
.clips { grid-template-columns: repeat(auto-fill, minmax(min(100%, 20rem), 1fr)); }
.clips img { border-radius: 0; }
figure { margin: 0; }
figcaption { display: flex; gap: .9rem; padding: 1rem .1rem 0; }
figcaption div { flex: 1; min-width: 0; display: flex; flex-wrap: wrap; align-items: baseline;
  justify-content: space-between; gap: 0 .8rem; }
figcaption p { flex-basis: 100%; font-size: .875rem; line-height: 1.45; text-wrap: pretty; }
figcaption span { min-width: 0; overflow-wrap: anywhere; }
small { font-size: .8rem; white-space: nowrap; font-variant-numeric: tabular-nums; }
.dial { flex: none; width: 2.3rem; height: 2.3rem; margin-top: .25rem; }
.dial rect, .dial path { fill: none; stroke: var(--rule); stroke-width: .7; }
.dial circle { fill: var(--dot); }
.wide { grid-column: 1 / -1; width: 100%; max-width: 56rem; margin: 2.5rem auto 0; }
.plane { margin: 5rem auto 0; max-width: 56rem; }
.frame { display: grid; grid-template-columns: auto 1fr; gap: .7rem .4rem; font-size: .85rem; }
.grid { display: grid; gap: 5px; align-items: center; min-width: 0;
  grid-template-columns: 2.6rem repeat(var(--columns), minmax(0, 1fr)); }
.grid img, .grid a { border-radius: 3px; }
.tick { padding-top: .3rem; text-align: center; white-space: nowrap;
  font-variant-numeric: tabular-nums; }
.tick.row { padding: 0 .5rem 0 0; text-align: right; }
.axis { display: flex; align-items: center; gap: .8em; }
.axis b { color: var(--ink); font-weight: 500; }
.axis i { flex: 1; border-block-start: 1px solid var(--rule); }
.x { grid-column: 2; padding-left: calc(2.6rem + 5px); }
.y { writing-mode: vertical-rl; transform: rotate(180deg); padding-top: 1.9rem; }
footer { margin-top: 5rem; font-size: .8rem; }
@media (max-width: 34rem) { .frame { font-size: .72rem; } .grid { gap: 3px;
  grid-template-columns: 2.2rem repeat(var(--columns), minmax(0, 1fr)); }
  .x { padding-left: calc(2.2rem + 3px); } .wide img { border-radius: 6px; } }
@media print { body { padding: 0; } .card { break-inside: avoid; } }
"""

PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="generator" content="{generator}">
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
