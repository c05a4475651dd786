"""Running the shots of a batch on an engine."""

import traceback
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, cast

from facevid.batch.edit_shot import ForeignOutputError, ShotReport, ShotTask, edit_shot, kept, look_at_shot
from facevid.edits.edit_file import FaceEdits
from facevid.engines import Engine, TaskOutcome
from facevid.errors import EngineError, OutputError, describe, exit_code


@dataclass(frozen=True)
class ShotOutcome:
    """Outcome of one shot; one line of `--log`.

    Attributes:
        shot: name of the shot.
        state: "done"; "kept" if its result is there and nothing has changed; "busy" while another process edits it; or
            "failed".
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
        warnings: what the result could not keep, and settings that are probably mistakes.
        seconds: duration of the edit, in seconds; that of the earlier one for "kept".
        code: exit code that `facevid edit` has for the error; 0 without an error.
        message: the error; empty without one.
        may_mend: whether the same command can succeed later: after a lost worker, or a full disk.
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

    Shots that another process edits are left for the end, and waited for: either the other process finishes them, or it
    dies, and they are edited here.

    Args:
        tasks: the shots.
        engine: runs them.
        report: called with the outcome of each shot when it is known; "busy" is followed by another outcome.

    Returns:
        The outcomes, in the order of the tasks.
    """
    outcomes: dict[int, ShotOutcome] = {}

    def settle(index: int, outcome: ShotOutcome) -> None:
        outcomes[index] = outcome
        report(outcome)

    to_do: list[int] = []

    def tasks_to_do() -> Iterator[ShotTask]:
        for index, task in enumerate(tasks):
            outcome = _outcome_without_work(task)
            if outcome is None:
                to_do.append(index)
                yield task
            else:
                settle(index, outcome)

    def run(chosen: Iterable[ShotTask], indices: Sequence[int]) -> None:
        with closing(cast(Generator[TaskOutcome[ShotReport]], engine.run(edit_shot, chosen))) as all_ended:
            for ended in all_ended:
                index = indices[ended.index]
                error = ended.error
                settle(index, _failure(tasks[index], error) if error else _outcome(tasks[index], ended.result()))

    run(tasks_to_do(), to_do)
    busy = [index for index in to_do if outcomes[index].state == "busy"]
    run([replace(tasks[index], wait=True) for index in busy], busy)
    return [outcomes[index] for index in range(len(tasks))]


def _outcome_without_work(task: ShotTask) -> ShotOutcome | None:
    """Return the outcome of a shot that is done; None if a worker must look at it under its lock."""
    try:
        state = look_at_shot(task)
    except Exception:  # another process may be at work on it; otherwise the worker meets the same error
        return None
    return _outcome(task, kept(state)) if state.is_done else None


def _outcome(task: ShotTask, report: ShotReport) -> ShotOutcome:
    numbers = asdict(report.summary) if report.summary else {}
    known = {name: value for name, value in numbers.items() if name not in ("copied", "detector")}
    return replace(_blank(task), state=report.state, reasons=report.reasons, **known)


def _failure(task: ShotTask, error: Exception) -> ShotOutcome:
    notes = "\n".join(getattr(error, "__notes__", ())) or "".join(traceback.format_exception(error))
    may_mend = isinstance(error, EngineError | OutputError | OSError) and not isinstance(error, ForeignOutputError)
    code, message = exit_code(error), describe(error)
    return replace(_blank(task), state="failed", code=code, message=message, may_mend=may_mend, trace=notes)


def _blank(task: ShotTask) -> ShotOutcome:
    """Return the outcome of a shot before anything is known."""
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
    """Return the edits as text: the values of --attr, or those of an edit file without the times of keyframes."""
    if "attr" in task.inputs.options:
        return list(task.inputs.options["attr"])
    edits = [edit for each in task.edits for edit in (each.edits if isinstance(each, FaceEdits) else [each])]
    return [f"{edit.attribute}={','.join(f'{value:+g}' for value in edit.values)}" for edit in edits]
