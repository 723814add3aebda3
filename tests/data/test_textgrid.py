"""TextGrids in both forms and encodings say the same; what is broken is refused by line."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emotive.data.textgrid import read_textgrid, spoken
from emotive.errors import InputError

WORDS = [(0.0, 0.3, ""), (0.3, 0.7, "hello"), (0.7, 1.2, 'the "old" man'), (1.2, 1.5, "")]
PHONES = [
    (0.0, 0.3, "sil"), (0.3, 0.4, "HH"), (0.4, 0.5, "AH0"), (0.5, 0.6, "L"), (0.6, 0.7, "OW1"),
    (0.7, 0.9, "DH"), (0.9, 1.2, "AH0"), (1.2, 1.5, ""),
]  # fmt: skip


def long_form(tiers: dict[str, list[tuple[float, float, str]]]) -> str:
    end = max(spans[-1][1] for spans in tiers.values())
    lines = ['File type = "ooTextFile"', 'Object class = "TextGrid"', "", "xmin = 0 ", f"xmax = {end} "]
    lines += ["tiers? <exists> ", f"size = {len(tiers)} ", "item []: "]
    for i, (name, spans) in enumerate(tiers.items(), start=1):
        lines += [f"    item [{i}]:", '        class = "IntervalTier" ', f'        name = "{name}" ']
        lines += [
            "        xmin = 0 ",
            f"        xmax = {end} ",
            f"        intervals: size = {len(spans)} ",
        ]
        for n, (a, b, text) in enumerate(spans, start=1):
            quoted = text.replace('"', '""')
            lines += [f"        intervals [{n}]:", f"            xmin = {a} ", f"            xmax = {b} "]
            lines += [f'            text = "{quoted}" ']
    return "\n".join(lines) + "\n"


def short_form(tiers: dict[str, list[tuple[float, float, str]]]) -> str:
    end = max(spans[-1][1] for spans in tiers.values())
    lines = ['File type = "ooTextFile"', '"TextGrid"', "", "0", f"{end}", "<exists>", f"{len(tiers)}"]
    for name, spans in tiers.items():
        lines += ['"IntervalTier"', f'"{name}"', "0", f"{end}", f"{len(spans)}"]
        for a, b, text in spans:
            quoted = text.replace('"', '""')
            lines += [f"{a}", f"{b}", f'"{quoted}"']
    return "\n".join(lines) + "\n"


TIERS = {"words": WORDS, "phones": PHONES}


@pytest.mark.parametrize("form", [long_form, short_form])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le"])
def test_both_forms_in_all_encodings(tmp_path: Path, form, encoding: str):
    path = tmp_path / "a.TextGrid"
    mark = b"\xff\xfe" if encoding == "utf-16-le" else b""
    path.write_bytes(mark + form(TIERS).encode(encoding))
    assert read_textgrid(path) == TIERS


def test_points_and_texts_over_lines(tmp_path: Path):
    text = short_form({"words": [(0, 1, "two\nlines ! no comment"), (1, 2, "ça")]}) + "! a comment\n"
    text = text.replace("<exists>\n1", "<exists>\n2") + '"TextTier" "clicks" 0 2 2  0.5 "a"  1.5 "b"\n'
    path = tmp_path / "a.TextGrid"
    path.write_text(text, "utf-8")
    assert read_textgrid(path) == {
        "words": [(0, 1, "two\nlines ! no comment"), (1, 2, "ça")],
        "clicks": [(0.5, 0.5, "a"), (1.5, 1.5, "b")],
    }
    path.write_text(text.partition("<exists>")[0] + "<absent>\n")
    assert read_textgrid(path) == {}


def test_what_is_said(tmp_path: Path):
    path = tmp_path / "a.TextGrid"
    path.write_text(long_form({"Anna - words": WORDS, "Anna - phones": PHONES}))
    said = spoken(path)
    assert said.alphabet == "arpabet"
    assert [p.symbol for p in said.phones] == ["pau", "HH", "AH0", "L", "OW1", "DH", "AH0", "pau"]
    assert said.phones[0].start == 0 and all(
        a.end == b.start for a, b in zip(said.phones, said.phones[1:], strict=False)
    )
    assert [(w.text, w.start, w.end) for w in said.words] == [
        ("hello", 0.3, 0.7),
        ('the "old" man', 0.7, 1.2),
    ]
    assert [(s.stress, s.start, s.end) for s in said.syllables] == [
        (0, 0.3, 0.5),
        (1, 0.5, 0.7),
        (0, 0.7, 1.2),
    ]


def test_gaps_are_pauses_and_overlaps_are_cut(tmp_path: Path):
    path = tmp_path / "a.TextGrid"
    path.write_text(short_form({"phones": [(0.2, 0.4, "AH1"), (0.35, 0.5, "M"), (0.8, 0.9, "spn")]}))
    said = spoken(path)
    assert [(p.symbol, p.start, p.end) for p in said.phones] == [
        ("pau", 0, 0.2), ("AH1", 0.2, 0.4), ("M", 0.4, 0.5), ("pau", 0.5, 0.8), ("pau", 0.8, 0.9)
    ]  # fmt: skip
    assert not said.words and not said.syllables


def test_small_letters_and_ipa(tmp_path: Path):
    path = tmp_path / "a.TextGrid"
    path.write_text(short_form({"phones": [(0, 0.1, "hh"), (0.1, 0.2, "ay1")], "words": [(0, 0.2, "hi")]}))
    assert [p.symbol for p in spoken(path).phones] == ["HH", "AY1"]
    spans = [(0.1 * i, 0.1 * (i + 1), s) for i, s in enumerate(("b", "ɪ", "k", "ʌ", "m", "s"))]
    path.write_text(short_form({"phones": spans, "words": [(0, 0.6, "becomes")]}), "utf-8")
    said = spoken(path)
    assert said.alphabet == "ipa" and [s.stress for s in said.syllables] == [0, 1]  # as the dictionary has it
    assert said.syllables[1].start == pytest.approx(0.2)
    path.write_text(short_form({"phones": [(0, 0.1, "QQ")]}))
    with pytest.raises(InputError, match="'QQ' is a phone neither of ARPAbet nor of IPA"):
        spoken(path)


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ('"ooTextFile"', '"Sound"', "not a TextGrid"),
        ("TextGrid", "PitchTier", "not a TextGrid: it says that it is 'PitchTier'"),
        ("size = 2", 'size = "two"', "line 7: 'two' stands where number of tiers should"),
        ("size = 4", "size = 4.5", "line 14: 4.5 is no number of intervals"),
        ("xmin = 0.3", "xmin = 9", "line 21: 9..0.7 s is no interval"),
        ("xmax = 0.7", "xmax = nan", "stands where a time should"),
    ],
)
def test_what_is_broken_is_refused_in_one_line(tmp_path: Path, old: str, new: str, line: str):
    path = tmp_path / "a.TextGrid"
    text = long_form(TIERS)
    assert old in text
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(InputError) as caught:
        read_textgrid(path)
    assert str(caught.value).startswith(f"{path}: ") and line in str(caught.value)
    assert "\n" not in str(caught.value)


@given(cut=st.integers(0, len(long_form(TIERS)) - 30))
def test_a_file_cut_anywhere_is_an_error(tmp_path_factory: pytest.TempPathFactory, cut: int):
    path = tmp_path_factory.mktemp("cut") / "a.TextGrid"
    path.write_text(long_form(TIERS)[:cut])
    with pytest.raises(InputError):
        read_textgrid(path)


def test_other_files_are_refused(tmp_path: Path):
    path = tmp_path / "a.TextGrid"
    path.write_bytes(bytes(range(256)) * 20)
    with pytest.raises(InputError, match="no text in UTF-8"):
        read_textgrid(path)
    with pytest.raises(InputError, match="does not exist"):
        read_textgrid(tmp_path / "none.TextGrid")
