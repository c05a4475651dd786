"""The samples of a result: which pixel format, and with which colour tags."""

import re
from pathlib import Path

import numpy as np
from av import VideoFormat
from av.codec import Codec
from numpy.typing import NDArray

from facevid.errors import UsageError
from facevid.video.color.gamut import to_bt709
from facevid.video.color.pixels import has_alpha, is_float, pix_fmt_loss
from facevid.video.color.rgb import HD_LINES
from facevid.video.info import ClipInfo, ColourTags

SRGB_TRANSFER, BT709_PRIMARIES = 13, 1
"""Numbers in ITU-T H.273 of the sRGB curve and its primaries."""

HALF_FLOAT_DEPTH = 10
"""Integer samples of up to so many bits are told apart as 16-bit floating-point numbers, linear light included."""

_FLOAT_FORMATS = ("grayf32le", "gbrpf32le", "gbrapf32le")
_FORMATS = {
    "exr": (*_FLOAT_FORMATS, "grayf16le", "gbrpf16le", "gbrapf16le"),
    "tiff": ("gray", "gbrp", "gbrap", "gray16le", "gbrp16le", "gbrap16le", *_FLOAT_FORMATS),
}
"""What OpenImageIO is given to write."""

DNXHR_MATRICES = (1, 9, 10)
"""The matrices (ITU-T H.273) that DNxHR knows; what has another is converted to BT.709."""


def choose_pix_fmt(
    source: str, encoder: str, asked: str | None, out: Path, warnings: list[str], *, size: tuple[int, int]
) -> str:
    """Return the asked pixel format, or the encoder's one for pictures of `size` that loses least of the source's."""
    formats = _formats_of(encoder, size, out)
    if asked is not None:
        if asked not in formats:
            taken = f"{encoder} does not take pixel format {asked} of {size[0]}x{size[1]}"
            msg = f"{out.name}: {taken}; choose one of {', '.join(formats)}"
            raise UsageError(msg)
        return asked
    if source in formats:
        return source
    if encoder == "exr" and VideoFormat(source).components[0].bits > HALF_FLOAT_DEPTH:
        formats = [name for name in formats if "f32" in name]
    best = min(formats, key=lambda name: pix_fmt_loss(source, name))
    if is_float(source) and not is_float(best):
        warnings.append(f"{out.name}: linear light becomes {best} on the sRGB curve; what is above 1 is cut to white")
    elif any(pix_fmt_loss(source, best)[:4]):
        alpha = ", without its alpha" if has_alpha(source) and not has_alpha(best) else ""
        warnings.append(f"{out.name}: {encoder} cannot hold {source}: converted to {best}{alpha}")
    elif encoder == "libx264" and _shares_chroma_of_a_rest(source, size):
        warnings.append(f"{out.name}: {encoder} takes {source} in even sizes only: converted to {best}")
    return best


def _formats_of(encoder: str, size: tuple[int, int], out: Path) -> list[str]:
    """Return the pixel formats of an encoder that serve for pictures of `size`. Raises UsageError where none can."""
    if encoder in _FORMATS:
        return [*_FORMATS[encoder]]
    formats = [fmt.name for fmt in Codec(encoder, "w").video_formats or () if fmt.components]  # none: the device's own
    if encoder == "mjpeg":
        formats = [name for name in formats if name.startswith("yuvj")]  # a JPEG file is always of full range
    elif encoder == "ffv1":
        formats = [name for name in formats if not re.search("f(16|32)", name)]  # experimental still
    elif encoder == "libx265":
        if any(side % 2 for side in size):
            raise UsageError(f"{out.name}: h265 takes even sizes only, not {size[0]}x{size[1]}; choose --codec h264")
        formats = [name for name in formats if not has_alpha(name)]  # listed, but refused by the builds that are about
    elif encoder == "libx264":
        formats = [name for name in formats if not _shares_chroma_of_a_rest(name, size)]
    return formats


def _shares_chroma_of_a_rest(pix_fmt: str, size: tuple[int, int]) -> bool:
    """Return whether a row or column is left over where pixels share their chroma."""
    width, height = size
    shape = VideoFormat(pix_fmt, width, height)
    if len(shape.components) < 3:
        return False
    return width % 2 > (shape.chroma_width(2) == 2) or height % 2 > (shape.chroma_height(2) == 2)


def colours_of_result(info: ClipInfo, pix_fmt: str, encoder: str) -> ColourTags:
    """Return the source's tags, or, where RGB becomes YUV or anything becomes JPEG, those of the conversion."""
    was, becomes = VideoFormat(info.pix_fmt), VideoFormat(pix_fmt)
    primaries, transfer = info.colour.primaries, info.colour.transfer
    if is_float(info.pix_fmt) and not is_float(pix_fmt):
        primaries, transfer = BT709_PRIMARIES, SRGB_TRANSFER
    if becomes.is_rgb and not was.is_rgb:
        return ColourTags(2, 0, primaries, transfer)
    if pix_fmt.startswith("yuvj") and (encoder == "mjpeg" or not info.pix_fmt.startswith("yuvj")):
        return ColourTags(2, 6, primaries, transfer)
    if encoder == "libwebp" and not becomes.is_rgb:
        return ColourTags(1, 6, primaries, transfer)
    if was.is_rgb and not becomes.is_rgb and len(becomes.components) > 2:
        as_sd = info.stored_height < HD_LINES and encoder != "dnxhd"
        return ColourTags(1, 6 if as_sd else 1, primaries, transfer)
    matrix = info.colour.matrix
    if encoder == "dnxhd" and not becomes.is_rgb and matrix not in DNXHR_MATRICES:
        matrix = 1
    return ColourTags(info.colour.colour_range, matrix, primaries, transfer)


def gamut_of_result(info: ClipInfo, pix_fmt: str) -> NDArray[np.float32] | None:
    """Return the matrix that takes the source's linear R, G, B to BT.709's where the result is on the sRGB curve."""
    if is_float(pix_fmt) or info.chromaticities is None:
        return None
    return to_bt709(info.chromaticities)
