"""Refinement of a visibility map to the edges of the plate, by the guided filter (He, Sun and Tang, ECCV 2010)."""

import cv2
import numpy as np
from numpy.typing import NDArray

from facevid.compositing.placement import Placement

EDGE_RADIUS = 1.5
"""Greatest distance, in pixels of the coarse visibility map, by which edges move: the error of edges in that map."""

NOISE_SIGMA = 6.0
"""Standard deviation of the plate's lightness, 0 to 255, below which a variation is noise and not an edge."""

MAX_OCCLUDED_VISIBILITY = 0.35
"""Filtered visibility up to which a pixel is fully occluded: no trace of an edit shows on a hand."""

MIN_FULL_VISIBILITY = 0.75
"""Filtered visibility from which a pixel is fully visible; between the two the visibility rises smoothly."""


def visible_in_region(
    visibility: NDArray[np.generic], size: int, plate: NDArray[np.float32], placement: Placement
) -> NDArray[np.float32]:
    """Resample a visibility map to its region of the frame, and refine it to the edges of the plate.

    Args:
        visibility: (V, V) in crop space, 1 where the face is visible, 0 where it is occluded.
        size: side of the crop in pixels.
        plate: float32 (height, width, 3) RGB, 0 to 255, the region of the frame.
        placement: the place of the crop in the frame.

    Returns:
        float32 (height, width), exactly 0 inside an occluder and exactly 1 away from it.
    """
    coarse = cv2.resize(visibility.astype(np.float32), (size, size), interpolation=cv2.INTER_LINEAR)
    radius = EDGE_RADIUS * size / (len(visibility) * placement.scale)
    visible = placement.to_region(coarse).clip(0, 1)
    x, y, width, height = cv2.boundingRect((visible < 1).astype(np.uint8))
    if width:
        reach = 2 * (2 * round(radius) + 1)  # twice that of the guided filter; beyond it all pixels are visible
        box = slice(max(y - reach, 0), y + height + reach), slice(max(x - reach, 0), x + width + reach)
        visible[box] = refine_edges(visible[box], plate[box], radius)
    return visible


def refine_edges(visibility: NDArray[np.float32], plate: NDArray[np.float32], radius: float) -> NDArray[np.float32]:
    """Move the edges of a visibility map to nearby edges of the plate.

    Args:
        visibility: float32 (H, W), 1 where the face is visible, 0 where it is occluded.
        plate: float32 (H, W, 3) RGB, 0 to 255.
        radius: how far edges may move, in pixels.

    Returns:
        float32 (H, W), 0 to 1.
    """
    side = 2 * round(radius) + 1
    guide = np.asarray(cv2.cvtColor(plate, cv2.COLOR_RGB2GRAY), np.float32)

    def mean(picture: NDArray[np.float32]) -> NDArray[np.float32]:
        blurred = cv2.boxFilter(picture, cv2.CV_32F, (side, side), borderType=cv2.BORDER_REPLICATE)
        return np.asarray(blurred, np.float32)

    guide_mean, visibility_mean = mean(guide), mean(visibility)
    covariance = mean(guide * visibility) - guide_mean * visibility_mean
    variance = mean(guide * guide) - guide_mean**2
    slope = covariance / (variance + NOISE_SIGMA**2)
    filtered = mean(slope) * guide + mean(visibility_mean - slope * guide_mean)
    share = ((filtered - MAX_OCCLUDED_VISIBILITY) / (MIN_FULL_VISIBILITY - MAX_OCCLUDED_VISIBILITY)).clip(0, 1)
    return np.asarray(share * share * (3 - 2 * share))
