"""How a face's landmarks move with the generated face: bounded, and with lips that speak as they do in the plate."""

import numpy as np
from numpy.typing import NDArray

MAX_SHIFT = 0.04
"""Longest way that a landmark is moved, as a share of the crop's side: beyond it the generator exaggerates."""

UPPER_LIP, LOWER_LIP = [*range(49, 54), *range(61, 64)], [*range(55, 60), *range(65, 68)]
UPPER_INNER, LOWER_INNER = [61, 62, 63], [67, 66, 65]

MAX_OPENING = 1.6
"""How many times wider than in the plate the gap between the lips may become. The plate's pixels cannot show what is
behind closed lips: opened, they would be stretched over the teeth."""


def lip_opening(
    before: NDArray[np.floating], after: NDArray[np.floating], strengths: NDArray[np.floating]
) -> NDArray[np.float64]:
    """Measure how many times wider edits make the gap between the lips.

    Each edit has one factor for the whole track, the least squares' fit to all frames: measured frame by frame, it
    would open and close lips that speak out of time.

    Args:
        before, after: (N, 68, 2), the generated face's landmarks before and after the edits.
        strengths: (K, N), of each edit.

    Returns:
        float64 (N,), 0 to `MAX_OPENING`; in proportion to the strengths, 1 where they are 0.
    """
    narrow, wide = (np.linalg.norm(_gap(side), axis=-1) for side in (before, after))
    factors, *_ = np.linalg.lstsq((strengths * narrow).T, wide - narrow)
    return (1 + factors @ strengths).clip(0, MAX_OPENING)


def moved_landmarks(
    landmarks: NDArray[np.floating], shift: NDArray[np.floating], opening: float, size: int
) -> NDArray[np.float64]:
    """Move a face's landmarks as those of the generated face move.

    Args:
        landmarks: (68, 2) of the face in the plate, as indices of the crop's pixels.
        shift: (68, 2), how far the edit moves those of the generated face.
        opening: how many times wider the edit makes the gap between the lips: that much wider it gets in the plate,
            whatever the shift says of it.
        size: side of the crop in pixels.

    Returns:
        float64 (68, 2).
    """
    shift = np.asarray(shift, dtype=np.float64)
    length = np.linalg.norm(shift, axis=-1, keepdims=True)
    limit = MAX_SHIFT * size
    moved = landmarks + shift * (limit * np.tanh(length / limit) / np.maximum(length, 1e-6))
    step = (opening * _gap(landmarks) - _gap(moved)) / 2
    moved[UPPER_LIP] -= step
    moved[LOWER_LIP] += step
    return moved


def _gap(landmarks: NDArray[np.floating]) -> NDArray[np.floating]:
    """Return the way from the upper to the lower lip, (..., 2)."""
    return landmarks[..., LOWER_INNER, :].mean(axis=-2) - landmarks[..., UPPER_INNER, :].mean(axis=-2)
