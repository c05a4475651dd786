"""One picture of a clip, as it was decoded, and the edits made to it."""

from dataclasses import dataclass
from fractions import Fraction

import cv2
import numpy as np
from av import VideoFrame
from numpy.typing import NDArray

from facevid.video.color.pixels import is_float
from facevid.video.color.rgb import encode_srgb, to_float_rgb, to_rgb
from facevid.video.orientation import Orientation
from facevid.video.square import plate_box, scale_of, square_size, to_square


@dataclass(frozen=True)
class Frame:
    """A picture with its place in time.

    `index` counts from 0 in the order of presentation. `pts` and `duration` are in units of `time_base` (seconds);
    `duration` lasts to the next frame. `native` is the decoder's picture in its own pixel format and bit depth: it may
    still be the decoder's reference, so it is never written to. `aspect` is the width of a pixel as displayed, in its
    height: faces are seen, and edits made, in square pixels.
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
        """Time of presentation in seconds."""
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

    def rgb(self) -> NDArray[np.uint8]:
        """Return the picture as uint8 RGB (H, W, 3), contiguous, turned as it is displayed, in square pixels.

        Each call converts anew: keep what is needed twice. Raises InputError for colours that cannot be converted.
        """
        picture = to_rgb(self.native)
        turn = self.orientation
        if turn.transpose:
            picture = cv2.transpose(picture).astype(np.uint8, copy=False)
        if turn.mirror_x or turn.mirror_y:
            both = turn.mirror_x and turn.mirror_y
            picture = cv2.flip(picture, -1 if both else int(turn.mirror_x)).astype(np.uint8, copy=False)
        if self.aspect != 1:
            picture = cv2.resize(picture, self.square_size, interpolation=cv2.INTER_CUBIC).astype(np.uint8, copy=False)
        return np.ascontiguousarray(picture)

    def float_rgb(self, x: int, y: int, width: int, height: int) -> NDArray[np.float32]:
        """Return a part of the plate, in its own pixels, as float32 RGB (height, width, 3), at the source's own depth.

        It is turned as it is displayed; (x, y) is its top-left corner in the displayed picture, in which it must lie.
        Values are as in the source, 0 to 1 for integer samples, linear light for floating-point ones. Raises InputError
        as `rgb` does.
        """
        left, top = self.orientation.box_to_stored((x, y, width, height), (self.width, self.height))
        across, down = (height, width) if self.orientation.transpose else (width, height)
        part = to_float_rgb(self.native, slice(top, top + down), slice(left, left + across))
        return np.ascontiguousarray(self.orientation.to_display(part))

    def shown_rgb(self, x: int, y: int, width: int, height: int) -> NDArray[np.float32]:
        """Return a part in square pixels, 0 to 1 as displayed: linear light through the sRGB curve."""
        if self.aspect != 1:
            size = self.width, self.height
            scale, box = scale_of(size, self.aspect), (x, y, width, height)
            place = plate_box(box, scale, size)
            return to_square(self._shown(*place), place, box, scale).clip(0, 1)
        return self._shown(x, y, width, height)

    def _shown(self, x: int, y: int, width: int, height: int) -> NDArray[np.float32]:
        part = self.float_rgb(x, y, width, height)
        return np.nan_to_num(encode_srgb(part)).clip(0, 1) if is_float(self.native.format.name) else part


@dataclass(frozen=True)
class Patch:
    """A change to a part of a picture, in square pixels.

    Attributes:
        x, y: its top left pixel in the displayed picture; what lies outside of the picture is ignored.
        delta: float32 (h, w, 3) RGB differences, in units of 0 to 255; 0 where the picture stays as it is.
    """

    x: int
    y: int
    delta: NDArray[np.float32]

    def applied_to(self, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return the picture, uint8 (H, W, 3) RGB, with the change added."""
        height, width = self.delta.shape[:2]
        result = picture.copy()
        region = result[self.y : self.y + height, self.x : self.x + width]
        region[...] = np.rint(region + self.delta).clip(0, 255)
        return result
