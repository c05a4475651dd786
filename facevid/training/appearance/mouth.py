"""What a mouth does, read off the 68 landmarks alone; no trained classifier has a say.

Lengths are shares of the distance between the eyes' centres, measured after the eyes have been brought level.
"""

import numpy as np
from numpy.typing import NDArray

from facevid.faces.alignment import EYE_LEFT, EYE_RIGHT, MOUTH_LEFT, MOUTH_RIGHT


def mouth_gap(landmarks: NDArray[np.floating]) -> NDArray[np.float64]:
    """Measure how far the lips are apart: the mean of three distances between the inner lips.

    Args:
        landmarks: (..., 68, 2) x and y in pixels.

    Returns:
        float64 (...).
    """
    points = _level(landmarks)
    gaps = points[..., [67, 66, 65], 1] - points[..., [61, 62, 63], 1]
    return np.maximum(gaps.mean(axis=-1), 0.0)


def smile(landmarks: NDArray[np.floating]) -> NDArray[np.float64]:
    """Measure a smile: the mouth's width, plus twice the lift of its corners above the middle of its outline.

    Args:
        landmarks: (..., 68, 2) x and y in pixels.

    Returns:
        float64 (...), larger for a broader smile.
    """
    points = _level(landmarks)
    width = points[..., MOUTH_RIGHT, 0] - points[..., MOUTH_LEFT, 0]
    corners = (points[..., MOUTH_LEFT, 1] + points[..., MOUTH_RIGHT, 1]) / 2
    middle = (points[..., 51, 1] + points[..., 57, 1]) / 2
    return np.asarray(width + 2 * (middle - corners))


def _level(landmarks: NDArray[np.floating]) -> NDArray[np.float64]:
    """Turn and scale the landmarks so that the eyes' centres are one apart on a level line."""
    points = np.asarray(landmarks, np.float64)
    left = points[..., EYE_LEFT, :].mean(axis=-2, keepdims=True)
    across = points[..., EYE_RIGHT, :].mean(axis=-2, keepdims=True) - left
    moved = points - left
    length = (across**2).sum(axis=-1)
    x = (moved * across).sum(axis=-1) / length
    y = (moved[..., 1] * across[..., 0] - moved[..., 0] * across[..., 1]) / length
    return np.stack([x, y], axis=-1)
