"""Reading a clip: what it is, and its pictures one after another with exact timestamps."""

import itertools
import os
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
from av import VideoFrame
from av.codec.context import ThreadType
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream

from facevid.errors import InputError, UsageError
from facevid.utils.prefetch import map_ahead
from facevid.video.color.pixels import pix_fmt_loss, plain_format
from facevid.video.color.rgb import colour_model
from facevid.video.frame import Frame
from facevid.video.images.dpx import dpx_rate
from facevid.video.images.source import SUFFIXES, describe_picture, load_picture
from facevid.video.info import ClipInfo
from facevid.video.orientation import orientation_of
from facevid.video.reader.container import (
    Pictures,
    describe,
    main_stream,
    open_container,
    reason,
    usual_duration,
    without_black,
)
from facevid.video.sequence import SEQUENCE_RATE, Sequence, find_sequence, sequence_name

_OPEN_FILES = (Path("/dev"), Path("/dev/fd"), Path("/proc/self/fd"))
"""Where a process finds files that it was given open, such as its standard input."""


class Clip:
    """A source of pictures; `info` says what it is, `frames()` decodes it anew each time it is called."""

    def __init__(self, info: ClipInfo) -> None:
        self.info = info

    def frames(self) -> Iterator[Frame]:
        """Yield every picture in the order of presentation; memory does not grow with the clip's length.

        A picture that is followed by another lasts until it. Raises InputError, naming the frame and the time, where
        the source is damaged or ends early: a shortened clip never passes for a whole one.
        """
        if self.info.sequence is not None or self._is_of_picture_files:
            yield from self._frames_of_files()
            return
        waiting: Frame | None = None
        clock = 0  # the time that the file gave the frame before
        for frame in self._decoded():
            if waiting is None:
                waiting, clock = frame, frame.pts
                continue
            if frame.pts < clock:
                raise self._set_back(frame, waiting)
            clock = frame.pts
            # Two frames within one unit of the clock, such as a millisecond of Matroska, are set one unit apart.
            following = replace(frame, pts=max(frame.pts, waiting.pts + 1))
            yield replace(waiting, duration=following.pts - waiting.pts)
            waiting = following
        if waiting is None:
            msg = f"{self.info.path} cannot be read: it holds no picture; export it again"
            raise InputError(msg)
        yield waiting

    @property
    def _is_of_picture_files(self) -> bool:
        return self.info.path.suffix.lower() in SUFFIXES

    def _frames_of_files(self) -> Iterator[Frame]:
        info = self.info
        for index, native in enumerate(map_ahead(self._load, info.files)):
            yield Frame(index, index, 1, info.time_base, native, info.orientation, info.aspect)

    def _load(self, path: Path) -> VideoFrame:
        if self._is_of_picture_files:
            return load_picture(path, self.info)
        with open_container(path) as container:
            stream = main_stream(path, container)
            stream.codec_context.thread_count = 1  # several pictures are decoded beside each other
            try:
                native = next(container.decode(stream), None)
            except av.FFmpegError as error:
                msg = f"{path} cannot be read: {reason(error)}; render or copy it again"
                raise InputError(msg) from error
        if native is None or native.is_corrupt:
            msg = f"{path} cannot be read: the picture is damaged; render or copy it again"
            raise InputError(msg)
        return self._alike(native, path)

    def _alike(self, native: VideoFrame, path: Path) -> VideoFrame:
        """Return a picture of the sequence in the format of the first one."""
        info, own = self.info, native.format.name
        if orientation_of(native) != info.orientation:
            msg = f"{path} is turned otherwise than the first frame (EXIF orientation): turn the files upright first"
            raise InputError(msg)
        if (native.width, native.height) != (info.stored_width, info.stored_height):
            first = f"{info.stored_width}x{info.stored_height}"
            msg = f"{path} has {native.width}x{native.height} pixels, the first frame {first}: render them alike"
            raise InputError(msg)
        if own == info.pix_fmt:
            _check_colours(path, native)
            return native
        if any(pix_fmt_loss(plain_format(without_black(own, info.codec)) or own, info.pix_fmt)[:4]):
            msg = f"{path} has pixel format {own}, the first frame {info.pix_fmt}, which holds less: render them alike"
            raise InputError(msg)
        return VideoReformatter().reformat(native, format=info.pix_fmt, threads=1)

    def _decoded(self) -> Iterator[Frame]:
        info, last = self.info, None
        plain = plain_format(info.pix_fmt) or info.pix_fmt
        reformatter = VideoReformatter()
        with open_container(info.path) as container:
            stream = container.streams[info.stream_index]
            assert isinstance(stream, VideoStream)
            stream.thread_type = ThreadType.AUTO
            pictures = Pictures(info.path, container, stream)
            usual = usual_duration(stream)
            is_checked = False
            for index in itertools.count():
                try:
                    native = next(pictures, None)
                except av.FFmpegError as error:
                    raise self._damaged(index, last, reason(error)) from error
                if native is None:
                    break
                if info.is_still and index > 0:
                    msg = f"{info.path} holds several pictures: make a video of it first, such as an .mp4"
                    raise InputError(msg)
                if native.is_corrupt:
                    raise self._damaged(index, last, "the picture is corrupt")
                if (native.width, native.height) != (info.stored_width, info.stored_height):
                    raise self._of_another_size(native, index, last)
                if native.format.name != plain:
                    native = reformatter.reformat(native, format=plain, threads=1)
                _check_colours(info.path, native)
                pts = native.pts
                if pts is None:
                    pts = last.pts + last.duration + info.start if last else info.start
                pts -= info.start
                if last is not None and not is_checked and 2 * (pts - last.pts) > 3 * usual:
                    if pictures.has_hole():
                        raise self._damaged(index, last, "a part of the file is missing here")
                    is_checked = True
                last = Frame(
                    index, pts, native.duration or usual, info.time_base, native, info.orientation, info.aspect
                )
                yield last
            if pictures.ended_early():
                raise self._damaged(index, last, "the file ends here, before the end it announces")

    def _set_back(self, frame: Frame, before: Frame) -> InputError:
        return InputError(
            f"{self.info.path}: the clock is set back at frame {frame.index} ({float(before.time):.3f} s), as where "
            f"files were joined; make one of them without loss first: ffmpeg -i IN -map 0 -c copy WHOLE.mkv"
        )

    def _of_another_size(self, native: VideoFrame, index: int, last: Frame | None) -> InputError:
        info, seconds = self.info, float(last.time) if last else 0.0
        return InputError(
            f"{info.path}: from frame {index} (after {seconds:.3f} s) on pictures have {native.width}x{native.height} "
            f"pixels, before {info.stored_width}x{info.stored_height}; cut the file there, and edit the parts apart"
        )

    def _damaged(self, index: int, last: Frame | None, reason: str) -> InputError:
        seconds = float(last.time + last.duration * last.time_base) if last else 0.0
        return InputError(
            f"{self.info.path} is damaged at frame {index} ({seconds:.3f} s): {reason}; export it again, or keep what "
            f"comes before with: ffmpeg -i IN -frames:v {index} -c copy SALVAGED"
        )


