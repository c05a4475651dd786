"""What of a picture has the colours of hair, rather than those of the face or of what is behind.

Where a generated face gets other hair, what is beside it gets some of its light, too: a glow on the wall behind.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

SIDE = 128
"""Side in pixels at which colours are compared."""

LEAST_LIGHT = 10.0
"""Light, of 255, that is added before logarithms are taken."""

LEAST_SPREAD = np.array([0.08, 0.006, 0.006], np.float32)
"""Least variances of the logarithms of light, and of its two colours."""

LIKELY = 0.02, 0.85
"""How likely hair is, before colours are looked at, where the guess is 0 and where it is 1."""

ROUNDS = 3
"""How often the hair and its colours are found by each other."""

SMOOTH = 1.0
"""Standard deviation of what pixels share with those beside them, in pixels."""


def of_hair(picture: NDArray[np.float32], guess: NDArray[np.float32], face: NDArray[np.float32]) -> NDArray[np.float32]:
    """Tell what of a picture is hair.

    Hair, face, and what is behind on either side have each the colours of a normal distribution; a pixel is of the
    likeliest.

    Args:
        picture: float32 (S, S, 3) RGB, 0 to 255, a crop.
        guess: float32 (S, S), about where hair is: 1 there, 0 elsewhere.
        face: float32 (S, S), 1 on the face below the brows, 0 elsewhere.

    Returns:
        float32 (S, S), 0 to 1.
    """
    size = len(picture)
    picture, guess, face = (_reduced(each) for each in (picture, guess, face))
    logs = np.log(picture + LEAST_LIGHT)
    green = logs[..., 1]
    colours = np.dstack([logs.mean(axis=-1), logs[..., 0] - green, logs[..., 2] - green])
    least, most = LIKELY
    likely = (least + (most - least) * guess) * (1 - face)
    of_face = _likelihood(colours, face) * (1 - likely)
    hair = guess
    for _ in range(ROUNDS):
        behind = (1 - np.maximum(guess, hair)) * (1 - face)
        of_behind = np.maximum(*(_likelihood(colours, behind * part) for part in _sides(face))) * (1 - likely)
        alike = _likelihood(colours, hair) * likely
        hair = cv2.GaussianBlur(alike / (alike + of_behind + of_face + 1e-9), (0, 0), SMOOTH)
    return cv2.resize(hair, (size, size), interpolation=cv2.INTER_LINEAR)


def _sides(face: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Draw what is left and right of a face's middle, but not what is below it: clothes are no background."""
    rows, columns = np.nonzero(face > 0.5)
    left, above = np.zeros_like(face), np.zeros_like(face)
    left[:, : round(columns.mean()) if len(columns) else len(face) // 2] = 1
    above[: rows.max() if len(rows) else None] = 1
    return left * above, (1 - left) * above


def _likelihood(colours: NDArray[np.float32], weights: NDArray[np.float32]) -> NDArray[np.float32]:
    """Tell how likely each pixel's colour is among those weighted, (S, S)."""
    total = float(weights.sum()) + 1e-6
    mean = np.einsum("hwc,hw->c", colours, weights) / total
    squares = (colours - mean) ** 2
    variance = np.einsum("hwc,hw->c", squares, weights) / total + LEAST_SPREAD
    return np.asarray(np.exp(-0.5 * (squares / variance + np.log(variance)).sum(axis=-1)), np.float32)


def _reduced(picture: NDArray[np.float32]) -> NDArray[np.float32]:
    if len(picture) <= SIDE:
        return picture
    return np.asarray(cv2.resize(picture, (SIDE, SIDE), interpolation=cv2.INTER_AREA), np.float32)
