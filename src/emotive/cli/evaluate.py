"""`emotive evaluate`: does control work, and what does it cost."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated, Any

import typer

from emotive.errors import InputError

from .common import IMAGE_MODEL, Device, Folder, app, make_folder, needs_extra, option, plain, say
from .gesture import GESTURE_MODEL
from .head import HEAD_MODEL
from .speech import SPEECH_MODEL

SCENE_READER = "emotive-scene-reader-1"
PICTURE_JUDGE = "emotive-picture-judge-1"
DEFAULTS = {"captions": 24, "grid": "5x5", "seeds": 1, "resamples": 5000, "neighbours": 1500}
QUICK = {"captions": 4, "grid": "3x3", "seeds": 1, "resamples": 1000, "neighbours": 300}
SPEECH_DEFAULTS = {"sentences": 12, "heard": 200, "grid": "5x5", "seeds": 1, "resamples": 5000}
HEAD_DEFAULTS = {"captions": 8, "spoken": 14, "grid": "5x5", "seeds": 1, "resamples": 5000}
HEAD_QUICK = {"captions": 2, "spoken": 3, "grid": "3x3", "seeds": 1, "resamples": 1000}
GESTURE_DEFAULTS = {"captions": 8, "grid": "5x5", "seeds": 1, "resamples": 5000}
GESTURE_QUICK = {"captions": 2, "grid": "3x3", "seeds": 1, "resamples": 1000}
SPEECH_QUICK = {"sentences": 2, "heard": 8, "grid": "3x3", "seeds": 1, "resamples": 1000}

evaluate_app = typer.Typer(
    rich_markup_mode=None, help="Measure control, content and quality; write a report."
)
app.add_typer(evaluate_app, name="evaluate")


@evaluate_app.command("image")
def evaluate_image(
    output: Folder,
    model: Annotated[str, option("Name, folder or hub id.")] = IMAGE_MODEL,
    captions: Annotated[int | None, option("Held-out captions. [24]")] = None,
    grid: Annotated[str | None, option("Requests for each, ROWSxCOLUMNS over the plane. [5x5]")] = None,
    seeds: Annotated[int | None, option("Noises for each caption and request. [1]")] = None,
    steps: Annotated[int, option("Sampling steps of the model.")] = 4,
    device: Device = None,
    quick: Annotated[bool, option("A rough answer: 4 captions, 3x3, under a minute.", "--quick")] = False,
) -> None:
    """Paint held-out captions over the plane, have judges read them, write report.json and report.html."""
    base = QUICK if quick else DEFAULTS
    given = {"captions": captions, "grid": grid, "seeds": seeds}
    asked: dict[str, Any] = {**base, **{k: v for k, v in given.items() if v is not None}}
    if not 1 <= steps <= 1000:
        raise InputError(f"--steps {steps} makes no sense: use 1 to 1000")
    shape = _shape(asked["grid"])
    with needs_extra("train"):
        import emotive.data.painter  # noqa: F401  the teacher is an arm
    from tqdm import tqdm

    from emotive.evaluate.image import affect_grid, batches_of, evaluate_image, held_out_captions
    from emotive.evaluate.report import check_report_folder, write_report
    from emotive.perceive.picture import PictureJudge
    from emotive.perceive.published import PublishedJudge
    from emotive.perceive.scene import SceneReader
    from emotive.plan import load_pipeline

    # What is wrong is said before the work.
    held_out_captions(asked["captions"])
    affect_grid(*shape)
    if not 1 <= asked["seeds"] <= 100:
        raise InputError(f"--seeds {asked['seeds']} makes no sense: use 1 to 100")
    make_folder(output)
    check_report_folder(output)
    pipe, _ = load_pipeline(model, device)
    judges = {"picture": PictureJudge.from_pretrained(PICTURE_JUDGE), "published": PublishedJudge()}
    reader = SceneReader.from_pretrained(SCENE_READER)

    options: dict[str, Any] = {"model": (model, IMAGE_MODEL), "steps": (steps, 4), "device": (device, None)}
    options |= {k: (asked[k], base[k]) for k in given}
    told = [f"--{k} {shlex.quote(str(v))}" for k, (v, usual) in options.items() if v != usual]
    command = " ".join(["emotive evaluate image", *["--quick"] * quick, *told, "-o DIR"])
    total = batches_of(asked["captions"], asked["seeds"])
    with tqdm(total=total, unit="batch", disable=None, leave=False) as bar:

        def progress(line: str) -> None:
            bar.set_description_str(line)
            bar.update()

        evaluation = evaluate_image(
            pipe,
            judges,
            reader,
            asked["captions"],
            shape,
            asked["seeds"],
            steps,
            asked["resamples"],
            asked["neighbours"],
            plain(command),
            progress,
        )
    for path in write_report(output, evaluation):
        print(path, flush=True)


@evaluate_app.command("speech")
def evaluate_speech(
    output: Folder,
    model: Annotated[str, option("Name, folder or hub id.")] = SPEECH_MODEL,
    voices: Annotated[str | None, option("Of the model, with commas between. [all]")] = None,
    sentences: Annotated[
        int | None, option("Held-out sentences, each by every voice over the grid. [12]")
    ] = None,
    heard: Annotated[int | None, option("Sentences whose words are recognised; 0 is none. [200]")] = None,
    everywhere: Annotated[
        bool, option("Those at all points, not at half: twice the time.", "--everywhere")
    ] = False,
    grid: Annotated[str | None, option("Requests for each, ROWSxCOLUMNS over the plane. [5x5]")] = None,
    seeds: Annotated[int | None, option("Noises for each sentence and request. [1]")] = None,
    steps: Annotated[int, option("Sampling steps of the model.")] = 8,
    workers: Annotated[int, option("Processes, each on one core.")] = 1,
    cache: Annotated[Path | None, option("A file that keeps what was recognised, for the next time.")] = None,
    device: Device = None,
    quick: Annotated[bool, option("A rough answer: 2 sentences, 8 heard, 3x3, minutes.", "--quick")] = False,
) -> None:
    """Say held-out sentences over the plane, have judges hear them, write report.json and report.html.

    The teacher and a converted recording are arms where flite and festival are installed. Words and timing
    need the extra `align`, identity the weights of Resemblyzer (pip install --no-deps Resemblyzer); without
    them the report says so. The full run takes about 25 minutes on two cores (--workers 2).
    """
    base = SPEECH_QUICK if quick else SPEECH_DEFAULTS
    given = {"sentences": sentences, "heard": heard, "grid": grid, "seeds": seeds}
    asked: dict[str, Any] = {**base, **{k: v for k, v in given.items() if v is not None}}
    if not 1 <= steps <= 1000:
        raise InputError(f"--steps {steps} makes no sense: use 1 to 1000")
    shape = _shape(asked["grid"])
    from tqdm import tqdm

    from emotive.evaluate.image import affect_grid
    from emotive.evaluate.report import check_report_folder, write_report
    from emotive.evaluate.speech import evaluate_speech
    from emotive.evaluate.speech_arms import held_out_sentences
    from emotive.evaluate.speech_identity import SpeakerEncoder
    from emotive.evaluate.speech_words import Recogniser
    from emotive.evaluate.workers import check_workers
    from emotive.perceive.vocal_published import VocalPublishedJudge
    from emotive.perceive.voice import SpeechJudge

    from .speaking import load_speech_pipeline

    # What is wrong is said before the work.
    held_out_sentences(asked["sentences"])
    if asked["heard"]:
        held_out_sentences(asked["heard"])
    affect_grid(*shape)
    check_workers(workers)
    if not 1 <= asked["seeds"] <= 100:
        raise InputError(f"--seeds {asked['seeds']} makes no sense: use 1 to 100")
    make_folder(output)
    check_report_folder(output)
    pipe, here = load_speech_pipeline(model, device)
    if workers > 1 and here["device"] != "cpu":
        raise InputError(f"--workers {workers} is for processors: with {here['device']} leave it out")
    judges = {"speech": SpeechJudge.from_pretrained(), "published": VocalPublishedJudge()}
    ears = _there(lambda: Recogniser(cache)) if asked["heard"] else None
    encoder = _there(SpeakerEncoder.installed)

    options: dict[str, Any] = {
        "model": (model, SPEECH_MODEL), "voices": (voices, None), "steps": (steps, 8),
        "device": (device, None),
    }  # fmt: skip
    options |= {k: (asked[k], base[k]) for k in given} | {"workers": (workers, 1)}
    told = [f"--{k} {shlex.quote(str(v))}" for k, (v, usual) in options.items() if v != usual]
    flags = ["--quick"] * quick + ["--everywhere"] * everywhere
    command = " ".join(["emotive evaluate speech", *flags, *told, "-o DIR"])
    with tqdm(unit="job", disable=None, leave=False) as bar:

        def progress(line: str, done: int, total: int) -> None:
            bar.total = total
            bar.set_description_str(line)
            bar.update(done - bar.n)

        evaluation = evaluate_speech(
            pipe,
            judges,
            ears,
            encoder,
            asked["sentences"],
            asked["heard"],
            None if voices is None else [name.strip() for name in voices.split(",")],
            shape,
            asked["seeds"],
            steps,
            everywhere,
            resamples=asked["resamples"],
            workers=workers,
            command=plain(command),
            progress=progress,
        )
    for path in write_report(output, evaluation):
        print(path, flush=True)


@evaluate_app.command("head")
def evaluate_head(
    output: Folder,
    model: Annotated[str, option("Name, folder or hub id.")] = HEAD_MODEL,
    portraits: Annotated[str | None, option("Bundled names, with commas between. [all]")] = None,
    captions: Annotated[int | None, option("Held-out sentences, each over the grid. [8]")] = None,
    spoken: Annotated[
        int | None, option("Held-out sentences, each by every held-out voice, for the lips. [14]")
    ] = None,
    grid: Annotated[str | None, option("Requests for each, ROWSxCOLUMNS over the plane. [5x5]")] = None,
    seeds: Annotated[int | None, option("Noises for each sentence and request. [1]")] = None,
    steps: Annotated[int, option("Sampling steps of the model.")] = 8,
    workers: Annotated[int, option("Processes, each on one core.")] = 1,
    device: Device = None,
    quick: Annotated[bool, option("A rough answer: 2 sentences, 3x3, two minutes.", "--quick")] = False,
) -> None:
    """Move portraits to held-out voices over the plane, have judges look, write report.json and report.html.

    Lips are measured on voices of flite and festival where these are installed; landmarks are found in
    rendered frames where the network was fetched (emotive fetch face-landmarks). Without them the report says
    so. The full run takes about 10 minutes on two cores (--workers 2).
    """
    base = HEAD_QUICK if quick else HEAD_DEFAULTS
    given = {"captions": captions, "spoken": spoken, "grid": grid, "seeds": seeds}
    asked: dict[str, Any] = {**base, **{k: v for k, v in given.items() if v is not None}}
    if not 1 <= steps <= 1000:
        raise InputError(f"--steps {steps} makes no sense: use 1 to 1000")
    shape = _shape(asked["grid"])
    from tqdm import tqdm

    from emotive.evaluate.head import evaluate_head
    from emotive.evaluate.head_arms import sentences
    from emotive.evaluate.image import affect_grid
    from emotive.evaluate.report import check_report_folder, write_report
    from emotive.evaluate.workers import check_workers
    from emotive.perceive.face_judge import FaceJudge
    from emotive.perceive.face_published import FacePublishedJudge

    from .filming import load_head_pipeline
    from .speaking import load_speech_pipeline

    # What is wrong is said before the work.
    for count in (asked["captions"], asked["spoken"]):
        sentences(count)
    affect_grid(*shape)
    check_workers(workers)
    if not 1 <= asked["seeds"] <= 100:
        raise InputError(f"--seeds {asked['seeds']} makes no sense: use 1 to 100")
    make_folder(output)
    check_report_folder(output)
    pipe, here = load_head_pipeline(model, device)
    if workers > 1 and here["device"] != "cpu":
        raise InputError(f"--workers {workers} is for processors: with {here['device']} leave it out")
    speaker, _ = load_speech_pipeline(SPEECH_MODEL, device)
    judges = {"face": FaceJudge.from_pretrained(), "published": FacePublishedJudge()}
    detect = _there(_detector)

    options: dict[str, Any] = {
        "model": (model, HEAD_MODEL), "portraits": (portraits, None), "steps": (steps, 8),
        "device": (device, None),
    }  # fmt: skip
    options |= {k: (asked[k], base[k]) for k in given} | {"workers": (workers, 1)}
    told = [f"--{k} {shlex.quote(str(v))}" for k, (v, usual) in options.items() if v != usual]
    command = " ".join(["emotive evaluate head", *["--quick"] * quick, *told, "-o DIR"])
    with tqdm(unit="job", disable=None, leave=False) as bar:

        def progress(line: str, done: int, total: int) -> None:
            bar.total = total
            bar.set_description_str(line)
            bar.update(done - bar.n)

        evaluation = evaluate_head(
            pipe,
            speaker,
            judges,
            detect,
            asked["captions"],
            asked["spoken"],
            None if portraits is None else [name.strip() for name in portraits.split(",")],
            grid=shape,
            seeds=asked["seeds"],
            steps=steps,
            resamples=asked["resamples"],
            workers=workers,
            command=plain(command),
            progress=progress,
        )
    for path in write_report(output, evaluation):
        print(path, flush=True)


@evaluate_app.command("gesture")
def evaluate_gesture(
    output: Folder,
    model: Annotated[str, option("Name, folder or hub id.")] = GESTURE_MODEL,
    captions: Annotated[
        int | None, option("Talks of three held-out sentences, each by another actor over the grid. [8]")
    ] = None,
    grid: Annotated[str | None, option("Requests for each, ROWSxCOLUMNS over the plane. [5x5]")] = None,
    seeds: Annotated[int | None, option("Noises for each talk and request. [1]")] = None,
    steps: Annotated[int, option("Sampling steps of the model.")] = 10,
    workers: Annotated[int, option("Processes, each on one core.")] = 1,
    device: Device = None,
    quick: Annotated[bool, option("A rough answer: 2 talks, 3x3, two minutes.", "--quick")] = False,
) -> None:
    """Move actors to held-out voices over the plane, have judges look, write report.json and report.html.

    Held-out voices are those of flite and festival where these are installed; without them the embedded voice
    speaks alone. The full run takes about 8 minutes on two cores (--workers 2).
    """
    base = GESTURE_QUICK if quick else GESTURE_DEFAULTS
    given = {"captions": captions, "grid": grid, "seeds": seeds}
    asked: dict[str, Any] = {**base, **{k: v for k, v in given.items() if v is not None}}
    if not 1 <= steps <= 1000:
        raise InputError(f"--steps {steps} makes no sense: use 1 to 1000")
    shape = _shape(asked["grid"])
    from tqdm import tqdm

    from emotive.evaluate.gesture import evaluate_gesture
    from emotive.evaluate.image import affect_grid
    from emotive.evaluate.report import check_report_folder, write_report
    from emotive.evaluate.workers import check_workers
    from emotive.perceive.body_judge import BodyJudge
    from emotive.perceive.body_published import BodyPublishedJudge
    from emotive.perceive.motion_features import MotionFeatures

    from .moving import load_gesture_pipeline
    from .speaking import load_speech_pipeline

    # What is wrong is said before the work.
    if not 2 <= asked["captions"] <= 60:
        raise InputError(f"--captions {asked['captions']} makes no sense: use 2 to 60")
    affect_grid(*shape)
    check_workers(workers)
    if not 1 <= asked["seeds"] <= 100:
        raise InputError(f"--seeds {asked['seeds']} makes no sense: use 1 to 100")
    make_folder(output)
    check_report_folder(output)
    pipe, here = load_gesture_pipeline(model, device)
    if workers > 1 and here["device"] != "cpu":
        raise InputError(f"--workers {workers} is for processors: with {here['device']} leave it out")
    speaker, _ = load_speech_pipeline(SPEECH_MODEL, device)
    judges = {"body": BodyJudge.from_pretrained(), "published": BodyPublishedJudge()}

    options: dict[str, Any] = {
        "model": (model, GESTURE_MODEL),
        "steps": (steps, 10),
        "device": (device, None),
    }
    options |= {k: (asked[k], base[k]) for k in given} | {"workers": (workers, 1)}
    told = [f"--{k} {shlex.quote(str(v))}" for k, (v, usual) in options.items() if v != usual]
    command = " ".join(["emotive evaluate gesture", *["--quick"] * quick, *told, "-o DIR"])
    with tqdm(unit="job", disable=None, leave=False) as bar:

        def progress(line: str, done: int, total: int) -> None:
            bar.total = total
            bar.set_description_str(line)
            bar.update(done - bar.n)

        evaluation = evaluate_gesture(
            pipe,
            speaker,
            judges,
            MotionFeatures.from_pretrained(),
            asked["captions"],
            shape,
            asked["seeds"],
            steps,
            asked["resamples"],
            workers,
            plain(command),
            progress,
        )
    for path in write_report(output, evaluation):
        print(path, flush=True)


def _detector() -> Any:
    """What finds landmarks in frames, or InputError if its network was not fetched."""
    from emotive.face.find_landmarks import find_landmarks
    from emotive.fetching import FACE_LANDMARKS, fetched

    if fetched(FACE_LANDMARKS) is None:
        raise InputError("landmarks in rendered frames: emotive fetch face-landmarks")
    return find_landmarks


def _there(make: Any) -> Any:
    """What an extra brings, or None and a line that says what is missing."""
    try:
        return make()
    except InputError as error:
        say(f"not measured: {error}")
        return None


def _shape(grid: str) -> tuple[int, int]:
    rows, cross, columns = grid.lower().partition("x")
    if not (cross and rows.isascii() and rows.isdigit() and columns.isascii() and columns.isdigit()):
        raise InputError(f"--grid {grid[:40]!r} makes no sense: use ROWSxCOLUMNS, such as 5x5")
    return int(rows[:9]), int(columns[:9])
