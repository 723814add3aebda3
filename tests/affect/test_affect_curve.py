"""Affect over time: interpolation, sampling, and files good and bad."""

import json
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emotive.affect import Affect, AffectCurve
from emotive.errors import InputError

unit = st.floats(-1, 1)
terms = st.sampled_from(["joyful", "fearful", "sad", "relaxed", "neutral"])
blends = st.dictionaries(terms, st.floats(1e-3, 1), max_size=3).map(lambda blend: tuple(blend.items()))
affects = st.builds(Affect, unit, unit, st.none() | unit, blends)
times = st.lists(st.floats(0, 1e6), min_size=1, max_size=6, unique=True).map(sorted)


@st.composite
def curves(draw):
    return AffectCurve([(time, draw(affects)) for time in draw(times)])


@given(curve=curves())
def test_json_reads_back_exactly(curve, tmp_path_factory):
    path = tmp_path_factory.mktemp("json") / "curve.json"
    curve.write(path)
    assert AffectCurve.read(path) == curve


@given(curve=curves())
def test_csv_reads_back_exactly_but_for_the_blend(curve, tmp_path_factory):
    path = tmp_path_factory.mktemp("csv") / "curve.csv"
    curve.write(path)
    assert path.read_text().startswith("time,valence,arousal")
    bare = [(t, Affect(a.valence, a.arousal, a.dominance)) for t, a in curve.keyframes]
    assert AffectCurve.read(path) == AffectCurve(bare)
    assert [p.name for p in path.parent.iterdir()] == ["curve.csv"]  # nothing temporary stays behind


@given(curves(), st.floats(0, 2e6))
def test_a_curve_never_leaves_the_range_of_its_keyframes(curve, time):
    affect = curve.at(time)
    for axis in ("valence", "arousal", "dominance"):
        values = [v for _, a in curve.keyframes if (v := getattr(a, axis)) is not None]
        if values:
            assert min(values) - 1e-15 <= getattr(affect, axis) <= max(values) + 1e-15
        else:
            assert getattr(affect, axis) is None


@given(curves())
def test_a_curve_passes_through_its_keyframes_and_holds_beyond(curve):
    for time, affect in curve.keyframes:
        point = curve.at(time)
        assert (point.valence, point.arousal, point.blend) == (affect.valence, affect.arousal, affect.blend)
        assert affect.dominance is None or point.dominance == affect.dominance
    (first, start), (last, end) = curve.keyframes[0], curve.keyframes[-1]
    assert curve.duration == last
    assert (curve.at(first - 1).valence, curve.at(last + 1).valence) == (start.valence, end.valence)


@given(st.lists(affects, min_size=1, max_size=4), st.sampled_from([24, 30, Fraction(30000, 1001)]))
def test_samples_are_the_curve_at_the_frame_times(keys, fps):
    curve = AffectCurve([(0.37 * i, affect) for i, affect in enumerate(keys)])
    samples = curve.sample(fps, seconds=1.5)
    weights, terms = curve.sample_blend(fps, seconds=1.5)
    assert samples.dtype == weights.dtype == np.float32
    assert samples.shape == (round(1.5 * fps), 3) and weights.shape == (len(samples), len(terms))
    assert np.abs(samples[:, :2]).max() <= 1
    for i in range(0, len(samples), 7):
        affect = curve.at(float(i / fps))
        np.testing.assert_allclose(samples[i], affect.as_array(), atol=1e-6)
        blend = dict(affect.blend)
        np.testing.assert_allclose(weights[i], [blend.get(term, 0) for term in terms], rtol=1e-4, atol=1e-4)


def test_sampling():
    curve = AffectCurve([(0, "joy"), (1, "sad")])
    assert curve.sample(30).shape == (30, 3)
    assert curve.sample(30, seconds=2)[-1].tolist() == curve.keyframes[1][1].as_array().tolist()
    assert AffectCurve.constant("joy").sample(30).shape == (1, 3)
    weights, terms = curve.sample_blend(2, seconds=1.5)
    assert terms == ("joyful", "sad") and weights.tolist() == [[1, 0], [0.5, 0.5], [0, 1]]
    assert AffectCurve.constant("0,0").sample_blend(30, seconds=1)[0].shape == (30, 0)
    for bad in [(0, 1), (-30, 1), (float("nan"), 1), (30, -1), (30, float("inf")), (30, 1e12)]:
        with pytest.raises(InputError):
            curve.sample(*bad)


def test_dominance_never_flickers():
    curve = AffectCurve([(0, "0,0"), (1, "0.2,0.1,0.4"), (2, "0.3,0.3"), (3, "0,0,0.8")])
    np.testing.assert_allclose(curve.sample(2, 4)[:, 2], [0.4, 0.4, 0.4, 0.5, 0.6, 0.7, 0.8, 0.8], atol=1e-6)
    assert np.isnan(AffectCurve([(0, "0,0"), (1, "1,1")]).sample(10, 2)[:, 2]).all()


def test_coerce():
    joy = Affect.parse("joy")
    curve = AffectCurve([(0, joy), (1, "fear")])
    assert AffectCurve.coerce(curve) is curve
    assert AffectCurve.coerce("joy") == AffectCurve.coerce(joy) == AffectCurve.constant(joy)
    assert AffectCurve.constant(joy).at(1e9) == joy and AffectCurve.constant(joy).duration == 0


