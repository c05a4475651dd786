"""Parse and build TIFF directories (IFDs), which Exif metadata uses too (TIFF 6.0, section 2)."""

import mmap
import struct
from collections.abc import Mapping
from dataclasses import dataclass, replace

ORDERS = {b"II*\0": "<", b"MM\0*": ">"}
"""First four bytes of a TIFF file -> struct's character of the byte order."""

HEADER_SIZE = 8
"""Bytes of the file header; its last four are the offset of the first directory."""

ENTRY_SIZE = 12
"""Bytes of a directory entry: tag, type, count, and the value or its offset."""

PHOTOMETRIC_CMYK = 5
"""Photometric interpretation of CMYK, which is read as RGB."""

_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8}
"""Type -> bytes per value; types 5 and 10 (rationals) are pairs of four-byte numbers."""

_INTEGERS = {1: "B", 3: "H", 4: "I"}
"""Unsigned integer type -> struct's character: BYTE, SHORT, LONG."""

_LONG = 4
"""Type of an unsigned 32-bit integer."""


@dataclass(frozen=True)
class Field:
    """The values of one tag.

    Attributes:
        kind: the TIFF type of the values.
        count: number of values.
        data: the values in the byte order of the file.
        offset: position of `data` in the file.
    """

    kind: int
    count: int
    data: bytes
    offset: int = 0

    def integers(self, order: str) -> tuple[int, ...]:
        """Return the values; empty if they are not unsigned integers."""
        if self.kind not in _INTEGERS:
            return ()
        return struct.unpack(f"{order}{self.count}{_INTEGERS[self.kind]}", self.data)

    def in_order(self, source_order: str, target_order: str) -> "Field":
        """Return the field with its values converted to another byte order."""
        width = 4 if self.kind in (5, 10) else _SIZES[self.kind]
        if source_order == target_order or width == 1:
            return self
        values = [self.data[start : start + width][::-1] for start in range(0, len(self.data), width)]
        return replace(self, data=b"".join(values))


def long_field(value: int, order: str) -> Field:
    """Return a field of one unsigned 32-bit integer."""
    return Field(_LONG, 1, struct.pack(f"{order}I", value))


def first_directory(content: bytes | mmap.mmap, order: str) -> dict[int, Field]:
    """Parse the directory of the first image; empty if it is truncated."""
    if len(content) < HEADER_SIZE:
        return {}
    return read_directory(content, order, struct.unpack_from(f"{order}I", content, 4)[0])


def read_directory(content: bytes | mmap.mmap, order: str, start: int) -> dict[int, Field]:
    """Parse the directory at offset `start`: tag -> field. Empty if truncated; fields of unknown types are omitted."""
    fields = {}
    try:
        (count,) = struct.unpack_from(f"{order}H", content, start)
        for entry in range(start + 2, start + 2 + ENTRY_SIZE * count, ENTRY_SIZE):
            tag, kind, length = struct.unpack_from(f"{order}HHI", content, entry)
            if kind not in _SIZES or not length:
                continue
            offset, size = entry + 8, length * _SIZES[kind]
            if size > 4:
                (offset,) = struct.unpack_from(f"{order}I", content, offset)
            if offset + size > len(content):
                return {}
            fields[tag] = Field(kind, length, bytes(content[offset : offset + size]), offset)
    except struct.error:
        return {}
    return fields


def next_directory(content: bytes | mmap.mmap, order: str) -> int:
    """Return the offset of the directory after the first one; 0 if there is none."""
    try:
        (start,) = struct.unpack_from(f"{order}I", content, HEADER_SIZE - 4)
        (count,) = struct.unpack_from(f"{order}H", content, start)
        return int(struct.unpack_from(f"{order}I", content, start + 2 + ENTRY_SIZE * count)[0])
    except struct.error:
        return 0


def directory_bytes(fields: Mapping[int, Field], start: int, order: str, next_offset: int = 0) -> bytes:
    """Serialise a directory, followed by the values that do not fit into its entries.

    Args:
        fields: tag -> field, in byte order `order`.
        start: offset at which the directory will be written.
        order: byte order of the file.
        next_offset: offset of the next directory; 0 for none.
    """
    entries, values = b"", b""
    values_start = start + 2 + ENTRY_SIZE * len(fields) + 4
    for tag, field in sorted(fields.items()):
        value = field.data
        if len(value) > 4:
            values += b"\0" * (len(values) % 2)
            value = struct.pack(f"{order}I", values_start + len(values))
            values += field.data
        entries += struct.pack(f"{order}HHI", tag, field.kind, field.count) + value.ljust(4, b"\0")
    return struct.pack(f"{order}H", len(fields)) + entries + struct.pack(f"{order}I", next_offset) + values
