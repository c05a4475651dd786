"""Where one shot ends and the next begins."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

THUMBNAIL = (64, 36)
"""Width and height, in pixels, at which frames are compared: motion inside the shot hardly shows, a cut does."""

MIN_CHANGE = 18.0
"""Mean absolute difference, of 255, that a cut makes at the least. Measured: cuts 27 to 30, fast motion up to 15."""

MIN_RATIO = 3.0
"""How many times the usual change of the frames before it a cut makes at the least."""

LOOK_AHEAD = 3
"""Frames after which a picture that was changed may have come back: a flash, or something that passes the lens."""


@dataclass(frozen=True)
class _Change:
    """A change that may be a cut: the frame it comes right before, how large it is, and what it interrupts."""

    index: int
    size: float
    before: NDArray[np.float32]
    usual: float

    def is_undone(self, thumbnail: NDArray[np.float32]) -> bool:
        """Tell whether a later thumbnail shows again what was there before."""
        return _difference(self.before, thumbnail) < min(self.size / 2, MIN_CHANGE)


class CutDetector:
    """Finds the cuts of a clip, frame by frame.

    A cut is a change between two thumbnails that is large, much larger than the changes of the frames before it, and
    lasting: a fast pan or a flicker, whose frames all differ, is none, nor is a flash, after which the picture comes
    back. A shot of up to `LOOK_AHEAD` frames between two halves of another counts as part of that.
    """

    def __init__(self) -> None:
        self._count = 0
        self._last: NDArray[np.float32] | None = None
        self._usual = 0.0
        self._cuts: list[int] = []
        self._pending: list[_Change] = []

    def add(self, picture: NDArray[np.uint8]) -> None:
        """Look at the clip's next picture, uint8 (H, W, 3), of any colour order."""
        thumbnail = cv2.resize(picture, THUMBNAIL, interpolation=cv2.INTER_AREA).astype(np.float32)
        if self._last is not None:
            self._compare(self._last, thumbnail)
        self._last = thumbnail
        self._count += 1

    def cuts(self) -> tuple[int, ...]:
        """Return the indices of the frames so far that begin a shot, the first frame aside."""
        return (*self._cuts, *(change.index for change in self._pending))

    def _compare(self, last: NDArray[np.float32], thumbnail: NDArray[np.float32]) -> None:
        while self._pending and self._count - self._pending[0].index > LOOK_AHEAD:
            self._cuts.append(self._pending.pop(0).index)
        for place, change in enumerate(self._pending):
            if change.is_undone(thumbnail):
                self._usual = change.usual
                del self._pending[place:]
                return
        size = _difference(last, thumbnail)
        if size > MIN_CHANGE and size > MIN_RATIO * self._usual:
            self._pending.append(_Change(self._count, size, last, self._usual))
            self._usual = 0.0
        else:
            self._usual += 0.25 * (size - self._usual)


def _difference(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    return float(np.abs(a - b).mean())
