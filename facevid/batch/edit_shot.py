"""Editing one shot of a batch: the lock, the edit, and the new record."""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Literal

from filelock import FileLock, Timeout

from facevid.batch.shot_record import Output, Record, Summary, file_table, read_record, write_record
from facevid.batch.shot_state import ShotState, ShotTask, output_files, shot_state
from facevid.errors import NoFaceError, OutputError, reason
from facevid.options import EditOptions
from facevid.pipeline import edit_video
from facevid.utils.atomic_output import NO_LOCKS, sync_path
from facevid.video import ClipWriter, Encoding, open_clip

LOCK_POLL_SECONDS = 0.5
"""Interval, in seconds, between attempts to lock a shot that another process is editing."""


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
        files = [file for file in output_files(name, path, task.shot.source) if file.exists()]
        for file in files:
            sync_path(file)
        outputs[name] = Output(state.outputs[name].path, file_table(files))
    write_record(task.record, Record("done", state.inputs, outputs, summary))


def _restore_record(task: ShotTask, state: ShotState) -> None:
    """Restore the previous record if no output has changed; otherwise its state remains "started"."""
    for name, path in task.outputs.items():
        if file_table(output_files(name, path, task.shot.source)) != state.outputs[name].files:
            return
    if state.record is None:
        task.record.unlink(missing_ok=True)
    else:
        write_record(task.record, state.record)


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
