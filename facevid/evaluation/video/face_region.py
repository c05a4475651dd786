"""The pixels of a face in a frame: a window of the frame, and the convex hull of landmarks."""

import cv2
import numpy as np
from numpy.typing import NDArray


def bounding_window(
    low: NDArray[np.floating], high: NDArray[np.floating], shape: tuple[int, ...]
) -> tuple[slice, slice]:
    """Return the rows and columns of a frame between two corners.

    Args:
        low: x and y of the top left corner, (2,), in pixels.
        high: x and y of the bottom right corner, (2,), in pixels.
        shape: shape of the frame, (H, W, ...), which limits the window.
    """
    limit = (shape[1], shape[0])
    left, top = np.floor(low).astype(int).clip(0, limit).tolist()
    right, bottom = np.ceil(high).astype(int).clip(0, limit).tolist()
    return slice(top, bottom), slice(left, right)


def convex_hull(landmarks: NDArray[np.floating], shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Rasterise the convex hull of landmarks (N, 2), in pixels of a picture of `shape`: bool (H, W)."""
    outline = np.rint(cv2.convexHull(landmarks.astype(np.float32))).astype(np.int32)
    return np.asarray(cv2.fillConvexPoly(np.zeros(shape[:2], np.uint8), outline, 1) == 1)
