"""What the tests of the commands share."""

from pathlib import Path

import pytest
from command import Run
from tiny import tiny_image_pipeline, tiny_speech_pipeline

from emotive import weights
from emotive.cli import main


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
