"""Options shared by the training commands, and the preparation of a training."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from facevid.cli.shared_options import (
    MAX_BATCH_SIZE,
    MAX_COUNT,
    NumberType,
    PathType,
    device_option,
    overwrite_option,
    quiet_option,
    verbose_option,
)
from facevid.cli.train.training_progress import TrainingProgress
from facevid.edits.attributes import attribute_of
from facevid.errors import UsageError
from facevid.training.common.run import Compute
from facevid.training.editors.codes import CodeSet
from facevid.utils.device import choose_device

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
            type=click.IntRange(1, MAX_COUNT),
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
            type=click.IntRange(2, MAX_BATCH_SIZE),
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
            type=click.IntRange(1, MAX_COUNT),
            help="Passes over the codes.",
        ),
        click.option(
            "--batch-size",
            default=batch_size,
            show_default=True,
            type=click.IntRange(1, MAX_BATCH_SIZE),
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


def begin_training(out: Path, progress: TrainingProgress, *, device: str, seed: int, overwrite: bool) -> Compute:
    """Prepare a training on pictures; with `overwrite`, delete the checkpoint in `out`."""
    if overwrite:
        (out / "checkpoint.pt").unlink(missing_ok=True)
    return Compute(choose_device(device), seed, progress, progress.report)


def print_labels(codes: CodeSet, progress: TrainingProgress) -> None:
    """Print the number of codes with each label of each attribute."""
    for attribute in codes.attributes:
        assert attribute.index is not None
        column = codes.labels[:, attribute.index]
        progress.print(f"{attribute.name}: {int((column == 1).sum())} yes, {int((column == 0).sum())} no")


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


def is_done(path: Path, overwrite: bool, progress: TrainingProgress) -> bool:
    """Return whether a result exists and is to be kept; with `overwrite`, delete the checkpoint of its training."""
    if overwrite:
        for stale in path.parent.glob(f"{path.name.split('.')[0]}.checkpoint.pt"):
            stale.unlink()
        path.with_name(f".{path.name}.partial").unlink(missing_ok=True)
    elif path.exists():
        progress.print(f"{path} exists and is kept; add --overwrite to train it again")
        return True
    return False
