"""Opening a file, describing it, and taking the pictures out of it."""

from collections import deque
from collections.abc import Iterator
from fractions import Fraction
from math import floor
from pathlib import Path

import av
from av import VideoFrame
from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

from facevid.errors import InputError
from facevid.video.color.chroma import chroma_location
from facevid.video.color.hdr import hdr_metadata
from facevid.video.color.pixels import plain_format
from facevid.video.images.jpeg import unread_of_jpeg
from facevid.video.images.webp import unreadable_webp
from facevid.video.info import ClipInfo, ColourTags
from facevid.video.orientation import has_captions, has_icc_profile, orientation_of
from facevid.video.reader.integrity import is_cut_off, is_whole_matroska
from facevid.video.sequence import PICTURE_SUFFIXES

END_TOLERANCE = Fraction(1, 2)
"""By how many seconds a file may fall short of the duration that it announces."""

BROADCAST_FORMATS = ("mpegts", "mpeg")
"""FFmpeg's names of formats whose times are those of a running clock."""

_HEIF = "it is an AVIF picture, or a HEIF one whose name does not end in .heic; rename it, or convert it to PNG first"

HEIF_BRANDS = ("heic", "heix", "hevc", "hevx", "heim", "heis", "mif1", "msf1", "avif", "avis")
"""Major brands of files that hold stills, maybe cut into tiles (ISO/IEC 23008-12)."""

_WITHOUT_ALPHA = {"gbrap": "gbrp", "yuva444p": "yuv444p", "yuvaj444p": "yuvj444p"}


def open_container(path: Path) -> InputContainer:
    """Open a file for reading. Raises InputError."""
    options = {"pattern_type": "none"} if path.suffix.lower() in PICTURE_SUFFIXES else {}
    try:
        str(path).encode()  # ffmpeg-python fails on other names, when all is rendered
        why = unreadable_webp(path) if path.suffix.lower() == ".webp" and path.is_file() else None
        if why is not None:
            raise InputError(f"{path} cannot be read: {why}")
        if path.exists() and not path.is_file():
            raise InputError(
                f"{path} cannot be read: it is no file, and is read several times; write it to a file first"
            )
        container = av.open(f"file:{path}", "r", container_options=options, metadata_errors="replace")
        if container.metadata.get("major_brand", "").strip() in HEIF_BRANDS:
            container.close()
            raise InputError(f"{path} cannot be read: {_HEIF}")
        return container
    except PermissionError as error:
        msg = f"{path} cannot be read: permission denied; check its access rights"
        raise InputError(msg) from error
    except UnicodeEncodeError as error:
        raise InputError(f"{str(path)!r} cannot be read: its name is no UTF-8; rename it") from error
    except (av.FFmpegError, OSError, ValueError) as error:
        msg = f"{path} cannot be read: {reason(error)}; is it a whole video or picture? Export or copy it again"
        raise InputError(msg) from error


def main_stream(path: Path, container: InputContainer) -> VideoStream:
    """Return the stream whose pictures are the clip's. Raises InputError where there is none."""
    streams = [s for s in container.streams.video if not s.disposition & Disposition.attached_pic]
    if not streams:
        msg = f"{path} holds no video: give a file with pictures in it"
        raise InputError(msg)
    return next((stream for stream in streams if stream.disposition & Disposition.default), streams[0])


def describe(path: Path, container: InputContainer, stream: VideoStream) -> ClipInfo:
    """Decode the first picture and say what the file is. Raises InputError."""
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
    colour = ColourTags(context.color_range, context.colorspace, context.color_primaries, context.color_trc)
    size = (first.height, first.width) if orientation.transpose else (first.width, first.height)
    pix_fmt = plain_format(without_black(first.format.name, context.name))
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
        colour=colour,
        chroma_location=chroma_location(first),
        hdr=hdr_metadata(first),
        field_order=context.field_order,
        time_base=stream.time_base,
        average_rate=stream.average_rate or None,
        start=_clock_start(container, stream.time_base),
        is_constant_rate=bool(stream.average_rate) and stream.average_rate == stream.base_rate,
        frame_count=stream.frames or None,
        has_sound=bool(container.streams.audio),
        is_still=path.suffix.lower() in PICTURE_SUFFIXES,
        has_exif=any(tag in _metadata(first) for tag in ("Make", "Model", "DateTime", "Orientation")),
        has_icc=has_icc_profile(first),
        has_captions=has_captions(first),
        unread=_unread(path, stream, first),
        is_cmyk=_is_cmyk(first, context.name),
        timecode=_metadata(first).get("timecode") if context.name == "dpx" else None,
        stream_index=stream.index,
    )


