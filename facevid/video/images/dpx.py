"""The header of a DPX file, most of which FFmpeg neither tells nor keeps (SMPTE ST 268-1)."""

import math
import re
import struct
from fractions import Fraction
from pathlib import Path

_GENERIC_SIZE = 1664
_WHOLE_SIZE = 2048
_ORDERS = {b"SDPX": ">", b"XPDS": "<"}
_START, _SIZE, _FIRST_SAMPLE = 4, 16, 808
"""Places of the offset of the samples, of the file's size, and of the offset of the first element's samples."""

# What says how samples are stored: orientation, size, and of the first element sign, descriptor, bit depth, packing,
# encoding, place and padding; then the other elements. All else is kept, transfer curve and colorimetry among it.
_STORAGE = (slice(768, 784), slice(800, 801), slice(803, 820), slice(852, 1356))

_FILM_RATE, _TELEVISION_RATE = 1724, 1940
"""Places of the frames a second, each a floating-point number."""

_NEAR = 0.005


def dpx_pix_fmt(pix_fmt: str, source: Path) -> str:
    """Return `pix_fmt` in the byte order of `source`: big-endian, which all programs read, unless that is not."""
    with source.open("rb") as file:
        is_little = file.read(4) == b"XPDS"
    return pix_fmt if is_little else re.sub("le$", "be", pix_fmt)


def dpx_rate(source: Path) -> Fraction | None:
    """Return the frames a second of a DPX file; None where it does not say."""
    header = _header(source)
    if len(header) < _WHOLE_SIZE:
        return None
    for place in (_FILM_RATE, _TELEVISION_RATE):
        (said,) = struct.unpack_from(f"{_ORDERS[header[:4]]}f", header, place)
        if math.isfinite(said) and 1 <= said <= 1000:
            usual = (Fraction(round(said)), Fraction(1000 * math.ceil(said), 1001))
            return next((rate for rate in usual if abs(rate - said) < _NEAR), Fraction(said).limit_denominator(1000))
    return None


def carry_dpx_header(source: Path, made: Path) -> None:
    """Give `made` the header of `source` with its version and user data, but for what says how samples are stored.

    Timecode and keycode are among it. Nothing where `source` is no DPX file, or one of another byte order.
    """
    header, whole = bytearray(_header(source)), made.read_bytes()
    if len(header) < _GENERIC_SIZE or header[:4] != whole[:4]:
        return
    order = _ORDERS[whole[:4]]
    for part in _STORAGE:
        header[part] = whole[part]
    (start,) = struct.unpack_from(f"{order}I", whole, _START)
    moved = len(header) - start
    for place in (_START, _SIZE, _FIRST_SAMPLE):
        (value,) = struct.unpack_from(f"{order}I", whole, place)
        struct.pack_into(f"{order}I", header, place, value + moved)
    made.write_bytes(header + whole[start:])


def _header(path: Path) -> bytes:
    """Return all that comes before the samples; nothing of what is no DPX file, or cut off in it."""
    with path.open("rb") as file:
        head = file.read(_START + 4)
        if head[:4] not in _ORDERS or len(head) < _START + 4:
            return b""
        (start,) = struct.unpack_from(f"{_ORDERS[head[:4]]}I", head, _START)
        file.seek(0, 2)
        if not _GENERIC_SIZE <= start <= file.tell():
            return b""
        file.seek(0)
        return file.read(start)
