"""`facevid evaluate stability`."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from rich.table import Table

from facevid.cli.common import PathType, device_option, json_option, model_option, quiet_option, verbose_option
from facevid.cli.progress import StageProgress
from facevid.cli.terminal import add_row, print_table
from facevid.evaluation.recipes import RecipeMeasures, compare_recipes, write_recipes
from facevid.options import CompositingOptions, ComputeOptions, EditOptions


@click.command("stability")
@click.argument("clips", metavar="CLIP...", nargs=-1, required=True, type=PathType())
@click.option(
    "--attr", "attrs", multiple=True, required=True, metavar="NAME=VALUE", help="As for `facevid edit`; repeat it."
)
@click.option("--detail", type=click.Choice(["keep", "replace"]), help="As for `facevid edit`.")
@click.option("--out", type=PathType(dir_okay=False), help="Also write the table, as CSV.")
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
    """Edit each CLIP without smoothing, with the published recipe and with facevid's own, and measure the results.

    \b
      jitter    how much the crop trembles on the face, in thousandths of its side
      flicker   what the edit adds to the source's own, of 255
      lips      correlation of the mouth's opening with the source's; no number where no mouth moves
      identity  distance of dlib's face descriptors from the source, and its spread over time

    \b
      facevid evaluate stability shots/*.mp4 --attr smile=+1 --out stability.csv
    """
    options = EditOptions(
        model=model, compute=ComputeOptions(device=device), compositing=CompositingOptions(detail=detail)
    )
    rows = compare_recipes(clips, attrs, options, StageProgress(quiet))
    if out is not None:
        write_recipes(out, rows)
    if as_json:
        click.echo(json.dumps([asdict(row) | {"flicker": row.edit.flicker} for row in rows], indent=2))
        return
    print_table(_table(rows))


def _table(rows: Sequence[RecipeMeasures]) -> Table:
    table = Table("clip", "recipe", "jitter", "flicker", "lips", "identity", "spread", box=None)
    for row in rows:
        edit = row.edit
        add_row(
            table,
            row.clip,
            row.recipe,
            f"{row.jitter:.2f}",
            f"{edit.flicker:+.2f}",
            "-" if edit.mouth is None else f"{edit.mouth:.3f}",
            f"{edit.identity:.2f}",
            f"{edit.identity_spread:.3f}",
        )
    return table
