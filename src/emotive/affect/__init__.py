"""The affect space: points, paths, and the named emotions in them. Needs numpy alone."""

from emotive.affect.affect import Affect
from emotive.affect.curve import AffectCurve, strengthened
from emotive.affect.emotions import ANCHOR_SD, EmotionTerm, emotion, emotions, label_set

__all__ = [
    "ANCHOR_SD",
    "Affect",
    "AffectCurve",
    "EmotionTerm",
    "emotion",
    "emotions",
    "label_set",
    "strengthened",
]
