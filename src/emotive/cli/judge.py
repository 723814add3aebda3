"""`emotive judge`: valence and arousal of pictures, voices, faces, bodies; judges against ratings."""

from __future__ import annotations

import json
from dataclasses import asdict
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from emotive.errors import InputError

from .common import AsJson, Device, app, option, plain, say

if TYPE_CHECKING:
    from emotive.perceive.judge import Judge
    from emotive.perceive.ratings import Agreement, Calibration


class Which(str, Enum):
    """The judges by name."""

    picture = "picture"
    speech = "speech"
    face = "face"
    body = "body"
    published = "published"
    both = "both"


@app.command()
def judge(
    files: Annotated[list[Path] | None, typer.Argument(
        help="Pictures; sound: .wav, .flac, .ogg, .mp3; videos of a face: .mp4, .webm, .mov, .avi, .mkv; "
        "motion of a body: .npz, .bvh.",
        show_default=False)] = None,
    which: Annotated[Which, option(
        "The learned judge (of pictures, speech, faces or bodies), the published coefficients, or both.",
        "--judge")] = (
        Which.both
    ),
    music: Annotated[bool, option(
        "The sound files are music: read them by what is published of music.", "--music")] = False,
    ratings: Annotated[Path | None, option("Score on ratings: CSV file,valence,arousal,scale.")] = None,
    scale: Annotated[str | None, option("Where the table has none: 1..9, or V/A -3..3/0..6.")] = None,
    calibrate: Annotated[Path | None, option(
        "Fit a judge to the ratings and write this JSON; its path ends stdout, or is in --json.")] = None,
    calibration: Annotated[Path | None, option("Apply what --calibrate wrote.")] = None,
    plot: Annotated[Path | None, option(
        "Draw affect over time in one sound file: .png, under its spectrogram, or .svg.")] = None,
    table: Annotated[Path | None, option("Write affect over time in one sound file: .csv.")] = None,
    model: Annotated[str | None, option("Judge of speech: name, folder or hub id. [embedded]")] = None,
    hsemotion: Annotated[Path | None, option(
        "Also ask HSEmotion, in this .onnx, about the face in a video.")] = None,
    syncnet: Annotated[Path | None, option(
        "Also say whether lips and sound of a video fit, by SyncNet with these weights.")] = None,
    device: Device = None,
    as_json: AsJson = False,
) -> None:  # fmt: skip
    """Say where pictures, voices, faces and bodies lie in valence and arousal, and what moved the estimate.

    In a picture all of it is judged; with --judge face, the face in it."""
    from .judge_motion import body_judges, check_motion_options, explain_motion, is_motion
    from .judge_sound import check_sound_options, explain_sound, is_sound, music_judges, sound_judges
    from .judge_video import check_video_options, explain_face, explain_video, face_judges, is_video

    sounds = [file for file in files or [] if is_sound(file)]
    videos = [file for file in files or [] if is_video(file)]
    motions = [file for file in files or [] if is_motion(file)]
    others = [f for f in files or [] if not (is_sound(f) or is_video(f) or is_motion(f))]
    if not files and ratings is None:
        raise InputError("nothing to judge: give pictures, sound files or videos, or --ratings FILE.csv")
    if files and ratings is not None:
        raise InputError("give pictures or --ratings, not both")
    for name, value in (("--scale", scale), ("--calibrate", calibrate)):
        if value is not None and ratings is None:
            raise InputError(f"{name} needs --ratings FILE.csv")
    if ratings is not None and which in (Which.speech, Which.face, Which.body):
        raise InputError("--ratings are of pictures: use --judge picture, published or both")
    if calibrate is not None and which is Which.both:
        raise InputError("a calibration is of one judge: add --judge picture or --judge published")
    if calibrate is not None and calibration is not None:
        raise InputError("--calibrate fits the judge itself: leave out --calibration")
    if calibrate is not None:
        _check_target(calibrate)
    check_video_options(videos, sounds, which.value, plot, table, model, calibration, hsemotion, syncnet)
    check_sound_options(
        sounds,
        others + (videos + motions if music else []),
        which.value,
        plot,
        table,
        None if videos else model,
        calibration,
        music,
    )
    check_motion_options(motions, sounds + videos + others, which.value, calibration)
    if ratings is not None:
        _score(ratings, scale, _judges(which, calibration), calibrate, as_json)
        return
    judges = _judges(which, calibration) if others and which is not Which.face else []
    voices = music_judges() if music else []
    if (sounds or videos) and not music:
        voices = sound_judges(which.value, model, device)
    faces = face_judges(which.value) if videos or which is Which.face else []
    bodies = body_judges(which.value) if motions else []
    found: list[dict[str, Any]] = []
    for file in files or []:
        told = f"{file}: " if len(files or []) > 1 else ""
        if is_sound(file):
            found += explain_sound(file, told, voices, plot, table, as_json)
        elif is_video(file):
            found += explain_video(file, told, faces, voices, table, hsemotion, syncnet, as_json)
        elif is_motion(file):
            found += explain_motion(file, told, bodies, as_json)
        elif which is Which.face:
            found += explain_face(file, told, faces, as_json)
        else:
            found += _explain(file, told, judges, as_json)
    if as_json:
        print(json.dumps(found, ensure_ascii=False, indent=2))


