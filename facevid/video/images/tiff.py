"""The notes in a TIFF file, which OpenImageIO would write otherwise than they were, or not at all (TIFF 6.0)."""

import mmap
import struct
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from facevid.video.images.tiff_tags import (
    HEADER_SIZE,
    ORDERS,
    Field,
    directory_bytes,
    first_directory,
    long_field,
    next_directory,
    read_directory,
)

_PHOTOMETRIC = 262

_NOTES = (
    *(269, 270, 271, 272, 285, 305, 306, 315, 316, 33432),  # names, description, maker, program, date, copyright
    *(282, 283, 286, 287, 296),  # resolution and place on a page
    *(700, 33723, 34377),  # XMP, IPTC, Photoshop's
)
_COLOURS = (318, 319, 34675)  # white, primaries, ICC profile
_BITS, _CURVE = 258, 301  # of each sample; of the light, a table of 2 ** bits
_GRAYS, _CMYK = (0, 1), 5
_SUB_DIRECTORIES = (34665, 34853, 40965)  # Exif, GPS; below Exif, interoperability


@dataclass(frozen=True)
class _Tiff:
    """A TIFF file that is open: its bytes, their order, and the fields of its first picture."""

    whole: mmap.mmap
    order: str
    fields: dict[int, Field]

    def integers(self, tag: int) -> tuple[int, ...]:
        """Return the whole numbers of a tag; none where it is not there."""
        return self.fields[tag].integers(self.order) if tag in self.fields else ()


def carry_tiff_notes(source: Path, made: Path) -> None:
    """Write the notes of the first page of `source` into that of `made`; nothing where either is a BigTIFF.

    An ICC profile is among them where it still fits: CMYK is read as RGB.
    """
    with _opened(source) as theirs, _opened(made) as ours:
        if theirs is None or ours is None or not ours.fields:
            return
        end, order = len(ours.whole), ours.order
        start = end + end % 2
        own = {tag: field for tag, field in ours.fields.items() if tag not in _NOTES}
        fields = own | _turned(theirs.fields, _kept_tags(theirs, ours), theirs.order, order)
        below, places = _sub_directories(theirs, theirs.fields, start, order)
        directory = start + len(below)
        following = next_directory(ours.whole, order)
        added = bytes(end % 2) + below + directory_bytes(fields | places, directory, order, following)
    with made.open("r+b") as file:
        file.seek(end)
        file.write(added)
        file.seek(HEADER_SIZE - 4)
        file.write(struct.pack(f"{order}I", directory))


def _kept_tags(theirs: _Tiff, ours: _Tiff) -> list[int]:
    """List the tags whose fields mean the same in both files."""
    kept = [*_NOTES]
    if _are_alike(theirs, ours):
        kept += _COLOURS
        if theirs.integers(_BITS)[:1] == ours.integers(_BITS)[:1]:
            kept.append(_CURVE)
    return kept


def _sub_directories(
    theirs: _Tiff, fields: Mapping[int, Field], start: int, order: str
) -> tuple[bytes, dict[int, Field]]:
    """Lay out the directories that fields point to, to stand from `start`, and the fields that point there."""
    laid, places = b"", {}
    for tag in _SUB_DIRECTORIES:
        for place in fields[tag].integers(theirs.order) if tag in fields else ():
            own = read_directory(theirs.whole, theirs.order, place)
            if not own:
                continue
            below, deeper = _sub_directories(theirs, own, start + len(laid), order)
            laid += below
            places[tag] = long_field(start + len(laid), order)
            laid += directory_bytes(_turned(own, own, theirs.order, order) | deeper, start + len(laid), order)
            laid += bytes(len(laid) % 2)
    return laid, places


def _are_alike(theirs: _Tiff, ours: _Tiff) -> bool:
    """Tell whether colours mean the same in both: gray in both, or red, green and blue."""
    theirs_gray, ours_gray = ([value in _GRAYS for value in tiff.integers(_PHOTOMETRIC)] for tiff in (theirs, ours))
    return theirs_gray == ours_gray and _CMYK not in theirs.integers(_PHOTOMETRIC)


def _turned(fields: Mapping[int, Field], tags: Iterable[int], theirs: str, ours: str) -> dict[int, Field]:
    """Take fields, where they are there, into another byte order."""
    return {tag: fields[tag].in_order(theirs, ours) for tag in tags if tag in fields}


@contextmanager
def _opened(path: Path) -> Iterator[_Tiff | None]:
    """Open a TIFF file; None where it is none."""
    if path.stat().st_size < HEADER_SIZE:
        yield None
        return
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as whole:
        order = ORDERS.get(whole[:4])
        yield None if order is None else _Tiff(whole, order, first_directory(whole, order))
