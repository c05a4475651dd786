"""Detection of cuts: the frames in which a shot begins."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

import cv2
import numpy as np
from numpy.typing import NDArray

THUMBNAIL_SIZE = (64, 36)
"""Width and height, in pixels, at which frames are compared: small enough to hide most motion, but not a cut."""

MIN_CHANGE = 0.4
"""Smallest change of a cut: the mean absolute difference of two thumbnails, divided by their contrast (the mean of
their standard deviations). Measured: 0.8 and more at cuts, up to 0.33 in fast motion."""

MIN_THRESHOLD = 3.0
"""Lower limit of that threshold as a difference of 8-bit levels, so that noise in a dark shot is not a cut."""

MAX_THRESHOLD = 18.0
"""Upper limit of that threshold as a difference of 8-bit levels, so that a cut between high-contrast shots is found."""

MIN_RATIO_BEFORE = 3.0
"""Smallest ratio of a cut's change to the running mean of the changes before it."""

MIN_RATIO_AFTER = 1.6
"""Smallest ratio of a cut's change to the median of the changes after it; lower, because a shot may begin in motion."""

MAX_DISTURBANCE_FRAMES = 3
"""Greatest length, in frames, of a disturbance after which the previous picture returns: a flash, or an object that
passes close to the lens."""

BASELINE_WEIGHT = 0.25
"""Weight of the latest change in the running mean."""


@dataclass(frozen=True)
class _Change:
    """The change from one frame's thumbnail to the next.

    Attributes:
        index: of the second frame.
        before: float32 (36, 64, 3), the first thumbnail, 0 to 255.
        after: the second thumbnail.
        size: mean absolute difference of the two.
        threshold: smallest size of a cut, from the contrast of the two.
    """

    index: int
    before: NDArray[np.float32]
    after: NDArray[np.float32]
    size: float
    threshold: float

    def is_undone_by(self, thumbnail: NDArray[np.float32]) -> bool:
        """Return whether a later thumbnail shows the first one again."""
        remaining = _measure_change(self.index, self.before, thumbnail)
        return remaining.size < min(self.size / 2, remaining.threshold)


def thumbnail(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Scale a picture, uint8 (H, W, 3) in any colour order, to `THUMBNAIL_SIZE`."""
    return np.asarray(cv2.resize(picture, THUMBNAIL_SIZE, interpolation=cv2.INTER_AREA), np.uint8)


def may_be_cut(before: NDArray[np.uint8], after: NDArray[np.uint8]) -> bool:
    """Return whether a shot may begin between two thumbnails; `CutDetector` also considers the frames around them."""
    change = _measure_change(0, before.astype(np.float32), after.astype(np.float32))
    return change.size > change.threshold


class CutDetector:
    """Detects the cuts of a clip, frame by frame.

    A cut is a change between two thumbnails that is large, much larger than the changes around it, and permanent. So a
    fast pan or flicker, in which all frames differ, is not a cut, nor is a flash, after which the picture returns. A
    shot of up to `MAX_DISTURBANCE_FRAMES` frames between two parts of another shot counts as a part of that shot.
    """

    def __init__(self) -> None:
        self._count = 0
        self._last: NDArray[np.float32] | None = None
        self._baseline = 0.0
        self._cuts: list[int] = []
        self._pending: list[_Change] = []

    def add(self, picture: NDArray[np.uint8]) -> None:
        """Process the clip's next picture, uint8 (H, W, 3), in any colour order."""
        self.add_thumbnail(thumbnail(picture))

    def add_thumbnail(self, scaled: NDArray[np.uint8]) -> None:
        """Process the clip's next picture, given as its thumbnail."""
        picture = scaled.astype(np.float32)
        if self._last is not None:
            self._pending.append(_measure_change(self._count, self._last, picture))
        self._last = picture
        self._count += 1
        while len(self._pending) > MAX_DISTURBANCE_FRAMES:
            self._baseline = _classify_first(self._pending, self._baseline, self._cuts)

    def cuts(self) -> tuple[int, ...]:
        """Return the indices of the frames so far that begin a shot, except the first frame."""
        pending, baseline, cuts = [*self._pending], self._baseline, [*self._cuts]
        while pending:
            baseline = _classify_first(pending, baseline, cuts)
        return tuple(cuts)


def _classify_first(changes: list[_Change], baseline: float, cuts: list[int]) -> float:
    """Classify the first change, or the disturbance that begins with it, and remove it from `changes`.

    Args:
        changes: pending changes, of which the next `MAX_DISTURBANCE_FRAMES` are considered.
        baseline: running mean of the changes before.
        cuts: list to which the index of a cut is appended.

    Returns:
        The running mean after the removed changes.
    """
    first, after = changes[0], changes[1 : MAX_DISTURBANCE_FRAMES + 1]
    if first.size <= max(first.threshold, MIN_RATIO_BEFORE * baseline):
        del changes[0]
        return baseline + BASELINE_WEIGHT * (first.size - baseline)
    disturbed = _disturbance_length(changes[: MAX_DISTURBANCE_FRAMES + 1])
    if disturbed:
        del changes[:disturbed]
        return baseline
    del changes[0]
    if first.size <= MIN_RATIO_AFTER * _median_size(after):
        return first.size
    cuts.append(first.index)
    return 0.0


def _measure_change(index: int, before: NDArray[np.float32], after: NDArray[np.float32]) -> _Change:
    contrast = float(before.std() + after.std()) / 2
    threshold = float(np.clip(MIN_CHANGE * contrast, MIN_THRESHOLD, MAX_THRESHOLD))
    return _Change(index, before, after, float(np.abs(before - after).mean()), threshold)


def _disturbance_length(changes: Sequence[_Change]) -> int:
    """Return how many changes, from the first one on, form a disturbance that the last of them undoes; 0 for none."""
    lengths = (length for length, change in enumerate(changes[1:], 2) if changes[0].is_undone_by(change.after))
    return next(lengths, 0) if changes[0].size > changes[0].threshold else 0


def _median_size(changes: Sequence[_Change]) -> float:
    """Return the median size of changes, without those in disturbances; 0 if there are none."""
    sizes, position = [], 0
    while position < len(changes):
        disturbed = _disturbance_length(changes[position:])
        if not disturbed:
            sizes.append(changes[position].size)
        position += max(disturbed, 1)
    return median(sizes) if sizes else 0.0
