"""Copy metadata between TIFF files, where OpenImageIO would change or drop it (TIFF 6.0)."""

import mmap
import struct
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from facevid.video.images.tiff_tags import (
    HEADER_SIZE,
    ORDERS,
    PHOTOMETRIC_CMYK,
    Field,
    directory_bytes,
    first_directory,
    long_field,
    next_directory,
    read_directory,
)

_PHOTOMETRIC = 262
"""Tag of the photometric interpretation: how samples encode colour."""

_BITS_PER_SAMPLE = 258
"""Tag of the bit depth of each sample."""

_TRANSFER_FUNCTION = 301
"""Tag of the transfer curve: a table with 2^bits entries, so valid only for the same bit depth."""

_XMP = 700
"""Tag of an XMP packet (ISO 16684-3, section 1.1.4)."""

_BYTE = 1
"""Type of unsigned bytes."""

_METADATA_TAGS = (
    *(269, 270, 271, 272, 285, 305, 306, 315, 316, 33432),  # names, description, maker, software, date, copyright
    *(282, 283, 286, 287, 296),  # resolution and position on a page
    *(_XMP, 33723, 34377),  # XMP, IPTC, Photoshop
)
"""Tags that are independent of how samples are stored."""

_COLOUR_TAGS = (318, 319, 34675)
"""Tags that describe colours: white point, primaries, ICC profile."""

_GRAY = (0, 1)
"""Photometric interpretations of gray: white is zero, black is zero."""

_SUB_DIRECTORIES = (34665, 34853, 40965)
"""Tags that point to a directory: Exif, GPS; within Exif, interoperability."""


@dataclass(frozen=True)
class _Tiff:
    """An open TIFF file.

    Attributes:
        content: the bytes of the file.
        order: struct's character of the byte order.
        fields: tag -> field of the first image's directory.
    """

    content: mmap.mmap
    order: str
    fields: dict[int, Field]

    def integers(self, tag: int) -> tuple[int, ...]:
        """Return the integer values of a tag; empty if it is missing."""
        return self.fields[tag].integers(self.order) if tag in self.fields else ()


def copy_tiff_metadata(source: Path, target: Path) -> None:
    """Copy the metadata of the first page of `source` to that of `target`; does nothing if either is a BigTIFF.

    The ICC profile is copied only if it still applies: not from CMYK, which is read as RGB.
    """
    with _open(source) as old, _open(target) as new:
        if old is None or new is None or not new.fields:
            return
        end, order = len(new.content), new.order
        start = end + end % 2
        own = {tag: field for tag, field in new.fields.items() if tag not in _METADATA_TAGS}
        fields = own | _in_byte_order(old.fields, _tags_to_copy(old, new), old.order, order)
        sub_directories, pointers = _sub_directories(old, old.fields, start, order)
        directory = start + len(sub_directories)
        next_offset = next_directory(new.content, order)
        appended = bytes(end % 2) + sub_directories + directory_bytes(fields | pointers, directory, order, next_offset)
    _append(target, end, appended, directory, order)


def change_tiff_xmp(target: Path, change: Callable[[bytes | None], bytes]) -> None:
    """Replace the XMP packet of the first page by what `change` returns for it, or for None if there is none.

    Does nothing if the file is a BigTIFF.
    """
    with _open(target) as tiff:
        if tiff is None or not tiff.fields:
            return
        end, order = len(tiff.content), tiff.order
        packet = change(tiff.fields[_XMP].data if _XMP in tiff.fields else None)
        fields = tiff.fields | {_XMP: Field(_BYTE, len(packet), packet)}
        directory = end + end % 2
        appended = bytes(end % 2) + directory_bytes(fields, directory, order, next_directory(tiff.content, order))
    _append(target, end, appended, directory, order)


def _append(target: Path, end: int, appended: bytes, directory: int, order: str) -> None:
    """Append bytes to a file of `end` bytes, with a new directory of its first page at the offset `directory`."""
    with target.open("r+b") as file:
        file.seek(end)
        file.write(appended)
        file.seek(HEADER_SIZE - 4)
        file.write(struct.pack(f"{order}I", directory))


def _tags_to_copy(source: _Tiff, target: _Tiff) -> list[int]:
    """Return the tags whose values are valid in both files."""
    tags = [*_METADATA_TAGS]
    if _have_same_colours(source, target):
        tags += _COLOUR_TAGS
        if source.integers(_BITS_PER_SAMPLE)[:1] == target.integers(_BITS_PER_SAMPLE)[:1]:
            tags.append(_TRANSFER_FUNCTION)
    return tags


def _sub_directories(
    source: _Tiff, fields: Mapping[int, Field], start: int, order: str
) -> tuple[bytes, dict[int, Field]]:
    """Serialise the directories that `fields` point to.

    Args:
        source: the file that contains them.
        fields: the fields that may point to directories.
        start: offset at which the directories will be written.
        order: byte order to write.

    Returns:
        The bytes of the directories, and new fields that point to them.
    """
    content, pointers = b"", {}
    for tag in _SUB_DIRECTORIES:
        for offset in fields[tag].integers(source.order) if tag in fields else ():
            directory = read_directory(source.content, source.order, offset)
            if not directory:
                continue
            nested, nested_pointers = _sub_directories(source, directory, start + len(content), order)
            content += nested
            pointers[tag] = long_field(start + len(content), order)
            entries = _in_byte_order(directory, directory, source.order, order) | nested_pointers
            content += directory_bytes(entries, start + len(content), order)
            content += bytes(len(content) % 2)
    return content, pointers


def _have_same_colours(source: _Tiff, target: _Tiff) -> bool:
    """Return whether both files are gray, or both RGB; False for a CMYK source."""
    source_gray, target_gray = ([value in _GRAY for value in tiff.integers(_PHOTOMETRIC)] for tiff in (source, target))
    return source_gray == target_gray and PHOTOMETRIC_CMYK not in source.integers(_PHOTOMETRIC)


def _in_byte_order(
    fields: Mapping[int, Field], tags: Iterable[int], source_order: str, target_order: str
) -> dict[int, Field]:
    """Return those of `tags` that exist in `fields`, converted to another byte order."""
    return {tag: fields[tag].in_order(source_order, target_order) for tag in tags if tag in fields}


@contextmanager
def _open(path: Path) -> Iterator[_Tiff | None]:
    """Open a TIFF file; yields None if it is not one, or a BigTIFF."""
    if path.stat().st_size < HEADER_SIZE:
        yield None
        return
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        order = ORDERS.get(content[:4])
        yield None if order is None else _Tiff(content, order, first_directory(content, order))
