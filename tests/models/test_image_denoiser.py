"""The two image networks: what each input may and may not do to the picture, and what they cost."""

import pytest
import torch
from tiny import wake  # pyright: ignore[reportMissingImports]
from torch import nn
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from emotive.models.affect_embedding import AffectTokens
from emotive.models.image_decoder import ImageDecoder
from emotive.models.image_denoiser import ImageDenoiser
from emotive.models.text_encoder import TextFeatures

SIZES = dict(channels=(8, 16), dim=32, layers=2, heads=2, text_dim=24, affect_dim=8, affect_pooled_dim=16)
N = 4


def generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def random(*shape: int, seed: int) -> torch.Tensor:
    return torch.randn(shape, generator=generator(seed))


def new_denoiser(**sizes) -> ImageDenoiser:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return ImageDenoiser(**{**SIZES, **sizes})


@pytest.fixture(scope="module")
def denoiser() -> nn.Module:
    return wake(new_denoiser(few_steps=(1, 2)), generator(1))


@pytest.fixture(autouse=True)
def no_grad():
    with torch.no_grad():
        yield


def inputs(**changed) -> dict:
    """Random arguments of `forward` for N pictures; the last half of a step from sigma to sigma_next."""
    given = {
        "sample": random(N, 3, 64, 64, seed=2),
        "sigma": torch.tensor([1.0, 0.8, 0.5, 0.25]),
        "sigma_next": torch.tensor([0.5, 0.0, 0.25, 0.1]),
        "text": TextFeatures(random(N, 4, 24, seed=3), random(N, 24, seed=4)),
        "affect": AffectTokens(random(N, 4, 8, seed=5), random(N, 16, seed=6)),
        "without_affect": torch.zeros(N, dtype=torch.bool),
        "guidance": torch.tensor([[2.0, 1.5], [1.0, 1.0], [4.0, 3.0], [1.5, 2.5]]),
    }
    return {**given, **changed}


def distance(a: torch.Tensor, b: torch.Tensor) -> list[float]:
    """Largest difference, picture by picture."""
    return (a - b).abs().amax((1, 2, 3)).tolist()


def test_it_returns_a_finite_picture_of_the_same_size(denoiser):
    got = denoiser(**inputs())
    assert got.shape == (N, 3, 64, 64) and got.dtype == torch.float32 and got.isfinite().all()
    assert got.std() > 0.01


def test_other_sizes_are_data():
    small = wake(new_denoiser(sample_size=32), generator(1))
    assert small(**inputs(sample=random(N, 3, 32, 32, seed=2))).shape == (N, 3, 32, 32)


def test_it_starts_at_the_mean_picture():
    assert not new_denoiser().eval()(**inputs()).any()


def test_a_batch_is_its_pictures(denoiser):
    given = inputs()
    together = denoiser(**given)
    for i in range(N):
        one = {
            name: type(value)(*(part[i : i + 1] for part in value))  # pyright: ignore[reportCallIssue]
            if isinstance(value, tuple)
            else value[i : i + 1]
            for name, value in given.items()
        }
        torch.testing.assert_close(denoiser(**one)[0], together[i], atol=1e-5, rtol=0)


def test_plain_flow_does_not_see_the_guidance(denoiser):
    given = inputs(sigma_next=inputs()["sigma"])
    expected = denoiser(**given)
    for scale in (0.0, 1.0, 100.0):
        assert torch.equal(denoiser(**{**given, "guidance": torch.full((N, 2), scale)}), expected)


def test_a_step_heeds_both_guidance_scales(denoiser):
    given = inputs()
    expected = denoiser(**given)
    for axis in (0, 1):
        guidance = given["guidance"].clone()
        guidance[:, axis] += 0.5
        assert min(distance(denoiser(**{**given, "guidance": guidance}), expected)) > 1e-4


def test_a_step_heeds_where_it_ends(denoiser):
    given = inputs()
    nearer = denoiser(**{**given, "sigma_next": given["sigma_next"] + 0.1})
    plain = denoiser(**{**given, "sigma_next": given["sigma"]})
    got = denoiser(**given)
    assert min(distance(got, nearer)) > 1e-4 and min(distance(got, plain)) > 1e-4


def test_plain_flow_and_steps_can_share_a_batch(denoiser):
    given = inputs()
    given["sigma_next"][:2] = given["sigma"][:2]
    other = denoiser(**{**given, "guidance": given["guidance"] + 0.5})
    moved = distance(denoiser(**given), other)
    assert moved[:2] == [0.0, 0.0] and min(moved[2:]) > 1e-4


def test_an_untrained_step_is_plain_flow():
    # So the student starts as its teacher, whatever the guidance.
    fresh = new_denoiser()
    for name, parameter in fresh.named_parameters():
        if not name.startswith("step_embedding") and not parameter.any():
            nn.init.normal_(parameter, std=0.05, generator=generator(1))
    given = inputs()
    got = fresh(**given)
    assert got.any() and torch.equal(got, fresh(**{**given, "sigma_next": given["sigma"]}))


