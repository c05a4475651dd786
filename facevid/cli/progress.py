"""Progress on the terminal: a bar a stage; plain lines where nobody watches; nothing when asked to be quiet."""

import time
from collections.abc import Iterable, Iterator
from typing import Self, TypeVar

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.text import Text

from facevid.cli.terminal import say

T = TypeVar("T")

SECONDS_BETWEEN_LINES = 10.0


class StageProgress:
    """Shows how far each stage is and keeps its time; a `facevid.utils.progress.Progress`.

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
                say(_line(stage, count, total, now - began), err=True)
        say(_line(stage, count, count, time.monotonic() - began), err=True)


class ByteProgress:
    """Shows how much of each file is there, in bytes; a context, and a `facevid.models.fetch.Progress`."""

    def __init__(self) -> None:
        self._console = Console(stderr=True)
        columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
        self._bars = Progress(*columns, TimeRemainingColumn(), console=self._console)
        self._tasks: dict[str, TaskID] = {}
        self._told = time.monotonic()

    def __enter__(self) -> Self:
        """Show the bars where somebody watches."""
        if self._console.is_terminal:
            self._bars.start()
        return self

    def __exit__(self, *error: object) -> None:
        """Leave them as they are."""
        if self._console.is_terminal:
            self._bars.stop()

    def __call__(self, file: str, done: int, total: int) -> None:
        """Tell how many bytes of a file are there."""
        if self._console.is_terminal:
            if file not in self._tasks:
                self._tasks[file] = self._bars.add_task(file, total=total)
            self._bars.update(self._tasks[file], completed=done)
        elif done == total or time.monotonic() - self._told >= SECONDS_BETWEEN_LINES:
            self._told = time.monotonic()
            say(f"{file}: {done / 1e6:,.0f} of {total / 1e6:,.0f} MB", err=True)


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
