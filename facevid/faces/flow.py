"""Where a face's landmarks were in the frame before, by sparse optical flow (Lucas and Kanade, 1981, on a pyramid)."""

import cv2
import numpy as np
from numpy.typing import NDArray

FACE_SIDE = 240
"""Pixels that the longer side of a face's landmarks is brought to for the flow, so that one window suits every face."""

REACH = 0.5
"""How far beyond its landmarks a face is looked for in the frame before, as a share of their longer side."""

WINDOW, LEVELS = 41, 3
"""Side in pixels of the patch that is followed, and how many times the pictures are halved above the finest."""

CLOSED = 0.7
"""Pixels, at `FACE_SIDE`, by which a point followed there and back may miss its start; beyond, it counts as lost."""


def landmark_flow(
    previous: NDArray[np.uint8], picture: NDArray[np.uint8], landmarks: NDArray[np.floating]
) -> NDArray[np.float32]:
    """Measure how far each landmark moved from the previous frame to this one.

    The landmarks are followed back into the previous frame, and from there forward again: where they do not come back
    to their start, the flow is not to be trusted.

    Args:
        previous, picture: uint8 (H, W, 3) RGB, consecutive frames of one shot.
        landmarks: (68, 2) x and y in pixels of `picture`.

    Returns:
        float32 (68, 2), x and y in pixels; NaN where a landmark was lost.
    """
    low, high = landmarks.min(axis=0), landmarks.max(axis=0)
    side = float(max(*(high - low), 1.0))
    height, width = picture.shape[:2]
    left, top = np.clip((low - REACH * side).astype(int), 0, (width - 1, height - 1)).tolist()
    right, bottom = np.clip((high + REACH * side).astype(int), 1, (width, height)).tolist()
    region = slice(top, max(bottom, top + 1)), slice(left, max(right, left + 1))
    scale = FACE_SIDE / side
    before, after = (_scaled(each[region], scale) for each in (previous, picture))
    start = ((landmarks - (left, top) + 0.5) * scale - 0.5).astype(np.float32)
    there, found = _follow(after, before, start)
    back, returned = _follow(before, after, there)
    trusted = found & returned & (np.linalg.norm(back - start, axis=1) < CLOSED)
    return np.where(trusted[:, None], (start - there) / np.float32(scale), np.float32(np.nan))


def _follow(
    first: NDArray[np.uint8], second: NDArray[np.uint8], points: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    followed, status, _ = cv2.calcOpticalFlowPyrLK(
        first, second, points[:, None], np.empty(0), winSize=(WINDOW, WINDOW), maxLevel=LEVELS
    )
    return followed[:, 0], status[:, 0] == 1


def _scaled(picture: NDArray[np.uint8], scale: float) -> NDArray[np.uint8]:
    gray = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    size = max(round(gray.shape[1] * scale), 1), max(round(gray.shape[0] * scale), 1)
    return cv2.resize(gray, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR).astype(np.uint8)
