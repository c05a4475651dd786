"""`facevid evaluate editors`."""

import json
from dataclasses import asdict
from pathlib import Path

import click
from rich.table import Table

from facevid.cli.progress_bars import StageProgress
from facevid.cli.shared_options import (
    MAX_COUNT,
    PathType,
    device_option,
    json_option,
    model_option,
    quiet_option,
    verbose_option,
)
from facevid.cli.terminal import add_row, print_table
from facevid.edits.attributes import attribute_of
from facevid.errors import ModelError
from facevid.evaluation.editor_comparison import areas, evaluate_editors, write_points
from facevid.evaluation.editor_plot import write_plot
from facevid.models.load import load_model
from facevid.training.editors.classifier import read_classifier
from facevid.training.editors.codes import load_codes
from facevid.utils.device import choose_device


@click.command("editors", short_help="Compare the editors of a model on held-out codes.")
@click.argument("codes", type=PathType())
@click.option("--out", required=True, type=PathType(file_okay=False), help="Folder for the CSV and the plot.")
@click.option(
    "--attr",
    "attributes",
    multiple=True,
    metavar="NAME",
    help="Attribute to evaluate; repeat it for several.  [default: all]",
)
@click.option(
    "--judge", type=PathType(), help="Latent classifier that judges the edits.  [default: the one of the model]"
)
@click.option(
    "--count",
    default=100,
    show_default=True,
    type=click.IntRange(1, MAX_COUNT),
    help="Maximum number of held-out codes to edit.",
)
@model_option
@device_option
@json_option
@quiet_option
@verbose_option
def command(
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
    """Compare a model's transformers, directions and components on the held-out CODES of `facevid train codes`.

    Every code is edited towards the opposite class at strengths up to 3. The share of codes that change class is
    plotted against the share of other attributes that are preserved, and against identity preservation (dlib's face
    descriptor). Writes editors.csv and editors.svg, and prints the areas under the curves.

    Transformers are trained against a classifier, so that classifier favours them. For a fair comparison, give --judge
    one that was trained with another --seed.

    \b
      facevid evaluate editors codes.safetensors --model mine --judge other/latent_classifier.pth --out results
    """
    loaded = load_model(model, choose_device(device))
    code_set = load_codes(codes)
    classifier = loaded.classifier if judge is None else read_classifier(judge, code_set)
    if classifier is None:
        raise ModelError(f"{loaded.name}: the model has no latent classifier; give one with --judge")
    points = evaluate_editors(
        loaded,
        code_set,
        classifier,
        attributes=[attribute_of(name) for name in attributes],
        count=count,
        progress=StageProgress(quiet),
    )
    write_points(out / "editors.csv", points)
    write_plot(out / "editors.svg", points)
    curve_areas = areas(points)
    if as_json:
        click.echo(json.dumps([asdict(area) for area in curve_areas], indent=2))
        return
    table = Table("attribute", "method", "area: attributes preserved", "area: identity preserved", box=None)
    for area in curve_areas:
        add_row(table, area.attribute, area.method, f"{area.preserved:.3f}", f"{area.identity:.3f}")
    print_table(table)
