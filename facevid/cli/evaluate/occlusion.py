"""`facevid evaluate occlusion`."""

import json
from dataclasses import asdict
from pathlib import Path

import click
from rich.table import Table

from facevid.cli.progress_bars import StageProgress
from facevid.cli.shared_options import (
    PathType,
    detector_option,
    device_option,
    json_option,
    model_option,
    quiet_option,
    verbose_option,
)
from facevid.cli.terminal import add_row, print_table
from facevid.evaluation.occlusion_detection import evaluate_occlusion
from facevid.faces.landmarks import DetectorName, choose_detector
from facevid.models.load import load_model
from facevid.options import ComputeOptions
from facevid.utils.device import choose_device
from facevid.video import open_clip


@click.command("occlusion", short_help="Measure occlusion masks on synthetic occluders.")
@click.argument("clips", nargs=-1, required=True, type=PathType(), metavar="CLIP...")
@detector_option
@model_option
@device_option
@json_option
@quiet_option
@verbose_option
def command(
    *, clips: tuple[Path, ...], detector: DetectorName, model: str | None, device: str, as_json: bool, quiet: bool
) -> None:
    """Measure the accuracy of occlusion masks, on synthetic occluders.

    A bar, a microphone, hair and a hand of the face's own skin colour are drawn over the face in each CLIP. In the
    CLIP itself, nothing should cover the face. The overlap is the intersection over union of the predicted and the
    true mask, inside the face. For the occluder "none", every pixel predicted as occluded is a false positive.

    \b
      facevid evaluate occlusion shot.mp4
    """
    torch_device = choose_device(device)
    loaded = load_model(model, torch_device)
    landmark_detector = choose_detector(detector, torch_device).detector
    progress = StageProgress(quiet)
    measures = [
        measure
        for clip in clips
        for measure in evaluate_occlusion(open_clip(clip), loaded, landmark_detector, ComputeOptions(device), progress)
    ]
    if as_json:
        click.echo(json.dumps([asdict(measure) for measure in measures], indent=2))
        return
    table = Table("clip", "occluder", "overlap", "predicted occluded", box=None)
    for measure in measures:
        overlap = "" if measure.overlap is None else f"{measure.overlap:.2f}"
        add_row(table, measure.clip, measure.kind, overlap, f"{measure.detected:.1%}")
    print_table(table)
