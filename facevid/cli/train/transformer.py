"""`facevid train transformer`."""

from pathlib import Path

import click

from facevid.cli.common import (
    NumberType,
    PathType,
    layer_range,
)
from facevid.cli.train.common import (
    Console,
    attribute_indices,
    attribute_option,
    codes_argument,
    editor_training_options,
    is_done,
    layers_option,
    out_option,
)
from facevid.edits.attributes import CELEBA
from facevid.training.common.run import Compute
from facevid.training.editors.classifier import (
    read_classifier,
)
from facevid.training.editors.codes import load_codes
from facevid.training.editors.shared_transformer import SHARED_FILE, train_shared_transformer
from facevid.training.editors.transformer import TransformerOptions, train_transformer, transformer_file
from facevid.utils.device import choose_device


@click.command("transformer", short_help="Train latent transformers on codes.")
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
    "--shared",
    is_flag=True,
    help="Train one network (tnet_shared.pth.tar) for all attributes, not one for each.",
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
    shared: bool,
    learning_rate: float,
    batch_size: int,
    epochs: int,
    seed: int,
    device: str,
    overwrite: bool,
    quiet: bool,
) -> None:
    """Train latent transformers (tnet_<CelebA index>.pth.tar) on CODES, guided by a latent CLASSIFIER.

    With --shared, one network takes the strengths of all attributes as its input. Each step then trains every
    attribute on --batch-size codes.

    CODES are those of `facevid train codes`, CLASSIFIER that of `facevid train classifier`.

    \b
      facevid train transformer codes.safetensors trained/latent_classifier.pth --attr smile --attr age --out trained
      facevid train transformer codes.safetensors trained/latent_classifier.pth --shared --out trained
    """
    console = Console(quiet)
    loaded = load_codes(codes)
    layers = layer_range(edit_layers)
    options = TransformerOptions(layers, lambda_attr, lambda_rec, learning_rate, batch_size, epochs)
    compute = Compute(choose_device(device), seed, console, console.report)
    network = read_classifier(classifier, loaded)
    indices = attribute_indices(loaded, attributes)
    if shared:
        if not is_done(out / SHARED_FILE, overwrite, console):
            train_shared_transformer(loaded, network, indices, out, options=options, compute=compute)
            console.print(f"{out / SHARED_FILE}: {', '.join(CELEBA[index] for index in indices)}")
        return
    for index in indices:
        if not is_done(out / transformer_file(index), overwrite, console):
            train_transformer(loaded, network, index, out, options=options, compute=compute)
            console.print(f"{out / transformer_file(index)}: {CELEBA[index]}")
