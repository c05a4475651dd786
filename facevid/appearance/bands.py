"""Octave bands of the luminance, and their local energy (Shih, Paris, Barnes, Freeman and Durand, SIGGRAPH 2014)."""

import cv2
import numpy as np
from numpy.typing import NDArray

COUNT = 5

FINEST = 0.0031
"""Standard deviation of the finest Gaussian, as a share of the FFHQ crop's side; each next one is twice as wide."""

NEIGHBOURHOOD = 0.0104
"""Standard deviation of the Gaussian over which the finest band's energy is averaged, as a share of the crop's side."""

WIDER = 1.6
"""How many times wider the neighbourhood of the next band is."""

NOISE = 1e-3
"""Added to each squared energy, in squared units of CIE lightness: even skin has a finite log energy."""

ENOUGH_PIXELS = 2.0
"""Least standard deviation, in pixels of a reduced picture, of a Gaussian that is applied to that picture."""


def blurred(picture: NDArray[np.float32], sigma: float) -> NDArray[np.float32]:
    """Blur with a Gaussian of `sigma` pixels; a wide one is applied to a reduced picture."""
    factor = 1
    while sigma / (2 * factor) >= ENOUGH_PIXELS and min(picture.shape[:2]) >= 16 * factor:
        factor *= 2
    if factor == 1:
        return cv2.GaussianBlur(picture, (0, 0), max(sigma, 0.1), borderType=cv2.BORDER_REPLICATE)
    height, width = picture.shape[:2]
    small = cv2.resize(picture, (-(-width // factor), -(-height // factor)), interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), sigma / factor, borderType=cv2.BORDER_REPLICATE)
    return cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)


def split(lightness: NDArray[np.float32], side: float) -> tuple[list[NDArray[np.float32]], NDArray[np.float32]]:
    """Split a picture into octave bands, finest first, and what is left.

    Args:
        lightness: float32 (H, W), CIE L*.
        side: of the FFHQ crop, in pixels of the picture.

    Returns:
        `COUNT` bands and the remainder, each float32 (H, W); their sum is the picture.
    """
    found, rest = [], lightness
    for i in range(COUNT):
        low = blurred(rest, FINEST * 2**i * side)
        found.append(rest - low)
        rest = low
    return found, rest


def energy(band: NDArray[np.float32], i: int, side: float) -> NDArray[np.float32]:
    """Measure the local energy of band `i`, float32 (H, W): the root of its mean square around each pixel."""
    return np.sqrt(blurred(band * band, NEIGHBOURHOOD * WIDER**i * side) + np.float32(NOISE))
