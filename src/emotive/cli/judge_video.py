"""`emotive judge` on videos of a face, and on faces in pictures: face and voice, each for itself."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from emotive.errors import InputError

from .common import plain, say
from .judge_sound import curve_lines, curve_rows, explain_clip, sentence

if TYPE_CHECKING:
    from emotive.face.landmarks import FaceLandmarks
    from emotive.media.video import Video
    from emotive.perceive.estimated_curve import EstimatedCurve
    from emotive.perceive.face_video import FaceTrack

VIDEOS = (".mp4", ".webm", ".mov", ".avi", ".mkv", ".m4v")


def is_video(file: Path) -> bool:
    """By its suffix; a GIF is a picture."""
    return file.suffix.lower() in VIDEOS


def check_video_options(
    videos: list[Path],
    sounds: list[Path],
    which: str,
    plot: Path | None,
    table: Path | None,
    model: str | None,
    calibration: Path | None,
    hsemotion: Path | None,
    syncnet: Path | None,
) -> None:
    """Raises InputError where options do not fit what is judged: before anything is loaded."""
    for name, given in (("--hsemotion", hsemotion), ("--syncnet", syncnet)):
        if given is not None and not videos:
            raise InputError(f"{name} looks at videos: give one with it")
    if which == "face" and sounds:
        raise InputError(f"{sounds[0]} is a sound file: use --judge speech, published or both")
    if not videos:
        return
    if which == "picture":
        raise InputError(f"{videos[0]} is a video: use --judge face, speech, published or both")
    if calibration is not None:
        raise InputError("a calibration is of a judge of pictures; it does not go with videos")
    if model is not None and which in ("face", "published"):
        raise InputError("--model names a judge of speech: use --judge speech or both with it")
    if plot is not None or table is not None:
        name = "--plot" if plot is not None else "--table"
        raise InputError(f"{name} goes with one sound file; the curves of a video are in --json")


def face_judges(which: str) -> list[Any]:
    """The judges of faces by name, the learned one first."""
    judges: list[Any] = []
    if which in ("face", "both"):
        from emotive.perceive.face_judge import FaceJudge

        judges.append(FaceJudge.from_pretrained())
    if which in ("published", "both"):
        from emotive.perceive.face_published import FacePublishedJudge

        judges.append(FacePublishedJudge())
    return judges


def explain_video(
    file: Path,
    told: str,
    faces: list[Any],
    voices: list[Any],
    table: Path | None,
    hsemotion: Path | None,
    syncnet: Path | None,
    as_json: bool,
) -> list[dict[str, Any]]:
    """Prints what each judge sees in the face and hears in the voice, or returns it for JSON."""
    from emotive.media.video import open_video
    from emotive.perceive.face_video import RATE, follow_face

    video = open_video(file)
    seer, network = _opened(hsemotion, syncnet)
    found: list[dict[str, Any]] = []
    if faces or seer is not None:
        rate = min(float(video.fps), RATE)
        try:
            track = follow_face(video.frames(rate), rate)
        except InputError as error:
            raise InputError(str(error) if str(file) in str(error) else f"{file}: {error}") from error
        if track.share < 0.8:
            say(f"note: {file}: a face is seen in {track.share:.0%} of it")
        for judge in faces:
            found.append(_told(file, told, judge, judge.curve(track.faces, track.times), as_json))
        if seer is not None:
            found.append(_hsemotion(file, told, seer, video, rate, track, as_json))
    heard = video.sound() if voices or network is not None else None
    if voices and heard is not None:
        try:
            found += explain_clip(file, heard, told, voices, None, table, as_json)
        except InputError as error:
            if not faces:
                raise
            say(f"note: the sound is not judged: {error}")
    elif voices and not faces:
        raise InputError(f"{file} has no sound: use --judge face or published")
    if network is not None:
        if heard is None:
            raise InputError(f"{file} has no sound: --syncnet compares it with the lips")
        found.append(_syncnet(file, told, network, video, heard, as_json))
    return found


def _opened(hsemotion: Path | None, syncnet: Path | None) -> tuple[Any, Any]:
    """What others trained, from the user's files: faults are said before anything is judged."""
    seer = network = None
    if hsemotion is not None:
        from emotive.perceive.hsemotion import HSEmotionJudge

        seer = HSEmotionJudge(hsemotion)
    if syncnet is not None:
        from emotive.perceive.syncnet import SyncNet

        network = SyncNet(syncnet)
    return seer, network


