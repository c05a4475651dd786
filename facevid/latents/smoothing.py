"""Temporal smoothing of what is measured frame by frame: W+ codes, and the quads that the faces were cropped by."""

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d


def smooth(values: NDArray[np.floating], sigma: float) -> NDArray[np.floating]:
    """Average values over time with a Gaussian; at the ends the first and last values are held.

    Args:
        values: (N, ...), one entry a frame, of one track: nothing is averaged across a cut.
        sigma: standard deviation in frames of the clip; 0 returns the values as they are.

    Returns:
        The same shape and dtype.
    """
    if sigma == 0 or len(values) < 2:
        return values
    return gaussian_filter1d(values, sigma, axis=0, mode="nearest")
