"""OpenEXR files as the source of a clip: what they say of it, and their pictures, all alike."""

from fractions import Fraction
from pathlib import Path

import OpenImageIO as oiio
from av import VideoFrame

from facevid.errors import InputError
from facevid.video.exr import ExrFile, open_exr, read_exr
from facevid.video.hdr import HdrMetadata
from facevid.video.info import ClipInfo, ColourTags
from facevid.video.orientation import Orientation
from facevid.video.pixels import pix_fmt_loss

STILL_RATE = Fraction(25)
"""Frames a second of a picture on its own, as FFmpeg has it."""

_RGB = ColourTags(0, 2, 2, 2)


def describe_exr(path: Path, layer: str | None) -> ClipInfo:
    """Say what an OpenEXR file is; `layer` names the layer, or part, to edit. Raises InputError."""
    file = open_exr(path, layer)
    frame, display = file.frame, file.display
    place = display.xbegin - frame.xbegin, display.ybegin - frame.ybegin
    return ClipInfo(
        path=path,
        width=frame.width,
        height=frame.height,
        stored_width=frame.width,
        stored_height=frame.height,
        sample_aspect_ratio=file.aspect,
        orientation=Orientation(),
        pix_fmt=file.pix_fmt,
        codec="exr",
        codec_profile=None,
        colour=_RGB,
        chroma_location=None,
        hdr=HdrMetadata(None, None, False),
        field_order=0,
        time_base=1 / STILL_RATE,
        average_rate=file.rate,
        is_constant_rate=True,
        start=0,
        frame_count=1,
        has_sound=False,
        is_still=True,
        has_exif=False,
        has_icc=False,
        has_captions=False,
        unread=(),
        stream_index=0,
        display_window=None if _size(frame) == _size(display) else (*place, *_size(display)),
        chromaticities=file.chromaticities,
        timecode=file.timecode,
        layer=layer,
    )


def load_exr(path: Path, info: ClipInfo) -> VideoFrame:
    """Read a picture of the clip that `info` describes. Raises InputError, also where it is not like the first one."""
    file = open_exr(path, info.layer)
    size = info.display_window[2:] if info.display_window else (info.width, info.height)
    if _size(file.display) != size:
        own, first = (f"{width}x{height}" for width, height in (_size(file.display), size))
        raise InputError(f"{path} has {own} pixels, the first frame {first}: render them alike")
    if any(pix_fmt_loss(file.pix_fmt, info.pix_fmt)[:4]):
        kinds = f"{file.pix_fmt}, the first frame {info.pix_fmt}"
        raise InputError(f"{path} has pixel format {kinds}, which holds less: render them alike")
    return read_exr(file, frame_in(file, info), info.pix_fmt)


def frame_in(file: ExrFile, info: ClipInfo) -> oiio.ROI:
    """Return the area of the clip's pictures in a file of its own."""
    x, y = info.display_window[:2] if info.display_window else (0, 0)
    left, top = file.display.xbegin - x, file.display.ybegin - y
    return oiio.ROI(left, left + info.width, top, top + info.height)


def _size(area: oiio.ROI) -> tuple[int, int]:
    return area.width, area.height
