"""What passes between rooms over time: speech with its timeline, the motion of a face, of a body.

Every signal carries its own clock: times are in seconds from its first sample or frame; `start` says where
that lies on a longer clock, such as that of a dialogue.
"""

from emotive.signals.blendshapes import ARKIT
from emotive.signals.body_motion import BodyMotion
from emotive.signals.face_motion import FaceMotion
from emotive.signals.joints import JOINT, JOINTS, PARENTS
from emotive.signals.speech import Phone, Speech, Syllable, Word

__all__ = [
    "ARKIT",
    "JOINT",
    "JOINTS",
    "PARENTS",
    "BodyMotion",
    "FaceMotion",
    "Phone",
    "Speech",
    "Syllable",
    "Word",
]
