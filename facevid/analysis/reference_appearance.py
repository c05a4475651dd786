"""The appearance of a face in reference frames of its track; pixels of a frame that differ from it may be occluded.

A track shows one person under one light, with the same beard and glasses throughout. The reference frames of a frame
are those nearest to it; at each pixel, those close to their median are trusted.
"""

from bisect import bisect
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import ceil

import cv2
import numpy as np
from numpy.typing import NDArray

from facevid.utils.frame_array import FrameArray

MASK_SIDE = 64
"""Side, in pixels, of the crops that are compared. A finger is 3 pixels wide at this size."""

COLOUR_WEIGHTS = np.array([0.6, 1.6, 1.6], dtype=np.float32)
"""Weights on L*, a* and b*: light on a face varies more than its colour does."""

GRADIENT_WEIGHT = 2.0
"""Weight on gradients: a hand matches the face's colour but not its texture."""

TRUSTED_SHARE = 0.75
"""Share of the reference frames that are trusted at each pixel: those closest in colour to the median. The others may
show an occluder."""

MATCHING_SHARE = 0.25
"""Share of the trusted reference frames that a pixel must match: an open mouth or closed eyes may occur in a few."""

MEDIAN_BLUR = 1.5
"""Standard deviation, in pixels, of the Gaussian over differences from the median."""

REFERENCE_FRAMES = 32
"""Number of reference frames, the nearest ones, with which each frame is compared."""

REFERENCE_WINDOW = 512
"""Greatest length, in frames, over which the reference frames are spread: light and pose change with time."""

FEATURE_COUNT = 5
"""Number of features of a pixel, as from `features`."""


def features(crop: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Compute the features by which pixels of a face are compared.

    Args:
        crop: uint8 (S, S, 3) RGB, aligned.

    Returns:
        float32 (MASK_SIDE, MASK_SIDE, 5): weighted L*, a* and b*, and the horizontal and vertical gradient of the
        lightness.
    """
    lightness = cv2.GaussianBlur(_lab(crop, 2 * MASK_SIDE)[..., 0], (0, 0), 1.0)
    gradients = [cv2.Sobel(lightness, cv2.CV_32F, dx, 1 - dx, scale=0.25 * GRADIENT_WEIGHT) for dx in (1, 0)]
    colour = _lab(crop, MASK_SIDE) * COLOUR_WEIGHTS
    return np.concatenate([colour, _resize(np.stack(gradients, axis=-1), MASK_SIDE)], axis=-1)


@dataclass(frozen=True)
class ReferenceAppearance:
    """The ranges of a face's features in K trusted reference frames.

    Attributes:
        low: float32 (K, MASK_SIDE, MASK_SIDE, 5), least value in the 3x3 neighbourhood of each pixel.
        high: float32 (K, MASK_SIDE, MASK_SIDE, 5), greatest value in the 3x3 neighbourhood of each pixel.
    """

    low: NDArray[np.float32]
    high: NDArray[np.float32]

    @classmethod
    def of(cls, references: Sequence[NDArray[np.float32]]) -> "ReferenceAppearance":
        """Compute the ranges from the features of reference frames, float32 (MASK_SIDE, MASK_SIDE, 5) each."""
        trusted_count = max(int(TRUSTED_SHARE * len(references)), 1)
        trusted = np.argsort(_distance_from_median(references), axis=0)[:trusted_count, ..., None]
        kernel = np.ones((3, 3), dtype=np.uint8)
        low = np.stack([cv2.erode(each, kernel) for each in references])
        high = np.stack([cv2.dilate(each, kernel) for each in references])
        return cls(np.take_along_axis(low, trusted, axis=0), np.take_along_axis(high, trusted, axis=0))

    def mismatch(self, described: NDArray[np.floating], area: NDArray[np.bool_]) -> NDArray[np.float32]:
        """Measure how far features lie outside the ranges.

        Args:
            described: (MASK_SIDE, MASK_SIDE, 5), the features of a frame.
            area: bool (MASK_SIDE, MASK_SIDE), the area to measure; its whole bounding box is measured.

        Returns:
            float32 (MASK_SIDE, MASK_SIDE), 0 off the bounding box.
        """
        x, y, width, height = cv2.boundingRect(area.astype(np.uint8))
        box = slice(y, y + height), slice(x, x + width)
        mismatch = np.zeros(area.shape, np.float32)
        values = described[box].astype(np.float32)  # float16 would be converted once for each reference frame
        outside = self.low[:, *box] - values
        np.maximum(outside, values - self.high[:, *box], out=outside)
        np.maximum(outside, 0, out=outside)
        squared_distances = np.einsum("kyxc,kyxc->kyx", outside, outside)
        rank = int(MATCHING_SHARE * len(squared_distances))
        mismatch[box] = np.sqrt(np.partition(squared_distances, rank, axis=0)[rank])
        return mismatch


class ReferenceAppearances:
    """The appearance in the reference frames of each frame of a track; the last two in use are cached.

    Args:
        stored: the features of all frames of the track.
    """

    def __init__(self, stored: FrameArray) -> None:
        step = max(ceil(min(len(stored), REFERENCE_WINDOW) / REFERENCE_FRAMES), 1)
        self._stored = stored
        self._references = range(step // 2, len(stored), step)
        self._from_reference = lru_cache(maxsize=2)(self._compute)

    def near(self, offset: int) -> ReferenceAppearance:
        """Return the appearance in the reference frames nearest to the frame at `offset`."""
        middle = bisect(self._references, offset)
        last_start = max(len(self._references) - REFERENCE_FRAMES, 0)
        return self._from_reference(min(max(middle - REFERENCE_FRAMES // 2, 0), last_start))

    def _compute(self, first: int) -> ReferenceAppearance:
        chosen = self._references[first : first + REFERENCE_FRAMES]
        return ReferenceAppearance.of([self._stored[i][..., :FEATURE_COUNT].astype(np.float32) for i in chosen])


def _distance_from_median(references: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    """Measure the distance of each reference's colours from the median of all: float32 (K, MASK_SIDE, MASK_SIDE)."""
    colours = np.stack([each[..., :3] for each in references])
    differences = colours - np.median(colours, axis=0)
    return np.stack([np.linalg.norm(cv2.GaussianBlur(each, (0, 0), MEDIAN_BLUR), axis=-1) for each in differences])


def _lab(picture: NDArray[np.uint8], side: int) -> NDArray[np.float32]:
    """Resize a uint8 RGB picture and convert it to CIELAB, float32 (side, side, 3)."""
    return np.asarray(cv2.cvtColor(_resize(picture, side).astype(np.float32) / 255, cv2.COLOR_RGB2LAB), np.float32)


def _resize(picture: NDArray[np.generic], side: int) -> NDArray[np.generic]:
    interpolation = cv2.INTER_AREA if len(picture) > side else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(picture, (side, side), interpolation=interpolation))