def _check_colours(path: Path, native: VideoFrame) -> None:
    """Raise InputError, with the file's name, for colours in which a picture cannot be edited."""
    try:
        colour_model(native)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


def open_clip(
    path: str | os.PathLike[str],
    rate: Fraction | None = None,
    start_number: int | None = None,
    layer: str | None = None,
) -> Clip:
    """Open a video, a still picture, or an image sequence, and decode its first frame.

    A sequence is given as `shot.%04d.png`, `shot.####.png`, or a folder that holds one. Its frames keep their numbers
    (`ClipInfo.first_number`), follow each other at `rate` a second, else at what their files say, else at
    SEQUENCE_RATE, and must all be there, of one size. The frames of a file are numbered from `start_number`, else from
    0. `layer` names the layer, or part, of OpenEXR files that is the picture; None is their plain R, G, B.

    Raises InputError where there is no such file, it holds no picture, it cannot be decoded, or a frame is missing;
    UsageError where a folder holds several sequences, `rate` is given for a file, which has its own times,
    `start_number` for a sequence, whose files are numbered, or `layer` for anything but OpenEXR files.
    """
    path = Path(path)
    if path.parent in _OPEN_FILES and path.is_file():
        path = path.resolve()  # others are to open it, too
    if path.is_dir() or (not path.exists() and sequence_name(path)):
        if start_number is not None:
            raise UsageError(f"{path} has numbers of its own: --start-number is for videos; leave it out")
        return _open_sequence(find_sequence(path), rate, layer)
    if rate is not None:
        msg = f"{path} has times of its own: --rate is for image sequences; leave it out"
        raise UsageError(msg)
    if not path.exists():
        msg = f"{path} does not exist: check the name and the folder"
        raise InputError(msg)
    return Clip(replace(_info(path, layer), start_number=start_number or 0))


def _open_sequence(sequence: Sequence, rate: Fraction | None, layer: str | None) -> Clip:
    info = _info(sequence.name.path(sequence.first), layer)
    said = {"exr": info.average_rate, "dpx": dpx_rate(info.path) if info.codec == "dpx" else None}
    rate = rate or said.get(info.codec) or SEQUENCE_RATE
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
    if suffix in SUFFIXES:
        return describe_picture(path, layer)
    with open_container(path) as container:
        return describe(path, container, main_stream(path, container))
