"""Writing a result: pictures encoded anew, everything else of the source carried over."""

import os
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from av import VideoFrame
from numpy.typing import NDArray

from facevid.errors import OutputError, UsageError
from facevid.video.clip import STILL_SUFFIXES, Clip, ClipInfo
from facevid.video.destination import Temporaries, check_destination
from facevid.video.encoder import PictureEncoder
from facevid.video.encoding import VIDEO_SUFFIXES, Encoding
from facevid.video.filters import filtered
from facevid.video.frame import Frame
from facevid.video.orientation import turned_upright
from facevid.video.plan import EncoderPlan, plan_encoder, plan_rgb_encoder
from facevid.video.remux import plan_remux, remux


class _Writer:
    """What both writers share: an encoder into a hidden file, the stream copy, the move to the final place."""

    def __init__(self, out: Path, source: ClipInfo, plan: EncoderPlan) -> None:
        self._out, self._source, self._plan = out, source, plan
        self._remux = None if source.is_still else plan_remux(source, out)
        self.warnings: list[str] = [*plan.warnings, *(self._remux.warnings if self._remux else ())]
        self._rounded, self._is_empty = False, True

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self._temporaries = stack.enter_context(Temporaries(self._out))
            suffix = self._out.suffix if self._source.is_still else f".{self._plan.muxer}"
            self._pictures = self._temporaries.path("pictures", suffix)
            self._encoder = PictureEncoder(self._pictures, self._out, self._plan)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._stack:
            if kind is not None:
                self._encoder.abandon()
                return
            if self._is_empty:
                self._encoder.abandon()
                msg = f"{self._out} is not written: it would hold no frame; give the writer at least one"
                raise OutputError(msg)
            try:
                self._encoder.finish()
            finally:
                self._encoder.abandon()
            result = self._pictures
            if self._remux is not None:
                result = self._temporaries.path("result", self._out.suffix)
                remux(self._remux, self._source, self._pictures, result, self._out)
            self._temporaries.commit(result)

    def _write(self, native: VideoFrame, frame: Frame) -> None:
        native.pts, native.duration, native.time_base = frame.pts, frame.duration, frame.time_base
        self._encoder.write(native)
        self._is_empty = False
        in_milliseconds = self._out.suffix.lower() in (".mkv", ".webm") and not self._source.is_still
        if in_milliseconds and not self._rounded and (frame.time * 1000).denominator != 1:
            self._rounded = True
            self.warnings.append(f"{self._out.name} holds times in whole milliseconds: rounded by up to half of one")


class ClipWriter(_Writer):
    """Writes edited frames of `source` to `out`, with its sound, subtitles, chapters, metadata and timestamps.

    A context manager: `out` appears, whole, on leaving it without an exception; otherwise nothing is left and an
    existing `out` stays as it was. `warnings` names what the result cannot hold (complete on leaving). A still source
    gives a still. Raises UsageError or OutputError at once where `out` or `encoding` cannot be, OutputError on writing.
    """

    def __init__(
        self,
        out: str | os.PathLike[str],
        source: Clip,
        *,
        encoding: Encoding = Encoding(),  # noqa: B008 -- immutable
        overwrite: bool = False,
    ) -> None:
        out = Path(out)
        check_destination(out, source.info.path, _suffixes(source.info), overwrite)
        super().__init__(out, source.info, plan_encoder(source.info, out, encoding))

    def write(self, frame: Frame) -> None:
        """Encode the next frame at its own time. Raises OutputError."""
        native = turned_upright(frame.native, frame.orientation) if self._plan.upright else frame.native
        self._write(filtered(native, []), frame)


class RgbWriter(_Writer):
    """Writes RGB pictures of any size (width, height) at a clip's timestamps, with its sound; else as ClipWriter."""

    def __init__(
        self,
        out: str | os.PathLike[str],
        source: Clip,
        width: int,
        height: int,
        *,
        encoding: Encoding = Encoding(),  # noqa: B008 -- immutable
        overwrite: bool = False,
    ) -> None:
        out = Path(out)
        check_destination(out, source.info.path, _suffixes(source.info), overwrite)
        self._size = (height, width)
        super().__init__(out, source.info, plan_rgb_encoder(source.info, out, (width, height), encoding))

    def write(self, rgb: NDArray[np.uint8], frame: Frame) -> None:
        """Encode uint8 RGB (height, width, 3), as displayed, at the time of `frame`. Raises OutputError."""
        if rgb.shape != (*self._size, 3) or rgb.dtype != np.uint8:
            msg = f"{self._out}: pictures must be uint8 of shape {(*self._size, 3)}, not {rgb.dtype} {rgb.shape}"
            raise UsageError(msg)
        extra = (self._plan.height - self._size[0], self._plan.width - self._size[1])
        padded = np.pad(rgb, ((0, extra[0]), (0, extra[1]), (0, 0)), mode="edge") if any(extra) else rgb
        self._write(VideoFrame.from_ndarray(np.ascontiguousarray(padded), format="rgb24"), frame)


def _suffixes(source: ClipInfo) -> tuple[str, ...]:
    return STILL_SUFFIXES if source.is_still else VIDEO_SUFFIXES
