"""Sheets show every picture in its place, offline."""

import os
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pytest
from PIL import Image

from emotive.affect import Affect
from emotive.errors import InputError
from emotive.media.contact_sheet import write_contact_sheet, write_grid
from emotive.media.image import draw_grid
from emotive.media.provenance import Provenance, read_provenance

MADE = Provenance(
    prompt="a house", seed=3, model="emotive-image-1", affect=Affect(0.5, -0.5), affect_text="calm"
)
VOID = {"meta", "img", "rect", "path", "circle", "br", "link"}


class Page(HTMLParser):
    """Checks that every tag is closed, and collects what the page refers to."""

    def __init__(self, path: Path):
        super().__init__()
        self.open: list[str] = []
        self.images: list[str] = []
        self.links: list[str] = []
        self.text = ""
        self.feed(path.read_text("utf-8"))
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        if tag == "img":
            assert values["alt"]
            self.images.append(values["src"] or "")
        if tag == "a":
            self.links.append(values["href"] or "")
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        assert tag in VOID

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def test_a_page_is_offline_and_refers_to_its_files(tmp_path: Path):
    names = ["a b.png", "50%.png", "sub/c&d.png", 'q"uote.png', "a#1?.png", "2:3.png"]
    pictures = [(tmp_path / name, f"<b>{name}</b>", replace(MADE, seed=i)) for i, name in enumerate(names)]
    path = write_contact_sheet(
        tmp_path / "index.html", "Joy & <fear>", [*pictures, ("plain.png", "no source", None)]
    )
    page = Page(path)
    assert [unquote(source).removeprefix("./") for source in page.images[:-1]] == names
    assert page.images == page.links
    assert "Joy & <fear>" in page.text and "<b>50%.png</b>" in page.text  # escaped, so it is text
    source = path.read_text("utf-8")
    assert not re.search(r"https?:|//|<script|@import", source)
    assert "prefers-color-scheme: dark" in source
    assert os.listdir(tmp_path) == ["index.html"]


def test_the_dot_lies_where_the_affect_is(tmp_path: Path):
    for affect, x, y in ((Affect(1, 1), 18, 2), (Affect(-1, -1), 2, 18), (Affect(0, 0.5), 10, 6)):
        path = write_contact_sheet(tmp_path / "i.html", "t", [("a.png", "c", replace(MADE, affect=affect))])
        assert f'<circle cx="{x:.2f}" cy="{y:.2f}"' in path.read_text("utf-8")


def test_cells_that_fill_the_plane_are_laid_out_as_it(tmp_path: Path):
    cells = [
        (tmp_path / f"{v}{a}.png", "cell", replace(MADE, affect=Affect(v, a)))
        for v in (0, 1, -1)
        for a in (-0.5, 0.5)
    ]
    stray = (tmp_path / "stray.png", "another seed", replace(MADE, seed=4))
    path = write_contact_sheet(tmp_path / "i.html", "t", [*cells, stray])
    page = Page(path)
    order = [s.removeprefix("./") for s in page.images]
    assert order == ["stray.png", *(f"{v}{a}.png" for a in (0.5, -0.5) for v in (-1, 0, 1))]
    assert "--columns:3" in path.read_text("utf-8")
    assert "arousal" in page.text and "unpleasant" in page.text
    lost = write_contact_sheet(tmp_path / "i.html", "t", cells[:-1])
    assert "--columns" not in lost.read_text("utf-8").partition("</style>")[2]


@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (1, 5), (3, 1), (2, 3), (21, 21)])
def test_a_sheet_has_high_arousal_on_top_and_valence_to_the_right(tmp_path: Path, rows: int, columns: int):
    colours = np.array([(10 + 11 * c, 10 + 11 * r, 1) for r in range(rows) for c in range(columns)])
    images = [Image.new("RGB", (64, 64), tuple(colour)) for colour in colours.tolist()]
    sheet = np.asarray(draw_grid(images, columns))
    assert max(sheet.shape) < 2300
    y, x = np.nonzero(sheet[..., 2] == 1)
    codes, which, sizes = np.unique(
        sheet[y, x] @ np.array([1, 256, 0]), return_inverse=True, return_counts=True
    )
    assert codes.tolist() == (colours @ np.array([1, 256, 0])).tolist()  # row by row
    assert len(set(sizes)) == 1  # cells of one size, none hidden
    middles = np.stack([np.bincount(which, at) / sizes for at in (y, x)], -1).reshape(rows, columns, 2)
    assert (np.diff(middles[..., 0], axis=0) > 0).all() and (np.ptp(middles[..., 0], axis=1) == 0).all()
    assert (np.diff(middles[..., 1], axis=1) > 0).all() and (np.ptp(middles[..., 1], axis=0) == 0).all()
    made = replace(MADE, affect=None, grid=(rows, columns), cells=(Affect(0, 0),) * len(images))
    assert read_provenance(write_grid(tmp_path / "s.png", images, columns, made)) == made


def test_a_sheet_that_is_not_full_is_refused():
    for images, columns in (([], 1), ([Image.new("RGB", (8, 8))] * 5, 2)):
        with pytest.raises(InputError, match="do not fill"):
            draw_grid(images, columns)
