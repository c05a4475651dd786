"""Where one shot ends and the next begins."""

import cv2
import numpy as np
from numpy.typing import NDArray

THUMBNAIL = (64, 36)
"""Width and height, in pixels, at which frames are compared: motion inside the shot hardly shows, a cut does."""

MIN_CHANGE = 18.0
"""Mean absolute difference, of 255, that a cut makes at the least. Measured: cuts 27 to 30, fast motion up to 15."""

MIN_RATIO = 3.0
"""How many times the usual change of the frames before it a cut makes at the least."""


class CutDetector:
    """Tells, frame by frame, whether a cut comes right before a frame.

    A cut is a change between two thumbnails that is large, and much larger than the changes of the frames before it:
    so a fast pan or a flicker, whose frames all differ, is none.
    """

    def __init__(self) -> None:
        self._last: NDArray[np.float32] | None = None
        self._usual = 0.0

    def is_cut(self, picture: NDArray[np.uint8]) -> bool:
        """Compare `picture`, uint8 (H, W, 3) of any colour order, with the one given before; the first is no cut."""
        thumbnail = cv2.resize(picture, THUMBNAIL, interpolation=cv2.INTER_AREA).astype(np.float32)
        last, self._last = self._last, thumbnail
        if last is None:
            return False
        change = float(np.abs(thumbnail - last).mean())
        if change > MIN_CHANGE and change > MIN_RATIO * self._usual:
            self._usual = 0.0
            return True
        self._usual += 0.25 * (change - self._usual)
        return False
