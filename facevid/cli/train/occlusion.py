"""`facevid train occlusion`."""

from dataclasses import replace
from pathlib import Path

import click

from facevid.cli.train.common import Console, begin, picture_sets, picture_training_options
from facevid.training.common.recipe import OcclusionRecipe
from facevid.training.occlusion.train import train_occlusion


@click.command("occlusion")
@picture_training_options(OcclusionRecipe.batch_size)
def command(
    *,
    data: Path,
    out: Path,
    steps: int,
    minutes: float | None,
    sets: tuple[str, ...],
    batch_size: int,
    seed: int,
    device: str,
    overwrite: bool,
    quiet: bool,
) -> None:
    """Train an occlusion network, occlusion.pt: it finds hands, microphones and hair before faces.

    --data is as for `facevid train model`, but every picture must show the whole crop, and best nothing before the
    face: that is drawn. The folder --out gets what it does there; the rows of its samples are held-out pictures, the
    same with something before the face, what of that is found, and what there is. How well real things are found
    these do not tell: look at some.

    \b
      facevid train occlusion --data faces --out run --steps 5000
      facevid models import mine run/occlusion.pt --name mine --overwrite

    To go on, run it again. The learning rate falls over the last 90 % of --steps: ask for all you mean to do.
    """
    recipe = replace(OcclusionRecipe(), batch_size=batch_size, sets=picture_sets(sets) or OcclusionRecipe.sets)
    console = Console(quiet)
    compute = begin(out, console, device=device, seed=seed, overwrite=overwrite)
    path = train_occlusion(data, out, steps, recipe=recipe, minutes=minutes, compute=compute)
    console.print(f"{path}: written; facevid models import bundled {path} --name NAME")
