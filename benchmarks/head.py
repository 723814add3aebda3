"""Times the embedded talking head side by side in one run, and prints tables.

    python benchmarks/head.py [--model NAME|DIR] [--portrait mara] [--threads 2] [--repeats 5] [--long]

Drawing, on one thread, 512px: our renderer, and the same head mesh drawn triangle by triangle with
`cv2.warpAffine`, without eyes, lids and mouth: what most code for moving a portrait does. Frames take turns,
so that a busy machine slows both alike; the ratio is what to compare. Then sound to motion and sound to
frames; sound to a finished mp4; how long after its sound the first frame of a stream comes; and, in processes
of their own, time and peak memory from a cold start to an mp4 of a sentence and of a minute, with --long of
ten minutes. Frames/s are of 30 in a second of film: above 30 is faster than it plays.
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

TEXT = "When the last train had left, the old man walked home along the river, slowly, and did not look back."
SIZE, FPS, FRAMES = 512, 30, 60
CHUNK = 0.02  # s of sound that a microphone gives at once
STEPS = (4, 8)


def spoken(seconds: float) -> Any:
    """Speech of our own, said again until it is that long; its phones are not told."""
    import numpy as np
    import torch

    from emotive.pipelines.speech import EmotiveSpeechPipeline
    from emotive.signals import Speech

    pipe = EmotiveSpeechPipeline.from_pretrained("emotive-speech-1")
    pipe.set_progress_bar_config(disable=True)
    said: Any = pipe(TEXT, generator=torch.Generator().manual_seed(0))
    made = said.speech
    count = round(seconds * made.sample_rate)
    return Speech(np.resize(made.waveform, count), made.sample_rate)


def by_triangle(renderer: Any) -> Callable[..., Any]:
    """Draws the head's mesh with one `cv2.warpAffine` for each triangle: (weights, rotation, translation,
    gaze) -> uint8 (size, size, 3)."""
    import cv2
    import numpy as np

    triangles, image = renderer.mesh.triangles, renderer.portrait.image
    source = renderer.frame.to_picture(renderer.mesh.points[:, :2]).astype(np.float32)

    def draw(weights: Any, rotation: Any, translation: Any, gaze: Any) -> Any:
        target = renderer._vertices(*(np.asarray(x, float) for x in (weights, rotation, translation, gaze)))[
            0
        ]
        flat, frame = target[:, :2].astype(np.float32), image.copy()
        for triangle in triangles:
            a, b = source[triangle], flat[triangle]
            x, y, w, h = cv2.boundingRect(a)
            left, top, width, height = cv2.boundingRect(b)
            patch, place = image[max(y, 0) : y + h, max(x, 0) : x + w], frame[max(top, 0) : top + height]
            place = place[:, max(left, 0) : left + width]
            if not patch.size or not place.size:
                continue
            inside = b - np.array([max(left, 0), max(top, 0)], np.float32)
            turn = cv2.getAffineTransform(a - np.array([max(x, 0), max(y, 0)], np.float32), inside)
            warped = cv2.warpAffine(
                patch, turn, place.shape[1::-1], flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101
            )
            mask = np.zeros(place.shape[:2], np.uint8)
            cv2.fillConvexPoly(mask, np.int32(np.round(inside)), 1)  # type: ignore[call-overload]
            np.copyto(place, warped, where=mask[..., None] > 0)
        return frame

    return draw


def drawing(portrait: str, motion: Any, repeats: int) -> dict[str, list[float]]:
    """Seconds of each frame of our renderer and of the loop, taking turns, on one thread."""
    import cv2

    from emotive.face.opening import open_portrait
    from emotive.face.renderer import PortraitRenderer

    cv2.setNumThreads(1)
    renderer = PortraitRenderer(open_portrait(portrait), SIZE)
    calls = {"our renderer": renderer.render, "a warpAffine for each triangle": by_triangle(renderer)}
    times: dict[str, list[float]] = {name: [] for name in calls}
    for turn in range(repeats + 1):  # the first turn warms up
        for i in range(min(FRAMES, len(motion))):
            frame = motion.weights[i], motion.rotation[i], motion.translation[i], motion.gaze[i]
            for name, call in calls.items():
                start = time.perf_counter()
                call(*frame)
                if turn:
                    times[name].append(time.perf_counter() - start)
    return times


def ways(pipe: Any, portrait: str, speech: Any, folder: Path) -> dict[str, Callable[[], object]]:
    """Name -> a call that does the work of one sound."""
    import torch

    from emotive.media.provenance import Provenance
    from emotive.media.video import VideoWriter

    def move(steps: int) -> Any:
        return pipe.motion(
            speech, "joy", num_inference_steps=steps, generator=torch.Generator(pipe.device).manual_seed(0)
        )

    def frames(steps: int) -> Iterator[Any]:
        return pipe.animate(portrait, move(steps), size=SIZE)

    def to_frames(steps: int) -> None:
        for _ in frames(steps):
            pass

    def to_file() -> None:
        provenance = Provenance("", 0, pipe.name)
        sound = speech.waveform, speech.sample_rate
        with VideoWriter(folder / "talk.mp4", (SIZE, SIZE), FPS, provenance, sound) as writer:
            for frame in frames(STEPS[-1]):
                writer.write(frame)

    return {
        **{f"sound to motion, {n} steps": (lambda n=n: move(n)) for n in STEPS},
        **{f"sound to frames, {n} steps": (lambda n=n: to_frames(n)) for n in STEPS},
        f"sound to mp4, {STEPS[-1]} steps": to_file,
    }


def taking_turns(calls: dict[str, Callable[[], object]], repeats: int) -> dict[str, list[float]]:
    """Seconds of each call, taking turns; the first turn warms up."""
    times: dict[str, list[float]] = {name: [] for name in calls}
    for turn in range(repeats + 1):
        for name, call in calls.items():
            start = time.perf_counter()
            call()
            if turn:
                times[name].append(time.perf_counter() - start)
    return times


def streaming(pipe: Any, portrait: str, speech: Any, repeats: int) -> tuple[list[float], list[float], float]:
    """Of the first frame: seconds from the end of its sound until it is there, if sound comes as it is
    spoken; the work for each later chunk that gave frames; and work over sound, of all of it."""
    import torch

    size, first, later, works = round(CHUNK * speech.sample_rate), [], [], []
    for turn in range(repeats + 1):
        heard, worked = 0.0, 0.0

        def chunks() -> Iterator[Any]:
            nonlocal heard
            for start in range(0, len(speech.waveform), size):
                heard = min(len(speech.waveform), start + size) / speech.sample_rate
                yield speech.waveform[start : start + size]

        stream = pipe.stream(
            portrait, chunks(), "joy", sample_rate=speech.sample_rate, size=SIZE,
            generator=torch.Generator(pipe.device).manual_seed(0),
        )  # fmt: skip
        before, since, count = 0.0, 0.0, 0
        begin = time.perf_counter()
        for _ in stream:
            now = time.perf_counter()
            worked = now - begin
            if turn and count == 0:
                first.append(heard - 1 / FPS + worked)  # the frame shows the first 1/30 s
            if turn and count and heard > before:
                later.append(worked - since)
            before, since, count = heard, worked, count + 1
        works.append(worked / speech.duration)
    return first, later, statistics.median(works[1:])


def main() -> None:
    """Runs and prints everything."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default="emotive-head-1")
    parser.add_argument("--portrait", default="mara")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--long", action="store_true", help="also a film of ten minutes")
    options = parser.parse_args()

    import torch

    from emotive.media.audio import write_audio
    from emotive.media.provenance import Provenance
    from emotive.pipelines.talking_head import EmotiveTalkingHeadPipeline

    torch.set_num_threads(options.threads)
    pipe = EmotiveTalkingHeadPipeline.from_pretrained(options.model)
    pipe.set_progress_bar_config(disable=True)
    speech = spoken(8.0)
    machine = platform.processor() or platform.machine()
    print(f"{machine}, cpu, torch {torch.__version__}, {SIZE}px, median of {options.repeats} (min..max)\n")

    motion = pipe.motion(speech, "joy", generator=torch.Generator().manual_seed(0))
    times = drawing(options.portrait, motion, options.repeats)
    print("| drawing, one thread | ms per frame | frames/s | ratio |\n|---|---|---|---|")
    base = statistics.median(times["a warpAffine for each triangle"])
    for name, t in times.items():
        m = statistics.median(t)
        spread = f"{1000 * m:.2f} ({1000 * min(t):.2f}..{1000 * max(t):.2f})"
        print(f"| {name} | {spread} | {1 / m:.0f} | {base / m:.1f}x |")

    with tempfile.TemporaryDirectory() as folder:
        times = taking_turns(ways(pipe, options.portrait, speech, Path(folder)), options.repeats)
        count = round(speech.duration * FPS)
        print(f"\n| {speech.duration:.0f} s of sound, {options.threads} threads", end=" ")
        print("| ms | frames/s | real-time factor |\n|---|---|---|---|")
        for name, t in times.items():
            m = statistics.median(t)
            spread = f"{1000 * m:.0f} ({1000 * min(t):.0f}..{1000 * max(t):.0f})"
            print(f"| {name} | {spread} | {count / m:.0f} | {m / speech.duration:.3f} |")

        first, later, work = streaming(pipe, options.portrait, speech, options.repeats)
        print(
            f"\nstreaming, sound in pieces of {1000 * CHUNK:.0f} ms: the first frame comes "
            f"{1000 * statistics.median(first):.0f} ms ({1000 * min(first):.0f}..{1000 * max(first):.0f}) "
            f"after its sound; work for later pieces {1000 * statistics.median(later):.0f} ms, at most "
            f"{1000 * max(later):.0f} ms; real-time factor {work:.2f}"
        )

        shared = [options.portrait, "--affect", "joy", "--model", options.model, "--seed", "0"]
        lengths = {"5 s": 5.0, "a minute": 60.0, **({"ten minutes": 600.0} if options.long else {})}
        for i, (what, seconds) in enumerate(lengths.items()):
            sound, film = Path(folder, f"{i}.wav"), Path(folder, f"{i}.mp4")
            long = spoken(seconds)
            write_audio(sound, long.waveform, long.sample_rate, Provenance("", 0, ""))
            arguments = ["head", *shared, "--audio", str(sound), "-o", str(film)]
            taken, peak = cold_start(arguments, options.threads)
            memory = "" if peak is None else f", peak memory {peak:.0f} MB"
            print(f"cold process to an mp4, {what}: {taken:.1f} s{memory}")


if __name__ == "__main__":
    main()
