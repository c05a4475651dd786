"""The usual appearance of a face in its crop, learned from its track; pixels that differ from it may be occluded.

A track shows one person under one light, with the same beard and glasses throughout. So each frame is compared with
exemplars: other frames of its track, of which those close to their median are trusted.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

MASK_SIDE = 64
"""Side, in pixels, of the crops that are compared. A finger is 3 pixels wide at this size."""

COLOUR_WEIGHTS = np.array([0.6, 1.6, 1.6], dtype=np.float32)
"""Weights on L*, a* and b*: light on a face varies more than its colour does."""

GRADIENT_WEIGHT = 2.0
"""Weight on gradients: a hand matches the face's colour but not its texture."""

TRUSTED_SHARE = 0.75
"""Share of the exemplars that are trusted at each pixel, those closest in colour to the median: the others may show the
occluder."""

MATCHING_SHARE = 0.25
"""Share of the trusted exemplars that a pixel must match: open mouths and closed eyes occur in some frames only."""

MEDIAN_BLUR = 1.5
"""Standard deviation, in pixels, of the Gaussian over differences from the median."""


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
class UsualAppearance:
    """The ranges of a face's features in K trusted exemplars.

    Attributes:
        low: float32 (K, MASK_SIDE, MASK_SIDE, 5), least value in the 3x3 neighbourhood of each pixel.
        high: float32 (K, MASK_SIDE, MASK_SIDE, 5), greatest value in the 3x3 neighbourhood of each pixel.
    """

    low: NDArray[np.float32]
    high: NDArray[np.float32]

    @classmethod
    def of(cls, exemplars: Sequence[NDArray[np.float32]]) -> "UsualAppearance":
        """Learn the ranges from the features of several frames of the track."""
        trusted_count = max(int(TRUSTED_SHARE * len(exemplars)), 1)
        trusted = np.argsort(_distance_from_median(exemplars), axis=0)[:trusted_count, ..., None]
        kernel = np.ones((3, 3), dtype=np.uint8)
        low = np.stack([cv2.erode(each, kernel) for each in exemplars])
        high = np.stack([cv2.dilate(each, kernel) for each in exemplars])
        return cls(np.take_along_axis(low, trusted, axis=0), np.take_along_axis(high, trusted, axis=0))

    def mismatch(self, described: NDArray[np.float32]) -> NDArray[np.float32]:
        """Measure how far features, (MASK_SIDE, MASK_SIDE, 5), lie outside the ranges: (MASK_SIDE, MASK_SIDE)."""
        outside = np.maximum(np.maximum(self.low - described, described - self.high), 0)
        squared_distances = np.einsum("kyxc,kyxc->kyx", outside, outside)
        rank = int(MATCHING_SHARE * len(squared_distances))
        return np.asarray(np.sqrt(np.partition(squared_distances, rank, axis=0)[rank]))


def _distance_from_median(exemplars: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    """Measure how far the colours of each exemplar lie from the median of all: float32 (K, MASK_SIDE, MASK_SIDE)."""
    colours = np.stack([each[..., :3] for each in exemplars])
    differences = colours - np.median(colours, axis=0)
    return np.stack([np.linalg.norm(cv2.GaussianBlur(each, (0, 0), MEDIAN_BLUR), axis=-1) for each in differences])


def _lab(picture: NDArray[np.uint8], side: int) -> NDArray[np.float32]:
    """Resize a uint8 RGB picture and convert it to CIELAB, float32 (side, side, 3)."""
    return np.asarray(cv2.cvtColor(_resize(picture, side).astype(np.float32) / 255, cv2.COLOR_RGB2LAB), np.float32)


def _resize(picture: NDArray[np.generic], side: int) -> NDArray[np.generic]:
    interpolation = cv2.INTER_AREA if len(picture) > side else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(picture, (side, side), interpolation=interpolation))
