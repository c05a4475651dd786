"""`facevid train transformer`."""

from pathlib import Path

import click

from facevid.cli.shared_options import NumberType, PathType, layer_range
from facevid.cli.train.training_options import (
    attribute_indices,
    attribute_option,
    codes_argument,
    editor_training_options,
    is_done,
    layers_option,
    out_option,
)
from facevid.cli.train.training_progress import TrainingProgress
from facevid.edits.attributes import CELEBA
from facevid.training.common.run import Compute
from facevid.training.editors.classifier import read_classifier
from facevid.training.editors.codes import load_codes
from facevid.training.editors.shared_transformer import SHARED_FILE, train_shared_transformer
from facevid.training.editors.transformer import TransformerOptions, train_transformer, transformer_file
from facevid.utils.device import choose_device


@click.command("transformer", short_help="Train a latent transformer on codes.")
@codes_argument
@click.argument("classifier", type=PathType())
@out_option
@attribute_option
@layers_option
@click.option(
    "--lambda-attr",
    default=TransformerOptions.lambda_attr,
    show_default=True,
    type=NumberType(0),
    help="Weight of the loss that preserves other attributes.",
)
@click.option(
    "--lambda-rec",
    default=TransformerOptions.lambda_rec,
    show_default=True,
    type=NumberType(0),
    help="Weight of the loss that keeps edits small.",
)
@click.option(
    "--preserve-each-layer",
    is_flag=True,
    help="Preserve other attributes in the step of each layer, so that no step undoes another. For appearance models.",
)
@click.option(
    "--separate",
    is_flag=True,
    help="Train a network for each attribute (tnet_<CelebA index>.pth.tar), as in the paper, and not one for all.",
)
@editor_training_options(TransformerOptions.epochs, TransformerOptions.batch_size, TransformerOptions.learning_rate)
def command(
    *,
    codes: Path,
    classifier: Path,
    out: Path,
    attributes: tuple[str, ...],
    edit_layers: str | None,
    lambda_attr: float,
    lambda_rec: float,
    preserve_each_layer: bool,
    separate: bool,
    learning_rate: float,
    batch_size: int,
    epochs: int,
    seed: int,
    device: str,
    overwrite: bool,
    quiet: bool,
) -> None:
    """Train a latent transformer (tnet_shared.pth.tar) on CODES, guided by a latent CLASSIFIER.

    One network takes the strengths of all attributes as its input. Each step trains every attribute on --batch-size
    codes.

    CODES are those of `facevid train codes`, CLASSIFIER that of `facevid train classifier`.

    \b
      facevid train transformer codes.safetensors trained/latent_classifier.pth --attr smile --attr age --out trained
    """
    progress = TrainingProgress(quiet)
    loaded = load_codes(codes)
    layers = layer_range(edit_layers)
    options = TransformerOptions(
        layers, lambda_attr, lambda_rec, preserve_each_layer, learning_rate, batch_size, epochs
    )
    compute = Compute(choose_device(device), seed, progress, progress.report)
    network = read_classifier(classifier, loaded)
    indices = attribute_indices(loaded, attributes)
    if not separate:
        if not is_done(out / SHARED_FILE, overwrite, progress):
            train_shared_transformer(loaded, network, indices, out, options=options, compute=compute)
            progress.print(f"{out / SHARED_FILE}: {', '.join(CELEBA[index] for index in indices)}")
        return
    for index in indices:
        if not is_done(out / transformer_file(index), overwrite, progress):
            train_transformer(loaded, network, index, out, options=options, compute=compute)
            progress.print(f"{out / transformer_file(index)}: {CELEBA[index]}")
