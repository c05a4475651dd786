"""Options and helpers shared by the training commands."""

import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from facevid.cli.shared_options import (
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
    "--seed", default=0, show_default=True, type=click.IntRange(0, 2**32 - 1), help="Seed of the random numbers."
)
attribute_option = click.option(
    "--attr",
    "attributes",
    multiple=True,
    metavar="NAME",
    help="Attribute to train; repeat it for several.  [default: all labelled attributes]",
)
layers_option = click.option("--edit-layers", metavar="A-B", help="Layers of the code to edit.  [default: 0-10]")
_RUN_OPTIONS = (seed_option, device_option, overwrite_option, quiet_option, verbose_option)


def picture_training_options(batch_size: int) -> Callable[[F], F]:
    """Return a decorator that adds the options of all trainings on pictures.

    Args:
        batch_size: default of --batch-size, in faces.
    """
    options = (
        click.option("--data", required=True, type=PathType(), help="Folder of picture sets."),
        out_option,
        click.option(
            "--steps",
            required=True,
            type=click.IntRange(1, LARGEST_COUNT),
            help="Total number of training steps, including those of earlier runs.",
        ),
        click.option(
            "--minutes",
            type=NumberType(min=0, min_open=True),
            help="Stop after this many minutes; run again to resume.",
        ),
        click.option(
            "--set",
            "sets",
            multiple=True,
            metavar="NAME=SHARE",
            help="Picture set and its share of each batch; repeat it for several.",
        ),
        click.option(
            "--batch-size",
            default=batch_size,
            show_default=True,
            type=click.IntRange(2, LARGEST_BATCH),
            help="Faces in each training step.",
        ),
        *_RUN_OPTIONS,
    )
    return _with_options(options)


def editor_training_options(epochs: int, batch_size: int, learning_rate: float) -> Callable[[F], F]:
    """Return a decorator that adds the options of the trainings on codes.

    Args:
        epochs: default of --epochs.
        batch_size: default of --batch-size, in codes.
        learning_rate: default of --learning-rate.
    """
    options = (
        click.option(
            "--epochs",
            default=epochs,
            show_default=True,
            type=click.IntRange(1, LARGEST_COUNT),
            help="Passes over the codes.",
        ),
        click.option(
            "--batch-size",
            default=batch_size,
            show_default=True,
            type=click.IntRange(1, LARGEST_BATCH),
            help="Codes in each training step.",
        ),
        click.option(
            "--learning-rate",
            default=learning_rate,
            show_default=True,
            type=NumberType(0),
            help="Learning rate of Adam.",
        ),
        *_RUN_OPTIONS,
    )
    return _with_options(options)


def _with_options(options: Sequence[Callable[[F], F]]) -> Callable[[F], F]:
    def decorate(command: F) -> F:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


class Console:
    """Prints steps and losses as lines on stderr; implements `Progress` and `Report`."""

    SECONDS_BETWEEN_LINES = 5.0
    """Interval between progress lines, in seconds."""

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
            if now - last_printed >= self.SECONDS_BETWEEN_LINES or count == total:
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


def begin(out: Path, console: Console, *, device: str, seed: int, overwrite: bool) -> Compute:
    """Prepare a training on pictures; with `overwrite`, delete the checkpoint in `out`."""
    if overwrite:
        (out / "checkpoint.pt").unlink(missing_ok=True)
    return Compute(choose_device(device), seed, console, console.report)


def attribute_indices(codes: CodeSet, names: tuple[str, ...]) -> list[int]:
    """Return the indices of the named attributes, or of all labelled attributes if none is named."""
    chosen = [attribute_of(name) for name in names] or list(codes.attributes)
    if not chosen:
        raise UsageError("the codes have no labels; encode them again with --label rules that match the table")
    return list(dict.fromkeys(codes.index_of(attribute) for attribute in chosen))


def picture_sets(texts: tuple[str, ...]) -> tuple[tuple[str, float], ...]:
    """Parse the values of --set. Raises UsageError for one that is not NAME=SHARE."""
    return tuple(_picture_set(text) for text in texts)


def _picture_set(text: str) -> tuple[str, float]:
    match = re.fullmatch(r"([^=/]+)=(\d{1,9}(?:\.\d{1,9})?)", text)
    if match is None or float(match[2]) == 0:
        raise UsageError(
            f'--set "{text}" is not a picture set and its share; write NAME=SHARE, for example ffhq128=0.5'
        )
    return match[1], float(match[2])


def is_done(path: Path, overwrite: bool, console: Console) -> bool:
    """Return whether a result exists and is to be kept; with `overwrite`, delete the checkpoint of its training."""
    if overwrite:
        for stale in path.parent.glob(f"{path.name.split('.')[0]}.checkpoint.pt"):
            stale.unlink()
        path.with_name(f".{path.name}.partial").unlink(missing_ok=True)
    elif path.exists():
        console.print(f"{path} exists and is kept; add --overwrite to train it again")
        return True
    return False
