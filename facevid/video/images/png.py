"""Texts, notes and a profile in a PNG file, where FFmpeg writes none (PNG specification, third edition, 11.3)."""

import os
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

from facevid.video.images.exif import upright

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_TEXTS = (b"tEXt", b"zTXt", b"iTXt")
_AFTER_HEADER = len(_SIGNATURE) + 25


def carry_png_texts(source: Path, made: Path) -> None:
    """Write the texts of `source`, XMP among them, into `made` too."""
    texts = b"".join(_texts(source))
    whole = made.read_bytes() if texts else b""
    if whole.startswith(_SIGNATURE):
        made.write_bytes(whole[:_AFTER_HEADER] + texts + whole[_AFTER_HEADER:])


def embed_in_png(made: Path, exif: bytes | None, profile: bytes | None) -> None:
    """Write Exif notes, a TIFF file in themselves, and an ICC profile into a file that has none."""
    whole, chunks = made.read_bytes(), b""
    if profile:
        chunks += _chunk(b"iCCP", b"ICC profile\0\0" + zlib.compress(profile))
    if exif:
        chunks += _chunk(b"eXIf", upright(exif))
    made.write_bytes(whole[:_AFTER_HEADER] + chunks + whole[_AFTER_HEADER:])


def _chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def _texts(path: Path) -> Iterator[bytes]:
    """List the chunks of text with their length, type and sum; none of what is no PNG file."""
    with path.open("rb") as file:
        if file.read(len(_SIGNATURE)) != _SIGNATURE:
            return
        while len(head := file.read(8)) == 8:
            (length,) = struct.unpack_from(">I", head)
            if head[4:] in _TEXTS:
                yield head + file.read(length + 4)
            else:
                file.seek(length + 4, os.SEEK_CUR)
