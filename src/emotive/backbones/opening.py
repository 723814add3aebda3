"""A hub id, a diffusers folder or one .safetensors file -> a diffusers pipeline, ready to be called.

pipe = open_backbone("fine-tune.safetensors", dtype="fp16", loras=[("ink.safetensors", 0.8)])
"""

from __future__ import annotations

import importlib.util
import math
import os
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from emotive.errors import EmotiveError, InputError, WeightsError
from emotive.weights import HUB_ID, PICKLES, embedded

from .fingerprints import files_fingerprint, weight_files

if TYPE_CHECKING:
    import torch
    from diffusers.pipelines.pipeline_utils import DiffusionPipeline

Kind = Literal["ours", "folder", "file", "hub"]
OFFLOADS = ("model", "sequential")
FILES = (".safetensors", ".gguf", *PICKLES)


def backbone_kind(name: str | os.PathLike[str]) -> Kind:
    """What a model's name stands for: "ours" (an embedded name, a folder or hub id with one of Emotive's own
    pipelines, or nothing that is here), or a pipeline of others in a "folder", a "file" or on the "hub".

    Only a hub id touches the network, for its model_index.json, and only if it was not fetched before.
    Raises WeightsError if the hub does not give that.
    """
    text = os.fspath(name)
    if isinstance(name, str) and any(text == model.name for model in embedded()):
        return "ours"
    path = Path(os.path.expanduser(text))
    if path.is_dir():
        return "ours" if _is_ours(path) is not False else "folder"
    if path.is_file() or path.suffix.lower() in FILES:
        return "file"
    if isinstance(name, str) and HUB_ID.fullmatch(text) and not os.path.isdir(text.split("/")[0]):
        return "ours" if _is_ours(_hub_index(text)) else "hub"
    return "ours"


def is_backbone(name: str | os.PathLike[str]) -> bool:
    """Whether a model is a diffusion pipeline of others, for `open_backbone`, rather than one of Emotive's
    own, or none at all. See `backbone_kind`."""
    return backbone_kind(name) != "ours"


def open_backbone(
    name: str | os.PathLike[str],
    *,
    config: str | os.PathLike[str] | None = None,
    dtype: str | torch.dtype | None = None,
    device: str | torch.device | None = None,
    offload: str | None = None,
    loras: Sequence[tuple[str | os.PathLike[str], float]] = (),
    image_to_image: bool = False,
) -> DiffusionPipeline:
    """A text-to-image pipeline of Stable Diffusion 1, 2, XL or 3, FLUX, or a latent consistency model.

    Args:
        name: a hub id "owner/name", a diffusers folder (with a model_index.json), or a .safetensors file,
            also in the layout of the model's first code. Only a hub id touches the network.
        config: for a file: the diffusers folder of the same kind of model, for what the file does not hold;
            or the name of a bundled configuration, such as "sd2-base" (`single_file.bundled_models`). None:
            found out from the file.
        dtype, device: as `emotive.devices` has them; None is the best there is.
        offload: "model" keeps the parts that are not in use off the GPU, "sequential" all but the layer in
            use: slow, and needs least memory.
        loras: LoRAs on top, each a file, a folder or a hub id, and its weight.
        image_to_image: whether the pipeline starts from a picture.

    Returns:
        The pipeline on its device, in evaluation mode; `backbone_sha256` is its fingerprint. A safety
        checker is kept where it comes with the model.

    Raises:
        WeightsError: it is missing, damaged, a pickle, incomplete or of no known family; or the hub did not
            give it.
        InputError: an option cannot be honoured.
        EmotiveError: out of memory.
    """
    from emotive.devices import choose_device, choose_dtype

    _check_installed("transformers", "a diffusion model needs")
    chosen = choose_device(device)
    _check_offload(offload, chosen)
    precision, _ = choose_dtype(chosen, dtype)
    name_or_path = os.path.expanduser(os.fspath(name))
    with _one_line(os.fspath(name)), memory_errors():
        if os.path.isfile(name_or_path) or Path(name_or_path).suffix.lower() in FILES:
            from .single_file import open_single_file

            pipe = open_single_file(Path(name_or_path), config, precision)
            files = [Path(name_or_path)]
        else:
            if config is not None:
                raise InputError("a config goes with a .safetensors file: a folder or hub id has its own")
            folder = _local_folder(name, precision)
            pipe, files = _open_folder(folder, precision)
        _check_paints_from_text(pipe, os.fspath(name))
        if image_to_image:
            from diffusers.pipelines.auto_pipeline import AutoPipelineForImage2Image

            pipe = AutoPipelineForImage2Image.from_pipe(pipe)
        pipe.register_to_config(_name_or_path=os.fspath(name))
        told: list[str] = []
        if loras:
            from .lora import load_loras

            told = load_loras(pipe, loras)
        _place(pipe, chosen, offload)
        pipe.backbone_sha256 = files_fingerprint(files, told)  # type: ignore[attr-defined]
    return pipe


