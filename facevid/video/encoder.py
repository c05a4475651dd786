"""Encoding pictures into a file of their own: the silent intermediate of a clip, or a still."""

import errno
import os
from pathlib import Path
from typing import cast

import av
from av import VideoFormat, VideoFrame
from av.video.reformatter import ColorRange, VideoReformatter
from av.video.stream import VideoStream

from facevid.errors import OutputError
from facevid.video.colour import QUALITY, colour_model, swscale_matrix, to_rgb16
from facevid.video.container import reason
from facevid.video.linear import LINEAR_SOURCE, as_float32, to_linear, to_srgb_curve
from facevid.video.orientation import turned_upright
from facevid.video.pixels import is_float
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
        options = {**plan.options, "flags": f"{plan.options.get('flags', '')}+frame_duration"}
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
        if context.codec.canonical_name == "hevc" and plan.muxer in ("mov", "mp4"):
            context.codec_tag = "hvc1"  # Apple's players refuse FFmpeg's own choice, hev1
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
        pix_fmt, turn = self._plan.pix_fmt, self._plan.turn
        if turn is None:
            return self._in_format(native, pix_fmt)
        # Turned after the conversion, which knows where the samples of chroma lie; 4:2:2 cannot be turned.
        turned = turned_upright(self._in_format(native, pix_fmt.replace("422", "444")), turn)
        return self._in_format(turned, pix_fmt)

    def _in_format(self, native: VideoFrame, pix_fmt: str) -> VideoFrame:
        if is_float(native.format.name):
            native = as_float32(native) if is_float(pix_fmt) else to_srgb_curve(native)
        if native.format.name == pix_fmt and not self._changes_matrix(native):
            return native
        if is_float(pix_fmt):
            return to_linear(self._reformatted(native, LINEAR_SOURCE[pix_fmt], ColorRange.JPEG))
        return self._reformatted(native, pix_fmt, self._plan.colour.colour_range)

    def _changes_matrix(self, native: VideoFrame) -> bool:
        model = colour_model(native)
        return model.layout.kind == "yuv" and swscale_matrix(self._plan.colour.matrix) not in (None, model.swscale)

    def _reformatted(self, native: VideoFrame, pix_fmt: str, colour_range: int) -> VideoFrame:
        plan = self._plan
        target = VideoFormat(pix_fmt)
        if target.is_rgb and target.components[0].bits > 8 and colour_model(native).layout.kind == "yuv":
            native = to_rgb16(native)
        model = colour_model(native)
        full = colour_range == ColorRange.JPEG or (colour_range == 0 and model.full_range)
        made = self._reformatter.reformat(
            native,
            format=pix_fmt,
            src_colorspace=model.swscale,
            dst_colorspace=swscale_matrix(plan.colour.matrix) or model.swscale,
            src_color_range=ColorRange.JPEG if model.full_range else ColorRange.MPEG,
            dst_color_range=ColorRange.JPEG if full else ColorRange.MPEG,
            interpolation=QUALITY,
            threads=1,
        )
        made.colorspace = plan.colour.matrix  # else untagged ones would be tagged with what they pass for
        return made

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
        number = getattr(error, "errno", None)
        plan = self._plan
        what = f"{reason(error)} for {plan.width}x{plan.height} {plan.pix_fmt}; try another codec or pixel format"
        remedies = {
            errno.ENOSPC: "the disk is full; free some space",
            errno.EDQUOT: "the quota is used up; free some space",
            errno.EFBIG: "a file may not be that large here; raise the limit (ulimit -f), or choose another disk",
        }
        remedy = remedies.get(number or 0, what)
        return OutputError(f"{self._product} cannot be written ({plan.encoder}): {remedy}")
