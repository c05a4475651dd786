"""Smooth warps through landmarks: thin-plate splines (Bookstein, 1989), evaluated on a coarse grid, and resampling."""

import functools

import cv2
import numpy as np
from numpy.typing import NDArray

STIFFNESS = 1e-3
"""Smoothing of a spline whose knots are in shares of the crop's side; above 0, since landmarks are noisy and the spline
should not pass through them exactly."""


def thin_plate_spline(
    knots: NDArray[np.floating], values: NDArray[np.floating], places: NDArray[np.floating], stiffness: float
) -> NDArray[np.float64]:
    """Fit a thin-plate spline and evaluate it.

    Twice as fast as SciPy's, which also takes a sixth of a second to import; equal to rounding.

    Args:
        knots: (N, 2).
        values: (N, C), values of the spline at the knots.
        places: (M, 2), where to evaluate it.
        stiffness: smoothing; with 0 the spline passes through the values.

    Returns:
        float64 (M, C).
    """
    count, centre = len(knots), knots.mean(axis=0)
    knots, places = knots - centre, places - centre
    system = np.zeros((count + 3, count + 3))
    system[:count, :count] = _bending(knots, knots) + stiffness * np.eye(count)
    system[:count, count:] = np.c_[np.ones(count), knots]
    system[count:, :count] = system[:count, count:].T
    weights = np.linalg.solve(system, np.concatenate([values, np.zeros((3, values.shape[1]))]))
    return np.asarray(_bending(places, knots) @ weights[:count] + np.c_[np.ones(len(places)), places] @ weights[count:])


def _bending(places: NDArray[np.floating], knots: NDArray[np.floating]) -> NDArray[np.float64]:
    """Compute r^2 log r of the distance r between each place and each knot: float64 (M, N)."""
    squared = np.square(places[:, :1] - knots[:, 0])
    squared += np.square(places[:, 1:] - knots[:, 1])
    bending = np.log(np.maximum(squared, np.finfo(np.float64).tiny, out=squared))
    bending *= squared
    bending *= 0.5
    return np.asarray(bending)


def spline_grid(
    knots: NDArray[np.floating],
    values: NDArray[np.floating],
    *,
    size: tuple[int, int],
    step: int,
    unit: float,
    stiffness: float = STIFFNESS,
) -> NDArray[np.float32]:
    """Evaluate a thin-plate spline at every `step`-th pixel of a picture.

    Args:
        knots: (N, 2) as pixel indices of the picture.
        values: (N, C), values of the spline at the knots.
        size: width and height of the picture.
        step: distance between nodes, in pixels.
        unit: side of the FFHQ crop in pixels.
        stiffness: smoothing of the spline.

    Returns:
        float32 (rows, columns, C); the last row and column lie at or beyond the end of the picture.
    """
    columns, rows = (np.arange(0, length + step, step) for length in size)
    nodes = np.stack(np.meshgrid(columns, rows), axis=-1).reshape(-1, 2)
    spline = thin_plate_spline(knots / unit, values, nodes / unit, stiffness)
    return np.asarray(spline.reshape(len(rows), len(columns), -1), np.float32)


def upsampled(grid: NDArray[np.float32], size: tuple[int, int], step: int) -> NDArray[np.float32]:
    """Interpolate a grid of every `step`-th pixel to all pixels of a picture: float32 (height, width, C)."""
    to_grid = np.array([[1 / step, 0, 0], [0, 1 / step, 0]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    full = cv2.warpAffine(grid, to_grid, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(full, np.float32).reshape(size[1], size[0], -1)


def resize_grid(grid: NDArray[np.float32], side: int) -> NDArray[np.float32]:
    """Interpolate a square grid (N, N, C) whose corner nodes are the corner pixels of a picture.

    Returns:
        float32 (C, side, side).
    """
    weights = _cubic_weights(len(grid), side)
    return np.asarray(weights @ grid.transpose(2, 0, 1) @ weights.T, np.float32)


@functools.cache
def _cubic_weights(count: int, side: int) -> NDArray[np.float32]:
    """Compute the weight of each of `count` nodes in each of `side` pixels of a line, float32 (side, count)."""
    to_nodes = np.array([[1, 0, 0], [0, (count - 1) / (side - 1), 0]])
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    nodes = np.eye(count, dtype=np.float32)
    return np.asarray(cv2.warpAffine(nodes, to_nodes, (count, side), flags=flags, borderMode=cv2.BORDER_REPLICATE))


def warp(
    picture: NDArray[np.float32], motion: NDArray[np.float32], box: tuple[slice, slice] = (slice(None), slice(None))
) -> NDArray[np.float32]:
    """Warp a picture backwards: sample each pixel of the result at its own place plus `motion`.

    Args:
        picture: float32 (H, W[, C]).
        motion: float32 (H, W, 2), x and y in pixels.
        box: rows and columns of the result to compute.

    Returns:
        float32, the part of the warped picture in `box`.
    """
    height, width = motion.shape[:2]
    columns = np.arange(width, dtype=np.float32)[None, box[1]] + motion[*box, 0]
    rows = np.arange(height, dtype=np.float32)[box[0], None] + motion[*box, 1]
    return np.asarray(cv2.remap(picture, columns, rows, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE), np.float32)


def sample_maps(maps: NDArray[np.float32], points: NDArray[np.floating]) -> NDArray[np.float32]:
    """Sample maps (S, S, C) at points (rows, columns, 2), 0 outside; OpenCV samples four channels at once."""
    x, y = (np.ascontiguousarray(points[..., i], dtype=np.float32) for i in range(2))
    parts = [
        cv2.remap(np.ascontiguousarray(maps[..., i : i + 4]), x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
        for i in range(0, maps.shape[-1], 4)
    ]
    return np.dstack(parts)