def text_encoders(name: str | os.PathLike[str], place: torch.device, **options: Any) -> Any:
    """A backbone without its denoiser and its autoencoder, on `place`: encoding needs neither. `options` are
    of `open_backbone`, which says what is raised."""
    from .families import family_of

    pipe = open_backbone(name, device="cpu", **options)
    pipe.register_modules(**{family_of(pipe).denoiser: None, "vae": None})
    return pipe.to(place)


@contextmanager
def memory_errors() -> Iterator[None]:
    """Within, running out of memory is an EmotiveError of one line; for opening and calling pipelines."""
    import torch

    try:
        yield
    except (torch.OutOfMemoryError, MemoryError, RuntimeError, OSError) as error:
        if not is_out_of_memory(error):
            raise
        raise EmotiveError(
            "out of memory: try --offload model (or sequential), a smaller --size, --dtype fp16 or bf16, or "
            "fewer pictures at once"
        ) from error


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error means that memory ran out, on a GPU or not: torch says so in several ways."""
    import torch

    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return True
    said = str(error).lower()
    known = ("out of memory", "not enough memory", "can't allocate memory", "cannot allocate memory")
    return any(words in said for words in known)


@contextmanager
def _one_line(name: str) -> Iterator[None]:
    """Within, what the libraries raise for a model that they cannot open is a WeightsError of one line."""
    from safetensors import SafetensorError

    raised = (OSError, ValueError, TypeError, KeyError, IndexError, AttributeError, RuntimeError, ImportError)
    try:
        yield
    except EmotiveError:
        raise
    except (*raised, SafetensorError) as error:
        why = " ".join(str(error).split())[:200]
        raise WeightsError(f"{name} could not be opened as a diffusion model: {why}") from error
    except Exception as error:
        if type(error).__name__ != "SingleFileComponentError":  # derives from nothing narrower
            raise
        why = " ".join(str(error).split())[:200]
        raise WeightsError(f"{name} could not be opened as a diffusion model: {why}") from error


def _check_installed(package: str, what: str) -> None:
    if importlib.util.find_spec(package) is None:
        raise InputError(f"{what} {package}, which is not installed: pip install 'emotive[backbones]'")


def _check_offload(offload: str | None, device: torch.device) -> None:
    if offload is None:
        return
    if offload not in OFFLOADS:
        raise InputError(f"offload is {' or '.join(OFFLOADS)}, not {str(offload)[:40]!r}")
    if device.type == "cpu":
        raise InputError("offloading moves a model off a GPU, and this is the CPU: leave it out")
    _check_installed("accelerate", "offloading needs")


def _place(pipe: Any, device: torch.device, offload: str | None) -> None:
    """Moves the pipeline to its device, or leaves that to its hooks."""
    if offload == "model":
        pipe.enable_model_cpu_offload(device=device)
    elif offload == "sequential":
        pipe.enable_sequential_cpu_offload(device=device)
    elif device.type != "cpu":
        pipe.to(device)
    else:
        # Mapped from their file, weights lie at any address, for which kernels round otherwise.
        import torch

        for part in pipe.components.values():
            if isinstance(part, torch.nn.Module):
                for weight in (*part.parameters(), *part.buffers()):
                    weight.data = weight.data.clone()


def _is_ours(folder: Path) -> bool | None:
    """Whether a folder's model_index.json names a pipeline of Emotive's own; None if there is none."""
    from .single_file import read_index

    if not (folder / "model_index.json").is_file():
        return None
    return str(read_index(folder)["_class_name"]).startswith("Emotive")


def _hub_index(hub_id: str) -> Path:
    """The folder with the model_index.json of a hub id."""
    from huggingface_hub import snapshot_download

    try:
        folder = Path(snapshot_download(hub_id, allow_patterns="model_index.json"))
    except (OSError, ValueError) as error:
        raise _not_given(hub_id, error) from error
    if not (folder / "model_index.json").is_file():
        raise WeightsError(
            f"{hub_id!r} on the hub is no diffusers pipeline (it has no model_index.json): if it offers a "
            ".safetensors file, download that and give the file"
        )
    return folder


def _not_given(hub_id: str, error: Exception) -> WeightsError:
    why = " ".join(str(error).split())[:120]
    return WeightsError(
        f"{hub_id!r} is not here, and the hub did not give it ({why}): with a network, run this once or "
        f"`hf download {hub_id}`; or give a diffusers folder or a .safetensors file"
    )


def _local_folder(name: str | os.PathLike[str], dtype: torch.dtype) -> Path:
    """The folder of a pipeline; that of a hub id is fetched."""
    path, text = Path(os.path.expanduser(os.fspath(name))), os.fspath(name)
    if path.is_dir():
        return path
    if not HUB_ID.fullmatch(text):
        raise WeightsError(
            f"there is no model {text[:100]!r}: give a diffusers folder, a .safetensors file or a hub id "
            "owner/name"
        )
    _checked_index(_hub_index(text))  # before gigabytes are fetched
    return _fetched(text, dtype)


def _open_folder(folder: Path, dtype: torch.dtype) -> tuple[DiffusionPipeline, list[Path]]:
    """The pipeline in a folder, and its files of weights."""
    from diffusers.pipelines.auto_pipeline import AutoPipelineForText2Image

    from .single_file import check_complete, check_vocabularies

    index = _checked_index(folder)
    variant = _variant(folder, index, dtype)
    files = weight_files(folder, variant)
    _check_weights(folder, index, files)
    absent: dict[str, Any] = {}
    if index.get("safety_checker", [None])[0] and not any((folder / "safety_checker").glob("*.safetensors")):
        warnings.warn(
            f"{folder.name} comes without the weights of its safety checker: it is left out", stacklevel=3
        )
        absent = {"safety_checker": None, "requires_safety_checker": False}
    check_vocabularies(folder, index)
    pipe = AutoPipelineForText2Image.from_pretrained(
        str(folder), dtype=dtype, use_safetensors=True, variant=variant, local_files_only=True, **absent
    )
    check_complete(pipe, folder.name)
    _check_text_encoders(pipe, folder, files)
    return pipe, files


def _check_text_encoders(pipe: Any, folder: Path, files: Sequence[Path]) -> None:
    """Raises WeightsError if a text encoder has more weights than its files, which transformers then makes up
    at random."""
    from .single_file import read_header

    for part, module in pipe.components.items():
        if not part.startswith("text_encoder") or module is None:
            continue
        own = [read_header(file) for file in files if file.parent == folder / part]
        there = sum(math.prod(shape) for header in own for shape in header.shapes.values())
        if there < sum(weight.numel() for weight in module.parameters()):
            raise WeightsError(f"{folder.name} lacks weights of its {part}: it is damaged, or another model")


def _checked_index(folder: Path) -> dict[str, Any]:
    """The folder's model_index.json. Raises WeightsError if it is of a family that is not known."""
    from .families import FAMILIES
    from .single_file import read_index

    index = read_index(folder)
    kind = index["_class_name"]
    if kind.startswith("Emotive"):
        raise InputError(f"{folder} is one of Emotive's own: open it with {kind}.from_pretrained")
    if not any(kind.startswith(family.pipelines) for family in FAMILIES):
        known = ", ".join(family.name for family in FAMILIES)
        raise WeightsError(f"{folder} holds a {kind[:60]}, which is of no family that is known: {known}")
    return index


