"""Where one shot ends and the next begins."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

import cv2
import numpy as np
from numpy.typing import NDArray

THUMBNAIL = (64, 36)
"""Width and height, in pixels, at which frames are compared: motion inside the shot hardly shows, a cut does."""

MIN_CHANGE = 0.4
"""Mean absolute difference that a cut makes at the least, in the contrast of the two frames: the mean of their
thumbnails' standard deviations. Measured: cuts 0.8 and more, fast motion up to 0.33."""

LEAST, MOST = 3.0, 18.0
"""The same, of 255, below which nothing is a cut, not even in the dark, and above which all may be."""

MIN_RATIO = 3.0
"""How many times the usual change of the frames before it a cut makes at the least."""

MIN_RATIO_AFTER = 1.6
"""The same for the changes right after it: less, as a shot may begin in motion."""

LOOK_AHEAD = 3
"""Frames after which a picture that was changed may have come back: a flash, or something that passes the lens."""


@dataclass(frozen=True)
class _Change:
    """From one frame's thumbnail to the next one's, that of frame `index`; `least` is what a cut would change."""

    index: int
    before: NDArray[np.float32]
    after: NDArray[np.float32]
    size: float
    least: float

    def is_undone(self, thumbnail: NDArray[np.float32]) -> bool:
        """Tell whether a later thumbnail shows again what was there before."""
        left = _change(self.index, self.before, thumbnail)
        return left.size < min(self.size / 2, left.least)


class CutDetector:
    """Finds the cuts of a clip, frame by frame.

    A cut is a change between two thumbnails that is large, much larger than the changes around it, and lasting: a fast
    pan or a flicker, whose frames all differ, is none, nor is a flash, after which the picture comes back. A shot of up
    to `LOOK_AHEAD` frames between two halves of another counts as part of that.
    """

    def __init__(self) -> None:
        self._count = 0
        self._last: NDArray[np.float32] | None = None
        self._usual = 0.0
        self._cuts: list[int] = []
        self._open: list[_Change] = []

    def add(self, picture: NDArray[np.uint8]) -> None:
        """Look at the clip's next picture, uint8 (H, W, 3), of any colour order."""
        thumbnail = cv2.resize(picture, THUMBNAIL, interpolation=cv2.INTER_AREA).astype(np.float32)
        if self._last is not None:
            self._open.append(_change(self._count, self._last, thumbnail))
        self._last = thumbnail
        self._count += 1
        while len(self._open) > LOOK_AHEAD:
            self._usual = _decide(self._open, self._usual, self._cuts)

    def cuts(self) -> tuple[int, ...]:
        """Return the indices of the frames so far that begin a shot, the first frame aside."""
        left, usual, cuts = [*self._open], self._usual, [*self._cuts]
        while left:
            usual = _decide(left, usual, cuts)
        return tuple(cuts)


def _decide(changes: list[_Change], usual: float, cuts: list[int]) -> float:
    """Take the first change, or all of a disturbance that begins with it, off `changes`; put a cut into `cuts`.

    Returns:
        the usual change of the frames before the next one.
    """
    first, after = changes[0], changes[1 : LOOK_AHEAD + 1]
    if first.size <= max(first.least, MIN_RATIO * usual):
        del changes[0]
        return usual + 0.25 * (first.size - usual)
    disturbed = _disturbed(changes[: LOOK_AHEAD + 1])
    if disturbed:
        del changes[:disturbed]
        return usual
    del changes[0]
    if first.size <= MIN_RATIO_AFTER * _typical(after):
        return first.size
    cuts.append(first.index)
    return 0.0


def _change(index: int, before: NDArray[np.float32], after: NDArray[np.float32]) -> _Change:
    contrast = float(before.std() + after.std()) / 2
    return _Change(index, before, after, _difference(before, after), float(np.clip(MIN_CHANGE * contrast, LEAST, MOST)))


def _disturbed(changes: Sequence[_Change]) -> int:
    """Return how many of the changes, from the first one on, make a disturbance after which the picture comes back."""
    undone = (place for place, change in enumerate(changes[1:], 2) if changes[0].is_undone(change.after))
    return next(undone, 0) if changes[0].size > changes[0].least else 0


def _typical(changes: Sequence[_Change]) -> float:
    """Return the usual size of changes, 0 for none; disturbances are passed over."""
    sizes, place = [], 0
    while place < len(changes):
        disturbed = _disturbed(changes[place:])
        if not disturbed:
            sizes.append(changes[place].size)
        place += max(disturbed, 1)
    return median(sizes) if sizes else 0.0


def _difference(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    return float(np.abs(a - b).mean())