def test_the_null_stands_in_for_the_affect(denoiser):
    given = inputs(without_affect=torch.tensor([True, False, True, False]))
    other = AffectTokens(random(N, 4, 8, seed=7), random(N, 16, seed=8))
    moved = distance(denoiser(**given), denoiser(**{**given, "affect": other}))
    assert moved[0] == moved[2] == 0.0 and min(moved[1], moved[3]) > 1e-3
    # The null is no affect in particular: even one of zeros is another thing.
    zeros = AffectTokens(torch.zeros(N, 4, 8), torch.zeros(N, 16))
    moved = distance(denoiser(**given), denoiser(**{**inputs(), "affect": zeros}))
    assert min(moved) > 1e-3


@pytest.mark.parametrize("part", ["tokens", "pooled"])
@pytest.mark.parametrize("name", ["text", "affect"])
def test_both_parts_of_each_condition_matter(denoiser, name, part):
    given = inputs()
    shuffled = given[name]._replace(**{part: getattr(given[name], part).roll(1, 0)})
    assert min(distance(denoiser(**given), denoiser(**{**given, name: shuffled}))) > 1e-4


def test_noise_level_and_noise_matter(denoiser):
    given, expected = inputs(), denoiser(**inputs())
    sigma = given["sigma"] - 0.1
    assert min(distance(expected, denoiser(**{**given, "sigma": sigma}))) > 1e-4
    sample = given["sample"].flip(3)
    assert min(distance(expected, denoiser(**{**given, "sample": sample}))) > 1e-3


def test_every_cell_can_see_every_other(denoiser):
    """A change in one corner reaches the opposite one: composition is global."""
    given = inputs()
    sample = given["sample"].clone()
    sample[:, :, :8, :8] += 1.0
    difference = denoiser(**{**given, "sample": sample}) - denoiser(**given)
    assert difference[:, :, -8:, -8:].abs().amax((1, 2, 3)).min() > 1e-6


def test_bfloat16_is_close(denoiser):
    half = new_denoiser()
    half.load_state_dict(denoiser.state_dict())
    half.to(torch.bfloat16)  # pyright: ignore[reportArgumentType]
    given, low = inputs(), inputs()
    low["sample"] = low["sample"].bfloat16()
    low["text"] = TextFeatures(*(t.bfloat16() for t in low["text"]))
    expected, got = denoiser(**given), half(**low)
    assert got.dtype == torch.bfloat16
    assert (got.float() - expected).abs().mean() < 0.03 * expected.abs().mean()


def test_save_and_load(denoiser, tmp_path):
    denoiser.save_pretrained(tmp_path)
    loaded = ImageDenoiser.from_pretrained(tmp_path).eval()
    assert torch.equal(loaded(**inputs()), denoiser(**inputs()))
    assert tuple(loaded.config["few_steps"]) == (1, 2)
    assert tuple(loaded.config["guidance_limits"]) == (4.0, 3.0)


def flops(module: nn.Module, **given) -> int:
    with FlopCounterMode(display=False) as counter:
        module(**given)
    return counter.get_total_flops()


def test_the_shipped_denoiser_stays_within_its_budget():
    one = {
        "sample": torch.zeros(1, 3, 64, 64),
        "sigma": torch.ones(1),
        "sigma_next": torch.zeros(1),
        "text": TextFeatures(torch.zeros(1, 4, 256), torch.zeros(1, 256)),
        "affect": AffectTokens(torch.zeros(1, 4, 64), torch.zeros(1, 128)),
        "without_affect": torch.zeros(1, dtype=torch.bool),
        "guidance": torch.ones(1, 2),
    }
    assert 0.5e9 < flops(ImageDenoiser(), **one) <= 1.5e9  # measured 1.498e9


def test_the_shipped_decoder_stays_within_its_budget():
    assert 0.5e9 < flops(ImageDecoder(), sample=torch.zeros(1, 3, 64, 64)) <= 2.6e9  # measured 2.489e9


def test_the_decoder_starts_as_bilinear_enlargement():
    small = random(2, 3, 64, 64, seed=9)
    got = ImageDecoder().eval()(small)
    assert got.shape == (2, 3, 512, 512)
    assert torch.equal(got, F.interpolate(small, scale_factor=8, mode="bilinear"))
    # On a ramp: large pixel j lies over small pixel (j + 1/2) / 8 - 1/2, and the border is held.
    ramp = torch.arange(64.0).expand(1, 3, 64, 64)
    expected = ((torch.arange(512.0) + 0.5) / 8 - 0.5).clamp(0, 63).expand(1, 3, 512, 512)
    torch.testing.assert_close(ImageDecoder().eval()(ramp), expected)
    torch.testing.assert_close(ImageDecoder().eval()(ramp.mT), expected.mT)


def test_a_trained_decoder_draws_on_top_of_it():
    small = random(2, 3, 16, 16, seed=9)
    decoder = wake(ImageDecoder(channels=(8, 8, 8)), generator(1))
    got = decoder(small)
    assert got.shape == (2, 3, 128, 128)
    assert (got - F.interpolate(small, scale_factor=8, mode="bilinear")).abs().mean() > 1e-2
    torch.testing.assert_close(decoder(small[1:]), got[1:], atol=1e-5, rtol=0)


def test_the_decoder_is_local():
    # It is trained on crops and used on whole pictures: far away it may not look.
    decoder = wake(ImageDecoder(channels=(8, 8, 8)), generator(1))
    small = random(1, 3, 32, 32, seed=9)
    changed = small.clone()
    changed[:, :, :4] += 1.0
    difference = (decoder(small) - decoder(changed)).abs().amax((0, 1, 3))
    assert difference[:32].min() > 0 and not difference[16 * 8 :].any()
