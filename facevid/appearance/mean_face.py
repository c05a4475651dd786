"""The mean face: the coordinate frame in which appearances are measured, compared and changed.

Coordinates are shares of the FFHQ crop's side, x to the right and y down. The landmarks are the mean of 200 frontal
portraits (`portraits512`, CC0), made symmetric; the mean of the cheeks also includes `congress256`. Maps cover the
window, a square of the crop.
"""

import functools

import cv2
import numpy as np
from numpy.typing import NDArray

from facevid.faces.landmark_scheme import LANDMARK_COUNT
from facevid.utils.distances import distance_to_zero

# fmt: off
_LEFT_HALF = {
    0: (0.232, 0.479), 1: (0.234, 0.551), 2: (0.241, 0.623), 3: (0.254, 0.694), 4: (0.279, 0.761), 5: (0.318, 0.820),
    6: (0.370, 0.870), 7: (0.430, 0.907), 8: (0.500, 0.918),
    17: (0.275, 0.432), 18: (0.308, 0.396), 19: (0.358, 0.387), 20: (0.409, 0.395), 21: (0.458, 0.413),
    27: (0.500, 0.466), 28: (0.500, 0.515), 29: (0.500, 0.564), 30: (0.500, 0.615),
    31: (0.436, 0.644), 32: (0.467, 0.653), 33: (0.500, 0.663),
    36: (0.328, 0.476), 37: (0.359, 0.459), 38: (0.393, 0.459), 39: (0.426, 0.482), 40: (0.392, 0.486),
    41: (0.357, 0.486),
    48: (0.384, 0.727), 49: (0.427, 0.714), 50: (0.469, 0.706), 51: (0.500, 0.714), 57: (0.500, 0.784),
    58: (0.466, 0.781), 59: (0.426, 0.764), 60: (0.401, 0.730), 61: (0.468, 0.733), 62: (0.500, 0.736),
    66: (0.500, 0.745), 67: (0.468, 0.741),
    68: (0.309, 0.593), 70: (0.340, 0.627), 72: (0.289, 0.646), 74: (0.300, 0.534), 76: (0.319, 0.664),
    78: (0.350, 0.680), 80: (0.366, 0.567), 82: (0.380, 0.599),
}
MIRROR = np.array([
    16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0, 26, 25, 24, 23, 22, 21, 20, 19, 18, 17, 27, 28, 29, 30,
    35, 34, 33, 32, 31, 45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40, 54, 53, 52, 51, 50, 49, 48, 59, 58, 57, 56, 55,
    64, 63, 62, 61, 60, 67, 66, 65, 69, 68, 71, 70, 73, 72, 75, 74, 77, 76, 79, 78, 81, 80, 83, 82,
])
"""Index of the landmark that takes the place of each landmark in a mirrored picture."""
# fmt: on

LANDMARKS = np.array(
    [
        _LEFT_HALF.get(i) or (1 - _LEFT_HALF[int(MIRROR[i])][0], _LEFT_HALF[int(MIRROR[i])][1])
        for i in range(LANDMARK_COUNT)
    ]
)
"""The landmarks of the mean face, float64 (84, 2)."""

RIGID = [0, 1, 2, 14, 15, 16, *range(27, 36), 36, 39, 42, 45]
"""Landmarks that expressions hardly move: the upper ends of the jaw, the nose and the corners of the eyes."""

WINDOW = (0.14, 0.86, 0.24, 0.96)
"""Left, right, top and bottom of the window, the square that maps cover."""

WINDOW_SIDE = WINDOW[1] - WINDOW[0]
"""Side of the window."""

FOREHEAD = 0.12
"""Height of the face's outline above the brows."""

OUTLINE = cv2.convexHull(np.concatenate([LANDMARKS[:17], LANDMARKS[17:27] - (0, FOREHEAD)]).astype(np.float32))[:, 0]
"""The face's outline from the jaw to the hairline, float32 (N, 2)."""

FALL_OFF = 0.09
"""Distance beyond the outline over which a warp falls to 0, so that the jaw moves and a collar does not."""

CHEEKS = ((0.345, 0.60), (0.655, 0.60))
"""Centres of the cheeks, (x, y) each."""

CHEEK_RADIUS = 0.065
"""Radius of the disc that represents a cheek."""

EYE_MARGIN = 0.006
"""Width of the mask of the eyes beyond their landmarks."""

