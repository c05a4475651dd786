"""The place of a crop in its frame, and resampling from the crop to the frame."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Placement:
    """The region of a frame that a crop covers.

    The region stays one pixel away from the frame's edge: OpenCV's seamless cloning fails on a mask that touches it.

    Attributes:
        x: left column of the region, as a pixel index of the frame.
        y: top row of the region, as a pixel index of the frame.
        width: width of the region in pixels; 0 where the crop lies outside the frame.
        height: height of the region in pixels; 0 where the crop lies outside the frame.
        to_crop: float64 (2, 3), affine map from pixel indices of the region to pixel indices of the crop.
    """

    x: int
    y: int
    width: int
    height: int
    to_crop: NDArray[np.float64]

    @property
    def rows_and_columns(self) -> tuple[slice, slice]:
        """Slices that select the region in a frame, (rows, columns)."""
        return slice(self.y, self.y + self.height), slice(self.x, self.x + self.width)

    @property
    def scale(self) -> float:
        """Side of one frame pixel, in crop pixels."""
        return float(np.hypot(*self.to_crop[:, 0]))

    def to_region(self, picture: NDArray[np.floating]) -> NDArray[np.float32]:
        """Resample a picture, (S, S) or (S, S, C), from crop space to the region: float32 (height, width[, C]).

        Beyond the crop's edge, its outermost pixels are repeated.
        """
        resampled = cv2.warpAffine(
            picture.astype(np.float32, copy=False),
            self.to_crop,
            (self.width, self.height),
            flags=(cv2.INTER_CUBIC if self.scale <= 1 else cv2.INTER_LINEAR) | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )
        return np.asarray(resampled, np.float32)


def place(crop_to_frame: NDArray[np.float64], crop_size: int, frame_size: tuple[int, int]) -> Placement:
    """Find the region of a frame that a crop covers.

    Args:
        crop_to_frame: float64 (2, 3), affine map from pixel indices of the crop to pixel indices of the frame.
        crop_size: side of the crop in pixels.
        frame_size: height and width of the frame in pixels.
    """
    ends = (-0.5, crop_size - 0.5)
    corners = cv2.transform(np.array([[(x, y) for x in ends for y in ends]]), crop_to_frame)[0]
    height, width = frame_size
    left, top = np.clip(np.floor(corners.min(axis=0)).astype(int), 1, (width - 1, height - 1)).tolist()
    right, bottom = np.clip(np.ceil(corners.max(axis=0)).astype(int) + 1, 1, (width - 1, height - 1)).tolist()
    to_crop = cv2.invertAffineTransform(crop_to_frame)
    to_crop[:, 2] += to_crop[:, :2] @ (left, top)
    return Placement(left, top, right - left, bottom - top, to_crop)
