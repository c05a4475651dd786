"""dlib's landmarks and face descriptors. No training uses these landmarks, so they are an independent measure."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from facevid.faces.dlib_detector import LandmarkPredictor
from facevid.faces.identity import FaceDescriber


@dataclass(frozen=True)
class FaceFeatures:
    """Landmarks and descriptors of N faces.

    Attributes:
        landmarks: float32 (N, 68, 2), x and y in pixels of each crop.
        descriptors: float64 (N, 128). The mean distance is 0.2 to 0.5 between two pictures of one person, and 0.85
            between two people; dlib's own threshold is 0.6.
    """

    landmarks: NDArray[np.float32]
    descriptors: NDArray[np.float64]

    def __getitem__(self, rows: NDArray[np.bool_] | NDArray[np.intp]) -> "FaceFeatures":
        return FaceFeatures(self.landmarks[rows], self.descriptors[rows])


class FaceFeatureExtractor:
    """Computes the features of FFHQ crops.

    Raises:
        ModelError: dlib's weights are missing.
    """

    def __init__(self) -> None:
        self._predictor = LandmarkPredictor()
        self._describer = FaceDescriber()

    def extract(self, faces: Iterable[NDArray[np.uint8]]) -> FaceFeatures:
        """Compute the features of FFHQ crops, each uint8 (S, S, 3), RGB."""
        landmarks, descriptors = [], []
        for face in faces:
            points = self._predictor.place_in_crop(face)
            landmarks.append(points)
            descriptors.append(self._describer.describe_crop(face, points))
        return FaceFeatures(np.stack(landmarks), np.stack(descriptors))


def descriptor_distance(a: FaceFeatures, b: FaceFeatures) -> NDArray[np.float64]:
    """Return the distance between the descriptors of each row of `a` and the same row of `b`, (N,)."""
    return np.asarray(np.linalg.norm(a.descriptors - b.descriptors, axis=-1))


def to_pictures(generated: Tensor) -> NDArray[np.uint8]:
    """Convert generated faces (N, 3, R, R), RGB in [-1, 1], to uint8 (N, R, R, 3)."""
    pixels = ((generated.clamp(-1, 1) + 1) * 127.5).round().byte()
    return np.ascontiguousarray(pixels.permute(0, 2, 3, 1).cpu().numpy())
