"""What changes all over a face, but not its eyes and lips: age, male."""

from collections.abc import Mapping, Sequence

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

EDGE = 0.016
"""Width of the edge of what changes, as a share of the side."""
EYES = (slice(36, 42), slice(42, 48))


def find_over_whole_face(
    data: FaceData, attribute: str, count: int, kinds: Sequence[Mapping[str, bool]], *, light: float, shape: float = 0
) -> Prototype | None:
    """Compare at most `count` faces of each kind that have an attribute with as many that lack it.

    Args:
        data, attribute, count, kinds: as for `pairs_of_kinds`.
        light, shape: how many times the mean differences an edit makes; the shape stays without.
    """
    predictor = LandmarkPredictor()
    difference = mean_difference(pairs_of_kinds(data, attribute, count, kinds, predictor))
    if difference is None:
        return None
    region = _face_alone(difference.landmarks, len(difference.light))
    change = light * without_broad_light(difference.light, region)
    shift = shape * difference.shift if shape else None
    return Prototype(change, region, difference.landmarks, predictor, shift=shift)


def _face_alone(landmarks: NDArray[np.float32], side: int) -> NDArray[np.float32]:
    """Draw a face without eyes and lips, (side, side), with a soft edge."""
    inner = np.maximum.reduce([filled(landmarks[part], side) for part in (*EYES, OUTER_LIPS)])
    reach = 2 * round(EDGE * side) + 1
    around = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach))
    alone = cv2.erode(filled(face_outline(landmarks, FOREHEAD), side), around) * (1 - cv2.dilate(inner, around))
    return cv2.GaussianBlur(alone, (0, 0), EDGE * side / 2)
