"""A judge that no training has seen: dlib's landmarks and dlib's face descriptor."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from facevid.faces.dlib_detector import LandmarkPredictor
from facevid.faces.identity import FaceDescriber


@dataclass(frozen=True)
class Judgement:
    """What is seen in faces.

    Attributes:
        landmarks: float32 (N, 68, 2) in pixels of each crop.
        descriptors: float64 (N, 128). Two pictures of a person are on average 0.2 to 0.5 apart, of two people 0.85;
            dlib's own threshold is 0.6.
    """

    landmarks: NDArray[np.float32]
    descriptors: NDArray[np.float64]

    def __getitem__(self, rows: NDArray[np.bool_] | NDArray[np.intp]) -> "Judgement":
        return Judgement(self.landmarks[rows], self.descriptors[rows])


class Judge:
    """Looks at FFHQ crops.

    Raises:
        ModelError: dlib's weights are missing.
    """

    def __init__(self) -> None:
        self._predictor = LandmarkPredictor()
        self._describer = FaceDescriber()

    def look(self, faces: Iterable[NDArray[np.uint8]]) -> Judgement:
        """Judge FFHQ crops, each uint8 (S, S, 3) RGB."""
        landmarks, descriptors = [], []
        for face in faces:
            points = self._predictor.place_in_crop(face)
            landmarks.append(points)
            descriptors.append(self._describer.describe_crop(face, points))
        return Judgement(np.stack(landmarks), np.stack(descriptors))


def distance(a: Judgement, b: Judgement) -> NDArray[np.float64]:
    """Return the distances of the descriptors, row by row, (N,)."""
    return np.asarray(np.linalg.norm(a.descriptors - b.descriptors, axis=-1))


def to_pictures(generated: Tensor) -> NDArray[np.uint8]:
    """Turn generated faces (N, 3, R, R) in [-1, 1] into uint8 (N, R, R, 3)."""
    pixels = ((generated.clamp(-1, 1) + 1) * 127.5).round().byte()
    return np.ascontiguousarray(pixels.permute(0, 2, 3, 1).cpu().numpy())
