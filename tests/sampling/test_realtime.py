"""The real-time sampler over our own model: the same pictures as the pipeline, whatever makes it fast."""

import copy
import time
import weakref
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from tiny import tiny_image_pipeline  # pyright: ignore[reportMissingImports]

from emotive.affect import Affect
from emotive.errors import EmotiveError, InputError
from emotive.models.blocks import rotary_grid
from emotive.models.image_decoder import ImageDecoder
from emotive.pipelines.realtime import realtime
from emotive.sampling.flow import euler_step, flow_sigmas, velocity
from emotive.sampling.realtime.denoiser import rows_of
from emotive.sampling.realtime.graph import memory_for
from emotive.sampling.realtime.pixel import PixelDecoder
from emotive.sampling.realtime.schedule import StepSchedule
from emotive.sampling.realtime.step import stream_step, take_step
from emotive.sampling.realtime.tuning import Tuning

HOUSE, BOAT = "a house in a meadow", "a boat at sea"


@pytest.fixture(scope="module")
def pipe():
    return tiny_image_pipeline()


def pictures(pipe, prompt: str, affect: str, steps: int, seed: int) -> np.ndarray:
    generator = torch.Generator().manual_seed(seed)
    return np.array(pipe(prompt, affect, num_inference_steps=steps, generator=generator).images[0])


@torch.no_grad()
def latents(sampler) -> torch.Tensor:
    """What the next frame decodes."""
    sampler._decode = lambda x, control: x.clone()
    return sampler._painted()


@pytest.mark.parametrize("steps", [1, 2, 4])
def test_frames_are_the_pictures_of_the_pipeline(pipe, steps):
    sampler = realtime(pipe, steps=steps)
    sampler.prepare(HOUSE, "joy", seed=3)
    frame = sampler.step().pixels()
    assert frame.shape == (1, 512, 512, 3) and frame.dtype == np.uint8
    assert np.abs(frame[0].astype(int) - pictures(pipe, HOUSE, "joy", steps, 3)).max() <= 1


def test_an_update_shows_in_the_next_frame_and_copies_over_what_is_there(pipe):
    sampler = realtime(pipe, steps=2)
    sampler.prepare(HOUSE, "joy", seed=3)
    control: Any = sampler._control
    before, address = sampler.step().pixels(), control.data_ptr()
    assert np.array_equal(sampler.step().pixels(), before)
    sampler.update("sadness")
    after = sampler.step().pixels()
    assert sampler._control is control and control.data_ptr() == address
    assert np.abs(after[0].astype(int) - pictures(pipe, HOUSE, "sadness", 2, 3)).max() <= 1
    assert not np.array_equal(after, before)


def test_a_batch_is_its_pictures_one_by_one(pipe):
    sampler = realtime(pipe, steps=2, batch=2)
    sampler.prepare([HOUSE, BOAT], ["joy", "0.2,-0.9"], seed=5)
    both = sampler.step().pixels()
    for b, (prompt, affect) in enumerate([(HOUSE, "joy"), (BOAT, "0.2,-0.9")]):
        assert np.abs(both[b].astype(int) - pictures(pipe, prompt, affect, 2, 5 + b)).max() <= 1


@pytest.mark.parametrize("steps", [1, 2, 4])
def test_the_stream_batch_paints_what_the_sequential_way_paints(pipe, steps):
    frames = []
    for mode in ("sequential", "stream"):
        sampler = realtime(pipe, steps=steps, mode=mode, batch=2)
        sampler.prepare(HOUSE, ["joy", "fear"], seed=1)
        frames.append([sampler.step().pixels() for _ in range(steps + 1)])
    for sequential, streamed in zip(*frames, strict=True):
        assert np.abs(sequential.astype(int) - streamed).max() <= 1


def test_in_a_stream_an_affect_changes_what_is_under_way(pipe):
    sampler = realtime(pipe, steps=4, mode="stream")
    sampler.prepare(HOUSE, "joy", seed=1)
    first = sampler.step().pixels()
    sampler.update("sadness")
    later = [sampler.step().pixels() for _ in range(5)]
    assert not np.array_equal(later[0], first)
    assert np.array_equal(later[3], later[4])  # by then all four steps were taken in the new affect
    assert np.abs(later[4][0].astype(int) - pictures(pipe, HOUSE, "sadness", 4, 1)).max() <= 1


