"""The timestamps of all frames of a clip, by which frames are identified and verified after a seek."""

import zlib
from dataclasses import dataclass

import av
import numpy as np
from av import VideoFrame
from numpy.typing import NDArray

from facevid.errors import InputError
from facevid.video.color.pixels import pixel_layout, plane_view
from facevid.video.info import ClipInfo
from facevid.video.reader.container import open_container

CHECKSUM_ROW_STEP = 8
"""A checksum covers every eighth row: that of all rows of a 4K picture would take as long as decoding it. A picture
decoded without its references differs in whole areas."""

MARGIN_FRAMES = 32
"""Frames before a part whose timestamps are kept too, because decoding starts before the part after a seek."""


class TimelineError(InputError):
    """Decoded frames that are not those of the timeline."""


@dataclass(frozen=True)
class Timeline:
    """The timestamps of a clip's frames, or of as many of its first frames as are known.

    Attributes:
        pts: int64 (N,), ascending, as `Frame.pts`.
        checksums: uint32 (N,), as from `checksum`; None if the frames were not decoded yet.
        first: index of the first frame that is known.
    """

    pts: NDArray[np.int64]
    checksums: NDArray[np.uint32] | None = None
    first: int = 0

    def __len__(self) -> int:
        return len(self.pts)

    def __contains__(self, index: int) -> bool:
        return self.first <= index < self.first + len(self.pts)

    def pts_of(self, index: int) -> int:
        """Return the timestamp of a frame."""
        return int(self.pts[index - self.first])

    def around(self, frames: range) -> "Timeline":
        """Return the part that is needed to read some frames, and the frame before and after them."""
        first = max(frames.start - MARGIN_FRAMES, 0)
        part = slice(first, frames.stop + 1)
        return Timeline(self.pts[part], None if self.checksums is None else self.checksums[part], first)

    def index_of(self, pts: int, native: VideoFrame) -> int | None:
        """Return the index of a decoded frame; None if there is none with its timestamp and its checksum."""
        row = int(np.searchsorted(self.pts, pts))
        if row == len(self.pts) or self.pts[row] != pts:
            return None
        is_same = self.checksums is None or self.checksums[row] == checksum(native)
        return self.first + row if is_same else None


def checksum(native: VideoFrame) -> int:
    """Return the CRC-32 of every `CHECKSUM_ROW_STEP`-th row of the samples."""
    layout, crc = pixel_layout(native.format.name), 0
    assert layout is not None
    for plane in range(len(native.planes)):
        crc = zlib.crc32(plane_view(native, plane, layout)[::CHECKSUM_ROW_STEP].tobytes(), crc)
    return crc


def scan_timeline(info: ClipInfo) -> Timeline | None:
    """Read the timestamps of a video from its packets, without decoding them.

    Returns:
        The timeline, if each packet is one frame; None if packets have no timestamps.
    """
    with open_container(info.path) as container:
        is_avi = container.format.name == "avi"  # it stores no presentation times: frames get the chunks' times
        try:
            packets = (each for each in container.demux(container.streams[info.stream_index]) if each.size)
            times = [packet.dts if is_avi else packet.pts for packet in packets if not packet.is_discard]
        except (av.FFmpegError, IndexError):
            return None
    if None in times or not times:
        return None
    return Timeline(distinct(np.sort(np.array(times, dtype=np.int64)) - info.start))


def distinct(pts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Move equal timestamps one unit apart: each is at least one more than the one before, int64 (N,)."""
    indices = np.arange(len(pts))
    return np.asarray(np.maximum.accumulate(pts - indices) + indices)
