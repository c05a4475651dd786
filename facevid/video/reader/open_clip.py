"""Open a clip: find its files, and read its properties from the first frame."""

import os
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

from av.video.stream import VideoStream

from facevid.errors import InputError, UsageError
from facevid.video.images.dpx import dpx_rate
from facevid.video.images.image_clip import NON_FFMPEG_SUFFIXES, describe_image
from facevid.video.info import ClipInfo
from facevid.video.reader.clip import Clip
from facevid.video.reader.clock import find_restarts
from facevid.video.reader.container import BROADCAST_FORMATS, describe, open_container, select_stream
from facevid.video.sequence import SEQUENCE_RATE, Sequence, find_sequence, sequence_name

_DESCRIPTOR_FOLDERS = (Path("/dev"), Path("/dev/fd"), Path("/proc/self/fd"))
"""Folders of links to a process's open file descriptors, such as /dev/stdin; other processes cannot open these."""


def open_clip(
    path: str | os.PathLike[str],
    rate: Fraction | None = None,
    start_number: int | None = None,
    layer: str | None = None,
) -> Clip:
    """Open a video, a still or an image sequence, and decode its first frame.

    Args:
        path: a file; or an image sequence: a pattern (`shot.%04d.png`, `shot.####.png`) or a folder with one sequence.
        rate: frames per second of an image sequence; None for the rate in its files, else SEQUENCE_RATE.
        start_number: frame number of the first frame of a video or still; None for 0. Frames of a sequence are numbered
            by their file names (`ClipInfo.first_number`).
        layer: the layer or part of OpenEXR files to use; None for the channels R, G, B.

    Raises:
        InputError: the file does not exist, contains no frames or cannot be decoded, or frames of a sequence are
            missing.
        UsageError: a folder contains several sequences; `rate` is given for a single file, `start_number` for a
            sequence, or `layer` for a format other than OpenEXR.
    """
    path = Path(path)
    if path.parent in _DESCRIPTOR_FOLDERS and path.is_file():
        path = path.resolve()  # ffmpeg, a process of its own, opens it too
    if path.is_dir() or (not path.exists() and sequence_name(path)):
        if start_number is not None:
            raise UsageError(f"{path}: its files are numbered: --start-number is for videos; leave it out")
        return _open_sequence(find_sequence(path), rate, layer)
    if rate is not None:
        msg = f"{path} has its own frame rate: --rate is for image sequences; leave it out"
        raise UsageError(msg)
    if not path.exists():
        msg = f"{path} does not exist: check the name and the folder"
        raise InputError(msg)
    return Clip(replace(_info(path, layer), start_number=start_number or 0))


def _open_sequence(sequence: Sequence, rate: Fraction | None, layer: str | None) -> Clip:
    info = _info(sequence.name.path(sequence.first), layer)
    stored_rates = {"exr": info.average_rate, "dpx": dpx_rate(info.path) if info.codec == "dpx" else None}
    rate = rate or stored_rates.get(info.codec) or SEQUENCE_RATE
    return Clip(
        replace(
            info,
            path=sequence.name.pattern,
            time_base=1 / rate,
            average_rate=rate,
            is_constant_rate=True,
            frame_count=sequence.count,
            is_still=False,
            sequence=sequence,
        )
    )


def _info(path: Path, layer: str | None) -> ClipInfo:
    suffix = path.suffix.lower()
    if layer is not None and suffix != ".exr":
        raise UsageError(f"{path} has no layers: --layer is for OpenEXR files; leave it out")
    if suffix in NON_FFMPEG_SUFFIXES:
        return describe_image(path, layer)
    with open_container(path) as container:
        stream = select_stream(path, container)
        info = describe(path, container, stream)
        if container.format.name not in BROADCAST_FORMATS:
            return info
    with open_container(path) as container:
        video = container.streams[info.stream_index]
        assert isinstance(video, VideoStream)
        return replace(info, restarts=find_restarts(path, container, video))
