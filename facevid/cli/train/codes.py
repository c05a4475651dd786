"""`facevid train codes`."""

from pathlib import Path

import click

from facevid.cli.common import (
    LARGEST_BATCH,
    PathType,
    device_option,
    model_option,
    overwrite_option,
    quiet_option,
    verbose_option,
)
from facevid.cli.train.common import Console, is_done
from facevid.faces.landmarks import choose_detector
from facevid.models.load import load_model
from facevid.training.common.labels import parse_rule
from facevid.training.editors.codes import encode_pictures
from facevid.utils.device import choose_device


@click.command("codes")
@click.argument("pictures", type=PathType())
@click.argument("table", type=PathType())
@click.option("--out", required=True, type=PathType(dir_okay=False), help="The .safetensors to write.")
@click.option("--label", "labels", multiple=True, metavar="RULE", help="NAME=COLUMN:NO:YES; see above. Repeat it.")
@click.option("--align", is_flag=True, help="The pictures are as they were taken: find and align each largest face.")
@click.option(
    "--batch-size",
    default=64,
    show_default=True,
    type=click.IntRange(1, LARGEST_BATCH),
    help="Pictures encoded at once.",
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
    """Encode labelled pictures.

    PICTURES is a folder or a tar file of faces, aligned as FFHQ (square), or as they were taken with --align. TABLE is
    a CSV file with a row for each picture: its name in a column `file` (or its number in `index`), and columns of
    numbers, empty where unknown:

    \b
      file,happy,years,glasses
      0001.jpg,0.98,31,0
      0002.jpg,0.02,,1

    RULE says which numbers of a column mean no and yes; between them a face is unknown, and not trained on:

    \b
      --label smile=happy:0.3:0.7     up to 0.3 no smile, from 0.7 a smile
      --label Young=years:40:28       from 40 years not young, up to 28 young
      --label glasses=glasses:0:1
      --label mouth-open=mouth_gap:0.05:0.15

    The column `mouth_gap` need not be there: it is measured from landmarks, in distances between the eyes. A column
    `has_labels` of 0 makes a whole row unknown. Without --label, the columns of FFHQ's machine-made labels are read:
    smile, age, male, glasses, beard, moustache, bald, hair_blond, hair_black, hair_gray, lip_makeup, eye_makeup.
    """
    console = Console(quiet)
    if is_done(out, overwrite, console):
        return
    place = choose_device(device)
    codes = encode_pictures(
        load_model(model, place),
        pictures,
        table,
        out,
        rules=[parse_rule(text) for text in labels],
        detector=choose_detector(device=place).detector if align else None,
        batch_size=batch_size,
        progress=console,
    )
    for attribute in codes.attributes:
        assert attribute.index is not None
        column = codes.labels[:, attribute.index]
        console.print(f"{attribute.name}: {int((column == 1).sum())} yes, {int((column == 0).sum())} no")
    console.print(f"{out}: {len(codes.codes)} codes of {codes.codes.shape[1]} x {codes.codes.shape[2]}")
