"""Writing a result: pictures encoded anew, everything else of the source carried over."""

import os
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from av import VideoFrame
from numpy.typing import NDArray

from facevid.errors import UsageError
from facevid.utils.atomic_output import check_destination, check_name
from facevid.video.filters import filtered
from facevid.video.frame import Frame
from facevid.video.info import ClipInfo
from facevid.video.reader.clip import Clip
from facevid.video.sequence import PICTURE_SUFFIXES
from facevid.video.writer.encoding import VIDEO_SUFFIXES, Encoding
from facevid.video.writer.plan import EncoderPlan, plan_encoder, plan_rgb_encoder
from facevid.video.writer.sequence_output import SequenceOutput, check_sequence_destination, sequence_target
from facevid.video.writer.still_output import StillOutput
from facevid.video.writer.video_output import FileOutput


class _Writer:
    """What both writers share: they are a context manager around an output of the kind that `out` names."""

    def __init__(self, out: Path, source: ClipInfo, overwrite: bool, plan: Callable[[Path], EncoderPlan]) -> None:
        check_name(out)
        target = sequence_target(out, source)
        self._output: FileOutput | StillOutput | SequenceOutput
        if target is None:
            check_destination(out, source.path, PICTURE_SUFFIXES if source.is_still else VIDEO_SUFFIXES, overwrite)
            self._plan = plan(out)
            self._output = (StillOutput if source.is_still else FileOutput)(out, source, self._plan)
        else:
            check_sequence_destination(target, source, overwrite)
            self._plan = plan(target.pattern)
            self._output = SequenceOutput(target, source, self._plan)

    @property
    def warnings(self) -> list[str]:
        """What the result cannot hold of its source; complete on leaving."""
        return self._output.warnings

    def __enter__(self) -> Self:
        self._output.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._output.__exit__(kind, error, trace)


class ClipWriter(_Writer):
    """Writes edited frames of `source` to `out`, with its sound, subtitles, chapters, metadata and timestamps.

    A context manager: `out` appears, whole, on leaving it without an exception; otherwise nothing is left and an
    existing `out` stays as it was. `warnings` names what the result cannot hold (complete on leaving). A still source
    gives a still; a video and an image sequence give either, an image sequence where `out` is a pattern or, for a
    sequence, a folder. Its frames keep the source's numbers, which `--frames` takes. Raises UsageError or
    OutputError at once where `out` or `encoding` cannot be, OutputError on writing.
    """

    def __init__(
        self,
        out: str | os.PathLike[str],
        source: Clip,
        *,
        encoding: Encoding = Encoding(),  # noqa: B008 -- immutable
        overwrite: bool = False,
    ) -> None:
        super().__init__(Path(out), source.info, overwrite, lambda path: plan_encoder(source.info, path, encoding))

    def write(self, frame: Frame) -> None:
        """Encode the next frame at its own time. Raises OutputError."""
        self._output.write(filtered(frame.native, []), frame)


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
        self._out, self._size = Path(out), (height, width)
        super().__init__(
            self._out,
            source.info,
            overwrite,
            lambda path: plan_rgb_encoder(source.info, path, (width, height), encoding),
        )

    def write(self, rgb: NDArray[np.uint8], frame: Frame) -> None:
        """Encode uint8 RGB (height, width, 3), as displayed, at the time of `frame`. Raises OutputError."""
        if rgb.shape != (*self._size, 3) or rgb.dtype != np.uint8:
            msg = f"{self._out}: pictures must be uint8 of shape {(*self._size, 3)}, not {rgb.dtype} {rgb.shape}"
            raise UsageError(msg)
        extra = (self._plan.height - self._size[0], self._plan.width - self._size[1])
        padded = np.pad(rgb, ((0, extra[0]), (0, extra[1]), (0, 0)), mode="edge") if any(extra) else rgb
        self._output.write(VideoFrame.from_ndarray(np.ascontiguousarray(padded), format="rgb24"), frame)
