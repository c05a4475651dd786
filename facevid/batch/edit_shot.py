"""Editing one shot of a batch: what its record says, the lock, the edit, and the new record."""

import logging
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from filelock import FileLock, Timeout

from facevid.batch.record import (
    Inputs,
    Output,
    Record,
    Summary,
    file_table,
    read_record,
    record_path,
    source_hash,
    write_record,
)
from facevid.batch.shots import Shot
from facevid.edits.attribute_edit import AttributeEdit
from facevid.edits.edit_file import FaceEdits
from facevid.errors import InputError, NoFaceError, OutputError, printable, reason
from facevid.options import EditOptions
from facevid.pipeline import edit_video
from facevid.rendering.layers import layer_files
from facevid.utils.atomic_output import NO_LOCKS
from facevid.video import ClipWriter, Encoding, open_clip
from facevid.video.sequence import SequenceName, find_sequence, sequence_name

LOCK_POLL_SECONDS = 0.5
"""Interval, in seconds, at which a shot that another process edits is tried again."""


class ForeignOutputError(OutputError):
    """An output that exists and is not the shot's own. The same command fails again."""


@dataclass(frozen=True)
class ShotTask:
    """A shot to edit, and how.

    Attributes:
        shot: the shot.
        results: absolute path of the folder of the results; the shot's target lies below it.
        edits: as `edit_video` takes them.
        options: as `edit_video` takes them, with absolute paths.
        inputs: what the result depends on, but for the source, which is read when the shot is edited.
        overwrite: whether outputs may be replaced that are not of this shot's record.
        copy_without_face: whether a shot without a face to edit is copied; otherwise it fails.
        wait: whether to wait while another process edits the shot.
    """

    shot: Shot
    results: Path
    edits: Sequence[AttributeEdit] | Sequence[FaceEdits]
    options: EditOptions
    inputs: Inputs
    overwrite: bool = False
    copy_without_face: bool = False
    wait: bool = False

    @property
    def record(self) -> Path:
        """Path of the record of the result."""
        return record_path(self.results, self.shot.target)

    @property
    def outputs(self) -> dict[str, Path]:
        """Paths of the outputs, by what they are."""
        paths = {"result": self.shot.target, "compare": self.options.compare, "layers": self.options.layers}
        return {name: path for name, path in paths.items() if path}


@dataclass(frozen=True)
class ShotState:
    """What was found of a shot before it is edited.

    Attributes:
        inputs: what the result depends on now.
        outputs: existing files of each output.
        record: the record of the result; None if there is none that can be read.
        reasons: why a result is made again, each in a few words; empty for a new one.
        is_done: whether the result is there, and nothing has changed.
    """

    inputs: Inputs
    outputs: dict[str, Output]
    record: Record | None
    reasons: tuple[str, ...] = ()
    is_done: bool = False


@dataclass(frozen=True)
class ShotReport:
    """What was done with a shot.

    Attributes:
        state: "done", "kept" if its result is there and nothing has changed, or "busy" if another process edits it.
        reasons: why an existing result was made again; for "busy", the host and the process.
        summary: what the edit did, now or before; None for "busy".
    """

    state: Literal["done", "kept", "busy"]
    reasons: tuple[str, ...] = ()
    summary: Summary | None = None


def look_at_shot(task: ShotTask) -> ShotState:
    """Find out whether the result of a shot is there, and whether it is still the result of the same inputs.

    Raises:
        InputError: the source cannot be read.
        OutputError: an output exists that is not of the shot's record, and must not be replaced.
    """
    sequence = find_sequence(task.shot.source) if sequence_name(task.shot.source) else None
    try:
        source = source_hash(sequence.paths() if sequence else [task.shot.source])
    except OSError as error:
        raise InputError(f"{task.shot.source} cannot be read: {reason(error)}; check it and its permissions") from error
    inputs = replace(task.inputs, source=source, source_path=printable(str(task.shot.source)))
    outputs = {
        name: Output(printable(os.path.relpath(path, task.results)), file_table(_files(name, path, task.shot.source)))
        for name, path in task.outputs.items()
    }
    record = read_record(task.record)
    state = ShotState(inputs, outputs, record)
    if record is not None and record.state == "done":
        _check_source(task, inputs, record)
    reasons: list[str] = []
    for name, output in outputs.items():
        before = record.outputs.get(name) if record is not None else None
        known = before.files if before is not None and before.path == output.path else None
        if record is not None and record.state == "started" and known is not None:
            continue  # the interrupted run was allowed to replace the files that it found, and may have done so
        foreign = [file for file, status in output.files.items() if (known or {}).get(file) != status]
        if foreign and not task.overwrite:
            raise _foreign_error(task, name, foreign[0])
        if foreign:
            reasons.append("replaced by --overwrite")
        missing = len((known or {}).keys() - output.files.keys())
        if missing:
            reasons.append(f"{missing} of {len(known or {})} files of its {name} are missing")
    if record is None:
        return replace(state, reasons=tuple(reasons))
    if record.summary and record.summary.copied and not task.copy_without_face:
        reasons.append("it was copied without an edit")
    reasons += ["it was interrupted"] if record.state == "started" else inputs.differences(record.inputs)
    return replace(state, reasons=tuple(dict.fromkeys(reasons)), is_done=not reasons)


