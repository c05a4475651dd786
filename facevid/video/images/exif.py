"""Exif metadata, which is stored as a TIFF file (Exif 2.32, section 4.5)."""

import struct

from facevid.video.images.tiff_tags import ENTRY_SIZE, ORDERS, first_directory

_ORIENTATION = 274
"""Tag of the orientation."""

_UPRIGHT = 1
"""Orientation of an image that is displayed as stored."""


def upright_exif(exif: bytes) -> bytes:
    """Return Exif metadata with the orientation reset and the thumbnail removed; unchanged if it cannot be parsed."""
    tiff = bytearray(exif)
    order = ORDERS.get(bytes(tiff[:4]))
    fields = first_directory(bytes(tiff), order) if order is not None else {}
    if not fields:
        return exif
    if _ORIENTATION in fields:
        struct.pack_into(f"{order}H", tiff, fields[_ORIENTATION].offset, _UPRIGHT)
    (start,) = struct.unpack_from(f"{order}I", tiff, 4)
    (count,) = struct.unpack_from(f"{order}H", tiff, start)
    next_offset = start + 2 + ENTRY_SIZE * count  # the second directory is the thumbnail's
    tiff[next_offset : next_offset + 4] = bytes(len(tiff[next_offset : next_offset + 4]))
    return bytes(tiff)
