"""What FFmpeg does not tell of an OpenEXR file, nor write: its header (openexr.com, "OpenEXR File Layout")."""

import math
import mmap
import os
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_MAGIC = b"\x76\x2f\x31\x01"
_MAGIC_AND_VERSION = 8
_LONG_NAMES = 0x400  # flags of the version; this one is due where a name is longer than
_SHORT_NAME = 31
_MULTI_PART = 0x1000
_SHORTEST = 64

# The header's number of a compression -> FFmpeg's name; any other becomes ZIP, which loses nothing.
_COMPRESSIONS = {0: "none", 1: "rle", 2: "zip1", 3: "zip16"}
_LINES_OF_CHUNK = {0: 1, 1: 1, 2: 1, 3: 16, 4: 32, 5: 16, 6: 32, 7: 32, 8: 32, 9: 256}
_COLOURS = {"R", "G", "B", "A", "Y"}

# Fields that describe the samples as they are stored: those of the file that was written hold.
_STORAGE = {
    *("channels", "compression", "dataWindow", "displayWindow", "lineOrder", "pixelAspectRatio", "screenWindowCenter"),
    *("screenWindowWidth", "tiles", "chunkCount", "name", "type", "version", "view", "multiView"),
    "dwaCompressionLevel",
}


_NEEDED = {"channels": 1, "compression": 1, "dataWindow": 16, "displayWindow": 16}
"""Fields without which a file is none, and the least bytes of their values."""

_TILES_SIZE = 9


@dataclass(frozen=True)
class ExrHeader:
    """The (first) header of an OpenEXR file: type and value of each field by name, and where it ends."""

    fields: dict[str, tuple[bytes, bytes]]
    end: int
    is_multi_part: bool

    @property
    def compression(self) -> int:
        """The file's own number of its compression."""
        return self.fields["compression"][1][0]

    @property
    def channels(self) -> dict[str, int]:
        """The file's number of the type of each channel's samples, by name; `layer.R` of those in layers."""
        value, channels = self.fields["channels"][1], {}
        while value[:1] not in (b"", b"\0"):
            name, _, value = value.partition(b"\0")
            channels[name.decode(errors="replace")] = value[0] if value else -1
            value = value[16:]
        return channels

    @property
    def display_window(self) -> tuple[int, int, int, int]:
        """First column and row, last column and row of the picture."""
        left, top, right, bottom = struct.unpack_from("<4i", self.fields["displayWindow"][1])
        return left, top, right, bottom

    @property
    def chunk_count(self) -> int | None:
        """How many entries the offset table has; None for several parts or levels of tiles."""
        left, top, right, bottom = struct.unpack_from("<4i", self.fields["dataWindow"][1])
        if self.is_multi_part:
            return None
        if "tiles" not in self.fields:
            return math.ceil((bottom - top + 1) / _LINES_OF_CHUNK.get(self.compression, 1))
        width, height, mode = struct.unpack("<2IB", self.fields["tiles"][1])
        if mode & 15 or not width or not height:
            return None
        return math.ceil((right - left + 1) / width) * math.ceil((bottom - top + 1) / height)


def read_exr_header(path: Path) -> ExrHeader | None:
    """Read the header of `path`; None where it is no OpenEXR file that can be read."""
    if path.stat().st_size < _SHORTEST:
        return None
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        return _parse(data) if data[:4] == _MAGIC else None


def _parse(data: mmap.mmap) -> ExrHeader | None:
    fields, position = {}, _MAGIC_AND_VERSION
    while data[position : position + 1] not in (b"", b"\0"):
        name_end = data.find(b"\0", position)
        kind_end = data.find(b"\0", name_end + 1)
        if name_end < 0 or not 0 < kind_end < len(data) - 5:
            return None
        (size,) = struct.unpack_from("<i", data, kind_end + 1)
        if size < 0:
            return None
        value = data[kind_end + 5 : kind_end + 5 + size]
        fields[data[position:name_end].decode(errors="replace")] = (data[name_end + 1 : kind_end], value)
        position = kind_end + 5 + size
    if any(len(fields.get(name, (b"", b""))[1]) < size for name, size in _NEEDED.items()):
        return None
    if "tiles" in fields and len(fields["tiles"][1]) != _TILES_SIZE:
        return None
    is_multi_part = bool(struct.unpack_from("<I", data, 4)[0] & _MULTI_PART)
    return ExrHeader(fields, position + 1, is_multi_part)


