"""`facevid train`: labelled codes from pictures, the latent classifier, editors, and a face model."""

import re
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import click

from facevid.cli.common import device_option, model_option, overwrite_option, quiet_option, verbose_option
from facevid.device import choose_device
from facevid.errors import UsageError
from facevid.faces.landmarks import choose_detector
from facevid.latents.attributes import CELEBA, attribute_of
from facevid.models.load import load_model
from facevid.training.classifier import (
    CLASSIFIER_FILE,
    ClassifierOptions,
    balanced_accuracy,
    read_classifier,
    train_classifier,
)
from facevid.training.codes import CodeSet, encode_pictures, load_codes
from facevid.training.components import COMPONENTS_FILE, fit_components
from facevid.training.directions import direction_file, fit_direction, save_direction
from facevid.training.face_model import train_face_model
from facevid.training.labels import parse_rule
from facevid.training.recipe import Recipe
from facevid.training.run import Compute
from facevid.training.transformer import TransformerOptions, train_transformer, transformer_file

T = TypeVar("T")

codes_argument = click.argument("codes", type=click.Path(path_type=Path))
out_option = click.option(
    "--out", required=True, type=click.Path(path_type=Path, file_okay=False), help="Folder for the result."
)
seed_option = click.option("--seed", default=0, show_default=True, help="Of all random numbers.")
attribute_option = click.option(
    "--attr", "attributes", multiple=True, metavar="NAME", help="What to train; repeat it.  [default: all labelled]"
)
layers_option = click.option("--edit-layers", metavar="A-B", help="Layers of the code to move.  [default: 0-10]")


class Console:
    """Shows steps and losses as plain lines on stderr, every few seconds; a `Progress` and a `Report`."""

    SECONDS_BETWEEN_LINES = 5.0

    def __init__(self, quiet: bool) -> None:
        self._quiet = quiet
        self._stage = ""

    def __call__(self, stage: str, items: Iterable[T], total: int | None) -> Iterator[T]:
        """Pass `items` through and say how far they are."""
        self._stage = stage
        began = told = time.monotonic()
        for count, item in enumerate(items, 1):
            yield item
            now = time.monotonic()
            if now - told >= self.SECONDS_BETWEEN_LINES or count == total:
                told, speed = now, count / max(now - began, 1e-6)
                left = f", {(total - count) / speed:.0f} s left" if total else ""
                self.say(f"{stage}: {count}/{total or '?'}, {speed:.1f} a second{left}")

    def report(self, step: int, losses: Mapping[str, float]) -> None:
        """Show the losses at a step."""
        self.say(f"{self._stage}: step {step}: " + ", ".join(f"{name} {value:.4f}" for name, value in losses.items()))

    def say(self, line: str) -> None:
        """Print a line."""
        if not self._quiet:
            click.echo(line, err=True)


@click.group()
def command() -> None:
    """Train editors on your own pictures, or a face model.

    \b
      facevid train codes faces.tar labels.csv --out codes.safetensors
      facevid train classifier codes.safetensors --out trained
      facevid train transformer codes.safetensors trained/latent_classifier.pth --attr smile --attr age --out trained
      facevid train directions codes.safetensors --out trained
      facevid train components codes.safetensors --out trained
      facevid models import face_model.pt trained/* --name mine

    Every command can be stopped with Ctrl-C: run it again and it goes on. What is finished is left as it is, unless
    --overwrite is given. Every twentieth row of a table is held out of all training, for `facevid evaluate`.
    """


