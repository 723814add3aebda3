"""A whole frame as one CUDA graph: recorded once, replayed for every frame.

Launched one by one, the thousand kernels of a diffusion UNet take the host longer than the device. A graph
is one launch. It reads and writes the addresses that it was recorded with, so whatever changes from frame
to frame (noise, affect, a scene) is copied into tensors that stay where they are.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from emotive.errors import EmotiveError, InputError

WARMUP = 3  # calls before recording: compilation, autotuning, workspaces of cuBLAS and cuDNN


class Captured:
    """A recorded frame. Calling it launches the graph and returns `output`, always the same tensor: valid,
    on the stream of the call, until the next call. It allocates nothing and does not wait for the
    device."""

    def __init__(self, graph: torch.cuda.CUDAGraph, output: Tensor, frame: Callable[[], Tensor]):
        self.output = output
        self._graph = graph
        self._frame = frame  # keeps alive what the graph reads

    @torch.inference_mode()  # the generator's offset, which a replay writes, was made in it
    def __call__(self) -> Tensor:
        self._graph.replay()
        return self.output


@torch.inference_mode()
def captured(
    frame: Callable[[], Tensor],
    generator: torch.Generator | None = None,
    *,
    buffers: Iterable[Tensor] = (),
    warmup: int = WARMUP,
) -> Captured:
    """Records `frame` on the current CUDA device.

    Args:
        frame: paints, from tensors that stay where they are, without waiting for the device and without
            choices that depend on values. Whatever it compiles is compiled here.
        generator: the only source of randomness in `frame`, on that device. Replays go on where it stands, as
            calls of `frame` would, and `manual_seed` takes effect at the next.
        buffers: what `frame` writes to besides its output and reads again later (the pictures under way of a
            stream batch). They and the generator are afterwards as they were before.
        warmup: calls before recording.

    Raises InputError without a CUDA device, or for a generator elsewhere.
    """
    if not torch.cuda.is_available():
        raise InputError("a CUDA graph needs a CUDA device, and there is none here: switch graph off")
    if generator is not None and generator.device.type != "cuda":
        raise InputError(f"the noise of a CUDA graph is drawn on its device, not on {generator.device.type}")
    state = None if generator is None else generator.get_state()
    kept = [(buffer, buffer.clone()) for buffer in buffers]

    # No graph is recorded on the default stream.
    here, aside = torch.cuda.current_stream(), torch.cuda.Stream()
    aside.wait_stream(here)
    with torch.cuda.stream(aside):
        for _ in range(warmup):
            frame()
    here.wait_stream(aside)

    graph = torch.cuda.CUDAGraph()  # with a memory pool of its own: nobody else gets the addresses it uses
    if generator is not None:
        graph.register_generator_state(generator)
    # thread_local: other threads (a server's, which reads frames) may go on using CUDA while this one
    # records.
    with torch.cuda.graph(graph, stream=aside, capture_error_mode="thread_local"):
        output = frame()

    for buffer, before in kept:
        buffer.copy_(before)
    if generator is not None and state is not None:
        generator.set_state(state)
    return Captured(graph, output, frame)


@contextmanager
def memory_for(batch: int, trial: Callable[[int], object]) -> Iterator[None]:
    """Within, running out of GPU memory is an EmotiveError that says how many pictures at once would fit.

    trial: paints a frame of a smaller batch, without compiling and without a graph, and keeps nothing; called
    only after memory ran out, at about log2(batch) sizes.
    """
    try:
        yield
        return
    except torch.OutOfMemoryError as error:
        first = " ".join(str(error).split())[:120]
        traceback.clear_frames(error.__traceback__)  # they hold the tensors of the frame that did not fit
    fits = largest_batch(batch - 1, trial)
    if fits:
        raise EmotiveError(f"out of GPU memory at batch {batch}: batch {fits} fits")
    raise EmotiveError(f"out of GPU memory at batch {batch}, and at 1 too: free some, or use fp16 ({first})")


def largest_batch(limit: int, trial: Callable[[int], object]) -> int:
    """The largest batch in 1..limit for which `trial` does not run out of GPU memory, by bisection; 0 if
    none."""
    fits, beyond = 0, limit + 1
    while beyond - fits > 1:
        batch = (fits + beyond) // 2
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        try:
            trial(batch)
            fits = batch
        except torch.OutOfMemoryError:
            beyond = batch
    return fits