def without_black(pix_fmt: str, codec: str) -> str:
    """Return the format without an alpha for a JPEG file: what FFmpeg calls so is what CMYK's black was."""
    return _WITHOUT_ALPHA.get(pix_fmt, pix_fmt) if codec == "mjpeg" else pix_fmt


def _is_cmyk(first: VideoFrame, codec: str) -> bool:
    return codec == "mjpeg" and first.format.name in _WITHOUT_ALPHA


def _metadata(first: VideoFrame) -> dict[str, str]:
    try:
        return first.metadata
    except UnicodeDecodeError:  # PyAV reads no other encoding: a DPX file's texts, for example, may be of any
        return {}


def _clock_start(container: InputContainer, time_base: Fraction) -> int:
    """Return where a broadcast's clock, which never starts at 0 and wraps at 2^33, begins, in units of `time_base`."""
    if container.format.name not in BROADCAST_FORMATS:
        return 0
    starts = [s.start_time * s.time_base for s in container.streams if s.start_time is not None and s.time_base]
    return floor(min(starts, default=Fraction(0)) / time_base)


def _unread(path: Path, stream: VideoStream, first: VideoFrame) -> tuple[str, ...]:
    unread = unread_of_jpeg(path) if path.suffix.lower() in (".jpg", ".jpeg") else []
    if _is_cmyk(first, stream.codec_context.name):
        unread.append("its CMYK colours are converted to RGB, without their profile")
    if stream.metadata.get("alpha_mode") == "1":
        unread.append(f"the alpha beside its {stream.codec_context.name} pictures is not read")
    if first.interlaced_frame and stream.codec_context.field_order <= 1:
        unread.append("it is interlaced, but does not say which field comes first: the result is not marked as such")
    return tuple(unread)


class Pictures(Iterator[VideoFrame]):
    """The decoded pictures of one stream; watches whether the file reaches the end that its header announces."""

    def __init__(self, path: Path, container: InputContainer, stream: VideoStream) -> None:
        self._path, self._container, self._stream = path, container, stream
        self._last_dts: int | None = None
        self._reached = Fraction(0)
        self._decoded = self._decode()

    def __next__(self) -> VideoFrame:
        return next(self._decoded)

    def _decode(self) -> Iterator[VideoFrame]:
        is_avi, stored = self._container.format.name == "avi", deque[int]()
        for packet in self._container.demux():
            if packet.dts is not None:
                self._reached = max(self._reached, (packet.dts + (packet.duration or 0)) * packet.time_base)
            if packet.stream.index != self._stream.index:  # packet.stream_index is not set in the flushing packets
                continue
            if packet.dts is not None:
                self._last_dts = packet.dts
                if is_avi and packet.size:
                    stored.append(packet.dts)
            for picture in packet.decode():
                assert isinstance(picture, VideoFrame)
                if stored:  # AVI holds no times of presentation: the first picture shown has the first chunk's time
                    picture.pts = stored.popleft()
                yield picture

    def has_hole(self) -> bool:
        """Return whether a part of the file was passed over, which FFmpeg does not tell of a Matroska."""
        return self._container.format.name == "matroska,webm" and not is_whole_matroska(self._path)

    def ended_early(self) -> bool:
        """Return whether packets that the file's index lists were not there, or its announced duration was not met."""
        entries = self._stream.index_entries
        if len(entries) and self._last_dts is not None and self._last_dts < entries[len(entries) - 1].timestamp:
            return True
        if is_cut_off(self._path, self._container.format.name):
            return True
        announced = Fraction(self._container.duration or 0, av.time_base)
        is_announced_at_the_start = self._container.format.name in ("matroska,webm", "avi", "flv")
        return is_announced_at_the_start and self._reached + END_TOLERANCE < announced


def usual_duration(stream: VideoStream) -> int:
    """Return the duration of a picture that tells none, in units of the stream's time base."""
    rate = stream.average_rate
    if not rate or not stream.time_base:
        return 1
    return max(1, round(1 / (rate * stream.time_base)))


def reason(error: Exception) -> str:
    """Return what FFmpeg or the system says of an error, without the file's name."""
    text = getattr(error, "strerror", None) or str(error)
    return str(text).lower()
