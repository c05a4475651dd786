"""`facevid train classifier`."""

import re
from pathlib import Path

import click

from facevid.cli.common import (
    LARGEST_BATCH,
    LARGEST_COUNT,
    NumberType,
    device_option,
    overwrite_option,
    quiet_option,
    verbose_option,
)
from facevid.cli.train.common import (
    Console,
    codes_argument,
    is_done,
    out_option,
    seed_option,
)
from facevid.errors import UsageError
from facevid.training.common.run import Compute
from facevid.training.editors.classifier import (
    CLASSIFIER_FILE,
    ClassifierOptions,
    balanced_accuracy,
    train_classifier,
)
from facevid.training.editors.codes import load_codes
from facevid.utils.device import choose_device


@click.command("classifier")
@codes_argument
@out_option
@click.option("--hidden", default="256,128", show_default=True, help="Widths between code and answers; FFHQ: 2048,512.")
@click.option("--epochs", default=ClassifierOptions.epochs, show_default=True, type=click.IntRange(1, LARGEST_COUNT))
@click.option(
    "--batch-size", default=ClassifierOptions.batch_size, show_default=True, type=click.IntRange(1, LARGEST_BATCH)
)
@click.option(
    "--learning-rate", default=ClassifierOptions.learning_rate, show_default=True, type=NumberType(0), help="Of Adam."
)
@click.option(
    "--noise",
    default=ClassifierOptions.noise,
    show_default=True,
    type=NumberType(0),
    help="On codes, in shares of their spread.",
)
@seed_option
@device_option
@overwrite_option
@quiet_option
@verbose_option
def command(
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
    if is_done(out / CLASSIFIER_FILE, overwrite, console):
        return
    if not re.fullmatch(r"[1-9]\d{0,4}(,[1-9]\d{0,4})*", hidden):
        raise UsageError(f'--hidden "{hidden}": write widths, for example 256,128')
    widths = tuple(int(width) for width in hidden.split(","))
    options = ClassifierOptions(widths, epochs, batch_size, learning_rate, noise)
    loaded = load_codes(codes)
    classifier = train_classifier(loaded, out, options, Compute(choose_device(device), seed, console, console.report))
    for name, share in balanced_accuracy(classifier, loaded.part(held_out=True)).items():
        console.print(f"{name}: {share:.3f} right on held-out codes (mean of yes and no)")
