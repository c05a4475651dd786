"""The faces of a shot and their pivots: the smoothed codes from which an edit generates them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from facevid.analysis.analysis import Analysis
from facevid.analysis.crops import FacesOfSegment, crops
from facevid.analysis.encoded import EncodedTrack
from facevid.errors import NoFaceError
from facevid.faces.landmarks import choose_detector
from facevid.models import FaceModel
from facevid.options import ComputeOptions, TrackingOptions
from facevid.rendering.generation import smoothed_codes
from facevid.utils.progress import Progress
from facevid.video import open_clip
from facevid.video.reader.heap import trim_heap

MIN_EDIT_WEIGHT = 0.5
"""Smallest edit weight of a face that is used: below are faces that are occluded, in profile, or at a frame's edge."""

MAX_FACES = 400
"""Largest number of faces, evenly spaced over the shot; at 1024 px they take 1.3 GB of memory."""

HELD_OUT = 10
"""One of this many faces is held out of tuning, to measure the result."""

MIN_FACES = 10
"""Smallest number of faces of a shot, so that one is held out."""


@dataclass(frozen=True)
class ShotFaces:
    """Faces of a shot.

    Attributes:
        pictures: uint8 (N, 3, R, R) RGB, aligned, at the resolution of the generator.
        pivots: float32 (N, L, D), smoothed codes.
        held_out: bool (N,), True for faces that are only used to measure the result.
    """

    pictures: Tensor
    pivots: Tensor
    held_out: Tensor

    def part(self, held_out: bool) -> "ShotFaces":
        """Return the held-out faces, or the others."""
        chosen = self.held_out == held_out
        return ShotFaces(self.pictures[chosen], self.pivots[chosen], self.held_out[chosen])


def read_shot_faces(
    source: Path, model: FaceModel, tracking: TrackingOptions, compute: ComputeOptions, progress: Progress
) -> ShotFaces:
    """Track and encode the faces of a shot, as an edit does, and align them at the resolution of the generator.

    Args:
        source: a video or an image sequence.
        model: a model with an encoder and a generator.
        tracking: which faces, and the smoothing of their codes.
        compute: device and batch size.
        progress: reports each stage.

    Raises:
        InputError: the source cannot be read.
        NoFaceError: the shot has no face, or too few that are seen from the front.
    """
    clip = open_clip(source)
    analysis = Analysis(clip, choose_detector(tracking.detector, str(model.device)).detector, tracking, progress)
    found = analysis.track()
    encoded = analysis.encode(found, analysis.select(found, tracking.faces), model, compute)
    chosen = _choose(encoded)
    if len(chosen) < MIN_FACES:
        raise NoFaceError(
            f"{source}: only {len(chosen)} frames show the face from the front; tuning needs at least {MIN_FACES}"
        )
    order = {key: row for row, key in enumerate(chosen)}
    pictures = torch.zeros(len(chosen), 3, model.resolution, model.resolution, dtype=torch.uint8)
    faces = [
        FacesOfSegment(number, each.track.first, 0, each.quads, each.landmarks) for number, each in enumerate(encoded)
    ]
    frames = progress("align", trim_heap(clip.frames()), found.frame_count)
    for face in crops(frames, faces, model.resolution):
        row = order.get((face.track, face.offset))
        if row is not None:
            pictures[row] = torch.from_numpy(face.picture).permute(2, 0, 1)
    codes = [smoothed_codes(each, tracking.code_sigma, np.arange(len(each.track))) for each in encoded]
    pivots = torch.stack([codes[track][offset] for track, offset in chosen])
    held_out = torch.arange(len(chosen)) % HELD_OUT == HELD_OUT // 2
    return ShotFaces(pictures, pivots, held_out)


def _choose(encoded: Sequence[EncodedTrack]) -> list[tuple[int, int]]:
    """Return track and offset of up to `MAX_FACES` faces, evenly spaced."""
    visible = [
        (number, int(offset))
        for number, each in enumerate(encoded)
        for offset in np.flatnonzero(each.track.detected & (each.edit_weights >= MIN_EDIT_WEIGHT))
    ]
    rows = np.unique(np.linspace(0, len(visible) - 1, min(len(visible), MAX_FACES)).round().astype(int))
    return [visible[row] for row in rows] if visible else []
