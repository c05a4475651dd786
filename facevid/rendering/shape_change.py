"""How edits move the landmarks of a track, steady over time, with lips that speak as they do in the source."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import minimum_filter1d, percentile_filter

from facevid.analysis.encoded import EncodedTrack
from facevid.appearance.lips import LipChange, gap
from facevid.appearance.measure import aligned
from facevid.compositing.occlusion import mouth_seen
from facevid.faces.alignment import landmarks_in_crop
from facevid.faces.dlib_detector import LandmarkPredictor
from facevid.models import FaceModel
from facevid.rendering.generation import TrackEdit, generated, steps_of
from facevid.rendering.temporal_smoothing import smooth, smooth_effect
from facevid.utils.batches import batches
from facevid.utils.progress import Progress

SHIFT_HELD = 6.0
"""How many times longer than codes the landmarks' shift by an edit is averaged: a smile does not come and go with
every word."""

MOUTH_SEEN = 0.7, 0.95
"""Share of a mouth that is to be seen up to which an expression is not edited, and from which on it is edited fully: of
lips that are partly behind a microphone, the rest would part from what it hides."""

MOUTH_FADE = 1.5
"""How many times longer than codes that share is averaged. It falls ahead of what comes before a mouth, and rises after
it, so that nothing of the edit is left while it is there."""

LASTING_FRAMES = 25
"""Frames over which a gap between the lips lasts, for it to be a smile's and not speech's."""

LASTING_PERCENTILE = 20
"""Percentile of the gap over these frames that is taken for the lasting one."""

LEAST_GAP = 0.02
"""Added to the gaps between lips before they are compared, in shares of the crop's side: closed lips have no ratio."""

LEAST_WIDER, MOST_WIDER = 0.5, 1.6
"""Bounds of the factor by which an edit changes the gap between speaking lips."""


@dataclass(frozen=True)
class ShapeChanges:
    """How edits change a face's shape in the N frames of a track.

    Attributes:
        shifts: float32 (E, N, 68, 2), of each edit, in shares of the crop's side in the frame of the mean face.
        wider, apart: float64 (N,), see `LipChange`.
        shown: float64 (E, N), how much of each edit shows, 0 to 1: expressions end while a mouth is hidden.
        placed: float32 (E + 1, N, 68, 2), landmarks of the generated faces before the edits and after each, in pixels
            of the picture; None for a model that decodes them.
    """

    shifts: NDArray[np.float32]
    wider: NDArray[np.float64]
    apart: NDArray[np.float64]
    shown: NDArray[np.float64]
    placed: NDArray[np.float32] | None

    def lips(self, offset: int) -> LipChange:
        """Return the change of the lips' gap in one frame."""
        return LipChange(float(self.wider[offset]), float(self.apart[offset]))


def shape_changes(edit: TrackEdit, model: FaceModel, sigma: float, batch_size: int, progress: Progress) -> ShapeChanges:
    """Measure how a track's edits change the face's shape.

    Args:
        edit: the track and its edits.
        model: makes the codes' shapes, or generates faces in which landmarks are placed.
        sigma: of the Gaussian over time that codes are smoothed with, in frames.
        batch_size: faces at once.
        progress: told how far this is.
    """
    shapes, placed = _shapes(edit, model, sigma, batch_size, progress)
    strengths = np.stack([values for _, values in edit.strengths])
    moves = np.array([request.moves for request in edit.requests])
    shifts = np.diff(shapes, axis=0) * moves[:, None, None, None]
    gaps = np.linalg.norm(gap(shapes), axis=-1)
    opened = np.diff(gaps, axis=0)
    for run in _runs(edit.active):
        for i in range(len(shifts)):
            own = strengths[i : i + 1, run]
            shifts[i, run] = smooth_effect(shifts[i, run], own, SHIFT_HELD * sigma)
            opened[i, run] = smooth_effect(opened[i, run], own, SHIFT_HELD * sigma)
    seen = _mouth_shown(edit.encoded, sigma)
    shown = np.stack([seen if request.is_expression else np.ones_like(seen) for request in edit.requests])
    wider, apart = _lip_changes(edit, strengths * shown, opened * shown, gaps, sigma)
    return ShapeChanges(shifts.astype(np.float32, copy=False), wider, apart, shown, placed)


