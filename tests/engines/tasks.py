"""Functions that workers run in tests."""

import os
import signal
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")


def square(number: int) -> int:
    return number * number


def thread_count(_: int) -> str:
    return os.environ["OMP_NUM_THREADS"]


def process_id(_: int) -> int:
    time.sleep(0.2)  # long enough for the other worker to take the next task
    return os.getpid()


def refuse_odd_numbers(number: int) -> int:
    if number % 2:
        raise ValueError(number)
    return number


def die_the_first_time(marker: Path) -> str:
    """Kill the worker, unless the marker of an earlier attempt exists."""
    if not marker.exists():
        marker.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return marker.name


def lose_a_worker(marker: Path, function: Callable[[T], Iterable[int]], task: T) -> int:
    """Run a stage of an edit; the first worker to do so is killed after its first frame."""
    frames = 0
    for _ in function(task):
        die_the_first_time(marker)
        frames += 1
    return frames


def die_always(_: int) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def wait_and_clean_up(marker: Path) -> None:
    """Create a file, wait for a minute, and delete the file."""
    marker.touch()
    try:
        for _ in range(600):
            time.sleep(0.1)  # Ray interrupts Python code, not system calls
    finally:
        marker.unlink()
