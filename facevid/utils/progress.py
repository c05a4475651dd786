"""The interface through which the library reports its progress."""

from collections.abc import Iterable, Iterator
from typing import Protocol, TypeVar

T = TypeVar("T")


class Progress(Protocol):
    """A callable that wraps the items of a stage and may count and time them."""

    def __call__(self, stage: str, items: Iterable[T], total: int | None) -> Iterator[T]:
        """Yield `items`, each after the previous one was processed.

        Args:
            stage: name of the stage.
            items: items of the stage, such as frames; a list is a batch and counts as its length.
            total: expected number of items, None if unknown.
        """
        ...


def no_progress(stage: str, items: Iterable[T], total: int | None) -> Iterator[T]:
    """Yield `items` without reporting anything."""
    yield from items