def is_whole_exr(path: Path) -> bool:
    """Return whether every chunk that an OpenEXR file lists is there; FFmpeg shows those that are missing as black."""
    header = read_exr_header(path)
    count = header.chunk_count if header else None
    if header is None or count is None:
        return True
    before_size = 16 if "tiles" in header.fields else 4
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        if not 0 < 8 * count <= size:
            return False
        file.seek(header.end)
        table = file.read(8 * count)
        offsets = struct.unpack(f"<{len(table) // 8}Q", table[: len(table) // 8 * 8])
        if len(offsets) < count or not all(0 < offset < size for offset in offsets):
            return False
        file.seek(max(offsets) + before_size)
        held = file.read(4)
        return len(held) == 4 and file.tell() + struct.unpack("<i", held)[0] <= size


def unreadable_exr(path: Path) -> str | None:
    """Say why FFmpeg cannot read an OpenEXR file, or would read it wrongly, and what to do; None where it can."""
    header = read_exr_header(path)
    if header is None:
        return None
    colours = {name: kind for name, kind in header.channels.items() if name in _COLOURS}
    if not is_whole_exr(path):
        return "it is not whole, a part of its picture is missing; render or copy it again"
    if header.display_window[:2] != (0, 0):
        return f"its display window begins at {header.display_window[:2]}; reformat it to begin at (0, 0)"
    if not colours.keys() & {"R", "Y"}:
        return f"it has no plain R, G, B, but {', '.join(list(header.channels)[:4])}; name the layer's R, G, B"
    if len(set(colours.values())) > 1:
        return "its channels differ in sample type; write all of them as half or all of them as float"
    return None


def exr_compression(path: Path) -> str:
    """Return FFmpeg's name of the compression to write the likes of `path` with; ZIP where it is no OpenEXR file."""
    header = read_exr_header(path)
    return _COMPRESSIONS.get(header.compression, "zip16") if header else "zip16"


def lost_of_exr(paths: Sequence[Path]) -> list[str]:
    """Say what of OpenEXR files is not read, and so in no result: each loss once, of the first file that has it."""
    lost: dict[str, Path] = {}
    for path in paths:
        for loss in _lost(read_exr_header(path)):
            lost.setdefault(loss, path)
    return [f"{path.name} {loss}" for loss, path in lost.items()]


def _lost(header: ExrHeader | None) -> list[str]:
    if header is None:
        return []
    lost = []
    others = [name for name in header.channels if name not in _COLOURS]
    if header.is_multi_part:
        lost.append("has several parts: only the first is kept")
    if others:
        lost.append(f"has more channels than its colours and alpha ({', '.join(others[:6])}): left out")
    if header.fields["dataWindow"] != header.fields["displayWindow"]:
        lost.append("has a data window of its own: what lies outside of the picture is left out")
    return lost


def carry_exr_fields(source: Path, made: Path) -> None:
    """Give `made` the fields of the header of `source`, but for those that say how samples are stored.

    Among them are timecode, chromaticities, frame rate, camera and lens, and what a studio adds. Nothing where either
    is no OpenEXR file of one part.
    """
    theirs, ours = read_exr_header(source), read_exr_header(made)
    count = ours.chunk_count if ours else None
    if theirs is None or ours is None or count is None:
        return
    fields = {name: field for name, field in ours.fields.items() if name in _STORAGE}
    fields |= {name: field for name, field in theirs.fields.items() if name not in _STORAGE}
    header = b"".join(
        name.encode() + b"\0" + kind + b"\0" + struct.pack("<i", len(value)) + value
        for name, (kind, value) in fields.items()
    )
    whole = made.read_bytes()
    moved = _MAGIC_AND_VERSION + len(header) + 1 - ours.end
    offsets = struct.unpack_from(f"<{count}Q", whole, ours.end)
    table = struct.pack(f"<{count}Q", *(offset + moved for offset in offsets))
    (version,) = struct.unpack_from("<I", whole, 4)
    if any(len(text) > _SHORT_NAME for name, (kind, _) in fields.items() for text in (name, kind)):
        version |= _LONG_NAMES
    start = whole[:4] + struct.pack("<I", version) + header + b"\0"
    made.write_bytes(start + table + whole[ours.end + 8 * count :])


def place_exr(path: Path, x: int, y: int, width: int, height: int) -> None:
    """Make the picture of a file of scan lines, as FFmpeg writes it, a part of a larger one.

    Its data window begins at (x, y) of a display window of width x height pixels.
    """
    whole = bytearray(path.read_bytes())
    header = read_exr_header(path)
    assert header is not None
    _, _, right, bottom = struct.unpack("<4i", header.fields["dataWindow"][1])
    windows = {"dataWindow": (x, y, x + right, y + bottom), "displayWindow": (0, 0, width - 1, height - 1)}
    for name, window in windows.items():
        start = name.encode() + b"\0box2i\0" + struct.pack("<i", 16)
        struct.pack_into("<4i", whole, whole.index(start) + len(start), *window)
    for offset in struct.unpack_from(f"<{header.chunk_count}Q", whole, header.end):
        (line,) = struct.unpack_from("<i", whole, offset)
        struct.pack_into("<i", whole, offset, line + y)
    path.write_bytes(whole)
