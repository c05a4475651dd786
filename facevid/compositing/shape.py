"""How a face's landmarks move with the generated face: bounded, and with lips that speak as they do in the plate."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MAX_SHIFT = 0.04
"""Longest way that a landmark is moved, as a share of the crop's side: beyond it the generator exaggerates."""

UPPER_LIP, LOWER_LIP = [*range(49, 54), *range(61, 64)], [*range(55, 60), *range(65, 68)]
UPPER_INNER, LOWER_INNER = [61, 62, 63], [67, 66, 65]
NOSE_BRIDGE, CHIN = 27, 8

MAX_OPENING = 1.6
"""How many times wider than in the plate the gap between the lips may become: what the plate shows there is stretched.
"""

OWN = 0.4, 0.62
"""Shares of an opened gap that were there before: up to the first, all that shows in it is new; from the second on,
nothing."""

SLIT = 0.004
"""What is added to both gaps, as a share of the crop's side: closed lips have some, too."""


@dataclass(frozen=True)
class LipChange:
    """How edits change the gap between the lips, in each frame.

    Attributes:
        wider: float64 (N,), how many times wider they make it, 0 to `MAX_OPENING`.
        apart: float64 (N,), how far they open it beside that, in pixels of the crop, at the most twice `MAX_SHIFT`.
    """

    wider: NDArray[np.float64]
    apart: NDArray[np.float64]


def lip_change(
    before: NDArray[np.floating],
    after: NDArray[np.floating],
    strengths: NDArray[np.floating],
    parting: NDArray[np.bool_],
    size: int,
) -> LipChange:
    """Measure how edits change the gap between the lips, in proportion to their strengths.

    Each edit has one factor for the whole track, or one distance: the least squares' fit to all frames. Measured frame
    by frame, it would open and close lips that speak out of time.

    Args:
        before, after: (N, 68, 2), the generated face's landmarks before and after the edits.
        strengths: (K, N), of each edit.
        parting: (K,), which of the edits open closed lips, too.
        size: side of the crop in pixels.
    """
    narrow, wide = (np.linalg.norm(_gap(side), axis=-1) for side in (before, after))
    opens = strengths.clip(min=0) * parting[:, None]
    widens = strengths - opens
    fit, *_ = np.linalg.lstsq(np.concatenate([widens * narrow, opens]).T, wide - narrow)
    factors, distances = np.split(fit, 2)
    most = 2 * MAX_SHIFT * size
    return LipChange((1 + factors @ widens).clip(0, MAX_OPENING), (distances @ opens).clip(0, most))


def moved_landmarks(
    landmarks: NDArray[np.floating], shift: NDArray[np.floating], wider: float, apart: float, size: int
) -> NDArray[np.float64]:
    """Move a face's landmarks as those of the generated face move.

    Args:
        landmarks: (68, 2) of the face in the plate, as indices of the crop's pixels.
        shift: (68, 2), how far the edit moves those of the generated face.
        wider, apart: how many times wider the edit makes the gap between the lips, and by how many pixels more: that
            is what becomes of it in the plate, whatever the shift says.
        size: side of the crop in pixels.

    Returns:
        float64 (68, 2).
    """
    shift = np.asarray(shift, dtype=np.float64)
    length = np.linalg.norm(shift, axis=-1, keepdims=True)
    limit = MAX_SHIFT * size
    moved = landmarks + shift * (limit * np.tanh(length / limit) / np.maximum(length, 1e-6))
    down = landmarks[CHIN] - landmarks[NOSE_BRIDGE]
    wanted = wider * _gap(landmarks) + apart * down / max(float(np.linalg.norm(down)), 1e-6)
    step = (wanted - _gap(moved)) / 2
    moved[UPPER_LIP] -= step
    moved[LOWER_LIP] += step
    return moved


def parted(before: NDArray[np.floating], after: NDArray[np.floating], size: int) -> float:
    """Tell how much of what shows in an opened mouth is new, 0 to 1: none if the gap hardly gets wider.

    Args:
        before, after: (68, 2) landmarks, as indices of the crop's pixels.
        size: side of the crop in pixels.
    """
    narrow, wide = (float(np.linalg.norm(_gap(side))) + SLIT * size for side in (before, after))
    least, enough = OWN
    return float(np.clip((enough - narrow / wide) / (enough - least), 0, 1))


def _gap(landmarks: NDArray[np.floating]) -> NDArray[np.floating]:
    """Return the way from the upper to the lower lip, (..., 2)."""
    return landmarks[..., LOWER_INNER, :].mean(axis=-2) - landmarks[..., UPPER_INNER, :].mean(axis=-2)
