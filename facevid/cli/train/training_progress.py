"""Progress of the training commands, as lines on stderr."""

import time
from collections.abc import Iterable, Iterator, Mapping
from typing import TypeVar

from facevid.cli.terminal import print_line

T = TypeVar("T")

SECONDS_BETWEEN_LINES = 5.0
"""Interval between progress lines, in seconds; shorter than that of edits, because losses are read along."""


class TrainingProgress:
    """Prints steps and losses as lines on stderr; implements `Progress` and `Report`."""

    def __init__(self, quiet: bool) -> None:
        self._quiet = quiet
        self._stage = ""

    def __call__(self, stage: str, items: Iterable[T], total: int | None) -> Iterator[T]:
        """Yield `items` and print how many were processed."""
        self._stage = stage
        began = last_printed = time.monotonic()
        for count, item in enumerate(items, 1):
            yield item
            now = time.monotonic()
            if now - last_printed >= SECONDS_BETWEEN_LINES or count == total:
                last_printed, speed = now, count / max(now - began, 1e-6)
                left = f", {(total - count) / speed:.0f} s left" if total else ""
                self.print(f"{stage}: {count}/{total or '?'}, {speed:.1f}/s{left}")

    def report(self, step: int, losses: Mapping[str, float]) -> None:
        """Print the losses of a step."""
        values = ", ".join(f"{name} {value:.4f}" for name, value in losses.items())
        self.print(f"{self._stage}: step {step}: {values}")

    def print(self, line: str) -> None:
        """Print a line, unless quiet."""
        if not self._quiet:
            print_line(line, err=True)
