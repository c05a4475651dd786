"""Moving the pixels of a face so that its landmarks go where they should: smooth everywhere, so nothing tears."""

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import RBFInterpolator

GRID = 33
"""Points a side at which a warp is computed; between them it is interpolated."""

STIFFNESS = 4e-3
"""Smoothing of the thin-plate spline, for coordinates in units of the crop: landmarks are noisy, so a warp need not
meet them exactly."""


def landmark_warp(target: NDArray[np.floating], source: NDArray[np.floating], size: int) -> NDArray[np.float32]:
    """Compute where to fetch each pixel from, so that what was at `source` comes to lie at `target`.

    A thin-plate spline (Bookstein, 1989) through the landmarks' displacements, zero along the crop's edge.

    Args:
        target, source: (68, 2) as indices of the crop's pixels.
        size: side of the crop in pixels.

    Returns:
        float32 (size, size, 2): x and y to add to a pixel's place, in pixels of the crop.
    """
    edge = [(x, y) for x in np.linspace(0, 1, 5) for y in np.linspace(0, 1, 5) if x in (0, 1) or y in (0, 1)]
    last = size - 1
    knots = np.concatenate([target / last, edge])
    shifts = np.concatenate([(source - target) / last, np.zeros((len(edge), 2))])
    spline = RBFInterpolator(knots, shifts, kernel="thin_plate_spline", smoothing=STIFFNESS)
    steps = np.linspace(0, 1, GRID)
    places = np.stack(np.meshgrid(steps, steps), axis=-1).reshape(-1, 2)
    coarse = spline(places).reshape(GRID, GRID, 2).astype(np.float32) * last
    to_coarse = np.array([[(GRID - 1) / last, 0, 0], [0, (GRID - 1) / last, 0]])
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(coarse, to_coarse, (size, size), flags=flags, borderMode=cv2.BORDER_REPLICATE)


def warped(picture: NDArray[np.generic], warp: NDArray[np.float32]) -> NDArray[np.float32]:
    """Fetch every pixel of `picture` (H, W, C) from where `warp` (H, W, 2) says, in pixels."""
    height, width = warp.shape[:2]
    columns = np.arange(width, dtype=np.float32)[None, :] + warp[..., 0]
    rows = np.arange(height, dtype=np.float32)[:, None] + warp[..., 1]
    return cv2.remap(
        picture.astype(np.float32, copy=False), columns, rows, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )
