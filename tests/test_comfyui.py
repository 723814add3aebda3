"""The ComfyUI nodes against ComfyUI's contract: how it loads, checks and runs nodes, and its CLIP."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tiny_backbones import clip_text, clip_tokenizer, tiny_backbone

from emotive.affect import Affect
from emotive.backbones.adapter import Prompts
from emotive.backbones.blend import AffectBlend
from emotive.backbones.directions import AffectDirections, Summary
from emotive.errors import InputError, WeightsError
from emotive.pipelines.with_affect import plain_embeds

FOLDER = Path(__file__).parent.parent / "comfyui"
PROMPT = "a house by the sea"

# -- what ComfyUI does ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def package() -> Iterator[Any]:
    """The folder as ComfyUI imports it: by its file, under a name with a path in it."""
    name = f"{FOLDER}".replace(".", "_x_")
    spec = importlib.util.spec_from_file_location(name, FOLDER / "__init__.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    yield module
    for loaded in [n for n in sys.modules if n == name or n.startswith(f"{name}.")]:
        del sys.modules[loaded]


def invalid(nodes: dict[str, type], prompt: dict[str, dict], item: str) -> list[str]:
    """What ComfyUI finds wrong with a node of a workflow in its API format, and with those before it."""
    kind: Any = nodes[prompt[item]["class_type"]]
    inputs = prompt[item]["inputs"]
    types = kind.INPUT_TYPES()
    wrong = []
    for name, (wanted, *more) in {**types["required"], **types.get("optional", {})}.items():
        if name not in inputs:
            wrong += [f"{item}: {name} is missing"] if name in types["required"] else []
            continue
        value = inputs[name]
        if isinstance(value, list):
            source, slot = value
            given = nodes[prompt[source]["class_type"]].RETURN_TYPES[slot]  # type: ignore[attr-defined]
            wrong += [] if given == wanted else [f"{item}: {name}, {given} != {wanted}"]
            wrong += invalid(nodes, prompt, source)
            continue
        if wanted == "FLOAT":
            value = inputs[name] = float(value)
        limits = more[0] if more else {}
        if value < limits.get("min", value) or value > limits.get("max", value):
            wrong.append(f"{item}: {name} is out of range")
    if hasattr(kind, "VALIDATE_INPUTS"):
        known = {name: value for name, value in inputs.items() if not isinstance(value, list)}
        found = kind.VALIDATE_INPUTS(**known)
        wrong += [] if found is True else [f"{item}: {found}"]
    return wrong


def execute(nodes: dict[str, type], prompt: dict[str, dict], item: str, given: dict[str, Any]) -> Any:
    """The outputs of a node and of those before it; `given` are outputs of ComfyUI's own loaders."""
    if item in given:
        return given[item]
    kind: Any = nodes[prompt[item]["class_type"]]
    inputs = {
        name: execute(nodes, prompt, value[0], given)[value[1]] if isinstance(value, list) else value
        for name, value in prompt[item]["inputs"].items()
    }
    outputs = getattr(kind(), kind.FUNCTION)(**inputs)
    assert isinstance(outputs, tuple) and len(outputs) == len(kind.RETURN_TYPES)
    return outputs


class CheckpointLoader:
    """Stands for ComfyUI's loader, for its types."""

    RETURN_TYPES = ("CLIP", "CONDITIONING")

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, dict]:
        return {"required": {}}


class Tokenizer:
    """ComfyUI's for one CLIP: words one by one, in chunks of 77 with their numbers, 0 for what is no word."""

    def __init__(self, tokenizer: Any):
        self.tokenizer = tokenizer
        self.ids = cache(lambda word: tokenizer(word).input_ids[1:-1])

    def __call__(self, text: str) -> list[list[tuple[int, float, int]]]:
        start, end = self.tokenizer("").input_ids[:2]
        ids = [
            (token, 1.0, number) for number, word in enumerate(text.split(), 1) for token in self.ids(word)
        ]
        chunks = [ids[i : i + 75] for i in range(0, len(ids), 75)] or [[]]
        padded = [[(start, 1.0, 0), *chunk, (end, 1.0, 0)] for chunk in chunks]
        return [chunk + [(self.tokenizer.pad_token_id, 1.0, 0)] * (77 - len(chunk)) for chunk in padded]


