"""Lips that close or open by an edit: the part of a warp that a smooth spline cannot represent.

A spline through all landmarks is continuous: where lips close over teeth it would squeeze the teeth into a bright line,
and where closed lips open it would stretch the line between them. So pixels above the line where the lips meet follow
only the upper lip, and pixels below it only the lower lip.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

UPPER = [*range(49, 54), *range(61, 64)]
"""Landmarks of the upper lip without the corners of the mouth."""

LOWER = [*range(55, 60), *range(65, 68)]
"""Landmarks of the lower lip without the corners of the mouth."""

UPPER_INNER = [61, 62, 63]
"""Landmarks of the upper lip's inner edge."""

LOWER_INNER = [67, 66, 65]
"""Landmarks of the lower lip's inner edge, in the order of `UPPER_INNER`."""

INNER = [60, 61, 62, 63, 64, 65, 66, 67]
"""Landmarks of the inner edges of both lips."""

_UPPER_OUTER_EDGE = [48, 49, 50, 51, 52, 53, 54]
"""Landmarks of the upper lip's outer edge from left to right, with the corners of the mouth."""

_UPPER_INNER_EDGE = [64, 63, 62, 61, 60]
"""Landmarks of the upper lip's inner edge from right to left, with the inner corners."""

_LOWER_OUTER_EDGE = [54, 55, 56, 57, 58, 59, 48]
"""Landmarks of the lower lip's outer edge from right to left, with the corners of the mouth."""

_LOWER_INNER_EDGE = [60, 67, 66, 65, 64]
"""Landmarks of the lower lip's inner edge from left to right, with the inner corners."""

_CURVE_POINTS = 25
"""Number of points at which a curve through the landmarks of an inner edge is drawn."""

_MIN_DISTANCE = 1e-3
"""Least distance, in pixels, along the curve between two landmarks, which may coincide."""

EDGE_BLUR = 0.002
"""Standard deviation of the Gaussian over the edges between lips and mouth, as a share of the crop's side."""

MARGIN = 0.012
"""Distance beyond the lips within which pixels follow only one lip, as a share of the crop's side."""

TEETH_GAP_FACTOR = 1.7
"""Factor by which the visible teeth extend beyond the gap between the landmarks: closing lips remove all of it."""

MAX_DRAWN_SHARE = 0.4
"""Gap before an edit, as a share of the gap after it, up to which the inside of the mouth is drawn fully."""

MIN_STRETCHED_SHARE = 0.62
"""The same share, from which nothing is drawn and the pixels of the plate are stretched; between the two both mix."""

CLOSED_GAP = 0.004
"""Gap of closed lips, in shares of the crop's side: added to both gaps before their ratio is taken."""

DARK = (9.0, 10.0, 6.0)
"""CIELAB of the dark part of the mouth, on a face whose cheeks have the lightness `LIGHT`."""

TONGUE = (24.0, 22.0, 10.0)
"""CIELAB of the tongue, on such a face."""

TEETH = (62.0, 2.0, 8.0)
"""CIELAB of the teeth, on such a face."""

LIGHT = 65.0
"""CIE L* of the cheeks of a face whose mouth has the colours above."""

LIGHT_EXPONENT = 0.5
"""Power of the lightness of the cheeks, relative to `LIGHT`, by which the lightness of the mouth is multiplied. 1 suits
dim light, which also falls on the teeth, 0 dark skin; which of the two it is cannot be told from the cheeks."""


@dataclass(frozen=True)
class LipChange:
    """The change of the gap between the lips by an edit.

    Attributes:
        scale: factor of the gap in the plate; 0 closes the lips.
        offset: distance added to the scaled gap, in shares of the crop's side.
    """

    scale: float = 1.0
    offset: float = 0.0


def lip_gap(landmarks: NDArray[np.floating]) -> NDArray[np.floating]:
    """Return the vector from the upper to the lower lip's inner edge, (..., 2), of landmarks (..., 84, 2)."""
    lower, upper = (landmarks[..., inner, :].mean(axis=-2) for inner in (LOWER_INNER, UPPER_INNER))
    return np.asarray(lower - upper)


