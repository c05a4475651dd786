"""HEIF pictures, as phones write them (HEIC, ISO/IEC 23008-12), through libheif; read only."""

from pathlib import Path

import numpy as np
import pillow_heif
from av import VideoFrame

from facevid.errors import InputError
from facevid.video.color.pixels import planes_of
from facevid.video.info import STILL_TIME_BASE, ClipInfo

HEIF_SUFFIXES = (".heic", ".heif")

_PIX_FMTS = {
    **{"L": "gray", "RGB": "gbrp", "RGBA": "gbrap"},
    **{"L;16": "gray16le", "RGB;16": "gbrp16le", "RGBA;16": "gbrap16le"},
}
_FURTHER = {"depth_images": "depth", "aux": "gain map or mattes"}


def describe_heif(path: Path) -> ClipInfo:
    """Say what a file is; its picture is upright. Raises InputError."""
    picture = _opened(path)
    width, height = picture.size
    further = [name for key, name in _FURTHER.items() if picture.info.get(key)]
    return ClipInfo(
        path=path,
        width=width,
        height=height,
        stored_width=width,
        stored_height=height,
        pix_fmt=_PIX_FMTS[picture.mode],
        codec="heif",
        time_base=STILL_TIME_BASE,
        has_exif=bool(picture.info.get("exif")),
        has_icc=bool(picture.info.get("icc_profile")),
        unread=(f"its {' and '.join(further)} are left out",) if further else (),
    )


def load_heif(path: Path) -> VideoFrame:
    """Read the picture of a file. Raises InputError."""
    picture = _opened(path)
    try:
        samples = np.asarray(picture)
    except (OSError, ValueError, RuntimeError) as error:
        raise _unreadable(path, error) from error
    native = VideoFrame(picture.size[0], picture.size[1], _PIX_FMTS[picture.mode])
    colours, alpha = planes_of(native)
    for channel, plane in enumerate(colours if alpha is None else [*colours, alpha]):
        plane[...] = samples[:, :, channel] if samples.ndim > 2 else samples
    return native


def heif_notes(path: Path) -> tuple[bytes | None, bytes | None]:
    """Return the Exif notes, a TIFF file in themselves, and the ICC profile. Raises InputError."""
    info = _opened(path).info
    exif = info.get("exif")
    return exif.removeprefix(b"Exif\0\0") if exif else None, info.get("icc_profile") or None


def _opened(path: Path) -> pillow_heif.HeifFile:
    try:
        picture = pillow_heif.open_heif(path, convert_hdr_to_8bit=False)
    except (OSError, ValueError, RuntimeError, SyntaxError) as error:
        raise _unreadable(path, error) from error
    if picture.mode not in _PIX_FMTS:
        raise InputError(f"{path} cannot be read: its samples are of kind {picture.mode}; convert it to PNG first")
    return picture


def _unreadable(path: Path, error: Exception) -> InputError:
    return InputError(f"{path} cannot be read: {error}; is it a whole HEIF picture? Export or copy it again")
