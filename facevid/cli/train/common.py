"""What the commands that train share."""

import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click

from facevid.cli.common import (
    LARGEST_BATCH,
    LARGEST_COUNT,
    NumberType,
    PathType,
    device_option,
    overwrite_option,
    quiet_option,
    verbose_option,
)
from facevid.cli.terminal import print_line
from facevid.edits.attributes import attribute_of
from facevid.errors import UsageError
from facevid.training.common.run import Compute
from facevid.training.editors.codes import CodeSet
from facevid.utils.device import choose_device

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])

codes_argument = click.argument("codes", type=PathType())
out_option = click.option("--out", required=True, type=PathType(file_okay=False), help="Folder for the result.")
seed_option = click.option(
    "--seed", default=0, show_default=True, type=click.IntRange(0, 2**32 - 1), help="Of all random numbers."
)
attribute_option = click.option(
    "--attr", "attributes", multiple=True, metavar="NAME", help="What to train; repeat it.  [default: all labelled]"
)
layers_option = click.option("--edit-layers", metavar="A-B", help="Layers of the code to move.  [default: 0-10]")


def picture_training_options(batch_size: int) -> Callable[[F], F]:
    """Take what all trainings on pictures take.

    Args:
        batch_size: the number of faces a step where none is asked for.
    """
    options = (
        click.option("--data", required=True, type=PathType(), help="Folder of picture sets."),
        out_option,
        click.option(
            "--steps",
            required=True,
            type=click.IntRange(1, LARGEST_COUNT),
            help="Steps to have done in all, earlier runs counted.",
        ),
        click.option(
            "--minutes",
            type=NumberType(min=0, min_open=True),
            help="Stop after this time; run again to go on.",
        ),
        click.option(
            "--set", "sets", multiple=True, metavar="NAME=SHARE", help="A set, and its share of each batch. Repeat it."
        ),
        click.option(
            "--batch-size",
            default=batch_size,
            show_default=True,
            type=click.IntRange(2, LARGEST_BATCH),
            help="Faces a step.",
        ),
        seed_option,
        device_option,
        overwrite_option,
        quiet_option,
        verbose_option,
    )

    def with_options(command: F) -> F:
        for option in reversed(options):
            command = option(command)
        return command

    return with_options


class Console:
    """Shows steps and losses as plain lines on stderr, every few seconds; a `Progress` and a `Report`."""

    SECONDS_BETWEEN_LINES = 5.0

    def __init__(self, quiet: bool) -> None:
        self._quiet = quiet
        self._stage = ""

    def __call__(self, stage: str, items: Iterable[T], total: int | None) -> Iterator[T]:
        """Pass `items` through and say how far they are."""
        self._stage = stage
        began = told = time.monotonic()
        for count, item in enumerate(items, 1):
            yield item
            now = time.monotonic()
            if now - told >= self.SECONDS_BETWEEN_LINES or count == total:
                told, speed = now, count / max(now - began, 1e-6)
                left = f", {(total - count) / speed:.0f} s left" if total else ""
                self.print(f"{stage}: {count}/{total or '?'}, {speed:.1f} a second{left}")

    def report(self, step: int, losses: Mapping[str, float]) -> None:
        """Show the losses at a step."""
        self.print(f"{self._stage}: step {step}: " + ", ".join(f"{name} {value:.4f}" for name, value in losses.items()))

    def print(self, line: str) -> None:
        """Print a line."""
        if not self._quiet:
            print_line(line, err=True)


def begin(out: Path, console: Console, *, device: str, seed: int, overwrite: bool) -> Compute:
    """Begin a training on pictures: forget the checkpoint in `out` if it is to be made anew."""
    if overwrite:
        (out / "checkpoint.pt").unlink(missing_ok=True)
    return Compute(choose_device(device), seed, console, console.report)


def layer_range(text: str | None) -> range | None:
    """Read `A-B`. Raises UsageError where that is no range."""
    if text is None:
        return None
    match = re.fullmatch(r"(\d{1,2})-(\d{1,2})", text)
    layers = range(int(match[1]), int(match[2]) + 1) if match else range(0)
    if not layers:
        raise UsageError(f'--edit-layers "{text}": write the first and the last layer, for example 0-10')
    return layers


def attribute_indices(codes: CodeSet, names: tuple[str, ...]) -> list[int]:
    """Return the indices of the attributes named, of all that are labelled where none is."""
    chosen = [attribute_of(name) for name in names] or list(codes.attributes)
    if not chosen:
        raise UsageError("the codes have no labels; make them again with --label rules that fit the table")
    return list(dict.fromkeys(codes.index_of(attribute) for attribute in chosen))


def picture_sets(texts: tuple[str, ...]) -> tuple[tuple[str, float], ...]:
    """Read the values of --set. Raises UsageError where one is not NAME=SHARE."""
    return tuple(_picture_set(text) for text in texts)


def _picture_set(text: str) -> tuple[str, float]:
    match = re.fullmatch(r"([^=/]+)=(\d{1,9}(?:\.\d{1,9})?)", text)
    if match is None or float(match[2]) == 0:
        raise UsageError(f'--set "{text}": write a set\'s name and its share, for example ffhq128=0.5')
    return match[1], float(match[2])


def is_done(path: Path, overwrite: bool, console: Console) -> bool:
    """Say whether a result is there and shall stay; where not, remove what an --overwrite shall not go on from."""
    if overwrite:
        for stale in path.parent.glob(f"{path.name.split('.')[0]}.checkpoint.pt"):
            stale.unlink()
        path.with_name(f".{path.name}.partial").unlink(missing_ok=True)
    elif path.exists():
        console.print(f"{path}: is there already, and left as it is; add --overwrite to make it again")
        return True
    return False