class ComfyClip:
    """ComfyUI's CLIP object around transformers' text encoders: Stable Diffusion XL, or 1 without `g`."""

    def __init__(self, pipe: Any):
        self.encoders = {"l": (Tokenizer(pipe.tokenizer), pipe.text_encoder)}
        if hasattr(pipe, "text_encoder_2"):
            self.encoders["g"] = (Tokenizer(pipe.tokenizer_2), pipe.text_encoder_2)

    def tokenize(self, text: str, return_word_ids: bool = False) -> dict[str, list]:
        rows = {name: tokenizer(text) for name, (tokenizer, _) in self.encoders.items()}
        if return_word_ids:
            return rows
        return {name: [[(t, w) for t, w, _ in chunk] for chunk in chunks] for name, chunks in rows.items()}

    def encode_from_tokens(self, tokens: dict[str, list], return_pooled: bool = False) -> Any:
        wide, pooled = [], None
        for name, (_, encoder) in self.encoders.items():
            ids = torch.tensor([[token for token, _ in chunk] for chunk in tokens[name]])
            found = encoder(ids, output_hidden_states=True)
            alone = len(self.encoders) == 1
            states = found.last_hidden_state if alone else found.hidden_states[-2]
            wide.append(states.flatten(0, 1)[None])
            pooled = (found.pooler_output if alone else found[0])[:1]
        embeds = torch.cat(wide, -1)
        return (embeds, pooled) if return_pooled else embeds


class ScheduledClip(ComfyClip):
    """As later versions of ComfyUI, which give the whole conditioning."""

    def encode_from_tokens_scheduled(self, tokens: dict[str, list]) -> list[list]:
        embeds, pooled = self.encode_from_tokens(tokens, return_pooled=True)
        return [[embeds, {"pooled_output": pooled, "hooks": "kept"}]]


# -- the tests ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def pipe() -> Any:
    return tiny_backbone("sdxl")


@pytest.fixture(scope="module")
def directions(pipe: Any) -> AffectDirections:
    """Fitted with diffusers, to the encoders that ComfyUI has here too."""
    return AffectDirections.fit(lambda texts: plain_embeds(pipe, texts))


@pytest.fixture(scope="module")
def nodes(package: Any) -> dict[str, type]:
    return {**package.NODE_CLASS_MAPPINGS, "CheckpointLoader": CheckpointLoader}


@pytest.fixture(autouse=True)
def _as_comfyui() -> Iterator[None]:
    with torch.inference_mode():  # ComfyUI runs its nodes so
        yield


def workflow(adapter: str = "EmotiveDirections", folder: Path | None = None) -> dict[str, dict]:
    given: dict[str, Any] = {"EmotiveDirections": {"clip": ["ckpt", 0]}, "EmotiveBlend": {}}
    given["EmotiveLoadAdapter"] = {"folder": str(folder)}
    return {
        "ckpt": {"class_type": "CheckpointLoader", "inputs": {}},
        "point": {"class_type": "EmotiveAffect", "inputs": {"valence": -0.8, "arousal": 0.5}},
        "name": {"class_type": "EmotiveNamedAffect", "inputs": {"text": "joy:0.7+fear:0.3"}},
        "adapter": {"class_type": adapter, "inputs": given[adapter]},
        "encode": {"class_type": "EmotiveTextEncode", "inputs": {
            "clip": ["ckpt", 0], "text": PROMPT, "adapter": ["adapter", 0], "affect": ["point", 0],
            "strength": 1.0}},
        "apply": {"class_type": "EmotiveApplyAffect", "inputs": {
            "conditioning": ["ckpt", 1], "adapter": ["adapter", 0], "affect": ["name", 0], "strength": 1}},
    }  # fmt: skip


def of_diffusers(pipe: Any, adapter: Any, affect: Affect, strength: float = 1.0) -> list:
    """What `with_affect` conditions the backbone on."""
    given = Prompts(plain_embeds(pipe, [PROMPT]), (PROMPT,), lambda texts: plain_embeds(pipe, texts))
    return adapter(given, torch.from_numpy(affect.as_array())[None], strength)


def test_every_node_is_as_comfyui_wants_it(package: Any):
    assert set(package.NODE_CLASS_MAPPINGS) == set(package.NODE_DISPLAY_NAME_MAPPINGS)
    own = {"EMOTIVE_AFFECT", "EMOTIVE_ADAPTER", "CONDITIONING"}
    for name, kind in package.NODE_CLASS_MAPPINGS.items():
        assert name.startswith("Emotive") and callable(getattr(kind, kind.FUNCTION))
        assert isinstance(kind.RETURN_TYPES, tuple) and set(kind.RETURN_TYPES) <= own
        assert kind.CATEGORY and kind.DESCRIPTION
        types = kind.INPUT_TYPES()
        assert set(types) <= {"required", "optional"} and isinstance(types["required"], dict)
        for section in types.values():
            for spec in section.values():
                assert isinstance(spec, tuple) and isinstance(spec[0], str) and len(spec) <= 2
                assert all(isinstance(options, dict) for options in spec[1:])
        names = {n for section in types.values() for n in section}
        code = getattr(kind, kind.FUNCTION).__code__
        assert set(code.co_varnames[1 : code.co_argcount]) == names


