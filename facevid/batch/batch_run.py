"""Running the shots of a batch on an engine."""

import traceback
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, cast

from facevid.batch.edit_shot import ShotReport, edit_shot, kept_report
from facevid.batch.shot_state import ForeignOutputError, ShotTask, shot_state
from facevid.edits.edit_file import FaceEdits
from facevid.engines import Engine, TaskOutcome
from facevid.errors import EngineError, OutputError, describe, exit_code


@dataclass(frozen=True)
class ShotOutcome:
    """Outcome of one shot; one line of `--log`.

    Attributes:
        shot: name of the shot.
        state: "done"; "kept" if the result was complete and its inputs had not changed; "busy" while another process
            edits the shot; or "failed".
        output: path of the result.
        compare: path of the comparison, None without one.
        layers: folder of the layers, None without any.
        attributes: the edits, as in --attr.
        model: name of the model.
        model_hash: SHA-256 that identifies the model.
        version: version of facevid.
        reasons: why an existing result was made again; for "busy", the host and the process.
        frames: number of frames written.
        edited: number of frames in which a face was edited.
        faces: number of edited faces, summed over all frames.
        warnings: losses in the result, and settings that are probably mistakes.
        seconds: duration of the edit, in seconds; that of the earlier one for "kept".
        code: exit code that `facevid edit` has for the error; 0 without an error.
        message: the error; empty without one.
        may_mend: whether the same command can succeed later, because the error is temporary: a lost worker or a full
            disk.
        trace: traceback of the error; empty without one.
    """

    shot: str
    state: Literal["done", "kept", "busy", "failed"]
    output: str
    compare: str | None
    layers: str | None
    attributes: Sequence[str]
    model: str
    model_hash: str
    version: str
    reasons: Sequence[str] = ()
    frames: int = 0
    edited: int = 0
    faces: int = 0
    warnings: Sequence[str] = ()
    seconds: float = 0.0
    code: int = 0
    message: str = ""
    may_mend: bool = False
    trace: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return the fields for JSON, without the traceback."""
        fields = asdict(self)
        del fields["trace"]
        return fields


def edit_shots(tasks: Sequence[ShotTask], engine: Engine, report: Callable[[ShotOutcome], None]) -> list[ShotOutcome]:
    """Edit shots. If one fails, the others are still edited.

    Shots that another process is editing are tried again at the end. This process then waits for them, and edits them
    if the other process has ended without a result.

    Args:
        tasks: the shots.
        engine: runs the tasks.
        report: called with the outcome of each shot when it is known; "busy" is followed by another outcome.

    Returns:
        The outcomes, in the order of the tasks.
    """
    outcomes: dict[int, ShotOutcome] = {}

    def set_outcome(index: int, outcome: ShotOutcome) -> None:
        outcomes[index] = outcome
        report(outcome)

    pending: list[int] = []

    def pending_tasks() -> Iterator[ShotTask]:
        for index, task in enumerate(tasks):
            outcome = _kept_outcome(task)
            if outcome is None:
                pending.append(index)
                yield task
            else:
                set_outcome(index, outcome)

    def run(selected: Iterable[ShotTask], indices: Sequence[int]) -> None:
        with closing(cast(Generator[TaskOutcome[ShotReport]], engine.run(edit_shot, selected))) as task_outcomes:
            for each in task_outcomes:
                index = indices[each.index]
                task = tasks[index]
                set_outcome(index, _failure(task, each.error) if each.error else _outcome(task, each.result()))

    run(pending_tasks(), pending)
    busy = [index for index in pending if outcomes[index].state == "busy"]
    run([replace(tasks[index], wait=True) for index in busy], busy)
    return [outcomes[index] for index in range(len(tasks))]


def _kept_outcome(task: ShotTask) -> ShotOutcome | None:
    """Return the outcome of a shot whose result is kept; None if a worker must edit it, or check it under its lock."""
    try:
        state = shot_state(task)
    except Exception:  # another process may be changing the files; otherwise the error recurs in the worker
        return None
    return _outcome(task, kept_report(state)) if state.is_done else None


def _outcome(task: ShotTask, report: ShotReport) -> ShotOutcome:
    numbers = asdict(report.summary) if report.summary else {}
    known = {name: value for name, value in numbers.items() if name not in ("copied", "detector")}
    return replace(_known_fields(task), state=report.state, reasons=report.reasons, **known)


def _failure(task: ShotTask, error: Exception) -> ShotOutcome:
    notes = "\n".join(getattr(error, "__notes__", ())) or "".join(traceback.format_exception(error))
    may_mend = isinstance(error, EngineError | OutputError | OSError) and not isinstance(error, ForeignOutputError)
    code, message = exit_code(error), describe(error)
    return replace(_known_fields(task), state="failed", code=code, message=message, may_mend=may_mend, trace=notes)


def _known_fields(task: ShotTask) -> ShotOutcome:
    """Return an outcome with the fields that are known before the shot is edited."""
    return ShotOutcome(
        shot=str(task.shot.name),
        state="failed",
        output=str(task.shot.target),
        compare=str(task.options.compare) if task.options.compare else None,
        layers=str(task.options.layers) if task.options.layers else None,
        attributes=_attributes(task),
        model=task.inputs.model,
        model_hash=task.inputs.model_hash,
        version=task.inputs.version,
    )


def _attributes(task: ShotTask) -> list[str]:
    """Return the edits as text: the values of --attr, or those of an edit file, without the times of keyframes."""
    if "attr" in task.inputs.options:
        return list(task.inputs.options["attr"])
    edits = [edit for each in task.edits for edit in (each.edits if isinstance(each, FaceEdits) else [each])]
    return [f"{edit.attribute}={','.join(f'{value:+g}' for value in edit.values)}" for edit in edits]