@pytest.mark.parametrize(
    "keyframes",
    [
        [],
        [(0, "joy"), (0, "sad")],
        [(1, "joy"), (0.5, "sad")],
        [(-1, "joy")],
        [(float("nan"), "joy")],
        [("x", "joy")],
    ],
)
def test_bad_keyframes_are_refused(keyframes):
    with pytest.raises(InputError):
        AffectCurve(keyframes)


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("bom", ["", "\ufeff"])
def test_csv_of_other_programs(tmp_path, newline, bom):
    path = tmp_path / "curve.CSV"
    lines = ["Time, Valence ,arousal,dominance", "0, 0.5,-0.25,", "", "1.5,1,0,-1", ""]
    path.write_bytes((bom + newline.join(lines)).encode())
    assert AffectCurve.read(path) == AffectCurve([(0, "0.5,-0.25"), (1.5, "1,0,-1")])


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "empty"),
        ("\n \n", "empty"),
        ("0,0.5,0.5\n", "line 1: the header"),
        ("time,arousal,valence\n0,0,0\n", "line 1: the header"),
        ("time,valence,arousal\n", "no keyframe"),
        ("time,valence,arousal\n0,0,0\n1,x,0\n", "line 3: valence 'x'"),
        ("time,valence,arousal\n0,,0\n", "line 2: valence"),
        ("time,valence,arousal\n0,0\n", "line 2: 2 values"),
        ("time,valence,arousal\n0,0,0,0\n", "line 2: 4 values"),
        ("time,valence,arousal\n0,nan,0\n", "line 2: valence"),
        ("time,valence,arousal\nnan,0,0\n", "line 2: a time"),
        ("time,valence,arousal\n0,0,5\n", "line 2: arousal 5 is out of range"),
        ("time,valence,arousal\n0,0,0\n2,0,0\n\n1,0,0\n", "line 5: keyframe times must increase"),
        ("time,valence,arousal\n0,0,0 [joy]\n", "line 2: arousal"),
        ("\x00\x01", "line 1: the header"),
    ],
)
def test_bad_csv(tmp_path, text, says):
    path = tmp_path / "curve.csv"
    path.write_text(text)
    with pytest.raises(InputError, match=says) as caught:
        AffectCurve.read(path)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


GOOD = {"time": 0, "valence": 0, "arousal": 0}


@pytest.mark.parametrize(
    ("keyframes", "says"),
    [
        ([], "at least one"),
        ({}, "must be a list"),
        ([GOOD, 3], "keyframe 2: needs"),
        ([{"time": 0, "valence": 0}], "keyframe 1: needs"),
        ([GOOD | {"valence": "x"}], "keyframe 1: valence"),
        ([GOOD | {"time": "x"}], "keyframe 1: a time"),
        ([GOOD | {"time": [0]}], "keyframe 1: a time"),
        ([GOOD | {"arousal": float("nan")}], "keyframe 1: arousal"),
        ([GOOD | {"valance": 1}], "unknown field 'valance'"),
        ([GOOD | {"blend": ["joy"]}], "blend"),
        ([GOOD | {"blend": {"joy": "much"}}], "weight"),
        ([GOOD | {"blend": {"joyy": 1}}], "joy"),
        ([GOOD, GOOD], "keyframe 2: keyframe times must increase"),
    ],
)
def test_bad_json_keyframes(tmp_path, keyframes, says):
    path = tmp_path / "curve.json"
    path.write_text(json.dumps({"format": "emotive-affect-curve", "version": 1, "keyframes": keyframes}))
    with pytest.raises(InputError, match=says):
        AffectCurve.read(path)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{\n1", "line 2: not valid JSON"),
        ("[]", "format"),
        ("3", "format"),
        ('{"format": "emotive-affect-curve", "version": 2, "keyframes": []}', "version"),
        ("[" * 200_000, "JSON"),
        ("1" * 5000, "not a"),
    ],
)
def test_bad_json(tmp_path, text, says):
    path = tmp_path / "curve.json"
    path.write_text(text)
    with pytest.raises(InputError, match=says):
        AffectCurve.read(path)


def test_unusable_paths(tmp_path):
    curve = AffectCurve.constant("joy")
    (tmp_path / "binary.csv").write_bytes(b"\xff\xfe\x00t")
    (tmp_path / "folder.csv").mkdir()
    for name in ("missing.csv", "curve.txt", "curve", "binary.csv", "folder.csv"):
        with pytest.raises(InputError):
            AffectCurve.read(tmp_path / name)
    for name in ("curve.txt", "no/such/folder.csv", "folder.csv"):
        with pytest.raises(InputError):
            curve.write(tmp_path / name)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["binary.csv", "folder.csv"]


def test_a_failed_write_keeps_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "curve.json"
    AffectCurve.constant("joy").write(path)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    with pytest.raises(InputError, match="No space left"):
        AffectCurve.constant("fear").write(path)
    assert AffectCurve.read(path) == AffectCurve.constant("joy")
    assert [p.name for p in tmp_path.iterdir()] == ["curve.json"]
