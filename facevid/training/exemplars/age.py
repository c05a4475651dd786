"""Age: what old faces share and young ones lack: folds beside the nose, bags under the eyes, thin brows."""

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from facevid.compositing.matte import OUTER_LIPS, face_outline, filled
from facevid.faces.dlib_detector import LandmarkPredictor
from facevid.training.augmentation import Batch
from facevid.training.exemplars.prototype import (
    FOREHEAD,
    Prototype,
    mean_difference,
    pairs_of_kinds,
    without_broad_light,
)
from facevid.training.face_data import FaceData

KINDS = [
    {"male": male, "smile": smile, "glasses": False, "beard": False}
    for male in (True, False)
    for smile in (True, False)
]
STRENGTH = 4.5
"""How many times the mean difference an edit makes: a mean of folds is shallower than folds."""
EDGE = 0.016
"""Width of the edge of what changes, as a share of the side."""
AROUND = 0.045
"""Standard deviation of what is around a spot of skin, as a share of the side."""
EYES = (slice(36, 42), slice(42, 48))


@dataclass(frozen=True)
class Ages:
    """What makes faces older, and younger: folds that a face does not have cannot be taken from it."""

    older: Prototype

    def put_on(self, faces: Batch, strengths: Tensor) -> tuple[Tensor, Tensor]:
        """Deepen folds, or take them away, until skin is as light as around them."""
        aged, where = self.older.put_on(faces, strengths)
        smooth = _around(faces.pictures, where)
        lightened = torch.maximum(faces.pictures, torch.minimum(aged, smooth))
        return torch.where((strengths < 0)[:, None, None, None], lightened, aged), where


def find_ages(data: FaceData, count: int) -> Ages | None:
    """Compare at most `count` old faces of each kind with as many young ones."""
    predictor = LandmarkPredictor()
    difference = mean_difference(pairs_of_kinds(data, "age", count, KINDS, predictor))
    if difference is None:
        return None
    region = _region(difference.landmarks, len(difference.light))
    change = STRENGTH * without_broad_light(difference.light, region)
    return Ages(Prototype(change, region, difference.landmarks, predictor))


def _around(pictures: Tensor, weights: Tensor) -> Tensor:
    """Average pictures (N, 3, R, R) around each pixel over where the weights, (N, 1, R, R), are."""
    sigma = AROUND * pictures.shape[-1]
    total, weight = (_blurred(each, sigma) for each in (pictures * weights, weights))
    return total / weight.clamp(min=1e-3)


def _blurred(pictures: Tensor, sigma: float) -> Tensor:
    planes = pictures.permute(0, 2, 3, 1).cpu().numpy()
    blurred = [cv2.GaussianBlur(plane, (0, 0), sigma).reshape(plane.shape) for plane in planes]
    return torch.from_numpy(np.stack(blurred)).permute(0, 3, 1, 2).to(pictures.device)


def _region(landmarks: NDArray[np.float32], side: int) -> NDArray[np.float32]:
    """Draw the face without eyes and lips, (side, side)."""
    inner = np.maximum.reduce([filled(landmarks[part], side) for part in (*EYES, OUTER_LIPS)])
    reach = 2 * round(EDGE * side) + 1
    around = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach))
    alone = cv2.erode(filled(face_outline(landmarks, FOREHEAD), side), around) * (1 - cv2.dilate(inner, around))
    return cv2.GaussianBlur(alone, (0, 0), EDGE * side / 2)
