"""EmotiCrafter's network once more, for parity: plain numpy in float64, written from its description.

A checkpoint here is a dict of float32 arrays in the published layout: `module.` before every key, attention
and MLP weights stored inputs first, the unused word table and the unused outputs of `c_attn` present.
"""

from __future__ import annotations

import numpy as np

TOKENS = 16


def random_checkpoint(
    features: int, width: int, layers: int, positions: int = 100, hidden: int = 24, seed: int = 0
) -> dict[str, np.ndarray]:
    """Every tensor of a checkpoint of that size, random, biases and norms too."""
    rng = np.random.default_rng(seed)
    state = {}

    def put(name: str, *shape: int, mean: float = 0.0, spread: float | None = None) -> None:
        wide = 0.5 / np.sqrt(shape[0]) if spread is None else spread
        state[f"module.{name}"] = (mean + wide * rng.standard_normal(shape)).astype(np.float32)

    def norm(name: str, size: int) -> None:
        put(f"{name}.weight", size, mean=1.0, spread=0.3)
        put(f"{name}.bias", size, spread=0.3)

    def stored_inputs_first(name: str, inputs: int, outputs: int) -> None:
        put(f"{name}.weight", inputs, outputs)
        put(f"{name}.bias", outputs, spread=0.3)

    put("wte.weight", 7, width)
    put("wpe.weight", positions, width, spread=0.5)
    put("xl_feature2gpt_feature.weight", width, features, spread=features**-0.5)
    put("gpt_feature2xl_feature.weight", features, width, spread=width**-0.5)
    norm("ln_xl_feature", features)
    for reader in ("a_f", "v_f"):
        put(f"{reader}.0.weight", hidden, 1, spread=1.0)
        put(f"{reader}.0.bias", hidden, spread=0.3)
        put(f"{reader}.2.weight", width * TOKENS, hidden, spread=hidden**-0.5)
        put(f"{reader}.2.bias", width * TOKENS, spread=0.3)
    put("attn_proj.weight", width, width)
    for i in range(layers):
        for name in ("ln_1", "ln_a", "ln_v", "ln_2"):
            norm(f"h.{i}.{name}", width)
        for attention in ("attn", "attn_a", "attn_v"):
            stored_inputs_first(f"h.{i}.{attention}.c_attn", width, 3 * width)
            stored_inputs_first(f"h.{i}.{attention}.c_proj", width, width)
            stored_inputs_first(f"h.{i}.{attention}.c_z", width, 2 * width)
        stored_inputs_first(f"h.{i}.mlp.c_fc", width, 4 * width)
        stored_inputs_first(f"h.{i}.mlp.c_proj", 4 * width, width)
    norm("ln_f", width)
    return state


def felt_embeds(
    state: dict[str, np.ndarray], embeds: np.ndarray, arousal: float, valence: float, heads: int
) -> np.ndarray:
    """Prompt embeds (K, D) of one prompt, arousal and valence in -3..3 -> the embeds that replace them."""
    w = {key.removeprefix("module."): value.astype(np.float64) for key, value in state.items()}
    layers = 1 + max(int(key.split(".")[1]) for key in w if key.startswith("h."))
    width = w["wpe.weight"].shape[1]
    each = width // heads

    def norm(name: str, x: np.ndarray) -> np.ndarray:
        centred = x - x.mean(-1, keepdims=True)
        scaled = centred / np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-5)
        return scaled * w[f"{name}.weight"] + w[f"{name}.bias"]

    def through(name: str, x: np.ndarray) -> np.ndarray:
        return x @ w[f"{name}.weight"] + w[f"{name}.bias"]

    def attend(name: str, x: np.ndarray, z: np.ndarray) -> np.ndarray:
        query = through(f"{name}.c_attn", x)[:, :width]
        both = through(f"{name}.c_z", z)
        key, value = both[:, :width], both[:, width:]
        found = []
        for head in range(heads):
            mine = slice(head * each, (head + 1) * each)
            scores = query[:, mine] @ key[:, mine].T / each**0.5
            chances = np.exp(scores - scores.max(1, keepdims=True))
            found.append(chances / chances.sum(1, keepdims=True) @ value[:, mine])
        return through(f"{name}.c_proj", np.concatenate(found, 1))

    def gelu_new(x: np.ndarray) -> np.ndarray:
        return 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))

    def affect_tokens(name: str, coordinate: float) -> np.ndarray:
        inner = w[f"{name}.0.weight"] @ np.array([coordinate]) + w[f"{name}.0.bias"]
        outer = w[f"{name}.2.weight"] @ np.maximum(inner, 0) + w[f"{name}.2.bias"]
        return outer.reshape(TOKENS, width) @ w["attn_proj.weight"].T

    a, v = affect_tokens("a_f", arousal), affect_tokens("v_f", valence)
    x = embeds @ w["xl_feature2gpt_feature.weight"].T + w["wpe.weight"][: len(embeds)]
    for i in range(layers):
        x = norm(f"h.{i}.ln_1", x)
        x = x + attend(f"h.{i}.attn", x, x)
        x = norm(f"h.{i}.ln_a", x)
        x = x + attend(f"h.{i}.attn_a", x, a)
        x = norm(f"h.{i}.ln_v", x)
        x = x + attend(f"h.{i}.attn_v", x, v)
        inner = gelu_new(through(f"h.{i}.mlp.c_fc", norm(f"h.{i}.ln_2", x)))
        x = x + through(f"h.{i}.mlp.c_proj", inner)
    return embeds + norm("ln_xl_feature", norm("ln_f", x) @ w["gpt_feature2xl_feature.weight"].T)
