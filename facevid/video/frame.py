"""A decoded frame of a clip, and a change to a rectangle of it."""

from dataclasses import dataclass
from fractions import Fraction

import cv2
import numpy as np
from av import VideoFrame
from numpy.typing import NDArray

from facevid.video.color.pixels import is_float
from facevid.video.color.rgb import encode_srgb, to_float_rgb, to_rgb
from facevid.video.orientation import Orientation
from facevid.video.square_pixels import Box, plate_box, square_pixel_scale, square_size, to_square


@dataclass(frozen=True)
class Frame:
    """A decoded frame with its timestamp.

    Attributes:
        index: position in presentation order, from 0.
        pts: presentation time, in units of `time_base`.
        duration: time until the next frame, in units of `time_base`.
        time_base: the unit of `pts` and `duration`, in seconds.
        native: the decoded samples in the source's pixel format and bit depth, as stored. The decoder may still use
            them as a reference, so they are read-only.
        orientation: how the stored samples are rotated and mirrored for display.
        aspect: pixel width divided by pixel height, as displayed. Faces are detected and edited in square pixels.
    """

    index: int
    pts: int
    duration: int
    time_base: Fraction
    native: VideoFrame
    orientation: Orientation
    aspect: Fraction = Fraction(1)

    @property
    def time(self) -> Fraction:
        """Presentation time in seconds."""
        return self.pts * self.time_base

    @property
    def width(self) -> int:
        """Width in pixels as displayed."""
        return self.native.height if self.orientation.transpose else self.native.width

    @property
    def height(self) -> int:
        """Height in pixels as displayed."""
        return self.native.width if self.orientation.transpose else self.native.height

    @property
    def square_size(self) -> tuple[int, int]:
        """Width and height as displayed, in square pixels."""
        return square_size((self.width, self.height), self.aspect)

    def rgb(self, box: Box | None = None) -> NDArray[np.uint8]:
        """Convert the frame, or a box of it, to RGB, as displayed.

        The result is not cached: every call converts again.

        Args:
            box: left, top, width and height in square pixels, inside the frame; None for the whole frame.

        Returns:
            uint8 (H, W, 3) RGB, contiguous, in display orientation and square pixels.

        Raises:
            InputError: the pixel format or colour matrix is not supported.
        """
        if box is not None and self.aspect != 1:
            x, y, width, height = box
            return np.ascontiguousarray(self.rgb()[y : y + height, x : x + width])
        image = to_rgb(self.native, *(self._stored(*box) if box is not None else ()))
        orientation = self.orientation
        if orientation.transpose:
            image = cv2.transpose(image).astype(np.uint8, copy=False)
        if orientation.mirror_x or orientation.mirror_y:
            flip_code = -1 if orientation.mirror_x and orientation.mirror_y else int(orientation.mirror_x)
            image = cv2.flip(image, flip_code).astype(np.uint8, copy=False)
        if self.aspect != 1:
            image = cv2.resize(image, self.square_size, interpolation=cv2.INTER_CUBIC).astype(np.uint8, copy=False)
        return np.ascontiguousarray(image)

    def _stored(self, x: int, y: int, width: int, height: int) -> tuple[slice, slice]:
        """Return the stored rows and columns of a box of the displayed frame, in its own pixels."""
        left, top = self.orientation.box_to_stored((x, y, width, height), (self.width, self.height))
        columns, rows = (height, width) if self.orientation.transpose else (width, height)
        return slice(top, top + rows), slice(left, left + columns)

    def float_rgb(self, x: int, y: int, width: int, height: int) -> NDArray[np.float32]:
        """Convert a box of the plate to RGB at the source's bit depth, in the plate's own (maybe non-square) pixels.

        Args:
            x: left edge of the box in the displayed frame; the box must lie inside the frame.
            y: top edge of the box.
            width: width of the box in pixels.
            height: height of the box in pixels.

        Returns:
            float32 (height, width, 3) RGB in display orientation. Integer samples become 0 to 1; floating-point
            samples keep their values (scene-linear light).

        Raises:
            InputError: the pixel format or colour matrix is not supported.
        """
        stored = to_float_rgb(self.native, *self._stored(x, y, width, height))
        return np.ascontiguousarray(self.orientation.to_display(stored))

    def display_rgb(self, x: int, y: int, width: int, height: int) -> NDArray[np.float32]:
        """Convert a box in square pixels to display values: float32 RGB in [0, 1], linear light encoded as sRGB."""
        if self.aspect != 1:
            size = self.width, self.height
            scale, box = square_pixel_scale(size, self.aspect), (x, y, width, height)
            source_box = plate_box(box, scale, size)
            return to_square(self._display_rgb(*source_box), source_box, box, scale).clip(0, 1)
        return self._display_rgb(x, y, width, height)

    def _display_rgb(self, x: int, y: int, width: int, height: int) -> NDArray[np.float32]:
        """As `display_rgb`, for a box in the plate's own pixels."""
        rgb = self.float_rgb(x, y, width, height)
        return np.nan_to_num(encode_srgb(rgb)).clip(0, 1) if is_float(self.native.format.name) else rgb


@dataclass(frozen=True)
class Patch:
    """An additive change to a rectangle of a frame, in display orientation and square pixels.

    Attributes:
        x, y: top-left pixel in the displayed frame; the part outside the frame is ignored.
        delta: float32 (h, w, 3) RGB differences, in units of 0 to 255; 0 leaves a pixel unchanged.
    """

    x: int
    y: int
    delta: NDArray[np.float32]

    def apply(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return a copy of `image`, uint8 (H, W, 3) RGB, with the change added, rounded and clipped to 0-255."""
        height, width = self.delta.shape[:2]
        result = image.copy()
        region = result[self.y : self.y + height, self.x : self.x + width]
        region[...] = np.rint(region + self.delta).clip(0, 255)
        return result
