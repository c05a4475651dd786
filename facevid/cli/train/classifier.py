"""`facevid train classifier`."""

import re
from pathlib import Path

import click

from facevid.cli.shared_options import NumberType
from facevid.cli.train.training_options import codes_argument, editor_training_options, is_done, out_option
from facevid.cli.train.training_progress import TrainingProgress
from facevid.errors import UsageError
from facevid.training.common.run import Compute
from facevid.training.editors.classifier import CLASSIFIER_FILE, ClassifierOptions, balanced_accuracy, train_classifier
from facevid.training.editors.codes import load_codes
from facevid.utils.device import choose_device


@click.command("classifier", short_help="Train a latent classifier on codes.")
@codes_argument
@out_option
@click.option(
    "--hidden",
    default="256,128",
    show_default=True,
    help="Widths of the hidden layers; the published FFHQ classifier has 2048,512.",
)
@click.option(
    "--noise",
    default=ClassifierOptions.noise,
    show_default=True,
    type=NumberType(0),
    help="Standard deviation of the noise added to codes, relative to that of the codes.",
)
@editor_training_options(ClassifierOptions.epochs, ClassifierOptions.batch_size, ClassifierOptions.learning_rate)
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
    """Train a latent classifier (latent_classifier.pth) on the CODES of `facevid train codes`.

    \b
      facevid train classifier codes.safetensors --out trained
    """
    progress = TrainingProgress(quiet)
    if is_done(out / CLASSIFIER_FILE, overwrite, progress):
        return
    if not re.fullmatch(r"[1-9]\d{0,4}(,[1-9]\d{0,4})*", hidden):
        raise UsageError(f'--hidden "{hidden}" is not a list of layer widths; write for example 256,128')
    widths = tuple(int(width) for width in hidden.split(","))
    options = ClassifierOptions(widths, epochs, batch_size, learning_rate, noise)
    loaded = load_codes(codes)
    classifier = train_classifier(loaded, out, options, Compute(choose_device(device), seed, progress, progress.report))
    for name, share in balanced_accuracy(classifier, loaded.part(held_out=True)).items():
        progress.print(f"{name}: balanced accuracy {share:.3f} on held-out codes")
