"""Pictures as fast as they can be had, in an affect that may change between any two of them.

sampler = realtime(pipe, steps=2)
sampler.prepare("a house in a meadow", "joy")
for frame in sampler.stream():
    show(frame.pixels()[0])
    sampler.update(pad.affect())
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import count
from typing import Any

import numpy as np
import torch
from torch import Tensor

from emotive.affect import Affect
from emotive.errors import InputError

from .denoiser import LiveDecoder, LiveDenoiser, Scene, rows_of
from .output import Frame, Output
from .schedule import StepSchedule
from .step import stream_step_in_place, take_step
from .tuning import Tuning

MODES = ("sequential", "stream")
REMEMBERED = 1000  # frames that `stats` looks back on
MAX_BATCH = 256


@dataclass(frozen=True, eq=False)
class LiveScene:
    """Prompts ready to be painted: what the denoiser made of them, and their noise (D, B, C, h, w), D draws
    for each picture. With `fresh`, every frame draws its own instead."""

    tensors: Scene
    noise: Tensor
    seed: int
    fresh: bool


@dataclass(frozen=True)
class Stats:
    """Of the last frames: how many; milliseconds from `step` until pixels were there, in the median and at
    the 99th percentile (0 before the first); frames per second of busy time."""

    frames: int
    p50: float
    p99: float
    rate: float


class RealtimeSampler:
    """Paints frame after frame of a scene.

    mode: "sequential" takes all S steps for each frame: what changes shows in the next one. "stream" has S
        frames under way, one at each noise level, and calls the network once for a frame (the stream batch of
        Kodaira et al. 2023): more frames where the device has room to spare, each S calls late.
    batch: pictures in a frame, each with a prompt and affect of its own.
    tuning: None is `Tuning.for_device`.

    Not for several threads at once. Raises InputError for what cannot be honoured.
    """

    def __init__(
        self,
        denoiser: LiveDenoiser,
        decoder: LiveDecoder,
        schedule: StepSchedule,
        mode: str = "sequential",
        batch: int = 1,
        tuning: Tuning | None = None,
    ):
        if mode not in MODES:
            raise InputError(f"mode {mode!r} is not one of {', '.join(MODES)}")
        if not isinstance(batch, int) or isinstance(batch, bool) or not 1 <= batch <= MAX_BATCH:
            raise InputError(f"batch must be a whole number in 1..{MAX_BATCH}, not {batch!r}")
        self.device, self._dtype = denoiser.device, denoiser.dtype
        self.tuning = tuning or Tuning.for_device(self.device)
        self.tuning.check(self.device)
        self.denoiser, self.decoder, self.mode, self.batch = denoiser, decoder, mode, batch
        self.schedule = schedule.to(self.device)
        self._numbers = schedule.to("cpu")  # read on the host without waiting for the device
        self._condition, self._draw, self._decode = denoiser.condition, denoiser.draw, decoder.__call__
        if self.tuning.compile:
            from .compiling import compiled

            self._condition, self._draw = (compiled(p, self.device) for p in (self._condition, self._draw))
            if not decoder.opaque:
                self._decode = compiled(self._decode, self.device)
        self._take_step, self._stream_step = take_step, stream_step_in_place
        if self.tuning.kernels:
            from emotive.sampling.kernels.fused_step import fused_step, fused_stream_step

            self._take_step, self._stream_step = fused_step, fused_stream_step
        shape = (batch, *denoiser.latent_shape)
        draws = len(schedule) if schedule.renoises else 1  # what the last step would add is nothing
        with torch.inference_mode():
            self._noise = torch.zeros(draws, *shape, device=self.device)
            self._under_way = torch.zeros(len(schedule), *shape, device=self.device)
        self._generator = torch.Generator(self.device)
        self._host_generator = torch.Generator()
        self._scene: dict[str, Tensor] = {}
        self._control: Tensor | None = None
        self._fresh = False
        self._conditioned = None  # while neither scene nor affect change
        self._captured: dict[bool, Callable[[], Tensor]] = {}
        self._output: Output | None = None
        self._began = False
        self._times: deque[tuple[float, float]] = deque(maxlen=REMEMBERED)

    # -- what is painted -------------------------------------------------------------------------------------

    def prepare(
        self,
        prompt: str | Sequence[str] = "",
        affect: Affect | str | Sequence[Affect | str] | None = None,
        *,
        seed: int = 0,
        fresh: bool = False,
    ) -> None:
        """Sets out on a prompt (or one for each picture) in an affect; None is neutral.

        seed: of the noise; picture b has seed + b. fresh: every frame has noise of its own, so that pictures
        change by themselves; otherwise only the affect moves them.
        """
        self.enter(self.scene(prompt, seed, fresh), affect)

    @torch.inference_mode()
    def scene(self, prompt: str | Sequence[str] = "", seed: int = 0, fresh: bool = False) -> LiveScene:
        """Prepares a prompt without painting it yet, for `enter`."""
        if not isinstance(prompt, (str, list, tuple)):
            raise InputError(f"a prompt is text, or one for each picture, not {type(prompt).__name__}")
        prompts = [prompt] * self.batch if isinstance(prompt, str) else list(prompt)
        if len(prompts) != self.batch:
            raise InputError(f"{len(prompts)} prompts for a batch of {self.batch}: give one, or one for each")
        if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < 2**63:
            raise InputError(f"the seed {seed!r} is not a whole number from 0 to 2**63 - 1")
        drawn = [self._drawn(seed + b) for b in range(self.batch)]
        return LiveScene(self.denoiser.scene(prompts), torch.stack(drawn, 1).to(self.device), seed, fresh)

    @torch.inference_mode()
    def enter(self, scene: LiveScene, affect: Affect | str | Sequence[Affect | str] | None = None) -> None:
        """Goes over to a prepared scene: a copy on the device; in a stream, S - 1 frames as well, which
        nobody sees, so that the next is finished."""
        control = self._control_of(affect)  # what is wrong with it is said before anything changes
        self._conditioned = None
        if not self._scene:
            self._scene = {name: tensor.clone() for name, tensor in scene.tensors.items()}
        for name, tensor in scene.tensors.items():
            self._scene[name].copy_(tensor)
        self._noise.copy_(scene.noise)
        self._fresh = scene.fresh
        self._generator.manual_seed(scene.seed)
        self._host_generator.manual_seed(scene.seed)
        self._send(control)
        if self.mode == "stream":  # every picture under way begins anew, as if it had just set out
            self._under_way.copy_(self.schedule.start * self._noise[:1])
            for _ in range(len(self.schedule) - 1):
                self._painted()

    @torch.inference_mode()
    def update(self, affect: Affect | str | Sequence[Affect | str] | None) -> None:
        """Goes on in another affect (or one for each picture), from the next frame on. Waits for nothing."""
        self._send(self._control_of(affect))

    def _control_of(self, affect: Affect | str | Sequence[Affect | str] | None) -> Tensor:
        one = affect is None or isinstance(affect, (str, Affect))
        given: Any = [affect] * self.batch if one else affect
        if not isinstance(given, (list, tuple)) or not all(
            each is None or isinstance(each, (str, Affect)) for each in given
        ):
            raise InputError("an affect is an Affect or text such as '0.5,-0.2'; or one for each picture")
        if len(given) != self.batch:
            raise InputError(f"{len(given)} affects for a batch of {self.batch}: give one, or one for each")
        return self.denoiser.control([Affect.neutral() if a is None else Affect.parse(a) for a in given])

    def _send(self, control: Tensor) -> None:
        if self._control is None:
            self._control = torch.zeros_like(control, device=self.device)
        if self.device.type == "cuda":
            control = control.pin_memory()  # or the copy would wait
        self._control.copy_(control, non_blocking=True)
        self._conditioned = None

    # -- painting --------------------------------------------------------------------------------------------

    @torch.inference_mode()
    def step(self) -> Frame:
        """The next frame. On a GPU it is under way when this returns; `Frame.pixels` waits for it."""
        if self._control is None or not self._scene:
            raise InputError("there is nothing to paint yet: call prepare first")
        began = time.perf_counter()
        pixels = self._painted()
        if self._output is None:
            self._output = Output(tuple(pixels.shape), self.device, self.tuning.pinned)
        return self._output.put(pixels, partial(self._note, began))

    def stream(self, n: int | None = None) -> Iterator[Frame]:
        """`n` frames, or frames for ever. On a GPU each is handed out while the next is painted."""
        before = None
        if n is not None and (isinstance(n, bool) or not isinstance(n, int)):
            raise InputError(f"a number of frames is whole, not {n!r}")
        for _ in count() if n is None else range(n):
            frame = self.step()
            if self.device.type != "cuda":
                yield frame
                continue
            if before is not None:
                yield before
            before = frame
        if before is not None:
            yield before

    def stats(self) -> Stats:
        """How fast the last frames came whose pixels were read."""
        if not self._times:
            return Stats(0, 0.0, 0.0, 0.0)
        began, ended = np.array(tuple(self._times)).T
        p50, p99 = np.percentile(1000 * (ended - began), (50, 99))
        # Time in which nobody asked for a frame does not count.
        busy = float(np.minimum(ended - began, np.diff(ended, prepend=began[0])).sum())
        return Stats(len(ended), float(p50), float(p99), len(ended) / busy if busy else 0.0)

    def reset_stats(self) -> None:
        """Forgets the times of frames so far."""
        self._times.clear()

    # -- what a frame is made of -----------------------------------------------------------------------------

    def _painted(self) -> Tensor:
        """Pixels of the next frame, uint8 (B, H, W, 3), on the device."""
        if self.denoiser.dtype != self._dtype or self.denoiser.device != self.device:
            raise InputError("the pipeline was moved: make a new sampler of it")
        if self.device.type != "cuda":
            return self._paint()
        with torch.cuda.device(self.device):  # where graphs are recorded and our kernels launched
            if self._began:
                return self._paint()
            from .graph import memory_for

            with memory_for(self.batch, self._painted_in):
                pixels = self._paint()
            self._began = True
            return pixels

    def _paint(self) -> Tensor:
        if self._fresh and not self.tuning.device_noise:
            self._noise.copy_(torch.randn(self._noise.shape, generator=self._host_generator))
        if not self.tuning.graph:
            if self._conditioned is None:
                self._conditioned = self._conditions()
            return self._frame(self._conditioned)
        if self._fresh not in self._captured:
            from .graph import captured

            self._captured[self._fresh] = captured(
                lambda: self._frame(self._conditions()),
                self._generator if self._fresh and self.tuning.device_noise else None,
                buffers=[self._noise, self._under_way],
            )
        return self._captured[self._fresh]()

    def _conditions(self) -> Sequence[Tensor]:
        assert self._control is not None
        return self._condition(self._scene, self._control)

    def _frame(self, condition: Sequence[Tensor]) -> Tensor:
        """Noise, steps, pixels: nothing here waits for the device or depends on values."""
        if self._fresh and self.tuning.device_noise:
            self._noise.normal_(generator=self._generator)
        paint = self._all_steps if self.mode == "sequential" else self._one_step_of_each
        assert self._control is not None
        return self._decode(paint(condition), self._control)

    def _denoise(self, x: Tensor, steps: range, condition: Sequence[Tensor]) -> Tensor:
        return self._draw(x, *rows_of(condition, steps, self.batch))

    def _all_steps(self, condition: Sequence[Tensor]) -> Tensor:
        s, x = self._numbers, self._noise[0]
        if s.start != 1:
            x = s.start * x
        for i in range(len(s)):
            scale = float(s.input_scale[i])
            out = self._denoise(x if scale == 1 else scale * x, range(i, i + 1), condition)
            renoise = s.renoises and i + 1 < len(s)
            x = self._take_step(x, out, self._noise[i + 1] if renoise else None, s, i)
        return x

    def _one_step_of_each(self, condition: Sequence[Tensor]) -> Tensor:
        s, x = self.schedule, self._under_way
        rows = (s.input_scale.view(-1, 1, 1, 1, 1) * x).flatten(0, 1)
        return self._stream_step(x, self._denoise(rows, range(len(s)), condition), self._noise, s)

    def _painted_in(self, batch: int) -> None:
        """Paints a frame in a smaller batch, plainly, to see whether it fits."""
        plain = replace(self.tuning, compile=False, graph=False, pinned=False)
        smaller = (self.denoiser, self.decoder, self._numbers, self.mode, batch, plain)
        sampler = RealtimeSampler(*smaller)
        sampler._began = True  # its own lack of memory is for the caller to see
        sampler.prepare()
        sampler._painted()

    def _drawn(self, seed: int) -> Tensor:
        """(D, C, h, w), on the CPU, as the pipelines draw it: a device changes a picture by rounding only."""
        shape = (len(self._noise), *self.denoiser.latent_shape)
        return torch.randn(shape, generator=torch.Generator().manual_seed(seed))

    def _note(self, began: float) -> None:
        self._times.append((began, time.perf_counter()))
