"""`facevid evaluate video`, also called as `facevid evaluate SOURCE EDITED`."""

import json
from dataclasses import asdict
from pathlib import Path

import click
from rich.table import Table

from facevid.cli.common import PathType, json_option, quiet_option, verbose_option
from facevid.cli.progress import StageProgress
from facevid.cli.terminal import add_row, print_table
from facevid.evaluation.video.measures import EditMeasures, evaluate_edit


@click.command("video", short_help="Measure an edited clip against its source.")
@click.argument("source", type=PathType())
@click.argument("edited", type=PathType())
@json_option
@quiet_option
@verbose_option
def command(*, source: Path, edited: Path, as_json: bool, quiet: bool) -> None:
    """Measure the clip EDITED against its SOURCE, inside the edited faces.

    \b
    Measures:
      flicker   mean difference between each frame and the previous one, warped to it by the optical flow of
                SOURCE, in 8-bit levels (0 to 255)
      lips      correlation of the mouth opening over time; no number if no mouth moves
      identity  distance between dlib's face descriptors; dlib takes 0.6 or more for different people

    \b
    Examples:
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
        ("flicker added by the edit", f"{measures.flicker:+.2f}", "of 255"),
        ("flicker of edit / source", f"{measures.flicker_ratio:.2f}", "ratio"),
        ("mouth opening", "no mouth moves" if measures.lips is None else f"{measures.lips:.3f}", "correlation"),
        ("identity", f"{measures.identity:.2f}", "descriptor distance"),
        ("identity, spread over time", f"{measures.identity_spread:.3f}", "descriptor distance"),
    ]
