"""Pairs of corresponding frames of a source clip and its edit."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest

import cv2
import numpy as np
from numpy.typing import NDArray

from facevid.errors import UsageError
from facevid.video import Clip, Frame

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
        source_picture, edited_picture = a.rgb(), b.rgb()
        same = _same_samples(a, b)
        if same is not None:
            edited_picture[same] = source_picture[same]
        yield FramePair(source_picture, edited_picture, float(a.time))


def _same_samples(a: Frame, b: Frame) -> NDArray[np.bool_] | None:
    """Return where two frames have the same samples, bool (H, W).

    The conversion to RGB depends on the codec, by up to one level, because codecs signal the position of chroma samples
    differently. So pixels of the same samples must count as equal.

    Returns:
        None for frames of different or packed formats, and for rotated, mirrored or non-square ones.
    """
    layout, orientation = a.native.format, a.orientation
    is_upright = not (orientation.transpose or orientation.mirror_x or orientation.mirror_y) and a.aspect == 1
    if layout.name != b.native.format.name or not layout.is_planar or not is_upright:
        return None
    sample_bytes = (layout.components[0].bits + 7) // 8
    same = np.ones((a.height, a.width), np.uint8)
    for first, second in zip(a.native.planes, b.native.planes, strict=True):
        samples = [
            np.frombuffer(memoryview(plane), np.uint8).reshape(plane.height, plane.line_size)[
                :, : plane.width * sample_bytes
            ]
            for plane in (first, second)
        ]
        equal = (samples[0] == samples[1]).reshape(first.height, first.width, sample_bytes).all(axis=-1)
        size = (a.width, a.height)
        same &= np.asarray(cv2.resize(equal.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST))
    return np.asarray(same == 1)
