"""A judge that learned from people's ratings of photographs: HSEmotion, which is neither ours nor shipped.

    judge = HSEmotionJudge("enet_b0_8_va_mtl.onnx")

Savchenko 2022/2023 fitted EfficientNets to AffectNet; the models called `_mtl` answer eight emotions
(logits), then valence and arousal. The ONNX files lie in av-savchenko/face-emotion-recognition on GitHub,
Apache-2.0; AffectNet itself is for research. Its PyTorch files are pickled networks and are not read.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from emotive.errors import WeightsError
from emotive.face.landmarks import FaceLandmarks
from emotive.media import check_file
from emotive.weights import file_sha256

from .judge import Estimates

EMOTIONS = ("Anger", "Contempt", "Disgust", "Fear", "Happiness", "Neutral", "Sadness", "Surprise")
SIDES = (224, 260)  # pixels of the picture: of the B0 models, of the B2 models
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet, RGB in 0..1
SPREAD = (0.36, 0.33)  # RMSE of such models on AffectNet's validation faces, valence and arousal


class HSEmotionJudge:
    """Reads valence and arousal off the picture of a face, as raters of photographs in the wild saw them."""

    name = "HSEmotion"

    def __init__(self, path: str | os.PathLike[str]):
        """Opens an ONNX file. Raises WeightsError if it is none, or not of an `_mtl` model."""
        path = Path(path)
        check_file(path)
        if path.suffix.lower() != ".onnx":
            raise WeightsError(f"{path}: HSEmotion is read from .onnx; its .pt files are pickles")
        try:
            self._network = cv2.dnn.readNetFromONNX(str(path))
        except cv2.error as error:
            raise WeightsError(f"{path} is damaged or no ONNX network that OpenCV reads") from error
        self._fingerprint = file_sha256(path)
        outputs = 0
        for self.side in SIDES:
            try:
                outputs = self._scores(np.zeros((self.side, self.side, 3), np.uint8)).size
                break
            except cv2.error:
                continue
        else:
            raise WeightsError(f"{path} takes no pictures of {' or '.join(map(str, SIDES))} pixels")
        if outputs != len(EMOTIONS) + 2:
            raise WeightsError(
                f"{path} has {outputs} outputs, not {len(EMOTIONS) + 2}: only models called _mtl give "
                "valence and arousal, such as enet_b0_8_va_mtl.onnx"
            )

    def fingerprint(self) -> str:
        """64 hex digits: the sha256 of the file."""
        return self._fingerprint

    def estimate(self, pictures: Sequence[np.ndarray]) -> Estimates:
        """Pictures of faces, uint8 (H, W, 3), cut closely (see `face_picture`) -> `Estimates` of (N,)."""
        rows = [self._scores(picture)[-2:] for picture in pictures]
        found = np.array(rows, np.float64).reshape(-1, 2).clip(-1, 1)
        return Estimates(found[:, 0], found[:, 1], *(np.full(len(found), sd) for sd in SPREAD))

    def _scores(self, picture: np.ndarray) -> np.ndarray:
        x = cv2.resize(picture, (self.side, self.side)).astype(np.float32) / 255
        x = (x - np.array(MEAN, np.float32)) / np.array(DEVIATION, np.float32)
        self._network.setInput(np.ascontiguousarray(x.transpose(2, 0, 1)[None]))
        return np.asarray(self._network.forward()).ravel()


def face_picture(image: np.ndarray, face: FaceLandmarks) -> np.ndarray:
    """The face out of a picture, as face detectors cut it: hairline to chin, a little wider."""
    low, high = face.oval[:, :2].min(0), face.oval[:, :2].max(0)
    margin = 0.05 * (high - low)
    (left, top), (right, bottom) = np.floor(low - margin).astype(int), np.ceil(high + margin).astype(int)
    height, width = image.shape[:2]
    return image[max(top, 0) : min(bottom, height), max(left, 0) : min(right, width)]
