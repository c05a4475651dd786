"""`facevid inspect`.

`--json` prints one object. Frames are numbered as in `facevid edit --frames`: an image sequence's by its own numbers,
else from 0.

    schema_version  1; raised when the meaning of a field changes
    frames          frames decoded
    faceless        how many of them no track reaches
    cuts            numbers of the frames that begin a shot, the first frame aside
    tracks          one object a track, in order of appearance
    problems        one object a problem, the most important first
    detector        which found the faces, and why that one, in words
    overlay, sheet, tracks_file, report
                    paths of the results; `facevid.inspection.tracks_json` describes the tracks' file
    warnings        what the overlay could not keep of the source, in words
    seconds         how long each stage took that ran, by its name; what is in the cache does not run again

of a track:

    number          the person's, as `facevid edit --face` takes it; a person who comes back has several tracks
    first, last     numbers of its first and last frame
    frames          how many it has
    detected        in how many the detector found the face; in the others it was bridged
    size            median side of the crop that an edit encodes, in pixels
    longest_gap     frames of the longest miss that was bridged
    edited          whether `facevid edit` edits it by default

and of a problem:

    kind            one of `facevid.inspection.problems.Kind`
    first, last     numbers of its first and last frame
    number          of the person whom it concerns; null where it concerns the clip
    edited          whether it can be seen in what `facevid edit` makes by default
    text            what it is, in words
"""

import json
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.table import Table

from facevid.cli.common import (
    PathType,
    detector_option,
    device_option,
    json_option,
    layer_option,
    overwrite_option,
    quiet_option,
    rate_option,
    smooth_option,
    start_number_option,
    verbose_option,
)
from facevid.cli.progress import StageProgress
from facevid.cli.terminal import add_row, say, show
from facevid.options import TrackingOptions

if TYPE_CHECKING:
    from facevid.inspection.inspect import InspectSummary
    from facevid.inspection.problems import Problem
    from facevid.inspection.tracks import InspectedPerson, InspectedTrack

SCHEMA_VERSION = 1

MOST_CUTS = 12
"""Cuts listed on the terminal; `--json` lists them all."""

MOST_TRACKS = 3
"""Tracks of a person whose frames are told on the terminal; `--json` lists them all."""

MOST_PROBLEMS = 3
"""Problems of one kind listed on the terminal; the report and `--json` list them all."""


