"""`facevid edit`."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from facevid.cli.common import (
    LARGEST_BATCH,
    FacesType,
    FramesType,
    NumberType,
    PathType,
    detector_option,
    device_option,
    json_option,
    layer_option,
    model_option,
    overwrite_option,
    precision_option,
    quiet_option,
    rate_option,
    smooth_option,
    start_number_option,
    verbose_option,
)
from facevid.cli.progress import StageProgress
from facevid.cli.terminal import say
from facevid.edits.attribute_edit import check_totals, parse_edit
from facevid.edits.edit_file import FaceEdits, read_edits
from facevid.errors import UsageError
from facevid.options import CompositingOptions, ComputeOptions, EditOptions, TrackingOptions

if TYPE_CHECKING:
    from facevid.pipeline import EditSummary


@click.command()
@click.argument("source", metavar="IN", type=PathType())
@click.argument("target", metavar="OUT", type=PathType())
@click.option(
    "--attr",
    "attrs",
    multiple=True,
    metavar="NAME=VALUE",
    help="Attribute and strength, from -3 to 3; 1 is the full edit. Or keyframes, NAME=VALUE@TIME,VALUE@TIME,...: TIME "
    "is a frame number or seconds (0.5s); linear between, held outside. May be given again: applied in order.",
)
@click.option(
    "--edits",
    "edit_file",
    type=PathType(),
    metavar="FILE",
    help="In place of --attr and --face: a TOML file that gives each face its own attributes and keyframes.",
)
@model_option
@click.option(
    "--face",
    "faces",
    type=FacesType(),
    default="largest",
    show_default=True,
    metavar="WHO",
    help="Whose face: largest (one person a shot), all, numbers from `facevid inspect` such as 0,2, or a picture of "
    "the person, such as anna.jpg.",
)
@click.option(
    "--frames",
    type=FramesType(),
    metavar="A-B",
    help="Edit frames A to B only, both included; by a sequence's own numbers, else from --start-number. The others "
    "pass through.",
)
@start_number_option
@rate_option
@layer_option
@detector_option
@smooth_option
@click.option(
    "--detail",
    type=click.Choice(["keep", "replace"]),
    help="Keep the plate's own detail, or replace it by the generated face.  [default: follows the model]",
)
@click.option(
    "--blend",
    type=click.Choice(["seamless", "feather"]),
    default=CompositingOptions.blend,
    show_default=True,
    help="With --detail replace: Poisson cloning, or the feathered matte alone.",
)
@click.option(
    "--compare",
    type=PathType(),
    metavar="FILE",
    help="Also write original and edit side by side; where faces are replaced, the reconstruction between them.",
)
@click.option(
    "--layers",
    type=PathType(),
    metavar="DIR",
    help="Also write every edited face, with alpha, as a picture to lay over IN: EXR for EXR frames, else 16-bit PNG.",
)
@click.option(
    "--codec",
    metavar="NAME",
    help="h264, h265, prores, dnxhr, ffv1, av1, or a hardware one (h264_nvenc, ...).  [default: follows IN]",
)
@click.option("--crf", type=NumberType(0, 63), help="Constant quality.  [default: visually lossless]")
@click.option("--pix-fmt", metavar="NAME", help="Pixel format, as FFmpeg calls it.  [default: follows IN]")
@device_option
@precision_option
@click.option(
    "--batch-size",
    type=click.IntRange(1, LARGEST_BATCH),
    default=ComputeOptions.batch_size,
    show_default=True,
    help="Frames at once: more is faster on a GPU and takes more memory.",
)
@overwrite_option
@json_option
@quiet_option
@verbose_option
def command(
    source: Path,
    target: Path,
    attrs: tuple[str, ...],
    *,
    edit_file: Path | None,
    as_json: bool,
    quiet: bool,
    **options: Any,
) -> None:
    """Edit the faces of the video, image sequence or picture IN and write OUT.

    Sound, timing, size, colour tags and every pixel that no edit reaches stay as they are in IN.

    \b
    Examples:
      facevid edit in.mp4 out.mp4 --attr smile=+1
      facevid edit in.mp4 out.mp4 --attr smile=+1 --attr age=-0.5 --compare compare.mp4
      facevid edit in.mov out.mov --attr smile=0@0,1@24          a smile that grows over 24 frames
      facevid edit in.mp4 out.mp4 --attr beard=1 --face all    everyone in the shot
      facevid edit in.mp4 out.mp4 --attr age=1 --face anna.jpg   the person in this picture, in every shot
      facevid edit plate.####.exr edited.####.exr --attr smile=1 --frames 1001-1100
      facevid edit portrait.jpg older.jpg --attr age=+1
      facevid edit in.mp4 out.mp4 --edits shot.toml              each face its own edits (see the README)
      facevid edit plate.####.exr out.####.exr --attr smile=1 --layers layers      to finish in a compositor

    `facevid attrs` lists the attributes.
    """
    edits = _edits(attrs, edit_file)
    from facevid.pipeline import edit_video

    progress = StageProgress(quiet)
    summary = edit_video(source, target, edits, _edit_options(**options), progress)
    for warning in summary.warnings:
        say(f"facevid: warning: {warning}", err=True)
    if as_json:
        click.echo(json.dumps(_as_json(summary, progress.seconds)))
    elif not quiet:
        _print_summary(summary, progress.seconds)


def check_options(arguments: Sequence[str]) -> dict[str, Any]:
    """Check arguments of `facevid edit` without reading a shot, and return them by their parameters' names.

    Raises:
        click.UsageError, UsageError: they cannot be.
        InputError: a file that they name cannot be read.
    """
    with command.make_context("facevid edit", [*arguments], parent=click.get_current_context()) as context:
        edits = _edits(context.params["attrs"], context.params["edit_file"])
        check_totals([parse_edit(edit) for edit in edits if isinstance(edit, str)])
        return context.params


def _edits(attrs: tuple[str, ...], edit_file: Path | None) -> tuple[str, ...] | list[FaceEdits]:
    if edit_file is None:
        if not attrs:
            raise UsageError("nothing to edit: give at least one --attr, such as --attr smile=+1")
        return attrs
    chosen = click.get_current_context().get_parameter_source("faces")
    if attrs or chosen != click.core.ParameterSource.DEFAULT:
        raise UsageError(f"--edits {edit_file} says whose face gets which attributes: leave out --attr and --face")
    return read_edits(edit_file)


def _edit_options(
    *,
    faces: Any,
    detector: Any,
    smooth: float,
    detail: Any,
    blend: Any,
    device: str,
    precision: Any,
    batch_size: int,
    **others: Any,
) -> EditOptions:
    return EditOptions(
        tracking=TrackingOptions(detector=detector, faces=faces, smooth=smooth),
        compute=ComputeOptions(device, precision, batch_size),
        compositing=CompositingOptions(detail, blend),
        **others,
    )


def _as_json(summary: "EditSummary", seconds: dict[str, float]) -> dict[str, Any]:
    told = {**asdict(summary), "passed_through": summary.passed_through, "seconds": seconds}
    return {name: str(value) if isinstance(value, Path) else value for name, value in told.items()}


def _print_summary(summary: "EditSummary", seconds: dict[str, float]) -> None:
    timed = {**seconds, "all": sum(seconds.values())}
    rows = {
        "frames": f"{summary.frames}: {summary.edited} edited, {summary.passed_through} passed through unedited",
        "faces": f"{summary.faces} edited, in {summary.tracks} track{'s' if summary.tracks != 1 else ''}",
        "detector": summary.detector,
        "device": summary.device,
        "time": ", ".join(f"{stage} {taken:.1f} s" for stage, taken in timed.items()),
        "output": str(summary.output),
    }
    if summary.compare:
        rows["compare"] = str(summary.compare)
    if summary.layers:
        rows["layers"] = str(summary.layers)
    for name, text in rows.items():
        say(f"{name:<9} {text}")
