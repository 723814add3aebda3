"""A recording with what is known of its words."""

from __future__ import annotations

from pathlib import Path

from emotive.errors import InputError
from emotive.media.audio import read_audio
from emotive.signals import Speech


def open_recording(audio: Path, transcript: str | None = None) -> Speech:
    """A sound file, its phones where the transcript is known, or speech saved as .npz.

    Raises InputError as reading and aligning do, and for a timeline without sound.
    """
    if audio.suffix.lower() == ".npz":
        speech = Speech.load(audio)
        if not len(speech.waveform):
            raise InputError(f"{audio} is a timeline without sound")
        return speech
    waveform, rate = read_audio(audio)
    if transcript is None:
        return Speech(waveform, rate)
    from .align import align

    phones, syllables, words = align(waveform, rate, transcript)
    return Speech(waveform, rate, transcript, phones, syllables, words)
