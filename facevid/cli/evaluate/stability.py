"""`facevid evaluate stability`."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from rich.table import Table

from facevid.cli.progress_bars import StageProgress
from facevid.cli.shared_options import PathType, device_option, json_option, model_option, quiet_option, verbose_option
from facevid.cli.terminal import add_row, print_table
from facevid.evaluation.video.smoothing_methods import SmoothingMeasures, compare_smoothing, write_smoothing
from facevid.options import CompositingOptions, ComputeOptions, EditOptions


@click.command("stability", short_help="Compare smoothing methods on clips.")
@click.argument("clips", metavar="CLIP...", nargs=-1, required=True, type=PathType())
@click.option(
    "--attr",
    "attrs",
    multiple=True,
    required=True,
    metavar="NAME=VALUE",
    help="As for `facevid edit`; repeat it for several.",
)
@click.option("--detail", type=click.Choice(["keep", "replace"]), help="As for `facevid edit`.")
@click.option("--out", type=PathType(dir_okay=False), help="Also write the table to a CSV file.")
@model_option
@device_option
@json_option
@quiet_option
@verbose_option
def command(
    *,
    clips: tuple[Path, ...],
    attrs: tuple[str, ...],
    detail: Any,
    out: Path | None,
    model: str | None,
    device: str,
    as_json: bool,
    quiet: bool,
) -> None:
    """Compare smoothing methods: edit each CLIP without smoothing, with the published method and with facevid's.

    \b
    Measures:
      jitter    frame-to-frame motion of the crop relative to the face, in thousandths of the crop's side
      flicker   flicker that the edit adds to that of the source, in 8-bit levels (0 to 255)
      lips      correlation of the mouth opening with the source; "-" if no mouth moves
      identity  distance between the face descriptors of edit and source
      spread    spread of that distance over time

    \b
    Example:
      facevid evaluate stability shots/*.mp4 --attr smile=+1 --out stability.csv
    """
    options = EditOptions(
        model=model, compute=ComputeOptions(device=device), compositing=CompositingOptions(detail=detail)
    )
    rows = compare_smoothing(clips, attrs, options, StageProgress(quiet))
    if out is not None:
        write_smoothing(out, rows)
    if as_json:
        click.echo(json.dumps([asdict(row) | {"flicker": row.edit.flicker} for row in rows], indent=2))
        return
    print_table(_table(rows))


def _table(rows: Sequence[SmoothingMeasures]) -> Table:
    table = Table("clip", "smoothing", "jitter", "flicker", "lips", "identity", "spread", box=None)
    for row in rows:
        edit = row.edit
        add_row(
            table,
            row.clip,
            row.method,
            f"{row.jitter:.2f}",
            f"{edit.flicker:+.2f}",
            "-" if edit.lips is None else f"{edit.lips:.3f}",
            f"{edit.identity:.2f}",
            f"{edit.identity_spread:.3f}",
        )
    return table
