"""How the library tells how far it is, without knowing who listens."""

from collections.abc import Iterable, Iterator
from typing import Protocol, TypeVar

T = TypeVar("T")


class Progress(Protocol):
    """Called once a stage; passes the stage's items through and may count and time them."""

    def __call__(self, stage: str, items: Iterable[T], total: int | None) -> Iterator[T]:
        """Pass `items` through. `total` is how many are expected, None where nobody knows."""
        ...


def silent(stage: str, items: Iterable[T], total: int | None) -> Iterator[T]:
    """Tell nothing."""
    yield from items
