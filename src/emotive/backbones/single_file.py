"""A model in one .safetensors file, as most fine-tunes are shared: which it is, and a pipeline of it.

diffusers turns the original layout of such files into its own. What the file does not say (the sizes of its
networks, its scheduler, its tokenizers) diffusers would take from the hub; here it comes from `configs/`,
from vocabularies that `emotive fetch` brings, or from a diffusers folder that the user gives.
"""

from __future__ import annotations

import functools
import json
import os
import re
import tempfile
import warnings
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from emotive.errors import InputError, WeightsError

from .sampling_defaults import name_words
from .vocabularies import write_tokenizer

if TYPE_CHECKING:
    import torch
    from diffusers.pipelines.pipeline_utils import DiffusionPipeline

CONFIGS = Path(__file__).parent / "configs"
LAYOUTS = {  # what diffusers calls a layout -> the model in configs/models.json
    "v1": "sd15",
    "v2": "sd2",
    "xl_base": "sdxl",
    "sd3": "sd3-medium",
    "sd35_medium": "sd3.5-medium",
    "sd35_large": "sd3.5-large",
    "flux-dev": "flux-dev",
    "flux-schnell": "flux-schnell",
}
# What a file's name says (`name_words`) -> which model of its layout it is, where keys do not tell.
VARIANTS = {
    "sd15": ((r"\blcm\b", "sd15-lcm"),),
    "sd2": (
        (r"\bturbo\b", "sd-turbo"),
        (r"\b(768|v ?pred\w*)\b", "sd2"),
        (r"\b(base|512|epsilon)\b", "sd2-base"),
    ),
    "sdxl": (
        (r"\bsd ?xl turbo\b", "sdxl-turbo"),
        (r"\b(turbo|lightning)\b", "sdxl-lightning"),  # fine-tunes named Turbo paint 1024 px
        (r"\bhyper\b", "sdxl-hyper"),
        (r"\blcm\b", "sdxl-lcm"),
        (r"\bv ?pred\w*\b", "sdxl-v"),
    ),
}
# Keys that only a file with this part has. CLIP's encoders lie in other places in every family.
TEXT_ENCODERS = {
    "text_encoder": (
        "cond_stage_model.transformer.text_model.embeddings.position_embedding.weight",
        "cond_stage_model.model.token_embedding.weight",
        "conditioner.embedders.0.transformer.text_model.embeddings.position_embedding.weight",
        "text_encoders.clip_l.transformer.text_model.embeddings.position_embedding.weight",
    ),
    "text_encoder_2": (
        "conditioner.embedders.1.model.positional_embedding",
        "text_encoders.clip_g.transformer.text_model.embeddings.position_embedding.weight",
    ),
}
T5 = "text_encoders.t5xxl.transformer.shared.weight"
STARTS = {
    "unet": ("model.diffusion_model.", "down_blocks."),
    "transformer": ("model.diffusion_model.", "joint_blocks.", "double_blocks.", "transformer_blocks."),
    "vae": ("first_stage_model.", "vae."),
}
SD1_KEY = "model.diffusion_model.output_blocks.11.0.skip_connection.weight"
LORA_KEYS = re.compile(
    r"\.lora[_.]?(A|B|up|down|mid)\b|lora_(te|unet|transformer)|\.hada_w\d|\.lokr_w\d|\.dora_scale"
)


class Header(NamedTuple):
    """What a safetensors file says about itself. shapes: by key; metadata: its free text."""

    shapes: Mapping[str, tuple[int, ...]]
    metadata: Mapping[str, str]


class _Shape(NamedTuple):
    """As much of a tensor as telling the layouts apart needs."""

    shape: tuple[int, ...]


def read_header(file: Path) -> Header:
    """The keys and shapes in a safetensors file, of which no weights are read.

    Raises WeightsError if it is missing, a pickle, or not whole.
    """
    from safetensors import SafetensorError, safe_open

    if file.suffix.lower() != ".safetensors":
        raise WeightsError(f"{file.name} may be a pickle, which can run code: give a .safetensors file")
    if not file.is_file():
        raise WeightsError(f"{file} " + ("is not a file" if file.exists() else "does not exist"))
    try:
        with safe_open(file, "pt") as opened:
            keys = opened.keys()
            shapes = {key: tuple(opened.get_slice(key).get_shape()) for key in keys}
            return Header(shapes, opened.metadata() or {})
    except (SafetensorError, OSError) as error:
        why = " ".join(str(error).split())[:120]
        raise WeightsError(f"{file} is truncated or not safetensors ({why}): fetch it again") from error


def is_lora(header: Header) -> bool:
    """Whether these are low-rank additions to a model, rather than a model."""
    return any(LORA_KEYS.search(key) for key in header.shapes)


