"""Prefetching: computing upcoming items of an iterable in threads."""

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from facevid.utils.cores import core_count

Item = TypeVar("Item")
Result = TypeVar("Result")

MAX_WORKERS = 8
"""Greatest number of threads, and of frames processed ahead: each holds one uncompressed frame in memory."""


def worker_count() -> int:
    """Return the number of threads of a pool: one for each core, at most `MAX_WORKERS`."""
    return min(core_count(), MAX_WORKERS)


def prefetch_map(function: Callable[[Item], Result], items: Iterable[Item]) -> Generator[Result, None, None]:
    """Yield `function(item)` for each item, in order, computing up to one result per core ahead of the consumer.

    Closing the generator waits for its threads. On a single core, the consumer's thread computes each result.
    """
    if core_count() == 1:
        yield from map(function, items)
        return
    pending: deque[Future[Result]] = deque()
    workers = worker_count()
    pool = ThreadPoolExecutor(workers)
    try:
        for item in items:
            pending.append(pool.submit(function, item))
            if len(pending) > workers:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)
