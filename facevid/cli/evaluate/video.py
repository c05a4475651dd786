"""`facevid evaluate video`, also called as `facevid evaluate SOURCE EDITED`."""

import json
from collections.abc import Callable
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import click
import numpy as np
from rich.table import Table

from facevid.cli.progress_bars import StageProgress
from facevid.cli.shared_options import PathType, json_option, overwrite_option, quiet_option, verbose_option
from facevid.cli.terminal import add_row, print_table
from facevid.evaluation.video.edit_measures import EditEvaluation, EditMeasures, OverTime, evaluate_edit
from facevid.evaluation.video.embedding import choose_embedding
from facevid.utils.atomic_output import check_destination


@click.command("video", short_help="Measure an edited clip against its source.")
@click.argument("source", type=PathType())
@click.argument("edited", type=PathType())
@click.option(
    "--embedding",
    type=PathType(dir_okay=False),
    metavar="FILE.onnx",
    help="Face recognition network for all measures of identity, with ArcFace's input.  [default: dlib's descriptor]",
)
@click.option("--plot", type=PathType(dir_okay=False), help="Also plot the measures over time: a .png, .svg or .pdf.")
@json_option
@overwrite_option
@quiet_option
@verbose_option
def command(
    *,
    source: Path,
    edited: Path,
    embedding: Path | None,
    plot: Path | None,
    as_json: bool,
    overwrite: bool,
    quiet: bool,
) -> None:
    """Measure the clip EDITED against its SOURCE: each edited track, and all of them together.

    \b
    Measures:
      flicker   mean difference between each frame and the previous one, warped to it by the clip's optical
                flow, in 8-bit levels (0 to 255): what changes without moving
      shake     motion of the edited face against SOURCE, from frame to frame, in thousandths of the crop's side
      lips      correlation of the mouth opening over time; no number if no mouth moves
      identity  distance and cosine between the face embeddings in SOURCE and EDITED; dlib takes a distance of
                0.6 or more for different people
      TL-ID     identity similarity of neighbouring frames, divided by SOURCE's own (Tzaban et al. 2022)
      TG-ID     the same, of all pairs of frames of a track
      outside   PSNR outside the crops of all faces; 100 dB is identical

    \b
    Examples:
      facevid evaluate in.mp4 out.mp4 --plot measures.png
      facevid evaluate in.mp4 out.mp4 --embedding arcface.onnx --json
    """
    if plot is not None:
        from facevid.evaluation.video.time_plot import SUFFIXES, write_time_plot  # Matplotlib takes a second

        check_destination(plot, edited, SUFFIXES, overwrite)
    evaluation = evaluate_edit(source, edited, choose_embedding(embedding), StageProgress(quiet))
    if plot is not None:
        write_time_plot(plot, evaluation, f"{edited.name} against {source.name} ({evaluation.embedding})")
    if as_json:
        click.echo(json.dumps(_to_json(evaluation), indent=2, allow_nan=False))
        return
    columns = [("whole clip", evaluation.whole)]
    if len(evaluation.tracks) > 1:
        columns += [(f"person {each.person}, {each.first}-{each.last}", each.measures) for each in evaluation.tracks]
    table = Table("measure", *(name for name, _ in columns), "unit", box=None)
    for name, unit, value in _ROWS:
        add_row(table, name, *(value(measures) for _, measures in columns), unit)
    print_table(table)


def _number(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


_ROWS: tuple[tuple[str, str, Callable[[EditMeasures], str]], ...] = (
    ("faces measured", "over all frames", lambda m: str(m.frames)),
    ("flicker of the source", "of 255", lambda m: _number(m.flicker_source, 2)),
    ("flicker of the edit", "of 255", lambda m: _number(m.flicker_edited, 2)),
    ("flicker added by the edit", "of 255", lambda m: f"{m.flicker:+.2f}"),
    ("flicker of edit / source", "ratio", lambda m: _number(m.flicker_ratio, 2)),
    ("shake", "1/1000 of the crop", lambda m: _number(m.shake, 2)),
    ("mouth opening", "correlation", lambda m: "no mouth moves" if m.lips is None else _number(m.lips, 3)),
    ("identity", "distance", lambda m: _number(m.identity, 2)),
    ("identity, spread over time", "distance", lambda m: _number(m.identity_spread, 3)),
    ("identity", "cosine", lambda m: _number(m.identity_similarity, 3)),
    ("TL-ID, neighbouring frames", "ratio", lambda m: _number(m.tl_id, 4)),
    ("TG-ID, all pairs of frames", "ratio", lambda m: _number(m.tg_id, 4)),
    ("outside the faces", "dB", lambda m: _number(m.psnr_outside, 1)),
)
"""Name, unit and value of each row of the table."""


def _to_json(evaluation: EditEvaluation) -> dict[str, Any]:
    """Arrange the measures for JSON: those of the whole clip, and below `tracks` those of each track and its frames."""
    tracks = [
        {"person": track.person, "first": track.first, "last": track.last}
        | _measures_to_json(track.measures)
        | {"over_time": _over_time_to_json(track.over_time)}
        for track in evaluation.tracks
    ]
    return _measures_to_json(evaluation.whole) | {"embedding": evaluation.embedding, "tracks": tracks}


def _measures_to_json(measures: EditMeasures) -> dict[str, Any]:
    return asdict(measures) | {"flicker": measures.flicker, "flicker_ratio": measures.flicker_ratio}


def _over_time_to_json(over_time: OverTime) -> dict[str, list[float | None]]:
    """Convert arrays to lists, in which null stands for a frame without the measure."""
    arrays = {each.name: getattr(over_time, each.name) for each in fields(over_time)}
    return {
        name: [None if np.isnan(value) else round(value, 5) for value in array.tolist()]
        for name, array in arrays.items()
    }
