"""The adapter of audeering's model, on a tiny random model of its architecture with its real key names."""

import json

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from emotive.errors import InputError, WeightsError
from emotive.perceive import wav2vec2

transformers = pytest.importorskip("transformers")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory):
    """Some thousand parameters, written as the hub's are: weight norm as `weight_g`, `weight_v`."""
    config = transformers.Wav2Vec2Config(
        hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32, conv_dim=(8, 8),
        conv_kernel=(10, 8), conv_stride=(40, 8), num_feat_extract_layers=2, num_conv_pos_embeddings=8,
        num_conv_pos_embedding_groups=2, num_labels=3, do_stable_layer_norm=True, feat_extract_norm="layer",
        vocab_size=8,
    )  # fmt: skip
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = wav2vec2._architecture()(config).eval()
    with torch.no_grad():
        network.classifier.out_proj.weight.normal_(0, 2.0, generator=torch.Generator().manual_seed(1))
        network.classifier.out_proj.bias.copy_(torch.tensor([0.9, 0.2, 0.4]))
    path = tmp_path_factory.mktemp("w2v") / "model"
    network.save_pretrained(path)
    names = {"parametrizations.weight.original0": "weight_g", "parametrizations.weight.original1": "weight_v"}
    (file,) = path.glob("*.safetensors")
    tensors = load_file(file)
    for new, old in names.items():
        tensors = {key.replace(new, old): value for key, value in tensors.items()}
    assert "wav2vec2.encoder.pos_conv_embed.conv.weight_g" in tensors and "classifier.dense.weight" in tensors
    save_file(tensors, file, {"format": "pt"})
    record = json.loads((path / "config.json").read_text())
    (path / "config.json").write_text(
        json.dumps({**record, "architectures": ["Wav2Vec2ForSpeechClassification"]})
    )
    return path


def clip(seed: int, seconds: float = 1.0) -> np.ndarray:
    return 0.1 * np.random.default_rng(seed).standard_normal(round(16_000 * seconds)).astype(np.float32)


def test_outputs_are_arousal_dominance_valence_from_nought_to_one(folder):
    judge = wav2vec2.Wav2Vec2Judge.from_pretrained(folder)
    with torch.no_grad():
        x = clip(0) - clip(0).mean()
        raw = judge.network(torch.from_numpy(x / x.std())[None])[0].numpy()
    expected = (2 * raw[[2, 0, 1]] - 1).clip(-1, 1)
    np.testing.assert_allclose(judge.read([(clip(0), 16_000)])[0], expected, atol=1e-4)
    found = judge.estimate([(clip(0), 16_000)] * 2)
    np.testing.assert_allclose([found.valence[1], found.arousal[1]], expected[:2], atol=1e-4)
    assert found.valence_sd[0] == pytest.approx(np.sqrt((1 - 0.638**2) / 3))


def test_the_saved_weights_are_the_loaded_ones(folder):
    """No weight may come up at random: two loads agree, and every stored tensor is in the network."""
    one, two = (wav2vec2.Wav2Vec2Judge.from_pretrained(folder) for _ in range(2))
    items = [(clip(3), 16_000), (clip(4, 0.7), 16_000)]
    np.testing.assert_array_equal(one.read(items), two.read(items))
    (file,) = folder.glob("*.safetensors")
    stored = load_file(file)
    state = one.network.state_dict()
    assert torch.equal(state["classifier.out_proj.weight"], stored["classifier.out_proj.weight"])
    normed = "wav2vec2.encoder.pos_conv_embed.conv."
    assert torch.equal(state[normed + "parametrizations.weight.original0"], stored[normed + "weight_g"])
    assert len(one.fingerprint()) == 64 and one.fingerprint() == two.fingerprint()


def test_level_and_rate_change_nothing_it_should_not_hear(folder):
    judge = wav2vec2.Wav2Vec2Judge.from_pretrained(folder)
    loud, soft = judge.read([(clip(1), 16_000), (0.1 * clip(1), 16_000)])
    np.testing.assert_allclose(loud, soft, atol=1e-4)
    assert judge.read([]).shape == (0, 3)
    assert judge.read([(clip(1, 31.0), 16_000)]).shape == (1, 3)  # read in pieces


def test_a_model_without_its_head_is_refused(folder, tmp_path):
    (file,) = folder.glob("*.safetensors")
    tensors = {key: value for key, value in load_file(file).items() if not key.startswith("classifier")}
    save_file(tensors, tmp_path / "model.safetensors", {"format": "pt"})
    (tmp_path / "config.json").write_text((folder / "config.json").read_text())
    with pytest.raises(WeightsError, match=r"lacks classifier\.dense"):
        wav2vec2.Wav2Vec2Judge.from_pretrained(tmp_path)


def test_pickles_and_nothing_are_refused(folder, tmp_path):
    (tmp_path / "pytorch_model.bin").write_bytes(b"x")
    (tmp_path / "config.json").write_text((folder / "config.json").read_text())
    with pytest.raises(WeightsError):
        wav2vec2.Wav2Vec2Judge.from_pretrained(tmp_path)
    with pytest.raises(WeightsError, match="no model"):
        wav2vec2.Wav2Vec2Judge.from_pretrained("nothing-here")


def test_silence_is_refused(folder):
    with pytest.raises(InputError, match="silent"):
        wav2vec2.Wav2Vec2Judge.from_pretrained(folder).read([(np.zeros(16_000, np.float32), 16_000)])
