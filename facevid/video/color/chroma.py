"""Where the samples of chroma lie between those of luma (ITU-T H.273, ChromaSampleLocType)."""

import numpy as np
from av import VideoFrame

from facevid.video.color.pixels import pixel_layout, plane_view
from facevid.video.color.rgb import to_rgb
from facevid.video.filters import filtered

_SIDE = 32
_PLACES = {(0.0, 0.0): "topleft", (0.5, 0.0): "top", (0.0, 1.0): "bottomleft", (0.5, 1.0): "bottom"}


def chroma_location(native: VideoFrame) -> str | None:
    """Return FFmpeg's name of where a 4:2:0 picture says that its chroma lies, in HDR often `topleft`.

    None for the usual places beside and between the lines, which need no telling, and for other formats. PyAV does not
    tell it, but converts accordingly: it is where a single sample of chroma shows in RGB.
    """
    layout = pixel_layout(native.format.name)
    is_known = layout is not None and layout.kind == "yuv" and layout.subsampling == (1, 1)
    if layout is None or not is_known or min(native.width, native.height) < _SIDE:
        return None
    probe = filtered(native, [("crop", f"{_SIDE}:{_SIDE}:0:0")])
    probe.make_writable()
    middle = 1 << layout.depth - 1
    for plane in range(3):
        plane_view(probe, plane, layout)[...] = middle
    centre = _SIDE // 4
    plane_view(probe, 2, layout)[centre, centre] = middle + middle // 2
    red = to_rgb(probe)[:, :, 0].astype(int)
    shown = np.abs(red - red[0, 0])
    if not shown.any():
        return None
    x, y = (float(shown.sum(axis) @ np.arange(_SIDE) / shown.sum()) - 2 * centre for axis in (0, 1))
    return _PLACES.get((round(2 * x) / 2, round(2 * y) / 2))
