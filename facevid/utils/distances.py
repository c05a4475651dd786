"""Distances in pictures."""

import cv2
import numpy as np
from numpy.typing import NDArray


def distance_to_zero(picture: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Compute the distance of each pixel to the nearest one that is 0.

    The last bit of OpenCV's distances depends on its threads and on where its arrays lie in memory. Their squares are
    whole numbers: rounded to these, distances up to 1000 pixels are the same in every process.

    Args:
        picture: uint8 (H, W), with at least one 0.

    Returns:
        float32 (H, W), in pixels.
    """
    distance = cv2.distanceTransform(picture, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return np.asarray(np.sqrt(np.rint(np.square(distance))), np.float32)
