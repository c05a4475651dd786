"""Write a result: re-encoded frames, with sound, subtitles, chapters and metadata copied from the source."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from av import VideoFrame
from numpy.typing import NDArray

from facevid.errors import UsageError
from facevid.provenance.signing import Signer
from facevid.provenance.statement import Provenance
from facevid.utils.atomic_output import check_destination, check_name
from facevid.video.encoding.codecs import VIDEO_SUFFIXES, Encoding
from facevid.video.encoding.encoder_plan import EncoderPlan, plan_encoder, plan_rgb_encoder
from facevid.video.filters import filtered
from facevid.video.frame import Frame
from facevid.video.info import ClipInfo
from facevid.video.reader.clip import Clip
from facevid.video.sequence import IMAGE_SUFFIXES
from facevid.video.writer.segment_writer import Destination
from facevid.video.writer.sequence_output import SequenceOutput, check_sequence_destination, sequence_target
from facevid.video.writer.still_output import StillOutput
from facevid.video.writer.video_output import VideoOutput


class _Writer:
    """Base of the writers: a context manager around the output (video, still or image sequence) that `out` names.

    Attributes:
        destination: makes the writers of segments.
    """

    def __init__(
        self,
        out: Path,
        source: ClipInfo,
        plan: Callable[[Path], EncoderPlan],
        *,
        overwrite: bool,
        part: range | None,
        provenance: Provenance | None,
        signer: Signer | None = None,
    ) -> None:
        check_name(out)
        target = sequence_target(out, source)
        self._output: VideoOutput | StillOutput | SequenceOutput
        if target is None and part is not None:
            raise UsageError(f"{out}: a part of the frames can be written to an image sequence only, not to one file")
        if target is None:
            check_destination(out, source.path, IMAGE_SUFFIXES if source.is_still else VIDEO_SUFFIXES, overwrite)
            self._plan = plan(out)
            self.destination = Destination(out, source, self._plan, None, provenance)
            if source.is_still:
                self._output = StillOutput(out, source, self._plan, signer)
            else:
                self._output = VideoOutput(out, source, self._plan, provenance, signer)
        else:
            check_sequence_destination(target, source, overwrite, part)
            self._plan = plan(target.pattern)
            self.destination = Destination(target.pattern, source, self._plan, target, provenance)
            self._output = SequenceOutput(target, source, self._plan, part)

    @property
    def warnings(self) -> list[str]:
        """What the result cannot keep of its source; complete after the context is left."""
        return self._output.warnings

    def append(self, segments: Sequence[Path]) -> None:
        """Write all frames of the result at once, from segments that `destination.segment` has written.

        Args:
            segments: paths of the segments, in order.

        Raises:
            OutputError: the segments do not fit together, or the output cannot be written.
        """
        self._output.append(segments)

    def __enter__(self) -> Self:
        self._output.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._output.__exit__(kind, error, trace)


class ClipWriter(_Writer):
    """Write edited frames of `source` to `out`, with the source's sound, subtitles, chapters, metadata and timestamps.

    A context manager. The complete `out` appears when the context is left without an exception; after an exception,
    nothing is left behind and an existing `out` is unchanged.

    Args:
        out: a video; an image sequence (a pattern; for a sequence as source, also a folder), whose frames keep the
            source's frame numbers; or, for a still as source, an image.
        source: the clip that the frames come from.
        encoding: codec, quality and pixel format.
        overwrite: whether an existing `out` may be replaced.
        part: numbers of the only frames to write, into an image sequence that may exist; None writes all frames.
        provenance: stated in results with edited frames, which are written in segments; None states nothing.
        signer: signs a video or still with edited frames; None does not.

    Raises:
        UsageError: `out` or `encoding` does not fit the source; raised by the constructor.
        OutputError: `out` exists or cannot be written; raised by the constructor, or while writing.
    """

    def __init__(
        self,
        out: str | os.PathLike[str],
        source: Clip,
        *,
        encoding: Encoding = Encoding(),  # noqa: B008 -- immutable
        overwrite: bool = False,
        part: range | None = None,
        provenance: Provenance | None = None,
        signer: Signer | None = None,
    ) -> None:
        super().__init__(
            Path(out),
            source.info,
            lambda path: plan_encoder(source.info, path, encoding),
            overwrite=overwrite,
            part=part,
            provenance=provenance,
            signer=signer,
        )

    def write(self, frame: Frame) -> None:
        """Encode the next frame at its own timestamp. Raises OutputError."""
        self._output.write(writable(frame), frame)


class RgbWriter(_Writer):
    """Write 8-bit RGB frames of size `width` x `height` at the timestamps of `source`; otherwise as ClipWriter."""

    def __init__(
        self,
        out: str | os.PathLike[str],
        source: Clip,
        width: int,
        height: int,
        *,
        encoding: Encoding = Encoding(),  # noqa: B008 -- immutable
        overwrite: bool = False,
        part: range | None = None,
        provenance: Provenance | None = None,
    ) -> None:
        self._out, self._size = Path(out), (height, width)
        super().__init__(
            self._out,
            source.info,
            lambda path: plan_rgb_encoder(source.info, path, (width, height), encoding),
            overwrite=overwrite,
            part=part,
            provenance=provenance,
        )

    def write(self, rgb: NDArray[np.uint8], frame: Frame) -> None:
        """Encode an image at the timestamp of `frame`.

        Args:
            rgb: uint8 (height, width, 3) RGB in display orientation.
            frame: the source's frame.

        Raises:
            UsageError: wrong shape or dtype.
            OutputError: the output cannot be written.
        """
        if rgb.shape != (*self._size, 3) or rgb.dtype != np.uint8:
            msg = f"{self._out}: frames must be uint8 of shape {(*self._size, 3)}, not {rgb.dtype} {rgb.shape}"
            raise UsageError(msg)
        self._output.write(padded(rgb, self._plan), frame)


def result_folder(out: Path, source: ClipInfo) -> Path:
    """Return an existing folder on the disk of a result: the folder of the result, else the parent of that folder.

    Raises:
        UsageError: `out` does not fit the source.
    """
    target = sequence_target(out, source)
    folder = out.parent if target is None else target.folder
    return folder if folder.is_dir() else folder.parent


def writable(frame: Frame) -> VideoFrame:
    """Return a frame's samples for a writer, which sets their time; the decoder may still read the originals."""
    return filtered(frame.native, [])


def padded(rgb: NDArray[np.uint8], plan: EncoderPlan) -> VideoFrame:
    """Repeat the last row and column of an image, uint8 (H, W, 3), up to the size of the plan."""
    padding = (plan.height - rgb.shape[0], plan.width - rgb.shape[1])
    if any(padding):
        rgb = np.pad(rgb, ((0, padding[0]), (0, padding[1]), (0, 0)), mode="edge")
    return VideoFrame.from_ndarray(np.ascontiguousarray(rgb), format="rgb24")
