"""What FFmpeg does not tell of a WebP file (RFC 9649, section 2.7)."""

from pathlib import Path

_FLAGS = 20
_ANIMATION = 2


def unreadable_webp(path: Path) -> str | None:
    """Say why a WebP file would be read wrongly, and what to do; None where it would not."""
    with path.open("rb") as file:
        head = file.read(_FLAGS + 1)
    if len(head) > _FLAGS and head[12:16] == b"VP8X" and head[_FLAGS] & _ANIMATION:
        return "it is an animation, of which FFmpeg reads the first picture only; convert it to MP4 first"
    return None
