"""What FFmpeg does not tell of a TIFF file, nor keep (TIFF 6.0, section 2, "TIFF Structure")."""

import mmap
import struct
from pathlib import Path

_ORDERS = {b"II*\0": "<", b"MM\0*": ">"}
_BIG_TIFF = (b"II+\0", b"MM\0+")
_SHORTEST = 8
_SIZES = {1: "B", 3: "H", 4: "I"}  # the types of the numbers that are read here

_SAMPLES, _TILE_WIDTH, _EXTRA, _FORMAT = 277, 322, 338, 339
_FLOAT = 3
_MOST_SAMPLES = 4


def unreadable_tiff(path: Path) -> str | None:
    """Say why FFmpeg cannot read a TIFF file, or would read it wrongly, and what to do; None where it can."""
    with path.open("rb") as file:
        if file.read(4) in _BIG_TIFF:
            return "it is a BigTIFF; write it as plain TIFF"
    tags = _read_tags(path)
    if _TILE_WIDTH in tags:
        return "it is stored in tiles; write it in strips"
    if _FLOAT in tags.get(_FORMAT, (0, ()))[1]:
        return "its samples are floating-point numbers; write it with 8 or 16 bit integers, or as EXR"
    if tags.get(_SAMPLES, (0, (1,)))[1][0] > _MOST_SAMPLES:
        return "it has more channels than red, green, blue and alpha; write it without the others"
    return None


def carry_tiff_alpha(source: Path, made: Path) -> None:
    """Mark the alpha of `made` as that of `source` is: whether colours are multiplied by it or not."""
    theirs, ours = _read_tags(source), _read_tags(made)
    if _EXTRA not in theirs or _EXTRA not in ours:
        return
    with made.open("r+b") as file:
        order = _ORDERS[file.read(4)]
        file.seek(ours[_EXTRA][0])
        file.write(struct.pack(f"{order}H", theirs[_EXTRA][1][0]))


def _read_tags(path: Path) -> dict[int, tuple[int, tuple[int, ...]]]:
    """Read where the integers of each tag of the first picture lie, and what they are; empty for no TIFF file."""
    if path.stat().st_size < _SHORTEST:
        return {}
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as whole:
        return _parse(whole)


def _parse(whole: mmap.mmap) -> dict[int, tuple[int, tuple[int, ...]]]:
    order = _ORDERS.get(whole[:4])
    if order is None:
        return {}
    tags = {}
    try:
        (start,) = struct.unpack_from(f"{order}I", whole, 4)
        (count,) = struct.unpack_from(f"{order}H", whole, start)
        for entry in range(start + 2, start + 2 + 12 * count, 12):
            tag, kind, length = struct.unpack_from(f"{order}HHI", whole, entry)
            if kind not in _SIZES or not length:
                continue
            numbers = f"{order}{length}{_SIZES[kind]}"
            place = entry + 8
            if struct.calcsize(numbers) > 4:
                (place,) = struct.unpack_from(f"{order}I", whole, place)
            tags[tag] = (place, struct.unpack_from(numbers, whole, place))
    except struct.error:  # cut off: FFmpeg will say so
        return {}
    return tags
