"""Timestamps of frames and packets."""

from fractions import Fraction
from pathlib import Path

import av

from facevid.video import open_clip


def starts(path: Path) -> list[Fraction]:
    """Return the first timestamp in seconds of each stream with packets, in stream order."""
    first: dict[int, Fraction] = {}
    with av.open(str(path)) as container:
        for packet in container.demux():
            if packet.pts is not None:
                time = packet.pts * packet.time_base
                first[packet.stream.index] = min(time, first.get(packet.stream.index, time))
    return [first[index] for index in sorted(first)]


def pts_of(path: Path) -> list[int]:
    return [frame.pts for frame in open_clip(path).frames()]
