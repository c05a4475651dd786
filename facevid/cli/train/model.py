"""`facevid train model`."""

from dataclasses import replace
from pathlib import Path

import click

from facevid.cli.common import PathType
from facevid.cli.train.common import Console, begin, picture_sets, picture_training_options
from facevid.training.common.recipe import Recipe
from facevid.training.face_model.face_model import train_face_model


@click.command("model")
@picture_training_options(Recipe.batch_size)
@click.option("--start", type=PathType(), help="Begin with a checkpoint in pSp's layout, not anew.")
def command(
    *,
    data: Path,
    out: Path,
    start: Path | None,
    steps: int,
    minutes: float | None,
    sets: tuple[str, ...],
    batch_size: int,
    seed: int,
    device: str,
    overwrite: bool,
    quiet: bool,
) -> None:
    """Train a generator, an encoder and a mapping network: a face model, face_model.pt, in pSp's layout.

    --data holds picture sets: a table NAME.csv beside NAME.tar, or beside a folder NAME, of faces aligned as FFHQ. A
    table names each picture in a column `file` (or its number in `index`). Label columns as of `train codes` are used
    where they are there. Where only a part of an aligned face is picture and the rest black, a column
    `picture_corners_px` gives x y of the part's top left, bottom left, bottom right and top right corner:

    \b
      file,age,male,picture_corners_px
      0001.jpg,31,1,23.5 34.9 24.2 118.3 107.5 117.6 106.9 34.3

    \b
      facevid train model --data faces --out run --steps 40000 --minutes 60
      facevid train model --data mine --set studio=0.7 --set phone=0.3 --out run --steps 40000
      facevid models import run/face_model.pt --name mine

    The folder `run` gets the checkpoint, losses.csv, pictures of how far it is, and run.json, which says what was run.
    To go on, run it again. The learning rates fall over the last four fifths of --steps: ask for all you mean to do.
    """
    recipe = replace(Recipe(), batch_size=batch_size, sets=picture_sets(sets) or Recipe.sets)
    console = Console(quiet)
    compute = begin(out, console, device=device, seed=seed, overwrite=overwrite)
    path = train_face_model(data, out, steps, recipe=recipe, start=start, minutes=minutes, compute=compute)
    console.print(f"{path}: written; facevid models import {path} --name NAME")
