"""`facevid train directions`."""

from pathlib import Path

import click

from facevid.cli.shared_options import layer_range, overwrite_option, quiet_option, verbose_option
from facevid.cli.train.training_options import (
    attribute_indices,
    attribute_option,
    codes_argument,
    is_done,
    layers_option,
    out_option,
    seed_option,
)
from facevid.cli.train.training_progress import TrainingProgress
from facevid.training.editors.codes import load_codes
from facevid.training.editors.directions import direction_file, fit_direction, save_direction


@click.command("directions", short_help="Fit InterFaceGAN directions to codes.")
@codes_argument
@out_option
@attribute_option
@layers_option
@seed_option
@overwrite_option
@quiet_option
@verbose_option
def command(
    *,
    codes: Path,
    out: Path,
    attributes: tuple[str, ...],
    edit_layers: str | None,
    seed: int,
    overwrite: bool,
    quiet: bool,
) -> None:
    """Fit linear directions to CODES (direction_<attribute>.npy), as in InterFaceGAN.

    A direction is the normal of the separating plane of a linear support vector machine.

    \b
      facevid train directions codes.safetensors --attr smile --out trained
    """
    progress = TrainingProgress(quiet)
    loaded = load_codes(codes)
    layers = layer_range(edit_layers)
    wanted = attribute_indices(loaded, attributes)
    for index in progress("directions", wanted, len(wanted)):
        if not is_done(out / direction_file(index), overwrite, progress):
            direction = fit_direction(loaded, index, layers, seed)
            path = save_direction(out, index, direction)
            progress.print(f"{path}: balanced accuracy {direction.accuracy:.3f} on held-out codes")
