"""Copy and insert text, XMP, Exif and ICC chunks of PNG files (PNG specification, third edition, 11.3)."""

import os
import struct
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

from facevid.video.images.exif import upright_exif

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_TEXT_CHUNKS = (b"tEXt", b"zTXt", b"iTXt")
"""Types of text chunks; XMP is in an iTXt chunk."""

_MAX_TEXT_BYTES = 1 << 24
"""Bytes of a compressed text that are read at most."""

_XMP = b"XML:com.adobe.xmp\0"
"""Start of the content of an iTXt chunk with XMP: its keyword (ISO 16684-3, section 1.1.5)."""

_PLAIN_TEXT = bytes(4)
"""What follows the keyword of an uncompressed iTXt chunk: compression flag and method, empty language and keyword."""

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


def change_png_xmp(target: Path, change: Callable[[bytes | None], bytes]) -> None:
    """Replace the XMP packet of a file by what `change` returns for it, or for None if there is none."""
    content = target.read_bytes()
    chunks = [chunk for chunk in _text_chunks(target) if chunk[4:8] == b"iTXt" and chunk[8:].startswith(_XMP)]
    packet = change(_international_text(chunks[0][8 + len(_XMP) : -4]) if chunks else None)
    for chunk in chunks:
        content = content.replace(chunk, b"", 1)
    new = _chunk(b"iTXt", _XMP + _PLAIN_TEXT + packet)
    target.write_bytes(content[:_INSERT_POSITION] + new + content[_INSERT_POSITION:])


def _international_text(content: bytes) -> bytes | None:
    """Return the text of an iTXt chunk from the content after its keyword; None if it is damaged."""
    _, separator, text = content[2:].partition(b"\0")
    _, last_separator, text = text.partition(b"\0")
    if not separator or not last_separator:
        return None
    try:
        return zlib.decompressobj().decompress(text, _MAX_TEXT_BYTES) if content[0] else text
    except zlib.error:
        return None


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
