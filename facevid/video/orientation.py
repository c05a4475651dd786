"""How a stored picture is turned and mirrored to be displayed."""

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
_NEWEST_SIDE_DATA = 40
"""No kind of side data of FFmpeg 8 has a higher number."""


@dataclass(frozen=True)
class Orientation:
    """The eight ways a picture can lie: display = stored, transposed if asked, then mirrored.

    `matrix` is the container's display matrix (nine integers in FFmpeg's AV_FRAME_DATA_DISPLAYMATRIX layout), kept so
    that it is written back as it was; None where the source carries none.
    """

    transpose: bool = False
    mirror_x: bool = False
    mirror_y: bool = False
    matrix: tuple[int, ...] | None = None

    @property
    def rotation(self) -> int:
        """Anticlockwise turn in degrees that displays the picture, mirroring aside: 0, 90, 180 or 270."""
        if self.transpose:
            return 90 if self.mirror_y else 270
        return 180 if self.mirror_y else 0

    @property
    def is_turned(self) -> bool:
        """Whether the picture is displayed otherwise than it is stored."""
        return self.transpose or self.mirror_x or self.mirror_y

    def to_display(self, picture: NDArray[Any]) -> NDArray[Any]:
        """Return a view of the stored `picture` (H, W, ...) as it is displayed."""
        if self.transpose:
            picture = picture.swapaxes(0, 1)
        return picture[:: -1 if self.mirror_y else 1, :: -1 if self.mirror_x else 1]

    def to_stored(self, picture: NDArray[Any]) -> NDArray[Any]:
        """Return a view of the displayed `picture` (H, W, ...) as it is stored: the inverse of `to_display`."""
        picture = picture[:: -1 if self.mirror_y else 1, :: -1 if self.mirror_x else 1]
        return picture.swapaxes(0, 1) if self.transpose else picture

    def box_to_stored(self, box: tuple[int, int, int, int], size: tuple[int, int]) -> tuple[int, int]:
        """Return the stored top-left corner (x, y) of a box (x, y, w, h) in a displayed picture of size (w, h)."""
        x, y, w, h = box
        if self.mirror_x:
            x = size[0] - x - w
        if self.mirror_y:
            y = size[1] - y - h
        return (y, x) if self.transpose else (x, y)


UPRIGHT = Orientation()


def orientation_of(native: VideoFrame) -> Orientation:
    """Read the display matrix of a decoded picture; angles between quarter turns are rounded to the nearest."""
    stored = side_data(native).get("DISPLAYMATRIX")
    if stored is None:
        return Orientation()
    matrix = tuple(int(value) for value in np.frombuffer(stored, np.int32)[:9])
    a, b, c, d = matrix[0], matrix[1], matrix[3], matrix[4]
    if abs(a) + abs(d) >= abs(b) + abs(c):
        return Orientation(False, a < 0, d < 0, matrix)
    return Orientation(True, c < 0, b < 0, matrix)


def side_data(native: VideoFrame) -> dict[str, bytes]:
    """Return the kinds of _READ_SIDE_DATA that a decoded picture carries beside its samples, by FFmpeg's name.

    PyAV 18 fails on a picture with a kind it does not know (EXIF), and frees twice what one with metadata holds (the
    ICC profile of a PNG), so every other kind is taken off a copy of the picture before PyAV looks at it.
    """
    read = [kind.value for kind in _READ_SIDE_DATA]
    deletions = [("sidedata", f"mode=delete:type={k}") for k in range(_NEWEST_SIDE_DATA + 1) if k not in read]
    found = cast(SideDataContainer, filtered(native, deletions).side_data)
    return {entry.type.name: bytes(entry) for entry in found}


def has_icc_profile(native: VideoFrame) -> bool:
    """Return whether a decoded picture carries an ICC profile, without letting PyAV look at it."""
    try:
        filtered(native, [("sidedata", "mode=select:type=ICC_PROFILE")])
    except (BlockingIOError, EOFError):  # the filter drops a picture without it
        return False
    return True


def turned_upright(native: VideoFrame, orientation: Orientation) -> VideoFrame:
    """Return the picture turned as it is displayed, every sample kept."""
    turns = [("transpose", "dir=cclock_flip")] if orientation.transpose else []
    turns += [("hflip", "")] if orientation.mirror_x else []
    turns += [("vflip", "")] if orientation.mirror_y else []
    return filtered(native, turns)


def has_captions(native: VideoFrame) -> bool:
    """Return whether a decoded picture carries closed captions (CEA-608 or 708)."""
    return "A53_CC" in side_data(native)
