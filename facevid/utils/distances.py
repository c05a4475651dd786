"""Distances in pictures."""

import cv2
import numpy as np
from numpy.typing import NDArray


def distance_to_zero(picture: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Compute the distance of each pixel to the nearest pixel of value 0.

    The last bit of OpenCV's distances depends on the number of threads and on the memory addresses of its arrays. The
    squares of the exact distances are whole numbers. Rounding to them makes distances up to 1000 pixels reproducible.

    Args:
        picture: uint8 (H, W), with at least one pixel of value 0.

    Returns:
        float32 (H, W), in pixels.
    """
    distance = cv2.distanceTransform(picture, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return np.asarray(np.sqrt(np.rint(np.square(distance))), np.float32)
