"""Grouping a stream into batches."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

T = TypeVar("T")


def batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Group `items` into lists of `size`, the last one maybe shorter; reads no further ahead than one batch."""
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch
