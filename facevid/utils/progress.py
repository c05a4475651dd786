"""How the library tells how far it is, without knowing who listens."""

from collections.abc import Iterable, Iterator
from typing import Protocol, TypeVar

T = TypeVar("T")


class Progress(Protocol):
    """Called once a stage; passes the stage's items through and may count and time them."""

    def __call__(self, stage: str, items: Iterable[T], total: int | None) -> Iterator[T]:
        """Pass `items` through, one when the one before it is done with.

        `total` is how many are expected, None where nobody knows. A list counts as many as it holds: a batch.
        """
        ...


def silent(stage: str, items: Iterable[T], total: int | None) -> Iterator[T]:
    """Tell nothing."""
    yield from items