def test_it_imports_the_public_rooms_alone():
    """Of Emotive: the affect space, the backbones, weights, errors; of ComfyUI: nothing."""
    import ast

    allowed = {"emotive", "emotive.errors", "emotive.weights"}
    for file in FOLDER.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and not node.level:
                names = [str(node.module)]
            for name in names:
                root = name.split(".")[0]
                assert root in {"emotive", "torch", *sys.stdlib_module_names}, f"{file.name} imports {name}"
                assert root != "emotive" or name in allowed or name.startswith("emotive.backbones."), name


def test_points(nodes: dict[str, Any]):
    plan = workflow()
    (point,) = execute(nodes, plan, "point", {})
    assert point == Affect(-0.8, 0.5) and point.dominance is None
    assert nodes["EmotiveAffect"]().point(0.1, 0.2, 0.3) == (Affect(0.1, 0.2, 0.3),)
    assert execute(nodes, plan, "name", {}) == (Affect.parse("joy:0.7+fear:0.3"),)


def test_directions_fitted_in_comfyui_are_those_of_diffusers(
    nodes: dict[str, Any], pipe: Any, directions: AffectDirections
):
    plan = workflow()
    assert invalid(nodes, plan, "adapter") == []
    (fitted,) = execute(nodes, plan, "adapter", {"ckpt": (ComfyClip(pipe), None)})
    torch.testing.assert_close(fitted.tokens, directions.tokens, rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(fitted.pooled, directions.pooled, rtol=1e-3, atol=1e-3)
    assert fitted.starts == directions.starts


@pytest.mark.parametrize("clip_class", [ComfyClip, ScheduledClip])
def test_a_workflow_conditions_as_with_affect_does(
    nodes: dict[str, Any], pipe: Any, directions: AffectDirections, tmp_path: Path, clip_class: type
):
    """Fitted with diffusers, saved, loaded in ComfyUI: the same embeds."""
    plan = workflow("EmotiveLoadAdapter", directions.save(tmp_path / "directions"))
    assert invalid(nodes, plan, "encode") == []
    ((entry,),) = execute(nodes, plan, "encode", {"ckpt": (clip_class(pipe), None)})
    tokens, options = entry
    (expected,) = of_diffusers(pipe, directions, Affect(-0.8, 0.5))
    torch.testing.assert_close(tokens, expected.embeds.tokens, rtol=0, atol=1e-4)
    torch.testing.assert_close(options["pooled_output"], expected.embeds.pooled, rtol=0, atol=1e-4)
    assert "strength" not in options
    assert options.get("hooks") == ("kept" if clip_class is ScheduledClip else None)
    plain, _ = clip_class(pipe).encode_from_tokens(clip_class(pipe).tokenize(PROMPT), True)
    changed = (tokens != plain).any(-1)[0].nonzero()[:, 0].tolist()
    assert changed == list(range(1, 77))  # the words, and what is behind them; not the start


def test_blended_conditionings_average_to_what_with_affect_predicts(nodes: dict[str, Any], pipe: Any):
    """ComfyUI predicts from every conditioning, and takes the mean, weighted by their strengths."""
    plan = workflow("EmotiveBlend")
    assert invalid(nodes, plan, "encode") == []
    (entries,) = execute(nodes, plan, "encode", {"ckpt": (ScheduledClip(pipe), None)})
    expected = of_diffusers(pipe, AffectBlend(), Affect(-0.8, 0.5))
    assert len(entries) == len(expected) == 4

    def predicted(tokens: torch.Tensor, pooled: torch.Tensor) -> torch.Tensor:
        x = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(0))
        added = {"text_embeds": pooled, "time_ids": torch.zeros(1, 6)}
        return pipe.unet(x, 500, tokens, added_cond_kwargs=added).sample

    strengths = [options["strength"] for _, options in entries]
    assert sum(strengths) == pytest.approx(1) and all(s > 0 for s in strengths)
    ours = sum(s * predicted(t, o["pooled_output"]) for s, (t, o) in zip(strengths, entries, strict=True))
    assert all(part.embeds.pooled is not None for part in expected)
    theirs = sum(part.weight * predicted(part.embeds.tokens, part.embeds.pooled) for part in expected)
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-5)


