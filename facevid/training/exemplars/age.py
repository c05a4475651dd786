"""Age: what old faces share and young ones lack: folds beside the nose, bags under the eyes, thin brows."""

from facevid.training.exemplars.prototype import Prototype
from facevid.training.exemplars.whole_face import find_over_whole_face
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
    return find_over_whole_face(data, "age", count, KINDS, light=STRENGTH)
