"""Directions: what is planted in an encoder is found, axes do not leak, only what says the prompt moves."""

import functools
import zlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny_backbones import size_of, tiny_backbone
from torch import Tensor
from torch.nn import functional as F

from emotive.affect import emotion
from emotive.backbones.adapter import PromptEmbeds, Prompts
from emotive.backbones.directions import PROBE, AffectDirections, mood_basis, part_starts
from emotive.backbones.phrases import FRAMES, WORDS, phrases
from emotive.backbones.regression import agreement, by_term, held_out, regressed
from emotive.backbones.saving import open_adapter
from emotive.errors import InputError, WeightsError
from emotive.pipelines.with_affect import plain_embeds, with_affect

WIDTH = 64
POINTS = {word: i for i, words in enumerate(WORDS.values()) for word in words}


def vector(word: str, width: int = WIDTH) -> Tensor:
    return torch.randn(width, generator=torch.Generator().manual_seed(zlib.crc32(word.encode())))


def planted(axes: Tensor, idiosyncrasy: float = 0.3, pooled: Tensor | None = None, parts: int = 1):
    """An encoder, one vector a word, in which an emotion word is its point on `axes` (3, D) and a meaning of
    its own, `idiosyncrasy` times as long as that of another word; a token before, padding behind."""
    points, length = phrases().points, 24

    def encode(texts: Sequence[str]) -> PromptEmbeds:
        tokens = vector("<pad>").repeat(len(texts), length * parts, 1)
        content = torch.zeros(len(texts), length * parts, dtype=torch.bool)
        means = torch.zeros(len(texts), 0 if pooled is None else pooled.shape[1])
        for i, text in enumerate(texts):
            for j, word in enumerate(text.replace(",", " ").split()):
                own = vector(word) * (idiosyncrasy if word in POINTS else 1)
                felt = points[POINTS[word]] if word in POINTS else torch.zeros(3)
                for part in range(parts):
                    tokens[i, length * part + 1 + j] = own + (-1) ** part * felt @ axes
                    content[i, length * part + 1 + j] = True
                if pooled is not None:
                    means[i] += vector(word, pooled.shape[1]) * (word not in POINTS) + felt @ pooled
        return PromptEmbeds(tokens, None if pooled is None else means, content)

    return encode


def correlated_axes(width: int = WIDTH) -> Tensor:
    axes = torch.randn(3, width, generator=torch.Generator().manual_seed(0))
    axes[2] += 0.5 * axes[0]  # dominance resembles valence in the embeds too
    return axes


def asked(encode, *texts: str) -> Prompts:
    return Prompts(encode(texts), texts, encode)


def moved(adapter: AffectDirections, prompts: Prompts, *point: float, strength: float = 1.0) -> PromptEmbeds:
    points = torch.tensor([point] * len(prompts.embeds.tokens))
    (part,) = adapter(prompts, points, strength)
    assert (part.weight == 1).all()
    return part.embeds


@functools.cache
def fitted(family: str) -> tuple[Any, Any, AffectDirections]:
    pipe = tiny_backbone(family)

    @functools.cache
    def once(texts: tuple[str, ...]) -> PromptEmbeds:
        return plain_embeds(pipe, texts)

    def encode(texts: Sequence[str]) -> PromptEmbeds:
        return once(tuple(texts))

    return pipe, encode, AffectDirections.fit(encode)


def test_every_word_means_its_term():
    for term, words in WORDS.items():
        assert words and all(emotion(word).term == term for word in words)
    said = phrases()
    assert len(said.texts) == len(set(said.texts)) == len(said.term) == len(FRAMES) * len(POINTS)
    assert said.points.shape == (len(WORDS), 3) and said.points.abs().max() <= 1
    word = next(i for i, text in enumerate(said.texts) if "furious" in text)
    assert said.points[said.term[word]].tolist() == pytest.approx(
        [emotion("furious").valence, emotion("furious").arousal, emotion("furious").dominance]
    )


