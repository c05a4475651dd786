"""Doing things in threads a little ahead of their turn."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Given = TypeVar("Given")
Made = TypeVar("Made")

WORKERS = min(os.cpu_count() or 1, 8)
"""Pictures of a sequence read or written at once: as many, uncompressed, are in memory."""


def prefetch_map(make: Callable[[Given], Made], items: Iterable[Given]) -> Iterator[Made]:
    """Yield `make` of each item, in order, up to WORKERS of them made before they are asked for."""
    pending: deque[Future[Made]] = deque()
    pool = ThreadPoolExecutor(WORKERS)
    try:
        for item in items:
            pending.append(pool.submit(make, item))
            if len(pending) > WORKERS:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)
