"""Reading a clip: what it is, and its pictures one after another with exact timestamps."""

import itertools
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import av
from av import VideoFrame
from av.codec.context import ThreadType
from av.container import InputContainer
from av.stream import Disposition
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream

from facevid.errors import InputError
from facevid.video.frame import Frame
from facevid.video.hdr import HdrMetadata, hdr_metadata
from facevid.video.orientation import Orientation, orientation_of
from facevid.video.pixels import plain_format

STILL_SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp", ".bmp", ".exr")
END_TOLERANCE = Fraction(1, 2)
"""By how many seconds a file may fall short of the duration that it announces."""


@dataclass(frozen=True)
class ColourTags:
    """The source's colour tags as ITU-T H.273 numbers (2 is untagged) and FFmpeg's range (0 untagged, 1 limited)."""

    colour_range: int
    matrix: int
    primaries: int
    transfer: int


@dataclass(frozen=True)
class ClipInfo:
    """What a source says of itself.

    `width` and `height` are as displayed, `stored_width` and `stored_height` before turning. `average_rate`,
    `is_constant_rate` and `frame_count` are what the container claims, for information and progress only.
    """

    path: Path
    width: int
    height: int
    stored_width: int
    stored_height: int
    sample_aspect_ratio: Fraction | None
    orientation: Orientation
    pix_fmt: str
    codec: str
    codec_profile: str | None
    colour: ColourTags
    hdr: HdrMetadata
    field_order: int
    time_base: Fraction
    average_rate: Fraction | None
    is_constant_rate: bool
    frame_count: int | None
    has_sound: bool
    is_still: bool
    has_exif: bool
    stream_index: int


class Clip:
    """A source of pictures; `info` says what it is, `frames()` decodes it anew each time it is called."""

    def __init__(self, info: ClipInfo) -> None:
        self.info = info

    def frames(self) -> Iterator[Frame]:
        """Yield every picture in the order of presentation; memory does not grow with the clip's length.

        A picture that is followed by another lasts until it. Raises InputError, naming the frame and the time, where
        the source is damaged or ends early: a shortened clip never passes for a whole one.
        """
        waiting: Frame | None = None
        for frame in self._decoded():
            if waiting is not None:
                if frame.pts <= waiting.pts:
                    raise self._damaged(frame.index, waiting, "its timestamps go back")
                yield replace(waiting, duration=frame.pts - waiting.pts)
            waiting = frame
        if waiting is None:
            msg = f"{self.info.path} cannot be read: it holds no picture; export it again"
            raise InputError(msg)
        yield waiting

    def _decoded(self) -> Iterator[Frame]:
        info, last = self.info, None
        plain = plain_format(info.pix_fmt) or info.pix_fmt
        reformatter = VideoReformatter()
        with _open(info.path) as container:
            stream = container.streams[info.stream_index]
            assert isinstance(stream, VideoStream)
            stream.thread_type = ThreadType.AUTO
            pictures = _Pictures(container, stream)
            usual = _usual_duration(stream)
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
                if native.format.name != plain:
                    native = reformatter.reformat(native, format=plain, threads=1)
                pts = native.pts
                if pts is None:
                    pts = last.pts + last.duration if last else 0
                last = Frame(index, pts, native.duration or usual, info.time_base, native, info.orientation)
                yield last
            if pictures.ended_early():
                raise self._damaged(index, last, "the file ends here, before the end it announces")

    def _damaged(self, index: int, last: Frame | None, reason: str) -> InputError:
        seconds = float(last.time + last.duration * last.time_base) if last else 0.0
        return InputError(
            f"{self.info.path} is damaged at frame {index} ({seconds:.3f} s): {reason}; export it again, or keep what "
            f"comes before with: ffmpeg -i IN -frames:v {index} -c copy SALVAGED"
        )


def open_clip(path: str | os.PathLike[str]) -> Clip:
    """Open a video or a still picture and decode its first frame.

    Raises InputError where there is no such file, it holds no picture, or it cannot be decoded.
    """
    path = Path(path)
    is_pattern = not path.exists() and ("%" in path.name or "#" in path.name)
    if is_pattern or path.is_dir():
        msg = f"{path}: image sequences and folders of frames cannot be read yet; join them into a video first"
        raise InputError(msg)
    if not path.exists():
        msg = f"{path} does not exist: check the name and the folder"
        raise InputError(msg)
    with _open(path) as container:
        stream = _main_stream(path, container)
        return Clip(_describe(path, container, stream))


def _open(path: Path) -> InputContainer:
    options = {"pattern_type": "none"} if path.suffix.lower() in STILL_SUFFIXES else {}
    try:
        return av.open(f"file:{path}", "r", container_options=options, metadata_errors="replace")
    except PermissionError as error:
        msg = f"{path} cannot be read: permission denied; check its access rights"
        raise InputError(msg) from error
    except (av.FFmpegError, OSError, ValueError) as error:
        msg = f"{path} cannot be read: {reason(error)}; is it a whole video or picture? Export or copy it again"
        raise InputError(msg) from error


def _main_stream(path: Path, container: InputContainer) -> VideoStream:
    streams = [s for s in container.streams.video if not s.disposition & Disposition.attached_pic]
    if not streams:
        msg = f"{path} holds no video: give a file with pictures in it"
        raise InputError(msg)
    return next((stream for stream in streams if stream.disposition & Disposition.default), streams[0])


def _describe(path: Path, container: InputContainer, stream: VideoStream) -> ClipInfo:
    try:
        first = next(container.decode(stream), None)
    except av.FFmpegError as error:
        msg = f"{path} cannot be read: {reason(error)}; export it again"
        raise InputError(msg) from error
    if first is None or stream.time_base is None:
        msg = f"{path} cannot be read: it holds no picture; export it again"
        raise InputError(msg)
    orientation = orientation_of(first)
    context = stream.codec_context
    size = (first.height, first.width) if orientation.transpose else (first.width, first.height)
    pix_fmt = plain_format(first.format.name)
    if pix_fmt is None:
        msg = f"{path}: pixel format {first.format.name} is not supported; convert it to a plain YUV or RGB format"
        raise InputError(msg)
    return ClipInfo(
        path=path,
        width=size[0],
        height=size[1],
        stored_width=first.width,
        stored_height=first.height,
        sample_aspect_ratio=stream.sample_aspect_ratio or None,
        orientation=orientation,
        pix_fmt=pix_fmt,
        codec=context.name,
        codec_profile=context.profile,
        colour=ColourTags(context.color_range, context.colorspace, context.color_primaries, context.color_trc),
        hdr=hdr_metadata(first),
        field_order=context.field_order,
        time_base=stream.time_base,
        average_rate=stream.average_rate or None,
        is_constant_rate=bool(stream.average_rate) and stream.average_rate == stream.base_rate,
        frame_count=stream.frames or None,
        has_sound=bool(container.streams.audio),
        is_still=path.suffix.lower() in STILL_SUFFIXES,
        has_exif=any(tag in first.metadata for tag in ("Make", "Model", "DateTime", "Orientation")),
        stream_index=stream.index,
    )


class _Pictures(Iterator[VideoFrame]):
    """The decoded pictures of one stream; watches whether the file reaches the end that its header announces."""

    def __init__(self, container: InputContainer, stream: VideoStream) -> None:
        self._container, self._stream = container, stream
        self._last_dts: int | None = None
        self._reached = Fraction(0)
        self._decoded = self._decode()

    def __next__(self) -> VideoFrame:
        return next(self._decoded)

    def _decode(self) -> Iterator[VideoFrame]:
        for packet in self._container.demux():
            if packet.dts is not None:
                self._reached = max(self._reached, (packet.dts + (packet.duration or 0)) * packet.time_base)
            if packet.stream.index != self._stream.index:  # packet.stream_index is not set in the flushing packets
                continue
            if packet.dts is not None:
                self._last_dts = packet.dts
            for picture in packet.decode():
                assert isinstance(picture, VideoFrame)
                yield picture

    def ended_early(self) -> bool:
        """Return whether packets that the file's index lists were not there, or its announced duration was not met."""
        entries = self._stream.index_entries
        if len(entries) and self._last_dts is not None and self._last_dts < entries[len(entries) - 1].timestamp:
            return True
        announced = Fraction(self._container.duration or 0, av.time_base)
        is_announced_at_the_start = self._container.format.name in ("matroska,webm", "avi", "flv")
        return is_announced_at_the_start and self._reached + END_TOLERANCE < announced


def _usual_duration(stream: VideoStream) -> int:
    rate = stream.average_rate
    if not rate or not stream.time_base:
        return 1
    return max(1, round(1 / (rate * stream.time_base)))


def reason(error: Exception) -> str:
    """Return what FFmpeg or the system says of an error, without the file's name."""
    text = getattr(error, "strerror", None) or str(error)
    return str(text).lower()
