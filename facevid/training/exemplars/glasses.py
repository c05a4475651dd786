"""Glasses: a drawn pair with dark, round rims.

Rims cut out of photographs come with their lenses' shade and shine, and what is thin in them is learnt badly. Drawn
ones can be as plain and as bold as a generator of 128 px needs.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from facevid.faces.dlib_detector import LandmarkPredictor
from facevid.training.augmentation import to_light
from facevid.training.exemplars.prototype import Prototype, placed, whole
from facevid.training.face_data import FaceData

EYES, TEMPLES, SIDES = (slice(36, 42), slice(42, 48)), (0, 16), np.array([-1, 1])
CARRIERS = [0, 1, 15, 16, 27, 28, 29, 30, 31, 35, 36, 39, 42, 45]
"""Landmarks that glasses move with: not the brows, which are raised behind them."""

HALF_WIDTH, HALF_HEIGHT, BELOW, ROUNDNESS = 0.42, 0.33, 0.07, 2.6
"""Of a lens, in distances between the eyes: half its size, how far its centre is below that of the eye; and the power
of the superellipse."""
RIM, ARM, ARCH = 0.085, 0.07, 1.3
"""Thickness of rims, and of bridge and arms, in distances between the eyes; how many times higher than at its ends the
bridge is in its middle."""
AROUND = 0.12
"""How far around the lenses faces are held to have nothing else, in distances between the eyes."""
LIGHT_LEFT = 0.12
"""Share of the light that a rim leaves."""
FINER = 8
"""How many times finer than the picture's pixels they are drawn."""


def find_glasses(data: FaceData, count: int) -> Prototype | None:
    """Draw glasses for the mean shape of `count` faces."""
    faces = data.pictures[whole(data.corners)][:count]
    if not len(faces):
        return None
    predictor = LandmarkPredictor()
    landmarks = placed(predictor, to_light(faces)).mean(axis=0)
    side = faces.shape[-1]
    rims, region = _drawn(landmarks, side)
    return Prototype(np.log(LIGHT_LEFT) * rims, region, landmarks, predictor, CARRIERS)


def _drawn(landmarks: NDArray[np.float32], side: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Draw the rims, and the region around them, (side, side) each: 1 there, 0 elsewhere."""
    eyes = np.stack([landmarks[eye].mean(axis=0) for eye in EYES])
    apart = float(np.linalg.norm(eyes[1] - eyes[0])) * FINER
    lenses, between = _outlines(eyes, landmarks[list(TEMPLES)])
    rims = np.zeros((FINER * side, FINER * side), np.uint8)
    for lines, thickness in ((lenses, RIM), (between, ARM)):
        cv2.polylines(
            rims, [_fine(line) for line in lines], isClosed=False, color=255, thickness=round(thickness * apart)
        )
    around = 2 * round(AROUND * apart) + 1
    region = cv2.fillPoly(rims.copy(), [_fine(lens) for lens in lenses], 255)
    region = cv2.dilate(region, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (around, around)))
    region = cv2.GaussianBlur(region, (0, 0), AROUND * apart / 2)
    return _reduced(rims, side), _reduced(region, side)


def _outlines(
    eyes: NDArray[np.float32], temples: NDArray[np.float32]
) -> tuple[list[NDArray[np.float32]], list[NDArray[np.float32]]]:
    """Lay lines along the two lenses, and along the bridge and the arms, (N, 2) each."""
    across = eyes[1] - eyes[0]
    down = np.array([-across[1], across[0]])
    angles = np.linspace(0, 2 * np.pi, 120)
    circle = np.stack([np.cos(angles), np.sin(angles)], axis=-1)
    superellipse = np.sign(circle) * np.abs(circle) ** (2 / ROUNDNESS)
    lens = superellipse @ np.stack([HALF_WIDTH * across, HALF_HEIGHT * down]) + BELOW * down
    hinge = (BELOW - HALF_HEIGHT / 2) * down
    outer, inner = (eyes + sides[:, None] * HALF_WIDTH * across + hinge for sides in (SIDES, -SIDES))
    bridge = np.stack([inner[0], eyes.mean(axis=0) + ARCH * hinge, inner[1]])
    arms = np.stack([outer, temples + hinge], axis=1)
    return [eye + lens for eye in eyes], [bridge, *arms]


def _fine(points: NDArray[np.floating]) -> NDArray[np.int32]:
    return np.rint((points + 0.5) * FINER - 0.5).astype(np.int32)


def _reduced(picture: NDArray[np.generic], side: int) -> NDArray[np.float32]:
    return cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA).astype(np.float32) / 255