@functools.cache
def bundled_models() -> dict[str, dict[str, Any]]:
    """What is known of models that come as one file, by name: for each the class of its pipeline, and the
    config of each of its parts."""
    models = json.loads((CONFIGS / "models.json").read_text("utf-8"))
    parts = json.loads((CONFIGS / "components.json").read_text("utf-8"))
    return {
        name: {
            key: parts.get(value, value) if isinstance(value, str) else value for key, value in model.items()
        }
        for name, model in models.items()
    }


def model_in(file: Path, header: Header) -> str:
    """Which of the bundled models a file holds, by its keys and shapes, and where these leave it open (what
    it was distilled into, or predicts) by its metadata and its name.

    Raises WeightsError for a model of no known family, or one that does not paint from text alone.
    """
    from diffusers.loaders.single_file_utils import infer_diffusers_model_type

    shapes = header.shapes
    if is_lora(header):
        raise WeightsError(f"{file.name} is a LoRA, not a model: give it with --lora, on top of a --model")
    try:
        layout = infer_diffusers_model_type({key: _Shape(shape) for key, shape in shapes.items()})
    except (KeyError, IndexError, ValueError, UnboundLocalError, AttributeError, TypeError):
        layout = "unknown"
    if (
        layout == "v1" and SD1_KEY not in shapes
    ):  # what diffusers takes for granted if it knows nothing better
        layout = "unknown"
    if layout not in LAYOUTS:
        hint = "" if layout == "unknown" else f" (it looks like {layout})"
        raise WeightsError(
            f"{file.name} is no whole text-to-image model of Stable Diffusion 1, 2, XL or 3 or FLUX.1{hint}: "
            "give such a file, or its diffusers folder"
        )
    model = LAYOUTS[layout]
    marks = [header.metadata.get("modelspec.architecture", "")]
    predicted = header.metadata.get("modelspec.prediction_type", "")[:1].lower()
    if predicted == "v" or "v_pred" in shapes:  # as trainers mark it
        marks.append("vpred")
    elif predicted == "e":
        marks.append("epsilon")
    words = name_words(" ".join([file.stem, *marks]))
    for pattern, variant in VARIANTS.get(model, ()):
        if re.search(pattern, words):
            return variant
    if model == "sd2":
        warnings.warn(
            f"{file.name} does not say what it predicts; taken for a 768-v model. If its pictures are noise: "
            "--config sd2-base",
            stacklevel=2,
        )
    return model


def open_single_file(
    file: Path, config: str | os.PathLike[str] | None, dtype: torch.dtype
) -> DiffusionPipeline:
    """The pipeline in one .safetensors file; never touches the network.

    Args:
        config: a diffusers folder of the same kind of model, whose configs and tokenizers are used, and whose
            weights for what the file lacks; or the name of a bundled model ("sd2-base"); None: found out.

    Raises:
        WeightsError: the file is damaged, of no known model, or lacks a part that nothing else brings.
        InputError: there is no such config.
    """
    header = read_header(file)
    if is_lora(header) or config is None or str(config) in bundled_models():
        name = model_in(file, header) if config is None or is_lora(header) else str(config)
        with tempfile.TemporaryDirectory(prefix="emotive-") as folder:
            return _open(
                file, header, _written(Path(folder), name, header, file.name), dtype, config is not None
            )
    folder = Path(config).expanduser()
    if not (folder / "model_index.json").is_file():
        known = ", ".join(bundled_models())
        raise InputError(
            f"--config {str(config)[:80]!r} is no folder with a model_index.json, nor one of {known}"
        )
    return _open(file, header, folder, dtype, True)


def _written(folder: Path, name: str, header: Header, file: str) -> Path:
    """The bundled configs of a model as a diffusers folder without weights. Leaves out the tokenizers of text
    encoders that the file lacks."""
    index: dict[str, Any] = {}
    for key, part in bundled_models()[name].items():
        if not isinstance(part, dict):
            index[key] = part
            continue
        kind = _class_of(part)
        index[key] = ["diffusers" if "_class_name" in part else "transformers", kind]
        if key.startswith("tokenizer"):
            encoder = key.replace("tokenizer", "text_encoder")
            if _holds(header, encoder, index_class(name, encoder)):
                write_tokenizer(folder / key, part, file)
            continue
        target = folder / key / ("scheduler_config.json" if key == "scheduler" else "config.json")
        target.parent.mkdir(parents=True)
        target.write_text(json.dumps(part), "utf-8")
    (folder / "model_index.json").write_text(json.dumps(index), "utf-8")
    return folder


def index_class(name: str, part: str) -> str:
    """The class of a part of a bundled model."""
    return _class_of(bundled_models()[name][part])


def _class_of(part: Mapping[str, Any]) -> str:
    return part.get("_class_name") or part.get("tokenizer_class") or part["architectures"][0]


