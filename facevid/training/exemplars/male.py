"""Men and women: what shapes of face, what brows and what skin each share, and the others lack."""

from facevid.training.exemplars.prototype import Prototype
from facevid.training.exemplars.whole_face import find_over_whole_face
from facevid.training.face_data import FaceData

KINDS = [{"smile": smile, "age": False, "glasses": False, "beard": False} for smile in (True, False)]
LIGHT, SHAPE = 2.5, 2.5
"""How many times the mean differences an edit makes."""


def find_men(data: FaceData, count: int) -> Prototype | None:
    """Compare at most `count` men of each kind with as many women."""
    return find_over_whole_face(data, "male", count, KINDS, light=LIGHT, shape=SHAPE)
