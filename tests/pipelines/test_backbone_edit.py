"""Editing on every backbone: without affect the picture comes back; img2img is the family's own."""

from typing import Any

import numpy as np
import pytest
import torch
from diffusers.pipelines.auto_pipeline import AutoPipelineForImage2Image
from diffusers.schedulers.scheduling_dpmsolver_multistep import DPMSolverMultistepScheduler
from diffusers.schedulers.scheduling_edm_euler import EDMEulerScheduler
from PIL import Image
from tiny_backbones import TINY, tiny_backbone

from emotive.affect import Affect
from emotive.errors import InputError
from emotive.pipelines.backbone_edit import edit_with_backbone, steps_taken, working_size
from emotive.pipelines.backbone_inversion import InversionPath, encoded, inversion_path
from emotive.pipelines.image_edit import preserved
from emotive.pipelines.with_affect import with_affect

PLEASANT = Affect(0.9, 0)
CALL: dict[str, Any] = {"prompt": "a house", "num_inference_steps": 4, "strength": 0.6, "side": 19}
INVERTIBLE = [family for family in TINY if family != "lcm"]


@pytest.fixture(scope="module")
def pipes() -> dict[str, Any]:
    return {family: with_affect(tiny_backbone(family), "blend") for family in TINY}


@pytest.fixture(scope="module")
def picture() -> Image.Image:
    y, x = np.mgrid[0:16, 0:24] / 16
    return Image.fromarray((255 * np.stack([x / 2, y, 1 - x / 2], 2).clip(0, 1)).astype(np.uint8))


def pixels(image: Image.Image) -> np.ndarray:
    return np.asarray(image, np.int64)


