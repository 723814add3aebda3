"""How the tests open tiny backbones, paint with them, and see them refused."""

from typing import Any

import pytest
import torch

from emotive.backbones.opening import open_backbone
from emotive.errors import EmotiveError


def paint(pipe: Any, **asked: Any) -> torch.Tensor:
    pipe.set_progress_bar_config(disable=True)
    asked = {"num_inference_steps": 2, "height": 16, "width": 16, **asked}
    noise = torch.Generator().manual_seed(0)
    return torch.from_numpy(pipe("a cat", generator=noise, output_type="np", **asked).images)


def opened(name: Any, **options: Any) -> Any:
    return open_backbone(name, **{"device": "cpu", "dtype": "fp32", **options})


def refusal(*args: Any, **kwargs: Any) -> str:
    """The line with which a model is refused."""
    with pytest.raises(EmotiveError) as caught:
        opened(*args, **kwargs)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 600
    return str(caught.value)
