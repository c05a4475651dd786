"""The matte of a face: where its edit may show."""

import cv2
import numpy as np
from numpy.typing import NDArray

BROWS = slice(17, 27)
NOSE_BASE = 33
OUTER_LIPS = slice(48, 60)

FOREHEAD = 0.6
"""How far the matte reaches above the brows, in distances from brows to the base of the nose."""

MARGIN = 0.03
"""How far the matte reaches beyond the outline, as a share of the crop's side."""

FEATHER = 0.03
"""Standard deviation of the matte's soft edge, as a share of the crop's side."""

FINER = 4
"""How many times finer than the crop's pixels outlines are drawn: a matte moves with its face, not by whole pixels."""


def face_matte(landmarks: NDArray[np.floating], size: int) -> NDArray[np.float32]:
    """Draw the matte of a face in its crop.

    Args:
        landmarks: (68, 2) as indices of the crop's pixels.
        size: side of the crop in pixels.

    Returns:
        float32 (size, size): 1 on the face, 0 off it and along the crop's edge, soft between.
    """
    brows = landmarks[BROWS]
    raised = brows + FOREHEAD * (brows.mean(axis=0) - landmarks[NOSE_BASE])
    matte = filled(cv2.convexHull(np.concatenate([landmarks, raised]).astype(np.float32))[:, 0], size)
    reach = round(MARGIN * size)
    matte = cv2.dilate(matte, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1)))
    return cv2.GaussianBlur(matte, (0, 0), FEATHER * size) * _window(size)


def filled(outline: NDArray[np.floating], size: int) -> NDArray[np.float32]:
    """Fill an outline, (N, 2) as indices of pixels: float32 (size, size), how much of each pixel is in it."""
    fine = np.zeros((FINER * size, FINER * size), dtype=np.uint8)
    cv2.fillPoly(fine, [np.rint((outline + 0.5) * FINER - 0.5).astype(np.int32)], 255)
    return cv2.resize(fine, (size, size), interpolation=cv2.INTER_AREA).astype(np.float32) / 255


def _window(size: int) -> NDArray[np.float32]:
    """Fall to 0 along the crop's edge, over twice the feather."""
    from_edge = np.minimum(np.arange(size), np.arange(size)[::-1]).astype(np.float32)
    ramp = np.clip(from_edge / (2 * FEATHER * size), 0, 1)
    return ramp[:, None] * ramp[None, :]
