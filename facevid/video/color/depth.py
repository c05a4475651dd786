"""Exact conversion between bit depths of RGB or gray samples; FFmpeg converts an 8-bit 255 to 65283 of 65535."""

from typing import Any

import numpy as np
from av import VideoFrame
from numpy.typing import NDArray

from facevid.video.color.pixels import colour_and_alpha_views, pixel_layout


def can_rescale(source: str, pix_fmt: str) -> bool:
    """Return whether `rescale` supports a pair of pixel formats: integers, RGB or gray, but not RGB to gray."""
    source_layout, target_layout = pixel_layout(source), pixel_layout(pix_fmt)
    if source_layout is None or target_layout is None or source_layout.is_float or target_layout.is_float:
        return False
    if "yuv" in (source_layout.kind, target_layout.kind):
        return False
    return target_layout.kind == "rgb" or source_layout.kind == "gray"


def rescale(native: VideoFrame, pix_fmt: str) -> VideoFrame:
    """Convert a full-range frame to another bit depth, so that black and white stay the extremes of the range.

    Args:
        native: an RGB or gray frame of integer samples.
        pix_fmt: pixel format to return, see `can_rescale`; a missing alpha becomes opaque.
    """
    result = VideoFrame(native.width, native.height, pix_fmt)
    result.pts, result.duration, result.time_base = native.pts, native.duration, native.time_base
    result.colorspace, result.color_range = native.colorspace, native.color_range
    depths = [layout.depth for layout in map(pixel_layout, (native.format.name, pix_fmt)) if layout is not None]
    lookup = _lookup_table(depths[0], depths[1])
    (colours, alpha), (new_colours, new_alpha) = colour_and_alpha_views(native), colour_and_alpha_views(result)
    for index, plane in enumerate(new_colours):
        plane[...] = lookup[colours[min(index, len(colours) - 1)]]
    if new_alpha is not None:
        new_alpha[...] = lookup[alpha] if alpha is not None else lookup[-1]
    return result


def _lookup_table(depth: int, new_depth: int) -> NDArray[Any]:
    """Return the value in `new_depth` bits, rounded to nearest, for every value in `depth` bits."""
    values = np.arange(2**depth, dtype=np.int64)
    white, new_white = 2**depth - 1, 2**new_depth - 1
    rounded: NDArray[np.int64] = (2 * values * new_white + white) // (2 * white)
    return rounded.astype(np.uint16 if new_depth > 8 else np.uint8)
