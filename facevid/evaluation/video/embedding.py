"""Identity embeddings of faces: dlib's descriptor, or a network in an ONNX file."""

from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from facevid.errors import ModelError, reason
from facevid.faces.alignment import EYE_LEFT, EYE_RIGHT, MOUTH_LEFT, MOUTH_RIGHT
from facevid.faces.identity import FaceDescriber

NOSE_TIP = 30
"""Index of the landmark on the tip of the nose."""

ARCFACE_SIDE = 112
"""Side of the input of ArcFace networks, in pixels."""

ARCFACE_POINTS = np.array(
    [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]], np.float32
)
"""Positions of the eyes, the tip of the nose and the corners of the mouth in the input of ArcFace networks, in pixels
(Deng et al., "ArcFace", CVPR 2019)."""

ARCFACE_MEAN = 127.5
"""Mean subtracted from the input, and scale by which it is then divided."""


class Embedding(Protocol):
    """Maps a face to a vector whose direction depends on the person."""

    name: str

    def embed(self, face: NDArray[np.uint8], landmarks: NDArray[np.floating]) -> NDArray[np.float64]:
        """Compute the embedding of a face.

        Args:
            face: uint8 (S, S, 3) RGB, an FFHQ crop.
            landmarks: (68, 2) or (84, 2) in pixels of the crop.

        Returns:
            float64 (D,).
        """


class DlibEmbedding:
    """dlib's face descriptor, whose weights are installed with facevid.

    Raises:
        ModelError: dlib's weights are missing.
    """

    name = "dlib"

    def __init__(self) -> None:
        self._describer = FaceDescriber()

    def embed(self, face: NDArray[np.uint8], landmarks: NDArray[np.floating]) -> NDArray[np.float64]:
        """Compute dlib's descriptor, float64 (128,)."""
        return self._describer.describe_crop(face, landmarks)


class OnnxEmbedding:
    """A face recognition network with the input of ArcFace: float32 (1, 3, 112, 112), RGB in [-1, 1], five points.

    OpenCV runs it, so no other runtime is needed.

    Raises:
        ModelError: the file is missing, or no such network.
    """

    def __init__(self, path: Path) -> None:
        self.name = path.name
        self._path = path
        try:
            if not path.is_file():
                raise ValueError("no such file")
            self._network = cv2.dnn.readNetFromONNX(str(path))
            self._forward(np.zeros((ARCFACE_SIDE, ARCFACE_SIDE, 3), np.uint8))
        except Exception as error:  # OpenCV raises errors of its own, and others for damaged files
            raise ModelError(
                f"{path}: no face recognition network ({reason(error)}); use an ONNX file with an input of shape "
                f"1 x 3 x {ARCFACE_SIDE} x {ARCFACE_SIDE}"
            ) from error

    def embed(self, face: NDArray[np.uint8], landmarks: NDArray[np.floating]) -> NDArray[np.float64]:
        """Compute the embedding, float64 (D,) of unit length."""
        points = np.asarray(landmarks, np.float64)
        eyes = [points[eye].mean(axis=0) for eye in (EYE_LEFT, EYE_RIGHT)]
        five = np.stack([*eyes, points[NOSE_TIP], points[MOUTH_LEFT], points[MOUTH_RIGHT]]).astype(np.float32)
        matrix, _ = cv2.estimateAffinePartial2D(five, ARCFACE_POINTS, method=cv2.LMEDS)
        aligned = cv2.warpAffine(face, matrix, (ARCFACE_SIDE, ARCFACE_SIDE), flags=cv2.INTER_AREA)
        vector = self._forward(np.asarray(aligned, np.uint8))
        return vector / max(float(np.linalg.norm(vector)), 1e-12)

    def _forward(self, aligned: NDArray[np.uint8]) -> NDArray[np.float64]:
        pixels = (aligned.astype(np.float32) - ARCFACE_MEAN) / ARCFACE_MEAN
        self._network.setInput(np.ascontiguousarray(pixels.transpose(2, 0, 1)[None]))
        return np.asarray(self._network.forward(), np.float64).ravel()


def choose_embedding(path: Path | None) -> Embedding:
    """Return the network in an ONNX file, or dlib's descriptor if `path` is None. Raises ModelError."""
    return DlibEmbedding() if path is None else OnnxEmbedding(path)
