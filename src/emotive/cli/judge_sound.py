"""`emotive judge` on sound files: overall, over time, as a table and as a picture."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emotive.errors import InputError

from .common import plain

if TYPE_CHECKING:
    from emotive.perceive.estimated_curve import EstimatedCurve

SOUNDS = (".wav", ".flac", ".ogg", ".mp3")
LINES = 12  # of a curve that are printed


def is_sound(file: Path) -> bool:
    """By its suffix; what is neither sound nor video is taken for a picture."""
    return file.suffix.lower() in SOUNDS


def check_sound_options(
    sounds: list[Path],
    others: list[Path],
    which: str,
    plot: Path | None,
    table: Path | None,
    model: str | None,
    calibration: Path | None,
    music: bool = False,
) -> None:
    """Raises InputError where options do not fit what is judged: before anything is loaded."""
    from emotive.media import check_folder

    if music and (not sounds or others):
        raise InputError("--music reads sound files alone: give .wav, .flac, .ogg or .mp3")
    if music and (model is not None or which not in ("both", "published")):
        raise InputError("--music has published relations only: leave out --model and --judge")
    for name, path, suffixes in (("--plot", plot, (".png", ".svg")), ("--table", table, (".csv",))):
        if path is None:
            continue
        if len(sounds) != 1:
            raise InputError(f"{name} goes with one sound file, and there are {len(sounds)}")
        if which == "published" and not music:
            raise InputError(f"{name} needs the judge of speech: the published one has no curve over time")
        if path.suffix.lower() not in suffixes:
            ends = " or ".join(suffixes)
            raise InputError(f"cannot write {path.name or path}: the name must end in {ends}")
        check_folder(path.parent)
        if path.is_dir():
            raise InputError(f"{path} is a folder")
    if model is not None and not sounds:
        raise InputError("--model names a judge of speech: give a sound file with it")
    if which == "picture" and sounds:
        raise InputError(f"{sounds[0]} is a sound file: use --judge speech, published or both")
    if which == "speech" and others:
        raise InputError(f"{others[0]} is no sound file: use --judge picture, published or both")
    if calibration is not None and sounds:
        raise InputError("a calibration is of a judge of pictures; it does not go with sound files")


def sound_judges(which: str, model: str | None, device: str | None) -> list[Any]:
    """The judges of speech by name, the learned one first."""
    from emotive.devices import choose_device
    from emotive.perceive.vocal_published import VocalPublishedJudge
    from emotive.perceive.voice import SPEECH_JUDGE, SpeechJudge

    judges: list[Any] = []
    if which in ("speech", "both"):
        judges.append(SpeechJudge.from_pretrained(model or SPEECH_JUDGE, choose_device(device)))
    if which in ("published", "both"):
        judges.append(VocalPublishedJudge())
    return judges


def music_judges() -> list[Any]:
    """What reads music, by published relations only."""
    from emotive.perceive.music import MusicReader

    return [MusicReader()]


def explain_sound(
    file: Path, told: str, judges: list[Any], plot: Path | None, table: Path | None, as_json: bool
) -> list[dict[str, Any]]:
    """Prints what each judge hears, `told` before it, or returns it for JSON; writes `table` and `plot`."""
    from emotive.media.audio import read_audio

    return explain_clip(file, read_audio(file), told, judges, plot, table, as_json)


def explain_clip(
    file: Path,
    clip: tuple[Any, int],
    told: str,
    judges: list[Any],
    plot: Path | None,
    table: Path | None,
    as_json: bool,
) -> list[dict[str, Any]]:
    """The same of a waveform and its rate, which came out of `file`."""
    from emotive.affect import Affect
    from emotive.media import write_whole

    found: list[dict[str, Any]] = []
    for judge in judges:
        try:
            estimates = judge.estimate([clip])
            curve = judge.curve(clip) if hasattr(judge, "curve") else None
            moved = _movers(judge, clip)
        except InputError as error:
            raise InputError(f"{file}: {error}") from error
        numbers = {name: round(float(x[0]), 4) for name, x in estimates._asdict().items()}
        near = [term.term for term, _ in Affect(numbers["valence"], numbers["arousal"]).nearest(3)]
        if as_json:
            entry = {"file": str(file), "judge": judge.name, "fingerprint": judge.fingerprint(), **numbers}
            over_time = {} if curve is None else {"over_time": curve_rows(curve)}
            found.append(entry | {"nearest": near, "moved_by": moved} | over_time)
        else:
            print(plain(f"{told}{judge.name}: {sentence(numbers, near, moved)}"), flush=True)
            for line in [] if curve is None else curve_lines(curve):
                print(line, flush=True)
        if curve is not None and table is not None:
            write_whole(table, curve.to_csv().encode())
        if curve is not None and plot is not None:
            write_whole(plot, _drawn(plot, file, clip, curve))
    for path in (table, plot):
        if path is not None and not as_json:
            print(path)
    return found


def sentence(numbers: dict[str, float], near: list[str], moved: list[dict[str, Any]]) -> str:
    axes = [axis for axis in ("valence", "arousal", "dominance") if axis in numbers]
    text = ", ".join(f"{axis} {numbers[axis]:+.2f} ± {numbers[f'{axis}_sd']:.2f}" for axis in axes)
    text = f"{text[0].upper()}{text[1:]}; nearest names: {', '.join(near)}."
    parts = []
    for axis in ("valence", "arousal"):
        strongest = sorted(moved, key=lambda mover: -abs(mover[axis]))[:3]
        least = max(0.02, 0.2 * abs(strongest[0][axis])) if strongest else 0.0
        words = [f"{m['what']} ({'+' if m[axis] > 0 else '-'})" for m in strongest if abs(m[axis]) >= least]
        parts += [f"{axis} by {', '.join(words)}"] if words else []
    return text + (f" What moved it: {'; '.join(parts)}." if parts else "")


def _movers(judge: Any, clip: tuple[Any, int]) -> list[dict[str, Any]]:
    """What the judges with published relations say of their cues; the network cannot say."""
    from emotive.perceive.clips import waveform_of
    from emotive.perceive.music import MusicReader, moved_by
    from emotive.perceive.music_features import music_cues
    from emotive.perceive.vocal_features import vocal_features
    from emotive.perceive.vocal_published import CUES, VocalPublishedJudge

    if isinstance(judge, MusicReader):
        said = moved_by(music_cues(*clip)).values()
        return [{"what": what, "valence": round(v, 4), "arousal": round(a, 4)} for what, v, a in said]
    if not isinstance(judge, VocalPublishedJudge):
        return []
    features = vocal_features(waveform_of(clip, 16_000), 16_000)
    off, adds = judge.deviations(features), judge.contributions(features)
    return [
        {
            "what": cue.high if off[name] > 0 else cue.low,
            "valence": round(adds.valence[name], 4),
            "arousal": round(adds.arousal[name], 4),
        }
        for name, cue in CUES.items()
    ]


def curve_rows(curve: EstimatedCurve) -> list[dict[str, float]]:
    tracks = {
        "time": curve.times,
        "valence": curve.valence,
        "arousal": curve.arousal,
        "valence_sd": curve.valence_sd,
        "arousal_sd": curve.arousal_sd,
    }
    windows = zip(*tracks.values(), strict=True)
    return [{name: round(float(x), 4) for name, x in zip(tracks, w, strict=True)} for w in windows]


def curve_lines(curve: EstimatedCurve) -> list[str]:
    """The curve in at most `LINES` lines, evenly taken out of it; none for a single window."""
    rows = curve_rows(curve)
    last, most = len(rows) - 1, LINES - 1
    kept = range(len(rows)) if last <= most else [round(i * last / most) for i in range(LINES)]
    return [
        f"{row['time']:7.2f} s  valence {row['valence']:+.2f} ± {row['valence_sd']:.2f}"
        f"  arousal {row['arousal']:+.2f} ± {row['arousal_sd']:.2f}"
        for row in (rows[i] for i in kept if last > 0)
    ]


def _drawn(path: Path, file: Path, clip: tuple[Any, int], curve: EstimatedCurve) -> bytes:
    """The curve with its spread as SVG, or under the spectrogram as PNG."""
    from emotive.media.curve_plot import curve_svg
    from emotive.media.spectrogram import spectrogram
    from emotive.signals import Speech

    if path.suffix.lower() == ".svg":
        both = {
            "valence": (curve.valence, curve.valence_sd),
            "arousal": (curve.arousal, curve.arousal_sd),
        }
        title = f"Affect in {plain(file.name)}, as estimated"
        return curve_svg(curve.times, both, len(clip[0]) / clip[1], title).encode()
    buffer = io.BytesIO()
    spectrogram(Speech(clip[0], clip[1], affect=curve.to_curve())).save(buffer, "PNG")
    return buffer.getvalue()
