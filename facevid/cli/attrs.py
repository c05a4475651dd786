"""`facevid attrs`."""

import json
from typing import Any

import click
from rich.table import Table

from facevid.cli.common import json_option, model_option, verbose_option
from facevid.cli.terminal import add_row, print_line, print_table
from facevid.edits.attributes import METHODS
from facevid.models.load import load_model
from facevid.models.model import FaceModel


@click.command()
@model_option
@json_option
@verbose_option
def command(model: str | None, as_json: bool) -> None:
    """List the attributes that a model can edit, with their methods and layers.

    An attribute without a method uses the model's best one: transformer, else direction.

    \b
    Examples:
      facevid attrs --model ffhq
      facevid edit in.mp4 out.mp4 --attr smile=+1 --attr direction:age=-0.5
      facevid edit in.mp4 out.mp4 --attr direction:smile~age=+1     # smile, holding age constant
      facevid edit in.mp4 out.mp4 --attr ganspace:3:0-4=+2          # component 3 on layers 0 to 4
    """
    loaded = load_model(model)
    rows = list_attributes(loaded)
    if as_json:
        licence = loaded.settings.licence
        click.echo(json.dumps({"model": loaded.name, "licence": licence, "attributes": rows}, indent=2))
        return
    table = Table("name", "+1 is", "method", "layers", box=None)
    for row in rows:
        add_row(table, row["name"], row["positive"], row["method"], row["layers"])
    print_table(table)
    print_line(f"model: {loaded.name}; licence: {loaded.settings.licence}")


def list_attributes(model: FaceModel) -> list[dict[str, Any]]:
    """Return one table row for each of a model's editors, sorted by attribute, the best method first."""
    rows = []
    all_layers = f"0-{model.layers - 1}"
    edit_layers = f"{model.settings.edit_layers.start}-{model.settings.edit_layers.stop - 1}"
    for editor in sorted(model.editors, key=lambda e: (e.attribute.everyday, METHODS.index(e.method))):
        _, sign = model.editor(f"{editor.method}:{editor.attribute.everyday}")
        celeba = editor.attribute.name if editor.attribute.index is not None else editor.attribute.everyday
        rows.append(
            {
                "name": editor.attribute.everyday,
                "positive": celeba if sign * editor.attribute.sign > 0 else f"not {celeba}",
                "method": editor.method,
                "layers": edit_layers if editor.method == "transformer" else all_layers,
            }
        )
    if model.components is not None:
        last = len(model.components.deviations) - 1
        rows.append({"name": f"0-{last}", "positive": "one deviation", "method": "ganspace", "layers": all_layers})
    return rows
