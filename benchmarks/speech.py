"""Times the embedded speech model side by side in one run, and prints tables.

    python benchmarks/speech.py [--model NAME|DIR] [--device cpu|cuda] [--threads 2] [--repeats 9]

Rows: text to waveform at 4, 8 and 16 steps; and of that the front end with the durations, and the vocoder,
alone. Runs take turns, so that a busy machine slows all of them alike; the ratio is what to compare. The
real-time factor is seconds of work over seconds of speech: below 1 is faster than it is spoken. Then how long
a long text takes until its first part can be played; and, in processes of their own, the time and the peak
memory from a cold start to a file, of a sentence and of a long text.
"""

from __future__ import annotations

import argparse
import platform
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cold_start import cold_start

TEXT = "When the last train had left, the old man walked home along the river, slowly, and did not look back."
LONG = " ".join([TEXT, "Nobody saw him go.", "The lamps were lit, and it began to rain."] * 12)
STEPS = (4, 8, 16)
USUAL = 8


def rows(pipe: Any) -> dict[str, Callable[[], object]]:
    """Name -> a call that does the work of one text, or a part of it."""
    import numpy as np
    import torch

    from emotive.affect import Affect
    from emotive.voice.phrasing import breaks
    from emotive.voice.text import sentences
    from emotive.voice.utterance import lay_out
    from emotive.voice.vocoder import analyse, synthesize

    def ours(steps: int) -> Callable[[], object]:
        return lambda: spoken(pipe, TEXT, steps)

    @torch.no_grad()
    def front() -> None:
        joy = Affect.parse("joy")
        for sentence in sentences(TEXT, pipe.letter_to_sound.phones):
            utterance = lay_out(sentence, breaks(sentence, joy))
            points = np.repeat(joy.as_array()[None], len(utterance), 0)
            pipe.time(utterance, pipe.encode_prompt(utterance), points, 1.0)

    features = analyse(spoken(pipe, TEXT, USUAL).waveform)
    return {
        **{f"text to waveform, {n} steps": ours(n) for n in STEPS},
        "front end and durations alone": front,
        "vocoder alone": lambda: synthesize(features),
    }


def spoken(pipe: Any, text: str, steps: int) -> Any:
    """The same text from the same noise."""
    import torch

    generator = torch.Generator(pipe.device).manual_seed(0)
    return pipe(text, affect="joy", num_inference_steps=steps, generator=generator).speech


def time_rows(
    calls: dict[str, Callable[[], object]], repeats: int, synchronize: Callable[[], None]
) -> dict[str, list[float]]:
    """Seconds of each call, taking turns; the first two turns warm up."""
    times: dict[str, list[float]] = {name: [] for name in calls}
    for turn in range(repeats + 2):
        for name, call in calls.items():
            synchronize()
            start = time.perf_counter()
            call()
            synchronize()
            if turn >= 2:
                times[name].append(time.perf_counter() - start)
    return times


def first_audio(pipe: Any, repeats: int) -> list[float]:
    """Seconds from the call until the first part of a long text is there."""
    import torch

    found = []
    for turn in range(repeats + 1):
        start = time.perf_counter()
        stream = pipe.stream(LONG, "joy", generator=torch.Generator(pipe.device).manual_seed(0))
        next(iter(stream))
        if turn:
            found.append(time.perf_counter() - start)
    return found


def main() -> None:
    """Runs and prints everything."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default="emotive-speech-1")
    parser.add_argument("--device")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=9)
    options = parser.parse_args()

    with tempfile.TemporaryDirectory() as folder:
        shared = ["--affect", "joy", "--model", options.model]
        device = ["--device", options.device] if options.device else []
        cold = {
            name: cold_start(
                ["speech", text, *shared, *device, "-o", str(Path(folder) / f"{i}.wav")], options.threads
            )
            for i, (name, text) in enumerate({"a sentence": TEXT, f"{len(LONG)} characters": LONG}.items())
        }

    import torch

    from emotive.devices import choose_device
    from emotive.pipelines.speech import EmotiveSpeechPipeline

    torch.set_num_threads(options.threads)
    chosen = choose_device(options.device)
    synchronize = torch.cuda.synchronize if chosen.type == "cuda" else lambda: None
    name = (
        torch.cuda.get_device_name() if chosen.type == "cuda" else platform.processor() or platform.machine()
    )
    pipe = EmotiveSpeechPipeline.from_pretrained(options.model).to(chosen)
    pipe.set_progress_bar_config(disable=True)
    seconds = spoken(pipe, TEXT, USUAL).duration
    print(f"{name}, {chosen.type}, {options.threads} threads, torch {torch.__version__}, float32")
    print(f"{seconds:.1f} s of speech, median of {options.repeats} (min..max)\n")
    print(f"| what | ms | real-time factor | ratio to {USUAL} steps |\n|---|---|---|---|")
    times = time_rows(rows(pipe), options.repeats, synchronize)
    base = statistics.median(times[f"text to waveform, {USUAL} steps"])
    for row, t in times.items():
        m = statistics.median(t)
        spread = f"{1000 * m:.0f} ({1000 * min(t):.0f}..{1000 * max(t):.0f})"
        print(f"| {row} | {spread} | {m / seconds:.3f} | {m / base:.2f}x |")
    first = first_audio(pipe, options.repeats)
    print(f"\nfirst audio of {len(LONG)} characters: {statistics.median(first):.2f} s", end="")
    print(f" ({min(first):.2f}..{max(first):.2f})")
    for what, (taken, peak) in cold.items():
        memory = "" if peak is None else f", peak memory {peak:.0f} MB"
        print(f"cold process to a file, {what}: {taken:.1f} s{memory}")


if __name__ == "__main__":
    main()
