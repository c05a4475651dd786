"""Dense optical flow between two frames: dense inverse search (Kroeger, Timofte, Dai and Van Gool, ECCV 2016)."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

MIN_SIDE = 24
"""Smallest side, in pixels, of a picture that the algorithm accepts."""

CONSISTENCY_SCALE = 0.01
"""Tolerated forward-backward error, relative to the squared length of the flow (Sundaram et al., equation 5)."""

CONSISTENCY_OFFSET = 0.5
"""Tolerated forward-backward error, in squared pixels (Sundaram et al., equation 5)."""


@dataclass(frozen=True)
class DenseFlow:
    """The position of each pixel of a picture in the previous picture.

    Attributes:
        positions: float32 (H, W, 2), x and y in pixels of the previous picture.
        visible: bool (H, W), whether the pixel is visible in both pictures.
    """

    positions: NDArray[np.float32]
    visible: NDArray[np.bool_]

    def warped(self, previous: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Warp the previous picture, uint8 (H, W, C), to this one: float32 (H, W, C)."""
        warped = cv2.remap(
            previous.astype(np.float32), self.positions, np.empty(0), cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
        )
        return np.asarray(warped, np.float32)


def dense_flow(previous: NDArray[np.uint8], picture: NDArray[np.uint8]) -> DenseFlow:
    """Compute the flow between two pictures.

    A pixel counts as visible in both if forward and backward flow agree (Sundaram, Brox and Keutzer, ECCV 2010,
    equation 5) and its previous position is inside the picture.

    Args:
        previous: the previous picture, uint8 (H, W, 3), RGB, at least `MIN_SIDE` pixels high and wide.
        picture: the picture, of the same size.
    """
    before, after = (cv2.cvtColor(each, cv2.COLOR_RGB2GRAY) for each in (previous, picture))
    search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    backward = search.calc(after, before, np.empty(0))
    forward = search.calc(before, after, np.empty(0))
    height, width = after.shape
    rows, columns = np.mgrid[:height, :width].astype(np.float32)
    positions = np.stack([columns, rows], axis=-1) + backward
    forward_there = cv2.remap(forward, positions, np.empty(0), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    squared_error = ((backward + forward_there) ** 2).sum(axis=-1)
    squared_length = (backward**2 + forward_there**2).sum(axis=-1)
    consistent = squared_error < CONSISTENCY_SCALE * squared_length + CONSISTENCY_OFFSET
    inside = ((positions >= 0) & (positions <= (width - 1, height - 1))).all(axis=-1)
    return DenseFlow(positions.astype(np.float32), inside & consistent)
