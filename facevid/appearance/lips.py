"""Lips that close, or come apart, as an edit asks: the parts of a warp that a smooth spline cannot express.

A spline through all landmarks is continuous: where lips close over teeth it would squeeze the teeth into a bright line,
and where closed lips come apart it would stretch the line between them. So above the line where the lips meet, pixels
follow the upper lip alone, below it the lower lip alone.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

UPPER, LOWER = [*range(49, 54), *range(61, 64)], [*range(55, 60), *range(65, 68)]
"""Landmarks of the upper and the lower lip, the corners of the mouth left out."""

UPPER_INNER, LOWER_INNER = [61, 62, 63], [67, 66, 65]
INNER = [60, 61, 62, 63, 64, 65, 66, 67]
_UPPER_OUTLINE = [48, 49, 50, 51, 52, 53, 54, 64, 63, 62, 61, 60]
_LOWER_OUTLINE = [54, 55, 56, 57, 58, 59, 48, 60, 67, 66, 65, 64]

SHARP = 0.002
"""Standard deviation of the Gaussian over the edges between lips and mouth, as a share of the crop's side."""

MARGIN = 0.012
"""How far beyond the lips pixels still follow one lip, as a share of the crop's side."""

CLOSED = 1.7
"""How many times the gap as landmarks show it is left out when lips close: what shows of teeth is a little wider."""


OWN = 0.4, 0.62
"""Shares of an opened gap that the plate shows: up to the first all of it is drawn, from the second on nothing."""

SLIT = 0.004
"""Gap of closed lips, in shares of the crop's side: added to both gaps before they are compared."""

DARK = (9.0, 10.0, 6.0)
TONGUE = (24.0, 22.0, 10.0)
TEETH = (62.0, 2.0, 8.0)
"""CIELAB of what shows in a mouth, on a face as light as `LIGHT`."""

LIGHT = 65.0
"""CIE L* of the cheeks of such a face."""


@dataclass(frozen=True)
class LipChange:
    """What an edit does to the gap between the lips.

    Attributes:
        wider: factor of the gap that the plate shows; 0 closes the lips.
        apart: distance added to it, in shares of the crop's side.
    """

    wider: float = 1.0
    apart: float = 0.0


def gap(landmarks: NDArray[np.floating]) -> NDArray[np.floating]:
    """Return the vector from the upper to the lower lip's inner edge, (..., 2), of landmarks (..., 68, 2)."""
    return landmarks[..., LOWER_INNER, :].mean(axis=-2) - landmarks[..., UPPER_INNER, :].mean(axis=-2)


def with_gap(
    moved: NDArray[np.float64], landmarks: NDArray[np.floating], change: LipChange, down: NDArray[np.floating]
) -> NDArray[np.float64]:
    """Set the gap between the lips of `moved` by that of the plate's `landmarks`.

    Args:
        moved: (68, 2), where the landmarks go, the lips apart.
        landmarks: (68, 2), where they are.
        change: of the gap.
        down: (2,), one side of the crop downwards along the face.
    """
    step = (change.wider * gap(landmarks) + change.apart * down - gap(moved)) / 2
    result = moved.copy()
    result[UPPER] -= step
    result[LOWER] += step
    return result


def opened_to_teeth(landmarks: NDArray[np.float64], closing: float) -> NDArray[np.float64]:
    """Move the inner edges of the lips apart to where teeth end, by how far the lips close, 0 to 1: float64 (68, 2)."""
    extra = gap(landmarks) * ((CLOSED - 1) / 2 * closing)
    result = landmarks.copy()
    result[UPPER_INNER] -= extra
    result[LOWER_INNER] += extra
    return result


