"""A result in an image sequence: one file a frame, all of them moved into place together."""

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from types import TracebackType
from typing import Self

from av import VideoFrame

from facevid.errors import OutputError, UsageError
from facevid.utils.atomic_output import HiddenFolder, check_folder, check_name
from facevid.utils.prefetch import WORKERS
from facevid.video.frame import Frame
from facevid.video.info import ClipInfo
from facevid.video.sequence import PICTURE_SUFFIXES, SequenceName, sequence_name, told_numbers
from facevid.video.writer.image import write_picture
from facevid.video.writer.plan import EncoderPlan


def sequence_target(out: Path, source: ClipInfo) -> SequenceName | None:
    """Return how the frames of `out` are named where it is an image sequence; None where it is one file.

    A folder, existing or without a suffix, takes a sequence's frames under their own names. A single # in the name of
    a still's result is a part of it. Raises UsageError where names are left open, or where a still or a single picture
    is involved.
    """
    is_literal = out.is_file() or (source.is_still and "%" not in out.name and out.name.count("#") == 1)
    name = None if is_literal else sequence_name(out)
    if name is not None and source.is_still:
        msg = f"{out}: a still gives a still; name the result as one file, such as {out.with_name('out')}{out.suffix}"
        raise UsageError(msg)
    if name is not None or source.is_still:
        return name
    if source.sequence is not None and (out.is_dir() or not out.suffix):
        own = source.sequence.name
        return SequenceName(out, own.prefix, own.digits, own.suffix)
    if not out.suffix or out.suffix.lower() in PICTURE_SUFFIXES:
        pattern = (out.parent if out.suffix else out) / "shot.%04d.png"
        msg = f"{out}: unknown kind of file for this source; number its frames, such as {pattern}, or name a .mp4"
        raise UsageError(msg)
    return None


def check_sequence_destination(target: SequenceName, source: ClipInfo, overwrite: bool) -> None:
    """Raise UsageError or OutputError, with the remedy, where the frames of `source` cannot become `target`."""
    pattern = target.pattern
    check_name(target.path(0))
    check_folder(target.folder, pattern)
    own = {_identity(path) for path in source.files}
    existing = [number for number in target.numbers() if _is_made(number, source)]
    if any(_identity(target.path(number)) in own for number in existing):
        msg = f"{pattern} is the source itself; choose another folder or name"
        raise UsageError(msg)
    if existing and not overwrite:
        told = told_numbers(_ranges(existing))
        msg = f"{pattern} exists already ({told}); choose another folder or name, or pass --overwrite"
        raise OutputError(msg)


class SequenceOutput:
    """Encoders into a hidden folder, several at once, and the move of its files to their place; a context manager."""

    def __init__(self, target: SequenceName, source: ClipInfo, plan: EncoderPlan) -> None:
        self._target, self._source, self._plan = target, source, plan
        self.warnings: list[str] = [*plan.warnings, *_lost(target, source)]
        self._first = source.first_number
        self._pending: deque[Future[None]] = deque()
        self._written: list[int] = []

    def __enter__(self) -> Self:
        self._hidden = HiddenFolder(self._target.folder, self._target.pattern).__enter__()
        self._pool = ThreadPoolExecutor(WORKERS)
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
        """Encode a picture, which becomes this call's own, under the number of `frame`. Raises OutputError."""
        native.pts, native.time_base = 0, frame.time_base
        number = self._first + frame.index
        self._written.append(number)
        self._pending.append(self._pool.submit(self._encode, native, number))
        if len(self._pending) > WORKERS:
            self._pending.popleft().result()

    def _encode(self, native: VideoFrame, number: int) -> None:
        target = self._target.path(number)
        made = self._hidden.path / target.name
        file = self._source.sequence.name.path(number) if self._source.sequence else None
        write_picture(made, native, self._plan, product=target, source=self._source, file=file)

    def _finish(self) -> None:
        while self._pending:
            self._pending.popleft().result()
        if not self._written:
            msg = f"{self._target.pattern} is not written: it would hold no frame; give the writer at least one"
            raise OutputError(msg)
        self._hidden.commit([self._target.path(number).name for number in self._written])
        others = set(self._target.numbers()) - set(self._written)
        if others:
            told = told_numbers(_ranges(sorted(others)))
            self.warnings.append(f"{self._target.pattern} also holds {told}, which are no part of this result")


def _lost(target: SequenceName, source: ClipInfo) -> list[str]:
    """Say what of a video an image sequence cannot hold."""
    lost = []
    if source.has_sound:
        lost.append(f"{target.pattern.name}: an image sequence holds no sound: left out")
    if not source.is_constant_rate:
        lost.append(f"{target.pattern.name}: an image sequence holds no times: the source's varying ones are lost")
    if source.field_order > 1 and source.sequence is None:
        lost.append(f"{target.pattern.name}: a picture is not marked as interlaced, which the source is")
    return lost


def _is_made(number: int, source: ClipInfo) -> bool:
    """Return whether a result of `source` has a frame of this number; how many a video has is not known before."""
    if source.sequence is None:
        return number >= source.first_number
    return 0 <= number - source.sequence.first < source.sequence.count


def _identity(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_dev, status.st_ino


def _ranges(numbers: list[int]) -> list[range]:
    """Join ascending numbers to ranges."""
    breaks = [0, *(i for i, (a, b) in enumerate(pairwise(numbers), 1) if b != a + 1), len(numbers)]
    return [range(numbers[a], numbers[b - 1] + 1) for a, b in pairwise(breaks)]
