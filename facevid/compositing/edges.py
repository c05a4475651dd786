"""Edges: bringing those of a coarse map to the picture beneath it, and sharpening those of a generated one.

The first is the guided filter (He, Sun and Tang, ECCV 2010).
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

SHARPER, FINE = 3.0, 1.4
"""How much is added of the detail finer than this standard deviation, in pixels of the generated face: its edges are
softer than the plate's."""


def visible_in_region(
    visibility: NDArray[np.generic], size: int, plate: NDArray[np.uint8], placement: Placement
) -> NDArray[np.float32]:
    """Bring a visibility to its region of the frame, and to the edges there.

    Args:
        visibility: (V, V) in the crop's space, 0 where something is before the face, 1 elsewhere.
        size: side of the crop in pixels.
        plate: uint8 (height, width, 3) RGB, the placement's region of the frame.
        placement: where the crop lies.

    Returns:
        float32 (height, width), exactly 0 inside of what is before the face and exactly 1 off it.
    """
    coarse = cv2.resize(visibility.astype(np.float32), (size, size), interpolation=cv2.INTER_LINEAR)
    radius = REACH * size / (len(visibility) * placement.scale)
    return snapped(placement.to_region(coarse).clip(0, 1), plate, radius)


def snapped(visibility: NDArray[np.float32], plate: NDArray[np.uint8], radius: float) -> NDArray[np.float32]:
    """Move the edges of `visibility` to those of the plate nearby.

    Args:
        visibility: float32 (H, W), 0 where something is before the face, 1 elsewhere.
        plate: uint8 (H, W, 3) RGB.
        radius: how far edges may move, in pixels.

    Returns:
        float32 (H, W), 0 to 1.
    """
    side = 2 * round(radius) + 1
    guide = cv2.cvtColor(plate, cv2.COLOR_RGB2GRAY).astype(np.float32)

    def mean(picture: NDArray[np.float32]) -> NDArray[np.float32]:
        return cv2.boxFilter(picture, cv2.CV_32F, (side, side), borderType=cv2.BORDER_REPLICATE)

    average, coarse = mean(guide), mean(visibility)
    slope = (mean(guide * visibility) - average * coarse) / (mean(guide * guide) - average**2 + NOISE**2)
    filtered = mean(slope) * guide + mean(coarse - slope * average)
    low, high = CERTAIN
    share = ((filtered - low) / (high - low)).clip(0, 1)
    return share * share * (3 - 2 * share)


def sharpened(picture: NDArray[np.float32], pixel: float) -> NDArray[np.float32]:
    """Sharpen edges but no further than to what is beside them, so that nothing rings.

    Args:
        picture: float32 (height, width, 3).
        pixel: of the generated face, in pixels of the picture; where it is none larger, nothing is to be sharpened.
    """
    if pixel <= 1:
        return picture
    side = 2 * int(np.ceil(pixel)) + 1
    around = np.ones((side, side), np.uint8)
    sharper = picture + SHARPER * (picture - cv2.GaussianBlur(picture, (0, 0), FINE * pixel))
    return np.clip(sharper, cv2.erode(picture, around), cv2.dilate(picture, around))
