"""Where a crop lies in its frame, and how pictures get from the one to the other."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Placement:
    """The part of a frame that a crop covers.

    It keeps one pixel off the frame's edge: OpenCV's seamless cloning fails on a mask that touches it.

    Attributes:
        x, y: the region's top left pixel in the frame.
        width, height: the region's size in pixels; 0 where the crop lies outside the frame.
        to_crop: float64 (2, 3), from indices of the region's pixels to indices of the crop's.
    """

    x: int
    y: int
    width: int
    height: int
    to_crop: NDArray[np.float64]

    @property
    def rows_and_columns(self) -> tuple[slice, slice]:
        """Slices that cut the region out of a frame."""
        return slice(self.y, self.y + self.height), slice(self.x, self.x + self.width)

    @property
    def scale(self) -> float:
        """Pixels of the crop that one pixel of the frame spans."""
        return float(np.hypot(*self.to_crop[:, 0]))

    def to_region(self, picture: NDArray[np.floating]) -> NDArray[np.float32]:
        """Bring a picture (S, S) or (S, S, C) in the crop's space to the region's: (height, width[, C]).

        Beyond the crop's edge its last pixels are repeated.
        """
        return cv2.warpAffine(
            picture.astype(np.float32, copy=False),
            self.to_crop,
            (self.width, self.height),
            flags=(cv2.INTER_CUBIC if self.scale <= 1 else cv2.INTER_LINEAR) | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )


def place(crop_to_frame: NDArray[np.float64], crop_size: int, frame_size: tuple[int, int]) -> Placement:
    """Find the region of a frame that a crop covers.

    Args:
        crop_to_frame: float64 (2, 3), from indices of crop pixels to indices of frame pixels.
        crop_size: side of the crop in pixels.
        frame_size: height and width of the frame.
    """
    ends = (-0.5, crop_size - 0.5)
    corners = cv2.transform(np.array([[(x, y) for x in ends for y in ends]]), crop_to_frame)[0]
    height, width = frame_size
    left, top = np.clip(np.floor(corners.min(axis=0)).astype(int), 1, (width - 1, height - 1)).tolist()
    right, bottom = np.clip(np.ceil(corners.max(axis=0)).astype(int) + 1, 1, (width - 1, height - 1)).tolist()
    to_crop = cv2.invertAffineTransform(crop_to_frame)
    to_crop[:, 2] += to_crop[:, :2] @ (left, top)
    return Placement(left, top, right - left, bottom - top, to_crop)