def set_lip_gap(
    moved: NDArray[np.float64], landmarks: NDArray[np.floating], change: LipChange, down: NDArray[np.floating]
) -> NDArray[np.float64]:
    """Move the lips of edited landmarks so that their gap is that of the plate, changed as given.

    Args:
        moved: (84, 2), the landmarks after the edit; their gap is replaced.
        landmarks: (84, 2), the landmarks of the plate.
        change: the change of the gap.
        down: (2,), the crop's side as a vector that points down along the face.

    Returns:
        float64 (84, 2).
    """
    step = (change.scale * lip_gap(landmarks) + change.offset * down - lip_gap(moved)) / 2
    result = moved.copy()
    result[UPPER] -= step
    result[LOWER] += step
    return result


def open_to_teeth(landmarks: NDArray[np.float64], closing: float) -> NDArray[np.float64]:
    """Move the inner edges of the lips apart to the edges of the visible teeth.

    Args:
        landmarks: (84, 2), the landmarks of the plate.
        closing: how far the edit closes the lips, 0 to 1.

    Returns:
        float64 (84, 2).
    """
    extra = lip_gap(landmarks) * ((TEETH_GAP_FACTOR - 1) / 2 * closing)
    result = landmarks.copy()
    result[UPPER_INNER] -= extra
    result[LOWER_INNER] += extra
    return result


def lip_masks(
    target: NDArray[np.floating], size: tuple[int, int], side: float
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """Draw the masks of the pixels that follow the upper lip, of those that follow the lower lip, and of the mouth.

    Args:
        target: (84, 2), the landmarks after the edit, as pixel indices of the picture.
        size: width and height of the picture.
        side: side of the FFHQ crop in pixels.

    Returns:
        three masks, float32 (height, width), 0 to 1, whose sum is at most 1.
    """
    mouth = mouth_outline(target)
    outlines = (
        np.concatenate([target[_UPPER_OUTER_EDGE], mouth[:_CURVE_POINTS]]),
        np.concatenate([target[_LOWER_OUTER_EDGE], mouth[_CURVE_POINTS:]]),
        mouth,
    )
    sigma = max(EDGE_BLUR * side, 0.4)
    upper, lower, inside = (cv2.GaussianBlur(_fill(each, size), (0, 0), sigma) for each in outlines)
    diameter = 2 * max(round(MARGIN * side), 1) + 1
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (diameter, diameter))
    around = cv2.GaussianBlur(cv2.dilate(_fill(target[48:60], size), kernel), (0, 0), max(diameter / 4, 0.5))
    wide_upper, wide_lower = (cv2.GaussianBlur(cv2.dilate(each, kernel), (0, 0), sigma) for each in (upper, lower))
    beyond = 1 - np.minimum(upper + lower + inside, 1)
    share = wide_upper / np.maximum(wide_upper + wide_lower, 1e-6)
    upper, lower = upper + beyond * share, lower + beyond * (1 - share)
    total = np.maximum(upper + lower + inside, 1e-6)
    return upper / total * around, lower / total * around, inside / total * around


def mouth_outline(landmarks: NDArray[np.floating]) -> NDArray[np.floating]:
    """Compute the outline of the inside of the mouth.

    Args:
        landmarks: (84, 2), in pixels.

    Returns:
        (2 * _CURVE_POINTS, 2): the upper lip's inner edge from right to left, then the lower lip's from left to right.
    """
    return np.concatenate([_inner_curve(landmarks[edge]) for edge in (_UPPER_INNER_EDGE, _LOWER_INNER_EDGE)])


def _inner_curve(points: NDArray[np.floating]) -> NDArray[np.floating]:
    """Compute a cubic Hermite spline through the landmarks of an inner edge, (5, 2): (_CURVE_POINTS, 2).

    Straight lines between the landmarks would make the inside of an open mouth a hexagon, and smaller than it is.
    """
    distances = np.linalg.norm(np.diff(points, axis=0), axis=1)
    knots = np.concatenate([[0], np.cumsum(np.maximum(distances, _MIN_DISTANCE))])
    places = np.linspace(0, knots[-1], _CURVE_POINTS)
    slopes = np.gradient(points, knots, axis=0, edge_order=2)
    i = np.searchsorted(knots[1:-1], places, side="right")
    length = (knots[i + 1] - knots[i])[:, None]
    t = (places - knots[i])[:, None] / length
    start, end = t * (1 - t) ** 2 * length * slopes[i], t**2 * (1 - t) * length * slopes[i + 1]
    return np.asarray(points[i] + t**2 * (3 - 2 * t) * (points[i + 1] - points[i]) + start - end)


