"""The mapper: nothing until it is trained, linear in strength, one text encoder, the same from its folder."""

import functools
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from tiny_backbones import TINY, size_of, tiny_backbone
from torch import Tensor

from emotive.backbones.adapter import PromptEmbeds, Prompts, moved
from emotive.backbones.mapper import PROBE, AffectMapper
from emotive.backbones.saving import open_adapter
from emotive.errors import InputError, WeightsError
from emotive.models.affect_mapper import SIZES, AffectMapperNetwork, size_for
from emotive.pipelines.with_affect import plain_embeds, with_affect

NAN = float("nan")
POINTS = torch.tensor([[0.7, -0.4, NAN], [-0.5, 0.8, 0.3]])


def encoder(family: str, seed: int = 0):
    return functools.partial(plain_embeds, tiny_backbone(family, seed))


def stirred(mapper: AffectMapper) -> AffectMapper:
    """With random numbers where training would have put others: it then adds something everywhere."""
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for parameter in mapper.network.parameters():
            parameter.add_(0.2 * torch.randn(parameter.shape, generator=generator))
    return mapper


def prompts(encode, *texts: str) -> Prompts:
    return Prompts(encode(texts), texts, encode)


def picture(pipe, family: str, **kwargs):
    kwargs |= {"num_inference_steps": 2, "output_type": "np", "generator": torch.Generator().manual_seed(1)}
    return pipe("a cat by the sea", **kwargs, **size_of(family)).images


@pytest.mark.parametrize("family", TINY)
def test_every_family(family: str):
    """Untrained, the picture is the plain one bit for bit; with weights, another, and affect decides
    which."""
    pipe = tiny_backbone(family)
    mapper = AffectMapper.untrained(functools.partial(plain_embeds, pipe))
    plain = picture(pipe, family)
    with_affect(pipe, mapper)
    assert (picture(pipe, family, affect="sad") == plain).all()
    stirred(mapper)
    sad, happy = (picture(pipe, family, affect=name) for name in ("sad", "happy"))
    assert abs(sad - plain).max() > 1e-3 and abs(sad - happy).max() > 1e-3
    assert (picture(pipe, family, affect="sad", affect_strength=0) == plain).all()


@pytest.mark.parametrize("family", ["sd", "sdxl", "sd3", "flux"])
def test_strength_is_linear_and_what_precedes_the_words_stays(family: str):
    encode = encoder(family)
    mapper, asked = stirred(AffectMapper.untrained(encode)), prompts(encode, "a cat", "a house at night")
    base = asked.embeds

    def added(strength: float) -> tuple[Tensor, Tensor | None]:
        (part,) = mapper(asked, POINTS, strength)
        assert torch.equal(part.weight, torch.ones(2)) and torch.equal(part.embeds.content, base.content)
        if base.pooled is None or part.embeds.pooled is None:
            return part.embeds.tokens - base.tokens, None
        return part.embeds.tokens - base.tokens, part.embeds.pooled - base.pooled

    one, pooled = added(1.0)
    double, pooled_double = added(2.0)
    torch.testing.assert_close(double, 2 * one, atol=2e-5, rtol=1e-4)
    where = moved(base.content)
    assert (one[~where] == 0).all() and (one[where].abs().amax(-1) > 0).all()
    # Stable Diffusion and its kin begin with a start token; FLUX's T5 begins with a word.
    assert where[:, 0].any() == (family == "flux") and where[:, 1:].all()
    if pooled is not None and pooled_double is not None:
        assert (pooled != 0).any()
        torch.testing.assert_close(pooled_double, 2 * pooled, atol=2e-5, rtol=1e-4)
    assert (pooled is None) == (family == "sd")


def test_rows_do_not_know_of_each_other():
    encode = encoder("sdxl")
    mapper, both = stirred(AffectMapper.untrained(encode)), encode(["a cat", ""])
    together = mapper.residuals(both, POINTS)
    for i in (0, 1):
        row = PromptEmbeds(*(t[i : i + 1] for t in (both.tokens, both.pooled, both.content)))  # type: ignore[index]
        for alone, among in zip(mapper.residuals(row, POINTS[i : i + 1]), together, strict=True):
            torch.testing.assert_close(alone[0], among[i], atol=1e-5, rtol=1e-4)  # type: ignore[index]


def test_dominance_unset_is_not_dominance_zero():
    encode = encoder("sd")
    mapper, embeds = stirred(AffectMapper.untrained(encode)), encode(["a cat"])
    unset, none, high = (mapper.residuals(embeds, torch.tensor([[0.5, 0.2, d]]))[0] for d in (NAN, 0.0, 0.9))
    assert unset.isfinite().all() and not torch.equal(unset, none) and not torch.equal(none, high)


