"""The landmark shifts of a track's edits, smooth over time, with lips that keep the timing of the source's speech."""

from collections.abc import Sequence
from math import ceil
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from facevid.analysis.encoded import EncodedTrack
from facevid.analysis.occlusion_masks import visible_mouth_share
from facevid.appearance.lips import lip_gap
from facevid.appearance.local_regions import landmark_factors, region_factor
from facevid.appearance.measure import align_to_mean_face, measure
from facevid.faces.alignment import landmarks_in_crop
from facevid.faces.landmark_scheme import LANDMARK_COUNT
from facevid.faces.mesh.detector import MeshPredictor
from facevid.models import FaceModel
from facevid.rendering.generation import edited_codes, generate_faces
from facevid.rendering.temporal_smoothing import smooth, smooth_effect
from facevid.rendering.track_edit import GeneratedChanges, ShapeChanges, TrackEdit
from facevid.utils.batches import batches
from facevid.utils.progress import Progress

SHIFT_SIGMA_FACTOR = 6.0
"""Standard deviation of the Gaussian over landmark shifts, in that of the codes: wide, so that a smile does not vary
with every word."""

MOUTH_HIDDEN_BELOW = 0.7
"""Visible share of the mouth up to which expressions are not edited: lips that are partly behind a microphone would
separate from their hidden part."""

MOUTH_VISIBLE_FROM = 0.95
"""Visible share of the mouth from which expressions are edited fully; the edit fades between the two."""

MOUTH_FADE_SIGMA_FACTOR = 1.5
"""Standard deviation of the Gaussian over the mouth's visibility, in that of the codes. A minimum filter before it
makes the edit fade out before an occlusion begins, and fade in after it ends."""

LASTING_GAP_FRAMES = 25
"""Frames over which a gap between the lips must last to be part of a smile; shorter gaps are speech."""

LASTING_GAP_PERCENTILE = 20
"""Percentile of the gap over these frames that counts as lasting."""

GAP_OFFSET = 0.02
"""Added to lip gaps before their ratio is fitted, in shares of the crop's side: closed lips have a gap of 0."""

MIN_GAP_SCALE = 0.5
"""Least factor by which one edit scales the gap between the lips; bounds the fit."""

MAX_GAP_SCALE = 1.6
"""Greatest factor by which one edit scales the gap between the lips; bounds the fit."""


def measure_shape_changes(
    edit: TrackEdit, model: FaceModel, sigma: float, progress: Progress, *, batch_size: int, folder: Path | None
) -> ShapeChanges:
    """Measure how the edits of a track change the shape of the face.

    A generator makes each face once: what else rendering needs of the generated faces is measured and stored here.

    Args:
        edit: the track and its edits.
        model: decodes shapes from codes, or generates faces whose landmarks are measured.
        sigma: standard deviation, in frames, of the Gaussian that smooths codes over time.
        progress: receives the progress of this stage.
        batch_size: number of faces decoded or generated at once.
        folder: where the changes between generated faces are stored; None for memory.
    """
    shapes, generated = _measure_shapes(edit, model, sigma, progress, batch_size=batch_size, folder=folder)
    strengths = np.stack([each.strengths for each in edit.edits])
    factors = np.stack([landmark_factors(each.regions) for each in edit.edits])
    moves_landmarks = np.array([request.moves_landmarks for request in edit.requests])
    shifts = np.diff(shapes, axis=0) * (factors * moves_landmarks[:, None])[:, None, :, None]
    gaps = np.linalg.norm(lip_gap(shapes), axis=-1)
    gap_changes = np.diff(gaps, axis=0)
    for run in _active_runs(edit.active):
        for i in range(len(shifts)):
            strength = strengths[i : i + 1, run]
            shifts[i, run] = smooth_effect(shifts[i, run], strength, SHIFT_SIGMA_FACTOR * sigma)
            gap_changes[i, run] = smooth_effect(gap_changes[i, run], strength, SHIFT_SIGMA_FACTOR * sigma)
    expression = _expression_shares(edit.encoded, sigma)
    edit_shares = np.stack(
        [expression if request.is_expression else np.ones_like(expression) for request in edit.requests]
    )
    mouth_shares = edit_shares * np.array([[region_factor(each.regions, "mouth")] for each in edit.edits])
    scales, offsets = _gap_changes(edit, strengths * mouth_shares, gap_changes * mouth_shares, gaps, sigma)
    return ShapeChanges(shifts.astype(np.float32, copy=False), scales, offsets, edit_shares, generated)


