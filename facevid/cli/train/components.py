"""`facevid train components`."""

from pathlib import Path

import click

from facevid.cli.shared_options import MAX_COUNT, overwrite_option, quiet_option, verbose_option
from facevid.cli.train.training_options import codes_argument, is_done, out_option, seed_option
from facevid.cli.train.training_progress import TrainingProgress
from facevid.training.editors.codes import load_codes
from facevid.training.editors.components import COMPONENTS_FILE, fit_components


@click.command("components", short_help="Compute GANSpace components of codes.")
@codes_argument
@out_option
@click.option(
    "--count",
    default=80,
    show_default=True,
    type=click.IntRange(1, MAX_COUNT),
    help="Number of components to keep.",
)
@seed_option
@overwrite_option
@quiet_option
@verbose_option
def command(*, codes: Path, out: Path, count: int, seed: int, overwrite: bool, quiet: bool) -> None:
    """Compute the principal components of CODES (components.pt), as in GANSpace.

    \b
      facevid train components codes.safetensors --out trained
    """
    progress = TrainingProgress(quiet)
    if is_done(out / COMPONENTS_FILE, overwrite, progress):
        return
    shares = fit_components(load_codes(codes), count, out, seed)
    progress.print(f"{out / COMPONENTS_FILE}: {count} components explain {sum(shares):.1%} of the codes' variance")