def test_conditioning_of_other_nodes_keeps_its_options(
    nodes: dict[str, Any], pipe: Any, directions: AffectDirections, tmp_path: Path
):
    plan = workflow("EmotiveLoadAdapter", directions.save(tmp_path / "directions"))
    assert invalid(nodes, plan, "apply") == []
    embeds, pooled = ComfyClip(pipe).encode_from_tokens(ComfyClip(pipe).tokenize(PROMPT), True)
    area = {"pooled_output": pooled, "area": (8, 8, 0, 0), "strength": 0.5, "start_percent": 0.2}
    given = [[embeds, area], [embeds.repeat(1, 2, 1), {"pooled_output": pooled}]]
    before = [dict(area), embeds.clone()]
    (felt,) = execute(nodes, plan, "apply", {"ckpt": (None, given)})
    assert [area, embeds] == [before[0], embeds] and torch.equal(
        embeds, before[1]
    )  # nothing changed in place
    assert {**felt[0][1], "pooled_output": pooled} == area and not torch.equal(
        felt[0][1]["pooled_output"], pooled
    )
    for (tokens, _), (plain, _) in zip(felt, given, strict=True):
        same = (tokens == plain).all(-1)[0]
        assert same.nonzero()[:, 0].tolist() == list(range(0, len(same), 77))  # starts of chunks
    plan["apply"]["inputs"]["strength"] = 0
    (untouched,) = execute(nodes, plan, "apply", {"ckpt": (None, given)})
    assert untouched == given


def test_long_prompts_and_the_empty_one(nodes: dict[str, Any], pipe: Any, directions: AffectDirections):
    node, clip = nodes["EmotiveTextEncode"](), ComfyClip(pipe)
    joy = Affect.parse("joy")
    long = "a house by the sea and " * 8  # 136 letters: two chunks
    ((tokens, _),) = node.encode(clip, long, directions, joy, 1.0)[0]
    assert tokens.shape[1] == 154
    plain, _ = clip.encode_from_tokens(clip.tokenize(long), True)
    same = (tokens == plain).all(-1)[0]
    assert same.nonzero()[:, 0].tolist() == [0, 77]  # starts of chunks
    ((tokens, _),) = node.encode(clip, "", directions, joy, 1.0)[0]
    plain, _ = clip.encode_from_tokens(clip.tokenize(""), True)
    assert (tokens != plain).any(-1)[0].tolist() == [False] + [True] * 76  # pure mood


def test_pooled_embeds_that_no_denoiser_reads_are_left_alone(package: Any):
    """ComfyUI gives Stable Diffusion 1 pooled embeds, diffusers does not: its adapters have none."""
    pipe: Any = type("Encoders", (), {})()
    with torch.inference_mode(False), torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        pipe.text_encoder, pipe.tokenizer = clip_text(768), clip_tokenizer()
    clip = ComfyClip(pipe)
    entry = [*clip.encode_from_tokens(clip.tokenize(PROMPT), True)]
    assert entry[1].shape == (1, 768)
    embeds = package.conditioning.prompt_embeds(clip, [PROMPT, "x"])
    assert embeds.pooled is None and embeds.tokens.shape == (2, 77, 768)
    summary = Summary(torch.zeros(1, 1, 768), None)
    fitted = AffectDirections(torch.randn(1, 2, 3, 768), None, (1,), summary, {})
    ((tokens, options),) = package.conditioning.felt(
        [[entry[0], {"pooled_output": entry[1]}]], fitted, Affect(1, 0), 1.0
    )
    torch.testing.assert_close(tokens[0, 1:] - entry[0][0, 1:], fitted.tokens[0, 1, :1].expand(76, -1))
    assert options["pooled_output"] is entry[1]


def test_encoders_one_after_the_other(package: Any):
    """Stable Diffusion 3: both CLIPs beside each other, then T5; FLUX: T5 alone."""

    class Words:
        def tokenize(self, text: str, return_word_ids: bool = False) -> dict:
            assert return_word_ids
            number = [0, 1, 2, 0, 0]
            t5 = [[(0, 1.0, n) for n in (1, 1, 2, 0, 0, 0, 0)]]
            return {
                "g": [[(0, 1.0, n) for n in number]],
                "l": [[(0, 1.0, n) for n in [0, 1, 2, 3, 0]]],
                "t5xxl": t5,
            }

    said = package.conditioning.content_mask(Words(), "two words")

    def content(length: int) -> list[int]:
        return package.conditioning.as_embeds((torch.zeros(1, length, 4), {}), said).content[0].int().tolist()

    assert content(12) == [0, 1, 1, 1, 0, 1, 1, 1, 0, 0, 0, 0]
    assert content(7) == [1, 1, 1, 0, 0, 0, 0]
    assert content(5) == [0, 1, 1, 1, 0]
    with pytest.warns(UserWarning, match="cannot tell which tokens say the prompt"):
        assert content(6) == [0, 1, 1, 1, 1, 1]


