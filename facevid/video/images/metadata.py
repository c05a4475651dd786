"""Copy metadata between image files where FFmpeg and OpenImageIO do not."""

from functools import partial
from pathlib import Path

from facevid.errors import OutputError
from facevid.provenance.statement import Provenance
from facevid.provenance.xmp import extend_xmp
from facevid.video.images.dpx import copy_dpx_header
from facevid.video.images.jpeg import change_jpeg_xmp, copy_jpeg_metadata, embed_in_jpeg
from facevid.video.images.png import change_png_xmp, copy_png_text, embed_in_png
from facevid.video.images.tiff import change_tiff_xmp, copy_tiff_metadata
from facevid.video.images.webp import change_webp_xmp

# Suffix -> function that copies metadata between two files of the format.
_COPY = {
    ".dpx": copy_dpx_header,
    ".tif": copy_tiff_metadata,
    ".tiff": copy_tiff_metadata,
    ".png": copy_png_text,
    ".jpg": copy_jpeg_metadata,
    ".jpeg": copy_jpeg_metadata,
}

# Suffix -> function that inserts Exif metadata and an ICC profile.
_EMBED = {".png": embed_in_png, ".jpg": embed_in_jpeg, ".jpeg": embed_in_jpeg}

# Suffix -> function that changes the XMP packet.
_CHANGE_XMP = {
    ".png": change_png_xmp,
    ".jpg": change_jpeg_xmp,
    ".jpeg": change_jpeg_xmp,
    ".tif": change_tiff_xmp,
    ".tiff": change_tiff_xmp,
}


def copy_metadata(source: Path, target: Path, product: Path) -> None:
    """Copy metadata from one image file to another; does nothing unless both have the same, supported format.

    Args:
        source: the image file to read.
        target: the image file to change.
        product: the final path of `target`, named in messages.

    Raises:
        OutputError: `target` cannot be written.
    """
    copy = _COPY.get(target.suffix.lower())
    if copy is None or _COPY.get(source.suffix.lower()) is not copy:
        return
    try:
        copy(source, target)
    except OSError as error:
        msg = f"{product} cannot be written with the metadata of {source.name}: {error.strerror}; free some space"
        raise OutputError(msg) from error


def embed_metadata(exif: bytes | None, icc_profile: bytes | None, target: Path, product: Path) -> None:
    """Insert metadata into an image file; does nothing if the format does not support it.

    Args:
        exif: Exif metadata, as a TIFF file.
        icc_profile: ICC profile.
        target: the image file to change; it has neither.
        product: the final path of `target`, named in messages.

    Raises:
        OutputError: `target` cannot be written.
    """
    embed = _EMBED.get(target.suffix.lower())
    if embed is None:
        return
    try:
        embed(target, exif, icc_profile)
    except OSError as error:
        raise OutputError(f"{product} cannot be written: {error.strerror}; free some space") from error


def embed_provenance(provenance: Provenance, target: Path, product: Path, size: tuple[int, int]) -> None:
    """State the provenance of an image in its XMP packet; does nothing if the format does not support it.

    OpenEXR files have their packet in an attribute, which is written with the image.

    Args:
        provenance: what to state.
        target: the image file to change.
        product: the final path of `target`, named in messages.
        size: width and height of the image in pixels.

    Raises:
        OutputError: `target` cannot be written.
    """
    suffix = target.suffix.lower()
    change = partial(change_webp_xmp, size=size) if suffix == ".webp" else _CHANGE_XMP.get(suffix)
    if change is None:
        return
    try:
        change(target, partial(extend_xmp, provenance=provenance))
    except OSError as error:
        raise OutputError(f"{product} cannot be written: {error.strerror}; free some space") from error
