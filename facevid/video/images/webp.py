"""Detect WebP files that FFmpeg reads incorrectly, and insert XMP (RFC 9649, section 2.7)."""

import struct
from collections.abc import Callable, Iterator
from pathlib import Path

_FLAGS = 20
"""Byte position of the flags of the extended file format."""

_ANIMATION = 2
"""Flag of an animation."""

_HAS_XMP = 4
"""Flag of a file with XMP."""

_HAS_ALPHA = 16
"""Flag of a file with transparency."""

_HEADER = 12
"""Bytes before the first chunk: RIFF, size, WEBP."""


def webp_read_error(path: Path) -> str | None:
    """Return why a WebP file cannot be read, with the remedy; None if it can."""
    with path.open("rb") as file:
        head = file.read(_FLAGS + 1)
    if len(head) > _FLAGS and head[12:16] == b"VP8X" and head[_FLAGS] & _ANIMATION:
        return "it is an animation, of which FFmpeg reads only the first frame; convert it to MP4 first"
    return None


def change_webp_xmp(target: Path, change: Callable[[bytes | None], bytes], size: tuple[int, int]) -> None:
    """Replace the XMP packet of a file by what `change` returns for it, or for None if there is none.

    Args:
        target: the file.
        change: returns the new packet.
        size: width and height of the picture in pixels.
    """
    chunks = list(_chunks(target.read_bytes()))
    packet = change(next((content for name, content in chunks if name == b"XMP "), None))
    names = [name for name, _ in chunks]
    has_alpha = b"ALPH" in names or b"VP8L" in names  # VP8L may have transparency
    flags = next((content[0] for name, content in chunks if name == b"VP8X"), _HAS_ALPHA * has_alpha) | _HAS_XMP
    header = struct.pack("<I", flags) + b"".join((side - 1).to_bytes(3, "little") for side in size)
    remaining = [(name, content) for name, content in chunks if name not in (b"VP8X", b"XMP ")]
    body = b"WEBP"
    for name, content in [(b"VP8X", header), *remaining, (b"XMP ", packet)]:
        body += name + struct.pack("<I", len(content)) + content + bytes(len(content) % 2)
    target.write_bytes(b"RIFF" + struct.pack("<I", len(body)) + body)


def _chunks(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield name and content of each chunk."""
    position = _HEADER
    while position + 8 <= len(content):
        name, length = struct.unpack_from("<4sI", content, position)
        yield name, content[position + 8 : position + 8 + length]
        position += 8 + length + length % 2
