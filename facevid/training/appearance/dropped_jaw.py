"""A mouth opened by moving landmarks as a dropping jaw does: free portraits hardly ever show open mouths."""

import numpy as np
from numpy.typing import NDArray

from facevid.appearance.lips import LOWER, UPPER
from facevid.appearance.mean_face import LANDMARKS

JAW_TOP = 0.66
JAW_BOTTOM = 0.90
"""Heights, in shares of the crop's side: above the first the outline stays, below the second it follows the jaw."""

CHIN_SHARE = 0.85
LOWER_LIP_SHARE = 0.95
CORNER_SHARE = 0.40
UPPER_LIP_SHARE = -0.06
"""How far these move down, in shares of the jaw's drop; the upper lip is raised a little."""

JAW_NARROWING = 1.67
MOUTH_NARROWING = 2.67
"""How far outlines of jaw and mouth come in, for a drop of 1 and a distance of 1 from the middle of the face."""

CORNERS = [48, 54, 60, 64]


def dropped_jaw(drop: float) -> NDArray[np.float32]:
    """Say how far the landmarks move, float32 (68, 2), where the jaw drops by `drop` shares of the crop's side."""
    moved = np.zeros((68, 2))
    share = ((LANDMARKS[:17, 1] - JAW_TOP) / (JAW_BOTTOM - JAW_TOP)).clip(0, 1)
    moved[:17, 0] = (0.5 - LANDMARKS[:17, 0]) * JAW_NARROWING * share
    moved[:17, 1] = CHIN_SHARE * share
    moved[48:, 0] = (0.5 - LANDMARKS[48:, 0]) * MOUTH_NARROWING
    moved[UPPER, 1], moved[LOWER, 1], moved[CORNERS, 1] = UPPER_LIP_SHARE, LOWER_LIP_SHARE, CORNER_SHARE
    return np.asarray(moved * drop, np.float32)
