"""Conversion between scene-linear floating-point samples and integer sRGB samples."""

import re

import numpy as np
from av import VideoFrame
from numpy.typing import NDArray

from facevid.video.color.pixels import colour_and_alpha_views
from facevid.video.color.rgb import decode_srgb, encode_srgb

INTEGER_FORMATS = {"grayf32le": "gray16le", "gbrpf32le": "gbrp16le", "gbrapf32le": "gbrap16le"}
"""Floating-point pixel format -> the 16-bit integer format with the same planes."""

_INTEGER_FORMATS_BY_PREFIX = {"grayf": "gray16le", "gbrpf": "gbrp16le", "gbrapf": "gbrap16le"}
"""As INTEGER_FORMATS, for floating-point formats of any depth (name without depth and byte order)."""

_LUMA = np.array([0.2126, 0.7152, 0.0722], np.float32)
"""Luminance weights of linear R, G, B with the primaries of ITU-R BT.709."""


def to_srgb_curve(native: VideoFrame, gamut_matrix: NDArray[np.float32] | None = None) -> VideoFrame:
    """Convert linear light to 16-bit full-range sRGB; values outside 0 to 1 are clipped.

    Args:
        native: a floating-point frame.
        gamut_matrix: (3, 3), applied to linear RGB first; None for the identity.
    """
    result = _empty_like(native, _INTEGER_FORMATS_BY_PREFIX[re.sub(r"\d+le$", "", native.format.name)])
    colours, alpha = colour_and_alpha_views(native)
    with np.errstate(invalid="ignore"):  # infinity times 0
        if gamut_matrix is not None and len(colours) == 3:
            colours = list(np.tensordot(gamut_matrix, np.stack(colours).astype(np.float32), 1))
        encoded = [np.nan_to_num(encode_srgb(plane).clip(0, 1)) for plane in colours]
    encoded += [np.nan_to_num(alpha.astype(np.float32).clip(0, 1))] if alpha is not None else []
    new_colours, new_alpha = colour_and_alpha_views(result)
    for values, plane in zip(encoded, [*new_colours, new_alpha], strict=False):
        assert plane is not None
        plane[...] = np.rint(values * 65535)
    return result


def to_linear(native: VideoFrame) -> VideoFrame:
    """Convert 16-bit full-range sRGB to linear light in 32-bit floating-point samples."""
    result = _empty_like(native, {integer: name for name, integer in INTEGER_FORMATS.items()}[native.format.name])
    (colours, alpha), (new_colours, new_alpha) = colour_and_alpha_views(native), colour_and_alpha_views(result)
    for plane, new_plane in zip(colours, new_colours, strict=True):
        new_plane[...] = decode_srgb(plane / np.float32(65535))
    if alpha is not None and new_alpha is not None:
        new_alpha[...] = alpha / np.float32(65535)
    return result


def to_float_format(native: VideoFrame, pix_fmt: str) -> VideoFrame:
    """Convert a floating-point frame to another floating-point pixel format.

    RGB becomes gray by luminance, gray becomes equal R, G and B, and a missing alpha becomes opaque.
    """
    if native.format.name == pix_fmt:
        return native
    result = _empty_like(native, pix_fmt)
    (colours, alpha), (new_colours, new_alpha) = colour_and_alpha_views(native), colour_and_alpha_views(result)
    if len(colours) > len(new_colours):
        colours = [np.tensordot(_LUMA, np.stack(colours).astype(np.float32), 1)]
    with np.errstate(over="ignore"):  # values beyond the range of half floats become infinity, as in OpenEXR
        for index, plane in enumerate(new_colours):
            plane[...] = colours[min(index, len(colours) - 1)]
    if new_alpha is not None:
        new_alpha[...] = 1 if alpha is None else alpha
    return result


def _empty_like(native: VideoFrame, pix_fmt: str) -> VideoFrame:
    result = VideoFrame(native.width, native.height, pix_fmt)
    result.pts, result.duration, result.time_base = native.pts, native.duration, native.time_base
    return result
