"""`facevid tune`."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from facevid.cli.shared_options import (
    MAX_BATCH_SIZE,
    MAX_COUNT,
    FacesType,
    NumberType,
    PathType,
    detector_option,
    device_option,
    json_option,
    overwrite_option,
    quiet_option,
    smooth_option,
    verbose_option,
)
from facevid.cli.terminal import print_line


@click.command()
@click.argument("source", metavar="IN", type=PathType())
@click.option("--model", required=True, metavar="NAME", help="Imported StyleGAN2 model to tune, or its path.")
@click.option("--name", required=True, metavar="NAME", help="Name of the tuned model.")
@click.option(
    "--steps", default=1000, show_default=True, type=click.IntRange(1, MAX_COUNT), help="Number of training steps."
)
@click.option(
    "--batch-size",
    default=4,
    show_default=True,
    type=click.IntRange(1, MAX_BATCH_SIZE),
    help="Faces in each training step.",
)
@click.option(
    "--learning-rate", default=3e-4, show_default=True, type=NumberType(0, min_open=True), help="Learning rate of Adam."
)
@click.option(
    "--faces",
    type=FacesType(),
    default="largest",
    show_default=True,
    metavar="WHO",
    help="Faces to tune to, as for `facevid edit`.",
)
@smooth_option
@detector_option
@device_option
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0, 2**32 - 1), help="Seed of random numbers.")
@json_option
@overwrite_option
@quiet_option
@verbose_option
def command(
    source: Path,
    *,
    model: str,
    name: str,
    steps: int,
    batch_size: int,
    learning_rate: float,
    faces: Any,
    smooth: float,
    detector: Any,
    device: str,
    seed: int,
    as_json: bool,
    overwrite: bool,
    quiet: bool,
) -> None:
    """Fit the generator of a StyleGAN2 model to the face in the shot IN, for edits that resemble the person.

    The result is a model of its own, which holds only the difference from --model and needs it. Its folder also has a
    preview (preview.png: held-out faces, and their reconstructions before and after) and a record (tuning.json). Run
    the same command again to resume after an interruption.

    \b
      facevid tune shot.mp4 --model ffhq --name shot
      facevid edit shot.mp4 out.mp4 --attr smile=+1 --model shot
    """
    from facevid.cli.train.training_progress import TrainingProgress
    from facevid.options import TrackingOptions
    from facevid.training.common.run import Compute
    from facevid.training.tuning.pivotal_tuning import PREVIEW_FILE, TuningOptions, tune_model
    from facevid.utils.device import choose_device

    progress = TrainingProgress(quiet)
    result = tune_model(
        source,
        model,
        name,
        options=TuningOptions(steps, batch_size, learning_rate),
        tracking=TrackingOptions(detector=detector, faces=faces, smooth=smooth),
        compute=Compute(choose_device(device), seed, progress, progress.report),
        overwrite=overwrite,
    )
    if as_json:
        click.echo(json.dumps(asdict(result) | {"folder": str(result.folder)}, indent=2))
    elif not quiet:
        before, after = result.before, result.after
        print_line(f"{result.folder}: tuned to {result.faces} faces; preview: {result.folder / PREVIEW_FILE}")
        print_line(f"held-out faces: {before.psnr:.1f} -> {after.psnr:.1f} dB")
        print_line(f"identity, descriptor distance: {before.identity:.2f} -> {after.identity:.2f}")
