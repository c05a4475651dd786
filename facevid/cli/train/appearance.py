"""`facevid train appearance`."""

from pathlib import Path

import click

from facevid.cli.common import PathType, overwrite_option, quiet_option, verbose_option
from facevid.cli.train.common import Console, is_done, out_option, seed_option
from facevid.training.appearance.appearance_model import CODES_FILE, MODEL_FILE, fit_appearance
from facevid.training.common.labels import parse_rule


@click.command("appearance")
@click.option("--data", required=True, type=PathType(), help="Folder of picture sets.")
@out_option
@click.option("--label", "labels", multiple=True, metavar="RULE", help="NAME=COLUMN:NO:YES; see above. Repeat it.")
@click.option("--set", "sets", multiple=True, metavar="NAME", help="A set to take; repeat it.  [default: all]")
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
    """Fit a linear appearance model, appearance.pt, and write labelled codes of its faces, codes.safetensors.

    --data holds picture sets: each a table NAME.csv beside NAME.tar or a folder NAME, of faces aligned as FFHQ. A table
    is as for `facevid train codes`. Faces whose `native_size_px` is below 160 are left out.

    RULE is as there, too. The columns measured_smile, measured_beard and measured_lip_red need not be in a table. A
    table without the column of a rule leaves its faces unknown. Without --label, years, male and glasses are read, and
    smiles, beards and lipstick are measured. Mouths are opened by moving landmarks.

    \b
      facevid train appearance --data faces --out run
      facevid train appearance --data faces --set portraits --label Young=age:58:34 --out run
    """
    console = Console(quiet)
    if is_done(out / CODES_FILE, overwrite, console):
        return
    rules = [parse_rule(text) for text in labels]
    codes = fit_appearance(data, out, rules=rules, sets=sets, seed=seed, progress=console)
    for attribute in codes.attributes:
        assert attribute.index is not None
        column = codes.labels[:, attribute.index]
        console.print(f"{attribute.name}: {int((column == 1).sum())} yes, {int((column == 0).sum())} no")
    console.print(f"{out / MODEL_FILE}, {out / CODES_FILE}: {len(codes.codes)} codes of {len(codes.codes[0])} layers")