def test_what_comfyui_would_refuse_before_it_runs(nodes: dict[str, Any], tmp_path: Path):
    plan = workflow("EmotiveLoadAdapter", tmp_path / "nowhere")
    (line,) = invalid(nodes, plan, "encode")
    assert "there is no folder" in line and "\n" not in line
    plan = workflow()
    plan["name"]["inputs"]["text"] = "joyy"
    plan["point"]["inputs"]["valence"] = 1.5
    plan["apply"]["inputs"]["strength"] = 11
    plan["apply"]["inputs"]["adapter"] = ["name", 0]
    del plan["encode"]["inputs"]["affect"]
    wrong = invalid(nodes, plan, "apply") + invalid(nodes, plan, "encode") + invalid(nodes, plan, "point")
    assert [w for w in wrong if "'joyy'" in w and "joy" in w and "\n" not in w]
    for line in ("apply: strength is out of range", "apply: adapter, EMOTIVE_AFFECT != EMOTIVE_ADAPTER",
                 "encode: affect is missing", "point: valence is out of range"):  # fmt: skip
        assert line in wrong


def test_bad_input_is_one_line(
    nodes: dict[str, Any], pipe: Any, directions: AffectDirections, tmp_path: Path
):
    clip, joy = ComfyClip(pipe), Affect.parse("joy")
    encode, apply = nodes["EmotiveTextEncode"]().encode, nodes["EmotiveApplyAffect"]().apply
    embeds, pooled = clip.encode_from_tokens(clip.tokenize(PROMPT), True)
    given = [[embeds, {"pooled_output": pooled}]]
    nan = [[torch.full_like(embeds, np.nan), {"pooled_output": pooled}]]
    masked = type("Masked", (ComfyClip,), {"encode_from_tokens_scheduled": lambda self, tokens: [
        [embeds, {"pooled_output": pooled, "attention_mask": torch.ones(1, 77)}]]})  # fmt: skip
    (tmp_path / "empty").mkdir()
    cases = [
        (lambda: encode(None, PROMPT, directions, joy, 1.0), InputError, "there is no CLIP"),
        (lambda: nodes["EmotiveDirections"]().fit(None), InputError, "there is no CLIP"),
        (lambda: apply(given, AffectBlend(), joy, 1.0), InputError, "use Emotive Text Encode"),
        (lambda: encode(masked(pipe), PROMPT, AffectBlend(), joy, 1.0), InputError, "use Emotive Directions"),
        (lambda: apply(given, directions, joy, 11.0), InputError, "must lie in 0..10"),
        (lambda: apply(nan, directions, joy, 1.0), InputError, "not finite"),
        (
            lambda: apply([[embeds[..., :8], {}]], directions, joy, 1.0),
            WeightsError,
            "fit them to this backbone",
        ),
        (lambda: nodes["EmotiveAffect"]().point(2.0, 0.0), InputError, "valence"),
        (lambda: nodes["EmotiveLoadAdapter"]().load(str(tmp_path / "no")), InputError, "there is no folder"),
        (lambda: nodes["EmotiveLoadAdapter"]().load(str(tmp_path / "empty")), WeightsError, "safetensors"),
    ]
    for call, kind, line in cases:
        with pytest.raises(kind, match=line) as error:
            call()
        assert "\n" not in str(error.value)


def test_a_changed_adapter_is_loaded_again(
    nodes: dict[str, Any], directions: AffectDirections, tmp_path: Path
):
    folder = directions.save(tmp_path / "one")
    before = nodes["EmotiveLoadAdapter"].IS_CHANGED(str(folder))
    assert before == nodes["EmotiveLoadAdapter"].IS_CHANGED(str(folder))
    AffectDirections(
        2 * directions.tokens, directions.pooled, directions.starts, directions.probe, directions.figures
    ).save(folder)
    assert nodes["EmotiveLoadAdapter"].IS_CHANGED(str(folder)) != before


def test_without_emotive_one_line_says_what_to_install(tmp_path: Path):
    import subprocess

    script = "import sys; sys.modules['emotive'] = None; sys.path.insert(0, sys.argv[1]); import comfyui"
    done = subprocess.run(
        [sys.executable, "-c", script, str(FOLDER.parent)], capture_output=True, text=True, cwd=tmp_path
    )
    last = done.stderr.strip().splitlines()[-1]
    assert done.returncode and last.startswith("ImportError: Emotive is not installed")
    assert 'pip install "emotive[backbones]"' in last