LIP_MARGIN = 0.003
"""Width of the mask of the lips beyond their landmarks."""

EYE_SOFTNESS = 0.006
"""Standard deviation of the soft edge of the mask of the eyes."""

LIP_SOFTNESS = 0.006
"""Standard deviation of the soft edge of the mask of the lips."""

_MASK_SIDE = 576
"""Side, in pixels, at which masks are drawn before they are reduced."""


def to_window(points: NDArray[np.floating]) -> NDArray[np.floating]:
    """Convert points from shares of the crop's side to shares of the window's side."""
    return (points - (WINDOW[0], WINDOW[2])) / WINDOW_SIDE


@functools.cache
def inner_mask(side: int, start: float, width: float) -> NDArray[np.float32]:
    """Draw the inner part of the face over the window.

    Args:
        side: side of the map in pixels.
        start: distance inside the outline up to which the mask is 0, in shares of the crop's side.
        width: distance over which the mask then rises smoothly to 1, in shares of the crop's side.

    Returns:
        float32 (side, side).
    """
    drawn = _fill(OUTLINE).astype(np.uint8)
    depth = distance_to_zero(drawn) * (WINDOW_SIDE / _MASK_SIDE)
    return _reduce(_smooth_step((depth - start) / width), side)


@functools.cache
def reach(side: int) -> NDArray[np.float32]:
    """Draw the share of a warp that applies, float32 (side, side): 1 on the face, 0 from `FALL_OFF` beyond it."""
    outside = (_fill(OUTLINE) == 0).astype(np.uint8)
    distance = distance_to_zero(outside) * (WINDOW_SIDE / _MASK_SIDE)
    return _reduce(_smooth_step(1 - distance / FALL_OFF), side)


@functools.cache
def eyes(side: int) -> NDArray[np.float32]:
    """Draw the mask of the eyes over the window, float32 (side, side)."""
    drawn = np.maximum(_fill(LANDMARKS[36:42]), _fill(LANDMARKS[42:48]))
    return _soften(drawn, EYE_MARGIN, EYE_SOFTNESS, side)


@functools.cache
def lips(side: int) -> NDArray[np.float32]:
    """Draw the mask of the lips and the area between them over the window, float32 (side, side)."""
    return _soften(_fill(LANDMARKS[48:60]), LIP_MARGIN, LIP_SOFTNESS, side)


@functools.cache
def cheeks(side: int) -> NDArray[np.float32]:
    """Draw the cheeks over the window, float32 (side, side), with a sum of 1: the weights of a mean over them."""
    drawn = np.zeros((_MASK_SIDE, _MASK_SIDE), np.float32)
    for centre in CHEEKS:
        centre_px = np.rint(to_window(np.array(centre)) * _MASK_SIDE).astype(int).tolist()
        cv2.circle(drawn, centre_px, round(CHEEK_RADIUS / WINDOW_SIDE * _MASK_SIDE), 1.0, -1)
    weights = _reduce(drawn, side)
    return np.asarray(weights / weights.sum())


def soft_polygon(outline: NDArray[np.floating], softness: float, side: int) -> NDArray[np.float32]:
    """Fill an outline, (N, 2) in shares of the crop's side, with a soft edge over the window: float32 (side, side)."""
    return _soften(_fill(outline), 0, softness, side)


def _fill(outline: NDArray[np.floating]) -> NDArray[np.float32]:
    drawn = np.zeros((_MASK_SIDE, _MASK_SIDE), np.float32)
    cv2.fillPoly(drawn, [np.rint(to_window(outline) * _MASK_SIDE).astype(np.int32)], 1.0)
    return drawn


def _soften(drawn: NDArray[np.float32], margin: float, softness: float, side: int) -> NDArray[np.float32]:
    pixels = _MASK_SIDE / WINDOW_SIDE
    diameter = 2 * round(margin * pixels) + 1
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (diameter, diameter))
    return _reduce(cv2.GaussianBlur(cv2.dilate(drawn, kernel), (0, 0), softness * pixels), side)


def _reduce(picture: NDArray[np.floating], side: int) -> NDArray[np.float32]:
    return np.asarray(cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA), np.float32)


def _smooth_step(share: NDArray[np.floating]) -> NDArray[np.float32]:
    clipped = share.clip(0, 1).astype(np.float32)
    return clipped * clipped * (3 - 2 * clipped)
