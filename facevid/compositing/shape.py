"""How a face's landmarks move with the generated face: bounded, and lips that the plate shows closed stay closed."""

import numpy as np
from numpy.typing import NDArray

MAX_SHIFT = 0.04
"""Longest way that a landmark is moved, as a share of the crop's side: beyond it the generator exaggerates."""

UPPER_LIP, LOWER_LIP = [*range(49, 54), *range(61, 64)], [*range(55, 60), *range(65, 68)]
UPPER_INNER, LOWER_INNER = [61, 62, 63], [67, 66, 65]

MAX_OPENING = 1.6
"""How many times wider than in the plate the gap between the lips may become. The plate's pixels cannot show what is
behind closed lips: opened, they would be stretched over the teeth."""


def moved_landmarks(landmarks: NDArray[np.floating], shift: NDArray[np.floating], size: int) -> NDArray[np.float64]:
    """Move a face's landmarks as those of the generated face move.

    Args:
        landmarks: (68, 2) of the face in the plate, as indices of the crop's pixels.
        shift: (68, 2), how far the edit moves those of the generated face.
        size: side of the crop in pixels.

    Returns:
        float64 (68, 2).
    """
    shift = np.asarray(shift, dtype=np.float64)
    length = np.linalg.norm(shift, axis=-1, keepdims=True)
    limit = MAX_SHIFT * size
    moved = landmarks + shift * (limit * np.tanh(length / limit) / np.maximum(length, 1e-6))
    return _with_lips_closed(landmarks, moved)


def _with_lips_closed(plate: NDArray[np.floating], moved: NDArray[np.float64]) -> NDArray[np.float64]:
    gap = moved[LOWER_INNER].mean(axis=0) - moved[UPPER_INNER].mean(axis=0)
    width = float(np.linalg.norm(gap))
    shown = float(np.linalg.norm(plate[LOWER_INNER].mean(axis=0) - plate[UPPER_INNER].mean(axis=0)))
    excess = width - MAX_OPENING * shown
    if excess <= 0:
        return moved
    step = gap / width * excess / 2
    moved[UPPER_LIP] += step
    moved[LOWER_LIP] -= step
    return moved
