"""From what was said to what the player shows: sound and picture as data URIs, the timeline, rows of text."""

from __future__ import annotations

import base64
import json
import tempfile
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emotive.affect import Affect
from emotive.errors import InputError, WeightsError
from emotive.media import slug
from emotive.media.audio import write_audio
from emotive.media.provenance import Provenance
from emotive.media.spectrogram import spectrogram

from . import views
from .voice import Take

if TYPE_CHECKING:
    from emotive.perceive.voice import SpeechJudge
    from emotive.signals import Speech

# The picture has two pixels for each of the page's. It is as wide as the player, or wider for longer speech,
# and scrolls then: words must stay readable.
LETTERS, NARROWEST, WIDEST, A_SECOND = 24, 1184, 4736, 230
HEIGHT, WORDLESS = 700, 560
MARGINS = 4.2 * LETTERS, 5.6 * LETTERS  # left and right of the time axis, as `spectrogram` has them


def resting(take: Take, folder: Path) -> dict[str, Any]:
    """The player: the WAV with its provenance, its picture, its timeline, and what it was made from."""
    speech, made = take.speech, take.made
    width = int(min(WIDEST, max(NARROWEST, speech.duration * A_SECOND)))
    height = HEIGHT if speech.words else WORDLESS
    picture = spectrogram(speech, width, height, LETTERS)
    left, right = MARGINS
    return {
        "audio": wav(speech, made, folder),
        "picture": views.small(picture, width),
        "width": width / 2,
        "height": height / 2,
        "from": left / width,
        "to": 1 - right / width,
        "seconds": speech.duration,
        "title": title(made),
        "name": name(made),
        "timeline": timeline(speech, made),
        "rows": rows(made),
        "estimates": readings(speech),
    }


def readings(speech: Speech) -> list[dict[str, Any]]:
    """What the judge of speech hears: a mark on the pad and a line of words. An estimate, not a rating.

    None where the judge is not installed, or there is too little to hear.
    """
    judge = _judge()
    if judge is None:
        return []
    try:
        return [views.reading("speech", judge.estimate([speech]))]
    except InputError:
        return []


@cache
def _judge() -> SpeechJudge | None:
    from emotive.perceive.voice import SpeechJudge

    try:
        return SpeechJudge.from_pretrained()
    except WeightsError:
        return None


def title(made: Provenance) -> str:
    """What one hears, in words."""
    what = str(made.extra.get("edited_from", "")) or f"“{made.prompt}”"
    return f"{what if len(what) < 80 else what[:76] + ' …”'}, {feeling(made)}"


def feeling(made: Provenance) -> str:
    """An affect, or the way from one to another, as a person says it."""
    ends = _ends(made)
    if ends is None:
        return views.feeling(made)
    return "from {} to {}".format(*(_numbers(affect) for affect in ends))


def name(made: Provenance) -> str:
    """Of the file, without its suffix."""
    source = str(made.extra.get("edited_from", ""))
    what = slug(Path(source).stem if source else made.prompt) or "speech"
    return f"{what}-{slug(feeling(made)) or 'spoken'}"


def rows(made: Provenance) -> list[tuple[str, str]]:
    """The provenance to be read, as (what, value)."""
    source = made.extra.get("edited_from")
    typed = f"  typed “{made.affect_text}”" if made.affect_text else ""
    again = "emotive speech --like FILE"
    if source:
        how = f"--affect={made.affect}" if made.affect is not None else "--curve FILE"
        again = f"emotive speech --from RECORDING {how} --seed {made.seed}"
    return [
        ("", f"{made.statement}. {made.created}"),
        ("recording", str(source)) if source else ("text", made.prompt),
        ("affect", f"{made.affect}{typed}" if made.affect is not None else feeling(made)),
        ("strength", f"{made.affect_strength:g}"),
        *([] if source else [("voice", made.voice)]),
        ("sampling", f"seed {made.seed}, {made.num_inference_steps} steps"),
        ("model", f"{made.model}  {made.model_fingerprint[:12]}"),
        ("made on", f"{made.device}, {made.dtype}, {made.threads} threads, torch {made.torch}"),
        ("again", again),
    ]


def wav(speech: Speech, made: Provenance, folder: Path) -> str:
    """A WAV with its provenance inside, as `emotive speech` writes it, as a data URI."""
    with tempfile.TemporaryDirectory(dir=folder) as own:
        file = write_audio(Path(own) / "speech.wav", speech.waveform, speech.sample_rate, made, sidecar=False)
        data = file.read_bytes()
    return f"data:audio/wav;base64,{base64.b64encode(data).decode()}"


def timeline(speech: Speech, made: Provenance) -> str:
    """What `Speech.load` reads, with the provenance beside it, as a data URI."""
    record = {**speech.timeline(), "provenance": json.loads(made.to_json())}
    data = json.dumps(record, ensure_ascii=False, indent=1).encode()
    return f"data:application/json;base64,{base64.b64encode(data).decode()}"


def _ends(made: Provenance) -> tuple[Affect, Affect] | None:
    words = str(made.extra.get("word_affects", ""))
    if words:
        listed = words.split(";")
        return Affect.parse(listed[0]), Affect.parse(listed[-1])
    if made.curve is not None:
        return made.curve.keyframes[0][1], made.curve.keyframes[-1][1]
    return None


def _numbers(affect: Affect) -> str:
    return f"{affect.valence:+.2f}, {affect.arousal:+.2f}".replace("-", "−")
