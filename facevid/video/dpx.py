"""The header of a DPX file, most of which FFmpeg neither tells nor keeps (SMPTE ST 268-1)."""

import re
import struct
from pathlib import Path

_GENERIC_SIZE = 1664
_WHOLE_SIZE = 2048
_SIZE_PLACES = (4, 16, 808)  # offset of the samples, size of the file, offset of the first element's samples
_INDUSTRY_SIZE_PLACE = 28

# What in the generic header says nothing of how samples are stored: from the file's name to its copyright, transfer
# curve and colorimetry of the first element, and from the source's name to its device and border.
_CARRIED = (slice(36, 660), slice(801, 803), slice(1432, 1628))


def dpx_pix_fmt(pix_fmt: str, source: Path) -> str:
    """Return `pix_fmt` in the byte order of `source`: big-endian, which all programs read, unless that is not."""
    with source.open("rb") as file:
        is_little = file.read(4) == b"XPDS"
    return pix_fmt if is_little else re.sub("le$", "be", pix_fmt)


def carry_dpx_header(source: Path, made: Path) -> None:
    """Write creator, transfer curve, colorimetry, film and television information of `source` into `made` too.

    Timecode and keycode are among them. Nothing where `source` is no DPX file, or one of another byte order.
    """
    with source.open("rb") as file:
        theirs = file.read(_WHOLE_SIZE)
    ours = bytearray(made.read_bytes())
    order = {b"SDPX": ">", b"XPDS": "<"}.get(bytes(theirs[:4]))
    if order is None or len(theirs) < _WHOLE_SIZE or theirs[:4] != ours[:4]:
        return
    for part in _CARRIED:
        ours[part] = theirs[part]
    their_start, our_start = (struct.unpack_from(f"{order}I", header, 4)[0] for header in (theirs, ours))
    if their_start >= _WHOLE_SIZE and our_start == _GENERIC_SIZE:
        added = theirs[_GENERIC_SIZE:]
        for place in _SIZE_PLACES:
            (value,) = struct.unpack_from(f"{order}I", ours, place)
            struct.pack_into(f"{order}I", ours, place, value + len(added))
        struct.pack_into(f"{order}I", ours, _INDUSTRY_SIZE_PLACE, len(added))
        ours[_GENERIC_SIZE:_GENERIC_SIZE] = added
    made.write_bytes(ours)
