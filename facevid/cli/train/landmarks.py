"""`facevid train landmarks`."""

from dataclasses import replace
from pathlib import Path

import click

from facevid.cli.shared_options import PathType
from facevid.cli.train.training_options import begin_training, picture_sets, picture_training_options
from facevid.cli.train.training_progress import TrainingProgress
from facevid.training.common.config import LandmarkConfig
from facevid.training.landmarks.train import train_landmarks


@click.command("landmarks", short_help="Train a landmark network.")
@click.option("--labels", required=True, type=PathType(), help="The teacher's points (.npz), or its weights (.tflite).")
@picture_training_options(LandmarkConfig.batch_size)
def command(
    *,
    labels: Path,
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
    """Train a landmark network (landmarks.safetensors), from which the bundled detector takes landmarks.

    --data is as for `facevid train model`. --labels contains the points of MediaPipe's face mesh in each picture. With
    the weights of MediaPipe's landmark network, face_landmarks_detector.tflite, the pictures are labelled first, to
    points.npz in --out; that needs facevid[teacher]. --out gets the same files as for `facevid train model`.
    The sample pictures have three rows: held-out portraits, the predicted points, and the labels.

    \b
      facevid train landmarks --data faces --labels points.npz --out run --steps 5000

    To use the result, copy it over facevid/faces/mesh/landmarks.safetensors. Run the command again to resume. The
    learning rate decays over the last 90 % of --steps, so set --steps to the planned total.
    """
    config = replace(LandmarkConfig(), batch_size=batch_size, sets=picture_sets(sets) or LandmarkConfig.sets)
    progress = TrainingProgress(quiet)
    compute = begin_training(out, progress, device=device, seed=seed, overwrite=overwrite)
    path = train_landmarks(data, labels, out, steps, config=config, minutes=minutes, compute=compute)
    progress.print(f"{path}: written")
