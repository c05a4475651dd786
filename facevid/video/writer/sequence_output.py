"""Output to an image sequence: one file per frame, all moved into place together."""

from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from types import TracebackType
from typing import Self

from av import VideoFrame

from facevid.errors import OutputError, UsageError
from facevid.utils.atomic_output import TemporaryFolder, check_folder, check_name, link_or_copy
from facevid.utils.prefetch import worker_count
from facevid.video.encoding.encoder_plan import EncoderPlan
from facevid.video.frame import Frame
from facevid.video.info import ClipInfo
from facevid.video.sequence import IMAGE_SUFFIXES, SequenceName, format_frames, sequence_name
from facevid.video.writer.image_writer import save_image
from facevid.video.writer.segment_writer import read_index


def sequence_target(out: Path, source: ClipInfo) -> SequenceName | None:
    """Return the file name pattern of `out` if it is an image sequence; None if it is a single file.

    A folder (existing, or a name without a suffix) keeps the file names of a source sequence. For a still as source, a
    single # in the name of `out` is literal.

    Raises:
        UsageError: a still would become a sequence, or a video or sequence a single image or an unnamed one.
    """
    is_literal = out.is_file() or (source.is_still and "%" not in out.name and out.name.count("#") == 1)
    name = None if is_literal else sequence_name(out)
    if name is not None and source.is_still:
        msg = f"{out}: the source is a still; name the result as one file, such as {out.with_name('out')}{out.suffix}"
        raise UsageError(msg)
    if name is not None or source.is_still:
        return name
    if source.sequence is not None and (out.is_dir() or not out.suffix):
        name = source.sequence.name
        return SequenceName(out, name.prefix, name.digits, name.suffix)
    if not out.suffix or out.suffix.lower() in IMAGE_SUFFIXES:
        pattern = (out.parent if out.suffix else out) / "shot.%04d.png"
        msg = f"{out}: this source needs an image sequence, such as {pattern}, or a video, such as a .mp4; rename it"
        raise UsageError(msg)
    return None


def check_sequence_destination(
    target: SequenceName, source: ClipInfo, overwrite: bool, part: range | None = None
) -> None:
    """Check, before any work, that frames of `source` can be written to `target`.

    Existing files of a `part` of the frames, given by their numbers, are replaced without `overwrite`.

    Raises:
        UsageError: `target` is the source itself, or its name is not valid.
        OutputError: files exist and `overwrite` is not set, or the folder cannot be written to.
    """
    pattern = target.pattern
    check_name(target.path(0))
    check_folder(target.folder, pattern)
    source_files = {_file_id(path) for path in source.files}
    existing = [number for number in target.numbers() if _will_be_written(number, source)]
    if any(_file_id(target.path(number)) in source_files for number in existing):
        msg = f"{pattern} is the source itself; choose another folder or name"
        raise UsageError(msg)
    if existing and not overwrite and part is None:
        msg = (
            f"{pattern} exists already ({format_frames(_ranges(existing))}); "
            f"choose another folder or name, or pass --overwrite"
        )
        raise OutputError(msg)


class SequenceOutput:
    """Writes frames to a hidden folder, in parallel, and moves the files into place on success; a context manager."""

    def __init__(self, target: SequenceName, source: ClipInfo, plan: EncoderPlan, part: range | None = None) -> None:
        self._target, self._source, self._plan = target, source, plan
        self.warnings: list[str] = [*plan.warnings, *_warnings(target, source)]
        self._first, self._is_part = source.first_number, part is not None
        self._pending: deque[Future[None]] = deque()
        self._names: list[str] = []

    def __enter__(self) -> Self:
        self._hidden = TemporaryFolder(self._target.folder, self._target.pattern).__enter__()
        self._pool = ThreadPoolExecutor(worker_count())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._finish()
        finally:
            self._pool.shutdown(cancel_futures=True)
            self._hidden.__exit__(kind, error, trace)

    def write(self, native: VideoFrame, frame: Frame) -> None:
        """Encode `native` under the frame number of `frame`; takes ownership of `native`. Raises OutputError."""
        native.pts, native.time_base = 0, frame.time_base
        number = self._first + frame.index
        self._names.append(self._target.path(number).name)
        self._pending.append(self._pool.submit(self._encode, native, number))
        if len(self._pending) > worker_count():
            self._pending.popleft().result()

    def append(self, segments: Sequence[Path]) -> None:
        """Take over the files of all segments, as from `ImageSegment`; the segments keep theirs.

        Raises:
            OutputError: the files cannot be linked or copied.
        """
        for segment in segments:
            for name in read_index(segment)["files"]:
                link_or_copy(segment / name, self._hidden.path / name, self._target.pattern)
                self._names.append(name)

    def _encode(self, native: VideoFrame, number: int) -> None:
        target = self._target.path(number)
        file = self._source.sequence.name.path(number) if self._source.sequence else None
        path = self._hidden.path / target.name
        save_image(path, native, self._plan, product=target, source=self._source, file=file)

    def _finish(self) -> None:
        while self._pending:
            self._pending.popleft().result()
        if not self._names:
            msg = f"{self._target.pattern} cannot be written: it has no frames; write at least one frame"
            raise OutputError(msg)
        self._hidden.commit(self._names)
        written = {*self._names}
        others = [number for number in self._target.numbers() if self._target.path(number).name not in written]
        if others and not self._is_part:
            listed = format_frames(_ranges(others))
            self.warnings.append(f"{self._target.pattern} also contains {listed}, which are not part of this result")


def _warnings(target: SequenceName, source: ClipInfo) -> list[str]:
    """Return warnings of what an image sequence cannot keep of a video."""
    name, warnings = target.pattern.name, []
    if source.has_sound:
        warnings.append(f"{name}: an image sequence has no sound: left out")
    if not source.is_constant_rate:
        warnings.append(f"{name}: an image sequence has no timestamps: the source's variable frame rate is lost")
    if source.field_order > 1 and source.sequence is None:
        warnings.append(f"{name}: images cannot be marked as interlaced, as the source is")
    return warnings


def _will_be_written(number: int, source: ClipInfo) -> bool:
    """Return whether a frame number is part of the result; the length of a video is not known in advance."""
    if source.sequence is None:
        return number >= source.first_number
    return 0 <= number - source.sequence.first < source.sequence.count


def _file_id(path: Path) -> tuple[int, int]:
    """Return device and inode, which links to a file share."""
    status = path.stat()
    return status.st_dev, status.st_ino


def _ranges(numbers: list[int]) -> list[range]:
    """Group ascending numbers into contiguous ranges."""
    breaks = [0, *(i for i, (a, b) in enumerate(pairwise(numbers), 1) if b != a + 1), len(numbers)]
    return [range(numbers[a], numbers[b - 1] + 1) for a, b in pairwise(breaks)]
