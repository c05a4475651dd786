"""Display orientation: rotation and mirroring of stored frames, and access to frame side data."""

from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from av import VideoFrame
from av.sidedata.sidedata import SideDataContainer, Type
from numpy.typing import NDArray

from facevid.video.filters import filtered

_READ_SIDE_DATA = (
    Type.DISPLAYMATRIX,
    Type.A53_CC,
    Type.MASTERING_DISPLAY_METADATA,
    Type.CONTENT_LIGHT_LEVEL,
    Type.DYNAMIC_HDR_PLUS,
    Type.DOVI_METADATA,
)
"""Kinds of side data that this package reads."""

_MAX_SIDE_DATA_TYPE = 40
"""Upper bound of AVFrameSideDataType in FFmpeg 8."""


@dataclass(frozen=True)
class Orientation:
    """One of the eight orientations: stored pixels are transposed, then mirrored, for display.

    Attributes:
        transpose: swap rows and columns first.
        mirror_x: then mirror left to right.
        mirror_y: then mirror top to bottom.
        matrix: the container's display matrix (nine integers, FFmpeg's AV_FRAME_DATA_DISPLAYMATRIX layout), so that it
            can be written back unchanged; None if the source has none.
    """

    transpose: bool = False
    mirror_x: bool = False
    mirror_y: bool = False
    matrix: tuple[int, ...] | None = None

    @property
    def rotation(self) -> int:
        """Anticlockwise rotation for display in degrees, ignoring mirroring: 0, 90, 180 or 270."""
        if self.transpose:
            return 90 if self.mirror_y else 270
        return 180 if self.mirror_y else 0

    @property
    def is_turned(self) -> bool:
        """Whether the displayed orientation differs from the stored one."""
        return self.transpose or self.mirror_x or self.mirror_y

    def to_display(self, image: NDArray[Any]) -> NDArray[Any]:
        """Return a view of a stored image (H, W, ...) in display orientation."""
        if self.transpose:
            image = image.swapaxes(0, 1)
        return image[:: -1 if self.mirror_y else 1, :: -1 if self.mirror_x else 1]

    def to_stored(self, image: NDArray[Any]) -> NDArray[Any]:
        """Return a view of a displayed image (H, W, ...) in stored orientation: the inverse of `to_display`."""
        image = image[:: -1 if self.mirror_y else 1, :: -1 if self.mirror_x else 1]
        return image.swapaxes(0, 1) if self.transpose else image

    def box_to_stored(self, box: tuple[int, int, int, int], size: tuple[int, int]) -> tuple[int, int]:
        """Map a box (x, y, w, h) of a displayed image of `size` (w, h) to its top-left corner (x, y) as stored."""
        x, y, w, h = box
        if self.mirror_x:
            x = size[0] - x - w
        if self.mirror_y:
            y = size[1] - y - h
        return (y, x) if self.transpose else (x, y)


UPRIGHT = Orientation()
"""Displayed as stored."""


def orientation_of(native: VideoFrame) -> Orientation:
    """Read the display matrix of a decoded frame; angles are rounded to the nearest quarter turn."""
    stored = side_data(native).get("DISPLAYMATRIX")
    if stored is None:
        return Orientation()
    matrix = tuple(int(value) for value in np.frombuffer(stored, np.int32)[:9])
    a, b, c, d = matrix[0], matrix[1], matrix[3], matrix[4]
    if abs(a) + abs(d) >= abs(b) + abs(c):
        return Orientation(False, a < 0, d < 0, matrix)
    return Orientation(True, c < 0, b < 0, matrix)


def side_data(native: VideoFrame) -> dict[str, bytes]:
    """Return the side data of a decoded frame, of the kinds in _READ_SIDE_DATA, by FFmpeg's name.

    PyAV 18 raises on kinds it does not know (EXIF), and frees side data with metadata twice (the ICC profile of a PNG).
    All other kinds are therefore deleted from a copy of the frame before PyAV reads it.
    """
    read = [cast(int, kind.value) for kind in _READ_SIDE_DATA]
    deletions = [("sidedata", f"mode=delete:type={k}") for k in range(_MAX_SIDE_DATA_TYPE + 1) if k not in read]
    entries = cast(SideDataContainer, filtered(native, deletions).side_data)
    return {entry.type.name: bytes(entry) for entry in entries}


def has_icc_profile(native: VideoFrame) -> bool:
    """Return whether a decoded frame has an ICC profile, without reading it through PyAV (see `side_data`)."""
    try:
        filtered(native, [("sidedata", "mode=select:type=ICC_PROFILE")])
    except (BlockingIOError, EOFError):  # the filter drops frames without a profile
        return False
    return True


def turn_upright(native: VideoFrame, orientation: Orientation) -> VideoFrame:
    """Return the frame in display orientation, without resampling."""
    filters = [("transpose", "dir=cclock_flip")] if orientation.transpose else []
    filters += [("hflip", "")] if orientation.mirror_x else []
    filters += [("vflip", "")] if orientation.mirror_y else []
    return filtered(native, filters)


def has_captions(native: VideoFrame) -> bool:
    """Return whether a decoded frame has closed captions (CEA-608 or CEA-708)."""
    return "A53_CC" in side_data(native)
