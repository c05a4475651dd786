"""Conversion between a plate's own pixels and the square pixels in which faces are detected and edited.

Anamorphic and DV plates have non-square pixels. The longer side of each pixel is upsampled, so that no detail is lost.
"""

from fractions import Fraction

import cv2
import numpy as np
from numpy.typing import NDArray

Box = tuple[int, int, int, int]
"""Left, top, width and height in pixels."""

INTERPOLATION_MARGIN = 2
"""Extra pixels read around a box: the support of bicubic interpolation."""

MAX_ASPECT = 4
"""Largest plausible pixel aspect ratio; beyond it, or below its inverse, the file's value is ignored as wrong."""


def pixel_aspect(sample_aspect_ratio: Fraction | None) -> Fraction:
    """Return the pixel width divided by the pixel height; 1 if the ratio is missing or implausible."""
    is_plausible = sample_aspect_ratio and Fraction(1, MAX_ASPECT) <= sample_aspect_ratio <= MAX_ASPECT
    return sample_aspect_ratio if sample_aspect_ratio and is_plausible else Fraction(1)


def square_size(size: tuple[int, int], aspect: Fraction) -> tuple[int, int]:
    """Return the size (width, height) in square pixels of a plate of `size` (width, height)."""
    return round(size[0] * max(aspect, Fraction(1))), round(size[1] / min(aspect, Fraction(1)))


def square_pixel_scale(size: tuple[int, int], aspect: Fraction) -> tuple[float, float]:
    """Return the number of square pixels per plate pixel, (horizontal, vertical)."""
    width, height = square_size(size, aspect)
    return width / size[0], height / size[1]


def plate_box(box: Box, scale: tuple[float, float], size: tuple[int, int]) -> Box:
    """Return the box of plate pixels, within a plate of `size`, that is needed to resample `box` of square pixels."""
    spans = []
    for start, length, factor, whole in zip(box[:2], box[2:], scale, size, strict=True):
        first = min(max(int(start / factor) - INTERPOLATION_MARGIN, 0), whole - 1)
        spans.append((first, min(int((start + length) / factor) + INTERPOLATION_MARGIN + 1, whole)))
    (left, right), (top, bottom) = spans
    return left, top, right - left, bottom - top


def to_square(
    pixels: NDArray[np.float32], source_box: Box, box: Box, scale: tuple[float, float]
) -> NDArray[np.float32]:
    """Resample plate pixels to square pixels.

    Args:
        pixels: float32 (height, width, C), the plate's pixels in `source_box`.
        source_box: the box of plate pixels, from `plate_box`.
        box: the box of square pixels to return.
        scale: square pixels per plate pixel, from `square_pixel_scale`.
    """
    matrix = _inverse_map(source_box, box, (1 / scale[0], 1 / scale[1]))
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpAffine(pixels, matrix, box[2:], flags=flags, borderMode=cv2.BORDER_REPLICATE), np.float32)


def to_plate(delta: NDArray[np.float32], box: Box, target_box: Box, scale: tuple[float, float]) -> NDArray[np.float32]:
    """Resample differences from square pixels to plate pixels; 0 outside `box`. Arguments as in `to_square`."""
    matrix = _inverse_map(box, target_box, scale)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    warped = cv2.warpAffine(delta, matrix, target_box[2:], flags=flags, borderMode=cv2.BORDER_CONSTANT)
    return np.asarray(warped, np.float32)


def _inverse_map(source: Box, target: Box, step: tuple[float, float]) -> NDArray[np.float64]:
    """Return the affine map (2, 3) from pixels of `target` to pixels of `source`; `step` is source per target pixel."""
    (sx, sy), (x, y) = step, target[:2]
    return np.array([[sx, 0, (x + 0.5) * sx - 0.5 - source[0]], [0, sy, (y + 0.5) * sy - 0.5 - source[1]]])
