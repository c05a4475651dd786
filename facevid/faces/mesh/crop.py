"""The square crop of a face that the landmark network sees, upright in the plane of the picture."""

from dataclasses import dataclass
from typing import Self

import cv2
import numpy as np
from numpy.typing import NDArray

MARGIN = 1.3
"""Side of the crop, as a multiple of the longer side of the upright box of the points."""

TOP = 10
"""Index of the point of the face mesh at the top of the forehead."""

CHIN = 152
"""Index of the point of the face mesh at the chin."""


@dataclass(frozen=True)
class FaceCrop:
    """A square, turned in the plane of the picture.

    Attributes:
        centre: float64 (2,), x and y in pixels of the picture.
        side: in pixels of the picture.
        angle: in radians; positive is clockwise as seen in the picture.
    """

    centre: NDArray[np.float64]
    side: float
    angle: float = 0.0

    @classmethod
    def around(cls, points: NDArray[np.floating]) -> Self:
        """Return the crop of a face, from the points of its mesh (478, 2) in pixels.

        The direction from forehead to chin gives the angle: unlike the line between the eyes, it keeps its length in
        profile.
        """
        down = points[CHIN] - points[TOP]
        angle = float(np.arctan2(-down[0], down[1]))
        axes = _axes(angle)
        upright = np.asarray(points, np.float64) @ axes.T
        low, high = upright.min(axis=0), upright.max(axis=0)
        return cls((low + high) / 2 @ axes, max(float((high - low).max()) * MARGIN, 1.0), angle)

    def moved(self, x: float, y: float, scale: float) -> "FaceCrop":
        """Return a crop shifted by x and y, in sides of this crop and along the picture's axes, and scaled."""
        return FaceCrop(self.centre + np.array([x, y]) * self.side, self.side * scale, self.angle)

    def matrix(self, size: int) -> NDArray[np.float64]:
        """Return the affine map from pixel indices of the picture to those of the crop at `size` pixels: (2, 3)."""
        linear = _axes(self.angle) * (size / self.side)
        return np.column_stack([linear, (size - 1) / 2 - linear @ self.centre])

    def cut(self, picture: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
        """Resample the crop to (size, size, 3); beyond its edge the picture repeats.

        Where the crop is larger, the part of the picture around it is first reduced by averaging.
        """
        matrix, factor = self.matrix(size), int(self.side / size)
        if factor > 1:
            left, top, right, bottom = self._box(picture, factor)
            part = picture[top:bottom, left:right]
            picture = cv2.resize(part, (part.shape[1] // factor, part.shape[0] // factor), interpolation=cv2.INTER_AREA)
            centre = (factor - 1) / 2  # of the first reduced pixel, from the first pixel of the part
            matrix[:, 2] += matrix[:, :2] @ (left + centre, top + centre)
            matrix[:, :2] *= factor
        crop = cv2.warpAffine(picture, matrix, (size, size), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        return np.asarray(crop)

    def _box(self, picture: NDArray[np.uint8], factor: int) -> tuple[int, int, int, int]:
        """Return left, top, right and bottom of the crop in a picture; width and height are multiples of `factor`."""
        height, width = picture.shape[:2]
        reach = self.side / 2 * np.abs(_axes(self.angle)).sum(axis=0) + factor
        low = np.clip(self.centre - reach, 0, (width - factor, height - factor)).astype(int)
        high = np.clip(self.centre + reach, low + factor, (width, height)).astype(int)
        high -= (high - low) % factor
        return int(low[0]), int(low[1]), int(high[0]), int(high[1])

    def to_picture(self, fractions: NDArray[np.floating]) -> NDArray[np.float64]:
        """Convert points (N, 2), as fractions of the crop's side, to pixels of the picture."""
        points: NDArray[np.float64] = (np.asarray(fractions, np.float64) - 0.5) * self.side @ _axes(self.angle)
        return points + self.centre

    def to_fractions(self, points: NDArray[np.floating]) -> NDArray[np.float64]:
        """Convert points (N, 2), in pixels of the picture, to fractions of the crop's side."""
        fractions: NDArray[np.float64] = (points - self.centre) @ _axes(self.angle).T / self.side + 0.5
        return fractions


def _axes(angle: float) -> NDArray[np.float64]:
    """Return the unit vectors of the crop's x and y axis in the picture, as rows."""
    return np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
