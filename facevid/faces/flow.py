"""Motion of a face's landmarks since the previous frame: sparse pyramidal optical flow (Lucas and Kanade, 1981)."""

import cv2
import numpy as np
from numpy.typing import NDArray

FACE_SIDE = 240
"""Length, in pixels, to which the longer side of a landmark box is scaled, so that one window size fits every face."""

SEARCH_MARGIN = 0.5
"""Margin around the landmark box in which the face is searched, as a share of the box's longer side."""

WINDOW_SIDE = 41
"""Side, in pixels at `FACE_SIDE`, of the window that is matched around each landmark."""

PYRAMID_LEVELS = 3
"""Times the pictures are halved for the coarse levels of the pyramid."""

MAX_ROUND_TRIP_ERROR = 0.7
"""Largest distance, in pixels at `FACE_SIDE`, between a landmark and where tracking it back and forth ends. Beyond it
the landmark counts as lost."""


def landmark_flow(
    previous: NDArray[np.uint8], picture: NDArray[np.uint8], landmarks: NDArray[np.floating]
) -> NDArray[np.float32]:
    """Measure the displacement of each landmark since the previous frame.

    Landmarks are tracked back into the previous frame and forward again. The flow of a landmark that does not return to
    its start is discarded.

    Args:
        previous: uint8 (H, W, 3) RGB, the previous frame of the same shot.
        picture: uint8 (H, W, 3) RGB, this frame.
        landmarks: (84, 2) x and y in pixels of `picture`.

    Returns:
        float32 (84, 2), x and y in pixels; NaN where a landmark was lost.
    """
    low, high = landmarks.min(axis=0), landmarks.max(axis=0)
    side = float(max(*(high - low), 1.0))
    height, width = picture.shape[:2]
    left, top = np.clip((low - SEARCH_MARGIN * side).astype(int), 0, (width - 1, height - 1)).tolist()
    right, bottom = np.clip((high + SEARCH_MARGIN * side).astype(int), 1, (width, height)).tolist()
    region = slice(top, max(bottom, top + 1)), slice(left, max(right, left + 1))
    scale = FACE_SIDE / side
    before, after = (_scaled_grey(each[region], scale) for each in (previous, picture))
    start = ((landmarks - (left, top) + 0.5) * scale - 0.5).astype(np.float32)
    in_previous, has_backward = _track_points(after, before, start)
    returned, has_forward = _track_points(before, after, in_previous)
    is_tracked = has_backward & has_forward & (np.linalg.norm(returned - start, axis=1) < MAX_ROUND_TRIP_ERROR)
    return np.where(is_tracked[:, None], (start - in_previous) / np.float32(scale), np.float32(np.nan))


def _track_points(
    first: NDArray[np.uint8], second: NDArray[np.uint8], points: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Track points (N, 2) from one grey picture to another; returns their positions there, and which succeeded."""
    tracked, status, _ = cv2.calcOpticalFlowPyrLK(
        first, second, points[:, None], np.empty(0), winSize=(WINDOW_SIDE, WINDOW_SIDE), maxLevel=PYRAMID_LEVELS
    )
    return tracked[:, 0], status[:, 0] == 1


def _scaled_grey(picture: NDArray[np.uint8], scale: float) -> NDArray[np.uint8]:
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    size = max(round(grey.shape[1] * scale), 1), max(round(grey.shape[0] * scale), 1)
    interpolation = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(grey, size, interpolation=interpolation), dtype=np.uint8)
