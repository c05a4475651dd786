"""Progress output: a bar for each stage on a terminal, plain lines in a log, nothing with --quiet."""

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

from facevid.cli.terminal import print_line

T = TypeVar("T")

SECONDS_BETWEEN_LINES = 10.0
"""Interval, in seconds, between progress lines in a log: keeps the logs of long renders short."""


class StageProgress:
    """Shows and times the stages of a command; implements `facevid.utils.progress.Progress`.

    Attributes:
        seconds: time each stage took, in seconds, in order of execution.
    """

    def __init__(self, quiet: bool) -> None:
        self.seconds: dict[str, float] = {}
        self._quiet = quiet
        self._console = Console(stderr=True)

    def __call__(self, stage: str, items: Iterable[T], total: int | None) -> Iterator[T]:
        """Yield `items` and show how many were processed."""
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
        began = last_printed = time.monotonic()
        count = 0
        for item in items:
            yield item
            count += _count(item)
            now = time.monotonic()
            if now - last_printed >= SECONDS_BETWEEN_LINES:
                last_printed = now
                print_line(_line(stage, count, total, now - began), err=True)
        print_line(_line(stage, count, count, time.monotonic() - began), err=True)


class ByteProgress:
    """Shows the progress of downloads in bytes; a context manager, and a `facevid.models.fetch.Progress`."""

    def __init__(self) -> None:
        self._console = Console(stderr=True)
        columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
        self._bars = Progress(*columns, TimeRemainingColumn(), console=self._console)
        self._tasks: dict[str, TaskID] = {}
        self._last_printed = time.monotonic()

    def __enter__(self) -> Self:
        """Start the bars if stderr is a terminal."""
        if self._console.is_terminal:
            self._bars.start()
        return self

    def __exit__(self, *error: object) -> None:
        """Stop updating the bars."""
        if self._console.is_terminal:
            self._bars.stop()

    def __call__(self, file: str, done: int, total: int) -> None:
        """Show that `done` of `total` bytes of `file` are downloaded."""
        if self._console.is_terminal:
            if file not in self._tasks:
                self._tasks[file] = self._bars.add_task(file, total=total)
            self._bars.update(self._tasks[file], completed=done)
        elif done == total or time.monotonic() - self._last_printed >= SECONDS_BETWEEN_LINES:
            self._last_printed = time.monotonic()
            print_line(f"{file}: {done / 1e6:,.0f} of {total / 1e6:,.0f} MB", err=True)


class _Speed(ProgressColumn):
    def render(self, task: Task) -> Text:
        """Return the speed in frames per second."""
        return Text(f"{task.finished_speed or task.speed or 0:.1f} fps")


def _count(item: object) -> int:
    return len(item) if isinstance(item, list) else 1


def _line(stage: str, count: int, total: int | None, seconds: float) -> str:
    speed = count / max(seconds, 1e-6)
    left = f", {(total - count) / speed:.0f} s left" if total and total > count else ""
    return f"{stage}: {count}{f'/{total}' if total else ''} frames, {speed:.1f} fps{left}"
