"""OpenEXR, TIFF and HEIF files as the source of a clip: what they say of it, and their pictures, all alike."""

from pathlib import Path

import OpenImageIO as oiio
from av import VideoFrame

from facevid.errors import InputError
from facevid.video.color.pixels import pix_fmt_loss
from facevid.video.images.heif import HEIF_SUFFIXES, describe_heif, load_heif
from facevid.video.images.image_file import FORMATS, PictureFile, open_picture, read_picture
from facevid.video.info import STILL_TIME_BASE, ClipInfo
from facevid.video.orientation import UPRIGHT, Orientation

SUFFIXES = (*FORMATS, *HEIF_SUFFIXES)
"""Of the files that are read here; FFmpeg reads the others."""


_CODECS = {"openexr": "exr", "tiff": "tiff"}
_EXIF = ("Make", "Model", "DateTime")

# Exif's number of how a picture lies -> what is to be done to display it.
_ORIENTATIONS = {
    2: Orientation(mirror_x=True),
    3: Orientation(mirror_x=True, mirror_y=True),
    4: Orientation(mirror_y=True),
    5: Orientation(transpose=True),
    6: Orientation(transpose=True, mirror_x=True),
    7: Orientation(transpose=True, mirror_x=True, mirror_y=True),
    8: Orientation(transpose=True, mirror_y=True),
}


def describe_picture(path: Path, layer: str | None) -> ClipInfo:
    """Say what a file is; `layer` names the layer, or part, to edit. Raises InputError."""
    if path.suffix.lower() in HEIF_SUFFIXES:
        return describe_heif(path)
    file = open_picture(path, layer)
    frame, display, orientation = file.frame, file.display, orientation_of_file(file)
    shown = (frame.height, frame.width) if orientation.transpose else _size(frame)
    place = display.xbegin - frame.xbegin, display.ybegin - frame.ybegin
    return ClipInfo(
        path=path,
        width=shown[0],
        height=shown[1],
        stored_width=frame.width,
        stored_height=frame.height,
        pix_fmt=file.pix_fmt,
        codec=_CODECS[file.format],
        time_base=STILL_TIME_BASE,
        sample_aspect_ratio=file.aspect,
        orientation=orientation,
        average_rate=file.rate,
        has_exif=any(file.spec.getattribute(name) is not None for name in _EXIF),
        has_icc=file.spec.getattribute("ICCProfile") is not None,
        unread=("its CMYK colours are converted to RGB, without their profile",) if file.is_cmyk else (),
        display_window=None if _size(frame) == _size(display) else (*place, *_size(display)),
        chromaticities=file.chromaticities,
        timecode=file.timecode,
        layer=layer,
        is_cmyk=file.is_cmyk,
    )


def orientation_of_file(file: PictureFile) -> Orientation:
    """Return how the picture of a file lies."""
    return _ORIENTATIONS.get(file.spec.get_int_attribute("Orientation", 1), UPRIGHT)


def load_picture(path: Path, info: ClipInfo) -> VideoFrame:
    """Read a picture of the clip that `info` describes. Raises InputError, also where it is not like the first one."""
    if info.codec == "heif":
        return load_heif(path)
    file = open_picture(path, info.layer)
    if orientation_of_file(file) != info.orientation:
        raise InputError(f"{path} is turned otherwise than the first frame: turn the files upright first")
    size = info.display_window[2:] if info.display_window else (info.stored_width, info.stored_height)
    if _size(file.display) != size:
        own, first = (f"{width}x{height}" for width, height in (_size(file.display), size))
        raise InputError(f"{path} has {own} pixels, the first frame {first}: render them alike")
    if any(pix_fmt_loss(file.pix_fmt, info.pix_fmt)[:4]):
        kinds = f"{file.pix_fmt}, the first frame {info.pix_fmt}"
        raise InputError(f"{path} has pixel format {kinds}, which holds less: render them alike")
    return read_picture(file, frame_in(file, info), info.pix_fmt)


def frame_in(file: PictureFile, info: ClipInfo) -> oiio.ROI:
    """Return the area of the clip's pictures in a file of its own."""
    x, y = info.display_window[:2] if info.display_window else (0, 0)
    left, top = file.display.xbegin - x, file.display.ybegin - y
    return oiio.ROI(left, left + info.stored_width, top, top + info.stored_height)


def _size(area: oiio.ROI) -> tuple[int, int]:
    return area.width, area.height
