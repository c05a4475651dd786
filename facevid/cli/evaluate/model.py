"""`facevid evaluate model`."""

import json
from dataclasses import asdict
from pathlib import Path

import click
from rich.table import Table

from facevid.cli.progress_bars import StageProgress
from facevid.cli.shared_options import PathType, device_option, json_option, model_option, quiet_option, verbose_option
from facevid.cli.terminal import add_row, print_table
from facevid.evaluation.ground_truth import ModelMeasure, evaluate_model, read_photographs
from facevid.models.load import load_model
from facevid.utils.device import choose_device


@click.command("model", short_help="Measure a face model on pairs of photographs.")
@click.argument("pictures", type=PathType())
@click.argument("table", type=PathType())
@model_option
@device_option
@json_option
@quiet_option
@verbose_option
def command(*, pictures: Path, table: Path, model: str | None, device: str, as_json: bool, quiet: bool) -> None:
    """Measure a face model on neutral and smiling photographs of the same people, none used in its training.

    PICTURES is a folder or a tar file of square faces, aligned as in FFHQ. TABLE is a CSV file:

    \b
      file,person,smiling
      003_neutral.jpg,003,0
      003_smiling.jpg,003,1

    Identity is the distance between dlib's face descriptors: the smaller, the more similar. Smiles are judged by the
    geometry of the mouth alone, relative to the midpoint between the person's two photographs.

    \b
      facevid evaluate model london london.csv --model mine
    """
    loaded = load_model(model, choose_device(device))
    measures = evaluate_model(loaded, read_photographs(pictures, table), StageProgress(quiet))
    if as_json:
        click.echo(json.dumps([asdict(measure) for measure in measures], indent=2))
        return
    results = Table("measure", "value", "unit", box=None)
    for measure in measures:
        add_row(results, measure.name, _value(measure), measure.unit)
    print_table(results)


def _value(measure: ModelMeasure) -> str:
    match measure.unit:
        case "dB":
            return f"{measure.value:.1f}"
        case "share":
            return f"{measure.value:.0%}"
        case _:
            return f"{measure.value:.2f}"
