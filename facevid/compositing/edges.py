"""Bringing the edges of a coarse map to those of the picture beneath it.

By the guided filter (He, Sun and Tang, ECCV 2010).
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from facevid.compositing.placement import Placement

REACH = 1.5
"""How far the edges of a visibility may be off, in its own pixels."""

NOISE = 6.0
"""Standard deviation of the plate, of 255, below which the filter sees no edge."""

CERTAIN = (0.35, 0.75)
"""What is filtered to less than the first is hidden, to more than the second visible: no edit shows through a hand."""


def visible_in_region(
    visibility: NDArray[np.generic], size: int, plate: NDArray[np.float32], placement: Placement
) -> NDArray[np.float32]:
    """Bring a visibility to its region of the frame, and to the edges there.

    Args:
        visibility: (V, V) in the crop's space, 0 where something is before the face, 1 elsewhere.
        size: side of the crop in pixels.
        plate: float32 (height, width, 3) RGB, 0 to 255, the placement's region of the frame.
        placement: where the crop lies.

    Returns:
        float32 (height, width), exactly 0 inside of what is before the face and exactly 1 off it.
    """
    coarse = cv2.resize(visibility.astype(np.float32), (size, size), interpolation=cv2.INTER_LINEAR)
    radius = REACH * size / (len(visibility) * placement.scale)
    return snapped(placement.to_region(coarse).clip(0, 1), plate, radius)


def snapped(visibility: NDArray[np.float32], plate: NDArray[np.float32], radius: float) -> NDArray[np.float32]:
    """Move the edges of `visibility` to those of the plate nearby.

    Args:
        visibility: float32 (H, W), 0 where something is before the face, 1 elsewhere.
        plate: float32 (H, W, 3) RGB, 0 to 255.
        radius: how far edges may move, in pixels.

    Returns:
        float32 (H, W), 0 to 1.
    """
    side = 2 * round(radius) + 1
    guide = np.asarray(cv2.cvtColor(plate, cv2.COLOR_RGB2GRAY), np.float32)

    def mean(picture: NDArray[np.float32]) -> NDArray[np.float32]:
        return cv2.boxFilter(picture, cv2.CV_32F, (side, side), borderType=cv2.BORDER_REPLICATE)

    average, coarse = mean(guide), mean(visibility)
    slope = (mean(guide * visibility) - average * coarse) / (mean(guide * guide) - average**2 + NOISE**2)
    filtered = mean(slope) * guide + mean(coarse - slope * average)
    low, high = CERTAIN
    share = ((filtered - low) / (high - low)).clip(0, 1)
    return share * share * (3 - 2 * share)
