"""Detect WebP files that FFmpeg reads incorrectly (RFC 9649, section 2.7)."""

from pathlib import Path

_FLAGS = 20
"""Byte position of the flags of the extended file format."""

_ANIMATION = 2
"""Flag of an animation."""


def webp_read_error(path: Path) -> str | None:
    """Return why a WebP file cannot be read, with the remedy; None if it can."""
    with path.open("rb") as file:
        head = file.read(_FLAGS + 1)
    if len(head) > _FLAGS and head[12:16] == b"VP8X" and head[_FLAGS] & _ANIMATION:
        return "it is an animation, of which FFmpeg reads only the first frame; convert it to MP4 first"
    return None
