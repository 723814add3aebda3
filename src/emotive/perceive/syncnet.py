"""Whether lips fit a sound, by SyncNet (Chung & Zisserman 2016), whose weights are neither ours nor shipped.

    found = SyncNet("syncnet_v2.model").offset(frames, faces, waveform, sample_rate)

The authors' weights (joonson/syncnet_python, MIT) are a PyTorch file of tensors alone, which is read as such
and nothing else; safetensors with the same names are read too. The architecture and the preparation follow
their published evaluation; faces are cut around our landmarks instead of their detector's box.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import torch
from torch import Tensor, nn

from emotive.errors import InputError, WeightsError
from emotive.face.landmarks import FaceLandmarks
from emotive.media import check_file
from emotive.weights import file_sha256, read_tensors

from .mfcc import RATE, mfcc

FPS = 25.0  # frames/s
SIDE = 224  # pixels
SEEN, HEARD = 5, 20  # frames of picture and of cepstra that are compared at once
SHIFT = 15  # frames to either side that are tried
CROP = 0.40  # how much wider than the face's box
STEP = 16  # windows at once


class Sync(NamedTuple):
    """offset: frames at 25/s by which the sound is behind the picture. distance: the least mean distance
    (LSE-D, lower fits better). confidence: by how much it is below the median over shifts (LSE-C, higher is
    better)."""

    offset: int
    distance: float
    confidence: float


class SyncNetNetwork(nn.Module):
    """Cepstra (B, 1, 13, 20) and faces (B, 3, 5, 224, 224), BGR in 0..255, to embeddings (B, 1024) each."""

    def __init__(self) -> None:
        super().__init__()
        self.netcnnaud = nn.Sequential(
            *_flat(1, 64, 3, padding=1), nn.MaxPool2d(1, 1),
            *_flat(64, 192, 3, padding=1), nn.MaxPool2d(3, (1, 2)),
            *_flat(192, 384, 3, padding=1), *_flat(384, 256, 3, padding=1),
            *_flat(256, 256, 3, padding=1), nn.MaxPool2d(3, 2),
            *_flat(256, 512, (5, 4)),
        )  # fmt: skip
        self.netfcaud = _embedding()
        self.netfclip = _embedding()
        self.netcnnlip = nn.Sequential(
            *_deep(3, 96, (5, 7, 7), stride=(1, 2, 2)), nn.MaxPool3d((1, 3, 3), (1, 2, 2)),
            *_deep(96, 256, (1, 5, 5), stride=(1, 2, 2), padding=(0, 1, 1)),
            nn.MaxPool3d((1, 3, 3), (1, 2, 2), padding=(0, 1, 1)),
            *_deep(256, 256, (1, 3, 3), padding=(0, 1, 1)), *_deep(256, 256, (1, 3, 3), padding=(0, 1, 1)),
            *_deep(256, 256, (1, 3, 3), padding=(0, 1, 1)), nn.MaxPool3d((1, 3, 3), (1, 2, 2)),
            *_deep(256, 512, (1, 6, 6)),
        )  # fmt: skip

    def hear(self, cepstra: Tensor) -> Tensor:
        """(B, 1, 13, 20) -> (B, 1024)."""
        return self.netfcaud(self.netcnnaud(cepstra).flatten(1))

    def see(self, faces: Tensor) -> Tensor:
        """(B, 3, 5, 224, 224) -> (B, 1024)."""
        return self.netfclip(self.netcnnlip(faces).flatten(1))


class SyncNet:
    """SyncNet with somebody's weights, from an explicit path."""

    name = "SyncNet"

    def __init__(self, path: str | os.PathLike[str], device: str | torch.device = "cpu"):
        """Raises WeightsError if the file is damaged, pickles more than tensors, or is of another network."""
        path = Path(path)
        check_file(path)
        self.network = SyncNetNetwork().eval().requires_grad_(False)
        state = read_tensors(path, "SyncNet")
        lacking, unknown = self.network.state_dict().keys() - state, state.keys() - self.network.state_dict()
        # Weights from before PyTorch counted batches lack those counters, which are not used here.
        lacking = sorted(name for name in lacking if not name.endswith("num_batches_tracked"))
        if lacking or unknown:
            odd = (lacking or sorted(unknown))[0]
            raise WeightsError(f"{path} holds no SyncNet: {odd} {'is missing' if lacking else 'is unknown'}")
        try:
            self.network.load_state_dict(state, strict=False)
        except RuntimeError as error:
            why = " ".join(str(error).split())[-160:]
            raise WeightsError(f"{path} holds another SyncNet: {why}") from error
        self.network.to(device)
        self._device, self._fingerprint = torch.device(device), file_sha256(path)

    def fingerprint(self) -> str:
        """64 hex digits: the sha256 of the file."""
        return self._fingerprint

    @torch.no_grad()
    def offset(
        self,
        frames: Iterable[np.ndarray],
        faces: Sequence[FaceLandmarks],
        waveform: np.ndarray,
        sample_rate: int,
    ) -> Sync:
        """How picture and sound fit.

        Args:
            frames: uint8 (H, W, 3), at 25 frames/s, read once.
            faces: the landmarks in each of them.
            waveform: float32 (N,) in [-1, 1], from the first frame on.
            sample_rate: of it, samples/s.

        Raises InputError for clips under a second.
        """
        import soxr

        heard = waveform if sample_rate == RATE else soxr.resample(waveform, sample_rate, RATE)
        cepstra = torch.from_numpy(mfcc(np.round(32767 * np.asarray(heard, np.float64))).T.astype(np.float32))
        count = min(len(faces), len(heard) * int(FPS) // RATE, cepstra.shape[1] // 4) - SEEN
        if count < FPS:
            raise InputError("SyncNet needs more than a second of picture and sound")
        boxes = face_boxes(faces)
        seen, window = [], []
        for picture, box in zip(frames, boxes, strict=False):
            window.append(_cut(picture, box))
            if len(window) == SEEN + STEP - 1:
                seen.append(self._look(window))
                window = window[STEP:]
        if len(window) >= SEEN:
            seen.append(self._look(window))
        looked = torch.cat(seen)[:count]
        starts = torch.arange(len(looked))
        listened = torch.cat([
            self.network.hear(torch.stack([_heard(cepstra, i) for i in part.tolist()]).to(self._device))
            for part in starts.split(64)
        ])  # fmt: skip
        return sync(looked.cpu(), listened.cpu())

    def _look(self, window: Sequence[np.ndarray]) -> Tensor:
        clip = torch.from_numpy(np.stack(window)).permute(3, 0, 1, 2).float()  # (3, T, 224, 224)
        each = [clip[:, i : i + SEEN] for i in range(len(window) - SEEN + 1)]
        return self.network.see(torch.stack(each).to(self._device))


def sync(looked: Tensor, listened: Tensor, shift: int = SHIFT) -> Sync:
    """Offset, distance and confidence from embeddings of picture and sound (T, D) each, frame by frame."""
    padded = nn.functional.pad(listened, (0, 0, shift, shift))
    means = torch.stack([
        nn.functional.pairwise_distance(looked, padded[k : k + len(looked)]).mean()
        for k in range(2 * shift + 1)
    ])  # fmt: skip
    best = int(means.argmin())
    # Shifted by k, the picture is compared with the sound k - shift frames later.
    return Sync(best - shift, float(means[best]), float(means.median() - means[best]))


def _heard(cepstra: Tensor, frame: int) -> Tensor:
    """(1, 13, 20): what is heard from a frame on; 4 rows of cepstra to a frame."""
    return cepstra[None, :, 4 * frame : 4 * frame + HEARD]


def face_boxes(faces: Sequence[FaceLandmarks]) -> np.ndarray:
    """(N, 3): middle x, y and half side of each face's box, by a running median over 13 frames."""
    rows = []
    for face in faces:
        low, high = face.oval[:, :2].min(0), face.oval[:, :2].max(0)
        rows.append([*(low + high) / 2, (high - low).max() / 2])
    padded = np.pad(np.array(rows, float), ((6, 6), (0, 0)), mode="edge")
    return np.median(np.lib.stride_tricks.sliding_window_view(padded, 13, 0), -1)


def _cut(picture: np.ndarray, box: np.ndarray) -> np.ndarray:
    """From the top of the box to below the chin, as much wider; grey where the picture ends; BGR."""
    x, y, half = box
    wide = half * (1 + CROP)
    scale = SIDE / (2 * wide)
    forward = np.array([[scale, 0, -scale * (x - wide)], [0, scale, -scale * (y - half)]])
    return cv2.warpAffine(
        picture[..., ::-1], forward, (SIDE, SIDE), borderMode=cv2.BORDER_CONSTANT, borderValue=(110, 110, 110)
    )


def _flat(inputs: int, outputs: int, size: int | tuple[int, int], padding: int = 0) -> list[nn.Module]:
    return [nn.Conv2d(inputs, outputs, size, padding=padding), nn.BatchNorm2d(outputs), nn.ReLU()]


def _deep(
    inputs: int,
    outputs: int,
    size: tuple[int, int, int],
    stride: tuple[int, int, int] = (1, 1, 1),
    padding: tuple[int, int, int] = (0, 0, 0),
) -> list[nn.Module]:
    return [nn.Conv3d(inputs, outputs, size, stride, padding), nn.BatchNorm3d(outputs), nn.ReLU()]


def _embedding() -> nn.Sequential:
    return nn.Sequential(nn.Linear(512, 512), nn.BatchNorm1d(512), nn.ReLU(), nn.Linear(512, 1024))