@click.command()
@click.argument("source", metavar="IN", type=PathType())
@click.option(
    "--out",
    type=PathType(),
    metavar="DIR",
    help="Folder for the results.  [default: the name of IN and .inspect, in the current folder]",
)
@start_number_option
@rate_option
@layer_option
@detector_option
@smooth_option
@device_option
@overwrite_option
@json_option
@quiet_option
@verbose_option
def command(
    source: Path,
    out: Path | None,
    *,
    detector: Any,
    smooth: float,
    device: str,
    rate: Fraction | None,
    layer: str | None,
    start_number: int | None,
    overwrite: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Preview the tracking of the video or picture IN: which faces there are, and which `facevid edit` would edit.

    Writes into a folder: overlay.mp4 (overlay.png of a picture), IN with its faces drawn on it, green those that are
    edited by default, blue the others, dashed where a face was missed and bridged; sheet.png, aligned crops of every
    person; tracks.json, landmarks and quads of every frame; report.html, a page that shows everyone over time and
    lists what to look at before a long render. A clip without a face is shown too, and is no error.

    \b
    Examples:
      facevid inspect in.mp4                                   writes in.inspect/
      facevid inspect in.mp4 --out review/in --detector dlib
      facevid inspect in.mp4 -y --json | jq '[.tracks[].number] | unique'

    The numbers are what `facevid edit --face` takes. A person keeps theirs through cuts and absences. Frames are
    numbered as in `facevid edit --frames`: by a sequence's own numbers, else from --start-number.
    """
    from facevid.inspection.inspect import inspect_video

    progress = StageProgress(quiet)
    options = TrackingOptions(detector=detector, smooth=smooth)
    summary = inspect_video(
        source,
        out,
        options=options,
        device=device,
        rate=rate,
        layer=layer,
        start_number=start_number,
        overwrite=overwrite,
        progress=progress,
    )
    for warning in summary.warnings:
        say(f"facevid: warning: {warning}", err=True)
    if as_json:
        click.echo(json.dumps(_as_json(summary, progress.seconds)))
    elif not quiet:
        _print_summary(summary, progress.seconds)


def _as_json(summary: "InspectSummary", seconds: dict[str, float]) -> dict[str, Any]:
    return {
        "schema_version": SCHEMA_VERSION,
        "frames": summary.frames,
        "faceless": summary.faceless,
        "cuts": list(summary.cuts),
        "tracks": [_track_as_json(each) for each in summary.tracks],
        "problems": [_problem_as_json(each) for each in summary.problems],
        "detector": summary.detector,
        "overlay": str(summary.overlay),
        "sheet": str(summary.sheet),
        "tracks_file": str(summary.tracks_file),
        "report": str(summary.report),
        "warnings": list(summary.warnings),
        "seconds": seconds,
    }


def _track_as_json(each: "InspectedTrack") -> dict[str, Any]:
    return {
        "number": each.track.number,
        "first": each.first,
        "last": each.last,
        "frames": len(each.track),
        "detected": each.detected,
        "size": round(each.size, 1),
        "longest_gap": each.longest_gap,
        "edited": each.edited,
    }


def _problem_as_json(each: "Problem") -> dict[str, Any]:
    return {
        "kind": each.kind,
        "first": each.first,
        "last": each.last,
        "number": each.track,
        "edited": each.edited,
        "text": each.text,
    }


def _print_summary(summary: "InspectSummary", seconds: dict[str, float]) -> None:
    if summary.tracks:
        from facevid.inspection.tracks import people_in

        show(_table(people_in(summary.tracks)))
    else:
        say("no face found: nothing to edit here; look at the overlay, or try another --detector")
    cuts = ", ".join(map(str, summary.cuts[:MOST_CUTS])) + (", ..." if len(summary.cuts) > MOST_CUTS else "")
    rows = {
        "frames": f"{summary.frames}: {summary.faceless} without a face",
        "cuts": f"{len(summary.cuts)}: before frame {cuts}" if summary.cuts else "none",
        "detector": summary.detector,
        "time": ", ".join(f"{stage} {taken:.1f} s" for stage, taken in seconds.items()),
        "overlay": str(summary.overlay),
        "sheet": str(summary.sheet),
        "tracks": str(summary.tracks_file),
        "report": str(summary.report),
    }
    for name, text in rows.items():
        say(f"{name:<9} {text}")
    _print_problems([each for each in summary.problems if each.edited and each.kind != "cut"])


def _print_problems(problems: "list[Problem]") -> None:
    from facevid.inspection.problems import by_kind

    lines = []
    for alike in by_kind(problems):
        lines += [str(each) for each in alike[:MOST_PROBLEMS]]
        if len(alike) > MOST_PROBLEMS:
            lines.append(f"and {len(alike) - MOST_PROBLEMS} more like this")
    for number, line in enumerate(lines):
        say(f"{'' if number else 'look at':<9} {line}")


def _table(people: "list[InspectedPerson]") -> Table:
    table = Table(box=None)
    table.add_column("person", justify="right")
    table.add_column("frames")
    for name in ("detected", "face", "longest gap"):
        table.add_column(name, justify="right")
    table.add_column("edited by default")
    for person in people:
        add_row(
            table,
            str(person.number),
            f"{len(person)}: {person.where(MOST_TRACKS)}",
            f"{person.detected / len(person):.0%}",
            f"{person.size:.0f} px",
            str(person.longest_gap),
            person.edited,
        )
    return table
