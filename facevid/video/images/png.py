"""Copy and insert text, Exif and ICC chunks of PNG files (PNG specification, third edition, 11.3)."""

import os
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

from facevid.video.images.exif import upright_exif

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_TEXT_CHUNKS = (b"tEXt", b"zTXt", b"iTXt")
"""Types of text chunks; XMP is in an iTXt chunk."""

_INSERT_POSITION = len(_SIGNATURE) + 25
"""Byte position after the IHDR chunk (25 bytes), where ancillary chunks may start."""


def copy_png_text(source: Path, target: Path) -> None:
    """Insert the text chunks of `source`, including XMP, into `target`."""
    chunks = b"".join(_text_chunks(source))
    content = target.read_bytes() if chunks else b""
    if content.startswith(_SIGNATURE):
        target.write_bytes(content[:_INSERT_POSITION] + chunks + content[_INSERT_POSITION:])


def embed_in_png(target: Path, exif: bytes | None, icc_profile: bytes | None) -> None:
    """Insert Exif metadata (a TIFF file) and an ICC profile into a file that has neither."""
    content, chunks = target.read_bytes(), b""
    if icc_profile:
        chunks += _chunk(b"iCCP", b"ICC profile\0\0" + zlib.compress(icc_profile))
    if exif:
        chunks += _chunk(b"eXIf", upright_exif(exif))
    target.write_bytes(content[:_INSERT_POSITION] + chunks + content[_INSERT_POSITION:])


def _chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def _text_chunks(path: Path) -> Iterator[bytes]:
    """Yield the text chunks with their length, type and checksum; none if this is not a PNG file."""
    with path.open("rb") as file:
        if file.read(len(_SIGNATURE)) != _SIGNATURE:
            return
        while len(head := file.read(8)) == 8:
            (length,) = struct.unpack_from(">I", head)
            if head[4:] in _TEXT_CHUNKS:
                yield head + file.read(length + 4)
            else:
                file.seek(length + 4, os.SEEK_CUR)
