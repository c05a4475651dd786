"""Progress on the terminal: a bar a stage; plain lines where nobody watches; nothing when asked to be quiet."""

import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.text import Text

T = TypeVar("T")

SECONDS_BETWEEN_LINES = 10.0


class StageProgress:
    """Shows how far each stage is and keeps its time; a `facevid.progress.Progress`.

    Attributes:
        seconds: how long each stage took, in the order they ran.
    """

    def __init__(self, quiet: bool) -> None:
        self.seconds: dict[str, float] = {}
        self._quiet = quiet
        self._console = Console(stderr=True)

    def __call__(self, stage: str, items: Iterable[T], total: int | None) -> Iterator[T]:
        """Pass `items` through and show how many there were."""
        began = time.monotonic()
        if self._quiet:
            yield from items
        elif self._console.is_terminal:
            yield from self._bar(stage, items, total)
        else:
            yield from self._lines(stage, items, total)
        self.seconds[stage] = self.seconds.get(stage, 0.0) + time.monotonic() - began

    def _bar(self, stage: str, items: Iterable[T], total: int | None) -> Iterator[T]:
        columns = (
            TextColumn("{task.description:<8}"),
            BarColumn(),
            TextColumn("{task.completed}/{task.total}"),
            _Speed(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
        )
        with Progress(*columns, console=self._console) as progress:
            task = progress.add_task(stage, total=total)
            for item in items:
                yield item
                progress.advance(task, _count(item))

    def _lines(self, stage: str, items: Iterable[T], total: int | None) -> Iterator[T]:
        began = told = time.monotonic()
        count = 0
        for item in items:
            yield item
            count += _count(item)
            now = time.monotonic()
            if now - told >= SECONDS_BETWEEN_LINES:
                told = now
                click.echo(_line(stage, count, total, now - began), err=True)
        click.echo(_line(stage, count, count, time.monotonic() - began), err=True)


class _Speed(ProgressColumn):
    def render(self, task: Task) -> Text:
        """Show frames a second."""
        return Text(f"{task.finished_speed or task.speed or 0:.1f} fps")


def _count(item: object) -> int:
    return len(item) if isinstance(item, list) else 1


def _line(stage: str, count: int, total: int | None, seconds: float) -> str:
    speed = count / max(seconds, 1e-6)
    left = f", {(total - count) / speed:.0f} s left" if total and total > count else ""
    return f"{stage}: {count}{f'/{total}' if total else ''} frames, {speed:.1f} fps{left}"
