"""Dense optical flow between two frames: dense inverse search (Kroeger, Timofte, Dai and Van Gool, ECCV 2016)."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

MIN_SIDE = 24
"""Pixels that either side of a picture needs at the least."""


@dataclass(frozen=True)
class DenseFlow:
    """Where each pixel of a picture was in the one before.

    Attributes:
        places: float32 (H, W, 2), x and y in pixels of the picture before.
        seen: bool (H, W): whether the pixel is to be seen in both.
    """

    places: NDArray[np.float32]
    seen: NDArray[np.bool_]

    def warped(self, previous: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Bring the picture before, uint8 (H, W, C), to this one: float32 (H, W, C)."""
        return cv2.remap(
            previous.astype(np.float32), self.places, np.empty(0), cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
        )


def dense_flow(previous: NDArray[np.uint8], picture: NDArray[np.uint8]) -> DenseFlow:
    """Measure the flow between two pictures, uint8 (H, W, 3) RGB, of at least `MIN_SIDE` pixels a side.

    A pixel counts as seen in both where the flow there and the flow back agree (Sundaram, Brox and Keutzer, ECCV 2010,
    equation 5), and where it does not come from beyond the edge.
    """
    before, after = (cv2.cvtColor(each, cv2.COLOR_RGB2GRAY) for each in (previous, picture))
    search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    back, forth = search.calc(after, before, np.empty(0)), search.calc(before, after, np.empty(0))
    height, width = after.shape
    rows, columns = np.mgrid[:height, :width].astype(np.float32)
    places = np.stack([columns, rows], axis=-1) + back
    returned = cv2.remap(forth, places, np.empty(0), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    miss, length = ((back + returned) ** 2).sum(axis=-1), (back**2 + returned**2).sum(axis=-1)
    inside = ((places >= 0) & (places <= (width - 1, height - 1))).all(axis=-1)
    return DenseFlow(places.astype(np.float32), inside & (miss < 0.01 * length + 0.5))
