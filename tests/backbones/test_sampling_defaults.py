"""What models like, told by their names, schedulers and denoisers; and the sizes that they can paint."""

import pytest
from tiny_backbones import tiny_backbone

from emotive.backbones.sampling_defaults import check_size, sampling_defaults
from emotive.errors import InputError


@pytest.mark.parametrize(
    ("name", "family", "steps", "guidance"),
    [
        ("stable-diffusion-v1-5", "sd", 50, 7.5),
        ("sd-turbo", "sd2", 1, 0.0),
        ("sdxl-turbo", "sdxl", 1, 0.0),
        ("sd_xl_turbo_1.0_fp16", "sdxl", 1, 0.0),
        ("DreamShaperXL_v21TurboDPMSDE", "sdxl", 4, 0.0),
        ("SDXL-Lightning-8step", "sdxl", 8, 0.0),
        ("turbo/stable-diffusion-xl-base-1.0", "sdxl", 50, 5.0),
        ("lcm-dreamshaper", "lcm", 4, 8.5),
        ("stable-diffusion-3.5-large-turbo", "sd3", 4, 0.0),
        ("FLUX.1-dev", "flux", 28, 3.5),
        ("FLUX.1-schnell", "flux", 4, 0.0),
    ],
)
def test_how_models_like_to_be_sampled(name: str, family: str, steps: int, guidance: float):
    pipe = tiny_backbone(family)
    pipe.register_to_config(_name_or_path=f"/models/{name}")
    assert sampling_defaults(pipe)[:2] == (steps, guidance)


def test_the_scheduler_and_the_denoiser_tell_it_too():
    pipe, few = tiny_backbone("sd"), tiny_backbone("lcm")
    pipe.scheduler = few.scheduler
    assert sampling_defaults(pipe)[:2] == (4, 1.0)
    flux = tiny_backbone("flux")
    flux.transformer.register_to_config(guidance_embeds=False)
    assert sampling_defaults(flux) == (4, 0.0, (256, 256))  # 128 latents of 2 px here, of 8 in the real one


@pytest.mark.parametrize(
    ("family", "bad", "nearest"),
    [
        ("sd", (20, 16), "nearest is 16x16"),
        ("sdxl", (0, 24), "nearest is 8x24"),
        ("sd3", (18, 16), "nearest is 16x16"),
        ("sd3", (80, 16), "nearest is 64x16"),  # it knows 16 places of 4 px a side
        ("flux", (30, 16), "nearest is 32x16"),
        ("flux", (16, 99999), "nearest is 16x8192"),
    ],
)
def test_sizes(family: str, bad: tuple[int, int], nearest: str):
    pipe = tiny_backbone(family)
    check_size(pipe, 16, 32)
    with pytest.raises(InputError, match=nearest):
        check_size(pipe, *bad)
    legal = nearest.split()[-1].split("x")
    check_size(pipe, int(legal[0]), int(legal[1]))
