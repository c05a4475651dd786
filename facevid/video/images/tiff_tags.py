"""Directories of tags: of a TIFF file, and of Exif notes, which have the same form (TIFF 6.0, section 2)."""

import mmap
import struct
from collections.abc import Mapping
from dataclasses import dataclass, replace

ORDERS = {b"II*\0": "<", b"MM\0*": ">"}
HEADER_SIZE, ENTRY_SIZE = 8, 12

_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8}
"""Bytes of a value of each type; types 5 and 10 are pairs of numbers of four bytes."""
_INTEGERS = {1: "B", 3: "H", 4: "I"}
_LONG = 4


@dataclass(frozen=True)
class Field:
    """What a directory holds of one tag.

    Attributes:
        kind: the type of its values.
        count: how many there are.
        data: the values in the byte order of the file.
        place: where `data` begins in the file.
    """

    kind: int
    count: int
    data: bytes
    place: int = 0

    def integers(self, order: str) -> tuple[int, ...]:
        """Return the values; none where they are not whole numbers."""
        if self.kind not in _INTEGERS:
            return ()
        return struct.unpack(f"{order}{self.count}{_INTEGERS[self.kind]}", self.data)

    def in_order(self, theirs: str, ours: str) -> "Field":
        """Return the field with its values in another byte order."""
        width = 4 if self.kind in (5, 10) else _SIZES[self.kind]
        if theirs == ours or width == 1:
            return self
        values = [self.data[start : start + width][::-1] for start in range(0, len(self.data), width)]
        return replace(self, data=b"".join(values))


def long_field(value: int, order: str) -> Field:
    """Make a field of one whole number."""
    return Field(_LONG, 1, struct.pack(f"{order}I", value))


def first_directory(whole: bytes | mmap.mmap, order: str) -> dict[int, Field]:
    """Read the directory of the first picture; empty where it is cut off."""
    if len(whole) < HEADER_SIZE:
        return {}
    return read_directory(whole, order, struct.unpack_from(f"{order}I", whole, 4)[0])


def read_directory(whole: bytes | mmap.mmap, order: str, start: int) -> dict[int, Field]:
    """Read the directory at `start`; empty where it is cut off. Fields of unknown types are left out."""
    fields = {}
    try:
        (count,) = struct.unpack_from(f"{order}H", whole, start)
        for entry in range(start + 2, start + 2 + ENTRY_SIZE * count, ENTRY_SIZE):
            tag, kind, length = struct.unpack_from(f"{order}HHI", whole, entry)
            if kind not in _SIZES or not length:
                continue
            place, size = entry + 8, length * _SIZES[kind]
            if size > 4:
                (place,) = struct.unpack_from(f"{order}I", whole, place)
            if place + size > len(whole):
                return {}
            fields[tag] = Field(kind, length, bytes(whole[place : place + size]), place)
    except struct.error:
        return {}
    return fields


def next_directory(whole: bytes | mmap.mmap, order: str) -> int:
    """Return the place of the directory that follows the first one; 0 where none does."""
    try:
        (start,) = struct.unpack_from(f"{order}I", whole, HEADER_SIZE - 4)
        (entries,) = struct.unpack_from(f"{order}H", whole, start)
        return int(struct.unpack_from(f"{order}I", whole, start + 2 + ENTRY_SIZE * entries)[0])
    except struct.error:
        return 0


def directory_bytes(fields: Mapping[int, Field], start: int, order: str, following: int = 0) -> bytes:
    """Lay out a directory, and the values of its fields behind it, to stand at `start`; `following` is the next's."""
    entries, values = b"", b""
    after = start + 2 + ENTRY_SIZE * len(fields) + 4
    for tag, field in sorted(fields.items()):
        held = field.data
        if len(held) > 4:
            values += b"\0" * (len(values) % 2)
            held = struct.pack(f"{order}I", after + len(values))
            values += field.data
        entries += struct.pack(f"{order}HHI", tag, field.kind, field.count) + held.ljust(4, b"\0")
    return struct.pack(f"{order}H", len(fields)) + entries + struct.pack(f"{order}I", following) + values
