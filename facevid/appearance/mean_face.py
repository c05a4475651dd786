"""The mean face: the common frame in which appearances are measured, compared and changed.

Coordinates are shares of an FFHQ crop's side, x to the right and y down. The landmarks are the mean of 200 frontal
portraits (`portraits512`, CC0), made symmetric.
"""

import functools

import cv2
import numpy as np
from numpy.typing import NDArray

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
}
MIRROR = np.array([
    16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0, 26, 25, 24, 23, 22, 21, 20, 19, 18, 17, 27, 28, 29, 30,
    35, 34, 33, 32, 31, 45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40, 54, 53, 52, 51, 50, 49, 48, 59, 58, 57, 56, 55,
    64, 63, 62, 61, 60, 67, 66, 65,
])
"""The landmark that each of the 68 becomes in a mirrored picture."""
# fmt: on

LANDMARKS = np.array(
    [_LEFT_HALF.get(i) or (1 - _LEFT_HALF[int(MIRROR[i])][0], _LEFT_HALF[int(MIRROR[i])][1]) for i in range(68)]
)
"""float64 (68, 2)."""

RIGID = [0, 1, 2, 14, 15, 16, *range(27, 36), 36, 39, 42, 45]
"""Landmarks that expressions hardly move: the upper ends of the jaw, the nose, the corners of the eyes."""

WINDOW = (0.14, 0.86, 0.24, 0.96)
"""Left, right, top and bottom of the square that maps cover."""

WINDOW_SIDE = WINDOW[1] - WINDOW[0]

FOREHEAD = 0.12
"""How far a face's outline reaches above its brows."""

OUTLINE = cv2.convexHull(np.concatenate([LANDMARKS[:17], LANDMARKS[17:27] - (0, FOREHEAD)]).astype(np.float32))[:, 0]
"""float32 (N, 2), from the jaw to the hairline."""

FALL_OFF = 0.09
"""Distance beyond the outline over which a warp falls to 0: the jaw moves, a collar does not."""

CHEEKS = ((0.345, 0.60), (0.655, 0.60))
CHEEK_RADIUS = 0.065

EYE_MARGIN, LIP_MARGIN = 0.006, 0.003
"""How far the masks of eyes and lips reach beyond their landmarks."""

EYE_SOFTNESS, LIP_SOFTNESS = 0.006, 0.006
"""Standard deviations of their soft edges."""

_FINE = 576
"""Side in pixels at which masks are drawn."""


def to_window(points: NDArray[np.floating]) -> NDArray[np.floating]:
    """Bring points from shares of the crop's side to shares of the window's."""
    return (points - (WINDOW[0], WINDOW[2])) / WINDOW_SIDE


@functools.cache
def inside(side: int, start: float, width: float) -> NDArray[np.float32]:
    """Draw the face over the window, float32 (side, side).

    0 up to `start` inside of the outline, 1 from `width` further in, smooth between.
    """
    drawn = _drawn(OUTLINE).astype(np.uint8)
    depth = cv2.distanceTransform(drawn, cv2.DIST_L2, cv2.DIST_MASK_PRECISE) * (WINDOW_SIDE / _FINE)
    return _reduced(_smooth_step((depth - start) / width), side)


@functools.cache
def reach(side: int) -> NDArray[np.float32]:
    """Draw how much of a warp acts over the window, float32 (side, side): 1 on the face, 0 `FALL_OFF` beyond it."""
    off = (_drawn(OUTLINE) == 0).astype(np.uint8)
    distance = cv2.distanceTransform(off, cv2.DIST_L2, cv2.DIST_MASK_PRECISE) * (WINDOW_SIDE / _FINE)
    return _reduced(_smooth_step(1 - distance / FALL_OFF), side)


@functools.cache
def eyes(side: int) -> NDArray[np.float32]:
    """Draw the eyes over the window, float32 (side, side)."""
    drawn = np.maximum(_drawn(LANDMARKS[36:42]), _drawn(LANDMARKS[42:48]))
    return _softened(drawn, EYE_MARGIN, EYE_SOFTNESS, side)


@functools.cache
def lips(side: int) -> NDArray[np.float32]:
    """Draw the lips, and what is between them, over the window, float32 (side, side)."""
    return _softened(_drawn(LANDMARKS[48:60]), LIP_MARGIN, LIP_SOFTNESS, side)


@functools.cache
def cheeks(side: int) -> NDArray[np.float32]:
    """Draw the cheeks over the window, float32 (side, side), with a sum of 1: weights of a mean over them."""
    drawn = np.zeros((_FINE, _FINE), np.float32)
    for centre in CHEEKS:
        at = np.rint(to_window(np.array(centre)) * _FINE).astype(int).tolist()
        cv2.circle(drawn, at, round(CHEEK_RADIUS / WINDOW_SIDE * _FINE), 1.0, -1)
    weights = _reduced(drawn, side)
    return weights / weights.sum()


def soft_polygon(outline: NDArray[np.floating], softness: float, side: int) -> NDArray[np.float32]:
    """Fill an outline, (N, 2) in shares of the crop's side, over the window, with a soft edge: float32 (side, side)."""
    return _softened(_drawn(outline), 0, softness, side)


def _drawn(outline: NDArray[np.floating]) -> NDArray[np.float32]:
    drawn = np.zeros((_FINE, _FINE), np.float32)
    cv2.fillPoly(drawn, [np.rint(to_window(outline) * _FINE).astype(np.int32)], 1.0)
    return drawn


def _softened(drawn: NDArray[np.float32], margin: float, softness: float, side: int) -> NDArray[np.float32]:
    pixels = _FINE / WINDOW_SIDE
    reach_px = 2 * round(margin * pixels) + 1
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach_px, reach_px))
    return _reduced(cv2.GaussianBlur(cv2.dilate(drawn, kernel), (0, 0), softness * pixels), side)


def _reduced(picture: NDArray[np.floating], side: int) -> NDArray[np.float32]:
    return np.asarray(cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA), np.float32)


def _smooth_step(share: NDArray[np.floating]) -> NDArray[np.float32]:
    clipped = share.clip(0, 1).astype(np.float32)
    return clipped * clipped * (3 - 2 * clipped)
