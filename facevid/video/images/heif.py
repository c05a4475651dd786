"""Read HEIF images, as phones write them (HEIC, ISO/IEC 23008-12), with libheif."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from av import VideoFrame

from facevid.errors import InputError
from facevid.video.color.pixels import colour_and_alpha_views
from facevid.video.info import STILL_TIME_BASE, ClipInfo

if TYPE_CHECKING:
    import pillow_heif

HEIF_SUFFIXES = (".heic", ".heif")
"""Suffixes of the files that are read here."""

_PIX_FMTS = {
    "L": "gray",
    "RGB": "gbrp",
    "RGBA": "gbrap",
    "L;16": "gray16le",
    "RGB;16": "gbrp16le",
    "RGBA;16": "gbrap16le",
}
"""pillow_heif's mode -> FFmpeg's name of the pixel format."""

_AUXILIARY_IMAGES = {"depth_images": "depth", "aux": "gain map or mattes"}
"""pillow_heif's keys of auxiliary images, which are not read -> their names in a message."""


def describe_heif(path: Path) -> ClipInfo:
    """Return the properties of a HEIF file; libheif applies the orientation itself. Raises InputError."""
    image = _open(path)
    width, height = image.size
    ignored = [name for key, name in _AUXILIARY_IMAGES.items() if image.info.get(key)]
    return ClipInfo(
        path=path,
        width=width,
        height=height,
        stored_width=width,
        stored_height=height,
        pix_fmt=_PIX_FMTS[image.mode],
        codec="heif",
        time_base=STILL_TIME_BASE,
        has_exif=bool(image.info.get("exif")),
        has_icc=bool(image.info.get("icc_profile")),
        ignored_content=(f"its {' and '.join(ignored)} are left out",) if ignored else (),
    )


def load_heif(path: Path) -> VideoFrame:
    """Decode the primary image of a HEIF file. Raises InputError."""
    image = _open(path)
    try:
        samples = np.asarray(image)
    except (OSError, ValueError, RuntimeError) as error:
        raise _read_error(path, error) from error
    native = VideoFrame(image.size[0], image.size[1], _PIX_FMTS[image.mode])
    colours, alpha = colour_and_alpha_views(native)
    for channel, plane in enumerate(colours if alpha is None else [*colours, alpha]):
        plane[...] = samples[:, :, channel] if samples.ndim > 2 else samples
    return native


def heif_metadata(path: Path) -> tuple[bytes | None, bytes | None]:
    """Return the Exif metadata, as a TIFF file, and the ICC profile; None for what is missing. Raises InputError."""
    info = _open(path).info
    exif = info.get("exif")
    return exif.removeprefix(b"Exif\0\0") if exif else None, info.get("icc_profile") or None


def _open(path: Path) -> "pillow_heif.HeifFile":
    import pillow_heif  # slow to import, and seldom used

    try:
        image = pillow_heif.open_heif(path, convert_hdr_to_8bit=False)
    except (OSError, ValueError, RuntimeError, SyntaxError) as error:
        raise _read_error(path, error) from error
    if image.mode not in _PIX_FMTS:
        raise InputError(f"{path} cannot be read: sample type {image.mode} is not supported; convert it to PNG first")
    return image


def _read_error(path: Path, error: Exception) -> InputError:
    return InputError(f"{path} cannot be read: {error}; if it is a HEIF image, export or copy it again")
