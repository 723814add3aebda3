"""Adapters for weights that are not ours, on random weights in the true layout."""

from pathlib import Path

import numpy as np
import pytest
import torch

from emotive.errors import InputError, WeightsError
from emotive.face.opening import open_portrait
from emotive.perceive.hsemotion import DEVIATION, MEAN, HSEmotionJudge, face_picture
from emotive.perceive.mfcc import mfcc
from emotive.perceive.syncnet import SHIFT, SyncNet, SyncNetNetwork, face_boxes, sync

# -- a small network in ONNX's format (protocol buffers), by hand: mean over the picture, then a matrix ----


def field(number: int, value: int | bytes) -> bytes:
    def varint(n: int) -> bytes:
        out = b""
        while n > 127:
            out, n = out + bytes([n & 127 | 128]), n >> 7
        return out + bytes([n])

    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def tensor(name: bytes, values: np.ndarray) -> bytes:
    dims = b"".join(field(1, n) for n in values.shape)
    return dims + field(2, 1) + field(8, name) + field(9, values.astype("<f4").tobytes())


def shaped(name: bytes, *shape: int) -> bytes:
    dims = b"".join(field(1, field(1, n)) for n in shape)
    return field(1, name) + field(2, field(1, field(1, 1) + field(2, dims)))


def node(kind: bytes, inputs: list[bytes], output: bytes) -> bytes:
    return b"".join(field(1, name) for name in inputs) + field(2, output) + field(4, kind)


def onnx(path: Path, matrix: np.ndarray, side: int = 224) -> Path:
    graph = b"".join([
        field(1, node(b"GlobalAveragePool", [b"input"], b"pooled")),
        field(1, node(b"Flatten", [b"pooled"], b"flat")),
        field(1, node(b"MatMul", [b"flat", b"matrix"], b"output")),
        field(2, b"net"),
        field(5, tensor(b"matrix", matrix)),
        field(11, shaped(b"input", 1, 3, side, side)),
        field(12, shaped(b"output", 1, matrix.shape[1])),
    ])  # fmt: skip
    path.write_bytes(field(1, 8) + field(7, graph) + field(8, field(2, 11)))
    return path


def test_hsemotion_reads_the_last_two_of_its_scores(tmp_path: Path):
    matrix = np.zeros((3, 10), np.float32)
    matrix[0, 8], matrix[2, 9] = 0.5, -0.25  # red is valence, blue takes arousal away
    judge = HSEmotionJudge(onnx(tmp_path / "enet_b0_8_va_mtl.onnx", matrix))
    red = np.full((90, 70, 3), (200, 30, 100), np.uint8)
    found = judge.estimate([red])
    r, b = (200 / 255 - MEAN[0]) / DEVIATION[0], (100 / 255 - MEAN[2]) / DEVIATION[2]
    assert found.valence[0] == pytest.approx(0.5 * r, abs=1e-3)
    assert found.arousal[0] == pytest.approx(-0.25 * b, abs=1e-3)
    assert judge.side == 224 and len(judge.fingerprint()) == 64


def test_what_is_no_hsemotion_is_one_line(tmp_path: Path):
    with pytest.raises(WeightsError, match="8 outputs, not 10: only models called _mtl"):
        HSEmotionJudge(onnx(tmp_path / "enet_b0_8_best_afew.onnx", np.zeros((3, 8), np.float32)))
    (tmp_path / "bad.onnx").write_bytes(b"no network at all")
    with pytest.raises(WeightsError, match="damaged or no ONNX"):
        HSEmotionJudge(tmp_path / "bad.onnx")
    (tmp_path / "net.pt").write_bytes(b"x")
    with pytest.raises(WeightsError, match="pickles"):
        HSEmotionJudge(tmp_path / "net.pt")
    with pytest.raises(InputError, match="does not exist"):
        HSEmotionJudge(tmp_path / "missing.onnx")


