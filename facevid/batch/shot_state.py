"""A shot of a batch to edit, and the comparison of its inputs and outputs with its record."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from facevid.batch.shot_record import Inputs, Output, Record, file_table, read_record, record_path, source_hash
from facevid.batch.shots import Shot
from facevid.edits.attribute_edit import AttributeEdit
from facevid.edits.edit_file import FaceEdits
from facevid.errors import InputError, OutputError, printable, reason
from facevid.options import EditOptions
from facevid.rendering.layer_files import layer_files
from facevid.video.sequence import SequenceName, find_sequence, sequence_name


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


def shot_state(task: ShotTask) -> ShotState:
    """Compare the inputs and outputs of a shot with its record.

    Raises:
        InputError: the source cannot be read.
        OutputError: an output exists that the shot's record does not describe, and it must not be replaced.
    """
    inputs = _current_inputs(task)
    outputs = {
        name: Output(
            printable(os.path.relpath(path, task.results)), file_table(output_files(name, path, task.shot.source))
        )
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


def output_files(name: str, path: Path, source: Path) -> list[Path]:
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