def edit_shot(task: ShotTask) -> ShotReport:
    """Edit a shot, unless its result is there and nothing has changed. Only one process at a time edits a shot.

    The record says "started" until all outputs are in place, so that the outputs of a killed run are made again. After
    an error that left all outputs as they were, the record is as it was, too.

    Raises:
        FacevidError: as `edit_video` and `look_at_shot`.
    """
    began = time.monotonic()
    with _lock(task) as is_locked:
        if not is_locked:
            record = read_record(task.record)
            return ShotReport("busy", (record.process if record else "another process",))
        state = look_at_shot(task)
        if state.is_done:
            return kept(state)
        write_record(task.record, Record("started", state.inputs, state.outputs))
        try:
            with _logged_warnings() as warnings:
                summary = _edit(task, is_new=not any(output.files for output in state.outputs.values()))
        except BaseException:
            _restore_record(task, state)
            raise
        seconds = round(time.monotonic() - began, 3)
        summary = replace(summary, warnings=[*warnings, *summary.warnings], seconds=seconds)
        _write_done(task, state, summary)
        return ShotReport("done", state.reasons, summary)


def kept(state: ShotState) -> ShotReport:
    """Report a shot that is done."""
    return ShotReport("kept", summary=state.record.summary if state.record else None)


def _edit(task: ShotTask, is_new: bool) -> Summary:
    """Edit the shot, or copy it if it has no face."""
    options = replace(task.options, overwrite=not is_new)
    for path in task.outputs.values():
        path.parent.mkdir(parents=True, exist_ok=True)
    try:
        summary = edit_video(task.shot.source, task.shot.target, task.edits, options)
    except NoFaceError as error:
        if not task.copy_without_face:
            raise
        frames, warnings = _copy(task, options)
        return Summary(frames, copied=True, warnings=[f"copied without an edit: {error}", *warnings])
    return Summary(summary.frames, summary.edited, summary.faces, detector=summary.detector, warnings=summary.warnings)


def _copy(task: ShotTask, options: EditOptions) -> tuple[int, list[str]]:
    """Write the shot without an edit, encoded as an edit would be; return the number of frames, and warnings."""
    clip = open_clip(task.shot.source, options.rate, options.start_number, options.layer)
    encoding = Encoding(options.codec, options.crf, options.pix_fmt)
    with ClipWriter(task.shot.target, clip, encoding=encoding, overwrite=options.overwrite) as writer:
        count = 0
        for frame in clip.frames():
            writer.write(frame)
            count += 1
    return count, list(writer.warnings)


def _write_done(task: ShotTask, state: ShotState, summary: Summary) -> None:
    """Write the record of a complete result, after its files are on the disk."""
    outputs = {}
    for name, path in task.outputs.items():
        files = [file for file in _files(name, path, task.shot.source) if file.exists()]
        for file in files:
            _flush(file)
        outputs[name] = Output(state.outputs[name].path, file_table(files))
    write_record(task.record, Record("done", state.inputs, outputs, summary))


def _restore_record(task: ShotTask, state: ShotState) -> None:
    """Put the previous record back if all outputs are as they were; else it stays at "started"."""
    for name, path in task.outputs.items():
        if file_table(_files(name, path, task.shot.source)) != state.outputs[name].files:
            return
    if state.record is None:
        task.record.unlink(missing_ok=True)
    else:
        write_record(task.record, state.record)


def _files(name: str, path: Path, source: Path) -> list[Path]:
    """List the files of an output: those of the source's frame numbers for a sequence, else one; or the layers."""
    if name == "layers":
        return layer_files(path)
    source_name, pattern = sequence_name(source), sequence_name(path)
    if source_name is None:
        return [path]
    if pattern is None and (path.is_dir() or not path.suffix):
        pattern = SequenceName(path, source_name.prefix, source_name.digits, source_name.suffix)
    return [path] if pattern is None else [pattern.path(number) for number in source_name.numbers()]


def _check_source(task: ShotTask, inputs: Inputs, record: Record) -> None:
    """Raise ForeignOutputError if the result is that of another shot of this name, from another folder."""
    if inputs.source_path != record.inputs.source_path and inputs.source != record.inputs.source and not task.overwrite:
        raise ForeignOutputError(
            f"{task.shot.target} was made from {record.inputs.source_path}; choose another folder for the results, or "
            "pass --overwrite to replace it"
        )


def _foreign_error(task: ShotTask, name: str, file: str) -> ForeignOutputError:
    path = task.outputs[name]
    path = path / file if name == "layers" else path.with_name(file)
    cause = f"its record {task.record} is damaged" if task.record.exists() else "it has no record of this program"
    if read_record(task.record) is not None:
        cause = "it is not, or no longer, the file that its record describes"
    return ForeignOutputError(f"{path} exists, and {cause}; move it away, or pass --overwrite to replace it")


@contextmanager
def _lock(task: ShotTask) -> Iterator[bool]:
    """Hold the lock of a shot in the context, and yield whether it was free. The system releases it on death."""
    path = task.record.with_suffix(".lock")
    lock = FileLock(path, poll_interval=LOCK_POLL_SECONDS)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=-1 if task.wait else 0)
    except Timeout:
        yield False
        return
    except OSError as error:
        if error.errno not in NO_LOCKS:
            raise OutputError(f"{path}: cannot be written ({reason(error)}); choose another folder") from error
    try:
        yield True
    finally:
        lock.release()


class _WarningList(logging.Handler):
    """Keeps the messages of warnings."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a message."""
        self.messages.append(record.getMessage())


@contextmanager
def _logged_warnings() -> Iterator[list[str]]:
    """Collect the warnings that are logged in the context."""
    handler, logger = _WarningList(), logging.getLogger("facevid")
    logger.addHandler(handler)
    try:
        yield handler.messages
    finally:
        logger.removeHandler(handler)


def _flush(path: Path) -> None:
    """Wait until a file is on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
