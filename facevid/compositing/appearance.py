"""How a face usually looks in its crop, learned from the track itself; what differs from that may be before the face.

A track knows this face, in this light, with this beard and these glasses. So every frame is compared with other frames
of its track, those trusted most that are near their median.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

SIDE = 64
"""Side, in pixels, of the crops that are compared. Fingers are 3 wide."""

COLOUR_WEIGHTS = np.array([0.6, 1.6, 1.6], dtype=np.float32)
"""For L, a and b: light on a face changes more than its colour does."""

GRADIENT_WEIGHT = 2.0
"""Skin before skin has the colour of a face, and not its features."""

TRUSTED = 0.75
"""Share of the exemplars, chosen pixel by pixel, that come closest in colour to the median: not the occluder's own."""

ALIKE = 0.25
"""Share of the trusted exemplars that a pixel must resemble: mouths open and eyes close in some of them only."""

LOW = 1.5
"""Standard deviation, in pixels, of the Gaussian over differences from the median."""


def features(crop: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Describe what a face looks like, pixel by pixel.

    Args:
        crop: uint8 (S, S, 3) RGB, aligned.

    Returns:
        float32 (SIDE, SIDE, 5): weighted L, a and b, and the lightness's gradient across and down.
    """
    light = cv2.GaussianBlur(_lab(crop, 2 * SIDE)[..., 0], (0, 0), 1.0)
    gradient = [cv2.Sobel(light, cv2.CV_32F, dx, 1 - dx, scale=0.25 * GRADIENT_WEIGHT) for dx in (1, 0)]
    fine = np.stack(gradient, axis=-1)
    return np.concatenate([_colour(crop), _resized(fine, SIDE)], axis=-1)


@dataclass(frozen=True)
class Appearance:
    """The ranges in which a face's features lie in the trusted exemplars.

    Attributes:
        low, high: float32 (K, SIDE, SIDE, 5), for every pixel the least and the most in its 3x3 neighbourhood.
    """

    low: NDArray[np.float32]
    high: NDArray[np.float32]

    @classmethod
    def of(cls, exemplars: Sequence[NDArray[np.float32]]) -> "Appearance":
        """Learn from frames of the track, of each its features."""
        trusted = np.argsort(_from_median(exemplars), axis=0)[: max(int(TRUSTED * len(exemplars)), 1), ..., None]
        around = np.ones((3, 3), dtype=np.uint8)
        low, high = (np.stack([extreme(f, around) for f in exemplars]) for extreme in (cv2.erode, cv2.dilate))
        return cls(np.take_along_axis(low, trusted, axis=0), np.take_along_axis(high, trusted, axis=0))

    def mismatch(self, described: NDArray[np.float32]) -> NDArray[np.float32]:
        """Measure how far each pixel's features lie from those that it has elsewhere: float32 (SIDE, SIDE)."""
        beyond = np.maximum(np.maximum(self.low - described, described - self.high), 0)
        distances = np.einsum("kyxc,kyxc->kyx", beyond, beyond)
        rank = int(ALIKE * len(distances))
        return np.sqrt(np.partition(distances, rank, axis=0)[rank])


def _from_median(exemplars: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    """Measure how far each is from the median of all, in colour: float32 (K, SIDE, SIDE)."""
    colours = np.stack([each[..., :3] for each in exemplars])
    differences = colours - np.median(colours, axis=0)
    return np.stack([np.linalg.norm(cv2.GaussianBlur(each, (0, 0), LOW), axis=-1) for each in differences])


def _colour(picture: NDArray[np.uint8]) -> NDArray[np.float32]:
    return _lab(picture, SIDE) * COLOUR_WEIGHTS


def _lab(picture: NDArray[np.uint8], side: int) -> NDArray[np.float32]:
    return cv2.cvtColor(_resized(picture, side).astype(np.float32) / 255, cv2.COLOR_RGB2LAB)


def _resized(picture: NDArray[np.generic], side: int) -> NDArray[np.generic]:
    interpolation = cv2.INTER_AREA if len(picture) > side else cv2.INTER_LINEAR
    return cv2.resize(picture, (side, side), interpolation=interpolation)
