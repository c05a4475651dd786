"""Prefetching: computing upcoming items of an iterable in threads."""

import functools
import os
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import TypeVar

from facevid.utils.cores import core_count

Item = TypeVar("Item")
Result = TypeVar("Result")

MAX_WORKERS = 8
"""Greatest number of threads, and of frames processed ahead: each holds one uncompressed frame in memory."""

THREAD_NAMES = "facevid-prefetch"
"""Beginning of the names of the pool's threads."""


def worker_count() -> int:
    """Return the number of threads of the pool: one for each core, at most `MAX_WORKERS`."""
    return min(core_count(), MAX_WORKERS)


def prefetch_map(function: Callable[[Item], Result], items: Iterable[Item]) -> Generator[Result, None, None]:
    """Yield `function(item)` for each item, in order, computing up to one result per core ahead of the consumer.

    All calls of the process share the threads of one pool, so that stages which feed each other do not occupy more
    threads than there are cores. Closing the generator waits for the calls that run. On a single core, and inside a
    call, which would wait for its own thread, the consumer's thread computes each result.
    """
    if core_count() == 1 or threading.current_thread().name.startswith(THREAD_NAMES):
        yield from map(function, items)
        return
    pending: deque[Future[Result]] = deque()
    workers = worker_count()
    pool = _pool(workers)
    try:
        for item in items:
            pending.append(pool.submit(function, item))
            if len(pending) > workers:
                yield _first_result(pending)
        while pending:
            yield _first_result(pending)
    finally:
        wait([future for future in pending if not future.cancel()])


def _first_result(pending: deque[Future[Result]]) -> Result:
    """Wait for the first call, which stays in `pending` if Ctrl-C ends the wait, and return its result."""
    wait([pending[0]])
    return pending.popleft().result()


@functools.cache
def _pool(workers: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(workers, THREAD_NAMES)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_pool.cache_clear)  # a forked process has none of the threads