@command.command("codes")
@click.argument("pictures", type=click.Path(path_type=Path))
@click.argument("table", type=click.Path(path_type=Path))
@click.option(
    "--out", required=True, type=click.Path(path_type=Path, dir_okay=False), help="The .safetensors to write."
)
@click.option("--label", "labels", multiple=True, metavar="RULE", help="NAME=COLUMN:NO:YES; see above. Repeat it.")
@click.option("--align", is_flag=True, help="The pictures are as they were taken: find and align each largest face.")
@click.option("--batch-size", default=64, show_default=True, type=click.IntRange(1), help="Pictures encoded at once.")
@model_option
@device_option
@overwrite_option
@quiet_option
@verbose_option
def codes_command(
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
    if _is_done(out, overwrite, console):
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
        console.say(f"{attribute.name}: {int((column == 1).sum())} yes, {int((column == 0).sum())} no")
    console.say(f"{out}: {len(codes.codes)} codes of {codes.codes.shape[1]} x {codes.codes.shape[2]}")


@command.command("classifier")
@codes_argument
@out_option
@click.option("--hidden", default="256,128", show_default=True, help="Widths between code and answers; FFHQ: 2048,512.")
@click.option("--epochs", default=ClassifierOptions.epochs, show_default=True, type=click.IntRange(1))
@click.option("--batch-size", default=ClassifierOptions.batch_size, show_default=True, type=click.IntRange(1))
@click.option("--learning-rate", default=ClassifierOptions.learning_rate, show_default=True, help="Of Adam.")
@click.option(
    "--noise", default=ClassifierOptions.noise, show_default=True, help="On codes, in shares of their spread."
)
@seed_option
@device_option
@overwrite_option
@quiet_option
@verbose_option
def classifier_command(
    *,
    codes: Path,
    out: Path,
    hidden: str,
    epochs: int,
    batch_size: int,
    learning_rate: float,
    noise: float,
    seed: int,
    device: str,
    overwrite: bool,
    quiet: bool,
) -> None:
    """Train the latent classifier, latent_classifier.pth, on CODES made by `facevid train codes`.

    \b
      facevid train classifier codes.safetensors --out trained
    """
    console = Console(quiet)
    if _is_done(out / CLASSIFIER_FILE, overwrite, console):
        return
    if not re.fullmatch(r"\d+(,\d+)*", hidden):
        raise UsageError(f'--hidden "{hidden}": write widths, for example 256,128')
    widths = tuple(int(width) for width in hidden.split(","))
    options = ClassifierOptions(widths, epochs, batch_size, learning_rate, noise)
    loaded = load_codes(codes)
    classifier = train_classifier(loaded, out, options, Compute(choose_device(device), seed, console, console.report))
    for name, share in balanced_accuracy(classifier, loaded.part(held_out=True)).items():
        console.say(f"{name}: {share:.3f} right on held-out codes (mean of yes and no)")


@command.command("transformer")
@codes_argument
@click.argument("classifier", type=click.Path(path_type=Path))
@out_option
@attribute_option
@layers_option
@click.option(
    "--lambda-attr", default=TransformerOptions.lambda_attr, show_default=True, help="Keeps other attributes."
)
@click.option("--lambda-rec", default=TransformerOptions.lambda_rec, show_default=True, help="Keeps steps short.")
@click.option("--learning-rate", default=TransformerOptions.learning_rate, show_default=True, help="Of Adam.")
@click.option("--batch-size", default=TransformerOptions.batch_size, show_default=True, type=click.IntRange(1))
@click.option("--epochs", default=TransformerOptions.epochs, show_default=True, type=click.IntRange(1))
@seed_option
@device_option
@overwrite_option
@quiet_option
@verbose_option
def transformer_command(
    *,
    codes: Path,
    classifier: Path,
    out: Path,
    attributes: tuple[str, ...],
    edit_layers: str | None,
    lambda_attr: float,
    lambda_rec: float,
    learning_rate: float,
    batch_size: int,
    epochs: int,
    seed: int,
    device: str,
    overwrite: bool,
    quiet: bool,
) -> None:
    """Train latent transformers, tnet_<CelebA index>.pth.tar, on CODES against a latent CLASSIFIER.

    \b
      facevid train transformer codes.safetensors trained/latent_classifier.pth --attr smile --attr age --out trained
    """
    console = Console(quiet)
    loaded = load_codes(codes)
    layers = layer_range(edit_layers)
    options = TransformerOptions(layers, lambda_attr, lambda_rec, learning_rate, batch_size, epochs)
    compute = Compute(choose_device(device), seed, console, console.report)
    network = read_classifier(classifier, loaded)
    for index in _indices(loaded, attributes):
        if not _is_done(out / transformer_file(index), overwrite, console):
            train_transformer(loaded, network, index, out, options=options, compute=compute)
            console.say(f"{out / transformer_file(index)}: {CELEBA[index]}")


@command.command("directions")
@codes_argument
@out_option
@attribute_option
@layers_option
@seed_option
@overwrite_option
@quiet_option
@verbose_option
def directions_command(
    *,
    codes: Path,
    out: Path,
    attributes: tuple[str, ...],
    edit_layers: str | None,
    seed: int,
    overwrite: bool,
    quiet: bool,
) -> None:
    """Fit InterFaceGAN's directions, direction_<attribute>.npy, to CODES: normals of linear support vector machines.

    \b
      facevid train directions codes.safetensors --attr smile --out trained
    """
    console = Console(quiet)
    loaded = load_codes(codes)
    layers = layer_range(edit_layers)
    wanted = _indices(loaded, attributes)
    for index in console("directions", wanted, len(wanted)):
        if not _is_done(out / direction_file(index), overwrite, console):
            direction = fit_direction(loaded, index, layers, seed)
            path = save_direction(out, index, direction)
            console.say(f"{path}: {direction.accuracy:.3f} right on held-out codes (mean of yes and no)")


@command.command("components")
@codes_argument
@out_option
@click.option("--count", default=80, show_default=True, type=click.IntRange(1), help="How many components to keep.")
@seed_option
@overwrite_option
@quiet_option
@verbose_option
def components_command(*, codes: Path, out: Path, count: int, seed: int, overwrite: bool, quiet: bool) -> None:
    """Find GANSpace's principal components, components.pt, of CODES.

    \b
      facevid train components codes.safetensors --out trained
    """
    console = Console(quiet)
    if _is_done(out / COMPONENTS_FILE, overwrite, console):
        return
    shares = fit_components(load_codes(codes), count, out, seed)
    console.say(f"{out / COMPONENTS_FILE}: {count} components explain {sum(shares):.1%} of the codes' variance")


@command.command("model")
@click.option("--data", required=True, type=click.Path(path_type=Path), help="Folder of picture sets.")
@out_option
@click.option("--steps", required=True, type=click.IntRange(1), help="Steps to have done in all, earlier runs counted.")
@click.option(
    "--minutes", type=click.FloatRange(min=0, min_open=True), help="Stop after this time; run again to go on."
)
@click.option(
    "--set", "sets", multiple=True, metavar="NAME=SHARE", help="A set, and its share of each batch. Repeat it."
)
@click.option(
    "--batch-size", default=Recipe.batch_size, show_default=True, type=click.IntRange(2), help="Faces a step."
)
@seed_option
@device_option
@overwrite_option
@quiet_option
@verbose_option
def model_command(
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
    To go on, run it again. The learning rates fall over the last quarter of --steps: ask for all that you mean to do.
    """
    recipe = replace(Recipe(), batch_size=batch_size)
    if sets:
        recipe = replace(recipe, sets=tuple(_share(text) for text in sets))
    if overwrite:
        (out / "checkpoint.pt").unlink(missing_ok=True)
    console = Console(quiet)
    compute = Compute(choose_device(device), seed, console, console.report)
    path = train_face_model(data, out, steps, recipe=recipe, minutes=minutes, compute=compute)
    console.say(f"{path}: written; facevid models import {path} --name NAME")


def _share(text: str) -> tuple[str, float]:
    match = re.fullmatch(r"([^=/]+)=(\d+(?:\.\d+)?)", text)
    if match is None or float(match[2]) == 0:
        raise UsageError(f'--set "{text}": write a set\'s name and its share, for example ffhq128=0.5')
    return match[1], float(match[2])


def layer_range(text: str | None) -> range | None:
    """Read `A-B`. Raises UsageError where that is no range."""
    if text is None:
        return None
    match = re.fullmatch(r"(\d{1,2})-(\d{1,2})", text)
    layers = range(int(match[1]), int(match[2]) + 1) if match else range(0)
    if not layers:
        raise UsageError(f'--edit-layers "{text}": write the first and the last layer, for example 0-10')
    return layers


def _indices(codes: CodeSet, names: tuple[str, ...]) -> list[int]:
    """Return the indices of the attributes named, of all that are labelled where none is."""
    chosen = [attribute_of(name) for name in names] or list(codes.attributes)
    if not chosen:
        raise UsageError("the codes have no labels; make them again with --label rules that fit the table")
    return list(dict.fromkeys(codes.index_of(attribute) for attribute in chosen))


def _is_done(path: Path, overwrite: bool, console: Console) -> bool:
    """Say whether a result is there and shall stay; where not, remove what an --overwrite shall not go on from."""
    if overwrite:
        for stale in path.parent.glob(f"{path.name.split('.')[0]}.checkpoint.pt"):
            stale.unlink()
        path.with_name(f".{path.name}.partial").unlink(missing_ok=True)
    elif path.exists():
        console.say(f"{path}: is there already, and left as it is; add --overwrite to make it again")
        return True
    return False