def explain_face(file: Path, told: str, judges: list[Any], as_json: bool) -> list[dict[str, Any]]:
    """Prints what each judge reads in the face in a picture, compared with an average face, or returns it."""
    from emotive.face.find_landmarks import find_landmarks
    from emotive.media.picture import as_array, open_picture

    picture = as_array(open_picture(file))
    try:
        face = find_landmarks(picture)
    except InputError as error:
        raise InputError(f"{file}: {error}") from error
    return [_told(file, told, judge, judge.curve([face], [0.0]), as_json, [face]) for judge in judges]


def _told(
    file: Path,
    told: str,
    judge: Any,
    curve: EstimatedCurve,
    as_json: bool,
    single: list[FaceLandmarks] | None = None,
) -> dict[str, Any]:
    from emotive.affect import Affect

    names = ("valence", "arousal", "valence_sd", "arousal_sd")
    numbers = {name: round(float(getattr(curve, name).mean()), 4) for name in names}
    near = [term.term for term, _ in Affect(numbers["valence"], numbers["arousal"]).nearest(3)]
    over_time = {} if single else {"over_time": curve_rows(curve)}
    if not as_json:
        print(plain(f"{told}{judge.name}: {sentence(numbers, near, [])}"), flush=True)
        for line in [] if single else curve_lines(curve):
            print(line, flush=True)
    entry = {"file": str(file), "judge": judge.name, "fingerprint": judge.fingerprint(), **numbers}
    return entry | {"nearest": near, "moved_by": []} | over_time


def _hsemotion(
    file: Path, told: str, judge: Any, video: Video, rate: float, track: FaceTrack, as_json: bool
) -> dict[str, Any]:
    """The same frames again, as pictures of the face."""
    from emotive.perceive.face_judge import windowed
    from emotive.perceive.hsemotion import face_picture
    from emotive.perceive.judge import Estimates

    faces = dict(zip(np.round(track.times * rate).astype(int).tolist(), track.faces, strict=True))
    rows = [
        judge.estimate([face_picture(frame, faces[i])])
        for i, frame in enumerate(video.frames(rate))
        if i in faces
    ]
    found = Estimates(*(np.concatenate(column) for column in zip(*rows, strict=True)))
    return _told(file, told, judge, windowed(found, track.times[: len(rows)].tolist()), as_json)


def _syncnet(
    file: Path, told: str, network: Any, video: Video, heard: tuple[np.ndarray, int], as_json: bool
) -> dict[str, Any]:
    from emotive.face.find_landmarks import find_landmarks
    from emotive.perceive.syncnet import FPS

    faces: list[FaceLandmarks] = []
    for frame in video.frames(FPS):
        faces.append(find_landmarks(frame, faces[-1] if faces else None))
    found = network.offset(video.frames(FPS), faces, *heard)
    if not as_json:
        side = "behind" if found.offset > 0 else "ahead of"
        way = f"{abs(found.offset) / FPS:.2f} s {side}" if found.offset else "in time with"
        numbers = f"distance {found.distance:.2f}, confidence {found.confidence:.2f}"
        print(plain(f"{told}{network.name}: the sound is {way} the lips; {numbers}."), flush=True)
    entry = {"file": str(file), "judge": network.name, "fingerprint": network.fingerprint()}
    return entry | {"offset": found.offset / FPS, "distance": found.distance, "confidence": found.confidence}
