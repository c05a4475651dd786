"""Separation of light and skin tone, which an edit keeps, from the colour of a face's features, which it changes.

Light varies slowly over a face, and more from picture to picture than from person to person.
"""

import functools

import numpy as np
from numpy.typing import NDArray

from facevid.appearance import bands
from facevid.appearance.mean_face import WINDOW_SIDE, inner_mask

LIGHT_BLUR = 0.16
"""Standard deviation of the Gaussian that extracts light and skin tone, as a share of the crop's side."""

OUTLINE_WIDTH = 0.03
"""Distance inside the face's outline over which the weight of pixels rises to 1, as a share of the crop's side."""

MIN_WEIGHT = 1e-4
"""Weight of a pixel off the face; above 0, so that the weighted mean is defined far from the face."""


def without_light(colour: NDArray[np.float32]) -> NDArray[np.float32]:
    """Remove light and skin tone from a colour map over the window, float32 (S, S, 3); linear in the colours."""
    side = len(colour)
    sigma = LIGHT_BLUR / WINDOW_SIDE * side
    weights, weight_sums = _weights(side, sigma)
    return colour - bands.blur(colour * weights, sigma) / weight_sums


@functools.cache
def _weights(side: int, sigma: float) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Compute the weight of each pixel and the blurred weights, float32 (side, side, 1) each."""
    weights = inner_mask(side, 0, OUTLINE_WIDTH) + np.float32(MIN_WEIGHT)
    return weights[..., None], bands.blur(weights, sigma)[..., None]
