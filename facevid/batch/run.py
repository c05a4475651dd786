"""Running the shots of a batch on an engine."""

import traceback
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, cast

from facevid.batch.edit_shot import ShotReport, ShotTask, edit_shot, kept, look_at_shot
from facevid.edits.edit_file import FaceEdits
from facevid.engines import Engine, TaskOutcome
from facevid.errors import describe, exit_code

MENDED_BY_ANOTHER_RUN = (1, 6)
"""Exit codes of failures that can be gone in a second run without another input: a lost worker, a full disk."""


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
    trace: str = ""

    @property
    def another_run_may_help(self) -> bool:
        """Whether the same command can succeed later without a change of the shot or its options."""
        return self.code in MENDED_BY_ANOTHER_RUN

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

    to_do = []
    for index, task in enumerate(tasks):
        outcome = _outcome_without_work(task)
        if outcome is None:
            to_do.append(index)
        else:
            settle(index, outcome)
    _run(engine, tasks, to_do, settle)
    busy = [index for index in to_do if outcomes[index].state == "busy"]
    _run(engine, [replace(task, wait=True) for task in tasks], busy, settle)
    return [outcomes[index] for index in range(len(tasks))]


def _run(
    engine: Engine, tasks: Sequence[ShotTask], indices: Sequence[int], settle: Callable[[int, ShotOutcome], None]
) -> None:
    """Edit some of the shots, and settle the outcome of each."""
    with closing(cast(Generator[TaskOutcome[ShotReport]], engine.run(edit_shot, [tasks[i] for i in indices]))) as run:
        for ended in run:
            task = tasks[indices[ended.index]]
            settle(
                indices[ended.index],
                _failure(task, ended.error) if ended.error is not None else _outcome(task, ended.result()),
            )


def _outcome_without_work(task: ShotTask) -> ShotOutcome | None:
    """Return the outcome of a shot that is done, or that cannot be edited; None if it is to be edited."""
    try:
        state = look_at_shot(task)
    except Exception as error:
        return _failure(task, error)
    return _outcome(task, kept(state)) if state.is_done else None


def _outcome(task: ShotTask, report: ShotReport) -> ShotOutcome:
    numbers = asdict(report.summary) if report.summary else {}
    numbers.pop("detector", None)
    return replace(_blank(task), state=report.state, reasons=report.reasons, **numbers)


def _failure(task: ShotTask, error: Exception) -> ShotOutcome:
    notes = "\n".join(getattr(error, "__notes__", ())) or "".join(traceback.format_exception(error))
    return replace(_blank(task), state="failed", code=exit_code(error), message=describe(error), trace=notes)


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