def _holds(header: Header, part: str, kind: str) -> bool:
    """Whether a file has the weights of a part."""
    if part in STARTS:
        return any(key.startswith(STARTS[part]) for key in header.shapes)
    keys = (T5,) if kind.startswith("T5") else TEXT_ENCODERS.get(part, ())
    return any(key in header.shapes for key in keys)


def _open(file: Path, header: Header, folder: Path, dtype: torch.dtype, given: bool) -> DiffusionPipeline:
    """`given`: whether `folder` is the user's, or of a model that the user named."""
    import diffusers

    index = read_index(folder)
    kind = str(index["_class_name"])
    parts = {key: value for key, value in index.items() if isinstance(value, list) and value[0] is not None}
    others: dict[str, Any] = {}
    missing = []
    for part in ("unet", "transformer"):
        if part in parts and not _holds(header, part, ""):
            raise WeightsError(
                f"{file.name} holds no {part}, the network that paints: it is a part of a model"
            )
    for part, (library, class_name) in parts.items():
        if not part.startswith(("unet", "transformer", "vae", "text_encoder")) or _holds(
            header, part, class_name
        ):
            continue
        if any((folder / part).glob("*.safetensors")):
            others[part] = _from_folder(folder, part, library, class_name, dtype)
        elif part == "text_encoder_3":
            others |= {part: None, "tokenizer_3": None}
        else:
            missing.append(part)
    if missing:
        bare = "it is one network, without the rest: " if "vae" in missing else ""
        raise WeightsError(
            f"{file.name} holds no {' nor '.join(missing)}; {bare}"
            + (
                f"nor does {folder}"
                if given and any(folder.glob("*/*.safetensors"))
                else "give --config FOLDER"
            )
            + ", a diffusers folder of the same model that has them"
        )
    if "text_encoder_3" in others and others["text_encoder_3"] is None:
        warnings.warn(
            f"{file.name} has no T5: it reads prompts with CLIP alone, up to 77 tokens", stacklevel=2
        )
    check_vocabularies(folder, {k: v for k, v in index.items() if others.get(k, v) is not None})
    pipeline = getattr(diffusers, kind)
    try:
        pipe = pipeline.from_single_file(
            str(file), config=str(folder), local_files_only=True, dtype=dtype, **others
        )
    except NotImplementedError as error:  # diffusers leaves what is missing on the meta device, and moves it
        raise WeightsError(
            f"{file.name} lacks weights of its networks: it is damaged, or another model than its config says"
        ) from error
    for module in pipe.components.values():
        if type(module).__name__ == "T5EncoderModel":
            module.set_input_embeddings(module.get_input_embeddings())  # stored once, used in two places
            module.eval()  # diffusers leaves its dropout on
    check_complete(pipe, file.name)
    return pipe


def read_index(folder: Path) -> dict[str, Any]:
    """A diffusers folder's model_index.json. Raises WeightsError if it is missing or damaged."""
    file = folder / "model_index.json"
    try:
        index = json.loads(file.read_text("utf-8"))
        if not isinstance(index["_class_name"], str):
            raise TypeError("_class_name names code of its own, which is not run")
        return index
    except FileNotFoundError:
        raise WeightsError(
            f"{folder} has no model_index.json: give the folder of a whole diffusers pipeline, or a "
            ".safetensors file"
        ) from None
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise WeightsError(f"{file} is damaged: {' '.join(str(error).split())[:150]}") from error


def check_vocabularies(folder: Path, index: Mapping[str, Any]) -> None:
    """Raises WeightsError if a tokenizer of the folder has no vocabulary: it would read nothing, and not say
    so."""
    for part, value in index.items():
        if not (part.startswith("tokenizer") and isinstance(value, list) and value[0]):
            continue
        kinds = (("tokenizer.json",), ("vocab.json", "merges.txt"), ("spiece.model",))
        if not any(all((folder / part / name).is_file() for name in kind) for kind in kinds):
            raise WeightsError(f"{folder}: the vocabulary of its {part} is missing (tokenizer.json)")


def check_complete(pipe: DiffusionPipeline, name: str) -> None:
    """Raises WeightsError if a network of `pipe` was left without weights, which diffusers does not say."""
    for part, module in pipe.components.items():
        empty = [key for key, weight in getattr(module, "named_parameters", dict)() if weight.is_meta]
        if empty:
            raise WeightsError(
                f"{name} lacks {len(empty)} weights of its {part}, such as {empty[0]}: it is damaged, or "
                "another model"
            )


def _from_folder(folder: Path, part: str, library: str, kind: str, dtype: torch.dtype) -> Any:
    """One network out of a diffusers folder."""
    loaded = getattr(import_module(library), kind)
    plain = [f for f in (folder / part).glob("*.safetensors") if ".fp16" not in f.name]
    variant = {} if plain else {"variant": "fp16"}
    return loaded.from_pretrained(
        str(folder), subfolder=part, dtype=dtype, use_safetensors=True, local_files_only=True, **variant
    )
