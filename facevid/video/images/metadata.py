"""Carrying the notes in a picture's header that FFmpeg does not keep."""

from pathlib import Path

from facevid.errors import OutputError
from facevid.video.images.dpx import carry_dpx_header
from facevid.video.images.jpeg import carry_jpeg_notes, embed_in_jpeg
from facevid.video.images.png import carry_png_texts, embed_in_png
from facevid.video.images.tiff import carry_tiff_notes

_CARRY = {
    ".dpx": carry_dpx_header,
    ".tif": carry_tiff_notes,
    ".tiff": carry_tiff_notes,
    ".png": carry_png_texts,
    ".jpg": carry_jpeg_notes,
    ".jpeg": carry_jpeg_notes,
}


_EMBED = {".png": embed_in_png, ".jpg": embed_in_jpeg, ".jpeg": embed_in_jpeg}


def carry_notes(source: Path, made: Path, product: Path) -> None:
    """Write the notes of the picture file `source` into `made`, where both are of a kind whose header we know.

    `product` is the file named in messages. Raises OutputError.
    """
    carry = _CARRY.get(made.suffix.lower())
    if carry is None or _CARRY.get(source.suffix.lower()) is not carry:
        return
    try:
        carry(source, made)
    except OSError as error:
        msg = f"{product} cannot be written with the notes of {source.name}: {error.strerror}; free some space"
        raise OutputError(msg) from error


def embed_notes(exif: bytes | None, profile: bytes | None, made: Path, product: Path) -> None:
    """Write Exif notes and an ICC profile into `made`, where it is of a kind that holds them. Raises OutputError."""
    embed = _EMBED.get(made.suffix.lower())
    if embed is None:
        return
    try:
        embed(made, exif, profile)
    except OSError as error:
        raise OutputError(f"{product} cannot be written: {error.strerror}; free some space") from error
