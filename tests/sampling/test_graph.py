"""Frames on their way out, and frames recorded as a CUDA graph; what needs a GPU is skipped without one."""

import threading

import numpy as np
import pytest
import torch
from torch import Tensor

from emotive.errors import EmotiveError, InputError
from emotive.sampling.realtime.compiling import CPU_OPTIONS, CUDA_OPTIONS, check_compiler, compiled
from emotive.sampling.realtime.graph import captured, largest_batch, memory_for
from emotive.sampling.realtime.output import Output

SHAPE = (2, 8, 6, 3)
CPU = torch.device("cpu")
on_a_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")


def picture(number: int, device: torch.device | str = CPU) -> Tensor:
    drawn = torch.randint(256, SHAPE, generator=torch.Generator().manual_seed(number), dtype=torch.uint8)
    return drawn.to(device)


def test_frames_on_the_cpu_stay_as_they_were():
    output, buffer, frames = Output(SHAPE, CPU, pinned=False), torch.empty(SHAPE, dtype=torch.uint8), []
    for number in range(5):
        frames.append(output.put(buffer.copy_(picture(number))))
    for number, frame in enumerate(frames):
        assert frame.number == number and frame.ready
        np.testing.assert_array_equal(frame.pixels(), picture(number).numpy())
        np.testing.assert_array_equal(frame.copy(), picture(number).numpy())
        assert frame.copy().flags.writeable and not frame.pixels().flags.writeable


def test_who_paints_is_told_once_that_a_frame_is_there():
    told: list[int] = []
    frame = Output(SHAPE, CPU, pinned=False).put(picture(0), lambda: told.append(1))
    assert told == [1]  # on the CPU it is there at once
    frame.pixels()
    frame.copy()
    assert told == [1]


def test_output_refuses_what_it_cannot_take():
    output = Output(SHAPE, CPU, pinned=False)
    with pytest.raises(InputError, match=r"takes uint8 \(2, 8, 6, 3\), not uint8 \(8, 6, 3\)"):
        output.put(picture(0)[0])
    with pytest.raises(InputError, match="not float32"):
        output.put(picture(0).float())
    with pytest.raises(InputError, match="pinned output needs a CUDA device, and this is cpu"):
        Output(SHAPE, CPU, pinned=True)


def test_the_largest_batch_that_fits_is_found_by_trying():
    for room in range(9):
        tried: list[int] = []

        def trial(batch: int, room: int = room, tried: list[int] = tried) -> None:
            tried.append(batch)
            if batch > room:
                raise torch.OutOfMemoryError("CUDA out of memory")

        assert largest_batch(7, trial) == min(room, 7)
        assert len(tried) <= 3

        def paint(trial=trial) -> None:
            with memory_for(8, trial):
                trial(8)

        if room == 0:
            with pytest.raises(EmotiveError, match="out of GPU memory at batch 8, and at 1 too") as caught:
                paint()
            assert "\n" not in str(caught.value)
        elif room < 8:
            with pytest.raises(EmotiveError, match=rf"^out of GPU memory at batch 8: batch {room} fits$"):
                paint()
        else:
            paint()


def test_other_errors_pass_through():
    with pytest.raises(KeyError, match="mine"), memory_for(4, lambda batch: pytest.fail("nothing to try")):
        raise KeyError("mine")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_without_a_gpu_there_is_one_clear_line():
    with pytest.raises(InputError, match="a CUDA graph needs a CUDA device, and there is none here"):
        captured(lambda: torch.zeros(1))
    with pytest.raises(InputError, match=r"^torch.compile needs triton and a GPU.*switch compile off$"):
        check_compiler(torch.device("cuda"))


