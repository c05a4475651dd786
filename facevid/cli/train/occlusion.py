"""`facevid train occlusion`."""

from dataclasses import replace
from pathlib import Path

import click

from facevid.cli.train.training_options import begin_training, picture_sets, picture_training_options
from facevid.cli.train.training_progress import TrainingProgress
from facevid.training.common.config import OcclusionConfig
from facevid.training.occlusion.occlusion_training import train_occlusion


@click.command("occlusion", short_help="Train an occlusion network.")
@picture_training_options(OcclusionConfig.batch_size)
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
    """Train an occlusion network (occlusion.pt), which detects hands, microphones and hair that cover a face.

    --data is as for `facevid train model`. Every picture must fill the whole crop and should show an uncovered face:
    synthetic occluders are drawn over it. --out gets the same files as there. The sample pictures have four rows:
    held-out faces, the same with occluders, the predicted masks, and the true masks. They do not show the accuracy on
    real occluders, so check some.

    \b
      facevid train occlusion --data faces --out run --steps 5000
      facevid models import mine run/occlusion.pt --name mine --overwrite

    Run the command again to resume. The learning rate decays over the last 90 % of --steps, so set --steps to the
    planned total.
    """
    config = replace(OcclusionConfig(), batch_size=batch_size, sets=picture_sets(sets) or OcclusionConfig.sets)
    progress = TrainingProgress(quiet)
    compute = begin_training(out, progress, device=device, seed=seed, overwrite=overwrite)
    path = train_occlusion(data, out, steps, config=config, minutes=minutes, compute=compute)
    progress.print(f"{path}: written; facevid models import bundled {path} --name NAME")
