"""The errors that Emotive raises on purpose: one line that says what is wrong and what to do about it."""


class EmotiveError(Exception):
    """Base of every deliberate error. The command line prints the line and exits 2, without a traceback."""


class InputError(EmotiveError, ValueError):
    """What the user gave cannot be used: a value out of range, an unknown name, an unreadable file."""


class WeightsError(EmotiveError):
    """Weights that are missing, truncated, pickled, or not the ones that a model was trained with."""
