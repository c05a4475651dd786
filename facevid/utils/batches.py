"""Grouping an iterable into batches."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

T = TypeVar("T")


def batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Yield lists of `size` items; the last may be shorter. Reads at most one batch ahead of the consumer."""
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch
