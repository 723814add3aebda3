"""Emotive turns a point or a path in valence-arousal space into media.

`import emotive` loads no heavy library; the names below are imported on first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from emotive.affect import Affect, AffectCurve
    from emotive.pipelines.gesture import EmotiveGesturePipeline
    from emotive.pipelines.image import EmotiveImagePipeline
    from emotive.pipelines.realtime import realtime
    from emotive.pipelines.speech import EmotiveSpeechPipeline
    from emotive.pipelines.talking_head import EmotiveTalkingHeadPipeline
    from emotive.pipelines.with_affect import with_affect
    from emotive.signals import BodyMotion, FaceMotion, Speech

__version__ = "0.1.0"

__all__ = [
    "Affect",
    "AffectCurve",
    "BodyMotion",
    "EmotiveGesturePipeline",
    "EmotiveImagePipeline",
    "EmotiveSpeechPipeline",
    "EmotiveTalkingHeadPipeline",
    "FaceMotion",
    "Speech",
    "__version__",
    "realtime",
    "with_affect",
]

_ROOMS = {
    "Affect": "emotive.affect",
    "AffectCurve": "emotive.affect",
    "BodyMotion": "emotive.signals",
    "EmotiveGesturePipeline": "emotive.pipelines.gesture",
    "EmotiveImagePipeline": "emotive.pipelines.image",
    "EmotiveSpeechPipeline": "emotive.pipelines.speech",
    "EmotiveTalkingHeadPipeline": "emotive.pipelines.talking_head",
    "FaceMotion": "emotive.signals",
    "Speech": "emotive.signals",
    "realtime": "emotive.pipelines.realtime",
    "with_affect": "emotive.pipelines.with_affect",
}


def __getattr__(name: str) -> Any:
    if name not in _ROOMS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value = getattr(import_module(_ROOMS[name]), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
