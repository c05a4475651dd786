"""What FFmpeg does not tell, nor keep, of a JPEG file (ITU-T T.81, annex B; Exif 2.32, section 4.5; CIPA DC-007)."""

import struct
from collections.abc import Iterator
from pathlib import Path

from facevid.video.images.exif import upright

_START, _APP0, _APP1, _APP2, _APP13, _COMMENT, _SCAN = 0xD8, 0xE0, 0xE1, 0xE2, 0xED, 0xFE, 0xDA
_EXIF = b"Exif\0\0"
_EXIF_START, _MOST_EXIF = 4 + len(_EXIF), 65535 - 2 - len(_EXIF)
_NOTES = ((_APP1, _EXIF), (_APP1, b"http://ns.adobe.com/x"), (_APP13, b"Photoshop 3.0\0"), (_COMMENT, b""))
"""Exif, XMP and its extension, IPTC, and plain comments."""
_PROFILE, _PROFILE_PART = b"ICC_PROFILE\0", 65519
"""What a segment of a profile begins with, and the most bytes of one that it holds."""
_SEVERAL_PICTURES = b"MPF\0"
_MOTION_PHOTO = (b"MotionPhoto", b"MicroVideo")
"""What the XMP of a phone's picture says that a short video follows it."""


def unread_of_jpeg(path: Path) -> list[str]:
    """Say what of a JPEG file no result will hold: further pictures, and a video behind them."""
    unread, segments = [], list(_segments(path.read_bytes()))
    if any(marker == _APP2 and whole[4:].startswith(_SEVERAL_PICTURES) for marker, whole in segments):
        unread.append("the further pictures in it, such as a gain map or a preview, are left out")
    if any(marker == _APP1 and name in whole for marker, whole in segments for name in _MOTION_PHOTO):
        unread.append("the video behind its picture (a motion photo) is left out")
    return unread


def carry_jpeg_notes(source: Path, made: Path) -> None:
    """Write the notes of `source` into `made` too, in place of the encoder's comment.

    Exif's are changed in two things: the picture has been turned upright, and their thumbnail, of the picture as it
    was, is left out.
    """
    notes = [_exif_segment(whole[_EXIF_START:]) if whole[4:].startswith(_EXIF) else whole for whole in _notes(source)]
    if not notes:
        return
    picture = made.read_bytes()
    segments = list(_segments(picture))
    samples = picture[2 + sum(len(whole) for _, whole in segments) :]
    head = [whole for marker, whole in segments if marker == _APP0]
    others = [whole for marker, whole in segments if marker not in (_APP0, _COMMENT)]
    made.write_bytes(b"".join([picture[:2], *head, *notes, *others, samples]))


def embed_in_jpeg(made: Path, exif: bytes | None, profile: bytes | None) -> None:
    """Write Exif notes, a TIFF file in themselves, and an ICC profile into a file that has none (ICC.1, annex B.4)."""
    segments = _exif_segment(exif) if exif is not None and len(exif) < _MOST_EXIF else b""
    profile = profile or b""
    parts = [profile[start : start + _PROFILE_PART] for start in range(0, len(profile), _PROFILE_PART)]
    for number, part in enumerate(parts, 1):
        segments += _segment(_APP2, _PROFILE + bytes((number, len(parts))) + part)
    picture = made.read_bytes()
    place = 2 + sum(len(whole) for marker, whole in _segments(picture) if marker == _APP0)
    made.write_bytes(picture[:place] + segments + picture[place:])


def _exif_segment(tiff: bytes) -> bytes:
    return _segment(_APP1, _EXIF + upright(tiff))


def _segment(marker: int, content: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, 2 + len(content)) + content


def _notes(path: Path) -> Iterator[bytes]:
    """List the segments that hold notes."""
    for marker, whole in _segments(path.read_bytes()):
        if any(marker == kind and whole[4:].startswith(name) for kind, name in _NOTES):
            yield whole


def _segments(picture: bytes) -> Iterator[tuple[int, bytes]]:
    """List markers and bytes of the segments before the samples; none of what is no JPEG file."""
    place = 2
    while picture[:2] == bytes((0xFF, _START)) and place + 4 <= len(picture) and picture[place] == 0xFF:
        marker, length = struct.unpack_from(">BH", picture, place + 1)
        if marker == _SCAN or place + 2 + length > len(picture):
            return
        yield marker, picture[place : place + 2 + length]
        place += 2 + length
