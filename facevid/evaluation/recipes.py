"""Ways to steady an edit over time, against each other on the same clips."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from facevid.analysis.analysis import Analysis
from facevid.errors import OutputError
from facevid.evaluation.jitter import face_motions, quad_jitter
from facevid.evaluation.stability import EditMeasures, evaluate_edit
from facevid.faces.landmarks import choose_detector
from facevid.options import EditOptions, TrackingOptions
from facevid.pipeline import edit_video
from facevid.utils.device import choose_device
from facevid.utils.progress import Progress, silent
from facevid.video import open_clip

RECIPES = {
    "none": TrackingOptions(smooth=0.0),
    "published": TrackingOptions(recipe="published"),
    "facevid": TrackingOptions(),
}
"""No smoothing; what the latent transformer was published with; and the default."""


@dataclass(frozen=True)
class RecipeMeasures:
    """One clip, edited with one recipe.

    Attributes:
        clip, recipe: the file's name; a name in `RECIPES`.
        jitter: of the edited faces' quads, in thousandths of their side; see `jitter.quad_jitter`.
        edit: the measures of the edited clip.
    """

    clip: str
    recipe: str
    jitter: float
    edit: EditMeasures


def compare_recipes(
    clips: Sequence[Path], edits: Sequence[str], options: EditOptions, progress: Progress = silent
) -> list[RecipeMeasures]:
    """Edit every clip with every recipe, without loss, and measure the results.

    Args:
        clips: videos.
        edits: as `edit_video` takes them.
        options: all but how to steady, where to write and how to encode.
        progress: told how far each stage of each edit is.

    Raises:
        FacevidError: as `edit_video` and `evaluate_edit` do.
    """
    return [row for clip in clips for row in _compare(clip, edits, options, progress)]


def _compare(path: Path, edits: Sequence[str], options: EditOptions, progress: Progress) -> list[RecipeMeasures]:
    clip, rows = open_clip(path), []
    detector = choose_detector(options.tracking.detector, choose_device(options.compute.device)).detector
    analysis = Analysis(clip, detector, options.tracking, progress)
    tracks = analysis.choose(analysis.track(), options.tracking.faces)
    motions = face_motions(clip, tracks, progress)
    for name, recipe in RECIPES.items():
        tracking = replace(options.tracking, smooth=recipe.smooth, recipe=recipe.recipe)
        steadied = replace(analysis, options=tracking)
        jitters = [
            quad_jitter(steadied.quads(track), motion)
            for track, motion in zip(tracks, motions, strict=True)
            if len(track) > 2
        ]
        with TemporaryDirectory() as folder:
            edited = Path(folder) / "edited.mkv"
            edit_video(path, edited, edits, replace(options, tracking=tracking, codec="ffv1"), progress)
            measures = evaluate_edit(path, edited, progress)
        rows.append(RecipeMeasures(path.name, name, float(np.nanmean(jitters)), measures))
    return rows


def write_recipes(path: Path, rows: Sequence[RecipeMeasures]) -> None:
    """Write the rows as CSV. Raises OutputError where that fails."""
    names = ("clip", "recipe", "jitter", "flicker_source", "flicker_edited", "flicker", "flicker_ratio", "lips")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow([*names, "identity", "identity_spread", "faces"])
            for row in rows:
                edit = row.edit
                numbers = (row.jitter, edit.flicker_source, edit.flicker_edited, edit.flicker, edit.flicker_ratio)
                lips = "" if edit.mouth is None else f"{edit.mouth:.4f}"
                identity = (f"{edit.identity:.4f}", f"{edit.identity_spread:.4f}", edit.frames)
                writer.writerow([row.clip, row.recipe, *(f"{number:.4f}" for number in numbers), lips, *identity])
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror}); see to space and permissions") from error
