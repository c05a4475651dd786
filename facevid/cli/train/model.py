"""`facevid train model`."""

from dataclasses import replace
from pathlib import Path

import click

from facevid.cli.shared_options import PathType
from facevid.cli.train.training_options import begin_training, picture_sets, picture_training_options
from facevid.cli.train.training_progress import TrainingProgress
from facevid.training.common.config import FaceModelConfig
from facevid.training.face_model.face_model_training import train_face_model


@click.command("model", short_help="Train a face model: generator and encoder.")
@picture_training_options(FaceModelConfig.batch_size)
@click.option("--start", type=PathType(), help="Checkpoint in pSp's layout to start from.  [default: random weights]")
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
    """Train a face model (face_model.pt, in pSp's layout): a generator, an encoder and a mapping network.

    --data is a folder of picture sets. A set is a table NAME.csv beside NAME.tar or a folder NAME, with square faces
    aligned as in FFHQ. A table names each picture in a column `file` (or its number in `index`), and may have the label
    columns of `facevid train codes`. If aligned faces reach beyond their photograph and are black there, the column
    `picture_corners_px` gives the corners of the photograph, x y each: top left, bottom left, bottom right, top right.

    \b
      file,age,male,picture_corners_px
      0001.jpg,31,1,23.5 34.9 24.2 118.3 107.5 117.6 106.9 34.3

    \b
      facevid train model --data faces --out run --steps 40000 --minutes 60
      facevid train model --data mine --set studio=0.7 --set phone=0.3 --out run --steps 40000
      facevid models import run/face_model.pt --name mine

    --out gets the checkpoint, losses.csv, sample pictures and run.json, a record of the training. Run the command again
    to resume. Learning rates decay over the last 80 % of --steps, so set --steps to the planned total.
    """
    config = replace(FaceModelConfig(), batch_size=batch_size, sets=picture_sets(sets) or FaceModelConfig.sets)
    progress = TrainingProgress(quiet)
    compute = begin_training(out, progress, device=device, seed=seed, overwrite=overwrite)
    path = train_face_model(data, out, steps, config=config, start=start, minutes=minutes, compute=compute)
    progress.print(f"{path}: written; facevid models import {path} --name NAME")