def _measure_shapes(
    edit: TrackEdit, model: FaceModel, sigma: float, progress: Progress, *, batch_size: int, folder: Path | None
) -> tuple[NDArray[np.float32], GeneratedChanges | None]:
    """Measure landmarks in the frame of the mean face before the edits and after each: float32 (E + 1, N, 84, 2).

    The second result is `ShapeChanges.generated`. Frames without an edit stay 0.
    """
    shapes = np.zeros((len(edit.edits) + 1, len(edit.active), LANDMARK_COUNT, 2), np.float32)
    active = np.flatnonzero(edit.active).tolist()
    if model.appearance is not None:
        for offsets in batches(active, batch_size):
            for i, codes in enumerate(edited_codes(edit, model, sigma, np.array(offsets))):
                shapes[i, offsets] = model.decode_shapes(codes)
        return shapes, None
    predictor = MeshPredictor(model.device)
    generated = GeneratedChanges.create(edit.encoded.track, len(edit.edits), folder)
    for offsets in progress("shape", batches(active, batch_size), len(active)):
        appearances_by_state = []
        for i, codes in enumerate(edited_codes(edit, model, sigma, np.array(offsets))):
            pictures = generate_faces(model, codes)
            landmarks = predictor.place_in_crops(np.rint(pictures).astype(np.uint8))
            shapes[i, offsets] = [align_to_mean_face(each) for each in landmarks]
            appearances = [measure(each / np.float32(255), at) for each, at in zip(pictures, landmarks, strict=True)]
            appearances_by_state.append(appearances)
        for offset, states in zip(offsets, zip(*appearances_by_state, strict=True), strict=True):
            generated.store(offset, states)
    return shapes, generated


def _expression_shares(encoded: EncodedTrack, sigma: float) -> NDArray[np.float64]:
    """Compute the share of an expression edit that is applied in each frame, float64 (N,), 0 to 1."""
    if encoded.visibility is None:
        return np.ones(len(encoded.track))
    side = encoded.visibility.shape[-1]
    frames = zip(encoded.visibility, encoded.landmarks, encoded.quads, strict=True)
    visible = [visible_mouth_share(mask, landmarks_in_crop(points, quad, side)) for mask, points, quad in frames]
    shares = ((np.array(visible) - MOUTH_HIDDEN_BELOW) / (MOUTH_VISIBLE_FROM - MOUTH_HIDDEN_BELOW)).clip(0, 1)
    if len(shares) == 1:
        return shares
    from scipy.ndimage import minimum_filter1d  # slow to import, and a still needs no filter over time

    fade_sigma = MOUTH_FADE_SIGMA_FACTOR * sigma
    least = minimum_filter1d(shares, 2 * ceil(2 * fade_sigma) + 1, mode="nearest")
    return np.asarray(smooth(least, fade_sigma))


def _gap_changes(
    edit: TrackEdit,
    strengths: NDArray[np.floating],
    gap_changes: NDArray[np.floating],
    gaps: NDArray[np.floating],
    sigma: float,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Compute the scale and the offset of the gap between the lips in each frame, float64 (N,) each.

    An edit scales the gap by one factor for the whole track, so that speech keeps its timing. Only edits that open the
    mouth add to the gap. Negative strengths of expressions remove the part of the gap that lasts.

    Args:
        edit: the track and its edits.
        strengths: (E, N), of each edit.
        gap_changes: (E, N), change of the gap by each edit, in shares of the crop's side.
        gaps: (E + 1, N), the gap before the edits and after each, in shares of the crop's side.
        sigma: standard deviation, in frames, of the Gaussian that smooths codes over time.
    """
    count = len(edit.active)
    scales, offsets, closing = np.ones(count), np.zeros(count), np.zeros(count)
    for i, request in enumerate(edit.requests):
        signed = strengths[i] * request.attribute.sign
        if request.is_expression:
            closing += (-signed).clip(0, 1)
        if request.opens_lips:
            offsets += np.where(signed > 0, gap_changes[i].clip(min=0), 0)
        elif request.moves_landmarks:
            regressor = strengths[i] * (gaps[i] + GAP_OFFSET)
            slope = (regressor @ (gaps[i + 1] - gaps[i])) / max(float(regressor @ regressor), 1e-9)
            scales *= (1 + slope * strengths[i]).clip(MIN_GAP_SCALE, MAX_GAP_SCALE)
    if closing.any():
        offsets -= closing.clip(0, 1) * _lasting_gap(edit.encoded, sigma)
    return scales, offsets


def _lasting_gap(encoded: EncodedTrack, sigma: float) -> NDArray[np.float64]:
    """Measure the part of the gap between the lips that lasts, float64 (N,), in shares of the crop's side.

    A low percentile over time keeps the gap of a smile, and drops the gaps of speech.
    """
    frames = zip(encoded.landmarks, encoded.quads, strict=True)
    gaps = np.array([np.linalg.norm(lip_gap(landmarks_in_crop(points, quad, 1))) for points, quad in frames])
    if len(gaps) == 1:
        return gaps
    from scipy.ndimage import percentile_filter

    lasting = percentile_filter(gaps, LASTING_GAP_PERCENTILE, LASTING_GAP_FRAMES, mode="nearest")
    return np.asarray(smooth(lasting, 2 * sigma))


def _active_runs(active: NDArray[np.bool_]) -> Sequence[slice]:
    """List the uninterrupted runs of True."""
    edges = np.flatnonzero(np.diff(active, prepend=False, append=False))
    return [slice(start, stop) for start, stop in edges.reshape(-1, 2)]