def test_hoisting_changes_nothing(pipe):
    found = []
    for hoist in (True, False):
        sampler = realtime(pipe, steps=2, tuning=Tuning(hoist=hoist))
        sampler.prepare(BOAT, "0.5,0.5", seed=2)
        found.append(latents(sampler))
    torch.testing.assert_close(*found, atol=1e-5, rtol=1e-5)  # rows of a batch may be summed in another order


def test_fresh_noise_moves_the_picture_and_a_seed_repeats_it(pipe):
    runs = []
    for device_noise in (True, True, False):
        sampler = realtime(pipe, steps=1, tuning=Tuning(device_noise=device_noise))
        sampler.prepare(HOUSE, "joy", seed=9, fresh=True)
        runs.append([sampler.step().pixels() for _ in range(3)])
    for frames in runs:
        assert not np.array_equal(frames[0], frames[1]) and not np.array_equal(frames[1], frames[2])
    assert all(np.array_equal(a, b) for a, b in zip(runs[0], runs[1], strict=True))


def test_scenes_take_turns(pipe):
    sampler = realtime(pipe, steps=2)
    house, boat = sampler.scene(HOUSE, seed=1), sampler.scene(BOAT, seed=2)
    seen = {}
    for scene, affect in [(house, "joy"), (boat, "fear")] * 2:
        sampler.enter(scene, affect)
        pixels = sampler.step().pixels()
        assert np.array_equal(seen.setdefault(scene.seed, pixels), pixels)
    assert not np.array_equal(seen[1], seen[2])


def test_frames_stay_as_they_were_painted(pipe):
    sampler = realtime(pipe, steps=1)
    sampler.prepare(HOUSE, "joy")
    frame = sampler.step()
    before = frame.pixels().copy()
    sampler.update("sadness")
    sampler.step()
    assert np.array_equal(frame.pixels(), before)


def test_stats_count_frames_and_their_time(pipe):
    sampler = realtime(pipe, steps=1)
    assert sampler.stats().frames == 0
    sampler.prepare(HOUSE, "joy")
    began = time.perf_counter()
    assert len(list(sampler.stream(4))) == 4
    spent = time.perf_counter() - began
    stats = sampler.stats()
    assert stats.frames == 4 and 0 < stats.p50 <= stats.p99 <= 1000 * spent
    assert stats.rate >= 4 / spent
    sampler.reset_stats()
    assert sampler.stats().frames == 0


def test_one_pass_finishes_a_picture_as_many_do():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = ImageDecoder(channels=(8, 8, 8))
        torch.nn.init.normal_(network.out.weight, std=0.1)
        small = torch.randn(2, 3, 64, 64)
    decode, control = PixelDecoder(network, 1.5, 512), torch.tensor([[0.0, 0.7], [0.3, -0.8]])
    with torch.no_grad():
        quick = decode(small, control)
        plain = decode._in_torch(small.clamp(-1, 1), control[:, 1])
    assert quick.shape == plain.shape == (2, 512, 512, 3)
    difference = (quick.int() - plain.int()).abs()
    assert (
        difference.max() <= 1 and difference.float().mean() < 0.01
    )  # one rounds where the other is at .4999


