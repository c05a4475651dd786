"""Men and women: what shapes of face, what brows and what skin each share, and the others lack."""

from facevid.faces.dlib_detector import LandmarkPredictor
from facevid.training.exemplars.prototype import (
    Prototype,
    face_alone,
    mean_difference,
    pairs_of_kinds,
    without_broad_light,
)
from facevid.training.face_data import FaceData

KINDS = [{"smile": smile, "age": False, "glasses": False, "beard": False} for smile in (True, False)]
LIGHT, SHAPE = 2.5, 2.5
"""How many times the mean differences an edit makes."""


def find_men(data: FaceData, count: int) -> Prototype | None:
    """Compare at most `count` men of each kind with as many women."""
    predictor = LandmarkPredictor()
    difference = mean_difference(pairs_of_kinds(data, "male", count, KINDS, predictor))
    if difference is None:
        return None
    region = face_alone(difference.landmarks, len(difference.light))
    change = LIGHT * without_broad_light(difference.light, region)
    return Prototype(change, region, difference.landmarks, predictor, shift=SHAPE * difference.shift)
