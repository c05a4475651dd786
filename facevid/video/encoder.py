"""Encoding pictures into a file of their own: the silent intermediate of a clip, or a still."""

import errno
import os
from pathlib import Path
from typing import cast

import av
from av import VideoFrame
from av.video.reformatter import ColorRange, VideoReformatter
from av.video.stream import VideoStream

from facevid.errors import OutputError
from facevid.video.clip import reason
from facevid.video.colour import colour_model, swscale_matrix
from facevid.video.plan import EncoderPlan

os.environ.setdefault("SVT_LOG", "1")  # SVT-AV1 takes no option to report errors only


class PictureEncoder:
    """Writes pictures with their own timestamps to `path`; `product` is the file named in messages."""

    def __init__(self, path: Path, product: Path, plan: EncoderPlan) -> None:
        self._plan, self._product = plan, product
        self._reformatter = VideoReformatter()
        scale = str(plan.time_base.denominator)
        options = {"video_track_timescale": scale, "movie_timescale": scale} if plan.muxer in ("mov", "mp4") else {}
        try:
            self._container = av.open(f"file:{path}", "w", format=plan.muxer, container_options=options)
            self._stream = self._add_stream()
            self._stream.codec_context.open()
        except (av.FFmpegError, OSError) as error:
            raise self._failure(error) from error

    def _add_stream(self) -> VideoStream:
        plan = self._plan
        interlaced = "+ildct+ilme" if plan.field_order > 1 else ""
        options = {**plan.options, "flags": f"{plan.options.get('flags', '')}+frame_duration{interlaced}"}
        stream = cast(VideoStream, self._container.add_stream(plan.encoder, rate=plan.rate or 25, options=options))
        stream.set_display_matrix(plan.matrix)
        stream.time_base = plan.time_base
        context = stream.codec_context
        context.time_base = plan.time_base
        context.width, context.height, context.pix_fmt = plan.width, plan.height, plan.pix_fmt
        if plan.sample_aspect_ratio:
            context.sample_aspect_ratio = plan.sample_aspect_ratio
        context.color_range, context.colorspace = plan.colour.colour_range, plan.colour.matrix
        context.color_primaries, context.color_trc = plan.colour.primaries, plan.colour.transfer
        context.field_order = plan.field_order
        return stream

    def write(self, native: VideoFrame) -> None:
        """Encode one picture; its `pts`, `duration` and `time_base` are kept. Raises OutputError."""
        native = self._converted(native)
        native.pict_type = 0  # the source's frame types are not a wish
        try:
            self._container.mux(self._stream.encode(native))
        except (av.FFmpegError, OSError) as error:
            raise self._failure(error) from error

    def _converted(self, native: VideoFrame) -> VideoFrame:
        plan = self._plan
        if native.format.name == plan.pix_fmt:
            return native
        model = colour_model(native)
        full = plan.colour.colour_range == ColorRange.JPEG or (plan.colour.colour_range == 0 and model.full_range)
        return self._reformatter.reformat(
            native,
            format=plan.pix_fmt,
            src_colorspace=model.swscale,
            dst_colorspace=swscale_matrix(plan.colour.matrix) or model.swscale,
            src_color_range=ColorRange.JPEG if model.full_range else ColorRange.MPEG,
            dst_color_range=ColorRange.JPEG if full else ColorRange.MPEG,
            threads=1,
        )

    def finish(self) -> None:
        """Write what the encoder still holds and close the file. Raises OutputError."""
        try:
            self._container.mux(self._stream.encode(None))
            self._container.close()
        except (av.FFmpegError, OSError) as error:
            raise self._failure(error) from error

    def abandon(self) -> None:
        """Close the file as it is."""
        try:
            self._container.close()
        except (av.FFmpegError, OSError):
            return  # the file is about to be removed, and the first error is the one to be told

    def _failure(self, error: Exception) -> OutputError:
        full = getattr(error, "errno", None) == errno.ENOSPC
        plan = self._plan
        what = f"{reason(error)} for {plan.width}x{plan.height} {plan.pix_fmt}; try another codec or pixel format"
        remedy = "the disk is full; free some space" if full else what
        return OutputError(f"{self._product} cannot be written ({plan.encoder}): {remedy}")
