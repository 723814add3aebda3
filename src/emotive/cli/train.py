"""`emotive train`: the recipes of the embedded models."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from emotive.errors import InputError

from .common import Device, Folder, make_folder, needs_extra, option, report, train_app


@train_app.command("image")
def train_image(
    output: Folder,
    minutes: Annotated[float, option("How long to train, in all.")] = 150.0,
    device: Device = None,
    init: Annotated[str | None, option("Start from a model: name, folder or hub id.")] = None,
    seed: Annotated[int, option("Seed of data and weights.")] = 0,
    painters: Annotated[int, option("Processes that paint training pictures meanwhile.")] = 1,
    capacity: Annotated[int, option("Training pictures kept on disk, 12 kB each.")] = 100_000,
    batch_size: Annotated[int, option("Pictures per training step.")] = 64,
    compile: Annotated[bool, option("Compile the networks: faster; a CPU needs a C++ compiler.")] = False,
    stages: Annotated[
        str | None,
        option(
            "Only some: decoder, denoiser, student, distil, polish, with commas; the others' from --init."
        ),
    ] = None,
) -> None:
    """Teacher, decoder, denoiser, few-step student, card: the whole recipe; run it again to go on."""
    _check(
        minutes,
        ("--seed", seed, 0, 2**32 - 1),
        ("--painters", painters, 1, 256),
        ("--capacity", capacity, 256, 10**8),
        ("--batch-size", batch_size, 2, 65_536),
    )
    with needs_extra("train"):
        import emotive.data.painter  # noqa: F401  here rather than first in a painter's process
        from emotive.train.image import check_stages
        from emotive.train.image import train_image as recipe
    from emotive.devices import choose_device
    from emotive.plan import quiet_diffusers
    from emotive.weights import resolve

    choose_device(device)  # what is wrong is said before anything is made
    if init is not None:
        resolve(init)
    options: dict[str, Any] = {"painters": painters, "capacity": capacity, "batch_size": batch_size}
    if stages is not None:
        options["stages"] = tuple(name.strip() for name in stages.split(","))
        check_stages(options["stages"], init)
    make_folder(output)
    with quiet_diffusers():
        print(recipe(output, minutes, device, init, seed, compile=compile, report=report, **options))


@train_app.command("speech")
def train_speech(
    output: Folder,
    minutes: Annotated[float, option("How long to train, in all, after the sentences are read.")] = 90.0,
    device: Device = None,
    init: Annotated[str | None, option("Start from a model: name, folder or hub id.")] = None,
    seed: Annotated[int, option("Seed of data and weights.")] = 0,
    compile: Annotated[bool, option("Compile the networks: faster; a CPU needs a C++ compiler.")] = False,
) -> None:
    """Readings, acoustic model, durations, prosody, card: the whole recipe; run it again to go on."""
    _check(minutes, ("--seed", seed, 0, 2**32 - 1))
    with needs_extra("train"):
        from emotive.train.speech import train_speech as recipe
    from emotive.devices import choose_device
    from emotive.plan import quiet_diffusers
    from emotive.weights import resolve

    choose_device(device)  # what is wrong is said before anything is made
    if init is not None:
        resolve(init)
    make_folder(output)
    with quiet_diffusers():
        print(recipe(output, minutes, device, init, seed, compile=compile, report=report))


@train_app.command("head")
def train_head(
    output: Folder,
    minutes: Annotated[float, option("How long to train, after the clips are recorded.")] = 50.0,
    device: Device = None,
    init: Annotated[str | None, option("Start from a model: name, folder or hub id.")] = None,
    seed: Annotated[int, option("Seed of data and weights.")] = 0,
    data: Annotated[
        Path | None,
        option("Learn from a folder of own video clips, too: only of people who agreed to it."),
    ] = None,
    share: Annotated[float, option("Of each training step, how much is own clips; above 0, up to 1.")] = 0.5,
    batch_size: Annotated[int, option("Windows of four seconds per training step.")] = 16,
) -> None:
    """Readings, clips, motion of a face, card: the whole recipe; run it again to go on.

    Own clips for --data are .mp4, .mov or .webm with sound, one face each; `emotive fetch face-landmarks`
    first. Beside name.mp4, name.csv or name.json may tell its affect, name.txt what is said. Use only footage
    of people who agreed that a model learns how they move.
    """
    _check(minutes, ("--seed", seed, 0, 2**32 - 1), ("--batch-size", batch_size, 2, 65_536))
    with needs_extra("train"):
        from emotive.train.head import train_head as recipe
    from emotive.devices import choose_device
    from emotive.plan import quiet_diffusers
    from emotive.weights import resolve

    choose_device(device)  # what is wrong is said before anything is made
    if init is not None:
        resolve(init)
    make_folder(output)
    with quiet_diffusers():
        print(
            recipe(
                output,
                minutes,
                device,
                init,
                seed,
                data=data,
                share=share,
                batch_size=batch_size,
                report=report,
            )
        )


@train_app.command("gesture")
def train_gesture(
    output: Folder,
    minutes: Annotated[float, option("How long to train, after the clips are recorded.")] = 85.0,
    device: Device = None,
    init: Annotated[str | None, option("Start from a model: name, folder or hub id.")] = None,
    seed: Annotated[int, option("Seed of data and weights.")] = 0,
    data: Annotated[
        Path | None, option("Learn from motion capture, too: a folder of BEAT, BEAT2 or ZeroEGGS.")
    ] = None,
    share: Annotated[float, option("Of each training step, how much is that; above 0, up to 1.")] = 0.5,
    batch_size: Annotated[int, option("Windows of eight seconds per training step.")] = 16,
) -> None:
    """Readings, clips, motion of a body, card: the whole recipe; run it again to go on.

    BEAT, BEAT2 and ZeroEGGS are fetched by you, from their authors and under their licences, which do not
    allow every use; what a model learned from them may fall under these, too.
    """
    _check(minutes, ("--seed", seed, 0, 2**32 - 1), ("--batch-size", batch_size, 2, 65_536))
    from emotive.devices import choose_device
    from emotive.plan import quiet_diffusers
    from emotive.train.gesture import train_gesture as recipe
    from emotive.weights import resolve

    choose_device(device)  # what is wrong is said before anything is made
    if init is not None:
        resolve(init)
    make_folder(output)
    options = {"data": data, "share": share, "batch_size": batch_size}
    with quiet_diffusers():
        print(recipe(output, minutes, device, init, seed, report=report, **options))


@train_app.command("affect")
def train_affect(output: Folder, seed: Annotated[int, option("Seed of data and weights.")] = 0) -> None:
    """The affect embedding. Models record its digest: with a new one they must be trained again."""
    from emotive.plan import quiet_diffusers
    from emotive.train.affect_embedding import train_affect_embedding

    make_folder(output)
    with quiet_diffusers():
        train_affect_embedding(output, seed=seed)
    print(output)


@train_app.command("scene-reader")
def train_scene_reader(
    output: Folder,
    minutes: Annotated[float, option("How long to train, after the first pictures are painted.")] = 10.0,
    seed: Annotated[int, option("Seed of data and weights.")] = 0,
    painters: Annotated[int, option("Processes that paint meanwhile; 0 uses what is there.")] = 1,
    capacity: Annotated[int, option("Training pictures kept on disk, 12 kB each.")] = 40_000,
) -> None:
    """The recogniser of what a picture shows, by which `emotive evaluate` tells whether content is kept."""
    _check(
        minutes,
        ("--seed", seed, 0, 2**32 - 1),
        ("--painters", painters, 0, 256),
        ("--capacity", capacity, 256, 10**8),
    )
    with needs_extra("train"):
        import emotive.data.painter  # noqa: F401  here rather than first in a painter's process
        from emotive.train.scene_reader import train_scene_reader as recipe
    from emotive.plan import quiet_diffusers

    make_folder(output)
    with quiet_diffusers():
        print(recipe(output, minutes, seed, painters, capacity, report=report))


@train_app.command("judge")
def train_judge(
    output: Folder,
    minutes: Annotated[float, option("How long to train, after the first pictures are painted.")] = 15.0,
    seed: Annotated[int, option("Seed of data and weights.")] = 0,
    device: Device = None,
) -> None:
    """The learned picture judge, on abstract motifs: no scene, and none of the families that score it."""
    _check(minutes, ("--seed", seed, 0, 2**32 - 1))
    with needs_extra("train"):
        from emotive.train.picture_judge import train_picture_judge as recipe
    from emotive.devices import choose_device
    from emotive.plan import quiet_diffusers

    choose_device(device)
    make_folder(output)
    with quiet_diffusers():
        print(recipe(output, minutes, seed, device, report=report))


@train_app.command("face-judge")
def train_face_judge(
    output: Folder,
    people: Annotated[int, option("Strangers who are painted for it; the last two set the spread.")] = 16,
    frames: Annotated[int, option("Frames of each, about 30 ms a frame.")] = 500,
    steps: Annotated[int, option("Training steps.")] = 1500,
    seed: Annotated[int, option("Seed of people, frames and weights.")] = 0,
) -> None:
    """The learned judge of faces, on painted strangers; needs `emotive fetch face-landmarks`."""
    _check(
        1.0,
        ("--people", people, 4, 10_000),
        ("--frames", frames, 16, 100_000),
        ("--steps", steps, 10, 10**6),
        ("--seed", seed, 0, 2**32 - 1),
    )
    with needs_extra("train"):
        from emotive.train.face_judge import train_face_judge as recipe
    from emotive.plan import quiet_diffusers

    make_folder(output)
    with quiet_diffusers():
        print(recipe(output, people, frames, steps, seed, report=report))


@train_app.command("body-judge")
def train_body_judge(
    output: Folder,
    people: Annotated[int, option("Who perform, once each, about 50 ms a person.")] = 4000,
    clips: Annotated[int, option("That they speak, about 0.3 s each.")] = 240,
    steps: Annotated[int, option("Training steps.")] = 3000,
    seed: Annotated[int, option("Seed of voices, people and weights.")] = 0,
) -> None:
    """The learned judge of bodies, and the features in which sets of motion are compared."""
    _check(
        1.0,
        ("--people", people, 20, 10**6),
        ("--clips", clips, 4, 10**5),
        ("--steps", steps, 10, 10**6),
        ("--seed", seed, 0, 2**32 - 1),
    )
    from emotive.plan import quiet_diffusers
    from emotive.train.body_judge import train_body_judge as recipe

    make_folder(output)
    with quiet_diffusers():
        for folder in recipe(output, people, clips, steps, seed, report=report):
            print(folder)


def _check(minutes: float, *numbers: tuple[str, int, int, int]) -> None:
    """Raises InputError unless there is time, and each (option, value, least, most) is within its range."""
    if not 0 < minutes < float("inf"):
        raise InputError(f"--minutes {minutes} makes no sense: use a number above 0")
    for name, value, least, most in numbers:
        if not least <= value <= most:
            raise InputError(f"{name} {value} makes no sense: use {least} to {most}")
