"""What the tests of the commands share."""

import os
from pathlib import Path

import pytest
from command import Run
from hypothesis import settings
from tiny import tiny_gesture_pipeline, tiny_head_pipeline, tiny_image_pipeline, tiny_speech_pipeline

from emotive import weights
from emotive.cli import main

# How long an example takes is the machine's business, not the test's.
settings.register_profile("emotive", deadline=None)
settings.load_profile("emotive")


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny random image model in a folder, with its sums."""
    folder = tmp_path_factory.mktemp("models") / "tiny"
    tiny_image_pipeline(seed=0).save_pretrained(folder)
    weights.write_sums(folder)
    return folder


@pytest.fixture(scope="session")
def speech_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny random speech model in a folder, with its sums."""
    folder = tmp_path_factory.mktemp("models") / "tiny-speech"
    tiny_speech_pipeline(seed=0).save_pretrained(folder)
    weights.write_sums(folder)
    return folder


@pytest.fixture(scope="session")
def landmark_network() -> Path:
    """The fetched face landmark network: `emotive fetch face-landmarks` before the tests.

    A wheel may be given instead, in EMOTIVE_LANDMARKS_WHEEL. EMOTIVE_REQUIRE_LANDMARKS=1 forbids to skip.
    """
    from emotive.fetching import FACE_LANDMARKS, fetch, fetched

    if (path := fetched(FACE_LANDMARKS)) is not None:
        return path
    if wheel := os.environ.get("EMOTIVE_LANDMARKS_WHEEL"):
        return fetch(FACE_LANDMARKS, Path(wheel))
    if os.environ.get("EMOTIVE_REQUIRE_LANDMARKS") == "1":
        pytest.fail("the face landmark network is not here: run `emotive fetch face-landmarks`")
    pytest.skip("needs `emotive fetch face-landmarks`")


@pytest.fixture(scope="session")
def head_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny random talking-head model in a folder, with its sums."""
    folder = tmp_path_factory.mktemp("models") / "tiny-head"
    tiny_head_pipeline(seed=0).save_pretrained(folder)
    weights.write_sums(folder)
    return folder


@pytest.fixture(scope="session")
def gesture_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny random gesture model in a folder, with its sums."""
    folder = tmp_path_factory.mktemp("models") / "tiny-gesture"
    tiny_gesture_pipeline(seed=0).save_pretrained(folder)
    weights.write_sums(folder)
    return folder


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """Runs a command line in a folder of its own."""
    monkeypatch.chdir(tmp_path)

    def run(*argv: object) -> Run:
        capsys.readouterr()
        code = main([str(part) for part in argv])
        captured = capsys.readouterr()
        return Run(code, captured.out.splitlines(), captured.err.splitlines())

    return run
