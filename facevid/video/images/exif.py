"""A camera's notes, which have the form of a TIFF file (Exif 2.32, section 4.5)."""

import struct

from facevid.video.images.tiff_tags import ENTRY_SIZE, ORDERS, first_directory

_ORIENTATION, _UPRIGHT = 274, 1


def upright(exif: bytes) -> bytes:
    """Return notes that call their picture upright and hold no thumbnail; as they are where they cannot be read."""
    tiff = bytearray(exif)
    order = ORDERS.get(bytes(tiff[:4]))
    fields = first_directory(bytes(tiff), order) if order is not None else {}
    if not fields:
        return exif
    if _ORIENTATION in fields:
        struct.pack_into(f"{order}H", tiff, fields[_ORIENTATION].place, _UPRIGHT)
    (start,) = struct.unpack_from(f"{order}I", tiff, 4)
    (count,) = struct.unpack_from(f"{order}H", tiff, start)
    after = start + 2 + ENTRY_SIZE * count
    tiff[after : after + 4] = bytes(len(tiff[after : after + 4]))
    return bytes(tiff)
