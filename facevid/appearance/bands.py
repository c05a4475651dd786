"""Octave bands of the lightness, and their local energy (Shih, Paris, Barnes, Freeman and Durand, SIGGRAPH 2014)."""

import cv2
import numpy as np
from numpy.typing import NDArray

COUNT = 5
"""Number of bands."""

FINEST = 0.0031
"""Standard deviation of the finest band's Gaussian, as a share of the FFHQ crop's side; each next one is twice as
wide."""

NEIGHBOURHOOD = 0.0104
"""Standard deviation of the Gaussian that averages the finest band's energy, as a share of the FFHQ crop's side."""

NEIGHBOURHOOD_FACTOR = 1.6
"""Factor by which the neighbourhood grows from one band to the next."""

NOISE = 1e-3
"""Added to each squared energy, in squared units of CIE L*, so that even skin has a finite log energy."""

MIN_REDUCED_SIGMA = 2.0
"""Least standard deviation, in pixels of a reduced picture, of a Gaussian that is applied to that picture."""

MIN_REDUCED_SIDE = 8
"""Least side of a reduced picture, in pixels."""


def blur(picture: NDArray[np.float32], sigma: float) -> NDArray[np.float32]:
    """Blur a picture with a Gaussian of `sigma` pixels; a wide Gaussian is applied to a reduced picture for speed."""
    factor = 1
    while sigma / (2 * factor) >= MIN_REDUCED_SIGMA and min(picture.shape[:2]) >= 2 * factor * MIN_REDUCED_SIDE:
        factor *= 2
    if factor == 1:
        return _gaussian(picture, max(sigma, 0.1))
    height, width = picture.shape[:2]
    small = cv2.resize(picture, (-(-width // factor), -(-height // factor)), interpolation=cv2.INTER_AREA)
    small = _gaussian(small, sigma / factor)
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR))


def _gaussian(picture: NDArray[np.float32], sigma: float) -> NDArray[np.float32]:
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE))


def split(lightness: NDArray[np.float32], side: float) -> tuple[list[NDArray[np.float32]], NDArray[np.float32]]:
    """Split a picture into octave bands, finest first, and a remainder.

    Args:
        lightness: float32 (H, W), CIE L*.
        side: side of the FFHQ crop, in pixels of the picture.

    Returns:
        `COUNT` bands and the remainder, each float32 (H, W); their sum is the picture.
    """
    octaves, rest = [], lightness
    for i in range(COUNT):
        low = blur(rest, FINEST * 2**i * side)
        octaves.append(rest - low)
        rest = low
    return octaves, rest


def energy(band: NDArray[np.float32], i: int, side: float) -> NDArray[np.float32]:
    """Measure the local energy of band `i`, float32 (H, W): the root of its mean square."""
    return np.asarray(np.sqrt(mean_square(band, i, side)))


def mean_square(band: NDArray[np.float32], i: int, side: float) -> NDArray[np.float32]:
    """Measure the mean square of band `i` around each pixel, plus `NOISE`, float32 (H, W)."""
    return np.asarray(blur(band * band, NEIGHBOURHOOD * NEIGHBOURHOOD_FACTOR**i * side) + np.float32(NOISE))
