"""Between scene-linear light in floating-point samples and integer samples on the sRGB curve."""

import re

import numpy as np
from av import VideoFrame
from numpy.typing import NDArray

from facevid.video.color.pixels import planes_of
from facevid.video.color.rgb import decode_srgb, encode_srgb

LINEAR_SOURCE = {"grayf32le": "gray16le", "gbrpf32le": "gbrp16le", "gbrapf32le": "gbrap16le"}
"""Floating-point format, and the integer one with the same planes."""

_INTEGER_OF = {"grayf": "gray16le", "gbrpf": "gbrp16le", "gbrapf": "gbrap16le"}
_LUMA = np.array([0.2126, 0.7152, 0.0722], np.float32)
"""Of linear light with the primaries of ITU-R BT.709."""


def to_srgb_curve(native: VideoFrame, gamut: NDArray[np.float32] | None = None) -> VideoFrame:
    """Return linear light as 16-bit samples of full range on the sRGB curve; what is outside of 0-1 is cut.

    `gamut`, (3, 3), takes R, G, B to those of other primaries first.
    """
    made = _empty_like(native, _INTEGER_OF[re.sub(r"\d+le$", "", native.format.name)])
    colours, alpha = planes_of(native)
    with np.errstate(invalid="ignore"):  # infinity times 0
        if gamut is not None and len(colours) == 3:
            colours = list(np.tensordot(gamut, np.stack(colours).astype(np.float32), 1))
        shown = [np.nan_to_num(encode_srgb(plane).clip(0, 1)) for plane in colours]
    shown += [np.nan_to_num(alpha.astype(np.float32).clip(0, 1))] if alpha is not None else []
    their_colours, their_alpha = planes_of(made)
    for values, now in zip(shown, [*their_colours, their_alpha], strict=False):
        assert now is not None
        now[...] = np.rint(values * 65535)
    return made


def to_linear(native: VideoFrame) -> VideoFrame:
    """Return 16-bit samples of full range on the sRGB curve as linear light in 32-bit floating-point samples."""
    made = _empty_like(native, {integer: name for name, integer in LINEAR_SOURCE.items()}[native.format.name])
    (colours, alpha), (their_colours, their_alpha) = planes_of(native), planes_of(made)
    for was, now in zip(colours, their_colours, strict=True):
        now[...] = decode_srgb(was / np.float32(65535))
    if alpha is not None and their_alpha is not None:
        their_alpha[...] = alpha / np.float32(65535)
    return made


def to_float_format(native: VideoFrame, pix_fmt: str) -> VideoFrame:
    """Return a picture of floating-point samples in another such format, rounded where that holds less."""
    if native.format.name == pix_fmt:
        return native
    made = _empty_like(native, pix_fmt)
    (colours, alpha), (their_colours, their_alpha) = planes_of(native), planes_of(made)
    if len(colours) > len(their_colours):
        colours = [np.tensordot(_LUMA, np.stack(colours).astype(np.float32), 1)]
    with np.errstate(over="ignore"):  # what half floats cannot hold becomes infinity, as OpenEXR has it
        for number, now in enumerate(their_colours):
            now[...] = colours[min(number, len(colours) - 1)]
    if their_alpha is not None:
        their_alpha[...] = 1 if alpha is None else alpha
    return made


def _empty_like(native: VideoFrame, pix_fmt: str) -> VideoFrame:
    made = VideoFrame(native.width, native.height, pix_fmt)
    made.pts, made.duration, made.time_base = native.pts, native.duration, native.time_base
    return made
