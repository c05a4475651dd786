"""Decode the frames of a clip with exact timestamps."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import av
from av import VideoFrame
from av.codec.context import ThreadType
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream

from facevid.errors import InputError
from facevid.utils.cores import core_count
from facevid.utils.prefetch import prefetch_map
from facevid.video.color.pixels import editable_format, pix_fmt_loss
from facevid.video.color.rgb import colour_model
from facevid.video.frame import Frame
from facevid.video.images.image_clip import NON_FFMPEG_SUFFIXES, load_image
from facevid.video.info import ClipInfo
from facevid.video.orientation import orientation_of
from facevid.video.reader.container import (
    DecodedFrames,
    default_duration,
    error_text,
    open_container,
    select_stream,
    without_jpeg_alpha,
)
from facevid.video.reader.timeline import Timeline, TimelineError

SEEK_MARGINS_SECONDS = (0, 1, 5, 20)
"""How far before a frame to seek; one after another until the frame is found. A seek can end after the frame: it uses
decoding timestamps, and the leading frames of a keyframe may not be decodable."""


class Clip:
    """A source of frames.

    Attributes:
        info: properties of the source.
    """

    def __init__(self, info: ClipInfo) -> None:
        self.info = info

    def frames(self, first: int = 0, stop: int | None = None, timeline: Timeline | None = None) -> Iterator[Frame]:
        """Decode the clip, or a part of it, and yield its frames in presentation order.

        Each call decodes again. Memory does not grow with the length of the clip. The duration of a frame reaches to
        the next frame; that of the last one is as declared. A part has the same frames as the whole.

        Args:
            first: index of the first frame.
            stop: index after the last frame; None for the end of the clip. Frames beyond the end are not an error.
            timeline: timestamps, at least up to the frame `first`, which identify this frame after a seek. Without it,
                or if no seek finds the frame, a video is decoded from its start.

        Raises:
            InputError: the source is damaged or ends early; the message has the frame and the time. A truncated clip is
                never returned as a complete one.
            TimelineError: frames do not have the times of the timeline.
        """
        if stop is not None and stop <= first:
            return
        if self.info.sequence is not None or self._is_read_without_ffmpeg:
            yield from self._image_frames(first, stop)
            return
        previous: Frame | None = None
        stored_pts = 0  # of the previous frame, before adjustment
        for frame in self._video_frames_from(first, timeline):
            if previous is None:
                previous, stored_pts = frame, frame.pts
                continue
            if frame.pts < stored_pts:
                raise self._clock_error(frame, previous)
            stored_pts = frame.pts
            # Frames with equal timestamps (Matroska rounds to milliseconds) are moved one unit apart.
            adjusted = replace(frame, pts=max(frame.pts, previous.pts + 1))
            self._check_time(adjusted, timeline)
            if previous.index >= first:
                yield replace(previous, duration=adjusted.pts - previous.pts)
            previous = adjusted
            if previous.index == stop:
                return
        if previous is None:
            msg = f"{self.info.path} cannot be read: it contains no frames; export it again"
            raise InputError(msg)
        if previous.index >= first:
            yield previous

    def _check_time(self, frame: Frame, timeline: Timeline | None) -> None:
        if timeline is not None and frame.index in timeline and frame.pts != timeline.pts_of(frame.index):
            raise TimelineError(
                f"{self.info.path}: the timestamp of frame {frame.index} changed to {float(frame.time):.3f} s; "
                f"do not change the file during an edit"
            )

    def _video_frames_from(self, first: int, timeline: Timeline | None) -> Iterator[Frame]:
        """Yield the frames from `first` on if a seek finds it, else all, with their timestamps as stored."""
        if first and timeline is not None and first in timeline and not self.info.restarts:
            for seconds in SEEK_MARGINS_SECONDS:
                target = timeline.pts_of(first) - round(seconds / self.info.time_base)
                frames = self._video_frames(target, timeline)
                try:
                    frame = next((each for each in frames if each.index >= first), None)
                except InputError:
                    continue  # a keyframe whose leading frames cannot be decoded
                if frame is not None and timeline.index_of(frame.pts, frame.native) == frame.index == first:
                    yield frame
                    yield from frames
                    return
        yield from self._video_frames()

    @property
    def _is_read_without_ffmpeg(self) -> bool:
        return self.info.path.suffix.lower() in NON_FFMPEG_SUFFIXES

    def _image_frames(self, first: int, stop: int | None) -> Iterator[Frame]:
        info = self.info
        for index, native in enumerate(prefetch_map(self._load, info.files[first:stop]), first):
            yield Frame(index, index, 1, info.time_base, native, info.orientation, info.aspect)

    def _load(self, path: Path) -> VideoFrame:
        if self._is_read_without_ffmpeg:
            return load_image(path, self.info)
        with open_container(path) as container:
            stream = select_stream(path, container)
            stream.codec_context.thread_count = 1  # prefetch_map decodes several files in parallel
            try:
                native = next(container.decode(stream), None)
            except av.FFmpegError as error:
                msg = f"{path} cannot be read: {error_text(error)}; render or copy it again"
                raise InputError(msg) from error
        if native is None or native.is_corrupt:
            msg = f"{path} cannot be read: the image is damaged; render or copy it again"
            raise InputError(msg)
        return self._conformed(native, path)

    def _conformed(self, native: VideoFrame, path: Path) -> VideoFrame:
        """Check a frame of the sequence against the first frame, and convert it to the first frame's pixel format."""
        info, pix_fmt = self.info, native.format.name
        if orientation_of(native) != info.orientation:
            msg = f"{path} has another Exif orientation than the first frame: rotate the files upright first"
            raise InputError(msg)
        if (native.width, native.height) != (info.stored_width, info.stored_height):
            first = f"{info.stored_width}x{info.stored_height}"
            size = f"{native.width}x{native.height}"
            msg = f"{path} has {size} pixels, the first frame {first}: render all frames in one size"
            raise InputError(msg)
        if pix_fmt == info.pix_fmt:
            _check_colours(path, native)
            return native
        if any(pix_fmt_loss(editable_format(without_jpeg_alpha(pix_fmt, info.codec)) or pix_fmt, info.pix_fmt)[:4]):
            formats = f"{pix_fmt}, the first frame {info.pix_fmt}"
            msg = f"{path} has pixel format {formats}, which cannot hold it: render all frames in one format"
            raise InputError(msg)
        return VideoReformatter().reformat(native, format=info.pix_fmt, threads=1)

    def _video_frames(self, target: int = 0, timeline: Timeline | None = None) -> Iterator[Frame]:
        """Yield the frames of a video with their timestamps as stored and a default duration.

        With a timeline, decode from a keyframe near the timestamp `target` on, and leave out the frames before the
        first one that the timeline identifies.
        """
        info, last = self.info, None
        with open_container(info.path) as container:
            stream = container.streams[info.stream_index]
            assert isinstance(stream, VideoStream)
            stream.thread_type = ThreadType.AUTO
            stream.codec_context.thread_count = core_count()
            decoded = DecodedFrames(info.path, container, stream, info.restarts)
            reformatter, duration = VideoReformatter(), default_duration(stream)
            if timeline is not None:
                container.seek(target + info.start, stream=stream)
            index, is_gap_checked = -1, False
            while (native := self._next_native(decoded, index + 1, last, reformatter)) is not None:
                index += 1
                pts = self._pts(native, last)
                if timeline is not None and last is None:
                    known_index = timeline.index_of(pts, native)
                    if known_index is None:
                        continue
                    index = known_index
                # More than 1.5 frame durations since the last frame: a pause, or data missing from the file.
                if last is not None and not is_gap_checked and 2 * (pts - last.pts) > 3 * duration:
                    if decoded.has_gap():
                        raise self._damage_error(index, last, "part of the file is missing here")
                    is_gap_checked = True
                last = Frame(
                    index, pts, native.duration or duration, info.time_base, native, info.orientation, info.aspect
                )
                yield last
            if decoded.ended_early():
                raise self._damage_error(index + 1, last, "the file ends here, before its declared end")

    def _pts(self, native: VideoFrame, last: Frame | None) -> int:
        """Return the timestamp of a frame; one without a timestamp follows the last frame."""
        if native.pts is not None:
            return native.pts - self.info.start
        return last.pts + last.duration if last else 0

    def _next_native(
        self, decoded: DecodedFrames, index: int, last: Frame | None, reformatter: VideoReformatter
    ) -> VideoFrame | None:
        """Decode and check the next frame, in a pixel format that can be edited; None at the end of the video."""
        info = self.info
        try:
            native = next(decoded, None)
        except av.FFmpegError as error:
            raise self._damage_error(index, last, error_text(error)) from error
        if native is None:
            return None
        if info.is_still and index > 0:
            msg = f"{info.path} contains several images: convert it to a video first, such as an .mp4"
            raise InputError(msg)
        if native.is_corrupt:
            raise self._damage_error(index, last, "the frame is corrupt")
        if (native.width, native.height) != (info.stored_width, info.stored_height):
            raise self._size_error(native, index, last)
        pix_fmt = editable_format(info.pix_fmt) or info.pix_fmt
        if native.format.name != pix_fmt:
            native = reformatter.reformat(native, format=pix_fmt, threads=1)
        _check_colours(info.path, native)
        return native

    def _clock_error(self, frame: Frame, before: Frame) -> InputError:
        return InputError(
            f"{self.info.path}: timestamps go back at frame {frame.index} ({float(before.time):.3f} s), as in "
            f"concatenated files; rewrite them without loss first: ffmpeg -i IN -map 0 -c copy WHOLE.mkv"
        )

    def _size_error(self, native: VideoFrame, index: int, last: Frame | None) -> InputError:
        info, seconds = self.info, float(last.time) if last else 0.0
        return InputError(
            f"{info.path}: the frame size changes at frame {index} (after {seconds:.3f} s) from "
            f"{info.stored_width}x{info.stored_height} to {native.width}x{native.height} pixels; "
            f"cut the file there, and edit the parts separately"
        )

    def _damage_error(self, index: int, last: Frame | None, cause: str) -> InputError:
        seconds = float(last.time + last.duration * last.time_base) if last else 0.0
        return InputError(
            f"{self.info.path} is damaged at frame {index} ({seconds:.3f} s): {cause}; export it again, or keep the "
            f"frames before it: ffmpeg -i IN -frames:v {index} -c copy SALVAGED"
        )


def _check_colours(path: Path, native: VideoFrame) -> None:
    """Raise InputError, with the file's name, if the pixel format or colour matrix is not supported."""
    try:
        colour_model(native)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
