"""Parts of a face to which the colour and texture of an edit can be limited."""

import functools
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Region = Literal["face", "skin", "lips", "beard"]
"""The whole face; the face without the lips; the lips; the area where a beard grows."""

BEARD = [*range(3, 14), 35, 33, 31]
"""Landmarks that outline the area where a beard grows: the jaw and the base of the nose."""

SOFTNESS = 0.012
"""Standard deviation of a region's soft edge, as a share of the crop's side."""


@functools.cache
def region_mask(region: Region, side: int) -> NDArray[np.float32]:
    """Draw a region of the mean face over its window: float32 (side, side), 0 to 1."""
    from facevid.appearance.mean_face import LANDMARKS, lips, soft_polygon  # imports OpenCV, which --help does not need

    match region:
        case "face":
            return np.ones((side, side), np.float32)
        case "skin":
            return 1 - lips(side)
        case "lips":
            return lips(side)
        case "beard":
            return soft_polygon(LANDMARKS[BEARD], SOFTNESS, side) * (1 - lips(side))
