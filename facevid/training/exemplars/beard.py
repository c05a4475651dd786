"""Beards: how much darker the lower face of bearded men is than that of others."""

import cv2
import numpy as np
from numpy.typing import NDArray

from facevid.compositing.matte import OUTER_LIPS, face_outline, filled
from facevid.faces.dlib_detector import LandmarkPredictor
from facevid.training.exemplars.prototype import FOREHEAD, Prototype, mean_difference, pairs_of_kinds
from facevid.training.face_data import FaceData

KINDS = [{"male": True, "smile": smile, "glasses": False} for smile in (True, False)]
STRENGTH = 3.0
"""How many times the mean difference an edit makes: most beards are shorter than a full one."""
JAW, NOSTRILS, NOSE_TIP = slice(1, 16), slice(31, 36), 30
EDGE = 0.008
"""Standard deviation of the beard's edge, as a share of the side."""


def find_beards(data: FaceData, count: int) -> Prototype | None:
    """Compare at most `count` bearded faces of each kind with as many others."""
    predictor = LandmarkPredictor()
    difference = mean_difference(pairs_of_kinds(data, "beard", count, KINDS, predictor))
    if difference is None:
        return None
    landmarks, side = difference.landmarks, len(difference.light)
    upper = filled(face_outline(landmarks, FOREHEAD), side) * (np.arange(side)[:, None] < landmarks[NOSE_TIP, 1])
    unshaded = float(np.average(difference.light, weights=upper))
    darker = np.minimum(difference.light - unshaded, 0)
    return Prototype(STRENGTH * darker, _lower_face(landmarks, side), landmarks, predictor)


def _lower_face(landmarks: NDArray[np.float32], side: int) -> NDArray[np.float32]:
    """Draw the face below the nose, without the lips, (side, side)."""
    below_nose = filled(np.concatenate([landmarks[JAW], landmarks[NOSTRILS][::-1]]), side)
    lips = filled(cv2.convexHull(landmarks[OUTER_LIPS])[:, 0], side)
    return cv2.GaussianBlur(np.maximum(below_nose - lips, 0), (0, 0), EDGE * side)
