"""Age: what old faces share and young ones lack: folds beside the nose, bags under the eyes, thin brows."""

from facevid.faces.dlib_detector import LandmarkPredictor
from facevid.training.exemplars.prototype import (
    Prototype,
    face_alone,
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


def find_ages(data: FaceData, count: int) -> Prototype | None:
    """Compare at most `count` old faces of each kind with as many young ones."""
    predictor = LandmarkPredictor()
    difference = mean_difference(pairs_of_kinds(data, "age", count, KINDS, predictor))
    if difference is None:
        return None
    region = face_alone(difference.landmarks, len(difference.light))
    change = STRENGTH * without_broad_light(difference.light, region)
    return Prototype(change, region, difference.landmarks, predictor)
