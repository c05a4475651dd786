"""`facevid train appearance`."""

from pathlib import Path

import click

from facevid.cli.shared_options import PathType, overwrite_option, quiet_option, verbose_option
from facevid.cli.train.training_options import is_done, out_option, print_labels, seed_option
from facevid.cli.train.training_progress import TrainingProgress
from facevid.training.appearance.appearance_training import CODES_FILE, MODEL_FILE, fit_appearance
from facevid.training.common.labels import parse_rule


@click.command("appearance", short_help="Fit a linear appearance model.")
@click.option("--data", required=True, type=PathType(), help="Folder of picture sets.")
@out_option
@click.option(
    "--label",
    "labels",
    multiple=True,
    metavar="RULE",
    help="Label rule NAME=COLUMN:NO:YES, described above; repeat it for several.",
)
@click.option(
    "--set", "sets", multiple=True, metavar="NAME", help="Picture set to use; repeat it for several.  [default: all]"
)
@seed_option
@overwrite_option
@quiet_option
@verbose_option
def command(
    *,
    data: Path,
    out: Path,
    labels: tuple[str, ...],
    sets: tuple[str, ...],
    seed: int,
    overwrite: bool,
    quiet: bool,
) -> None:
    """Fit a linear appearance model (appearance.pt) and write the labelled codes of its faces (codes.safetensors).

    --data is a folder of picture sets. A set is a table NAME.csv beside NAME.tar or a folder NAME, with square faces
    aligned as in FFHQ. Tables and the RULE of --label are as for `facevid train codes`. Faces whose column
    `native_size_px` is below 160 are skipped.

    The columns measured_smile, measured_beard and measured_lip_red are measured in the pictures. If a table lacks the
    column of a rule, the label of its faces is unknown. Without --label, age, sex and glasses are read from the columns
    years, male and glasses, and smiles, beards and lipstick are measured. Faces with open mouths are synthesised by
    moving landmarks.

    \b
    Examples:
      facevid train appearance --data faces --out run
      facevid train appearance --data faces --set portraits --label Young=age:58:34 --out run
    """
    progress = TrainingProgress(quiet)
    if is_done(out / CODES_FILE, overwrite, progress):
        return
    rules = [parse_rule(text) for text in labels]
    codes = fit_appearance(data, out, rules=rules, sets=sets, seed=seed, progress=progress)
    print_labels(codes, progress)
    progress.print(f"{out / MODEL_FILE}, {out / CODES_FILE}: {len(codes.codes)} codes of {len(codes.codes[0])} layers")