def test_it_answers_in_the_dtype_of_the_backbone():
    encode = encoder("sdxl")
    mapper, plain = stirred(AffectMapper.untrained(encode)), encode(["a cat"])
    half = replace(plain, tokens=plain.tokens.bfloat16(), pooled=plain.pooled.bfloat16())  # type: ignore[union-attr]
    (part,) = mapper(Prompts(half, None, encode), POINTS[:1], 1.0)
    assert part.embeds.tokens.dtype == part.embeds.pooled.dtype == torch.bfloat16  # type: ignore[union-attr]
    (full,) = mapper(Prompts(plain, None, encode), POINTS[:1], 1.0)
    torch.testing.assert_close(part.embeds.tokens.float(), full.embeds.tokens, atol=0.05, rtol=0.05)


@pytest.mark.parametrize("family", ["sd", "sdxl"])
def test_from_its_folder_it_is_the_same(family: str, tmp_path: Path):
    encode = encoder(family)
    mapper = stirred(AffectMapper.untrained(encode, seed=3))
    mapper.card = "# What is known of it\n"
    folder = mapper.save(tmp_path / "mapper")
    again = AffectMapper.load(folder)
    assert again.fingerprint() == mapper.fingerprint() and again.card == mapper.card
    assert again.fingerprint() != AffectMapper.untrained(encode, seed=3).fingerprint()
    asked = prompts(encode, "a cat", "two dogs")
    for one, other in zip(mapper(asked, POINTS, 1.5), again(asked, POINTS, 1.5), strict=True):
        assert torch.equal(one.embeds.tokens, other.embeds.tokens)
        if one.embeds.pooled is not None and other.embeds.pooled is not None:
            assert torch.equal(one.embeds.pooled, other.embeds.pooled)
    assert isinstance(open_adapter(folder, encode), AffectMapper)
    assert (folder / "README.md").read_text() == "# What is known of it\n"


def test_a_damaged_folder_is_refused(tmp_path: Path):
    folder = AffectMapper.untrained(encoder("sd")).save(tmp_path / "mapper")
    (folder / "SHA256SUMS").unlink()
    text = (folder / "config.json").read_text()
    (folder / "config.json").write_text(text.replace('"depth": 2', '"depth": 3'))
    with pytest.raises(WeightsError, match="does not hold an affect adapter") as error:
        AffectMapper.load(folder)
    assert "\n" not in str(error.value)


def test_it_belongs_to_one_text_encoder():
    mapper = AffectMapper.untrained(encoder("sd"))
    stranger, wider = encoder("sd", seed=1), encoder("sdxl")
    with pytest.raises(WeightsError, match=r"width 16 .*not 32"):
        mapper(prompts(wider, "a cat"), POINTS[:1], 1.0)
    with pytest.raises(WeightsError, match="another text encoder"):
        mapper(prompts(stranger, "a cat"), POINTS[:1], 1.0)
    pipe = tiny_backbone("sd")
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():  # a fine-tune
        for parameter in pipe.text_encoder.parameters():
            parameter.mul_(1 + 0.02 * torch.randn(parameter.shape, generator=generator))
    tuned = functools.partial(plain_embeds, pipe)
    assert not torch.equal(tuned([PROBE]).tokens, encoder("sd")([PROBE]).tokens)
    assert len(mapper(prompts(tuned, "a cat"), POINTS[:1], 1.0)) == 1


def test_it_belongs_to_one_affect_embedding():
    network = AffectMapper.untrained(encoder("sd")).network
    network.register_to_config(affect_sha256="0" * 64)
    with pytest.raises(WeightsError, match="affect embedding 000000000000, not"):
        AffectMapper(network, {})


def test_longer_sequences_than_it_knows():
    encode = encoder("sd")
    mapper, embeds = AffectMapper.untrained(encode, max_tokens=40), encode(["a cat"])
    with pytest.raises(InputError, match="up to 40 tokens, not 77"):
        mapper(Prompts(embeds, None, encode), POINTS[:1], 1.0)
    short = PromptEmbeds(embeds.tokens[:, :40], None, embeds.content[:, :40])
    assert mapper(Prompts(short, None, encode), POINTS[:1], 1.0)[0].embeds.tokens.shape == (1, 40, 16)


def test_sizes():
    """The parameters that the table of sizes and the docs name, in millions."""
    counts = {}
    embeds = {"sd": (768, 0, 77), "sd2": (1024, 0, 77), "sdxl": (2048, 1280, 77), "sd3": (4096, 2048, 333)}
    for name, (d, p, k) in {**embeds, "flux": (4096, 768, 512)}.items():
        with torch.device("meta"):
            network = AffectMapperNetwork(d, p, k, **size_for(d))  # type: ignore[arg-type]
        counts[name] = round(sum(t.numel() for t in network.parameters()) / 1e6, 1)
    assert counts == {"sd": 6.6, "sd2": 6.7, "sdxl": 14.8, "sd3": 21.8, "flux": 20.6}
    assert set(SIZES) == {768, 1024, 2048, 4096}
