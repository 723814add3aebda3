"""Folders of tiny backbones."""

from pathlib import Path

import pytest
from tiny_backbones import tiny_backbone


@pytest.fixture(scope="session")
def saved(tmp_path_factory: pytest.TempPathFactory):
    """The diffusers folder of a tiny pipeline by family; made once, not to be changed."""

    def saved(family: str) -> Path:
        if family not in made:
            made[family] = tmp_path_factory.mktemp("folders") / f"tiny-{family}"
            tiny_backbone(family).save_pretrained(made[family])
        return made[family]

    made: dict[str, Path] = {}
    return saved
