"""Progress functions that interrupt a stage."""

from collections.abc import Iterable, Iterator
from typing import TypeVar

from facevid.utils.progress import Progress

T = TypeVar("T")


def interrupt_after(count: int, interrupted_stage: str) -> Progress:
    """Return a progress that raises KeyboardInterrupt in a stage, after `count` of its items were processed."""

    def progress(stage: str, items: Iterable[T], total: int | None) -> Iterator[T]:
        for index, item in enumerate(items):
            if stage == interrupted_stage and index == count:
                raise KeyboardInterrupt
            yield item

    return progress
