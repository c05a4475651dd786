"""Prefetching: computing upcoming items of an iterable in threads."""

import functools
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import TypeVar

from facevid.utils.cores import core_count

Item = TypeVar("Item")
Result = TypeVar("Result")

MAX_WORKERS = 8
"""Greatest number of threads, and of frames processed ahead: each holds one uncompressed frame in memory."""


def worker_count() -> int:
    """Return the number of threads of the pool: one for each core, at most `MAX_WORKERS`."""
    return min(core_count(), MAX_WORKERS)


def prefetch_map(function: Callable[[Item], Result], items: Iterable[Item]) -> Generator[Result, None, None]:
    """Yield `function(item)` for each item, in order, computing up to one result per core ahead of the consumer.

    All calls of the process share the threads of one pool, so that stages which feed each other do not occupy more
    threads than there are cores. `function` must not wait for the pool itself. Closing the generator waits for the
    calls that run. On a single core, the consumer's thread computes each result.
    """
    if core_count() == 1:
        yield from map(function, items)
        return
    pending: deque[Future[Result]] = deque()
    workers = worker_count()
    pool = _pool(workers)
    try:
        for item in items:
            pending.append(pool.submit(function, item))
            if len(pending) > workers:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        wait([future for future in pending if not future.cancel()])


@functools.cache
def _pool(workers: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(workers)
