"""Read and copy the header of DPX files, most of which FFmpeg drops (SMPTE ST 268-1)."""

import math
import re
import struct
from fractions import Fraction
from pathlib import Path

_GENERIC_SIZE = 1664
"""Bytes of the generic headers (file, image and orientation)."""

_FULL_SIZE = 2048
"""Bytes of all headers before the user data: generic, film and television."""

_BYTE_ORDERS = {b"SDPX": ">", b"XPDS": "<"}
"""Magic number -> struct's character of the byte order."""

_DATA_OFFSET = 4
"""Byte position of the offset of the image data."""

_FILE_SIZE = 16
"""Byte position of the file size."""

_ELEMENT_OFFSET = 808
"""Byte position of the offset of the first image element's data."""

# Header bytes that describe how samples are stored: orientation and size; of the first image element its sign,
# descriptor, bit depth, packing, encoding, offset and padding; then all of the other elements. All other bytes are
# copied, including the transfer characteristic and colorimetry.
_STORAGE = (slice(768, 784), slice(800, 801), slice(803, 820), slice(852, 1356))

_FILM_RATE = 1724
"""Byte position of the film header's frame rate, a float32."""

_TELEVISION_RATE = 1940
"""Byte position of the television header's frame rate, a float32."""

_RATE_TOLERANCE = 0.005
"""Frames per second within which a stored rate is taken for N or 1000 N / 1001."""


def dpx_pix_fmt(pix_fmt: str, source: Path) -> str:
    """Return `pix_fmt` in the byte order of `source` if that is a DPX file, else big-endian, the usual order."""
    with source.open("rb") as file:
        is_little = file.read(4) == b"XPDS"
    return pix_fmt if is_little else re.sub("le$", "be", pix_fmt)


def dpx_rate(source: Path) -> Fraction | None:
    """Return the frame rate of a DPX file in frames per second; None if it has none."""
    header = _header(source)
    if len(header) < _FULL_SIZE:
        return None
    for position in (_FILM_RATE, _TELEVISION_RATE):
        (stored,) = struct.unpack_from(f"{_BYTE_ORDERS[header[:4]]}f", header, position)
        if math.isfinite(stored) and 1 <= stored <= 1000:
            standard_rates = (Fraction(round(stored)), Fraction(1000 * math.ceil(stored), 1001))
            matches = (rate for rate in standard_rates if abs(rate - stored) < _RATE_TOLERANCE)
            return next(matches, Fraction(stored).limit_denominator(1000))
    return None


def copy_dpx_header(source: Path, target: Path) -> None:
    """Replace the header of `target` by that of `source`, except the description of how samples are stored.

    The version, timecode, keycode and user data are copied too. Does nothing if `source` is not a DPX file or has
    another byte order.
    """
    header, content = bytearray(_header(source)), target.read_bytes()
    if len(header) < _GENERIC_SIZE or header[:4] != content[:4]:
        return
    order = _BYTE_ORDERS[content[:4]]
    for part in _STORAGE:
        header[part] = content[part]
    (start,) = struct.unpack_from(f"{order}I", content, _DATA_OFFSET)
    shift = len(header) - start
    for position in (_DATA_OFFSET, _FILE_SIZE, _ELEMENT_OFFSET):
        (value,) = struct.unpack_from(f"{order}I", content, position)
        struct.pack_into(f"{order}I", header, position, value + shift)
    target.write_bytes(header + content[start:])


def _header(path: Path) -> bytes:
    """Return all bytes before the image data; empty if this is not a DPX file, or its header is truncated."""
    with path.open("rb") as file:
        head = file.read(_DATA_OFFSET + 4)
        if head[:4] not in _BYTE_ORDERS or len(head) < _DATA_OFFSET + 4:
            return b""
        (start,) = struct.unpack_from(f"{_BYTE_ORDERS[head[:4]]}I", head, _DATA_OFFSET)
        file.seek(0, 2)
        if not _GENERIC_SIZE <= start <= file.tell():
            return b""
        file.seek(0)
        return file.read(start)
