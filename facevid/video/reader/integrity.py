"""Detect incomplete Matroska (RFC 8794, RFC 9559) and AVI files, which FFmpeg reads without an error."""

import mmap
import struct
from pathlib import Path

_SEGMENT = 0x18538067
_CLUSTER = 0x1F43B675

_ANYWHERE = {0xEC, 0xBF}
"""Element IDs allowed in any parent: Void, CRC-32."""

# Parent element ID (0 is the file itself) -> IDs of its children: SimpleBlock, BlockGroup and so on.
_CHILDREN = {
    0: {0x1A45DFA3, _SEGMENT},
    _SEGMENT: {0x114D9B74, 0x1549A966, 0x1654AE6B, 0x1C53BB6B, _CLUSTER, 0x1043A770, 0x1941A469, 0x1254C367},
    _CLUSTER: {0xE7, 0xA3, 0xA0, 0xAB, 0xA7, 0x5854, 0xAF},
}


class _UnknownSizeError(Exception):
    """An element of unknown size, as in a live recording: the data after its start cannot be checked."""


def is_whole_matroska(path: Path) -> bool:
    """Return whether the elements of a Matroska file follow each other without a gap, down to the blocks."""
    return _is_whole(path, (_SEGMENT, _CLUSTER))


def is_cut_off(path: Path, container: str) -> bool:
    """Return whether a file is shorter than its header declares; `container` is FFmpeg's name of the format."""
    if container == "matroska,webm":
        return not _is_whole(path, ())
    if container != "avi":
        return False
    with path.open("rb") as file:
        kind, size = struct.unpack("<4sI", file.read(8).ljust(8, b"\0"))
    is_size_declared = kind == b"RIFF" and 0 < size < 0xFFFFFFFF  # an interrupted recorder leaves 0 or 0xFFFFFFFF
    return bool(is_size_declared and path.stat().st_size < 8 + size)


def _is_whole(path: Path, descend_into: tuple[int, ...]) -> bool:
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        try:
            return _is_chain(data, (0, len(data)), 0, descend_into)
        except _UnknownSizeError:
            return True


def _is_chain(data: mmap.mmap, span: tuple[int, int], parent: int, descend_into: tuple[int, ...]) -> bool:
    """Return whether known children of `parent` fill `span` without a gap; also checks inside `descend_into` ones."""
    position, end = span
    while position < end:
        element = _header(data, position)
        if element is None or element[0] not in _CHILDREN[parent] | _ANYWHERE:
            return parent == 0 and position > 0  # data after the last segment is not part of it
        element_id, start, stop = element
        if stop > end or (element_id in descend_into and not _is_chain(data, (start, stop), element_id, descend_into)):
            return False
        position = stop
    return True


def _header(data: mmap.mmap, position: int) -> tuple[int, int, int] | None:
    """Parse the EBML element at `position` (RFC 8794, section 4).

    Returns:
        Its ID, and the offsets at which its content begins and ends; None if there is no valid header.
    """
    id_length = 9 - data[position].bit_length()
    if id_length > 4 or position + id_length >= len(data):
        return None
    element_id = int.from_bytes(data[position : position + id_length], "big")
    position += id_length
    size_length = 9 - data[position].bit_length()
    if size_length > 8 or position + size_length > len(data):
        return None
    bits = 7 * size_length
    size = int.from_bytes(data[position : position + size_length], "big") & ((1 << bits) - 1)
    if size == (1 << bits) - 1:
        raise _UnknownSizeError
    return element_id, position + size_length, position + size_length + size
