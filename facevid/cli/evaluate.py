"""`facevid evaluate`: editors against each other, a face model against photographs, and what is found before faces."""

import json
from dataclasses import asdict
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from facevid.cli.common import (
    detector_option,
    device_option,
    json_option,
    model_option,
    quiet_option,
    verbose_option,
)
from facevid.cli.progress import StageProgress
from facevid.device import choose_device
from facevid.errors import ModelError
from facevid.evaluation.editors import areas, evaluate_editors, write_points
from facevid.evaluation.ground_truth import Measure, evaluate_model, read_photographs
from facevid.evaluation.occlusion import evaluate_occlusion
from facevid.evaluation.plot import write_plot
from facevid.faces.landmarks import DetectorName, choose_detector
from facevid.latents.attributes import attribute_of
from facevid.models.load import load_model
from facevid.options import ComputeOptions
from facevid.training.classifier import read_classifier
from facevid.training.codes import load_codes
from facevid.video import open_clip


@click.group()
def command() -> None:
    """Measure editors, face models, and the finding of what is before a face.

    \b
      facevid evaluate editors codes.safetensors --model mine --out results
      facevid evaluate model london london.csv --model mine
      facevid evaluate occlusion shot.mp4
    """


@command.command("editors")
@click.argument("codes", type=click.Path(path_type=Path))
@click.option(
    "--out", required=True, type=click.Path(path_type=Path, file_okay=False), help="Folder for the CSV and the plot."
)
@click.option("--attr", "attributes", multiple=True, metavar="NAME", help="What to compare; repeat it.  [default: all]")
@click.option("--judge", type=click.Path(path_type=Path), help="A latent classifier.  [default: the model's own]")
@click.option(
    "--count", default=100, show_default=True, type=click.IntRange(1), help="Held-out codes to edit, at most."
)
@model_option
@device_option
@json_option
@quiet_option
@verbose_option
def editors_command(
    *,
    codes: Path,
    out: Path,
    attributes: tuple[str, ...],
    judge: Path | None,
    count: int,
    model: str | None,
    device: str,
    as_json: bool,
    quiet: bool,
) -> None:
    """Compare a model's transformers, directions and components on held-out CODES of `facevid train codes`.

    Every code is moved towards the class it is not in, at strengths up to 3. The share that changes class is set
    against the share of other attributes that stay, and against identity by dlib's face descriptor. Writes
    editors.csv and editors.svg; prints the areas under the curves. Editors know the classifier that they were trained
    against: the fairer --judge is another one, trained with another --seed.

    \b
      facevid evaluate editors codes.safetensors --model mine --judge other/latent_classifier.pth --out results
    """
    loaded = load_model(model, choose_device(device))
    held = load_codes(codes)
    classifier = loaded.classifier if judge is None else read_classifier(judge, held)
    if classifier is None:
        raise ModelError(f"{loaded.name}: has no latent classifier; give one with --judge")
    points = evaluate_editors(
        loaded,
        held,
        classifier,
        attributes=[attribute_of(name) for name in attributes],
        count=count,
        progress=StageProgress(quiet),
    )
    write_points(out / "editors.csv", points)
    write_plot(out / "editors.svg", points)
    found = areas(points)
    if as_json:
        click.echo(json.dumps([asdict(area) for area in found], indent=2))
        return
    table = Table("attribute", "method", "area: other attributes kept", "area: identity kept", box=None)
    for area in found:
        table.add_row(area.attribute, area.method, f"{area.preserved:.3f}", f"{area.identity:.3f}")
    Console().print(table, highlight=False)


@command.command("model")
@click.argument("pictures", type=click.Path(path_type=Path))
@click.argument("table", type=click.Path(path_type=Path))
@model_option
@device_option
@json_option
@quiet_option
@verbose_option
def model_command(*, pictures: Path, table: Path, model: str | None, device: str, as_json: bool, quiet: bool) -> None:
    """Measure a face model on people photographed neutral and smiling, whom it has never seen.

    PICTURES is a folder or a tar file of faces aligned as FFHQ. TABLE is a CSV file:

    \b
      file,person,smiling
      003_neutral.jpg,003,0
      003_smiling.jpg,003,1

    Identity is the distance of dlib's face descriptors: small is the same person. Smiles are judged by the mouth's
    geometry alone, against the midpoint of the person's own two photographs.

    \b
      facevid evaluate model london london.csv --model mine
    """
    loaded = load_model(model, choose_device(device))
    measures = evaluate_model(loaded, read_photographs(pictures, table), StageProgress(quiet))
    if as_json:
        click.echo(json.dumps([asdict(measure) for measure in measures], indent=2))
        return
    shown = Table("measure", "value", "unit", box=None)
    for measure in measures:
        shown.add_row(measure.name, _value(measure), measure.unit)
    Console().print(shown, highlight=False)


@command.command("occlusion")
@click.argument("clips", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="CLIP...")
@detector_option
@model_option
@device_option
@json_option
@quiet_option
@verbose_option
def occlusion_command(
    *, clips: tuple[Path, ...], detector: DetectorName, model: str | None, device: str, as_json: bool, quiet: bool
) -> None:
    """Measure how well things before a face are found, so that the edit leaves them alone.

    A bar, a microphone, hair and a hand of the face's own skin are drawn before the face of each CLIP, which should
    show nothing before the face itself. The overlap is the intersection over the union of what is found and what is
    there, inside the face; with kind "none", all that is called occluded is a false alarm.

    \b
      facevid evaluate occlusion shot.mp4
    """
    where = choose_device(device)
    loaded = load_model(model, where)
    finder = choose_detector(detector, where).detector
    progress = StageProgress(quiet)
    measures = [
        measure
        for clip in clips
        for measure in evaluate_occlusion(open_clip(clip), loaded, finder, ComputeOptions(device), progress)
    ]
    if as_json:
        click.echo(json.dumps([asdict(measure) for measure in measures], indent=2))
        return
    table = Table("clip", "before the face", "overlap", "called occluded", box=None)
    for measure in measures:
        overlap = "" if measure.overlap is None else f"{measure.overlap:.2f}"
        table.add_row(measure.clip, measure.kind, overlap, f"{measure.called:.1%}")
    Console().print(table, highlight=False)


def _value(measure: Measure) -> str:
    match measure.unit:
        case "dB":
            return f"{measure.value:.1f}"
        case "share":
            return f"{measure.value:.0%}"
        case _:
            return f"{measure.value:.2f}"
