"""Age: how the light on old faces differs from that on young ones, on average, wherever landmarks are the same.

After the prototypes of Burt and Perrett (Proceedings of the Royal Society B, 1995): brought to one shape and averaged,
faces lose what is a person's own, and keep what they share: folds beside the nose, bags under the eyes, thinner brows.
"""

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from facevid.compositing.matte import BROWS, NOSE_BASE, OUTER_LIPS, filled
from facevid.compositing.warp import landmark_warp, warped
from facevid.faces.dlib_detector import LandmarkPredictor
from facevid.models.model import FaceModel
from facevid.training.augmentation import to_light
from facevid.training.exemplars.exemplar import DARKEST, Prototype, known_to_have, placed, whole
from facevid.training.face_data import FaceData

PLAIN = {"glasses": False, "beard": False}
KINDS = [(male, smile) for male in (True, False) for smile in (True, False)]
EVEN = 0.08
"""Standard deviation, as a share of the side, above which differences are left out: they are of the light."""
STRENGTH = 2.5
"""How many times the mean difference an edit makes: a mean of folds is shallower than folds."""
FOREHEAD = 0.45
"""How far faces reach above the brows, in distances from brows to the base of the nose."""
EDGE = 0.016
"""Standard deviation of the edge of what changes, as a share of the side."""
EYES = (slice(36, 42), slice(42, 48))


@torch.no_grad()
def find_ages(_model: FaceModel, data: FaceData, count: int) -> Prototype | None:
    """Compare old and young faces of men and women, with a smile and without, which differ as age makes them, too.

    Args:
        count: most faces to average of each kind.
    """
    predictor = LandmarkPredictor()
    pairs = [[_faces(data, count, age=age, male=male, smile=smile) for age in (True, False)] for male, smile in KINDS]
    pairs = [pair for pair in pairs if all(len(faces) for faces in pair)]
    if not pairs:
        return None
    points = [[placed(predictor, to_light(faces)) for faces in pair] for pair in pairs]
    landmarks = np.concatenate([each for pair in points for each in pair]).mean(axis=0)
    region = _region(landmarks, data.pictures.shape[-1])
    changes = []
    for pair, own in zip(pairs, points, strict=True):
        old, young = (_mean_light(faces, each, landmarks, region) for faces, each in zip(pair, own, strict=True))
        changes.append(old - young)
    return Prototype(STRENGTH * np.mean(changes, axis=0), region, landmarks, [*range(68)], predictor)


def _faces(data: FaceData, most: int, **has: bool) -> Tensor:
    """Take whole faces, uint8 (N, 3, R, R), without glasses and beard, by what their labels say they have."""
    known = [known_to_have(data.labels, name, has=each) for name, each in (has | PLAIN).items()]
    return data.pictures[torch.stack([whole(data), *known]).all(dim=0)][:most]


def _mean_light(
    pictures: Tensor, landmarks: NDArray[np.float32], target: NDArray[np.float32], region: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Bring faces to the target's landmarks, and average the logarithm of their light, what is even left out."""
    grey = (to_light(pictures).mean(dim=1) + DARKEST).log().cpu().numpy()
    side = grey.shape[-1]
    moved = [warped(face, landmark_warp(target, own, side)) for face, own in zip(grey, landmarks, strict=True)]
    light = np.mean(moved, axis=0)
    return (light - _even(light, region, EVEN * side)) * region


def _even(light: NDArray[np.float32], region: NDArray[np.float32], sigma: float) -> NDArray[np.float32]:
    weights = region + 1e-3
    return cv2.GaussianBlur(light * weights, (0, 0), sigma) / cv2.GaussianBlur(weights, (0, 0), sigma)


def _region(landmarks: NDArray[np.float32], side: int) -> NDArray[np.float32]:
    """Draw the face without eyes and lips, (side, side)."""
    brows = landmarks[BROWS]
    forehead = brows + FOREHEAD * (brows.mean(axis=0) - landmarks[NOSE_BASE])
    outline = cv2.convexHull(np.concatenate([landmarks, forehead]).astype(np.float32))[:, 0]
    inner = np.maximum.reduce([filled(landmarks[part], side) for part in (*EYES, OUTER_LIPS)])
    reach = 2 * round(EDGE * side) + 1
    around = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach))
    alone = cv2.erode(filled(outline, side), around) * (1 - cv2.dilate(inner, around))
    return cv2.GaussianBlur(alone, (0, 0), EDGE * side / 2)
