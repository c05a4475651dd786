"""The matte of a face: where its edit may show."""

import cv2
import numpy as np
from numpy.typing import NDArray

BROWS = slice(17, 27)
NOSE_BASE = 33

FOREHEAD = 0.6
"""How far the matte reaches above the brows, in distances from brows to the base of the nose."""

MARGIN = 0.03
"""How far the matte reaches beyond the outline, as a share of the crop's side."""

FEATHER = 0.03
"""Standard deviation of the matte's soft edge, as a share of the crop's side."""


def face_matte(landmarks: NDArray[np.floating], size: int) -> NDArray[np.float32]:
    """Draw the matte of a face in its crop.

    Args:
        landmarks: (68, 2) as indices of the crop's pixels.
        size: side of the crop in pixels.

    Returns:
        float32 (size, size): 1 on the face, 0 off it and along the crop's edge, soft between.
    """
    brows = landmarks[BROWS]
    forehead = brows + FOREHEAD * (brows.mean(axis=0) - landmarks[NOSE_BASE])
    outline = cv2.convexHull(np.concatenate([landmarks, forehead]).astype(np.float32))
    fraction_bits = 4
    matte = np.zeros((size, size), dtype=np.float32)
    fixed = np.round(outline * 2**fraction_bits).astype(np.int32)
    cv2.fillConvexPoly(matte, fixed, 1.0, lineType=cv2.LINE_AA, shift=fraction_bits)
    reach = round(MARGIN * size)
    matte = cv2.dilate(matte, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1)))
    return cv2.GaussianBlur(matte, (0, 0), FEATHER * size) * _window(size)


def _window(size: int) -> NDArray[np.float32]:
    """Fall to 0 along the crop's edge, over twice the feather."""
    from_edge = np.minimum(np.arange(size), np.arange(size)[::-1]).astype(np.float32)
    ramp = np.clip(from_edge / (2 * FEATHER * size), 0, 1)
    return ramp[:, None] * ramp[None, :]