def _judges(which: Which, calibration: Path | None) -> list[Judge]:
    from emotive.perceive.published import PublishedJudge
    from emotive.perceive.ratings import CalibratedJudge, load_calibration

    applied = None if calibration is None else load_calibration(calibration)
    judges: list[Judge] = []
    if which in (Which.picture, Which.both):
        from emotive.perceive.picture import PictureJudge

        judges.append(PictureJudge.from_pretrained())
    if which in (Which.published, Which.both):
        judges.append(PublishedJudge())
    if applied is None:
        return judges
    if which is Which.both:  # the one that it was made with
        judges = [j for j in judges if j.fingerprint() == applied.fingerprint]
        if not judges:
            raise InputError(f"{calibration} was made with another judge than the two here: make it again")
    return [CalibratedJudge(j, applied, str(calibration)) for j in judges]


def _check_target(path: Path) -> None:
    from emotive.media import check_folder
    from emotive.perceive.ratings import load_calibration

    if path.suffix.lower() != ".json":
        raise InputError(f"cannot write {path.name or path}: a calibration's name must end in .json")
    try:
        if path.is_dir():
            raise InputError(f"{path} is a folder")
        check_folder(path.parent)
        exists = path.exists()
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror or error}") from error
    if exists:
        try:
            load_calibration(path)
        except InputError as error:
            raise InputError(
                f"{path} is not a calibration and would be overwritten; choose another name"
            ) from error


def _explain(file: Path, told: str, judges: list[Judge], as_json: bool) -> list[dict[str, Any]]:
    from emotive.affect import Affect
    from emotive.media.picture import as_array, open_picture
    from emotive.perceive.explanation import explain, movers

    found: list[dict[str, Any]] = []
    picture = as_array(open_picture(file))
    for judge in judges:
        estimates = judge.estimate([picture])
        if not as_json:
            print(plain(f"{told}{judge.name}: {explain(picture, judge, estimates)}"), flush=True)
            continue
        numbers = {name: round(float(x[0]), 4) for name, x in estimates._asdict().items()}
        near = Affect(float(estimates.valence[0]), float(estimates.arousal[0])).nearest(3)
        moved = [
            {"what": m.words, "valence": round(m.valence, 4), "arousal": round(m.arousal, 4)}
            for m in movers(picture, judge)
        ]
        found.append(
            {"file": str(file), "judge": judge.name, "fingerprint": judge.fingerprint(), **numbers}
            | {"nearest": [term.term for term, _ in near], "moved_by": moved}
        )
    return found


def _score(table: Path, scale: str | None, judges: list[Judge], target: Path | None, as_json: bool) -> None:
    from emotive.perceive.ratings import (
        calibrate,
        estimate_rated,
        read_ratings,
        require_spread,
        save_calibration,
        score,
    )

    rated = read_ratings(table, scale)
    fittable = True
    try:
        require_spread(rated)
    except InputError as error:
        if target is not None:
            raise
        say(f"note: {error}")  # the other axis can still be scored
        fittable = False
    out: list[dict[str, Any]] = []
    for judge in judges:
        estimates = estimate_rated(judge, rated)
        agreed = score(judge, rated, estimates)
        fitted = calibrate(judge, rated, estimates) if fittable else None
        ceiling = {} if fitted is None else fitted.ceiling
        out.append(
            {"judge": judge.name, "fingerprint": judge.fingerprint(), "n": len(rated.files)}
            | {"score": {axis: asdict(a) for axis, a in agreed.items()}}
            | {"ceiling": {axis: asdict(a) for axis, a in ceiling.items()}}
            | ({} if target is None else {"calibration": str(target)})
        )
        if target is not None and fitted is not None:
            save_calibration(target, fitted.calibration)
        if not as_json:
            _print_scores(judge.name, agreed, ceiling, fitted and fitted.calibration)
    if as_json:
        print(json.dumps(out, ensure_ascii=False, indent=2))
    elif target is not None:
        print(target)


def _print_scores(
    name: str, agreed: dict[str, Agreement], ceiling: dict[str, Agreement], fitted: Calibration | None
) -> None:
    """As it judges, and recalibrated: what this judge can reach on these ratings, on pictures held out."""
    n = next(iter(agreed.values())).n
    print(f"{name} judge on {n} rated pictures, in units of [-1, 1]; 95 % bootstrap intervals")
    head = f"{'':<22} {'CCC':<22} {'Pearson r':<22} {'Spearman':<22} {'MAE':<22} MAE of the mean"
    print(head)
    for axis in agreed:
        rows = {axis: agreed.get(axis), "  ceiling, calibrated": ceiling.get(axis)}
        for label, a in rows.items():
            if a is None:
                continue
            cells = [
                f"{getattr(a, m):+.2f} [{a.intervals[m][0]:+.2f}, {a.intervals[m][1]:+.2f}]"
                for m in ("ccc", "pearson", "spearman", "mae")
            ]
            print(f"{label:<22} " + " ".join(f"{cell:<22}" for cell in cells) + f" {a.mae_of_mean:.2f}")
    if fitted is None:
        return
    for axis, line in (("valence", fitted.valence), ("arousal", fitted.arousal)):
        print(f"{axis} = {line.slope:+.3f} x estimate {line.intercept:+.3f}, ± {line.sd:.2f}")