def test_planted_directions_are_found_and_do_not_leak():
    axes, pooled = correlated_axes(), correlated_axes(40).roll(1, 0)
    adapter = AffectDirections.fit(planted(axes, pooled=pooled))
    assert adapter.pooled is not None and adapter.starts == (1,)
    for found, true in ((adapter.tokens[0, 0], axes), (adapter.pooled, pooled)):
        assert F.cosine_similarity(found, true).min() > 0.98
        read = found @ torch.linalg.pinv(true)  # what the encoder itself means by a step along each axis
        read = read / read.diag()[:, None]
        assert (read - torch.eye(3)).abs().max() < 0.05
    assert min(adapter.figures["ccc"].values()) > 0.95
    assert max(adapter.figures["r2"].values()) <= 1


def test_where_there_is_no_affect_none_is_read():
    said, read = phrases(), []
    for seed in range(20):
        noise = torch.randn(len(said.points), 64, generator=torch.Generator().manual_seed(seed))
        found = agreement(held_out(noise, said.points), said.points)
        read.append(list(found["ccc"].values()))
        assert max(found["r2"].values()) < 0.25
    assert torch.tensor(read).mean(0).abs().max() < 0.1


def test_the_reader_is_unbiased_and_its_axes_do_not_leak():
    said = phrases()
    noise = torch.randn(len(said.points), 200, generator=torch.Generator().manual_seed(1))
    fit = regressed(said.points @ correlated_axes(200) + 3 * noise, said.points)
    assert torch.allclose(fit.weights @ fit.reader, torch.eye(3).double(), atol=1e-9)
    left = said.points.double() @ fit.weights + fit.intercept
    assert torch.allclose((left - fit.intercept) @ fit.reader, said.points.double(), atol=1e-9)
    # Aitken's: no other unbiased reader of the same noise errs less.
    other = torch.linalg.pinv(fit.weights)
    fresh = 3 * torch.randn(500, 200, generator=torch.Generator().manual_seed(2)).double()
    assert (fresh @ other).square().mean() <= 1.05 * (fresh @ fit.reader).square().mean()
    assert fit.error.diag().min() > 0


def test_the_reader_discounts_what_varies_without_affect():
    """Noise along one direction that an axis shares: the reader turns away from it."""
    said = phrases()
    axes = correlated_axes(100)
    generator = torch.Generator().manual_seed(3)
    nuisance = axes[1] / axes[1].norm() + vector("nuisance", 100) / 10
    noise = 20 * torch.randn(len(said.points), 1, generator=generator) * nuisance
    noise = noise + 0.5 * torch.randn(len(said.points), 100, generator=generator)
    fit = regressed(said.points @ axes + noise, said.points)
    naive = torch.linalg.pinv(fit.weights)
    assert (nuisance.double() @ fit.reader).norm() < 0.2 * (nuisance.double() @ naive).norm()


def test_where_strong_words_stand_it_moves_as_far_as_they_do():
    said, encode = phrases(), planted(correlated_axes(), 0.0)
    adapter = AffectDirections.fit(encode)
    means = torch.stack(
        [e[c].mean(0) for e, c in ((encode([t]).tokens[0], encode([t]).content[0]) for t in said.texts)]
    )
    x = by_term(means, said.term)
    strong = said.points.norm(dim=1) >= said.points.norm(dim=1).median()
    neutral = torch.linalg.lstsq(torch.cat([torch.ones(len(x), 1), said.points], 1), x).solution[0]
    step = (x - neutral)[strong].norm(dim=1).mean() / said.points[strong, :2].norm(dim=1).mean()
    assert torch.allclose(adapter.tokens[0, 0].norm(dim=1), step.expand(3), rtol=1e-3)