def drawn_share(before: float, after: float) -> float:
    """Return the opacity of the drawn inside of a mouth, 0 to 1.

    Args:
        before: gap between the lips in the plate, in shares of the crop's side.
        after: gap after the edit, in shares of the crop's side.
    """
    share = (before + CLOSED_GAP) / (after + CLOSED_GAP)
    return float(np.clip((MIN_STRETCHED_SHARE - share) / (MIN_STRETCHED_SHARE - MAX_DRAWN_SHARE), 0, 1))


def draw_mouth_inside(target: NDArray[np.floating], size: tuple[int, int], lightness: float) -> NDArray[np.float32]:
    """Draw the inside of an opened mouth: teeth above, a tongue below, dark between them and in the corners.

    Args:
        target: (84, 2), the landmarks after the edit, as pixel indices of the picture.
        size: width and height of the picture.
        lightness: CIE L* of the cheeks.

    Returns:
        float32 (height, width, 3) CIELAB.
    """
    # Positions, slopes and widths below are in mouth coordinates, chosen by eye on portraits.
    x, y = _mouth_coordinates(target, size)
    half_gap = max(float(np.linalg.norm(lip_gap(target))) / 2, 1.0)
    edge = max(0.33 / half_gap, 0.053)
    teeth = _falling_step((y + 0.45 - 0.25 * x * x) / edge) * (1 - (np.abs(x) / 0.75).clip(0, 1) ** 3)
    tongue = _falling_step(-(y - 0.45 - 0.5 * x * x) / 0.15) * (1 - (np.abs(x) / 0.8).clip(0, 1) ** 2)
    drawn = np.broadcast_to(np.array(DARK, np.float32), (*x.shape, 3)).copy()
    drawn += tongue[..., None] * (np.array(TONGUE, np.float32) - drawn)
    drawn += teeth[..., None] * (np.array(TEETH, np.float32) - drawn)
    lip_shadow = 0.5 * np.exp(-(((y + 1.05) / 0.25) ** 2))
    drawn[..., 0] *= (1 - lip_shadow) * (lightness / LIGHT) ** LIGHT_EXPONENT
    return np.asarray(drawn, np.float32)


def _mouth_coordinates(
    target: NDArray[np.floating], size: tuple[int, int]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Compute mouth coordinates of each pixel: x from -1 to 1 between the corners, y from -1 to 1 between the lips."""
    centre, across = target[INNER].mean(axis=0), target[54] - target[48]
    half_width = max(float(np.linalg.norm(across)) / 2, 1.0)
    half_gap = max(float(np.linalg.norm(lip_gap(target))) / 2, 1.0)
    unit = across / (2 * half_width)
    rows, columns = np.mgrid[: size[1], : size[0]].astype(np.float32)
    dx, dy = columns - np.float32(centre[0]), rows - np.float32(centre[1])
    x = (dx * unit[0] + dy * unit[1]) / half_width
    y = (dy * unit[0] - dx * unit[1]) / half_gap
    return np.asarray(x, np.float32), np.asarray(y, np.float32)


def _falling_step(x: NDArray[np.floating]) -> NDArray[np.floating]:
    """Fall from 1 to 0 around 0, by the logistic function."""
    return np.asarray(1 / (1 + np.exp(x.clip(-30, 30))))


def _fill(outline: NDArray[np.floating], size: tuple[int, int]) -> NDArray[np.float32]:
    drawn = np.zeros(size[::-1], np.uint8)
    cv2.fillPoly(drawn, [np.rint(outline * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
    return drawn.astype(np.float32) / np.float32(255)
