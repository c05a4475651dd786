"""Turning a portrait to the side or up and down, with the depth of its labelled points.

The portrait is treated as a surface whose depth is known at the points, and smooth between them; beyond them, hair and
background are as deep as the nearest points. Turned under weak perspective, it is resampled by a smooth map. So parts
that turn into view are stretched, not invented.
"""

from dataclasses import dataclass
from typing import Any, Self

import cv2
import numpy as np
from numpy.typing import NDArray

GRID_SIDE = 64
"""Side of the depth map, in grid points."""

BLURS = (1.0, 2.5, 6.0, 16.0, 40.0)
"""Standard deviations, in grid points, at which depth is interpolated: the finest one near points, the coarser ones
where there are none."""

FINAL_BLUR = 0.7
"""Standard deviation, in grid points, of the last blur: it hides the steps between the levels."""

MIN_WEIGHT = 0.05
"""Weight of a blurred point at which its depth replaces half of that of the coarser levels."""

ITERATIONS = 9
"""Number of steps to invert the map; the steps are halved so that folds of the surface do not oscillate."""


@dataclass(frozen=True)
class Turn:
    """A rotation of a surface in front of a camera that is far away.

    Attributes:
        plane: float64 (2, 2), maps x and y relative to the centre.
        depth: float64 (2,), displacement for each unit of depth.
        centre: float64 (2,), x and y that the rotation leaves in place, in pixels.
    """

    plane: NDArray[np.float64]
    depth: NDArray[np.float64]
    centre: NDArray[np.float64]

    @classmethod
    def from_angles(cls, yaw: float, pitch: float, centre: NDArray[np.floating]) -> Self:
        """Turn by `yaw` about the vertical, then by `pitch` about the horizontal axis, in radians."""
        cos_yaw, sin_yaw, cos_pitch, sin_pitch = np.cos(yaw), np.sin(yaw), np.cos(pitch), np.sin(pitch)
        plane = np.array([[cos_yaw, 0.0], [sin_pitch * sin_yaw, cos_pitch]])
        return cls(plane, np.array([sin_yaw, -sin_pitch * cos_yaw]), np.asarray(centre, np.float64))

    def points(self, points: NDArray[np.floating], depth: NDArray[np.floating]) -> NDArray[np.float64]:
        """Turn points (N, 2) in pixels with their depths (N,) in pixels, increasing away from the camera."""
        turned: NDArray[np.float64] = (points - self.centre) @ self.plane.T + depth[:, None] * self.depth + self.centre
        return turned

    def picture(self, picture: NDArray[np.uint8], depth_map: NDArray[np.float32]) -> NDArray[np.uint8]:
        """Turn a picture, uint8 (S, S, 3), with its depth map (GRID_SIDE, GRID_SIDE) in pixels."""
        side = len(picture)
        step = side / GRID_SIDE
        y, x = np.indices((GRID_SIDE, GRID_SIDE), dtype=np.float32)
        target = np.stack([x, y], axis=-1) * step + (step - 1) / 2 - self.centre.astype(np.float32)
        inverse, shift = (each.astype(np.float32) for each in (np.linalg.inv(self.plane).T, self.depth))
        source = np.asarray((target - depth_map[..., None] * shift) @ inverse, np.float32)
        for _ in range(ITERATIONS):
            at = (source + self.centre.astype(np.float32) + 0.5) / step - 0.5
            depth = _sample(depth_map, at, cv2.BORDER_REPLICATE)
            source = np.asarray((source + (target - depth[..., None] * shift) @ inverse) / 2, np.float32)
        full = cv2.resize(source + self.centre.astype(np.float32), (side, side), interpolation=cv2.INTER_CUBIC)
        return np.asarray(_sample(picture, full, cv2.BORDER_REFLECT_101), np.uint8)


def depth_map(landmarks: NDArray[np.floating], side: int) -> NDArray[np.float32]:
    """Interpolate the depth of points (N, 3) over a picture of `side` pixels: float32 (GRID_SIDE, GRID_SIDE)."""
    step = side / GRID_SIDE
    cells = np.clip(np.rint((landmarks[:, :2] + 0.5) / step - 0.5), 0, GRID_SIDE - 1).astype(int)
    weights, depths = (np.zeros((GRID_SIDE, GRID_SIDE), np.float32) for _ in range(2))
    np.add.at(weights, (cells[:, 1], cells[:, 0]), 1)
    np.add.at(depths, (cells[:, 1], cells[:, 0]), landmarks[:, 2])
    result = np.full((GRID_SIDE, GRID_SIDE), landmarks[:, 2].mean(), np.float32)
    for sigma in reversed(BLURS):
        weight, depth = (_blurred(each, sigma) for each in (weights, depths))
        share = weight / (weight + MIN_WEIGHT / sigma)
        result += share * (depth / np.maximum(weight, 1e-9) - result)
    return _blurred(result, FINAL_BLUR, cv2.BORDER_REPLICATE)


def _blurred(values: NDArray[np.float32], sigma: float, border: int = cv2.BORDER_CONSTANT) -> NDArray[np.float32]:
    return np.asarray(cv2.GaussianBlur(values, (0, 0), sigma, borderType=border), np.float32)


def depth_at(points: NDArray[np.floating], depths: NDArray[np.float32], side: int) -> NDArray[np.float64]:
    """Read a depth map at points (N, 2) of a picture of `side` pixels: float64 (N,)."""
    at = ((points + 0.5) * (GRID_SIDE / side) - 0.5).astype(np.float32)
    return np.asarray(_sample(depths, at[None], cv2.BORDER_REPLICATE)[0], np.float64)


def _sample(picture: NDArray[Any], at: NDArray[np.float32], border: int) -> NDArray[Any]:
    """Interpolate a picture at positions (H, W, 2).

    x and y are passed apart: with one array of both, OpenCV 5.0 was measured to return wrong values.
    """
    x, y = (np.ascontiguousarray(at[..., axis]) for axis in range(2))
    return np.asarray(cv2.remap(picture, x, y, cv2.INTER_LINEAR, borderMode=border))
