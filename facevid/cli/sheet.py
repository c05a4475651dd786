"""`facevid sheet`."""

from pathlib import Path
from typing import Any

import click

from facevid.cli.progress_bars import StageProgress
from facevid.cli.shared_options import (
    MAX_COUNT,
    PathType,
    device_option,
    model_option,
    overwrite_option,
    precision_option,
    quiet_option,
    verbose_option,
)
from facevid.options import ComputeOptions


@click.command()
@click.argument("paths", metavar="[IN] OUT", nargs=-1, required=True, type=PathType())
@click.option(
    "--attr",
    "ranges",
    multiple=True,
    metavar="NAME=FROM:TO:COUNT",
    help="Attribute and its strengths, evenly spaced; one row each. Repeat it: a last row applies all in sequence.",
)
@click.option("--frame", type=click.IntRange(0, MAX_COUNT), help="Frame number.  [default: the first frame]")
@click.option(
    "--seed",
    type=click.IntRange(0, 2**32 - 1),
    help="Draw a synthetic face of --model instead of the face in IN, which is left out.",
)
@click.option("--cell", type=click.IntRange(32, 2048), default=256, show_default=True, help="Side of a cell in pixels.")
@model_option
@device_option
@precision_option
@overwrite_option
@quiet_option
@verbose_option
def command(
    paths: tuple[Path, ...],
    ranges: tuple[str, ...],
    *,
    frame: int | None,
    seed: int | None,
    cell: int,
    model: str | None,
    device: str,
    precision: Any,
    overwrite: bool,
    quiet: bool,
) -> None:
    """Write a figure (PNG, JPEG or PDF) of edits of the largest face in the picture, or video frame, IN.

    \b
    Examples:
      facevid sheet portrait.jpg figure.png --attr smile=-1:1:5 --attr age=-1:1:5
      facevid sheet in.mp4 figure.pdf --frame 70 --attr smile=0:1:6
      facevid sheet figure.png --seed 3 --model ffhq --attr age=-1:1:5
    """
    from facevid.evaluation.sheet import parse_range, write_sheet, write_synthetic_sheet

    expected = 2 if seed is None else 1
    if len(paths) != expected or (seed is not None and frame is not None):
        raise click.UsageError("give IN and OUT, or --seed and only OUT; --frame needs IN")
    parsed = [parse_range(text) for text in ranges]
    compute = ComputeOptions(device, precision)
    if seed is not None:
        write_synthetic_sheet(seed, paths[0], parsed, model=model, compute=compute, cell=cell, overwrite=overwrite)
        return
    write_sheet(
        paths[0],
        paths[1],
        parsed,
        frame=frame,
        model=model,
        compute=compute,
        cell=cell,
        overwrite=overwrite,
        progress=StageProgress(quiet),
    )
