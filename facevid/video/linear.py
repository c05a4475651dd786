"""Between scene-linear light in floating-point samples and integer samples on the sRGB curve."""

import re

import numpy as np
from av import VideoFrame

from facevid.video.colour import decode_srgb, encode_srgb
from facevid.video.pixels import PixelLayout, pixel_layout, plane_view

LINEAR_SOURCE = {"grayf32le": "gray16le", "gbrpf32le": "gbrp16le", "gbrapf32le": "gbrap16le"}
"""Floating-point format, and the integer one with the same planes."""

_INTEGER_OF = {"grayf": "gray16le", "gbrpf": "gbrp16le", "gbrapf": "gbrap16le"}
_ALPHA = 3
"""The plane of the alpha of a planar RGB format; it is linear on either side."""


def to_srgb_curve(native: VideoFrame) -> VideoFrame:
    """Return linear light as 16-bit samples of full range on the sRGB curve; what is outside of 0-1 is cut."""
    made = _empty_like(native, _INTEGER_OF[re.sub(r"\d+le$", "", native.format.name)])
    for plane, (was, now) in enumerate(_planes(native, made)):
        values = was.astype(np.float32) if plane == _ALPHA else encode_srgb(was)
        now[...] = np.rint(np.clip(values, 0, 1) * 65535)
    return made


def to_linear(native: VideoFrame) -> VideoFrame:
    """Return 16-bit samples of full range on the sRGB curve as linear light in 32-bit floating-point samples."""
    made = _empty_like(native, {integer: name for name, integer in LINEAR_SOURCE.items()}[native.format.name])
    for plane, (was, now) in enumerate(_planes(native, made)):
        values = was / np.float32(65535)
        now[...] = values if plane == _ALPHA else decode_srgb(values)
    return made


def as_float32(native: VideoFrame) -> VideoFrame:
    """Return a picture of 16-bit floating-point samples with 32-bit ones of the same values; others as they are."""
    if "f16" not in native.format.name:
        return native
    made = _empty_like(native, native.format.name.replace("f16", "f32"))
    for was, now in _planes(native, made):
        now[...] = was
    return made


def _empty_like(native: VideoFrame, pix_fmt: str) -> VideoFrame:
    made = VideoFrame(native.width, native.height, pix_fmt)
    made.pts, made.duration, made.time_base = native.pts, native.duration, native.time_base
    return made


def _planes(native: VideoFrame, made: VideoFrame) -> list[tuple[np.ndarray, np.ndarray]]:
    return [
        (plane_view(native, plane, _layout(native)), plane_view(made, plane, _layout(made)))
        for plane in range(len(native.planes))
    ]


def _layout(native: VideoFrame) -> PixelLayout:
    layout = pixel_layout(native.format.name)
    assert layout is not None
    return layout