@pytest.mark.parametrize("steps", [1, 4])
def test_flow_as_numbers_is_euler_s_method(steps):
    schedule, sigmas = StepSchedule.flow(steps, 2.0), flow_sigmas(steps, 2.0)
    x = torch.randn(2, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    mine = theirs = x
    for i in range(steps):
        clean = torch.tanh(theirs * (i + 1))
        s, t = sigmas[i].expand(2), sigmas[i + 1].expand(2)
        theirs = euler_step(theirs, velocity(theirs, clean, s), s, t)
        mine = take_step(mine, torch.tanh(mine * (i + 1)), None, schedule, i)
    torch.testing.assert_close(mine, theirs, atol=1e-6, rtol=1e-5)


def test_a_stream_step_moves_every_row_on():
    schedule = replace(StepSchedule.flow(3, 1.0), start=2.0, next_noise=torch.tensor([0.5, 0.25, 0.0]))
    draw = torch.Generator().manual_seed(0)
    x, out, noise = (torch.randn(3, 2, 1, 4, 4, generator=draw) for _ in range(3))
    start = torch.randn(2, 1, 4, 4, generator=draw)
    done, following = stream_step(x, out, noise, start, schedule)
    rows = [take_step(x[i], out[i], noise[i], schedule, i) for i in range(3)]
    torch.testing.assert_close(done, rows[2])
    torch.testing.assert_close(following, torch.stack([2.0 * start, rows[0], rows[1]]))


BAD = {
    "mode": dict(mode="sideways"),
    "batch": dict(batch=0),
    "steps": dict(steps=3),
    "guidance_scale": dict(guidance_scale=9.0),
    "does not take": dict(anchors=3),
    "graph needs a CUDA device": dict(tuning=Tuning(graph=True)),
    "leave attention, channels_last and kernels": dict(tuning=Tuning(attention="math")),
}


@pytest.mark.parametrize("says", BAD)
def test_what_cannot_be_honoured_is_said_in_a_line(pipe, says):
    with pytest.raises(InputError, match=says) as error:
        realtime(pipe, **BAD[says])
    assert "\n" not in str(error.value)


def test_bad_requests_leave_the_sampler_painting(pipe):
    with pytest.raises(InputError, match="attention 'guess'"):
        Tuning(attention="guess")
    sampler = realtime(pipe, steps=1)
    with pytest.raises(InputError, match="call prepare first"):
        sampler.step()
    sampler.prepare(HOUSE, "joy")
    before = sampler.step().pixels()
    for bad in ("nan,0", "3,0", "elation-ish"):
        with pytest.raises(InputError):
            sampler.update(bad)
    with pytest.raises(InputError, match="2 affects for a batch of 1"):
        sampler.update([Affect(0, 0), Affect(1, 1)])
    with pytest.raises(InputError, match="2 prompts for a batch of 1"):
        sampler.prepare([HOUSE, BOAT])
    with pytest.raises(InputError, match="seed"):
        sampler.prepare(HOUSE, seed=-1)
    with pytest.raises(InputError, match="draw"):
        sampler.prepare("zebra quantum")
    assert np.array_equal(sampler.step().pixels(), before)


def test_an_affect_that_cannot_be_read_leaves_the_scene_as_it_was(pipe):
    sampler = realtime(pipe, steps=1)
    sampler.prepare(HOUSE, "joy", seed=1)
    before = sampler.step().pixels()
    with pytest.raises(InputError):
        sampler.enter(sampler.scene(BOAT, seed=2), "elation-ish")
    assert np.array_equal(sampler.step().pixels(), before)


def test_small_models_paint_small_pictures(pipe):
    small = copy.deepcopy(pipe)
    small.denoiser.register_to_config(sample_size=32)
    small.denoiser.position = torch.nn.Parameter(small.denoiser.position[:16])
    side = small.denoiser.cos.shape[1]
    small.denoiser.cos, small.denoiser.sin = rotary_grid(4, 2 * side)
    sampler = realtime(small, steps=1)
    sampler.prepare(HOUSE, "joy", seed=3)
    frame = sampler.step().pixels()
    assert frame.shape == (1, 256, 256, 3)
    assert np.abs(frame[0].astype(int) - pictures(small, HOUSE, "joy", 1, 3)).max() <= 1


def test_where_memory_runs_out_the_batch_that_fits_is_named():
    held = []

    def paint(batch: int) -> None:
        tensors = torch.zeros(batch)
        held.append(weakref.ref(tensors))
        if sum(ref() is not None for ref in held) > 1 or batch > 5:
            raise torch.OutOfMemoryError("no room")

    with pytest.raises(EmotiveError, match="out of GPU memory at batch 16: batch 5 fits"):
        with memory_for(16, paint):
            paint(16)


def test_our_networks_compile_whole(pipe):
    """Traced without a break, as on a GPU; what is made of it there is not looked at."""
    sampler: Any = realtime(pipe, steps=2)
    sampler.prepare(HOUSE, "joy", seed=3)
    whole: Any = {"fullgraph": True, "dynamic": False, "backend": "eager"}
    with torch.inference_mode():
        condition = torch.compile(sampler._condition, **whole)(sampler._scene, sampler._control)
        rows = rows_of(condition, range(1), 1)
        drawn = torch.compile(sampler._draw, **whole)(sampler._noise[0], *rows)
        pixels = torch.compile(sampler.decoder._in_torch, **whole)(drawn.clamp(-1, 1), sampler._control[:, 1])
        plain = sampler.denoiser.draw(sampler._noise[0], *rows)
    torch.testing.assert_close(drawn, plain)
    assert pixels.dtype == torch.uint8 and pixels.shape == (1, 512, 512, 3)
