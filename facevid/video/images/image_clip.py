"""Read clips from OpenEXR, TIFF and HEIF files: properties, and frames in one common format."""

from pathlib import Path

import OpenImageIO as oiio
from av import VideoFrame

from facevid.errors import InputError
from facevid.video.color.pixels import pix_fmt_loss
from facevid.video.images.heif import HEIF_SUFFIXES, describe_heif, load_heif
from facevid.video.images.oiio_file import OIIO_FORMATS, ImageFile, open_image
from facevid.video.images.oiio_pixels import read_pixels
from facevid.video.info import STILL_TIME_BASE, ClipInfo
from facevid.video.orientation import UPRIGHT, Orientation

NON_FFMPEG_SUFFIXES = (*OIIO_FORMATS, *HEIF_SUFFIXES)
"""Suffixes of the files that are read here; FFmpeg reads all others."""

_CODECS = {"openexr": "exr", "tiff": "tiff"}
"""OpenImageIO's name of the format -> FFmpeg's name of the codec."""

_EXIF = ("Make", "Model", "DateTime")
"""OpenImageIO's names of attributes that mark a camera's Exif metadata."""

# Exif orientation -> how to display the stored image.
_ORIENTATIONS = {
    2: Orientation(mirror_x=True),
    3: Orientation(mirror_x=True, mirror_y=True),
    4: Orientation(mirror_y=True),
    5: Orientation(transpose=True),
    6: Orientation(transpose=True, mirror_x=True),
    7: Orientation(transpose=True, mirror_x=True, mirror_y=True),
    8: Orientation(transpose=True, mirror_y=True),
}


def describe_image(path: Path, layer: str | None) -> ClipInfo:
    """Return the properties of a file; `layer` is the OpenEXR layer or part to use. Raises InputError."""
    if path.suffix.lower() in HEIF_SUFFIXES:
        return describe_heif(path)
    file = open_image(path, layer)
    frame, display, orientation = file.frame_window, file.display_window, image_orientation(file)
    displayed_size = (frame.height, frame.width) if orientation.transpose else _size(frame)
    display_origin = display.xbegin - frame.xbegin, display.ybegin - frame.ybegin
    return ClipInfo(
        path=path,
        width=displayed_size[0],
        height=displayed_size[1],
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
        ignored_content=("its CMYK colours are converted to RGB, without the ICC profile",) if file.is_cmyk else (),
        display_window=None if _size(frame) == _size(display) else (*display_origin, *_size(display)),
        chromaticities=file.chromaticities,
        timecode=file.timecode,
        layer=layer,
        is_cmyk=file.is_cmyk,
    )


def image_orientation(file: ImageFile) -> Orientation:
    """Return the orientation of a file's image."""
    return _ORIENTATIONS.get(file.spec.get_int_attribute("Orientation", 1), UPRIGHT)


def load_image(path: Path, info: ClipInfo) -> VideoFrame:
    """Read a frame in the format of the clip's first frame.

    Args:
        path: the image file.
        info: properties of the clip.

    Raises:
        InputError: the file cannot be read, or its size, orientation or pixel format differs from the first frame's.
    """
    if info.codec == "heif":
        return load_heif(path)
    file = open_image(path, info.layer)
    if image_orientation(file) != info.orientation:
        raise InputError(f"{path} has another orientation than the first frame: rotate the files upright first")
    size = info.display_window[2:] if info.display_window else (info.stored_width, info.stored_height)
    if _size(file.display_window) != size:
        own, first = (f"{width}x{height}" for width, height in (_size(file.display_window), size))
        raise InputError(f"{path} has {own} pixels, the first frame {first}: render all frames in one size")
    if any(pix_fmt_loss(file.pix_fmt, info.pix_fmt)[:4]):
        formats = f"{file.pix_fmt}, the first frame {info.pix_fmt}"
        raise InputError(f"{path} has pixel format {formats}, which cannot hold it: render all frames in one format")
    return read_pixels(file, frame_roi(file, info), info.pix_fmt)


def frame_roi(file: ImageFile, info: ClipInfo) -> oiio.ROI:
    """Return the clip's frame rectangle in the pixel coordinates of one of its files."""
    x, y = info.display_window[:2] if info.display_window else (0, 0)
    left, top = file.display_window.xbegin - x, file.display_window.ybegin - y
    return oiio.ROI(left, left + info.stored_width, top, top + info.stored_height)


def _size(roi: oiio.ROI) -> tuple[int, int]:
    return roi.width, roi.height
