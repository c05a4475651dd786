"""Between a plate's own pixels and square ones, on which faces are found and edited.

Anamorphic and DV pictures have pixels that are wider or narrower than high. The smaller side of a pixel is kept and the
longer one divided, so that no detail is lost.
"""

from fractions import Fraction

import cv2
import numpy as np
from numpy.typing import NDArray

Box = tuple[int, int, int, int]
"""Left, top, width and height."""

AROUND = 2
"""Pixels around a box that are taken along, for the interpolation."""

MOST_ASPECT = 4
"""An aspect beyond it, or beyond its inverse, is taken for a fault in the file."""


def pixel_aspect(said: Fraction | None) -> Fraction:
    """Return the width of a pixel in its height, 1 where nothing, or nothing sensible, is said."""
    return said if said and Fraction(1, MOST_ASPECT) <= said <= MOST_ASPECT else Fraction(1)


def square_size(size: tuple[int, int], aspect: Fraction) -> tuple[int, int]:
    """Return width and height in square pixels of a plate of `size`, width and height."""
    return round(size[0] * max(aspect, Fraction(1))), round(size[1] / min(aspect, Fraction(1)))


def scale_of(size: tuple[int, int], aspect: Fraction) -> tuple[float, float]:
    """Return how many square pixels a plate's pixel is wide and high."""
    width, height = square_size(size, aspect)
    return width / size[0], height / size[1]


def plate_box(box: Box, scale: tuple[float, float], size: tuple[int, int]) -> Box:
    """Return the plate's pixels, of a plate of `size`, from which a box of square ones is made."""
    spans = []
    for start, length, factor, whole in zip(box[:2], box[2:], scale, size, strict=True):
        first = min(max(int(start / factor) - AROUND, 0), whole - 1)
        spans.append((first, min(int((start + length) / factor) + AROUND + 1, whole)))
    (left, right), (top, bottom) = spans
    return left, top, right - left, bottom - top


def to_square(part: NDArray[np.float32], place: Box, box: Box, scale: tuple[float, float]) -> NDArray[np.float32]:
    """Take `part` of a plate, which lies at `place`, to a box of square pixels: float32 (height, width, C)."""
    back = _map_back(place, box, (1 / scale[0], 1 / scale[1]))
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpAffine(part, back, box[2:], flags=flags, borderMode=cv2.BORDER_REPLICATE), np.float32)


def to_plate(part: NDArray[np.float32], box: Box, place: Box, scale: tuple[float, float]) -> NDArray[np.float32]:
    """Take differences in a box of square pixels to a place of the plate, 0 beyond the box."""
    back = _map_back(box, place, scale)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpAffine(part, back, place[2:], flags=flags, borderMode=cv2.BORDER_CONSTANT), np.float32)


def _map_back(source: Box, target: Box, steps: tuple[float, float]) -> NDArray[np.float64]:
    """Return the affine map, (2, 3), from pixels of `target` to those of `source`, `steps` of which they are apart."""
    (sx, sy), (x, y) = steps, target[:2]
    return np.array([[sx, 0, (x + 0.5) * sx - 0.5 - source[0]], [0, sy, (y + 0.5) * sy - 0.5 - source[1]]])
