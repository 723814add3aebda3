"""Times the embedded gestures side by side in one run, and prints tables.

    python benchmarks/gesture.py [--model NAME|DIR] [--actor mara] [--threads 2] [--repeats 5] [--long]

Ten seconds of sound to motion, in several numbers of steps, and what of it is inverse kinematics. Drawing, on
one thread, 512px: our renderer, and the same skinned figure drawn triangle by triangle with
`cv2.fillConvexPoly`, back to front, in flat colours without shadows or smooth edges: what a preview without a
graphics driver can do with few lines. Frames take turns, so that a busy machine slows both alike; the ratio
is what to compare. Then sound to files; how long after its sound a stream's frames come; and, in processes of
their own, time and peak memory from a cold start to files of ten seconds and of a minute, with --long of ten
minutes.
"""

from __future__ import annotations

import argparse
import platform
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from cold_start import cold_start
from head import spoken, taking_turns

SIZE, FPS, FRAMES = 512, 30, 60
CHUNK = 0.1  # s of sound that a microphone gives at once
SECONDS = 10.0


def by_triangle(renderer: Any) -> Callable[..., Any]:
    """Draws the figure with one `cv2.fillConvexPoly` for each triangle: (orientations, positions) -> uint8
    (size, size, 3)."""
    import cv2
    import numpy as np

    from emotive.body.figure import skinned

    whole, light = renderer.figure.whole, np.array([0.4, 0.7, 0.6])
    light = light / np.linalg.norm(light)

    def draw(orientations: Any, positions: Any) -> Any:
        points, _ = skinned(renderer.figure, orientations, positions)
        screen = np.c_[points, np.ones(len(points))] @ np.asarray(renderer.camera.matrix, float)[:3].T
        flat = screen[:, :2] / screen[:, 2:] * renderer.camera.focal + SIZE / 2
        a, b, c = (points[whole.triangles[:, k]] for k in range(3))
        normal = np.cross(b - a, c - a)
        normal /= np.linalg.norm(normal, axis=1, keepdims=True) + 1e-9
        shade = 0.35 + 0.65 * (normal @ light).clip(0)
        colours = (255 * whole.colours[whole.triangles[:, 0]] * shade[:, None]).clip(0, 255)
        frame = np.full((SIZE, SIZE, 3), 220, np.uint8)
        for i in np.argsort(-screen[whole.triangles].mean(1)[:, 2]):
            corners = np.int32(np.round(flat[whole.triangles[i]]))
            cv2.fillConvexPoly(frame, corners, colours[i].tolist())  # type: ignore[call-overload]
        return frame

    return draw


def drawing(actor: str, motion: Any, repeats: int) -> dict[str, list[float]]:
    """Seconds of each frame of our renderer and of the loop, taking turns, on one thread."""
    import cv2

    from emotive.body.renderer import BodyRenderer

    cv2.setNumThreads(1)
    renderer = BodyRenderer(actor, SIZE)
    calls = {"our renderer": renderer.render, "a fillConvexPoly for each triangle": by_triangle(renderer)}
    times: dict[str, list[float]] = {name: [] for name in calls}
    turned, placed = motion.placed()
    for turn in range(repeats + 1):  # the first turn warms up
        for i in range(min(FRAMES, len(motion))):
            for name, call in calls.items():
                start = time.perf_counter()
                call(turned[i], placed[i])
                if turn:
                    times[name].append(time.perf_counter() - start)
    return times


def ways(pipe: Any, actor: str, speech: Any, folder: Path) -> dict[str, Callable[[], object]]:
    """Name -> a call that does the work of one sound."""
    import torch

    from emotive.body.motion_files import save_body_motion
    from emotive.body.posing import pose
    from emotive.body.reading_pose import channels_of

    def move(steps: int) -> Any:
        generator = torch.Generator(pipe.device).manual_seed(0)
        return pipe(speech, "joy", style=actor, num_inference_steps=steps, generator=generator).motion

    moved = move(10)
    tracks = channels_of(moved)
    return {
        **{f"sound to motion, {n} steps": (lambda n=n: move(n)) for n in (5, 10, 20)},
        "of that, inverse kinematics": lambda: pose(tracks, FPS),
        **{
            f"motion to .{kind}": (
                lambda kind=kind: save_body_motion(moved, folder / f"a.{kind}", actor=actor)
            )
            for kind in ("glb", "vrma", "bvh", "npz")
        },
    }


