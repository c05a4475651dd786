"""Smiles: how far they move the landmarks of faces whose lips stay closed, and the folds they make.

A smile does not open lips in the plate, which shows nothing behind them: `mouth` does.
"""

import numpy as np

from facevid.faces.dlib_detector import LandmarkPredictor
from facevid.training.exemplars.prototype import (
    Faces,
    Prototype,
    around_mouth,
    lower_face,
    mean_difference,
    pairs_of_kinds,
    without_broad_light,
)
from facevid.training.face_data import FaceData
from facevid.training.mouth import mouth_gap

KINDS = [{"male": male, "glasses": False} for male in (True, False)]
LOOKED_AT = 6
"""How many times as many faces are looked at, to find some with closed lips."""
CLOSED = 0.06
"""Gap between lips, in distances between the eyes, up to which they are closed."""
SHAPE, FOLDS = 2.5, 1.6
"""How many times the mean differences an edit makes: with closed lips, most smile slightly, and features
draw three quarters of the way."""


def find_smiles(data: FaceData, count: int) -> Prototype | None:
    """Compare at most `count` smiling faces of each kind with as many others."""
    predictor = LandmarkPredictor()
    pairs = pairs_of_kinds(data, "smile", LOOKED_AT * count, KINDS, predictor)
    difference = mean_difference([(_closed(smiling, count), _closed(others, count)) for smiling, others in pairs])
    if difference is None:
        return None
    region = lower_face(difference.landmarks, len(difference.light))
    change = FOLDS * without_broad_light(difference.light, region)
    return Prototype(
        change,
        region,
        difference.landmarks,
        predictor,
        shift=SHAPE * difference.shift,
        told=around_mouth(difference.landmarks, len(change)),
    )


def _closed(faces: Faces, count: int) -> Faces:
    return faces.only(np.flatnonzero(mouth_gap(faces.landmarks) <= CLOSED)[:count])