def lip_masks(
    target: NDArray[np.floating], size: tuple[int, int], side: float
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """Draw where pixels follow the upper lip, where the lower one, and where the inside of the mouth shows.

    Args:
        target: (68, 2), the landmarks as the edit leaves them, as indices of the picture's pixels.
        size: width and height of the picture.
        side: of the FFHQ crop in pixels.

    Returns:
        three masks, float32 (height, width), 0 to 1, whose sum is at most 1.
    """
    upper, lower, inside = (_drawn(target[each], size) for each in (_UPPER_OUTLINE, _LOWER_OUTLINE, INNER))
    sigma = max(SHARP * side, 0.4)
    upper, lower, inside = (cv2.GaussianBlur(each, (0, 0), sigma) for each in (upper, lower, inside))
    reach = 2 * max(round(MARGIN * side), 1) + 1
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach))
    around = cv2.GaussianBlur(cv2.dilate(_drawn(target[48:60], size), kernel), (0, 0), max(reach / 4, 0.5))
    wide_upper, wide_lower = (cv2.GaussianBlur(cv2.dilate(each, kernel), (0, 0), sigma) for each in (upper, lower))
    beyond = 1 - np.minimum(upper + lower + inside, 1)
    share = wide_upper / np.maximum(wide_upper + wide_lower, 1e-6)
    upper, lower = upper + beyond * share, lower + beyond * (1 - share)
    total = np.maximum(upper + lower + inside, 1e-6)
    return upper / total * around, lower / total * around, inside / total * around


def drawn_share(before: float, after: float) -> float:
    """Return how much of a mouth's inside is to be drawn, 0 to 1, from the gaps in shares of the crop's side."""
    least, enough = OWN
    return float(np.clip((enough - (before + SLIT) / (after + SLIT)) / (enough - least), 0, 1))


def mouth_inside(target: NDArray[np.floating], size: tuple[int, int], lightness: float) -> NDArray[np.float32]:
    """Draw what shows between opened lips: teeth above, a tongue below, dark between and in the corners.

    Args:
        target: (68, 2), the landmarks as the edit leaves them, as indices of the picture's pixels.
        size: width and height of the picture.
        lightness: CIE L* of the cheeks.

    Returns:
        float32 (height, width, 3) CIELAB.
    """
    x, y = _mouth_coordinates(target, size)
    half_gap = max(float(np.linalg.norm(gap(target))) / 2, 1.0)
    edge = max(0.33 / half_gap, 0.053)
    teeth = _falling((y + 0.45 - 0.25 * x * x) / edge) * (1 - (np.abs(x) / 0.75).clip(0, 1) ** 3)
    tongue = _falling(-(y - 0.45 - 0.5 * x * x) / 0.15) * (1 - (np.abs(x) / 0.8).clip(0, 1) ** 2)
    drawn = np.broadcast_to(np.array(DARK, np.float32), (*x.shape, 3)).copy()
    drawn += tongue[..., None] * (np.array(TONGUE, np.float32) - drawn)
    drawn += teeth[..., None] * (np.array(TEETH, np.float32) - drawn)
    shadow_of_lip = 0.5 * np.exp(-(((y + 1.05) / 0.25) ** 2))
    drawn[..., 0] *= (1 - shadow_of_lip) * (lightness / LIGHT)
    return np.asarray(drawn, np.float32)


def _mouth_coordinates(
    target: NDArray[np.floating], size: tuple[int, int]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Give each pixel its place in the mouth: -1 to 1 from corner to corner, and from the upper to the lower lip."""
    centre, across = target[INNER].mean(axis=0), target[54] - target[48]
    half_width = max(float(np.linalg.norm(across)) / 2, 1.0)
    half_gap = max(float(np.linalg.norm(gap(target))) / 2, 1.0)
    unit = across / (2 * half_width)
    rows, columns = np.mgrid[: size[1], : size[0]].astype(np.float32)
    dx, dy = columns - np.float32(centre[0]), rows - np.float32(centre[1])
    x = (dx * unit[0] + dy * unit[1]) / half_width
    y = (dy * unit[0] - dx * unit[1]) / half_gap
    return np.asarray(x, np.float32), np.asarray(y, np.float32)


def _falling(x: NDArray[np.floating]) -> NDArray[np.floating]:
    return 1 / (1 + np.exp(x.clip(-30, 30)))


def _drawn(outline: NDArray[np.floating], size: tuple[int, int]) -> NDArray[np.float32]:
    drawn = np.zeros(size[::-1], np.uint8)
    cv2.fillPoly(drawn, [np.rint(outline * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
    return drawn.astype(np.float32) / np.float32(255)
