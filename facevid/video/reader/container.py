"""Open a media file, read its properties, and decode its frames in order."""

from collections import deque
from collections.abc import Iterator, Sequence
from fractions import Fraction
from math import floor
from pathlib import Path

import av
from av import Packet, VideoFrame
from av.container import InputContainer
from av.stream import Disposition, Stream
from av.video.stream import VideoStream

from facevid.errors import InputError
from facevid.video.color.chroma import chroma_location
from facevid.video.color.hdr import hdr_metadata
from facevid.video.color.pixels import editable_format
from facevid.video.images.jpeg import ignored_jpeg_content
from facevid.video.images.webp import webp_read_error
from facevid.video.info import ClipInfo, ClockRestart, ColourTags
from facevid.video.orientation import has_captions, has_icc_profile, orientation_of
from facevid.video.reader.integrity import is_cut_off, is_whole_matroska
from facevid.video.sequence import IMAGE_SUFFIXES

END_TOLERANCE_SECONDS = Fraction(1, 2)
"""Seconds by which a file may be shorter than its declared duration: declared durations are often rounded."""

BROADCAST_FORMATS = ("mpegts", "mpeg")
"""FFmpeg's names of containers whose timestamps are those of a running clock and do not start at 0."""

HEIF_BRANDS = ("heic", "heix", "hevc", "hevx", "heim", "heis", "mif1", "msf1", "avif", "avis")
"""Major brands of HEIF and AVIF stills, which may be stored as tiles (ISO/IEC 23008-12)."""

_HEIF_ERROR = "it is an AVIF image, or a HEIF image whose name does not end in .heic; rename it, or convert it to PNG"

_WITHOUT_ALPHA = {"gbrap": "gbrp", "yuva444p": "yuv444p", "yuvaj444p": "yuvj444p"}
"""Pixel formats that FFmpeg reports for CMYK JPEG files -> the same without the alpha plane."""


def open_container(path: Path) -> InputContainer:
    """Open a file for reading.

    Raises:
        InputError: the file cannot be opened, or its format is not supported.
    """
    options = {"pattern_type": "none"} if path.suffix.lower() in IMAGE_SUFFIXES else {}
    try:
        str(path).encode()  # names that are not UTF-8 make ffmpeg-python fail, but only after rendering
        cause = webp_read_error(path) if path.suffix.lower() == ".webp" and path.is_file() else None
        if cause is not None:
            raise InputError(f"{path} cannot be read: {cause}")
        if path.exists() and not path.is_file():
            raise InputError(
                f"{path} cannot be read: it is not a regular file, and is read several times; save it to a file first"
            )
        container = av.open(f"file:{path}", "r", container_options=options, metadata_errors="replace")
        if container.metadata.get("major_brand", "").strip() in HEIF_BRANDS:
            container.close()
            raise InputError(f"{path} cannot be read: {_HEIF_ERROR}")
        return container
    except PermissionError as error:
        msg = f"{path} cannot be read: permission denied; check its access rights"
        raise InputError(msg) from error
    except UnicodeEncodeError as error:
        raise InputError(f"{str(path)!r} cannot be read: its name is not valid UTF-8; rename it") from error
    except (av.FFmpegError, OSError, ValueError) as error:
        msg = f"{path} cannot be read: {error_text(error)}; if it is a video or an image, export or copy it again"
        raise InputError(msg) from error


def packets(path: Path, container: InputContainer) -> Iterator["Packet[Stream]"]:
    """Yield the packets of all streams.

    Raises:
        InputError: streams begin in the middle of the file; PyAV supports only streams that begin at its start.
    """
    try:
        yield from container.demux()
    except IndexError as error:
        raise InputError(
            f"{path}: streams begin in the middle of the file, as in concatenated files whose streams have different "
            f"identifiers; edit the parts separately"
        ) from error


def select_stream(path: Path, container: InputContainer) -> VideoStream:
    """Return the main video stream: the default one, else the first.

    Raises:
        InputError: there is none.
    """
    streams = [s for s in container.streams.video if not s.disposition & Disposition.attached_pic]
    if not streams:
        msg = f"{path} contains no video stream: choose a video or an image"
        raise InputError(msg)
    return next((stream for stream in streams if stream.disposition & Disposition.default), streams[0])


def describe(path: Path, container: InputContainer, stream: VideoStream) -> ClipInfo:
    """Decode the first frame and return the properties of the file.

    Raises:
        InputError: the first frame cannot be decoded, or its pixel format is not supported.
    """
    try:
        first = next(container.decode(stream), None)
    except av.FFmpegError as error:
        msg = f"{path} cannot be read: {error_text(error)}; export it again"
        raise InputError(msg) from error
    if first is None or stream.time_base is None:
        msg = f"{path} cannot be read: it contains no frames; export it again"
        raise InputError(msg)
    orientation = orientation_of(first)
    context = stream.codec_context
    colour = ColourTags(context.color_range, context.colorspace, context.color_primaries, context.color_trc)
    size = (first.height, first.width) if orientation.transpose else (first.width, first.height)
    pix_fmt = editable_format(without_jpeg_alpha(first.format.name, context.name))
    if pix_fmt is None:
        msg = f"{path}: pixel format {first.format.name} is not supported; convert it to YUV or RGB first"
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
        is_still=path.suffix.lower() in IMAGE_SUFFIXES or _is_image(container),
        has_exif=any(tag in _metadata(first) for tag in ("Make", "Model", "DateTime", "Orientation")),
        has_icc=has_icc_profile(first),
        has_captions=has_captions(first),
        ignored_content=_ignored_content(path, stream, first),
        is_cmyk=_is_cmyk(first, context.name),
        timecode=_timecode(container, first),
        stream_index=stream.index,
    )