def _shapes(
    edit: TrackEdit, model: FaceModel, sigma: float, batch_size: int, progress: Progress
) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
    """Give the landmarks in the frame of the mean face before the edits and after each, (E + 1, N, 68, 2)."""
    shapes = np.zeros((len(edit.strengths) + 1, len(edit.active), 68, 2), np.float32)
    wanted = np.flatnonzero(edit.active).tolist()
    if model.appearance is not None:
        for offsets in batches(wanted, batch_size):
            for i, codes in enumerate(steps_of(edit, model, sigma, np.array(offsets))):
                shapes[i, offsets] = model.shapes(codes)
        return shapes, None
    predictor, placed = LandmarkPredictor(), np.zeros_like(shapes)
    for offsets in progress("shape", batches(wanted, batch_size), len(wanted)):
        for i, codes in enumerate(steps_of(edit, model, sigma, np.array(offsets))):
            for offset, picture in zip(offsets, np.rint(generated(model, codes)).astype(np.uint8), strict=True):
                placed[i, offset] = predictor.place_in_crop(picture)
                shapes[i, offset] = aligned(placed[i, offset])
    return shapes, placed


def _mouth_shown(encoded: EncodedTrack, sigma: float) -> NDArray[np.float64]:
    """Tell how much of an expression shows in each frame, (N,), 0 to 1."""
    if encoded.visibility is None:
        return np.ones(len(encoded.track))
    side = encoded.visibility.shape[-1]
    frames = zip(encoded.visibility, encoded.landmarks, encoded.quads, strict=True)
    seen = [mouth_seen(visible, landmarks_in_crop(points, quad, side)) for visible, points, quad in frames]
    none, whole = MOUTH_SEEN
    shown = ((np.array(seen) - none) / (whole - none)).clip(0, 1)
    width = MOUTH_FADE * sigma
    return np.asarray(smooth(minimum_filter1d(shown, 2 * ceil(2 * width) + 1, mode="nearest"), width))


def _lip_changes(
    edit: TrackEdit,
    strengths: NDArray[np.floating],
    opened: NDArray[np.floating],
    gaps: NDArray[np.floating],
    sigma: float,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Say what becomes of the gap between the lips: one factor for the track, so that speech keeps its time.

    Lips come apart only by edits that open mouths. They close, at strengths below 0 of expressions, by what of the gap
    lasts.
    """
    wider, apart, closed = np.ones(len(edit.active)), np.zeros(len(edit.active)), np.zeros(len(edit.active))
    for i, request in enumerate(edit.requests):
        signed = strengths[i] * request.attribute.sign
        if request.is_expression:
            closed += (-signed).clip(0, 1)
        if request.parts_lips:
            apart += np.where(signed > 0, opened[i].clip(min=0), 0)
        elif request.moves:
            known = strengths[i] * (gaps[i] + LEAST_GAP)
            factor = (known @ (gaps[i + 1] - gaps[i])) / max(float(known @ known), 1e-9)
            wider *= (1 + factor * strengths[i]).clip(LEAST_WIDER, MOST_WIDER)
    if closed.any():
        apart -= closed.clip(0, 1) * _lasting_gap(edit.encoded, sigma)
    return wider, apart


def _lasting_gap(encoded: EncodedTrack, sigma: float) -> NDArray[np.float64]:
    """Measure the gap between the lips that lasts, as a smile's does and speech's does not, in shares of the crop."""
    pairs = zip(encoded.landmarks, encoded.quads, strict=True)
    gaps = np.array([np.linalg.norm(gap(landmarks_in_crop(points, quad, 1))) for points, quad in pairs])
    return np.asarray(smooth(percentile_filter(gaps, LASTING_PERCENTILE, LASTING_FRAMES, mode="nearest"), 2 * sigma))


def _runs(active: NDArray[np.bool_]) -> Sequence[slice]:
    """List the unbroken runs of True."""
    edges = np.flatnonzero(np.diff(active, prepend=False, append=False))
    return [slice(start, stop) for start, stop in edges.reshape(-1, 2)]