def test_the_face_is_cut_out_of_the_picture():
    portrait = open_portrait("yuki")
    cut = face_picture(portrait.image, portrait.landmarks)
    oval = portrait.landmarks.oval
    assert cut.shape[0] == pytest.approx(1.1 * np.ptp(oval[:, 1]), abs=3)
    assert cut.shape[1] == pytest.approx(1.1 * np.ptp(oval[:, 0]), abs=3)


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """SyncNet's layout with random weights, as its authors' file has it: a table of tensors."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        state = SyncNetNetwork().state_dict()
    path = tmp_path_factory.mktemp("syncnet") / "syncnet_v2.model"
    # Theirs was saved before PyTorch counted batches.
    torch.save({k: v for k, v in state.items() if not k.endswith("num_batches_tracked")}, path)
    return path


def test_syncnet_has_its_authors_layers():
    state = SyncNetNetwork().state_dict()
    shapes = {name: tuple(value.shape) for name, value in state.items()}
    assert shapes["netcnnaud.0.weight"] == (64, 1, 3, 3) and shapes["netcnnaud.18.weight"] == (512, 256, 5, 4)
    assert shapes["netcnnlip.0.weight"] == (96, 3, 5, 7, 7)
    assert shapes["netcnnlip.18.weight"] == (512, 256, 1, 6, 6)
    assert shapes["netfcaud.0.weight"] == (512, 512) and shapes["netfclip.3.weight"] == (1024, 512)
    assert len(state) == 102


def test_syncnet_runs_on_a_clip(network: Path):
    portrait, rng = open_portrait("yuki"), np.random.default_rng(0)
    frames = [np.roll(portrait.image, k % 3, 0) for k in range(32)]
    sound = 0.1 * rng.standard_normal(32 * 640).astype(np.float32)
    syncnet = SyncNet(network)
    found = syncnet.offset(frames, [portrait.landmarks] * 32, sound, 16_000)
    assert abs(found.offset) <= SHIFT and found.distance > 0 and found.confidence >= 0
    with pytest.raises(InputError, match="more than a second"):
        syncnet.offset(frames[:20], [portrait.landmarks] * 20, sound, 16_000)


def test_other_weights_are_refused(network: Path, tmp_path: Path):
    state = torch.load(network, weights_only=True)
    lacking = {k: v for k, v in state.items() if k != "netfclip.3.bias"}
    torch.save(lacking, tmp_path / "lacking.pt")
    with pytest.raises(WeightsError, match=r"netfclip\.3\.bias is missing"):
        SyncNet(tmp_path / "lacking.pt")
    torch.save(state | {"netfclip.3.bias": torch.zeros(3)}, tmp_path / "other.pt")
    with pytest.raises(WeightsError, match="another SyncNet"):
        SyncNet(tmp_path / "other.pt")
    torch.save(Path("code"), tmp_path / "pickle.pt")
    with pytest.raises(WeightsError, match="holds code or objects beside tensors"):
        SyncNet(tmp_path / "pickle.pt")


@pytest.mark.parametrize("late", [-7, 0, 4])
def test_the_offset_is_that_of_the_sound(late: int):
    rng = torch.Generator().manual_seed(0)
    looked = torch.randn(80, 16, generator=rng)
    found = sync(looked, torch.roll(looked, late, 0))
    assert found.offset == late and found.confidence > 1


def test_cepstra_are_those_of_the_published_recipe():
    """Values of python_speech_features 0.6, on which SyncNet was trained, for one tone."""
    tone = np.round(3000 * np.sin(0.1 * np.arange(800)))
    assert mfcc(tone).shape == (4, 13)
    assert mfcc(tone)[1, :4] == pytest.approx([16.06168219, 23.7900543, 14.42747382, 7.22818839])


def test_boxes_forget_single_slips():
    portrait = open_portrait("yuki")
    from emotive.face.opening import moved

    slipped = moved(portrait.landmarks, np.eye(3), np.array([200.0, 0, 0]))
    boxes = face_boxes([portrait.landmarks] * 8 + [slipped] + [portrait.landmarks] * 8)
    assert np.ptp(boxes, 0) == pytest.approx(0, abs=1e-6)
