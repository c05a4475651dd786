"""Age: what old faces share and young ones lack: folds beside the nose, bags under the eyes, thin brows."""

import cv2
import numpy as np
from numpy.typing import NDArray

from facevid.compositing.matte import OUTER_LIPS, face_outline, filled
from facevid.faces.dlib_detector import LandmarkPredictor
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
EYES = (slice(36, 42), slice(42, 48))


def find_ages(data: FaceData, count: int) -> Prototype | None:
    """Compare at most `count` old faces of each kind with as many young ones."""
    predictor = LandmarkPredictor()
    difference = mean_difference(pairs_of_kinds(data, "age", count, KINDS, predictor))
    if difference is None:
        return None
    region = _region(difference.landmarks, len(difference.light))
    change = STRENGTH * without_broad_light(difference.light, region)
    return Prototype(change, region, difference.landmarks, predictor)


def _region(landmarks: NDArray[np.float32], side: int) -> NDArray[np.float32]:
    """Draw the face without eyes and lips, (side, side)."""
    inner = np.maximum.reduce([filled(landmarks[part], side) for part in (*EYES, OUTER_LIPS)])
    reach = 2 * round(EDGE * side) + 1
    around = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach))
    alone = cv2.erode(filled(face_outline(landmarks, FOREHEAD), side), around) * (1 - cv2.dilate(inner, around))
    return cv2.GaussianBlur(alone, (0, 0), EDGE * side / 2)
