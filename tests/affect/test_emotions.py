"""Named emotions: the table is whole, every label resolves, and a proxy says that it is one."""

import pytest

from emotive.affect import emotion, emotions, label_set
from emotive.errors import InputError

SIZES = {"ekman": 7, "mikels": 8, "plutchik": 8, "goemotions": 28}


def test_the_table_is_whole():
    table = emotions()
    assert len(table) == len({entry.term for entry in table}) == 57
    # Two emotions at one point could not be told apart.
    assert len({(entry.valence, entry.arousal, entry.dominance) for entry in table}) == 57
    for entry in table:
        assert all(-1 <= x <= 1 for x in (entry.valence, entry.arousal, entry.dominance))
        assert entry.source == "Russell & Mehrabian 1977" or entry.term == "neutral"
        assert not entry.proxy and emotion(entry.term) == entry


def test_published_numbers():
    point = {entry.term: (entry.valence, entry.arousal, entry.dominance) for entry in emotions()}
    assert point["happy"] == (0.81, 0.51, 0.46)
    assert point["fearful"] == (-0.64, 0.60, -0.43)
    assert point["astonished"] == (0.16, 0.88, -0.15)
    assert point["bored"] == (-0.65, -0.62, -0.33)
    assert point["proud"] == (0.77, 0.38, 0.65)
    assert point["neutral"] == (0, 0, 0)


def test_dominance_tells_apart_what_valence_and_arousal_cannot():
    anger, fear = emotion("anger"), emotion("fear")
    assert abs(anger.valence - fear.valence) < 0.2 and abs(anger.arousal - fear.arousal) < 0.2
    assert anger.dominance > 0 > fear.dominance


@pytest.mark.parametrize(
    ("name", "term", "proxy"),
    [
        ("joy", "joyful", False),
        ("Fear", "fearful", False),
        (" ANGER ", "angry", False),
        ("sadness", "sad", False),
        ("in love", "in love", False),
        ("calm", "relaxed", True),
        ("contentment", "relaxed", True),
        ("terror", "terrified", False),
        # Being admired is the other side of the dominance axis.
        ("admiration", "impressed", True),
    ],
)
def test_names(name, term, proxy):
    assert (emotion(name).term, emotion(name).proxy) == (term, proxy)


@pytest.mark.parametrize(("name", "near"), [("joyy", "joy"), ("angery", "angry"), ("amuzement", "amusement")])
def test_a_misspelt_name_is_answered_with_the_nearest(name, near):
    with pytest.raises(InputError, match=near):
        emotion(name)


@pytest.mark.parametrize("name", ["", "q" * 100_000, 3, None, "\ud800"])
def test_nonsense_is_refused(name):
    with pytest.raises(InputError) as caught:
        emotion(name)
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize(("name", "size"), SIZES.items())
def test_label_sets_are_complete_and_resolve(name, size):
    labels = label_set(name)
    assert len(labels) == size
    for label, entry in labels.items():
        assert emotion(label) == entry


def test_label_sets_agree_where_they_share_a_label():
    seen = {}
    for name in SIZES:
        for label, entry in label_set(name).items():
            assert seen.setdefault(label, entry) == entry


def test_an_unknown_label_set_names_the_known_ones():
    with pytest.raises(InputError, match="mikels"):
        label_set("ekmann")
