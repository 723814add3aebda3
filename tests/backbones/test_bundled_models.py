"""The bundled configurations of models that come as one file: published sizes, recognised by keys and shapes
alone; and the tokenizers that are built for them."""

import gzip
import os
from pathlib import Path
from typing import Any

import diffusers
import pytest
import torch
import transformers
from diffusers.loaders import single_file_utils
from original_layouts import original_state
from safetensors.torch import save_file

from emotive.backbones.opening import open_backbone
from emotive.backbones.single_file import CONFIGS, Header, bundled_models, model_in
from emotive.backbones.vocabularies import clip_vocabulary, write_tokenizer
from emotive.errors import EmotiveError, WeightsError
from emotive.fetching import CLIP_VOCABULARY, T5_VOCABULARY, fetched


def refusal(*args: Any, **kwargs: Any) -> str:
    """The line with which a file is refused."""
    with pytest.raises(EmotiveError) as caught:
        open_backbone(*args, device="cpu", dtype="fp32", **kwargs)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 500
    return str(caught.value)


@pytest.fixture(scope="session")
def vocabularies() -> None:
    """EMOTIVE_REQUIRE_VOCABULARIES=1 forbids to skip."""
    if any(fetched(item) is None for item in (CLIP_VOCABULARY, T5_VOCABULARY)):
        if os.environ.get("EMOTIVE_REQUIRE_VOCABULARIES") == "1":
            pytest.fail("run `emotive fetch clip-vocabulary` and `emotive fetch t5-vocabulary`")
        pytest.skip("needs `emotive fetch clip-vocabulary` and `emotive fetch t5-vocabulary`")


PUBLISHED = {  # millions of parameters
    "sd15": {"unet": 859.5, "text_encoder": 123.1, "vae": 83.7},
    "sd2": {"unet": 865.9, "text_encoder": 340.4},
    "sd2-base": {"unet": 865.9},
    "sd-turbo": {"unet": 865.9},
    "sdxl": {"unet": 2567.5, "text_encoder": 123.1, "text_encoder_2": 694.7, "vae": 83.7},
    "sdxl-turbo": {"unet": 2567.5},
    "sd3-medium": {"transformer": 2028.3, "text_encoder": 123.7, "text_encoder_3": 4762.3},
    "sd3.5-medium": {"transformer": 2243.2},
    "sd3.5-large": {"transformer": 8056.6},
    "flux-dev": {"transformer": 11901.4, "text_encoder_2": 4762.3},
    "flux-schnell": {"transformer": 11891.2},
}


@pytest.fixture(scope="module")
def on_meta():
    """A bundled model at full size, without weights."""
    made: dict[str, Any] = {}

    def built(part: dict[str, Any]) -> Any:
        if (key := str(part)) not in made:
            with torch.device("meta"):
                if "_class_name" in part:
                    made[key] = getattr(diffusers, part["_class_name"]).from_config(part)
                else:
                    kind = getattr(transformers, part["architectures"][0])
                    made[key] = kind(kind.config_class.from_dict(part))
        return made[key]

    def on_meta(name: str) -> Any:
        model = bundled_models()[name]
        parts = {key: built(part) for key, part in model.items()
                 if isinstance(part, dict) and not key.startswith(("tokenizer", "scheduler"))}  # fmt: skip
        return type(model["_class_name"], (), parts)()

    return on_meta


def header_of(pipe: Any, **more: tuple[int, ...]) -> Header:
    return Header({key: tuple(t.shape) for key, t in original_state(pipe).items()} | more, {})


@pytest.mark.parametrize("name", PUBLISHED)
def test_bundled_models_have_the_published_sizes_and_are_recognised(name: str, on_meta):
    pipe = on_meta(name)
    for part, millions in PUBLISHED[name].items():
        assert sum(p.numel() for p in getattr(pipe, part).parameters()) / 1e6 == pytest.approx(
            millions, abs=0.06
        )
    header = header_of(pipe)
    assert (
        model_in(
            Path(
                f"{name.replace('-768', '')}_v2_768.safetensors" if name == "sd2" else f"{name}.safetensors"
            ),
            header,
        )
        == name
    )
    network = pipe.unet if hasattr(pipe, "unet") else pipe.transformer
    convert = {
        "UNet2DConditionModel": single_file_utils.convert_ldm_unet_checkpoint,
        "SD3Transformer2DModel": single_file_utils.convert_sd3_transformer_checkpoint_to_diffusers,
        "FluxTransformer2DModel": single_file_utils.convert_flux_transformer_checkpoint_to_diffusers,
    }[type(network).__name__]
    ours = {key: t for key, t in original_state(pipe).items() if key.startswith("model.diffusion_model.")}
    back = convert(ours, config=dict(network.config))
    assert {key: t.shape for key, t in back.items()} == {
        key: t.shape for key, t in network.state_dict().items()
    }


