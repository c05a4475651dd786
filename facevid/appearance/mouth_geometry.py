"""Measures of the mouth, computed from landmarks without a trained classifier.

Lengths are in units of the distance between the eye centres, measured after rotating the eyes to a horizontal line.
"""

import numpy as np
from numpy.typing import NDArray

from facevid.appearance.lips import LOWER_INNER, UPPER_INNER
from facevid.faces.alignment import EYE_LEFT, EYE_RIGHT, MOUTH_LEFT, MOUTH_RIGHT


def mouth_gap(landmarks: NDArray[np.floating]) -> NDArray[np.float64]:
    """Measure the gap between the lips: the mean of three vertical distances between the inner lips.

    Args:
        landmarks: (..., 68, 2) or (..., 84, 2), x and y in pixels.

    Returns:
        float64 (...), at least 0.
    """
    points = _normalised(landmarks)
    distances = points[..., LOWER_INNER, 1] - points[..., UPPER_INNER, 1]
    return np.asarray(np.maximum(distances.mean(axis=-1), 0.0))


def smile(landmarks: NDArray[np.floating]) -> NDArray[np.float64]:
    """Measure a smile: the width of the mouth plus twice the height of its corners above the middle of its outline.

    Args:
        landmarks: (..., 68, 2) or (..., 84, 2), x and y in pixels.

    Returns:
        float64 (...), larger for a broader smile.
    """
    points = _normalised(landmarks)
    width = points[..., MOUTH_RIGHT, 0] - points[..., MOUTH_LEFT, 0]
    corners = (points[..., MOUTH_LEFT, 1] + points[..., MOUTH_RIGHT, 1]) / 2
    middle = (points[..., 51, 1] + points[..., 57, 1]) / 2
    return np.asarray(width + 2 * (middle - corners))


def _normalised(landmarks: NDArray[np.floating]) -> NDArray[np.float64]:
    """Rotate and scale landmarks so that the eye centres lie on a horizontal line at a distance of 1."""
    points = np.asarray(landmarks, np.float64)
    left_eye = points[..., EYE_LEFT, :].mean(axis=-2, keepdims=True)
    eye_axis = points[..., EYE_RIGHT, :].mean(axis=-2, keepdims=True) - left_eye
    offsets = points - left_eye
    squared_length = (eye_axis**2).sum(axis=-1)
    x = (offsets * eye_axis).sum(axis=-1) / squared_length
    y = (offsets[..., 1] * eye_axis[..., 0] - offsets[..., 0] * eye_axis[..., 1]) / squared_length
    return np.stack([x, y], axis=-1)