def test_parts_of_a_sequence_have_their_own_directions():
    encode = planted(correlated_axes(), parts=2)
    adapter = AffectDirections.fit(encode)
    assert adapter.starts == (1, 25) and adapter.tokens.shape == (2, 2, 3, WIDTH)
    assert torch.allclose(
        adapter.tokens[0, 0] @ correlated_axes().T,
        -adapter.tokens[1, 0] @ correlated_axes().T,
        rtol=0.2,
        atol=2,
    )
    prompts = asked(encode, "a house")
    offset = moved(adapter, prompts, 1.0, 0.0, 0.0).tokens - prompts.embeds.tokens
    assert torch.allclose(offset[0, 1], adapter.tokens[0, 0, 0], atol=1e-5)
    assert torch.allclose(offset[0, 25], adapter.tokens[1, 0, 0], atol=1e-5)


@pytest.mark.parametrize("family", ["sd", "sd2", "sdxl", "sd3", "flux"])
def test_every_family_is_moved_behind_its_first_token_and_not_there(family: str):
    pipe, encode, adapter = fitted(family)
    prompts = asked(encode, "a red house", "")
    plain, felt = prompts.embeds, moved(adapter, prompts, -0.5, 0.8, 0.1)
    assert adapter.tokens.shape == (2 if family == "sd3" else 1, 2, 3, plain.tokens.shape[-1])
    start = adapter.starts[0]
    assert torch.equal(felt.tokens[:, :start], plain.tokens[:, :start])
    offset, point = felt.tokens - plain.tokens, torch.tensor([-0.5, 0.8, 0.1])
    end = adapter.starts[1] if family == "sd3" else offset.shape[1]
    for row, said, tokens in (
        (0, plain.content[0, start:end], adapter.tokens[0]),
        (1, None, adapter.tokens[0]),
    ):
        inside = torch.zeros(end - start, dtype=torch.bool) if said is None else said
        expected = torch.where(inside[:, None], point @ tokens[0], point @ tokens[1])
        assert torch.allclose(offset[row, start:end], expected, atol=1e-5)
    timid = moved(replace(adapter, content_only=True), prompts, -0.5, 0.8, 0.1).tokens
    assert torch.equal(timid[0][plain.content[0]], felt.tokens[0][plain.content[0]])
    assert torch.equal(timid[0][~plain.content[0]], plain.tokens[0][~plain.content[0]])
    assert torch.equal(timid[1, 1:], felt.tokens[1, 1:])
    assert (
        plain.content[1, 1:].all() and not plain.content[1, 0]
    )  # the empty prompt: everything but the first
    assert (felt.pooled is None) == (plain.pooled is None) == (adapter.pooled is None)
    if felt.pooled is not None and plain.pooled is not None and adapter.pooled is not None:
        expected = torch.tensor([-0.5, 0.8, 0.1]) @ adapter.pooled
        assert torch.allclose(felt.pooled - plain.pooled, expected.expand_as(felt.pooled), atol=1e-5)
    with_affect(pipe, adapter)
    options = {"num_inference_steps": 1, "output_type": "latent", **size_of(family)}
    seeded = [torch.Generator().manual_seed(0) for _ in range(2)]
    neutral = pipe("a red house", generator=seeded[0], **options).images
    assert not torch.equal(pipe("a red house", affect="joy", generator=seeded[1], **options).images, neutral)


def test_stable_diffusion_3_without_its_t5_leaves_the_zeros_in_its_place():
    pipe = tiny_backbone("sd3")
    pipe.text_encoder_3 = pipe.tokenizer_3 = None
    encode = functools.partial(plain_embeds, pipe)
    adapter = AffectDirections.fit(encode)
    assert adapter.starts == (1,)
    prompts = asked(encode, "")
    felt = moved(adapter, prompts, 1.0, 0.0, 0.0).tokens
    assert not felt[:, 77:].any() and not torch.equal(felt, prompts.embeds.tokens)


