"""Editing one shot of a batch: comparison with its record, the lock, the edit, and the new record."""

import logging
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from filelock import FileLock, Timeout

from facevid.batch.shot_record import (
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
from facevid.utils.atomic_output import NO_LOCKS, sync_path
from facevid.video import ClipWriter, Encoding, open_clip
from facevid.video.sequence import SequenceName, find_sequence, sequence_name

LOCK_POLL_SECONDS = 0.5
"""Interval, in seconds, between attempts to lock a shot that another process is editing."""


class ForeignOutputError(OutputError):
    """An existing output that is not described by the record of its shot. Repeating the command does not help."""


@dataclass(frozen=True)
class ShotTask:
    """A shot, its edits and options.

    Attributes:
        shot: the shot.
        results: absolute path of the folder of the results; the shot's target lies below it.
        edits: edits, as for `edit_video`.
        options: options, as for `edit_video`, with absolute paths.
        inputs: everything that the result depends on, except the source, which is hashed when the shot is edited.
        overwrite: whether to replace outputs that the shot's record does not describe.
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
        """Paths of the outputs: "result", "compare" and "layers"."""
        paths = {"result": self.shot.target, "compare": self.options.compare, "layers": self.options.layers}
        return {name: path for name, path in paths.items() if path}


@dataclass(frozen=True)
class ShotState:
    """State of a shot before it is edited.

    Attributes:
        inputs: everything that the result depends on, now.
        outputs: existing files of each output.
        record: record of the result; None if it is missing or cannot be read.
        reasons: why an existing result must be made again, each in a few words.
        is_done: whether the result is complete, and its inputs have not changed.
    """

    inputs: Inputs
    outputs: dict[str, Output]
    record: Record | None
    reasons: tuple[str, ...] = ()
    is_done: bool = False


@dataclass(frozen=True)
class ShotReport:
    """The outcome of `edit_shot`.

    Attributes:
        state: "done"; "kept" if the result was complete and its inputs had not changed; "busy" if another process is
            editing the shot.
        reasons: why an existing result was made again; for "busy", the host and the process.
        summary: summary of this edit, or of the earlier one for "kept"; None for "busy".
    """

    state: Literal["done", "kept", "busy"]
    reasons: tuple[str, ...] = ()
    summary: Summary | None = None


def shot_state(task: ShotTask) -> ShotState:
    """Compare the inputs and outputs of a shot with its record.

    Raises:
        InputError: the source cannot be read.
        OutputError: an output exists that the shot's record does not describe, and it must not be replaced.
    """
    inputs = _current_inputs(task)
    outputs = {
        name: Output(printable(os.path.relpath(path, task.results)), file_table(_files(name, path, task.shot.source)))
        for name, path in task.outputs.items()
    }
    record = read_record(task.record)
    if record is not None and record.state == "done":
        _check_source(task, inputs, record)
    reasons = [change for name, output in outputs.items() for change in _output_changes(task, name, output, record)]
    if record is not None:
        if record.summary and record.summary.copied and not task.copy_without_face:
            reasons.append("it was copied without an edit")
        reasons += ["it was interrupted"] if record.state == "started" else inputs.differences(record.inputs)
    is_done = record is not None and not reasons
    return ShotState(inputs, outputs, record, tuple(dict.fromkeys(reasons)), is_done)


def _current_inputs(task: ShotTask) -> Inputs:
    """Return everything that the result depends on, with the hash of the source's files as they are now."""
    sequence = find_sequence(task.shot.source) if sequence_name(task.shot.source) else None
    try:
        source = source_hash(sequence.paths() if sequence else [task.shot.source])
    except OSError as error:
        raise InputError(f"{task.shot.source} cannot be read: {reason(error)}; check it and its permissions") from error
    return replace(task.inputs, source=source, source_path=printable(str(task.shot.source)))


def _output_changes(task: ShotTask, name: str, output: Output, record: Record | None) -> Iterator[str]:
    """Yield how the files of an output differ from those in the record, in a few words.

    Raises:
        OutputError: a file is not in the record, and must not be replaced.
    """
    recorded = record.outputs.get(name) if record is not None else None
    is_recorded = recorded is not None and recorded.path == output.path
    if record is not None and record.state == "started" and is_recorded:
        return  # the interrupted run was allowed to replace the files that existed then
    recorded_files = recorded.files if recorded is not None and is_recorded else {}
    foreign = [file for file, status in output.files.items() if recorded_files.get(file) != status]
    if foreign and not task.overwrite:
        raise _foreign_error(task, name, foreign[0])
    if foreign:
        yield "replaced by --overwrite"
    missing = len(recorded_files.keys() - output.files.keys())
    if missing:
        yield f"{missing} of {len(recorded_files)} files of its {name} are missing"


def edit_shot(task: ShotTask) -> ShotReport:
    """Edit a shot, unless its result is complete and its inputs have not changed.

    Only one process edits a shot at a time. The state in the record is "started" until all outputs are in place, so
    that the outputs of a killed run are made again. If an error occurs before an output changes, the previous record is
    restored.

    Raises:
        FacevidError: as `edit_video` and `shot_state`.
    """
    began = time.monotonic()
    with _lock(task) as is_locked:
        if not is_locked:
            record = read_record(task.record)
            return ShotReport("busy", (record.process if record else "another process",))
        state = shot_state(task)
        if state.is_done:
            return kept_report(state)
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


def kept_report(state: ShotState) -> ShotReport:
    """Return the report of a shot whose result is kept."""
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
            sync_path(file)
        outputs[name] = Output(state.outputs[name].path, file_table(files))
    write_record(task.record, Record("done", state.inputs, outputs, summary))


def _restore_record(task: ShotTask, state: ShotState) -> None:
    """Restore the previous record if no output has changed; otherwise its state remains "started"."""
    for name, path in task.outputs.items():
        if file_table(_files(name, path, task.shot.source)) != state.outputs[name].files:
            return
    if state.record is None:
        task.record.unlink(missing_ok=True)
    else:
        write_record(task.record, state.record)


def _files(name: str, path: Path, source: Path) -> list[Path]:
    """List the files of an output: the layers, the files of a sequence with the source's frame numbers, or one file."""
    if name == "layers":
        return layer_files(path)
    source_name, pattern = sequence_name(source), sequence_name(path)
    if source_name is None:
        return [path]
    if pattern is None and (path.is_dir() or not path.suffix):
        pattern = SequenceName(path, source_name.prefix, source_name.digits, source_name.suffix)
    return [path] if pattern is None else [pattern.path(number) for number in source_name.numbers()]


def _check_source(task: ShotTask, inputs: Inputs, record: Record) -> None:
    """Raise ForeignOutputError if the result was made from another source of the same name."""
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
    """Hold the lock of a shot in the context, and yield whether it was free.

    The system releases the lock if the process is killed.
    """
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
    """Collects the messages of warnings."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Append a message; called by `logging`."""
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
