"""`facevid evaluate video`, which is `facevid evaluate SOURCE EDITED`."""

import json
from dataclasses import asdict
from pathlib import Path

import click
from rich.table import Table

from facevid.cli.common import PathType, json_option, quiet_option, verbose_option
from facevid.cli.progress import StageProgress
from facevid.cli.terminal import add_row, print_table
from facevid.evaluation.stability import EditMeasures, evaluate_edit


@click.command("video")
@click.argument("source", type=PathType())
@click.argument("edited", type=PathType())
@json_option
@quiet_option
@verbose_option
def command(*, source: Path, edited: Path, as_json: bool, quiet: bool) -> None:
    """Measure the clip EDITED against its SOURCE, in the faces that were edited.

    \b
      flicker   mean difference, of 255, of each frame from the one before, warped to it by the source's optical flow
      lips      correlation of the mouth's opening over time; no number where no mouth moves
      identity  distance of dlib's face descriptors: 0.6 and more is another person to dlib

    \b
      facevid evaluate in.mp4 out.mp4
      facevid evaluate in.mp4 out.mp4 --json
    """
    measures = evaluate_edit(source, edited, StageProgress(quiet))
    if as_json:
        derived = {"flicker": measures.flicker, "flicker_ratio": measures.flicker_ratio}
        click.echo(json.dumps(asdict(measures) | derived, indent=2))
        return
    table = Table("measure", "value", "unit", box=None)
    for row in _rows(measures):
        add_row(table, *row)
    print_table(table)


def _rows(measures: EditMeasures) -> list[tuple[str, str, str]]:
    return [
        ("faces measured", str(measures.frames), "over all frames"),
        ("flicker of the source", f"{measures.flicker_source:.2f}", "of 255"),
        ("flicker of the edit", f"{measures.flicker_edited:.2f}", "of 255"),
        ("flicker that the edit adds", f"{measures.flicker:+.2f}", "of 255"),
        ("flicker, edit to source", f"{measures.flicker_ratio:.2f}", "ratio"),
        ("lips in time", "no mouth moves" if measures.mouth is None else f"{measures.mouth:.3f}", "correlation"),
        ("identity, source to edit", f"{measures.identity:.2f}", "distance"),
        ("its spread over time", f"{measures.identity_spread:.3f}", "distance"),
    ]
