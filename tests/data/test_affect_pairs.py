"""Pairs of prompts: three layouts say the same, what is bad is counted or refused, our own keep the
content."""

import json
import re
from itertools import islice
from pathlib import Path

import pytest

from emotive.affect import emotion
from emotive.data import felt_prompts
from emotive.data.affect_pairs import AffectPair, read_pairs, write_pairs
from emotive.data.felt_prompts import (
    HELD_OUT_PLACES,
    HELD_OUT_SUBJECTS,
    HELD_OUT_TERMS,
    SAID,
    felt_pairs,
    write_felt_pairs,
)
from emotive.errors import InputError

PAIRS = [
    AffectPair("a house", "a house, \"sad\" mood, at dusk", -0.63, -0.27, -0.33, "train"),
    AffectPair("ein Haus am Fluß", "ein fröhliches Haus am Fluß", 0.5, 0.25, None, "held-out"),
    AffectPair("a dog", "a furious dog", -1.0, 1.0, 0.0, "both"),
]  # fmt: skip


@pytest.mark.parametrize("name", ["pairs.csv", "pairs.jsonl"])
def test_what_is_written_is_read_again(tmp_path: Path, name: str):
    assert write_pairs(tmp_path / name, iter(PAIRS)) == 3
    assert list(read_pairs(tmp_path / name)) == PAIRS
    assert [p.name for p in tmp_path.iterdir()] == [name]


def test_the_layout_of_emoticrafter(tmp_path: Path):
    """Arousal comes before valence, both run from -3 to 3, and quoted prompts hold commas and line breaks."""
    text = (
        "Id,Arousal,Valence,Tag,Dataset,Neutral_Prompt,Emotional_Prompt\r\n"
        '7,1.5,-3,x,oasis,"a harbour, at noon","a gloomy harbour,\r\nat noon"\r\n'
        "8,-0.3333333,2,,emotic_train,two people,two people laughing\r\n"
    )
    for encoding in ("utf-8", "utf-8-sig", "utf-16"):
        file = tmp_path / "prompt_mapping.csv"
        file.write_bytes(text.encode(encoding))
        first, second = read_pairs(file)
        assert (first.neutral, first.emotional) == ("a harbour, at noon", "a gloomy harbour, at noon")
        assert (first.valence, first.arousal, first.dominance) == (-1.0, 0.5, None)
        assert (second.valence, second.arousal) == pytest.approx((2 / 3, -1 / 9), abs=1e-6)


def test_bad_rows_are_counted_and_left_out(tmp_path: Path):
    row = {"valence": -0.5, "arousal": 0.1}
    rows = [{"neutral": f"a {i}", "emotional": f"a sad {i}", **row} for i in range(97)]
    bad = [{**rows[0], "valence": 1.2}, {**rows[0], "arousal": "high"}, {**rows[0], "emotional": "  "}]
    file = tmp_path / "pairs.jsonl"
    file.write_text("\n".join(json.dumps(row) for row in [rows[0], *bad, *rows[1:]]) + "\n")
    says = r"3 of 100 rows cannot be used .*out of range: 1.*first: line 2"
    with pytest.warns(UserWarning, match=says) as told:
        assert len(list(read_pairs(file))) == 97
    assert len(told) == 1 and "\n" not in str(told[0].message)
    file.write_text("\n".join(json.dumps(row) for row in [*bad, *rows[:50]]))
    with pytest.raises(InputError, match="3 of 53 rows cannot be used"):
        list(read_pairs(file))


def test_a_neutral_prompt_is_on_one_side_of_the_split(tmp_path: Path):
    lines = [f"scene {i % 700},scene {i % 700} felt,0.1,0.2" for i in range(1400)]
    (tmp_path / "p.csv").write_text("neutral,emotional,valence,arousal\n" + "\n".join(lines))
    sides: dict[str, set[str]] = {}
    for pair in read_pairs(tmp_path / "p.csv"):
        sides.setdefault(pair.neutral, set()).add(pair.split)
    assert all(len(side) == 1 for side in sides.values())
    assert 4 <= sum(side == {"held-out"} for side in sides.values()) <= 30


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.csv", b"neutral,valence,arousal\na,0,0\n", "lacks the column emotional"),
        ("a.csv", b"neutral,emotional,valence,arousal\n", "holds no pairs"),
        ("a.csv", b"", "lacks the column neutral"),
        ("a.csv", b"neutral,emotional,valence,arousal\n\xe9\xff,b,0,0\n", "no text in UTF-8"),
        ("a.csv", b"neutral,emotional,valence,arousal\na,b,2,0\n", "1 of 1 rows .*valence out of range"),
        ("a.csv", b"neutral,emotional,valence,arousal,split\na,b,0,0,../../x\n", "split"),
        ("a.jsonl", b"[1, 2]\n{\n", "2 of 2 rows cannot be used"),
        ("a.jsonl", b"\x80\x04\x95\x00", "no text"),
        ("a.parquet", b"PAR1", r"read from .csv or .jsonl, not from .parquet"),
    ],
)
def test_files_that_are_none(tmp_path: Path, name: str, content: bytes, says: str):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=says) as error:
        list(read_pairs(tmp_path / name))
    assert name in str(error.value) and "\n" not in str(error.value)
    with pytest.raises(InputError, match="does not exist"):
        next(read_pairs(tmp_path / "none.csv"))


def test_nothing_is_left_behind_when_writing_fails(tmp_path: Path):
    def broken():
        yield PAIRS[0]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_pairs(tmp_path / "pairs.csv", broken())
    assert not list(tmp_path.iterdir())
    with pytest.raises(InputError, match="written as"):
        write_pairs(tmp_path / "pairs.txt", PAIRS)


def test_our_own_pairs_say_the_same_thing_twice():
    """The emotional prompt begins with the neutral one, word for word, and its term stands a comma away."""
    for pair in felt_pairs(400, seed=3):
        said = pair.emotional.removeprefix(pair.neutral)
        assert said != pair.emotional and re.fullmatch(r", [a-z ]+", said)
        names = [n for n in (*SAID, *(e.term for e in felt_prompts.NAMED)) if SAID.get(n, n) in said]
        assert any(emotion(n).valence == pair.valence and emotion(n).arousal == pair.arousal for n in names)


def test_our_own_pairs_are_held_apart():
    held_terms = {(e.valence, e.arousal, e.dominance) for e in HELD_OUT_TERMS}

    def unseen(pair: AffectPair) -> bool:
        return any(f"{part} " in f"{pair.neutral} " for part in (*HELD_OUT_SUBJECTS, *HELD_OUT_PLACES))

    for split in felt_prompts.SPLITS:
        for pair in felt_pairs(300, split=split):
            assert (pair.point in held_terms) == (split in ("terms", "both"))
            assert unseen(pair) == (split in ("scenes", "both")), pair
    # In all four quarters of the plane.
    assert len({(e.valence > 0, e.arousal > 0) for e in HELD_OUT_TERMS}) == 4


def test_our_own_pairs_by_seed(tmp_path: Path):
    assert list(felt_pairs(50, seed=1)) == list(islice(felt_pairs(80, seed=1), 50))
    assert list(felt_pairs(50, seed=1)) != list(felt_pairs(50, seed=2))
    assert write_felt_pairs(tmp_path / "p.csv", 100) == 100 + 3 * 64
    assert list(read_pairs(tmp_path / "p.csv"))[:100] == list(felt_pairs(100))
    with pytest.raises(InputError, match="no split"):
        next(felt_pairs(1, split="test"))
