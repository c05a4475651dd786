"""The interface of all engines, and the engine that runs tasks in this process."""

import traceback
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Generic, Protocol, Self, TypeVar, cast

Task = TypeVar("Task")
Result = TypeVar("Result")

RETRIES = 2
"""Number of times a task is started again after its worker was lost: killed, out of memory, or on a failed machine.
A task that raises an exception is not started again."""

SECONDS_TO_STOP = 10.0
"""Time, in seconds, that a cancelled worker has to delete its temporary files before it is killed."""


@dataclass(frozen=True)
class TaskOutcome(Generic[Result]):
    """How one task ended.

    Attributes:
        index: position of the task in the tasks given to `Engine.run`.
        value: what the function returned; None after an error.
        error: the exception that the function raised, or EngineError if its workers were lost; None for success.
    """

    index: int
    value: Result | None = None
    error: Exception | None = None

    def result(self) -> Result:
        """Return the value, or raise the error."""
        if self.error is not None:
            raise self.error
        return cast(Result, self.value)


class Engine(Protocol):
    """Runs functions on workers; a context manager, which ends the workers.

    Attributes:
        workers: number of tasks that run at the same time; None if the cluster decides.
    """

    @property
    def workers(self) -> int | None: ...  # noqa: D102 -- described above

    def run(self, function: Callable[[Task], Result], tasks: Iterable[Task]) -> Iterator[TaskOutcome[Result]]:
        """Yield the outcome of every task as soon as it ends, in any order.

        Closing the iterator early, as a KeyboardInterrupt in the caller does, cancels the remaining tasks: workers that
        run one receive SIGTERM, which raises KeyboardInterrupt in the function.

        Args:
            function: an importable function of one task.
            tasks: its arguments; read as workers become free.
        """
        ...

    def __enter__(self) -> Self: ...

    def __exit__(self, *error: object) -> None: ...


class InProcessEngine:
    """Runs tasks one after another in this process."""

    workers = 1

    def run(self, function: Callable[[Task], Result], tasks: Iterable[Task]) -> Iterator[TaskOutcome[Result]]:
        """Yield the outcome of every task, in order."""
        for index, task in enumerate(tasks):
            yield run_task(function, task, index)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        return


def run_task(function: Callable[[Task], Result], task: Task, index: int) -> TaskOutcome[Result]:
    """Run a task and return its outcome. The text of its traceback is added to an error as a note."""
    try:
        return TaskOutcome(index, function(task))
    except Exception as error:
        error.add_note(traceback.format_exc())
        return TaskOutcome(index, error=error)