def test_every_bundled_scheduler_opens_and_every_model_is_whole():
    for model in bundled_models().values():
        scheduler = getattr(diffusers, model["scheduler"]["_class_name"]).from_config(model["scheduler"])
        unknown = model["scheduler"].keys() - scheduler.config.keys() - {"_class_name"}
        assert not unknown
        assert {key for key in model if key.startswith("tokenizer")} == {
            key.replace("text_encoder", "tokenizer") for key in model if key.startswith("text_encoder")
        }
    assert sorted(p.name for p in CONFIGS.iterdir()) == ["components.json", "models.json"]


def test_names_and_metadata_tell_variants_apart(on_meta):
    xl, two = header_of(on_meta("sdxl")), header_of(on_meta("sd2"))
    for file, name in {
        "sd_xl_base_1.0": "sdxl",
        "sd_xl_turbo_1.0_fp16": "sdxl-turbo",
        "dreamshaperXL_v21TurboDPMSDE": "sdxl-lightning",
        "sdxl_lightning_4step": "sdxl-lightning",
        "juggernautXL_hyperrealism": "sdxl",
        "noobaiXLNAIXL_vPred10Version": "sdxl-v",
    }.items():
        assert model_in(Path(f"{file}.safetensors"), xl) == name, file
    assert model_in(Path("x.safetensors"), Header({**xl.shapes, "v_pred": ()}, {})) == "sdxl-v"
    for file, name in {
        "v2-1_768-ema-pruned": "sd2",
        "512-base-ema": "sd2-base",
        "sd_turbo": "sd-turbo",
    }.items():
        assert model_in(Path(f"{file}.safetensors"), two) == name, file
    told = Header(two.shapes, {"modelspec.prediction_type": "epsilon"})
    assert model_in(Path("x.safetensors"), told) == "sd2-base"
    with pytest.warns(UserWarning, match="--config sd2-base"):
        assert model_in(Path("x.safetensors"), two) == "sd2"


def stand_in(file: Path) -> Path:
    """What is recognised as Stable Diffusion 1, and holds next to nothing."""
    keys = [
        "model.diffusion_model.output_blocks.11.0.skip_connection.weight",
        "first_stage_model.encoder.conv_in.weight",
    ]
    keys.append("cond_stage_model.transformer.text_model.embeddings.position_embedding.weight")
    save_file({key: torch.zeros(1, 1) for key in keys}, file)
    return file


def test_a_vocabulary_that_was_not_fetched_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    line = refusal(stand_in(tmp_path / "fine-tune.safetensors"))
    assert "fine-tune.safetensors needs CLIP's vocabulary" in line
    assert "run `emotive fetch clip-vocabulary`, or give --config FOLDER" in line
    with pytest.raises(WeightsError, match="emotive fetch t5-vocabulary"):
        write_tokenizer(tmp_path / "t5", bundled_models()["flux-dev"]["tokenizer_2"], "x")


def test_the_tokenizers_give_the_known_numbers(vocabularies: None, tmp_path: Path):
    model = bundled_models()["sd3-medium"]
    for part in ("tokenizer", "tokenizer_2", "tokenizer_3"):
        write_tokenizer(tmp_path / part, model[part], "x")
    first, second = (
        transformers.CLIPTokenizer.from_pretrained(tmp_path / f"tokenizer{i}") for i in ("", "_2")
    )
    for tokenizer in (first, second):
        assert tokenizer("a photo of a cat").input_ids == [49406, 320, 1125, 539, 320, 2368, 49407]
        assert len(tokenizer) == 49408 and tokenizer.model_max_length == 77
    padded = [t("a", padding="max_length").input_ids for t in (first, second)]
    assert [row[2:] for row in padded] == [[49407] * 75, [49407] + [0] * 74]
    t5 = transformers.T5Tokenizer.from_pretrained(tmp_path / "tokenizer_3")
    assert t5("a photo of a cat").input_ids == [3, 9, 1202, 13, 3, 9, 1712, 1] and t5.model_max_length == 512
    assert t5("<extra_id_0>").input_ids == [32099, 1]


def test_the_bundled_configuration_reaches_the_weights(vocabularies: None, tmp_path: Path):
    line = refusal(stand_in(tmp_path / "empty.safetensors"))
    assert "empty.safetensors" in line and "vocabulary" not in line


def test_a_list_of_merges_that_is_none_is_refused(tmp_path: Path):
    (tmp_path / "v.gz").write_bytes(gzip.compress(b"#version\na b\n"))
    with pytest.raises(WeightsError, match="is not CLIP's list of merges"):
        clip_vocabulary(tmp_path / "v.gz")
    (tmp_path / "v.gz").write_bytes(b"a b")
    with pytest.raises(WeightsError, match="cannot read"):
        clip_vocabulary(tmp_path / "v.gz")
