"""Other voices than ours: anything that turns text into speech, behind one protocol."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

from emotive.errors import InputError
from emotive.media.audio import as_waveform, read_audio
from emotive.signals import Speech

from .align import align, can_align
from .lexicon import LetterToSound

_TIMEOUT = 300.0  # seconds


class SpeechEngine(Protocol):
    """What says a text: `voice` is a name that the engine knows, "" its default."""

    def synthesize(self, text: str, voice: str = "") -> Speech:
        """Raises InputError for a text that the engine cannot say and for an unknown voice."""
        ...


class CommandEngine:
    """Any program that writes a sound file, such as `CommandEngine("flite -voice rms -t {text} -o {wav}")`.

    command: the program and its arguments, as a list, or as one string that is split like a shell does; no
        shell is involved. `{wav}` is the file to write, `{text}` the text, `{voice}` the voice; without
        `{text}` the program gets the text as UTF-8 on its standard input.
    align: whether to find phones and words in the result, which must be English then; by default if
        pocketsphinx is installed. Without, speech has no phones, syllables or words.
    letter_to_sound: reads words that the dictionary does not have, for the alignment.

    Raises InputError without `{wav}`, and if alignment is asked for and pocketsphinx is missing.
    """

    def __init__(
        self,
        command: str | Sequence[str],
        align: bool | None = None,
        letter_to_sound: LetterToSound | None = None,
    ):
        try:
            self.command = shlex.split(command) if isinstance(command, str) else [str(c) for c in command]
        except ValueError as error:
            raise InputError(f"the command {command!r} cannot be split: {error}") from error
        if not any("{wav}" in part for part in self.command[1:]):
            raise InputError("the command needs {wav} among its arguments: the file that it writes")
        self.align = _whether_to_align(align)
        self.letter_to_sound = letter_to_sound

    def synthesize(self, text: str, voice: str = "") -> Speech:
        """Runs the command once. Raises InputError if it is missing, fails, takes longer than five minutes or
        writes no sound; for an empty text; for a voice without `{voice}` in the command; and as `align` does.
        """
        _check_text(text)
        named = any("{voice}" in part for part in self.command)
        if voice and not named:
            raise InputError(f"the command has no {{voice}}, so {voice!r} cannot be chosen")
        program = self.command[0]
        with tempfile.TemporaryDirectory() as folder:
            wav = Path(folder) / "speech.wav"
            values = {"{text}": text, "{wav}": str(wav), "{voice}": voice}
            filled = [
                re.sub(r"\{(?:text|wav|voice)\}", lambda m: values[m[0]], part) for part in self.command
            ]
            typed = any("{text}" in part for part in self.command)
            try:
                done = subprocess.run(
                    filled, input=b"" if typed else text.encode(), capture_output=True, timeout=_TIMEOUT
                )
            except subprocess.TimeoutExpired as error:
                raise InputError(f"{program} did not finish within {_TIMEOUT:.0f} s") from error
            except (OSError, ValueError) as error:
                why = getattr(error, "strerror", None) or error
                raise InputError(f"cannot run {program}: {why}") from error
            if done.returncode or not wav.exists():
                said = " ".join((done.stderr or done.stdout).decode("utf-8", "replace").split())[-200:]
                what = f"failed with {done.returncode}" if done.returncode else "wrote no file"
                raise InputError(f"{program} {what}: {said or 'it did not say why'}")
            try:
                waveform, sample_rate = read_audio(wav)
            except InputError as error:
                raise InputError(
                    f"{program} wrote no speech: {str(error).replace(str(wav), 'its file')}"
                ) from error
        return _speech(waveform, sample_rate, text, voice, self.align, self.letter_to_sound)


class CallableEngine:
    """Any function of a text, such as another package's model.

    function: text -> a path of a sound file, an array with its sample rate as a pair, or Speech, which is
        passed on as it is. An array alone has `sample_rate`. Arrays as `as_waveform` takes them.
    align, letter_to_sound: as for `CommandEngine`.
    """

    def __init__(
        self,
        function: Callable[[str], Any],
        sample_rate: int | None = None,
        align: bool | None = None,
        letter_to_sound: LetterToSound | None = None,
    ):
        self.function, self.sample_rate = function, sample_rate
        self.align = _whether_to_align(align)
        self.letter_to_sound = letter_to_sound

    def synthesize(self, text: str, voice: str = "") -> Speech:
        """Calls the function, whose exceptions pass. Raises InputError for an empty text, for a voice, which
        it has no way to get, for a result that is no sound, and as `align` does."""
        _check_text(text)
        if voice:
            raise InputError(f"a function takes a text only, so the voice {voice!r} cannot be chosen")
        made = self.function(text)
        if isinstance(made, Speech):
            return made
        if isinstance(made, tuple):
            if len(made) != 2:
                raise InputError(f"a function gives a waveform and its rate, not {len(made)} things")
            waveform, sample_rate = as_waveform(*made)
        else:
            rate = None if isinstance(made, str | os.PathLike) else self.sample_rate
            waveform, sample_rate = as_waveform(made, rate)
        return _speech(waveform, sample_rate, text, "", self.align, self.letter_to_sound)


def _whether_to_align(asked: bool | None) -> bool:
    if asked and not can_align():
        raise InputError("alignment needs pocketsphinx: pip install 'emotive[align]', or align=False")
    return can_align() if asked is None else asked


def _check_text(text: str) -> None:
    if not isinstance(text, str) or not text.strip():
        raise InputError("there is nothing to say: give a text with words in it")


def _speech(
    waveform: Any,
    sample_rate: int,
    text: str,
    voice: str,
    aligned: bool,
    letter_to_sound: LetterToSound | None,
) -> Speech:
    times = align(waveform, sample_rate, text, letter_to_sound) if aligned else ((), (), ())
    return Speech(waveform, sample_rate, text, *times, voice=voice)
