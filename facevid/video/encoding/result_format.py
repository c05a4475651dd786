"""Choose the pixel format and colour tags of a result."""

import re
from pathlib import Path

import numpy as np
from av import VideoFormat
from av.codec import Codec
from av.video.reformatter import ColorRange
from numpy.typing import NDArray

from facevid.errors import UsageError
from facevid.video.color.gamut import bt709_matrix
from facevid.video.color.pixels import has_alpha, is_float, pix_fmt_loss
from facevid.video.color.rgb import HD_LINES
from facevid.video.info import ClipInfo, ColourTags

SRGB_TRANSFER = 13
"""ITU-T H.273 transfer characteristics of sRGB."""

BT709_TRANSFER = 1
"""ITU-T H.273 transfer characteristics of BT.709."""

UNSPECIFIED = 2
"""ITU-T H.273 code point of an unspecified matrix, primaries or transfer characteristics."""

BT709_PRIMARIES = 1
"""ITU-T H.273 colour primaries of BT.709 and sRGB."""

RGB_MATRIX = 0
"""ITU-T H.273 matrix coefficients of RGB (identity)."""

BT709_MATRIX = 1
"""ITU-T H.273 matrix coefficients of BT.709."""

BT601_MATRIX = 6
"""ITU-T H.273 matrix coefficients of BT.601; also those of JPEG (JFIF)."""

MAX_HALF_FLOAT_DEPTH = 10
"""Bit depth up to which half floats of linear light keep all integer sRGB values distinct."""

DNXHR_MATRICES = (1, 9, 10)
"""ITU-T H.273 matrix coefficients that DNxHR supports; others are converted to BT.709."""

_FLOAT_FORMATS = ("grayf32le", "gbrpf32le", "gbrapf32le")
"""FFmpeg's planar pixel formats of 32-bit floating-point samples."""

# FFmpeg's name of the encoder -> pixel formats that OpenImageIO can write to its files.
_OIIO_PIX_FMTS = {
    "exr": (*_FLOAT_FORMATS, "grayf16le", "gbrpf16le", "gbrapf16le"),
    "tiff": ("gray", "gbrp", "gbrap", "gray16le", "gbrp16le", "gbrap16le", *_FLOAT_FORMATS),
}


def choose_pix_fmt(
    source: str, encoder: str, requested: str | None, out: Path, warnings: list[str], *, size: tuple[int, int]
) -> str:
    """Choose a pixel format that the encoder supports.

    Args:
        source: the source's pixel format.
        encoder: FFmpeg's name of the encoder.
        requested: the user's choice; None for the format that loses least of the source.
        out: the result, named in messages.
        warnings: receives a message if the source's format cannot be kept.
        size: width and height in pixels; some formats need even sizes.

    Raises:
        UsageError: the encoder does not support the requested format, or the size.
    """
    formats = _supported_formats(encoder, size, out)
    if requested is not None:
        if requested not in formats:
            problem = f"{encoder} does not support pixel format {requested} for {size[0]}x{size[1]}"
            msg = f"{out.name}: {problem}; choose one of {', '.join(formats)}"
            raise UsageError(msg)
        return requested
    if source in formats:
        return source
    if encoder == "exr" and VideoFormat(source).components[0].bits > MAX_HALF_FLOAT_DEPTH:
        formats = [name for name in formats if "f32" in name]
    best = min(formats, key=lambda name: pix_fmt_loss(source, name))
    if is_float(source) and not is_float(best):
        warnings.append(f"{out.name}: linear light is converted to {best} in sRGB; values above 1 are clipped")
    elif any(pix_fmt_loss(source, best)[:4]):
        alpha = ", without its alpha" if has_alpha(source) and not has_alpha(best) else ""
        warnings.append(f"{out.name}: {encoder} cannot hold {source}: converted to {best}{alpha}")
    elif encoder == "libx264" and _has_partial_chroma_block(source, size):
        warnings.append(f"{out.name}: {encoder} supports {source} in even sizes only: converted to {best}")
    return best


def _supported_formats(encoder: str, size: tuple[int, int], out: Path) -> list[str]:
    """Return the encoder's pixel formats for frames of `size` (width, height). Raises UsageError if there is none."""
    if encoder in _OIIO_PIX_FMTS:
        return [*_OIIO_PIX_FMTS[encoder]]
    formats = [fmt.name for fmt in Codec(encoder, "w").video_formats or () if fmt.components]  # no hardware surfaces
    if encoder == "mjpeg":
        formats = [name for name in formats if name.startswith("yuvj")]  # JPEG files are always full range
    elif encoder == "ffv1":
        formats = [name for name in formats if not re.search("f(16|32)", name)]  # still experimental in FFmpeg
    elif encoder == "libx265":
        if any(side % 2 for side in size):
            raise UsageError(f"{out.name}: h265 needs an even size, not {size[0]}x{size[1]}; choose --codec h264")
        formats = [name for name in formats if not has_alpha(name)]  # listed, but rejected by common builds of x265
    elif encoder == "libx264":
        formats = [name for name in formats if not _has_partial_chroma_block(name, size)]
    return formats


def _has_partial_chroma_block(pix_fmt: str, size: tuple[int, int]) -> bool:
    """Return whether the size (width, height) is odd in a direction in which chroma is subsampled."""
    width, height = size
    pixel_format = VideoFormat(pix_fmt, width, height)
    if len(pixel_format.components) < 3:
        return False
    return width % 2 > (pixel_format.chroma_width(2) == 2) or height % 2 > (pixel_format.chroma_height(2) == 2)


def colours_of_result(info: ClipInfo, pix_fmt: str, encoder: str) -> ColourTags:
    """Return the source's colour tags, or those of the conversion (RGB to YUV, linear light to sRGB, JPEG, DNxHR)."""
    source, result = VideoFormat(info.pix_fmt), VideoFormat(pix_fmt)
    primaries, transfer = info.colour.primaries, info.colour.transfer
    if is_float(info.pix_fmt) and not is_float(pix_fmt):
        primaries, transfer = BT709_PRIMARIES, SRGB_TRANSFER
    if result.is_rgb and not source.is_rgb:
        return ColourTags(ColorRange.JPEG, RGB_MATRIX, primaries, transfer)
    if pix_fmt.startswith("yuvj") and (encoder == "mjpeg" or not info.pix_fmt.startswith("yuvj")):
        return ColourTags(ColorRange.JPEG, BT601_MATRIX, primaries, transfer)
    if encoder == "libwebp" and not result.is_rgb:
        return ColourTags(ColorRange.MPEG, BT601_MATRIX, primaries, transfer)
    if source.is_rgb and not result.is_rgb and len(result.components) > 2:
        is_sd = info.stored_height < HD_LINES and encoder != "dnxhd"
        return ColourTags(ColorRange.MPEG, BT601_MATRIX if is_sd else BT709_MATRIX, primaries, transfer)
    matrix = info.colour.matrix
    if encoder == "dnxhd" and not result.is_rgb and matrix not in DNXHR_MATRICES:
        matrix = BT709_MATRIX
    return ColourTags(info.colour.colour_range, matrix, primaries, transfer)


def gamut_of_result(info: ClipInfo, pix_fmt: str) -> NDArray[np.float32] | None:
    """Return the matrix (3, 3) from the source's linear RGB to BT.709's; None if not needed or the result is linear."""
    if is_float(pix_fmt) or info.chromaticities is None:
        return None
    return bt709_matrix(info.chromaticities)
