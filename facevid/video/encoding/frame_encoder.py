"""Encode frames: into a file of their own, or to packets that are joined with those of other segments later."""

import errno
import io
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import cast

import av
from av import Packet, VideoFrame
from av.container import OutputContainer
from av.video.stream import VideoStream

from facevid.errors import OutputError
from facevid.utils.cores import core_count
from facevid.video.encoding.conversion import Conversion
from facevid.video.encoding.encoder_plan import EncoderPlan
from facevid.video.reader.container import error_text

os.environ.setdefault("SVT_LOG", "1")  # errors only; SVT-AV1 has no encoder option for it


class PacketEncoder:
    """Encodes frames with their own timestamps to packets.

    Args:
        product: the final file, named in messages.
        plan: encoder settings.
        path: the file that the packets will be written to; None if they are kept elsewhere.

    Raises:
        OutputError: the file or the encoder cannot be opened.
    """

    def __init__(self, product: Path, plan: EncoderPlan, path: Path | None = None) -> None:
        self._plan, self._product = plan, product
        self._conversion = Conversion(plan)
        scale = str(plan.time_base.denominator)
        options = {"video_track_timescale": scale, "movie_timescale": scale} if plan.muxer in ("mov", "mp4") else {}
        file = io.BytesIO() if path is None else f"file:{path}"
        try:
            self._container: OutputContainer = av.open(file, "w", format=plan.muxer, container_options=options)
            if plan.timecode is not None:
                self._container.metadata["timecode"] = plan.timecode
            self._stream = self._add_stream()
            self._stream.codec_context.open()
        except (av.FFmpegError, OSError, ValueError) as error:  # ValueError: not a codec of this container
            raise self._failure(error) from error

    @property
    def extradata(self) -> bytes:
        """What a decoder needs before the first packet, such as H.264's parameter sets."""
        return self._stream.codec_context.extradata or b""

    def encode(self, native: VideoFrame | None) -> list["Packet[VideoStream]"]:
        """Encode one frame with its `pts`, `duration` and `time_base`; None returns the last packets.

        Raises:
            OutputError: the encoder failed.
        """
        if native is not None:
            native = self._conversion.convert(native)
            native.pict_type = 0  # otherwise the encoder would force the source's frame types (I, P, B)
            colour = self._plan.colour
            native.color_primaries, native.color_trc = colour.primaries, colour.transfer  # for ProRes
        try:
            return self._stream.encode(native)
        except (av.FFmpegError, OSError) as error:
            raise self._failure(error) from error

    def abandon(self) -> None:
        """Close an incomplete file, ignoring errors."""
        try:
            self._container.close()
        except (av.FFmpegError, OSError):
            return  # the file will be removed, and an earlier error is reported

    def _add_stream(self) -> VideoStream:
        plan = self._plan
        options = {**plan.options, "flags": f"{plan.options.get('flags', '')}+frame_duration"}
        stream = cast(VideoStream, self._container.add_stream(plan.encoder, rate=plan.rate or 25, options=options))
        stream.set_display_matrix(plan.display_matrix)
        stream.time_base = plan.time_base
        context = stream.codec_context
        context.time_base = plan.time_base
        context.thread_count = core_count()
        context.width, context.height, context.pix_fmt = plan.width, plan.height, plan.pix_fmt
        if plan.sample_aspect_ratio:
            context.sample_aspect_ratio = plan.sample_aspect_ratio
        context.color_range, context.colorspace = plan.colour.colour_range, plan.colour.matrix
        context.color_primaries, context.color_trc = plan.colour.primaries, plan.colour.transfer
        context.field_order = plan.field_order
        if context.codec.canonical_name == "hevc" and plan.muxer in ("mov", "mp4"):
            context.codec_tag = "hvc1"  # Apple's players do not support FFmpeg's default, hev1
        return stream

    def _failure(self, error: Exception) -> OutputError:
        number = getattr(error, "errno", None)
        plan = self._plan
        other = f"{error_text(error)} for {plan.width}x{plan.height} {plan.pix_fmt}; try another codec or pixel format"
        system_errors = {
            errno.ENOSPC: "the disk is full; free some space",
            errno.EDQUOT: "the disk quota is exceeded; free some space",
            errno.EFBIG: "the file size limit is exceeded; raise the limit (ulimit -f), or choose another disk",
        }
        cause = system_errors.get(number or 0, other)
        return OutputError(f"{self._product} cannot be written ({plan.encoder}): {cause}")


class FrameEncoder(PacketEncoder):
    """Encodes frames with their own timestamps to the file `path`; `product` is the final file, named in messages."""

    def __init__(self, path: Path, product: Path, plan: EncoderPlan) -> None:
        super().__init__(product, plan, path)
        self._is_flushed = True

    def write(self, native: VideoFrame) -> None:
        """Encode one frame with its `pts`, `duration` and `time_base`. Raises OutputError."""
        self._is_flushed = False
        self._mux(self.encode(native))

    def add_metadata(self, tags: Mapping[str, str]) -> None:
        """Add metadata to the file, before the first packet."""
        self._container.metadata.update(tags)

    def append(self, packets: Iterable["Packet[VideoStream]"]) -> None:
        """Write packets of a `PacketEncoder` with the same plan, in decoding order. Raises OutputError."""
        for packet in packets:
            packet.stream = self._stream
            self._mux([packet])

    def finish(self) -> None:
        """Flush the encoder and close the file. Raises OutputError."""
        if not self._is_flushed:
            self._mux(self.encode(None))
        try:
            self._container.close()
        except (av.FFmpegError, OSError) as error:
            raise self._failure(error) from error

    def _mux(self, packets: list["Packet[VideoStream]"]) -> None:
        try:
            self._container.mux(packets)
        except (av.FFmpegError, OSError) as error:
            raise self._failure(error) from error
