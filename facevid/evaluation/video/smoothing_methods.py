"""Comparison of temporal smoothing methods on the same clips."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from facevid.analysis.analysis import Analysis
from facevid.evaluation.video.edit_measures import EditMeasures, evaluate_edit
from facevid.evaluation.video.jitter import face_motions, quad_jitter
from facevid.faces.landmarks import choose_detector
from facevid.options import EditOptions, TrackingOptions
from facevid.pipeline import edit_video
from facevid.utils.atomic_output import atomic_path
from facevid.utils.device import choose_device
from facevid.utils.progress import Progress, no_progress
from facevid.video import open_clip

SMOOTHING_METHODS = {
    "none": TrackingOptions(smooth=0.0),
    "published": TrackingOptions(smoothing_method="published"),
    "facevid": TrackingOptions(),
}
"""No smoothing, the smoothing of the published latent transformer, and the default."""

MIN_TRACK_LENGTH = 3
"""Smallest number of frames of a track whose jitter can be measured."""


@dataclass(frozen=True)
class SmoothingMeasures:
    """Measures of one clip, edited with one smoothing method.

    Attributes:
        clip: file name of the clip.
        method: name of the smoothing method, a key of `SMOOTHING_METHODS`.
        jitter: mean jitter of the quads of the edited faces, in thousandths of their side; see `jitter.quad_jitter`.
        edit: measures of the edited clip.
    """

    clip: str
    method: str
    jitter: float
    edit: EditMeasures


def compare_smoothing(
    clips: Sequence[Path], edits: Sequence[str], options: EditOptions, progress: Progress = no_progress
) -> list[SmoothingMeasures]:
    """Edit every clip with every smoothing method, with a lossless codec, and measure the results.

    Args:
        clips: video files.
        edits: the edits, as in `edit_video`.
        options: other options of `edit_video`; smoothing and codec are replaced.
        progress: receives the progress of each stage.

    Raises:
        FacevidError: as in `edit_video` and `evaluate_edit`.
    """
    return [row for clip in clips for row in _compare(clip, edits, options, progress)]


def _compare(path: Path, edits: Sequence[str], options: EditOptions, progress: Progress) -> list[SmoothingMeasures]:
    clip, rows = open_clip(path), []
    detector = choose_detector(options.tracking.detector, choose_device(options.compute.device)).detector
    analysis = Analysis(clip, detector, options.tracking, progress)
    tracks = analysis.select(analysis.track(), options.tracking.faces)
    motions = face_motions(clip, tracks, progress)
    for name, method in SMOOTHING_METHODS.items():
        tracking = replace(options.tracking, smooth=method.smooth, smoothing_method=method.smoothing_method)
        smoothed = replace(analysis, options=tracking)
        jitters = [
            quad_jitter(smoothed.quads(track), motion)
            for track, motion in zip(tracks, motions, strict=True)
            if len(track) >= MIN_TRACK_LENGTH
        ]
        with TemporaryDirectory() as folder:
            edited = Path(folder) / "edited.mkv"
            edit_video(path, edited, edits, replace(options, tracking=tracking, codec="ffv1"), progress)
            measures = evaluate_edit(path, edited, progress=progress).whole
        rows.append(SmoothingMeasures(path.name, name, float(np.nanmean(jitters)), measures))
    return rows


def write_smoothing(path: Path, rows: Sequence[SmoothingMeasures]) -> None:
    """Write the measures as a CSV file.

    Raises:
        OutputError: the file cannot be written.
    """
    names = ("clip", "recipe", "jitter", "flicker_source", "flicker_edited", "flicker", "flicker_ratio", "lips")
    with atomic_path(path) as temporary, temporary.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([*names, "identity", "identity_spread", "faces"])
        for row in rows:
            edit = row.edit
            numbers = (row.jitter, edit.flicker_source, edit.flicker_edited, edit.flicker, edit.flicker_ratio)
            lips = "" if edit.lips is None else f"{edit.lips:.4f}"
            identity = (f"{edit.identity:.4f}", f"{edit.identity_spread:.4f}", edit.frames)
            writer.writerow([row.clip, row.method, *(f"{number:.4f}" for number in numbers), lips, *identity])
