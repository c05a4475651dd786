"""How a face usually looks in its crop, learned from the track itself; what differs from that may be before the face.

A generator knows faces; a track knows this face, in this light, with this beard and these glasses. So every frame is
compared with other frames of its track, and the generator is only asked which of those to trust.
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
"""Share of the exemplars, chosen pixel by pixel, that come closest to their reconstruction: not the occluder's own."""

ALIKE = 0.25
"""Share of the trusted exemplars that a pixel must resemble: mouths open and eyes close in some of them only."""

LOW = 1.5
"""Standard deviation in pixels of the Gaussian below whose detail crops and soft reconstructions are compared."""


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


def unlikeness(described: NDArray[np.float32], reconstruction: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Measure how far a face is from its reconstruction, uint8 (S, S, 3) RGB, in colour: float32 (SIDE, SIDE)."""
    difference = cv2.GaussianBlur(described[..., :3] - _colour(reconstruction), (0, 0), LOW)
    return np.linalg.norm(difference, axis=-1)


@dataclass(frozen=True)
class Appearance:
    """The ranges in which a face's features lie in the trusted exemplars.

    Attributes:
        low, high: float32 (K, SIDE, SIDE, 5), for every pixel the least and the most in its 3x3 neighbourhood.
    """

    low: NDArray[np.float32]
    high: NDArray[np.float32]

    @classmethod
    def of(cls, exemplars: Sequence[NDArray[np.float32]], unlike: Sequence[NDArray[np.float32]]) -> "Appearance":
        """Learn from frames of the track.

        Args:
            exemplars: of each frame its features.
            unlike: of each frame how far it is from its reconstruction, as from `unlikeness`.
        """
        trusted = np.argsort(np.stack(unlike), axis=0)[: max(int(TRUSTED * len(unlike)), 1), ..., None]
        around = np.ones((3, 3), dtype=np.uint8)
        low, high = (np.stack([extreme(f, around) for f in exemplars]) for extreme in (cv2.erode, cv2.dilate))
        return cls(np.take_along_axis(low, trusted, axis=0), np.take_along_axis(high, trusted, axis=0))

    def mismatch(self, described: NDArray[np.float32]) -> NDArray[np.float32]:
        """Measure how far each pixel's features lie from those that it has elsewhere: float32 (SIDE, SIDE)."""
        beyond = np.maximum(np.maximum(self.low - described, described - self.high), 0)
        distances = np.einsum("kyxc,kyxc->kyx", beyond, beyond)
        rank = int(ALIKE * len(distances))
        return np.sqrt(np.partition(distances, rank, axis=0)[rank])


def _colour(picture: NDArray[np.uint8]) -> NDArray[np.float32]:
    return _lab(picture, SIDE) * COLOUR_WEIGHTS


def _lab(picture: NDArray[np.uint8], side: int) -> NDArray[np.float32]:
    return cv2.cvtColor(_resized(picture, side).astype(np.float32) / 255, cv2.COLOR_RGB2LAB)


def _resized(picture: NDArray[np.generic], side: int) -> NDArray[np.generic]:
    interpolation = cv2.INTER_AREA if len(picture) > side else cv2.INTER_LINEAR
    return cv2.resize(picture, (side, side), interpolation=interpolation)
