"""Workers of a Ray cluster. Ray is optional: `pip install 'facevid[ray]'`."""

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any, Self

from facevid.engines.engine import RETRIES, SECONDS_TO_STOP, Result, Task, TaskOutcome, run_task
from facevid.errors import EngineError, UsageError, reason

MAX_IN_FLIGHT = 1000
"""Maximum number of tasks submitted at the same time, if the number of workers is not limited."""


class RayEngine:
    """Runs tasks on an existing Ray cluster, each on one CPU core, or on one GPU where the cluster has GPUs.

    Tasks of lost workers and machines are started again by Ray. Leaving the context disconnects from the cluster.

    Args:
        address: `HOST:PORT` of the cluster, or "auto" for the one of this machine; None is "auto".
        workers: maximum number of tasks at the same time; None for as many as the cluster has cores or GPUs.
        uses_gpus: whether tasks use a GPU.

    Raises:
        UsageError: Ray is not installed.
        EngineError: the cluster cannot be reached.
    """

    def __init__(self, address: str | None, workers: int | None, *, uses_gpus: bool) -> None:
        try:
            import ray
        except ImportError as error:
            raise UsageError("--engine ray: Ray is not installed; run: pip install 'facevid[ray]'") from error
        self._ray = ray
        self.workers = workers
        try:
            ray.init(address=address or "auto", log_to_driver=False, logging_level="ERROR", namespace="facevid")
        except (ConnectionError, ValueError, RuntimeError) as error:
            remedy = "start one with `ray start --head`, or give its --address HOST:PORT"
            raise EngineError(f"no Ray cluster at {address or 'auto'}: {reason(error)}; {remedy}") from error
        self._gpus_per_task = 1 if uses_gpus and ray.cluster_resources().get("GPU") else 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._ray.shutdown()

    def run(self, function: Callable[[Task], Result], tasks: Iterable[Task]) -> Iterator[TaskOutcome[Result]]:
        """Yield the outcome of every task as soon as it ends."""
        resources = {"num_cpus": 1, "num_gpus": self._gpus_per_task}
        remote = self._ray.remote(max_retries=RETRIES, max_calls=0, **resources)(run_task)
        waiting = iter(enumerate(tasks))
        running: dict[Any, int] = {}
        try:
            while True:
                free = (self.workers or MAX_IN_FLIGHT) - len(running)
                running |= {remote.remote(function, task, index): index for index, task in islice(waiting, free)}
                if not running:
                    return
                done, _ = self._ray.wait([*running], num_returns=1)
                yield self._outcome(done[0], running.pop(done[0]))
        finally:
            for reference in running:
                self._ray.cancel(reference)
            if running:  # cancelled tasks delete their temporary files
                self._ray.wait([*running], num_returns=len(running), timeout=SECONDS_TO_STOP)

    def _outcome(self, reference: Any, index: int) -> TaskOutcome[Any]:
        try:
            outcome: TaskOutcome[Any] = self._ray.get(reference)
        except self._ray.exceptions.RayError as error:
            message = f"a task failed on the Ray cluster after {RETRIES} retries: {reason(error)}; see Ray's logs"
            return TaskOutcome(index, error=EngineError(message))
        return outcome
