"""Workers on this machine: processes that share its cores and its GPUs."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any, Self

from facevid.engines.engine import RETRIES, SECONDS_TO_STOP, Result, Task, TaskOutcome, run_task
from facevid.errors import EngineError
from facevid.utils.cores import configure_process

_THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
"""Variables that limit the threads of numerical libraries; read when these are imported."""


@dataclass
class _Attempt:
    """A task that has been started `count` times."""

    index: int
    task: Any
    count: int = 0


class LocalEngine:
    """Runs tasks in processes. They are started by the first run, and kept until the context is left.

    Args:
        workers: number of processes. The cores are divided among them, because more threads than cores slow all
            processes down.
        gpus: number of GPUs to divide among the workers, one each in turn; 0 for none.
    """

    def __init__(self, workers: int, gpus: int = 0) -> None:
        self.workers = workers
        self._gpus = gpus
        self._idle: list[_Worker] = []
        self._started = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        _stop(self._idle, interrupt=False)
        self._idle = []

    def run(self, function: Callable[[Task], Result], tasks: Iterable[Task]) -> Iterator[TaskOutcome[Result]]:
        """Yield the outcome of every task as soon as it ends."""
        new_attempts = (_Attempt(index, task) for index, task in enumerate(tasks))
        lost_attempts: list[_Attempt] = []
        running: dict[Connection, tuple[_Worker, _Attempt]] = {}
        try:
            while True:
                while len(running) < self.workers:
                    attempt = lost_attempts.pop() if lost_attempts else next(new_attempts, None)
                    if attempt is None:
                        break
                    worker = self._idle.pop() if self._idle else self._start_worker()
                    running[worker.connection] = worker, attempt
                    worker.send(function, attempt)
                if not running:
                    return
                for connection in wait([*running]):
                    assert isinstance(connection, Connection)
                    worker, attempt = running.pop(connection)
                    outcome = worker.receive()
                    if outcome is not None:
                        self._idle.append(worker)
                        yield outcome
                    elif attempt.count <= RETRIES:
                        lost_attempts.append(attempt)
                    else:
                        yield TaskOutcome(attempt.index, error=_lost_error(worker, attempt.count))
        finally:
            _stop([worker for worker, _ in running.values()], interrupt=True)

    def _start_worker(self) -> "_Worker":
        variables = {}
        if not any(name in os.environ for name in _THREAD_VARIABLES):
            threads = max(len(os.sched_getaffinity(0)) // self.workers, 1) if hasattr(os, "sched_getaffinity") else 1
            variables = dict.fromkeys(_THREAD_VARIABLES, str(threads))
        if self._gpus:
            visible = os.environ.get("CUDA_VISIBLE_DEVICES") or ",".join(map(str, range(self._gpus)))
            variables["CUDA_VISIBLE_DEVICES"] = visible.split(",")[self._started % self._gpus]
        self._started += 1
        return _Worker(variables)


class _Worker:
    """A process that runs tasks until its connection is closed.

    Args:
        variables: environment variables to set before it imports anything.
    """

    def __init__(self, variables: dict[str, str]) -> None:
        context = multiprocessing.get_context("spawn")  # a fork would copy locks held by threads that it does not copy
        self.connection, connection_of_process = context.Pipe()
        self.process: BaseProcess = context.Process(target=_work, args=(connection_of_process,), daemon=False)
        with _environment(variables):
            self.process.start()
        connection_of_process.close()

    def send(self, function: Callable[[Task], Any], attempt: _Attempt) -> None:
        """Start a task."""
        attempt.count += 1
        with suppress(BrokenPipeError, ConnectionResetError):  # `receive` then finds the connection closed
            self.connection.send((function, attempt.index, attempt.task))

    def receive(self) -> TaskOutcome[Any] | None:
        """Return the outcome of the task; None if the process has ended."""
        try:
            outcome: TaskOutcome[Any] = self.connection.recv()
        except (EOFError, ConnectionResetError):
            self.process.join()
            return None
        return outcome


def _stop(workers: Iterable[_Worker], *, interrupt: bool) -> None:
    """End workers. The end of its connection ends an idle one; one that does not end in time is killed.

    Args:
        workers: the workers.
        interrupt: whether they run a task, which is interrupted.
    """
    for worker in workers:
        worker.connection.close()
        if interrupt:
            worker.process.terminate()
    for worker in workers:
        worker.process.join(SECONDS_TO_STOP)
        if worker.process.exitcode is None:
            worker.process.kill()
            worker.process.join()


def _lost_error(worker: _Worker, count: int) -> EngineError:
    code = worker.process.exitcode or 0
    cause = f"killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
    return EngineError(
        f"a worker process was {cause}, {count} times with the same task; if memory was short, use fewer --workers"
    )


@contextmanager
def _environment(variables: dict[str, str]) -> Iterator[None]:
    """Set environment variables of this process; a process started meanwhile inherits them."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _work(connection: Connection) -> None:
    """Run tasks from a connection until it is closed; SIGTERM interrupts the task and ends the process."""
    configure_process()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all processes: the parent cancels the workers
    signal.signal(signal.SIGTERM, _interrupt)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    with suppress(KeyboardInterrupt, EOFError, BrokenPipeError):
        while True:
            function, index, task = connection.recv()
            outcome = run_task(function, task, index)
            try:
                connection.send(outcome)
            except (TypeError, AttributeError) as error:  # not picklable
                connection.send(TaskOutcome[Any](index, error=EngineError(f"result of a task: {error}")))
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # the process is ending anyway


def _interrupt(number: int, frame: object) -> None:
    raise KeyboardInterrupt


def _end_with_parent() -> None:
    """End this process as soon as its parent has ended, since its results would not be read."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
