"""`facevid attrs`: what a model can edit."""

import json
from typing import Any

import click
from rich.table import Table

from facevid.cli.common import json_option, model_option, verbose_option
from facevid.cli.terminal import add_row, say, show
from facevid.edits.attributes import METHODS
from facevid.models.load import load_model
from facevid.models.model import FaceModel


@click.command()
@model_option
@json_option
@verbose_option
def command(model: str | None, as_json: bool) -> None:
    """List the attributes that a model can edit.

    \b
      facevid attrs --model ffhq
      facevid edit in.mp4 out.mp4 --attr smile=+1 --attr direction:age=-0.5
      facevid edit in.mp4 out.mp4 --attr direction:smile~age=+1     smile, age held
      facevid edit in.mp4 out.mp4 --attr ganspace:3:0-4=+2          component 3, layers 0-4
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
    show(table)
    say(f"model: {loaded.name}; licence: {loaded.settings.licence}")


def list_attributes(model: FaceModel) -> list[dict[str, Any]]:
    """List a model's attributes, by name, the best method of each first."""
    rows = []
    everything = f"0-{model.layers - 1}"
    edited = f"{model.settings.edit_layers.start}-{model.settings.edit_layers.stop - 1}"
    for editor in sorted(model.editors, key=lambda e: (e.attribute.everyday, METHODS.index(e.method))):
        _, sign = model.editor(f"{editor.method}:{editor.attribute.everyday}")
        celeba = editor.attribute.name if editor.attribute.index is not None else editor.attribute.everyday
        rows.append(
            {
                "name": editor.attribute.everyday,
                "positive": celeba if sign * editor.attribute.sign > 0 else f"not {celeba}",
                "method": editor.method,
                "layers": edited if editor.method == "transformer" else everything,
            }
        )
    if model.components is not None:
        last = len(model.components.deviations) - 1
        rows.append({"name": f"0-{last}", "positive": "one deviation", "method": "ganspace", "layers": everything})
    return rows