def test_offsets_are_linear_in_the_point_and_in_the_strength():
    encode = planted(correlated_axes())
    adapter = AffectDirections.fit(encode)
    prompts = asked(encode, "a red house")
    base = prompts.embeds.tokens
    offset = functools.partial(lambda *p, **k: moved(adapter, prompts, *p, **k).tokens - base)
    assert torch.allclose(offset(0.4, -0.2, 0.6, strength=2.5), 2.5 * offset(0.4, -0.2, 0.6), atol=1e-4)
    alone = [offset(0.4, 0.0, 0.0), offset(0.0, -0.2, 0.0), offset(0.0, 0.0, 0.6)]
    assert torch.allclose(offset(0.4, -0.2, 0.6), alone[0] + alone[1] + alone[2], atol=1e-5)
    assert torch.equal(moved(adapter, prompts, 0.0, 0.0, 0.0).tokens, base)
    unset = moved(adapter, prompts, 0.4, -0.2, float("nan"))
    assert torch.equal(unset.tokens, moved(adapter, prompts, 0.4, -0.2, 0.0).tokens)


@pytest.mark.parametrize("family", ["sdxl", "flux"])
def test_a_batch_is_its_rows(family: str):
    _, encode, adapter = fitted(family)
    texts, points = (
        ("a cat", "a red house", ""),
        torch.tensor([[0.9, 0.1, float("nan")], [-0.3, 0.7, 0.2], [0, -1, 0]]),
    )
    (batch,) = adapter(asked(encode, *texts), points, 1.5)
    whole = asked(encode, *texts).embeds
    for i in range(3):
        row = PromptEmbeds(whole.tokens[i : i + 1], whole.pooled[i : i + 1], whole.content[i : i + 1])  # type: ignore[index]
        (single,) = adapter(Prompts(row, texts[i : i + 1], encode), points[i : i + 1], 1.5)
        assert torch.equal(single.embeds.tokens[0], batch.embeds.tokens[i])
        assert torch.equal(single.embeds.pooled[0], batch.embeds.pooled[i])  # type: ignore[index]


def test_fitting_twice_gives_the_same_numbers():
    one, two = (AffectDirections.fit(planted(correlated_axes()), batch) for batch in (32, 7))
    assert torch.equal(one.tokens, two.tokens) and one.fingerprint() == two.fingerprint()
    other = AffectDirections.fit(planted(correlated_axes() + 0.1))
    assert len(one.fingerprint()) == 64 and other.fingerprint() != one.fingerprint()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_kept(dtype: torch.dtype):
    encode = planted(correlated_axes())
    adapter = AffectDirections.fit(encode)
    prompts = asked(encode, "a red house")
    half = replace(prompts.embeds, tokens=prompts.embeds.tokens.to(dtype))
    felt = moved(adapter, replace(prompts, embeds=half), 1.0, -1.0, 0.0).tokens
    assert felt.dtype == dtype and adapter.tokens.dtype == torch.float32
    full = moved(adapter, prompts, 1.0, -1.0, 0.0).tokens
    assert torch.allclose(felt.float(), full, atol=0.05)
    assert torch.equal(felt[:, 0], half.tokens[:, 0])


@pytest.mark.parametrize("family", ["sd", "sdxl", "sd3"])
def test_saved_and_opened_it_is_the_same(family: str, tmp_path: Path):
    _, encode, adapter = fitted(family)
    folder = adapter.save(tmp_path / "directions")
    back: Any = open_adapter(folder, encode)
    assert torch.equal(back.tokens, adapter.tokens) and back.starts == adapter.starts
    assert adapter.pooled is None or torch.equal(back.pooled, adapter.pooled)
    assert back.fingerprint() == adapter.fingerprint() and back.figures == adapter.figures
    prompts = asked(encode, "a red house")
    assert torch.equal(
        moved(back, prompts, 0.3, 0.4, 0.5).tokens, moved(adapter, prompts, 0.3, 0.4, 0.5).tokens
    )
    card = (folder / "README.md").read_text("utf-8")
    assert f"{adapter.figures['ccc']['arousal']:.2f}" in card and "not yet been measured" in card
    fitted_now: Any = open_adapter("directions", encode)
    assert torch.equal(fitted_now.tokens, adapter.tokens)


