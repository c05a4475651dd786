"""`facevid edit`."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from facevid.cli.progress_bars import StageProgress
from facevid.cli.shared_options import (
    MAX_BATCH_SIZE,
    MAX_COUNT,
    FacesType,
    FramesType,
    NumberType,
    PathType,
    ThoroughCommand,
    address_option,
    choose_engine,
    detector_option,
    device_option,
    engine_option,
    json_option,
    layer_option,
    model_option,
    overwrite_option,
    precision_option,
    quiet_option,
    rate_option,
    segment_option,
    slow_imports,
    smooth_option,
    start_number_option,
    verbose_option,
    workers_option,
)
from facevid.cli.terminal import print_line
from facevid.edits.attribute_edit import AttributeEdit, check_totals, parse_edit
from facevid.edits.attributes import parse_attribute
from facevid.edits.edit_file import MAX_FADE, FaceEdits, read_edits
from facevid.errors import UsageError, combined
from facevid.options import CompositingOptions, ComputeOptions, EditOptions, EngineName, SigningOptions, TrackingOptions

if TYPE_CHECKING:
    from facevid.pipeline import EditSummary


def _check_attrs(ctx: click.Context, param: click.Parameter, attrs: tuple[str, ...]) -> tuple[str, ...]:
    """Parse the values of --attr, and raise UsageError for all invalid ones at once."""
    mistakes = []
    for attr in attrs:
        try:
            parse_attribute(parse_edit(attr).attribute)
        except UsageError as error:
            mistakes.append(error)
    if mistakes:
        raise combined(mistakes)
    return attrs


@click.command(cls=ThoroughCommand)
@click.argument("source", metavar="IN", type=PathType())
@click.argument("target", metavar="OUT", type=PathType())
@click.option(
    "--attr",
    "attrs",
    multiple=True,
    callback=_check_attrs,
    metavar="NAME=VALUE",
    help="Attribute and strength: 1 is the full edit, -1 the opposite, the range is -3 to 3. Keyframes are written "
    "NAME=VALUE@TIME,VALUE@TIME,... with TIME a frame number, seconds (0.5s) or a timecode (00:00:01:12, counted from "
    "that of IN). Values are linear between keyframes, or smooth before one that ends in :ease (1@24:ease), and held "
    "outside them. NAME=FILE.csv reads a curve, FRAME,VALUE on each line. NAME=VALUE:REGION=FACTOR multiplies the "
    "strength in a region: eyes, mouth, forehead, cheeks, jaw, or rest for all others. Repeat the option for several "
    "edits, applied in order.",
)
@click.option(
    "--edits",
    "edit_file",
    type=PathType(),
    metavar="FILE",
    help="TOML file with attributes and keyframes for each face, instead of --attr and --face.",
)
@model_option
@click.option(
    "--face",
    "faces",
    type=FacesType(),
    default="largest",
    show_default=True,
    metavar="WHO",
    help="Faces to edit: largest (one person in each shot), all, person numbers from `facevid inspect` such as 0,2, or "
    "a picture of one person such as anna.jpg.",
)
@click.option(
    "--frames",
    type=FramesType(),
    metavar="A-B",
    help="Edit only frames A to B, both included; other frames are copied. Sequences use their own frame numbers, "
    "videos count from --start-number.",
)
@click.option(
    "--fade",
    type=click.IntRange(0, MAX_FADE),
    default=0,
    show_default=True,
    metavar="N",
    help="Let edits rise to full strength over N frames at the start of --frames, and fall at its end; without "
    "--frames, at the ends of the clip.",
)
@click.option(
    "--write-frames",
    type=FramesType(),
    metavar="A-B",
    help="Render only frames A to B, both included, into the image sequence OUT; its other frames and layers stay as "
    "they are. The frames are the same as in a run over all of IN.",
)
@click.option(
    "--preview-frame",
    type=click.IntRange(0, MAX_COUNT),
    metavar="N",
    help="Write only frame N, as a PNG or JPEG picture OUT, to look at the edit before a long render.",
)
@start_number_option
@rate_option
@layer_option
@detector_option
@smooth_option
@click.option(
    "--detail",
    type=click.Choice(["keep", "replace"]),
    help="keep: apply the change of appearance to the source's own pixels. replace: insert the generated face.  "
    "[default: set by the model]",
)
@click.option(
    "--blend",
    type=click.Choice(["seamless", "feather"]),
    default=CompositingOptions.blend,
    show_default=True,
    help="With --detail replace: seamless is Poisson cloning, feather a plain feathered matte.",
)
@click.option(
    "--mask",
    type=PathType(),
    metavar="FILE",
    help="Matte that limits the edits: a picture of IN's size, or a sequence such as matte.####.exr with IN's frame "
    "numbers; gray is a share of the edit. Its alpha is used, or its red channel if it has no alpha or an opaque one.",
)
@click.option(
    "--holdout",
    type=PathType(),
    metavar="FILE",
    help="Matte that protects IN from the edits, in the same form as --mask.",
)
@click.option(
    "--compare",
    type=PathType(),
    metavar="FILE",
    help="Also write original and edit side by side; with --detail replace, the reconstruction between them.",
)
@click.option(
    "--layers",
    type=PathType(),
    metavar="DIR",
    help="Also write each edited face as an RGBA layer for compositing over IN (EXR for EXR frames, else 16-bit PNG), "
    "with the mattes of its regions and its warp as an ST map.",
)
@click.option(
    "--codec",
    metavar="NAME",
    callback=lambda _, __, name: name and name.lower(),
    help="Video codec: h264, h265, prores, dnxhr, ffv1, av1, or a hardware encoder such as h264_nvenc.  "
    "[default: as IN]",
)
@click.option(
    "--crf", type=NumberType(0, 63), help="Constant rate factor; lower is better quality.  [default: visually lossless]"
)
@click.option("--pix-fmt", metavar="NAME", help="Pixel format, by its FFmpeg name.  [default: as IN]")
@click.option(
    "--no-provenance",
    is_flag=True,
    help="Do not state in the metadata of OUT that it contains generated media, with program, version and model.",
)
@click.option(
    "--sign",
    nargs=2,
    type=PathType(dir_okay=False),
    metavar="CERT KEY",
    help="Sign OUT, a video or still, with a C2PA manifest that names the edit and IN: PEM files of the certificate "
    "with its chain, and of the private key. Needs facevid[c2pa].",
)
@device_option
@precision_option
@click.option(
    "--batch-size",
    type=click.IntRange(1, MAX_BATCH_SIZE),
    default=ComputeOptions.batch_size,
    show_default=True,
    help="Faces in each batch of the networks; larger batches are faster on a GPU and take more memory.",
)
@engine_option
@workers_option
@address_option
@segment_option
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
    """Edit faces in the video, image sequence or picture IN and write the result to OUT.

    Sound, timing, size, colour tags, metadata and all pixels outside the edited faces are kept from IN. OUT appears
    when it is complete; if anything fails, an existing OUT stays as it was.

    \b
    Examples:
      facevid edit in.mp4 out.mp4 --attr smile=+1
      facevid edit in.mp4 out.mp4 --attr smile=+1 --attr age=-0.5 --compare compare.mp4
      facevid edit in.mov out.mov --attr smile=0@0,1@24          # from 0 to 1 over 24 frames
      facevid edit in.mov out.mov --attr smile=0@01:00:01:00,1@01:00:02:00:ease
      facevid edit in.mov out.mov --attr smile=smile.csv --frames 40-90 --fade 8
      facevid edit in.mp4 out.mp4 --attr age=+1:forehead=0.5:eyes=0
      facevid edit in.mp4 out.mp4 --attr lipstick=1 --face all   # everyone in the shot
      facevid edit in.mp4 out.mp4 --attr age=1 --face anna.jpg   # the person in this picture
      facevid edit plate.####.exr edited.####.exr --attr smile=1 --frames 1001-1100
      facevid edit plate.####.exr edited.####.exr --attr smile=1 --write-frames 1040-1060
      facevid edit in.mp4 frame.png --attr smile=1 --preview-frame 70
      facevid edit portrait.jpg older.jpg --attr age=+1
      facevid edit in.mp4 out.mp4 --edits shot.toml              # separate edits for each face
      facevid edit plate.####.exr out.####.exr --attr smile=1 --layers layers

    `facevid attrs` lists the attributes of a model. facevid/edits/README.md describes the file
    of --edits, with a picture of the curves.
    """
    edits = _choose_edits(attrs, edit_file)
    with slow_imports():
        from facevid.pipeline import edit_video

    progress = StageProgress(quiet)
    summary = edit_video(source, target, edits, _edit_options(**options), progress)
    for warning in summary.warnings:
        print_line(f"facevid: warning: {warning}", err=True)
    if as_json:
        click.echo(json.dumps(_as_json(summary, progress.seconds)))
    elif not quiet:
        _print_summary(summary, progress.seconds)


@dataclass(frozen=True)
class EditArguments:
    """Arguments of `facevid edit`, parsed.

    Attributes:
        edits: the values of --attr, or the entries of the edit file.
        options: all settings of the edit.
        values: parsed values of all parameters, by their names in Python.
    """

    edits: Sequence[AttributeEdit] | Sequence[FaceEdits]
    options: EditOptions
    values: dict[str, Any]


def parse_arguments(arguments: Sequence[str]) -> EditArguments:
    """Parse the arguments of `facevid edit` without reading the source.

    Args:
        arguments: options, source and target, as on the command line.

    Raises:
        click.UsageError, UsageError: an argument is invalid.
        InputError: the file of --edits cannot be read.
    """
    with command.make_context("facevid edit", [*arguments], parent=click.get_current_context()) as context:
        values = context.params
        edits = _choose_edits(values["attrs"], values["edit_file"])
        attribute_edits = [parse_edit(edit) for edit in edits if isinstance(edit, str)]
        check_totals(attribute_edits)
        face_edits = [edit for edit in edits if isinstance(edit, FaceEdits)]
        others = ("source", "target", "attrs", "edit_file", "as_json", "quiet")
        options = _edit_options(**{name: value for name, value in values.items() if name not in others})
        return EditArguments(face_edits or attribute_edits, options, values)


def _choose_edits(attrs: tuple[str, ...], edit_file: Path | None) -> tuple[str, ...] | list[FaceEdits]:
    """Return the values of --attr, or the entries of the edit file."""
    if edit_file is None:
        if not attrs:
            raise UsageError("no edit is given; add at least one --attr, such as --attr smile=+1")
        return attrs
    faces_source = click.get_current_context().get_parameter_source("faces")
    if attrs or faces_source != click.core.ParameterSource.DEFAULT:
        raise UsageError(f"--edits {edit_file} cannot be combined with --attr or --face; put both into the file")
    return read_edits(edit_file)


def _edit_options(
    *,
    faces: Any,
    detector: Any,
    smooth: float,
    detail: Any,
    blend: Any,
    mask: Path | None,
    holdout: Path | None,
    device: str,
    precision: Any,
    batch_size: int,
    engine: EngineName,
    workers: int | None,
    address: str | None,
    segment: float,
    no_provenance: bool,
    sign: tuple[Path, Path] | None,
    **others: Any,
) -> EditOptions:
    return EditOptions(
        provenance=not no_provenance,
        sign=None if sign is None else SigningOptions(*sign),
        engine=choose_engine(engine, workers, address, segment),
        tracking=TrackingOptions(detector=detector, faces=faces, smooth=smooth),
        compute=ComputeOptions(device, precision, batch_size),
        compositing=CompositingOptions(detail, blend, mask, holdout),
        **others,
    )


def _as_json(summary: "EditSummary", seconds: dict[str, float]) -> dict[str, Any]:
    fields = {**asdict(summary), "passed_through": summary.passed_through, "seconds": seconds}
    return {name: str(value) if isinstance(value, Path) else value for name, value in fields.items()}


def _print_summary(summary: "EditSummary", seconds: dict[str, float]) -> None:
    times = {**seconds, "all": sum(seconds.values())}
    rows = {
        "frames": f"{summary.frames}: {summary.edited} edited, {summary.passed_through} passed through unchanged",
        "faces": f"{summary.faces} edited, in {summary.tracks} track{'s' if summary.tracks != 1 else ''}",
        "detector": summary.detector,
        "device": summary.device,
        "time": ", ".join(f"{stage} {time:.1f} s" for stage, time in times.items()),
        "output": str(summary.output),
    }
    if summary.compare:
        rows["compare"] = str(summary.compare)
    if summary.layers:
        rows["layers"] = str(summary.layers)
    for name, text in rows.items():
        print_line(f"{name:<9} {text}")
