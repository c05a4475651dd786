"""Telling a face's light and skin tone from its features.

Light varies slowly over a face, and from picture to picture more than from person to person; an edit leaves it alone.
"""

import functools

import numpy as np
from numpy.typing import NDArray

from facevid.appearance import bands
from facevid.appearance.mean_face import WINDOW_SIDE, inside

LIGHT_BLUR = 0.16
"""Standard deviation of the Gaussian over colours that leaves light and skin tone, as a share of the crop's side."""

OUTLINE_WIDTH = 0.03
"""Distance from the face's outline over which pixels come to count, as a share of the crop's side."""

LEAST_WEIGHT = 1e-4
"""Weight of a pixel off the face: it counts where no face is near."""


def without_light(colour: NDArray[np.float32]) -> NDArray[np.float32]:
    """Take light and skin tone off a map of colours over the window, float32 (S, S, 3); it is linear in them."""
    side = len(colour)
    sigma = LIGHT_BLUR / WINDOW_SIDE * side
    weights, around = _weights(side, sigma)
    return colour - bands.blurred(colour * weights, sigma) / around


@functools.cache
def _weights(side: int, sigma: float) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Say how much each pixel counts, float32 (side, side, 1), and how much is within reach of it."""
    weights = inside(side, 0, OUTLINE_WIDTH) + np.float32(LEAST_WEIGHT)
    return weights[..., None], bands.blurred(weights, sigma)[..., None]