def test_another_text_encoder_is_refused_and_a_fine_tune_is_not():
    _, _, adapter = fitted("sd")
    adapter = replace(adapter)  # one that has recognised nothing yet
    stranger = functools.partial(plain_embeds, tiny_backbone("sd", seed=1))
    with pytest.raises(WeightsError, match="another text encoder") as caught:
        moved(adapter, asked(stranger, "a cat"), 1.0, 0.0, 0.0)
    assert "\n" not in str(caught.value)
    tuned = tiny_backbone("sd")
    with torch.no_grad():
        for i, weight in enumerate(tuned.text_encoder.parameters()):
            noise = torch.randn(weight.shape, generator=torch.Generator().manual_seed(i))
            weight += 0.05 * weight.std(correction=0) * noise
    moved(adapter, asked(functools.partial(plain_embeds, tuned), "a cat"), 1.0, 0.0, 0.0)
    wider = functools.partial(plain_embeds, tiny_backbone("sdxl"))
    with pytest.raises(WeightsError, match=r"16 per token and none pooled, not 32 and 16"):
        moved(adapter, asked(wider, "a cat"), 1.0, 0.0, 0.0)


def test_embeds_of_the_caller_need_no_encoder():
    _, encode, adapter = fitted("sd")

    def none(texts: Sequence[str]) -> PromptEmbeds:
        raise AssertionError("the caller gave embeds, and may have no encoder")

    moved(replace(adapter), Prompts(encode(["a cat"]), None, none), 1.0, 0.0, 0.0)


def test_what_cannot_be_fitted_is_one_line():
    _, encode, _ = fitted("sd")

    def broken(texts: Sequence[str]) -> PromptEmbeds:
        embeds = encode(texts)
        return replace(embeds, tokens=embeds.tokens * float("nan"))

    def deaf(texts: Sequence[str]) -> PromptEmbeds:
        embeds = encode(texts)
        return replace(embeds, tokens=torch.ones_like(embeds.tokens))

    with pytest.raises(InputError, match="not finite"):
        AffectDirections.fit(broken)
    with pytest.raises(InputError, match="change nothing"):
        AffectDirections.fit(deaf)


def test_moods_are_principal_components_of_what_emotion_words_do():
    axes = correlated_axes()
    encode = planted(axes, 0.02, pooled=correlated_axes(40))
    basis, scales = mood_basis(encode, 5)
    assert basis["tokens"].shape == (5, WIDTH) and basis["pooled"].shape == (5, 40) and scales.shape == (5,)
    assert (scales.diff() <= 0).all() and scales[2] > 10 * scales[
        3
    ]  # three axes were planted, the rest is noise
    plane = torch.linalg.qr(axes.T).Q
    first = F.normalize(basis["tokens"][:3], dim=1)
    assert ((first @ plane).norm(dim=1) > 0.99).all()
    again, _ = mood_basis(encode, 5, batch=5)
    assert torch.equal(again["tokens"], basis["tokens"])
    with pytest.raises(InputError, match="1 to 40"):
        mood_basis(encode, 0)


def test_mood_basis_reaches_every_family():
    for family in ("sd", "sdxl", "sd3", "flux"):
        _, encode, _ = fitted(family)
        plain = encode([PROBE])
        basis, scales = mood_basis(encode, 12)
        assert basis["tokens"].shape == (12, plain.tokens.shape[-1]) and torch.isfinite(scales).all()
        assert ("pooled" in basis) == (plain.pooled is not None)
        assert part_starts(plain) == ((1, 77) if family == "sd3" else (0,) if family == "flux" else (1,))
