"""`facevid train features`."""

from dataclasses import replace
from pathlib import Path

import click

from facevid.cli.common import model_option
from facevid.cli.train.common import Console, begin, picture_sets, picture_training_options
from facevid.errors import UsageError
from facevid.models.load import load_model
from facevid.training.features import train_features
from facevid.training.recipe import AdversarialRecipe, ExemplarRecipe, FeatureRecipe


@click.command("features")
@picture_training_options(FeatureRecipe.batch_size)
@model_option
@click.option(
    "--adversarial", is_flag=True, help="Go on from the model's features: sharpen what its editors make of faces."
)
@click.option(
    "--exemplars",
    is_flag=True,
    help="Go on from the model's features: learn smiles, glasses, beards, age, hair and more.",
)
def command(
    *,
    data: Path,
    model: str | None,
    out: Path,
    steps: int,
    minutes: float | None,
    sets: tuple[str, ...],
    adversarial: bool,
    exemplars: bool,
    batch_size: int,
    seed: int,
    device: str,
    overwrite: bool,
    quiet: bool,
) -> None:
    """Train a feature encoder, features.pt, for a model: it adds to generated faces what codes cannot hold.

    The model's encoder and generator are left as they are, and so its editors stay valid. --data is as for `facevid
    train model`, and so is what the folder --out gets; the rows of its samples are pictures, the generator alone, and
    the generator with features.

    \b
      facevid train features --data faces --model mine --out run --steps 4000 --minutes 60
      facevid models import mine run/features.pt --name mine --overwrite
      facevid train features --exemplars --data faces --model mine --out made --steps 6000
      facevid train features --adversarial --data faces --model mine --out sharp --steps 500

    With --exemplars or --adversarial the samples show edits, too. Import the result of each before the next begins.
    --exemplars draws glasses itself, and open mouths where some are open; for the others it needs faces labelled as
    having them, and as lacking them. With --adversarial, stop where stripes or spots of colour appear.

    To go on, run it again. The learning rate falls over the last 70 % of --steps, with --adversarial over the last
    half: ask for all you mean to do.
    """
    if adversarial and exemplars:
        raise UsageError("--adversarial and --exemplars are two trainings; run one after the other")
    recipe = AdversarialRecipe() if adversarial else ExemplarRecipe() if exemplars else FeatureRecipe()
    recipe = replace(recipe, batch_size=batch_size, sets=picture_sets(sets) or recipe.sets)
    console = Console(quiet)
    compute = begin(out, console, device=device, seed=seed, overwrite=overwrite)
    face_model = load_model(model, compute.device)
    path = train_features(data, face_model, out, steps, recipe=recipe, minutes=minutes, compute=compute)
    console.say(f"{path}: written; facevid models import {model or 'carried'} {path} --name NAME")
