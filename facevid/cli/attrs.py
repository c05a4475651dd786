"""`facevid attrs`."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from facevid.cli.progress_bars import StageProgress
from facevid.cli.shared_options import PathType, json_option, model_option, overwrite_option, store_verbosity
from facevid.cli.terminal import add_row, print_line, print_table
from facevid.edits.attributes import METHODS
from facevid.edits.effects import effects_of
from facevid.errors import UsageError

if TYPE_CHECKING:
    from facevid.models.model import FaceModel


@click.command()
@click.option(
    "--sheet",
    type=PathType(),
    metavar="FILE",
    help="Also write a picture of each attribute at -1, 0 and 1 (PNG, JPEG or PDF); needs --picture.",
)
@click.option("--picture", type=PathType(), metavar="IN", help="Picture or video with the face of --sheet.")
@model_option
@overwrite_option
@json_option
@click.option(
    "-v",
    "--verbose",
    is_flag=True,
    callback=store_verbosity,
    help="List methods, layers and CelebA's names; print a traceback on errors.",
)
def command(
    sheet: Path | None,
    picture: Path | None,
    *,
    model: str | None,
    overwrite: bool,
    as_json: bool,
    verbose: bool,
) -> None:
    """List the attributes that a model can edit, what they do, and their measured effects.

    A star marks the attributes that are recommended for this model. Identity is the similarity of the face before and
    after a full edit: 0.90 for two photographs of one person, 0.03 for two people. -v lists methods, layers and
    CelebA's names too. An attribute without a method uses the model's best one: transformer, else direction.

    \b
    Examples:
      facevid attrs
      facevid attrs --sheet attributes.png --picture portrait.jpg
      facevid attrs --model ffhq -v
      facevid edit in.mp4 out.mp4 --attr smile=+1 --attr direction:age=-0.5
      facevid edit in.mp4 out.mp4 --attr direction:smile~age=+1     # smile, holding age constant
      facevid edit in.mp4 out.mp4 --attr ganspace:3:0-4=+2          # component 3 on layers 0 to 4
    """
    if (sheet is None) != (picture is None):
        raise UsageError("--sheet needs --picture, and --picture needs --sheet; add the other one")
    from facevid.models.load import load_model

    loaded = load_model(model)
    rows = list_attributes(loaded, model)
    if as_json:
        licence = loaded.settings.licence
        click.echo(json.dumps({"model": loaded.name, "licence": licence, "attributes": rows}, indent=2))
    elif verbose:
        _print_methods(rows)
    else:
        _print_effects(rows)
    if not as_json:
        print_line(f"model: {loaded.name}; licence: {loaded.settings.licence}")
    if sheet and picture:
        _write_sheet(sheet, picture, rows, model, overwrite)


def list_attributes(model: "FaceModel", name: str | None) -> list[dict[str, Any]]:
    """Return one table row for each of a model's editors, sorted by attribute, the best method first.

    Args:
        model: the model.
        name: its name or path, as for `load_model`.
    """
    from facevid.models.attribute_measures import read_measures

    rows, measures = [], read_measures(name)
    all_layers = f"0-{model.layers - 1}"
    edit_layers = f"{model.settings.edit_layers.start}-{model.settings.edit_layers.stop - 1}"
    for editor in sorted(model.editors, key=lambda e: (e.attribute.everyday, METHODS.index(e.method))):
        _, sign = model.editor(f"{editor.method}:{editor.attribute.everyday}")
        everyday = editor.attribute.everyday
        celeba = editor.attribute.name if editor.attribute.index is not None else everyday
        is_best = model.editor(everyday)[0] is editor.editor
        measure = measures.get(everyday) if is_best else None  # the best method was measured
        rows.append(
            {
                "name": everyday,
                "plus": effects_of(everyday)[0],
                "minus": effects_of(everyday)[1],
                "recommended": bool(measure and measure.recommended),
                "measured": measure.measured if measure else None,
                "identity": measure.identity if measure else None,
                "positive": celeba if sign * editor.attribute.sign > 0 else f"not {celeba}",
                "method": editor.method,
                "layers": edit_layers if editor.method == "transformer" else all_layers,
            }
        )
    if model.components is not None:
        last = len(model.components.deviations) - 1
        rows.append({"name": f"0-{last}", "positive": "one deviation", "method": "ganspace", "layers": all_layers})
    return rows


def _print_effects(rows: list[dict[str, Any]]) -> None:
    """Print one row for each attribute, by its best method."""
    from rich.table import Table

    table = Table("", "name", "+1", "-1", "identity", "measured", box=None)
    best: dict[str, dict[str, Any]] = {}
    for row in rows:
        if row["method"] != "ganspace":
            best.setdefault(row["name"], row)
    for row in best.values():
        star, identity = "*" if row["recommended"] else "", f"{row['identity']:.2f}" if row["identity"] else "-"
        add_row(table, star, row["name"], row["plus"], row["minus"], identity, row["measured"] or "not measured")
    print_table(table)


def _print_methods(rows: list[dict[str, Any]]) -> None:
    """Print one row for each editor."""
    from rich.table import Table

    table = Table("name", "+1 is", "method", "layers", box=None)
    for row in rows:
        add_row(table, row["name"], row["positive"], row["method"], row["layers"])
    print_table(table)


def _write_sheet(out: Path, picture: Path, rows: list[dict[str, Any]], model: str | None, overwrite: bool) -> None:
    from facevid.evaluation.sheet import parse_range, write_sheet

    names = dict.fromkeys(row["name"] for row in rows if row["method"] != "ganspace")
    ranges, progress = [parse_range(f"{name}=-1:1:3") for name in names], StageProgress(quiet=False)
    write_sheet(picture, out, ranges, model=model, in_sequence=False, overwrite=overwrite, progress=progress)
