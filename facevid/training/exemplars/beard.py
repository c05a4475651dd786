"""Beards: how much darker than the cheeks the lower face of those who have one is."""

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from facevid.compositing.matte import OUTER_LIPS, filled
from facevid.models.model import FaceModel
from facevid.training.augmentation import to_light
from facevid.training.exemplars.exemplar import CHEEKS, DARKEST, ChosenExemplars, chosen, mean_light, oval, wearers
from facevid.training.face_data import FaceData

REGION, MOUTH = (0.5, 0.755, 0.27, 0.17), (0.5, 0.745, 0.14, 0.06)
SPOTS = ((0.5, 0.86, 0.12, 0.05), (0.5, 0.665, 0.08, 0.02), (0.33, 0.76, 0.05, 0.06), (0.67, 0.76, 0.05, 0.06))
"""Chin, upper lip and jaws, all of which a full beard darkens."""
ONE_SIDED = 0.25
"""Most that one cheek may be lighter than the other, in shares of both: the light from the side is no beard."""

JAW, NOSTRILS = slice(2, 15), slice(31, 36)
SOFT_EDGE = 0.008
"""Standard deviation of the beard's edge, as a share of the side."""

LOPSIDED = 4.0
"""Cost of differences from the mirror image, in shares of light."""


@torch.no_grad()
def find_beards(model: FaceModel, data: FaceData, count: int) -> ChosenExemplars | None:
    """Find full, dark beards in even light, on faces seen from the front."""
    bearded = wearers(data, "beard")
    if not len(bearded):
        return None
    light = to_light(bearded).mean(dim=1, keepdim=True)
    left, right = (mean_light(light, oval(cheek, light)) for cheek in CHEEKS)
    ratios = ((light + DARKEST) / (_across(left, right, light.shape[-1]) + DARKEST)).clamp(max=1)
    lightest = torch.stack([mean_light(ratios, oval(spot, light)) for spot in SPOTS]).amax(dim=0).flatten()
    even = ((left - right).abs() < ONE_SIDED * (left + right) / 2).flatten()
    region = oval(REGION, light) * (1 - oval(MOUTH, light))
    lopsided = mean_light((ratios - ratios.flip(-1)).abs(), region).flatten()
    best = torch.where(even, lightest + LOPSIDED * lopsided, 2.0).argsort()[:count]
    return chosen(model, bearded[best], ratios[best], _lower_face)


def _lower_face(landmarks: NDArray[np.float32], side: int) -> NDArray[np.float32]:
    """Draw the face below the nose, without the lips, (side, side)."""
    below_nose = filled(np.concatenate([landmarks[JAW], landmarks[NOSTRILS][::-1]]), side)
    lips = filled(cv2.convexHull(landmarks[OUTER_LIPS])[:, 0], side)
    return cv2.GaussianBlur(np.maximum(below_nose - lips, 0), (0, 0), SOFT_EDGE * side)


def _across(left: Tensor, right: Tensor, side: int) -> Tensor:
    """Go from the light of one cheek to that of the other, (N, 1, 1, side)."""
    x = (torch.arange(side, device=left.device) + 0.5) / side
    share = ((x - CHEEKS[0][0]) / (CHEEKS[1][0] - CHEEKS[0][0])).clamp(0, 1)
    return left + (right - left) * share
