"""`facevid train codes`."""

from pathlib import Path

import click

from facevid.cli.shared_options import (
    MAX_BATCH_SIZE,
    PathType,
    device_option,
    model_option,
    overwrite_option,
    quiet_option,
    verbose_option,
)
from facevid.cli.train.training_options import is_done, print_labels
from facevid.cli.train.training_progress import TrainingProgress
from facevid.faces.landmarks import choose_detector
from facevid.models.load import load_model
from facevid.training.common.labels import parse_rule
from facevid.training.editors.codes import encode_pictures
from facevid.utils.device import choose_device


@click.command("codes", short_help="Encode labelled pictures to codes.")
@click.argument("pictures", type=PathType())
@click.argument("table", type=PathType())
@click.option("--out", required=True, type=PathType(dir_okay=False), help="The .safetensors file to write.")
@click.option(
    "--label",
    "labels",
    multiple=True,
    metavar="RULE",
    help="Label rule NAME=COLUMN:NO:YES, described above; repeat it for several.",
)
@click.option("--align", is_flag=True, help="Detect, align and crop the largest face of each picture first.")
@click.option(
    "--batch-size",
    default=64,
    show_default=True,
    type=click.IntRange(1, MAX_BATCH_SIZE),
    help="Pictures in each batch of the encoder.",
)
@model_option
@device_option
@overwrite_option
@quiet_option
@verbose_option
def command(
    *,
    pictures: Path,
    table: Path,
    out: Path,
    labels: tuple[str, ...],
    align: bool,
    batch_size: int,
    model: str | None,
    device: str,
    overwrite: bool,
    quiet: bool,
) -> None:
    """Encode labelled pictures of faces to codes, the training data of editors.

    PICTURES is a folder or a tar file of square faces aligned as in FFHQ, or of any pictures with --align. TABLE is a
    CSV file with one row for each picture: its file name in the column `file` (or its number in `index`), and columns
    of numbers. An empty cell is unknown.

    \b
      file,happy,years,glasses
      0001.jpg,0.98,31,0
      0002.jpg,0.02,,1

    RULE maps the numbers of a column to labels. Faces between the two thresholds are not used in training:

    \b
      --label smile=happy:0.3:0.7             # smile: no up to 0.3, yes from 0.7
      --label Young=years:40:28               # young: no from 40 years, yes up to 28
      --label glasses=glasses:0:1
      --label mouth-open=mouth_gap:0.05:0.15  # gap between the lips / distance between the eyes

    If the table has no column `mouth_gap`, it is measured from landmarks. A 0 in the column `has_labels` makes all
    labels of a row unknown. Without --label, the columns of FFHQ's automatic labels are read: smile, age, male,
    glasses, beard, moustache, bald, hair_blond, hair_black, hair_gray, lip_makeup, eye_makeup.
    """
    progress = TrainingProgress(quiet)
    if is_done(out, overwrite, progress):
        return
    torch_device = choose_device(device)
    codes = encode_pictures(
        load_model(model, torch_device),
        pictures,
        table,
        out,
        rules=[parse_rule(text) for text in labels],
        detector=choose_detector(device=torch_device).detector if align else None,
        batch_size=batch_size,
        progress=progress,
    )
    print_labels(codes, progress)
    progress.print(f"{out}: {len(codes.codes)} codes of {codes.codes.shape[1]} x {codes.codes.shape[2]}")