def _networks(index: dict[str, Any]) -> list[str]:
    """The parts of a pipeline that have weights, and that it cannot do without."""
    return [
        part
        for part, value in index.items()
        if isinstance(value, list)
        and value[0]
        and part.startswith(("unet", "transformer", "vae", "text_encoder"))
    ]


def _variant(folder: Path, index: dict[str, Any], dtype: torch.dtype) -> str | None:
    """ "fp16" if those weights are there and the precision is half, or if there are no others."""
    import torch

    half = all(any((folder / part).glob("*.fp16*.safetensors")) for part in _networks(index))
    plain = all(
        any(".fp16" not in file.name for file in (folder / part).glob("*.safetensors"))
        for part in _networks(index)
    )
    return "fp16" if half and (dtype != torch.float32 or not plain) else None


def _check_weights(folder: Path, index: dict[str, Any], files: Sequence[Path]) -> None:
    """Raises WeightsError unless every network of the pipeline has whole safetensors files."""
    from .single_file import read_header

    for part in _networks(index):
        own = [file for file in files if file.parent == folder / part]
        for file in own:
            read_header(file)
        if not own:
            pickles = any(p.suffix in PICKLES for p in (folder / part).glob("*"))
            why = "may be pickles, which can run code: use safetensors" if pickles else "are missing"
            raise WeightsError(f"{folder}: the weights of its {part} {why}")


