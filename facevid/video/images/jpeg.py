"""Copy and insert metadata segments of JPEG files (ITU-T T.81, annex B; Exif 2.32, section 4.5; CIPA DC-007)."""

import struct
from collections.abc import Callable, Iterator
from pathlib import Path

from facevid.video.images.exif import upright_exif

# Markers, without the leading 0xFF (ITU-T T.81, table B.1).
_SOI = 0xD8
_APP0 = 0xE0
_APP1 = 0xE1
_APP2 = 0xE2
_APP13 = 0xED
_COM = 0xFE
_SOS = 0xDA

_EXIF = b"Exif\0\0"
"""Start of the content of an APP1 segment with Exif metadata."""

_XMP = b"http://ns.adobe.com/xap/1.0/\0"
"""Start of the content of an APP1 segment with an XMP packet (ISO 16684-3, section 1.1.3)."""

_MAX_CONTENT_BYTES = 65535 - 2
"""Bytes of the content of a segment: its length has 16 bits and includes itself."""

_EXIF_START = 4 + len(_EXIF)
"""Bytes of an Exif segment before the metadata: marker, length and identifier."""

_MAX_EXIF_BYTES = _MAX_CONTENT_BYTES - len(_EXIF)
"""Upper bound in bytes of the Exif metadata in a segment."""

_METADATA = ((_APP1, _EXIF), (_APP1, b"http://ns.adobe.com/x"), (_APP13, b"Photoshop 3.0\0"), (_COM, b""))
"""Marker and start of the content of metadata segments: Exif, XMP and its extension, IPTC, and plain comments."""

_ICC_PROFILE = b"ICC_PROFILE\0"
"""Start of the content of an APP2 segment with a part of an ICC profile (ICC.1, annex B.4)."""

_MAX_PROFILE_PART_BYTES = 65519
"""Bytes of an ICC profile per segment: 65535, without length, identifier, number and count."""

_MULTI_PICTURE = b"MPF\0"
"""Start of the content of an APP2 segment that lists further images (CIPA DC-007)."""

_MOTION_PHOTO = (b"MotionPhoto", b"MicroVideo")
"""XMP properties of a phone's image that is followed by a short video."""


def ignored_jpeg_content(path: Path) -> list[str]:
    """Describe the content of a JPEG file that is not read: further images, and an appended video."""
    ignored, segments = [], list(_segments(path.read_bytes()))
    if any(marker == _APP2 and segment[4:].startswith(_MULTI_PICTURE) for marker, segment in segments):
        ignored.append("its further images, such as a gain map or a preview, are left out")
    if any(marker == _APP1 and name in segment for marker, segment in segments for name in _MOTION_PHOTO):
        ignored.append("its video (motion photo) is left out")
    return ignored


def copy_jpeg_metadata(source: Path, target: Path) -> None:
    """Insert the metadata segments of `source` into `target`, and remove the encoder's comment.

    The Exif orientation is reset, because the image is stored upright, and the outdated thumbnail is removed.
    """
    metadata = [
        _exif_segment(segment[_EXIF_START:]) if segment[4:].startswith(_EXIF) else segment
        for segment in _metadata_segments(source)
    ]
    if not metadata:
        return
    content = target.read_bytes()
    segments = list(_segments(content))
    scan = content[2 + sum(len(segment) for _, segment in segments) :]
    first = [segment for marker, segment in segments if marker == _APP0]
    others = [segment for marker, segment in segments if marker not in (_APP0, _COM)]
    target.write_bytes(b"".join([content[:2], *first, *metadata, *others, scan]))


def embed_in_jpeg(target: Path, exif: bytes | None, icc_profile: bytes | None) -> None:
    """Insert Exif metadata (a TIFF file) and an ICC profile into a file that has neither (ICC.1, annex B.4)."""
    segments = _exif_segment(exif) if exif is not None and len(exif) < _MAX_EXIF_BYTES else b""
    profile = icc_profile or b""
    parts = [
        profile[start : start + _MAX_PROFILE_PART_BYTES] for start in range(0, len(profile), _MAX_PROFILE_PART_BYTES)
    ]
    for number, part in enumerate(parts, 1):
        segments += _segment(_APP2, _ICC_PROFILE + bytes((number, len(parts))) + part)
    content = target.read_bytes()
    position = 2 + sum(len(segment) for marker, segment in _segments(content) if marker == _APP0)
    target.write_bytes(content[:position] + segments + content[position:])


def change_jpeg_xmp(target: Path, change: Callable[[bytes | None], bytes]) -> None:
    """Replace the XMP packet of a file by what `change` returns for it, or for None if there is none.

    A packet too long for its segment is not written: the previous one stays. Extended XMP is not changed.
    """
    content = target.read_bytes()
    segments = list(_segments(content))
    start = 4 + len(_XMP)
    is_xmp = [marker == _APP1 and segment[4:start] == _XMP for marker, segment in segments]
    old = next((segment[start:] for (_, segment), matches in zip(segments, is_xmp, strict=True) if matches), None)
    packet = _XMP + change(old)
    if len(packet) > _MAX_CONTENT_BYTES:
        return
    remaining = [each for each, matches in zip(segments, is_xmp, strict=True) if not matches]
    first = [segment for marker, segment in remaining if marker == _APP0 or segment[4:].startswith(_EXIF)]
    others = [segment for _, segment in remaining if segment not in first]
    scan = content[2 + sum(len(segment) for _, segment in segments) :]
    target.write_bytes(b"".join([content[:2], *first, _segment(_APP1, packet), *others, scan]))


def _exif_segment(tiff: bytes) -> bytes:
    return _segment(_APP1, _EXIF + upright_exif(tiff))


def _segment(marker: int, content: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, 2 + len(content)) + content


def _metadata_segments(path: Path) -> Iterator[bytes]:
    for marker, segment in _segments(path.read_bytes()):
        if any(marker == kind and segment[4:].startswith(start) for kind, start in _METADATA):
            yield segment


def _segments(content: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield marker and bytes of each segment before the scan; none if this is not a JPEG file."""
    position = 2
    while content[:2] == bytes((0xFF, _SOI)) and position + 4 <= len(content) and content[position] == 0xFF:
        marker, length = struct.unpack_from(">BH", content, position + 1)
        if marker == _SOS or position + 2 + length > len(content):
            return
        yield marker, content[position : position + 2 + length]
        position += 2 + length
