"""`emotive info`, `show` and `demo`: what is here, what a file was made from, first pictures and speech."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .common import IMAGE_MODEL, AsJson, Device, Folder, app, batch_size, make_folder, option, progress, table
from .gesture import GESTURE_MODEL
from .head import HEAD_MODEL
from .speech import SPEECH_MODEL

if TYPE_CHECKING:
    from emotive.media.provenance import Provenance
    from emotive.signals import BodyMotion, FaceMotion, Speech

# What happened to a file, or came before the model: label -> key of the provenance.
ASIDE = {"edited from": "edited_from", "processed": "processed", "engine": "engine"}
ASIDE |= {"portrait": "portrait", "consent": "consent", "recording": "audio", "motion": "motion"}
ASIDE |= {"actor": "style", "transcript": "transcript", "emotion of": "emotion_from"}
ASIDE |= {"face": "face_motion", "character": "character", "requested": "requested", "distance": "distance"}


@app.command()
def show(
    file: Annotated[
        Path, typer.Argument(help="A picture, speech, video or motion made by Emotive, or its .json.")
    ],
    as_json: AsJson = False,
) -> None:
    """Print what a file was made from."""
    from emotive.media.provenance import read_provenance

    made = read_provenance(file)
    if as_json:
        print(made.to_json())
        return
    if made.grid:
        feeling = f"a grid of {made.grid[0]} rows (arousal) by {made.grid[1]} columns (valence)"
    elif made.curve is not None:
        rate = "" if made.medium == "speech" else f" at {made.fps or 30:g} frames/s"
        steady = not made.curve.duration
        feeling = str(made.curve.at(0)) if steady else f"a curve of {made.curve.duration:g} s{rate}"
    elif listed := made.extra.get("word_affects"):
        feeling = f"word by word: {listed}"
    else:
        feeling = str(made.affect) + (f'  typed "{made.affect_text}"' if made.affect_text else "")
    size = f", {made.size[0]} x {made.size[1]} pixels" if made.size else ""
    scales = (made.guidance_scale, made.affect_guidance_scale)
    guidance = "guidance {}, affect guidance {}".format(*map(_number, scales))
    table(
        {
            "file": file,
            "": f"{made.statement}, version {made.emotive}, {made.created}",
            **_words(made),
            "affect": feeling,
            "strength": _number(made.affect_strength),
            "model": f"{made.model}  {made.model_fingerprint[:12]}",
            **_settings(made),
            "sampling": f"seed {made.seed}, {made.num_inference_steps} steps, {guidance}{size}",
            "made on": f"{made.device}, {made.dtype}, {made.threads} threads, torch {made.torch}",
            **_again(made, file),
            **{label: made.extra[key] for label, key in ASIDE.items() if key in made.extra},
            **(_film(made) if made.medium == "film" else {}),
        }
    )


def _film(made: Provenance) -> dict[str, Any]:
    """What else a film says of itself."""
    told = {key: made.extra[key] for key in ("seconds", "drift", "softness") if key in made.extra}
    scenes = made.extra.get("scenes") or ()
    listed = {f"from {at:g} s": prompt for at, prompt in scenes}
    return {**listed, **told}


@app.command()
def info(
    as_json: AsJson = False,
    vocabulary: Annotated[bool, option("The words that the image model knows.", "--vocabulary")] = False,
) -> None:
    """Print versions, device, embedded models, named emotions and label sets."""
    from emotive import about

    if vocabulary:
        words = about.vocabulary(IMAGE_MODEL)
        if as_json:
            print(json.dumps(words, ensure_ascii=False))
            return
        for kind, entries in words.items():
            groups = entries.values() if isinstance(entries, dict) else [entries]
            print("\n  ".join([kind, *(", ".join(group) for group in groups)]))
        return
    facts = about.facts()
    if as_json:
        print(json.dumps(facts, ensure_ascii=False, indent=2))
        return
    models = [f"{m['name']}  {m['megabytes']} MB  sha256 {m['sha256']}" for m in facts["models"]]
    table(
        {
            "versions": ", ".join(f"{name} {version}" for name, version in facts["versions"].items()),
            "device": f"{facts['device']}, {facts['threads']} threads",
            "dtype": facts["dtype_reason"],
            "models": "\n".join(models) or "none embedded",
            "portraits": ", ".join(facts["portraits"]) or "none bundled",
            "actors": ", ".join(facts["actors"]),
            "fetched": "\n".join(
                f"{name}: {path or f'not here: emotive fetch {name}'}"
                for name, path in facts["fetchable"].items()
            ),
            "label sets": "\n".join(f"{k}: {', '.join(labels)}" for k, labels in facts["label_sets"].items()),
            "emotions": "valence arousal dominance",
        }
    )
    for e in facts["emotions"]:
        print(f"  {e['term']:<20} {e['valence']:+.2f}   {e['arousal']:+.2f}   {e['dominance']:+.2f}")


@app.command()
def demo(
    output: Folder = Path("emotive-demo"),
    model: Annotated[str, option("Image model: name, folder or hub id.")] = IMAGE_MODEL,
    speech_model: Annotated[str, option("Speech model: name, folder or hub id.")] = SPEECH_MODEL,
    head_model: Annotated[str, option("Talking-head model: name, folder or hub id.")] = HEAD_MODEL,
    gesture_model: Annotated[str, option("Gesture model: name, folder or hub id.")] = GESTURE_MODEL,
    device: Device = None,
) -> None:
    """Make first pictures, say a sentence with three feelings, film who says it; write one offline page."""
    from emotive.acting import moved as gestured
    from emotive.batch import image_jobs, run_image_jobs
    from emotive.body.stage import Stage
    from emotive.plan import load_pipeline, settled
    from emotive.showcase import filmed_plan, moved_plan, showcase_plans, spoken_plans, write_showcase

    from .filming import load_head_pipeline, moved
    from .moving import load_gesture_pipeline
    from .speaking import asked, load_speech_pipeline, settled_speech, speaker

    make_folder(output)
    plans = showcase_plans(model)
    jobs = [job for plan in plans for job in image_jobs(plan)]
    voice, there = load_speech_pipeline(speech_model, device)
    pipe, here = load_pipeline(model, device)
    spoken = [settled_speech(plan, voice, there) for plan in spoken_plans(speech_model)]
    speech = ((plan, list(speaker(voice, plan, plan.prompt)(asked(plan)))) for plan in spoken)
    face, where = load_head_pipeline(head_model, device)

    def film(plan: Provenance, said: Speech) -> tuple[Provenance, FaceMotion]:
        made = settled(filmed_plan(plan, head_model), face, where)
        return made, moved(face, made, said)

    body, site = load_gesture_pipeline(gesture_model, device)

    def move(plan: Provenance, said: Speech) -> tuple[Provenance, BodyMotion]:
        made = settled(moved_plan(plan, gesture_model), body, site)
        return made, gestured(body, made, said, Stage.of(made))

    pictures = progress(run_image_jobs(pipe, jobs, batch_size(here)), len(jobs))
    print(write_showcase(output, [settled(plan, pipe, here) for plan in plans], pictures, speech, film, move))


def _again(made: Provenance, file: Path) -> dict[str, str]:
    """The command that makes it again, if there is one."""
    sheet = made.medium in ("head", "gesture") and made.grid is not None
    if sheet or "processed" in made.extra or "motion" in made.extra:
        return {}
    photo = ["PHOTO"] if "portrait_sha256" in made.extra else []
    files = {
        "audio": "RECORDING",
        "emotion_from": "RECORDING",
        "face_motion": "FACE",
        "character": "CHARACTER",
    }
    given = [f"--{name.replace('_', '-')} {what}" for name, what in files.items() if name in made.extra]
    return {"again": " ".join(["emotive", made.medium, *photo, *given, "--like", str(file)])}


def _settings(made: Provenance) -> dict[str, str]:
    """How somebody else's model was set, and the directions that were followed."""
    shown = {name.replace("_", " "): value for name, value in made.backbone.items() if "sha256" not in name}
    if print_of := shown.pop("adapter fingerprint", ""):
        shown["adapter"] = f"{shown.get('adapter', '')} {print_of[:12]}"
    settings = {"set": "\n".join(f"{name}: {value}" for name, value in shown.items())} if shown else {}
    followed = ", ".join(f"{name} {amount:g}" for name, amount in made.directions.items())
    return settings | ({"directions": followed} if followed else {})


def _words(made: Provenance) -> dict[str, str]:
    if made.medium == "image":
        return {"prompt": made.prompt or "none, a mood alone"}
    if made.medium == "head" and not made.prompt and "audio" not in made.extra:
        return {}  # expressions, or a motion, without a sound
    cut = made.extra.get("text_characters")
    said = f"{made.prompt} ... ({cut} characters in all)" if cut else made.prompt
    return {"text": said or "that of the recording"} | ({"voice": made.voice} if made.voice else {})


def _number(value: float | None) -> str:
    return "the model's own" if value is None else f"{value:g}"
