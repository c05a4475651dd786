"""Pairs of corresponding frames of a source clip and its edit."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest

import numpy as np
from numpy.typing import NDArray

from facevid.errors import UsageError
from facevid.video import Clip

TIME_TOLERANCE = 0.002
"""Largest difference between the times of two frames, in seconds: containers round timestamps."""


@dataclass(frozen=True)
class FramePair:
    """A frame of the source and the same frame of the edit, or the same part of both.

    Attributes:
        source: uint8 (H, W, 3), RGB.
        edited: uint8 (H, W, 3), RGB.
        time: of the frame in seconds; 0 for a crop.
    """

    source: NDArray[np.uint8]
    edited: NDArray[np.uint8]
    time: float = 0.0

    def cropped(self, window: tuple[slice, slice]) -> "FramePair":
        """Return the same rows and columns of both."""
        return FramePair(self.source[window], self.edited[window], self.time)


def frame_pairs(source: Clip, edited: Clip) -> Iterator[FramePair]:
    """Decode two clips, frame by frame.

    Raises:
        UsageError: the clips differ in size, in the number of frames, or in the times of frames.
        InputError: a clip cannot be read.
    """
    names = f"{source.info.path} and {edited.info.path}"
    for index, (a, b) in enumerate(zip_longest(source.frames(), edited.frames())):
        if a is None or b is None:
            longer = source if b is None else edited
            raise UsageError(
                f"{names} differ in length: only {longer.info.path} has frame {index}; compare the edit of a whole clip"
            )
        if (a.width, a.height) != (b.width, b.height):
            raise UsageError(
                f"{names} differ in size: {a.width}x{a.height} and {b.width}x{b.height}; compare clips of equal size"
            )
        if abs(a.time - b.time) > TIME_TOLERANCE:
            raise UsageError(
                f"{names} differ in time from frame {index} on; compare clips of equal frame rate and start time"
            )
        yield FramePair(a.rgb(), b.rgb(), float(a.time))
