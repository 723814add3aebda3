"""The real-time sampler on a GPU: as it comes it paints what plain code paints, and never waits."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from diffusers.schedulers.scheduling_euler_discrete import EulerDiscreteScheduler
from tiny import tiny_image_pipeline  # pyright: ignore[reportMissingImports]
from tiny_backbones import tiny_backbone  # pyright: ignore[reportMissingImports]

from emotive.pipelines.realtime import realtime
from emotive.pipelines.with_affect import with_affect
from emotive.sampling.realtime.sampler import RealtimeSampler
from emotive.sampling.realtime.tuning import Tuning

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
PLAIN = Tuning(channels_last=True, hoist=False, compile=False, graph=False, pinned=False)
QUICK = Tuning(compile=False, graph=True, pinned=True)
HOUSE, BOAT = "a house in a meadow", "a boat at sea"


def sampler_of(kind: str, tuning: Tuning, mode: str = "sequential") -> RealtimeSampler:
    if kind == "own":
        return realtime(tiny_image_pipeline().to("cuda"), steps=2, mode=mode, tuning=tuning)
    pipe: Any = tiny_backbone(kind).to("cuda")
    pipe.scheduler = EulerDiscreteScheduler.from_config(pipe.scheduler.config, timestep_spacing="trailing")
    pipe = with_affect(pipe, "directions")
    return realtime(pipe, steps=2, mode=mode, tuning=tuning, guidance_scale=0, size=(16, 16))


def frames(sampler: RealtimeSampler, fresh: bool) -> np.ndarray:
    """Six frames, the affect moving at each, and a new scene half way."""
    seen = []
    for i, (prompt, seed) in enumerate([(HOUSE, 1), (BOAT, 2)]):
        sampler.prepare(prompt, "joy", seed=seed, fresh=fresh)
        for j in range(3):
            seen.append(sampler.step().copy())
            sampler.update(f"{0.3 * j - 0.5 * i},0.4")
    return np.concatenate(seen).astype(int)


@pytest.mark.parametrize("mode", ["sequential", "stream"])
@pytest.mark.parametrize("fresh", [False, True])
@pytest.mark.parametrize("kind", ["own", "sd", "sdxl"])
def test_graph_and_pinned_output_change_nothing(kind, fresh, mode):
    plain, quick = (frames(sampler_of(kind, tuning, mode), fresh) for tuning in (PLAIN, QUICK))
    assert np.abs(plain - quick).max() <= 2


@pytest.mark.parametrize("kind", ["own", "sd"])
def test_as_it_comes_it_paints_the_same(kind):
    usual = Tuning.for_device("cuda")
    assert usual == replace(QUICK, compile=True)
    plain, quick = (frames(sampler_of(kind, tuning), False) for tuning in (PLAIN, usual))
    assert np.abs(plain - quick).mean() <= 1


@pytest.mark.parametrize("mode", ["sequential", "stream"])
@pytest.mark.parametrize("kind", ["own", "sd", "sdxl"])
def test_steps_and_updates_wait_for_nothing(kind, mode):
    sampler = sampler_of(kind, QUICK, mode)
    sampler.prepare(HOUSE, "joy", fresh=True)
    sampler.step().pixels()
    torch.cuda.synchronize()
    torch.cuda.set_sync_debug_mode("error")
    try:
        for i in range(20):
            sampler.step()
            sampler.update(f"{i / 20},0.1")
    finally:
        torch.cuda.set_sync_debug_mode("default")


def test_another_scene_and_affect_need_no_new_recording():
    sampler = sampler_of("own", QUICK)
    house, boat = sampler.scene(HOUSE, 1), sampler.scene(BOAT, 2)
    seen = {}
    for scene, affect in [(house, "joy"), (boat, "fear")] * 3:
        sampler.enter(scene, affect)
        pixels = sampler.step().copy()
        assert np.array_equal(seen.setdefault(scene.seed, pixels), pixels)
    assert len(sampler._captured) == 1 and not np.array_equal(seen[1], seen[2])
