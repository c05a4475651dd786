"""Between depths of RGB or gray samples, exactly: FFmpeg turns an 8-bit 255 into 65283 of 65535."""

from typing import Any

import numpy as np
from av import VideoFrame
from numpy.typing import NDArray

from facevid.video.color.pixels import pixel_layout, planes_of


def can_rescale(source: str, pix_fmt: str) -> bool:
    """Return whether `rescaled` takes one format to the other: whole numbers, RGB or gray, no colours lost."""
    ours, theirs = pixel_layout(source), pixel_layout(pix_fmt)
    if ours is None or theirs is None or ours.is_float or theirs.is_float or "yuv" in (ours.kind, theirs.kind):
        return False
    return theirs.kind == "rgb" or ours.kind == "gray"


def rescaled(native: VideoFrame, pix_fmt: str) -> VideoFrame:
    """Return a picture of full range in another format; black stays black, and white white."""
    made = VideoFrame(native.width, native.height, pix_fmt)
    made.pts, made.duration, made.time_base = native.pts, native.duration, native.time_base
    made.colorspace, made.color_range = native.colorspace, native.color_range
    depths = [layout.depth for layout in map(pixel_layout, (native.format.name, pix_fmt)) if layout is not None]
    table = _table(depths[0], depths[1])
    (colours, alpha), (their_colours, their_alpha) = planes_of(native), planes_of(made)
    for number, plane in enumerate(their_colours):
        plane[...] = table[colours[min(number, len(colours) - 1)]]
    if their_alpha is not None:
        their_alpha[...] = table[alpha] if alpha is not None else table[-1]
    return made


def _table(depth: int, other: int) -> NDArray[Any]:
    """Return the value in the other depth of each value in the first."""
    values = np.arange(2**depth, dtype=np.int64)
    most, their_most = 2**depth - 1, 2**other - 1
    return ((2 * values * their_most + most) // (2 * most)).astype(np.uint16 if other > 8 else np.uint8)