def without_jpeg_alpha(pix_fmt: str, codec: str) -> str:
    """Return a JPEG's pixel format without alpha: FFmpeg stores the black of converted CMYK there, not opacity."""
    return _WITHOUT_ALPHA.get(pix_fmt, pix_fmt) if codec == "mjpeg" else pix_fmt


def _is_image(container: InputContainer) -> bool:
    """Return whether FFmpeg's demuxer is one of images, such as of Targa, JPEG 2000 or PPM files."""
    name = container.format.name
    return name == "image2" or name.endswith("_pipe")


def _is_cmyk(first: VideoFrame, codec: str) -> bool:
    return codec == "mjpeg" and first.format.name in _WITHOUT_ALPHA


def _metadata(first: VideoFrame) -> dict[str, str]:
    try:
        return first.metadata
    except UnicodeDecodeError:  # PyAV decodes UTF-8 only; the text of a DPX header may be in any encoding
        return {}


def _timecode(container: InputContainer, first: VideoFrame) -> str | None:
    """Return the timecode of the first frame, from a DPX header, a timecode track or the container's metadata."""
    texts = [each.metadata.get("timecode") for each in (*container.streams, container)]
    return next((text for text in (_metadata(first).get("timecode"), *texts) if text), None)


def _clock_start(container: InputContainer, time_base: Fraction) -> int:
    """Return the first timestamp of an MPEG stream, whose clock wraps at 2^33, in units of `time_base`; else 0."""
    if container.format.name not in BROADCAST_FORMATS:
        return 0
    starts = [s.start_time * s.time_base for s in container.streams if s.start_time is not None and s.time_base]
    return floor(min(starts, default=Fraction(0)) / time_base)


def _ignored_content(path: Path, stream: VideoStream, first: VideoFrame) -> tuple[str, ...]:
    ignored = ignored_jpeg_content(path) if path.suffix.lower() in (".jpg", ".jpeg") else []
    if _is_cmyk(first, stream.codec_context.name):
        ignored.append("its CMYK colours are converted to RGB, without the ICC profile")
    if stream.metadata.get("alpha_mode") == "1":
        ignored.append(f"the alpha channel of its {stream.codec_context.name} stream is not read")
    if first.interlaced_frame and stream.codec_context.field_order <= 1:
        ignored.append("it is interlaced without a declared field order: the result is not marked as interlaced")
    return tuple(ignored)


class DecodedFrames(Iterator[VideoFrame]):
    """Decoded frames of one stream, with continuous timestamps and checks that the file is complete."""

    def __init__(
        self, path: Path, container: InputContainer, stream: VideoStream, restarts: Sequence[ClockRestart]
    ) -> None:
        self._path, self._container, self._stream = path, container, stream
        self._restarts = deque((each.first_packets[stream.index], each.offset) for each in restarts)
        self._packet_count, self._offset = 0, 0
        self._last_indexed: int | None = None
        self._reached = Fraction(0)
        self._video_frames = self._decode()

    def __next__(self) -> VideoFrame:
        return next(self._video_frames)

    def _decode(self) -> Iterator[VideoFrame]:
        is_avi, is_matroska = (self._container.format.name == name for name in ("avi", "matroska,webm"))
        chunk_times = deque[int]()  # decoding timestamps of AVI chunks whose frames have not been returned
        for packet in packets(self._path, self._container):
            if packet.dts is not None:
                self._reached = max(self._reached, (packet.dts + (packet.duration or 0)) * packet.time_base)
            if packet.stream.index != self._stream.index:  # flushing packets lack packet.stream_index
                continue
            if packet.dts is not None:
                indexed = packet.pts if is_matroska else packet.dts  # the time that the index contains
                self._last_indexed = max(indexed or 0, self._last_indexed or 0)
                if is_avi and packet.size:
                    chunk_times.append(packet.dts)
            offset = self._next_offset()
            packet.pts = None if packet.pts is None else packet.pts + offset
            packet.dts = None if packet.dts is None else packet.dts + offset
            for native in packet.decode():
                assert isinstance(native, VideoFrame)
                if chunk_times:  # AVI stores no presentation times: frames in display order get the chunks' times
                    native.pts = chunk_times.popleft()
                yield native

    def _next_offset(self) -> int:
        """Return what to add to the timestamps of the next packet: it changes where the clock restarts."""
        while self._restarts and self._restarts[0][0] <= self._packet_count:
            self._offset = self._restarts.popleft()[1]
        self._packet_count += 1
        return self._offset

    def has_gap(self) -> bool:
        """Return whether data is missing inside a Matroska file, which FFmpeg skips without an error."""
        return self._container.format.name == "matroska,webm" and not is_whole_matroska(self._path)

    def ended_early(self) -> bool:
        """Return whether packets of the file's index are missing, or the declared size or duration is not reached."""
        entries = self._stream.index_entries
        if len(entries) and self._last_indexed is not None and self._last_indexed < entries[len(entries) - 1].timestamp:
            return True
        if is_cut_off(self._path, self._container.format.name):
            return True
        declared = Fraction(self._container.duration or 0, av.time_base)
        is_declared_in_header = self._container.format.name in ("matroska,webm", "avi", "flv")
        return is_declared_in_header and self._reached + END_TOLERANCE_SECONDS < declared


def default_duration(stream: VideoStream) -> int:
    """Return the duration of frames that declare none, in units of the stream's time base."""
    rate = stream.average_rate
    if not rate or not stream.time_base:
        return 1
    return max(1, round(1 / (rate * stream.time_base)))


def error_text(error: Exception) -> str:
    """Return the message of an FFmpeg or system error in lower case, without the file name."""
    text = getattr(error, "strerror", None) or str(error)
    return str(text).lower()
