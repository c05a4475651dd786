"""The frames of a clip and of its edit, in step."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest

import numpy as np
from numpy.typing import NDArray

from facevid.errors import UsageError
from facevid.video import Clip

SAME_TIME = 0.002
"""Seconds by which the times of two frames may differ: containers round them."""


@dataclass(frozen=True)
class Pair:
    """A frame of the source and the same of the edit, or one part of both: uint8 (H, W, 3) RGB each."""

    source: NDArray[np.uint8]
    edited: NDArray[np.uint8]

    def part(self, window: tuple[slice, slice]) -> "Pair":
        """Cut rows and columns out of both."""
        return Pair(self.source[window], self.edited[window])


def in_step(source: Clip, edited: Clip) -> Iterator[Pair]:
    """Decode both clips side by side.

    Raises:
        UsageError: they differ in size, in the number of frames or in their times.
        InputError: one of them cannot be read.
    """
    names = f"{source.info.path} and {edited.info.path}"
    for index, (a, b) in enumerate(zip_longest(source.frames(), edited.frames())):
        if a is None or b is None:
            longer = source if b is None else edited
            raise UsageError(f"{names} differ in length: only {longer.info.path} has frame {index}; edit all of it")
        if (a.width, a.height) != (b.width, b.height):
            raise UsageError(f"{names} differ in size: {a.width}x{a.height} and {b.width}x{b.height}; scale neither")
        if abs(a.time - b.time) > SAME_TIME:
            raise UsageError(f"{names} differ in time from frame {index} on; give an edit with its source's times")
        yield Pair(a.rgb(), b.rgb())
