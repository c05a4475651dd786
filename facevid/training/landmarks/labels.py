"""Portraits with the points that another network, the teacher, has found in them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

import cv2
import numpy as np
from numpy.typing import NDArray

from facevid.errors import InputError, reason
from facevid.networks.landmarks import POINT_COUNT
from facevid.training.common.pictures import PictureFiles
from facevid.training.landmarks.turning import depth_map
from facevid.utils.progress import Progress

PICTURE_SIDE = 256
"""Side of the portraits in pixels: a face fills the network's input."""

EARS = (234, 454)
"""Indices of the points in front of the ears, on the left and on the right of the picture."""


@dataclass(frozen=True)
class LabelledPortraits:
    """Portraits, aligned as FFHQ, and their points.

    Attributes:
        pictures: uint8 (N, PICTURE_SIDE, PICTURE_SIDE, 3), RGB.
        points: float32 (N, 478, 2), x and y in pixels.
        depths: float32 (N, GRID_SIDE, GRID_SIDE), depth maps from `turning.depth_map`.
        yaw: float64 (N,), turn to the side in radians; positive faces the right edge of the picture.
        mirror: int (478,), the point that each point becomes in a mirrored picture.
        probabilities: float64 (N,), of each portrait in a batch.
        counts: number of portraits of each set, by name.
    """

    pictures: NDArray[np.uint8]
    points: NDArray[np.float32]
    depths: NDArray[np.float32]
    yaw: NDArray[np.float64]
    mirror: NDArray[np.int64]
    probabilities: NDArray[np.float64]
    counts: dict[str, int]
