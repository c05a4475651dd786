"""Detect the chroma sample location of a frame (ITU-T H.273, Chroma420SampleLocType)."""

import numpy as np
from av import VideoFrame

from facevid.video.color.pixels import pixel_layout, plane_view
from facevid.video.color.rgb import to_rgb
from facevid.video.filters import filtered

_PROBE_SIDE = 32
"""Width and height in pixels of the crop that is converted to find the location; large enough for interpolation."""

_LOCATIONS = {(0.0, 0.0): "topleft", (0.5, 0.0): "top", (0.0, 1.0): "bottomleft", (0.5, 1.0): "bottom"}
"""Position (x, y) of a chroma sample in its 2x2 block, in luma pixels -> FFmpeg's name; default ones are missing."""


def chroma_location(native: VideoFrame) -> str | None:
    """Return FFmpeg's name of the chroma sample location of a 4:2:0 frame; HDR video often has `topleft`.

    PyAV does not expose the location, but uses it in conversions. One chroma sample of a gray probe is changed: the
    centroid of the change in RGB is the location.

    Returns:
        The name; None for the default locations (`left`, `center`) and for formats other than 4:2:0.
    """
    layout = pixel_layout(native.format.name)
    is_420 = layout is not None and layout.kind == "yuv" and layout.subsampling == (1, 1)
    if layout is None or not is_420 or min(native.width, native.height) < _PROBE_SIDE:
        return None
    probe = filtered(native, [("crop", f"{_PROBE_SIDE}:{_PROBE_SIDE}:0:0")])
    probe.make_writable()
    middle = 1 << layout.depth - 1
    for plane in range(3):
        plane_view(probe, plane, layout)[...] = middle
    centre = _PROBE_SIDE // 4
    plane_view(probe, 2, layout)[centre, centre] = middle + middle // 2
    red = to_rgb(probe)[:, :, 0].astype(int)
    change = np.abs(red - red[0, 0])
    if not change.any():
        return None
    x, y = (float(change.sum(axis) @ np.arange(_PROBE_SIDE) / change.sum()) - 2 * centre for axis in (0, 1))
    return _LOCATIONS.get((round(2 * x) / 2, round(2 * y) / 2))