def streaming(pipe: Any, speech: Any, repeats: int) -> tuple[list[float], float]:
    """Seconds from the end of a frame's sound until the frame is there, if sound comes as it is spoken; and
    work over sound, of all of it."""
    import torch

    size, late, works = round(CHUNK * speech.sample_rate), [], []
    for turn in range(repeats + 1):
        heard = worked = 0.0

        def chunks() -> Iterator[Any]:
            nonlocal heard
            for start in range(0, len(speech.waveform), size):
                heard = min(len(speech.waveform), start + size) / speech.sample_rate
                yield speech.waveform[start : start + size]

        generator = torch.Generator(pipe.device).manual_seed(0)
        begin = time.perf_counter()
        for piece in pipe.stream(chunks(), "joy", sample_rate=speech.sample_rate, generator=generator):
            before, worked = worked, time.perf_counter() - begin
            if turn and heard < speech.duration:
                late.append(heard - piece.start - 1 / FPS + worked - before)
        works.append(worked / speech.duration)
    return late, statistics.median(works[1:])


def main() -> None:
    """Runs and prints everything."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default="emotive-gesture-1")
    parser.add_argument("--actor", default="mara")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--long", action="store_true", help="also ten minutes")
    options = parser.parse_args()

    import torch

    from emotive.media.audio import write_audio
    from emotive.media.provenance import Provenance
    from emotive.pipelines.gesture import EmotiveGesturePipeline

    torch.set_num_threads(options.threads)
    pipe = EmotiveGesturePipeline.from_pretrained(options.model)
    pipe.set_progress_bar_config(disable=True)
    speech = spoken(SECONDS)
    machine = platform.processor() or platform.machine()
    print(f"{machine}, cpu, torch {torch.__version__}, median of {options.repeats} (min..max)\n")

    with tempfile.TemporaryDirectory() as folder:
        times = taking_turns(ways(pipe, options.actor, speech, Path(folder)), options.repeats)
        base = statistics.median(times["sound to motion, 10 steps"])
        print(f"| {SECONDS:.0f} s of sound, {options.threads} threads", end=" ")
        print("| ms | real-time factor | ratio to 10 steps |\n|---|---|---|---|")
        for name, t in times.items():
            m = statistics.median(t)
            spread = f"{1000 * m:.0f} ({1000 * min(t):.0f}..{1000 * max(t):.0f})"
            print(f"| {name} | {spread} | {m / SECONDS:.4f} | {m / base:.2f}x |")

        generator = torch.Generator().manual_seed(0)
        motion: Any = pipe(speech, "joy", style=options.actor, generator=generator)
        times = drawing(options.actor, motion.motion, max(1, options.repeats // 2))
        print(f"\n| drawing, one thread, {SIZE}px | ms per frame | frames/s | ratio |\n|---|---|---|---|")
        base = statistics.median(times["a fillConvexPoly for each triangle"])
        for name, t in times.items():
            m = statistics.median(t)
            spread = f"{1000 * m:.2f} ({1000 * min(t):.2f}..{1000 * max(t):.2f})"
            print(f"| {name} | {spread} | {1 / m:.0f} | {base / m:.1f}x |")

        late, work = streaming(pipe, speech, options.repeats)
        print(
            f"\nstreaming, sound in pieces of {1000 * CHUNK:.0f} ms: a piece comes "
            f"{statistics.median(late):.2f} s ({min(late):.2f}..{max(late):.2f}) after the sound of its "
            f"first frame; real-time factor {work:.3f}"
        )

        shared = ["--style", options.actor, "--affect", "joy", "--model", options.model, "--seed", "0"]
        lengths = {"10 s": 10.0, "a minute": 60.0, **({"ten minutes": 600.0} if options.long else {})}
        for i, (what, seconds) in enumerate(lengths.items()):
            sound, long = Path(folder, f"{i}.wav"), spoken(seconds)
            write_audio(sound, long.waveform, long.sample_rate, Provenance("", 0, ""))
            for kinds in (("glb", "bvh"), ("mp4",)):
                outputs = [word for kind in kinds for word in ("-o", f"{folder}/{i}.{kind}")]
                arguments = ["gesture", *shared, "--audio", str(sound), *outputs]
                taken, peak = cold_start(arguments, options.threads)
                memory = "" if peak is None else f", peak memory {peak:.0f} MB"
                print(f"cold process to {' and '.join(kinds)}, {what}: {taken:.1f} s{memory}")


if __name__ == "__main__":
    main()