def _fetched(hub_id: str, dtype: torch.dtype) -> Path:
    """The folder of a hub id's pipeline, fetched where there is a network, else as it was fetched before."""
    from diffusers.pipelines.pipeline_utils import DiffusionPipeline
    from huggingface_hub import HfApi, snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HTTPError  # pyright: ignore[reportPrivateImportUsage]

    try:
        names = HfApi().list_repo_files(hub_id)
    except HfHubHTTPError as error:  # the hub answered, and said no
        raise _not_given(hub_id, error) from error
    except (OSError, HTTPError) as error:
        try:
            return Path(snapshot_download(hub_id, local_files_only=True))
        except (OSError, ValueError):
            raise _not_given(hub_id, error) from error
    half = str(dtype) != "torch.float32" and any(name.endswith(".fp16.safetensors") for name in names)
    try:
        return Path(
            DiffusionPipeline.download(hub_id, use_safetensors=True, variant="fp16" if half else None)
        )
    except (OSError, ValueError, HTTPError) as error:
        raise _not_given(hub_id, error) from error


def _check_paints_from_text(pipe: Any, name: str) -> None:
    """Raises WeightsError for models that need more than text: a mask, a depth map, an edge map."""
    from .families import family_of
    from .sampling_defaults import denoiser_of

    family_of(pipe)
    latents = pipe.vae.config.latent_channels
    patch = (
        4 if denoiser_of(pipe).config.get("guidance_embeds") is not None else 1
    )  # FLUX packs 2 x 2 latents
    if (taken := denoiser_of(pipe).config.in_channels) != latents * patch:
        raise WeightsError(
            f"{name} takes {taken} channels where text alone gives {latents * patch}: it is made for "
            "inpainting or for a control picture, not for text to image"
        )