def noise(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def options(family: str) -> dict[str, Any]:
    return CALL | ({"max_sequence_length": 64} if family in ("sd3", "flux") else {})


@pytest.mark.parametrize("family", TINY)
def test_without_affect_img2img_is_the_familys_own_and_affect_moves_it(pipes, picture, family: str):
    pipe = pipes[family]
    own: Any = AutoPipelineForImage2Image.from_pipe(tiny_backbone(family))
    own.set_progress_bar_config(disable=True)
    call = options(family)
    del call["side"]
    if family in ("sd3", "flux"):
        call |= {"width": 24, "height": 16}
    plain = own(image=picture, generator=noise(), **call).images[0]
    still = edit_with_backbone(
        pipe, picture, PLEASANT, affect_strength=0, generator=noise(), **options(family)
    )
    assert np.array_equal(pixels(still.images[0]), pixels(plain))
    felt = [
        edit_with_backbone(pipe, picture, PLEASANT, generator=noise(), **options(family)) for _ in range(2)
    ]
    assert np.array_equal(pixels(felt[0].images[0]), pixels(felt[1].images[0]))
    assert not np.array_equal(pixels(felt[0].images[0]), pixels(plain))
    assert felt[0].preserved["structure"] == preserved(picture, felt[0].images[0])["structure"]
    assert felt[0].affects == [PLEASANT] and felt[0].provenance is None


@pytest.mark.parametrize("family", INVERTIBLE)
def test_inversion_without_affect_gives_back_what_the_autoencoder_does(pipes, picture, family: str):
    """At a guidance scale at which plain DDIM inversion loses the picture."""
    pipe = pipes[family]
    latents = encoded(pipe, picture) / pipe.vae.config.scaling_factor
    with torch.no_grad():
        decoded = pipe.vae.decode(latents + (pipe.vae.config.get("shift_factor") or 0.0)).sample
    there_and_back = pipe.image_processor.postprocess(decoded, output_type="pil")[0]
    call = options(family) | {"inversion": True, "guidance_scale": 7.0}
    still = edit_with_backbone(pipe, picture, PLEASANT, affect_strength=0, **call)
    assert np.abs(pixels(still.images[0]) - pixels(there_and_back)).max() <= 1
    felt = edit_with_backbone(pipe, picture, PLEASANT, **call)
    assert np.abs(pixels(felt.images[0]) - pixels(still.images[0])).max() > 1


@pytest.mark.parametrize("family", ["sd", "sd2", "flux"])
def test_the_pipeline_stays_as_it_was(pipes, picture, family: str):
    pipe = pipes[family]
    size = {"height": 16, "width": 16, "num_inference_steps": 3}

    def painted() -> np.ndarray:
        return pixels(pipe("a house", generator=noise(), **size).images[0])

    before, scheduler, config = painted(), pipe.scheduler, dict(pipe.config)
    for inversion in (False, True):
        edit_with_backbone(pipe, picture, PLEASANT, generator=noise(), inversion=inversion, **options(family))
    assert pipe.scheduler is scheduler and dict(pipe.config) == config
    assert np.array_equal(painted(), before)


@pytest.mark.parametrize("predicts", ["epsilon", "v_prediction", "sample", "flow_prediction"])
def test_a_path_of_true_predictions_leads_to_the_noise_and_back(predicts: str):
    """If the denoiser knew the straight path between this picture and this noise, every level is on it."""
    flow = predicts == "flow_prediction"
    s = torch.linspace(0, 0.9, 5)
    a = 1 - s if flow else (1 - s**2).sqrt()
    path = InversionPath({}, torch.arange(1, 5), a, s, predicts)
    clean, eps = torch.randn(2, 1, 4, 8, 8, generator=noise())

    def told(level: int) -> torch.Tensor:
        v = a[level] * eps - s[level] * clean
        return {"epsilon": eps, "v_prediction": v, "sample": clean, "flow_prediction": eps - clean}[predicts]

    if predicts != "sample":  # says nothing of the noise at the picture itself
        x = path.start("up", clean)
        path.set_timesteps(4)
        for i, t in enumerate(path.timesteps):
            x = path.step(told(i), t, x)[0]
        assert torch.allclose(x, a[4] * clean + s[4] * eps, atol=1e-5)
    path.points = [a[i] * clean + s[i] * eps for i in range(5)]
    for walk in ("replay", "down"):
        x = path.start(walk)
        path.set_timesteps(4)
        for i, t in enumerate(path.timesteps):
            x = path.step(told(4 - i), t, x)[0]
        assert torch.allclose(x, clean, atol=1e-5)
    assert max(float(c.abs().max()) for c in path.corrections) < 1e-5  # nothing to correct


def test_the_path_of_a_family_is_its_own_scheduler(pipes):
    for family in ("sd3", "flux"):
        path = inversion_path(pipes[family], 8, 8, 64)
        assert float(path.noise[-1]) == 1 and float(path.noise[0]) == 0
        assert (path.noise.diff() > 0).all()
        assert torch.allclose(path._times, 1000 * path.noise[1:])
    path = inversion_path(pipes["sd"], 10, 5, 64)
    assert path._times.tolist() == [99, 199, 299, 399, 499]
    assert torch.allclose(path.signal[1:] ** 2, pipes["sd"].scheduler.alphas_cumprod[path._times])
    assert torch.allclose(path.signal**2 + path.noise**2, torch.ones(6))
    other = tiny_backbone("sd")
    other.scheduler = DPMSolverMultistepScheduler.from_config(other.scheduler.config)
    assert torch.allclose(inversion_path(other, 10, 5, 64).signal, path.signal)


def test_a_picture_of_any_size_comes_back_at_its_size(pipes):
    for size in ((7, 50), (61, 33), (16, 16)):
        source = Image.fromarray(np.random.default_rng(0).integers(0, 255, (*size[::-1], 3), np.uint8))
        call = {"num_inference_steps": 2, "strength": 0.5, "generator": noise()}
        assert edit_with_backbone(pipes["sd"], source, PLEASANT, **call).images[0].size == size


def test_the_working_size_has_the_shape_of_the_picture_and_the_area_of_the_model(pipes):
    for family in TINY:
        side = 256 if family == "flux" else 16
        width, height = working_size(pipes[family], (4000, 3000), 256)
        assert abs(width / height - 4 / 3) < 0.05 and abs(width * height / 256**2 - 1) < 0.05
        assert width % 8 == height % 8 == 0
        assert working_size(pipes[family], (512, 512)) == (side, side)
    with pytest.raises(InputError, match="8:1"):
        working_size(pipes["sd"], (900, 100))
    with pytest.raises(InputError, match="side"):
        working_size(pipes["sd"], (90, 100), 4)


def test_at_least_one_step_is_taken():
    assert [steps_taken(*each) for each in ((1, 1.0), (2, 0.5), (50, 0.3), (4, 0.74))] == [1, 1, 15, 2]
    with pytest.raises(InputError, match=r"raise strength to 0\.25 or steps to 5$"):
        steps_taken(4, 0.2)
    with pytest.raises(InputError, match=r"raise strength to 0\.334 "):
        steps_taken(3, 0.33)
    assert steps_taken(3, 0.334) == 1
    for steps, strength, says in ((0, 0.5, "steps"), (4, 0.0, "strength"), (4, float("nan"), "strength")):
        with pytest.raises(InputError, match=says):
            steps_taken(steps, strength)


def test_what_cannot_be_edited_is_one_line(pipes, picture):
    plain = tiny_backbone("sd")
    odd = with_affect(tiny_backbone("sd"), "blend")
    odd.scheduler = EDMEulerScheduler()
    cases: list[tuple[Any, dict[str, Any], str]] = [
        (plain, {}, "with_affect"),
        (pipes["lcm"], {"inversion": True}, "consistency"),
        (odd, {"inversion": True}, "EDMEuler"),
        (pipes["sd"], {"image": "missing.png"}, "does not exist"),
        (pipes["sd"], {"affect": "joyy"}, "joy"),
        (pipes["sd"], {"affect_strength": 11}, "affect_strength"),
        (pipes["sd"], {"affect_guidance_scale": -1}, "affect_guidance_scale"),
        (pipes["sd"], {"texture": 1.0}, "texture"),
        (pipes["sd3"], {"height": 64}, "height"),
        (pipes["sd"], {"num_inference_steps": 1}, "less than one step"),
    ]
    for pipe, changed, says in cases:
        call = CALL | {"image": picture, "affect": "joy"} | changed
        with pytest.raises(InputError, match=says) as caught:
            edit_with_backbone(pipe, **call)
        assert "\n" not in str(caught.value)
