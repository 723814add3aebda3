"""Jobs: order and seeds of pictures, grids and curves; a picture comes out alone as it does among others."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny import tiny_image_pipeline

from emotive.affect import Affect, AffectCurve
from emotive.batch import ImageJob, curve_frames, image_jobs, run_image_jobs, valence_arousal_grid
from emotive.errors import InputError
from emotive.media.provenance import Provenance


@given(st.integers(1, 21), st.integers(1, 21))
def test_grids_are_in_reading_order(rows: int, columns: int):
    grid = np.array([(a.valence, a.arousal) for a in valence_arousal_grid(rows, columns)])
    grid = grid.reshape(rows, columns, 2)
    assert np.allclose(grid[..., 0], np.linspace(-1, 1, columns) if columns > 1 else 0)
    assert np.allclose(grid[..., 1], np.linspace(1, -1, rows)[:, None] if rows > 1 else 0)


@pytest.mark.parametrize(("rows", "columns"), [(0, 5), (5, 0), (22, 1), (1, 22), (-1, 3)])
def test_grids_have_sensible_sides(rows: int, columns: int):
    with pytest.raises(InputError, match="grid"):
        valence_arousal_grid(rows, columns)


def test_frames_follow_the_clock():
    curve = AffectCurve([(0, Affect(-1, 0)), (2, Affect(1, 0))])
    frames = curve_frames(curve, 10)
    assert [round(f.valence, 6) for f in frames] == [round(-1 + i / 10, 6) for i in range(20)]
    assert curve_frames(AffectCurve.constant("joy"), 30) == [Affect.parse("joy")]
    for fps in (0, -1, 121, float("nan"), float("inf")):
        with pytest.raises(InputError, match="frames per second"):
            curve_frames(curve, fps)
    with pytest.raises(InputError, match="more than 1800 frames"):
        curve_frames(AffectCurve([(0, "joy"), (1e300, "joy")]), 30)


@pytest.mark.parametrize(
    "wrong",
    [
        {"seed": -1},
        {"seed": 2**63},
        {"num_inference_steps": 0},
        {"num_inference_steps": 1001},
        {"guidance_scale": float("nan")},
        {"affect_guidance_scale": -1.0},
        {"affect_strength": float("inf")},
    ],
)
def test_jobs_refuse_what_makes_no_sense(wrong):
    with pytest.raises(InputError):
        ImageJob(**wrong)


def test_files_count_the_seed_up_and_cells_share_it():
    plan = Provenance(prompt="a house", seed=5, model="m", affect=Affect.parse("joy"), num_inference_steps=2)
    assert [(job.seed, job.affect) for job in image_jobs(plan, 3)] == [(s, plan.affect) for s in (5, 6, 7)]
    cells = tuple(valence_arousal_grid(2, 3))
    sheet = Provenance(prompt="a house", seed=5, model="m", grid=(2, 3), cells=cells)
    assert [(job.seed, job.affect) for job in image_jobs(sheet)] == [(5, cell) for cell in cells]
    curve = AffectCurve([(0, "joy"), (1, "fear")])
    film = Provenance(prompt="a house", seed=5, model="m", curve=curve, fps=4.0)
    assert [(job.seed, job.affect) for job in image_jobs(film)] == [(5, curve.at(t / 4)) for t in range(4)]


def test_a_picture_is_the_same_alone_and_in_any_company():
    pipe = tiny_image_pipeline(seed=0)
    pipe.set_progress_bar_config(disable=True)
    jobs = [ImageJob("a house", Affect.parse("joy"), seed, num_inference_steps=2) for seed in range(5)]
    jobs.insert(2, ImageJob("", Affect.parse("fear"), 9, num_inference_steps=1))  # splits the batches
    alone = list(run_image_jobs(pipe, jobs))
    assert [job for job, _ in alone] == jobs
    (only,) = run_image_jobs(pipe, jobs[4:5])
    assert only[1].tobytes() == alone[4][1].tobytes()
    assert len({image.tobytes() for _, image in alone}) == len(jobs)
    for size in (2, 16):
        together = list(run_image_jobs(pipe, iter(jobs), batch_size=size))
        assert [job for job, _ in together] == jobs
        for (_, one), (_, many) in zip(alone, together, strict=True):
            assert np.abs(np.asarray(one, np.int16) - np.asarray(many, np.int16)).max() <= 2


def test_pictures_are_made_as_they_are_asked_for(tmp_path: Path):
    calls = []

    class Counting:
        def __call__(self, prompt, **_):
            calls.append(len(prompt))
            return type("Output", (), {"images": prompt})()

    pictures = run_image_jobs(Counting(), [ImageJob(seed=i) for i in range(5)], batch_size=2)  # type: ignore
    assert calls == []
    next(pictures)
    assert calls == [2]
    assert len(list(pictures)) == 4 and calls == [2, 2, 1]