def test_without_a_compiler_there_is_one_clear_line(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CXX", raising=False)
    with pytest.raises(
        InputError, match=r"needs a C\+\+ compiler, and there is no g\+\+ or clang\+\+: install"
    ):
        compiled(torch.sin, CPU)
    monkeypatch.setenv("CXX", "my-own-compiler")
    with pytest.raises(InputError, match=r"needs a C\+\+ compiler, and 'my-own-compiler' is not found"):
        compiled(torch.sin, CPU)
    with pytest.raises(InputError, match=r"torch\.compile is not used on mps"):
        compiled(torch.sin, torch.device("mps"))


def test_what_cannot_be_compiled_whole_is_an_error():
    check_or_skip()

    def choosy(x: Tensor) -> Tensor:
        return x + 1 if x.sum() > 0 else x - 1

    from torch._dynamo.exc import Unsupported

    with pytest.raises(Unsupported):
        compiled(choosy, CPU)(torch.ones(3))


@pytest.mark.parametrize("options", [CPU_OPTIONS, CUDA_OPTIONS])
def test_torch_knows_the_options(options):
    torch.compile(
        torch.sin, options=options
    )  # compiles nothing yet; a name or type that it lacks is an error


def check_or_skip() -> None:
    try:
        check_compiler(CPU)
    except InputError as error:
        pytest.skip(str(error))


# -- on a GPU
# ----------------------------------------------------------------------------------------------------


class Painter:
    """A tiny network whose frame has everything that a sampler's has: noise, a condition, and a state that is
    carried on."""

    def __init__(self, seed: int = 0):
        torch.manual_seed(0)
        self.network = torch.nn.Conv2d(3, 3, 3, padding=1).cuda().eval()
        self.noise = torch.zeros(1, 3, 16, 16, device="cuda")
        self.carried = torch.zeros_like(self.noise)
        self.condition = torch.ones(1, 3, 1, 1, device="cuda")
        self.generator = torch.Generator("cuda").manual_seed(seed)

    @torch.inference_mode()
    def frame(self) -> Tensor:
        self.noise.normal_(generator=self.generator)
        self.carried.mul_(0.5).add_(self.network(self.noise) * self.condition)
        return self.carried.mul(40).add(128).clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1).contiguous()


@on_a_gpu
def test_replay_equals_eager():
    eager, recorded = Painter(), Painter()
    replay = captured(recorded.frame, recorded.generator, buffers=[recorded.carried])
    for number in range(6):
        if number == 3:  # a change of condition needs no new graph, and buffers stay where they are
            at = recorded.condition.data_ptr(), replay.output.data_ptr()
            for painter in (eager, recorded):
                painter.condition.copy_(torch.tensor([2.0, -1.0, 0.5]).view(1, 3, 1, 1))
        expected = eager.frame()
        answer = replay()
        # A convolution may be another algorithm in a graph: one step of 256 at most.
        assert (answer.int() - expected.int()).abs().max() <= 1
    assert at == (recorded.condition.data_ptr(), replay().data_ptr())


@on_a_gpu
def test_fixed_seeds_repeat():
    painter = Painter()
    replay = captured(painter.frame, painter.generator, buffers=[painter.carried])
    runs = []
    for seed in (7, 7, 8):
        painter.carried.zero_()
        painter.generator.manual_seed(seed)
        runs.append(torch.stack([replay().clone() for _ in range(4)]))
    assert torch.equal(runs[0], runs[1]) and not torch.equal(runs[0], runs[2])
    assert not torch.equal(runs[0][1], runs[0][2])  # every frame has noise of its own


@on_a_gpu
def test_a_frame_waits_for_nothing_and_allocates_nothing():
    painter = Painter()
    replay = captured(painter.frame, painter.generator, buffers=[painter.carried])
    output = Output(tuple(replay.output.shape), torch.device("cuda"), pinned=True)
    for _ in range(3):
        output.put(replay()).pixels()
    before = torch.cuda.memory_stats()["allocation.all.allocated"]
    torch.cuda.set_sync_debug_mode("error")
    try:
        for _ in range(20):
            output.put(replay())
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert torch.cuda.memory_stats()["allocation.all.allocated"] == before


@on_a_gpu
def test_pinned_frames_are_valid_until_two_more_are_painted():
    output, static = Output(SHAPE, torch.device("cuda"), pinned=True), picture(0, "cuda")
    frames = [output.put(static)]
    for number in range(1, 40):
        static.copy_(picture(number, "cuda"))
        frames.append(output.put(static))
        if number % 3:  # also with several copies under way
            continue
        for back in (1, 2):
            if number >= back - 1:
                at = number + 1 - back
                np.testing.assert_array_equal(frames[at].pixels(), picture(at).numpy())
                np.testing.assert_array_equal(frames[at].copy(), picture(at).numpy())
    with pytest.raises(InputError, match=r"frame 37 is gone: read it before 2 more are painted"):
        frames[37].pixels()
    with pytest.raises(InputError, match="frame 37 is gone"):
        frames[37].copy()


@on_a_gpu
def test_a_copy_in_another_thread_is_never_torn():
    """Each frame is of one value: half of another in it would show."""
    output = Output((1, 512, 512, 3), torch.device("cuda"), pinned=True)
    static = torch.zeros(1, 512, 512, 3, dtype=torch.uint8, device="cuda")
    latest, over, torn = [output.put(static)], threading.Event(), []

    def read() -> None:
        while not over.is_set():
            try:
                seen = latest[0].copy()
            except InputError:  # painted over before the reading began
                continue
            torn.append(int(seen.min()) != int(seen.max()))

    reader = threading.Thread(target=read)
    reader.start()
    for number in range(300):
        static.fill_(number % 256)
        latest[0] = output.put(static)
    over.set()
    reader.join()
    assert torn and not any(torn)
