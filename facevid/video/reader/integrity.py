"""Whether a file is whole, where FFmpeg passes over what is missing: Matroska (RFC 8794, RFC 9559) and AVI."""

import mmap
import struct
from pathlib import Path

_SEGMENT = 0x18538067
_CLUSTER = 0x1F43B675
_ANYWHERE = {0xEC, 0xBF}  # Void, CRC-32

# Elements that may lie in the file, in its segment, and in a cluster: SimpleBlock, BlockGroup and the like.
_CHILDREN = {
    0: {0x1A45DFA3, _SEGMENT},
    _SEGMENT: {0x114D9B74, 0x1549A966, 0x1654AE6B, 0x1C53BB6B, _CLUSTER, 0x1043A770, 0x1941A469, 0x1254C367},
    _CLUSTER: {0xE7, 0xA3, 0xA0, 0xAB, 0xA7, 0x5854, 0xAF},
}


class _UnknownSizeError(Exception):
    """An element of unknown size, as a live recording writes it: what follows cannot be checked."""


def is_whole_matroska(path: Path) -> bool:
    """Return whether the elements of a Matroska file follow each other without a hole, down to its blocks."""
    return _is_whole(path, (_SEGMENT, _CLUSTER))


def is_cut_off(path: Path, container: str) -> bool:
    """Return whether a file ends before its own header says; `container` is FFmpeg's name of its format."""
    if container == "matroska,webm":
        return not _is_whole(path, ())
    if container != "avi":
        return False
    with path.open("rb") as file:
        kind, size = struct.unpack("<4sI", file.read(8))
    is_told = kind == b"RIFF" and 0 < size < 0xFFFFFFFF  # a recorder that was stopped leaves either
    return is_told and path.stat().st_size < 8 + size


def _is_whole(path: Path, entered: tuple[int, ...]) -> bool:
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        try:
            return _is_chain(data, (0, len(data)), 0, entered)
        except _UnknownSizeError:
            return True


def _is_chain(data: mmap.mmap, span: tuple[int, int], parent: int, entered: tuple[int, ...]) -> bool:
    """Return whether `span` is filled by known children of `parent`, one after another, and so are those `entered`."""
    position, end = span
    while position < end:
        element = _header(data, position)
        if element is None or element[0] not in _CHILDREN[parent] | _ANYWHERE:
            return parent == 0 and position > 0  # what follows the segment is no part of it
        name, start, stop = element
        if stop > end or (name in entered and not _is_chain(data, (start, stop), name, entered)):
            return False
        position = stop
    return True


def _header(data: mmap.mmap, position: int) -> tuple[int, int, int] | None:
    """Return the name of the element at `position` and where its content begins and ends; None where there is none."""
    name_size = 9 - data[position].bit_length()
    if name_size > 4 or position + name_size >= len(data):
        return None
    name = int.from_bytes(data[position : position + name_size], "big")
    position += name_size
    size_size = 9 - data[position].bit_length()
    if size_size > 8 or position + size_size > len(data):
        return None
    bits = 7 * size_size
    size = int.from_bytes(data[position : position + size_size], "big") & ((1 << bits) - 1)
    if size == (1 << bits) - 1:
        raise _UnknownSizeError
    return name, position + size_size, position + size_size + size
