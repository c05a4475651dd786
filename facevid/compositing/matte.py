"""The matte of a face: the area in which its edit may show."""

import cv2
import numpy as np
from numpy.typing import NDArray

BROWS = slice(17, 27)
"""Landmarks of both brows."""

NOSE_BASE = 33
"""Landmark in the middle of the base of the nose."""

OUTER_LIPS = slice(48, 60)
"""Landmarks of the outer edge of the lips."""

FOREHEAD = 0.6
"""Height of the matte above the brows, as a share of the distance from the brows to the base of the nose."""

MARGIN = 0.03
"""Width of the matte beyond the outline of the landmarks, as a share of the crop's side."""

FEATHER = 0.03
"""Standard deviation of the matte's soft edge, as a share of the crop's side."""

SUPERSAMPLING = 4
"""Factor by which outlines are drawn larger than the crop, so that a matte moves with its face by less than a pixel."""


def face_matte(landmarks: NDArray[np.floating], size: int) -> NDArray[np.float32]:
    """Draw the matte of a face in its crop.

    Args:
        landmarks: (84, 2) as pixel indices of the crop.
        size: side of the crop in pixels.

    Returns:
        float32 (size, size): 1 on the face, 0 off it and along the crop's edge, with a soft edge between.
    """
    brows = landmarks[BROWS]
    raised = brows + FOREHEAD * (brows.mean(axis=0) - landmarks[NOSE_BASE])
    matte = fill_outline(cv2.convexHull(np.concatenate([landmarks, raised]).astype(np.float32))[:, 0], size)
    radius = round(MARGIN * size)
    matte = cv2.dilate(matte, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1)))
    return np.asarray(cv2.GaussianBlur(matte, (0, 0), FEATHER * size) * _edge_window(size))


def fill_outline(outline: NDArray[np.floating], size: int) -> NDArray[np.float32]:
    """Fill an outline, (N, 2) as pixel indices: float32 (size, size), the covered share of each pixel."""
    large = np.zeros((SUPERSAMPLING * size, SUPERSAMPLING * size), dtype=np.uint8)
    cv2.fillPoly(large, [np.rint((outline + 0.5) * SUPERSAMPLING - 0.5).astype(np.int32)], 255)
    covered = cv2.resize(large, (size, size), interpolation=cv2.INTER_AREA).astype(np.float32)
    return np.asarray(covered / 255)


def _edge_window(size: int) -> NDArray[np.float32]:
    """Draw a window that falls to 0 along the crop's edge, over twice the feather: float32 (size, size)."""
    from_edge = np.minimum(np.arange(size), np.arange(size)[::-1]).astype(np.float32)
    ramp = np.clip(from_edge / (2 * FEATHER * size), 0, 1)
    return np.asarray(ramp[:, None] * ramp[None, :])
