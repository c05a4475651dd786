"""`facevid inspect`.

`--json` prints one object. Frames are numbered as in `facevid edit --frames`: by the sequence's own numbers, or from 0
(--start-number) in a video.

    schema_version  1; incremented when the meaning of a field changes
    frames          number of decoded frames
    faceless        number of frames that no track covers
    cuts            numbers of the frames that begin a shot, except the first frame
    tracks          list of tracks, in order of appearance
    problems        list of problems, the most important first
    detector        name of the landmark detector, and the reason for its choice
    overlay, sheet, tracks_file, report, notes
                    paths of the results; `facevid.inspection.tracks_json` documents the tracks file
    warnings        properties of the source that the overlay could not keep, as sentences
    seconds         time of each stage that ran, in seconds, by name; stages whose result was cached are absent

Each track:

    number          number of the person, as for `facevid edit --face`; one person may have several tracks
    first, last     numbers of its first and last frame
    frames          number of frames
    detected        number of frames in which the detector found the face; the face was interpolated in the others
    size            median side of the crop that an edit encodes, in pixels
    longest_gap     length, in frames, of the longest interpolated gap
    edited          whether `facevid edit` edits it by default

Each problem:

    kind            one of `facevid.inspection.problems.Kind`
    first, last     numbers of its first and last frame
    number          number of the person concerned; null if it concerns the whole clip
    edited          whether it is visible in the default result of `facevid edit`
    text            description, as a phrase
"""

import json
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.table import Table

from facevid.cli.progress_bars import StageProgress
from facevid.cli.shared_options import (
    PathType,
    detector_option,
    device_option,
    json_option,
    layer_option,
    overwrite_option,
    quiet_option,
    rate_option,
    slow_imports,
    smooth_option,
    start_number_option,
    verbose_option,
)
from facevid.cli.terminal import add_row, print_line, print_table
from facevid.options import TrackingOptions

if TYPE_CHECKING:
    from facevid.inspection.clip_inspection import InspectSummary
    from facevid.inspection.problems import Problem
    from facevid.inspection.tracks import InspectedPerson, InspectedTrack

SCHEMA_VERSION = 1
"""Version of the object that `--json` prints."""

MAX_LISTED_CUTS = 12
"""Maximum number of cuts printed, which fit on one line; `--json` lists all."""

MAX_LISTED_TRACKS = 3
"""Maximum number of frame ranges printed for one person, which fit in one table row; `--json` lists all."""

MAX_LISTED_PROBLEMS = 3
"""Maximum number of problems printed of one kind; the report and `--json` list all."""


@click.command()
@click.argument("source", metavar="IN", type=PathType())
@click.option(
    "--out",
    type=PathType(),
    metavar="DIR",
    help="Folder for the results.  [default: <name of IN>.inspect in the current folder]",
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
    """Preview the face tracking of the video, image sequence or picture IN before editing it.

    \b
    Writes five files into one folder:
      overlay.mp4   IN with its faces outlined: green if edited by default, blue if not, dashed where the
                    detector missed a face and its position is interpolated (overlay.png for a picture)
      sheet.png     aligned crops of every person
      tracks.json   landmarks and quads of every frame
      report.html   every person over time, a sample edit (smile=+1), and the problems to check before a long
                    render, each with a frame and what to do about it
      notes.txt     your notes, which the report shows; created once, and never overwritten

    \b
    Examples:
      facevid inspect in.mp4                                   # writes in.inspect/
      facevid inspect in.mp4 --out review/in --detector dlib
      facevid inspect in.mp4 -y --json | jq '[.tracks[].number] | unique'

    Person numbers are those of `facevid edit --face`; a person keeps one number across cuts and absences. Frames are
    numbered as in `facevid edit --frames`. A clip without faces is not an error.
    """
    with slow_imports():
        from facevid.inspection.clip_inspection import inspect_video

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
        print_line(f"facevid: warning: {warning}", err=True)
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
        "tracks": [_track_as_json(track) for track in summary.tracks],
        "problems": [_problem_as_json(problem) for problem in summary.problems],
        "detector": summary.detector,
        "overlay": str(summary.overlay),
        "sheet": str(summary.sheet),
        "tracks_file": str(summary.tracks_file),
        "report": str(summary.report),
        "notes": str(summary.notes),
        "warnings": list(summary.warnings),
        "seconds": seconds,
    }


def _track_as_json(inspected: "InspectedTrack") -> dict[str, Any]:
    return {
        "number": inspected.track.person,
        "first": inspected.first,
        "last": inspected.last,
        "frames": len(inspected.track),
        "detected": inspected.detected,
        "size": round(inspected.size, 1),
        "longest_gap": inspected.longest_gap,
        "edited": inspected.edited,
    }


def _problem_as_json(problem: "Problem") -> dict[str, Any]:
    return {
        "kind": problem.kind,
        "first": problem.first,
        "last": problem.last,
        "number": problem.track,
        "edited": problem.edited,
        "text": problem.text,
    }


def _print_summary(summary: "InspectSummary", seconds: dict[str, float]) -> None:
    if summary.tracks:
        from facevid.inspection.tracks import people_in

        print_table(_table(people_in(summary.tracks)))
    else:
        print_line("no face found, so there is nothing to edit; check the overlay, or try another --detector")
    more = ", ..." if len(summary.cuts) > MAX_LISTED_CUTS else ""
    cuts = ", ".join(map(str, summary.cuts[:MAX_LISTED_CUTS])) + more
    rows = {
        "frames": f"{summary.frames}: {summary.faceless} without a face",
        "cuts": f"{len(summary.cuts)}: before frame {cuts}" if summary.cuts else "none",
        "detector": summary.detector,
        "time": ", ".join(f"{stage} {time:.1f} s" for stage, time in seconds.items()),
        "overlay": str(summary.overlay),
        "sheet": str(summary.sheet),
        "tracks": str(summary.tracks_file),
        "report": str(summary.report),
        "notes": str(summary.notes),
    }
    for name, text in rows.items():
        print_line(f"{name:<9} {text}")
    _print_problems([problem for problem in summary.problems if problem.edited and problem.kind != "cut"])


def _print_problems(problems: "list[Problem]") -> None:
    from facevid.inspection.problems import by_kind

    lines = []
    for same_kind in by_kind(problems):
        lines += [str(problem) for problem in same_kind[:MAX_LISTED_PROBLEMS]]
        if len(same_kind) > MAX_LISTED_PROBLEMS:
            lines.append(f"and {len(same_kind) - MAX_LISTED_PROBLEMS} more of this kind")
    for number, line in enumerate(lines):
        print_line(f"{'' if number else 'problems':<9} {line}")


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
            f"{len(person)}: {person.frame_ranges(MAX_LISTED_TRACKS)}",
            f"{person.detected / len(person):.0%}",
            f"{person.size:.0f} px",
            str(person.longest_gap),
            person.edited,
        )
    return table
