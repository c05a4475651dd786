"""The edit schedule: which edits apply to which track, and how strong they are in each frame."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from facevid.analysis.analysis import Analysis
from facevid.analysis.clip_tracking import Tracking
from facevid.analysis.encoded import EncodedTrack
from facevid.edits.attribute_edit import MAX_STRENGTH, ROUNDING, AttributeEdit, canonical_attribute, total_error
from facevid.edits.edit_file import FaceEdits, error_context
from facevid.edits.frame_weights import frame_weights
from facevid.errors import UsageError
from facevid.faces.tracking import Track
from facevid.options import EditOptions
from facevid.rendering.track_edit import TimedEdit, TrackEdit
from facevid.video import ClipInfo


def schedule(
    face_edits: Sequence[FaceEdits], analysis: Analysis, tracking: Tracking, options: EditOptions
) -> list[tuple[Track, list[TimedEdit]]]:
    """Evaluate the strength of edits in every frame of each track that they apply to.

    Args:
        face_edits: the edits, and the faces and frames that they select.
        analysis: selects the tracks.
        tracking: all tracks of the clip.
        options: the frames to edit, of which `face_edits` can only select a part, and the fade at their ends.

    Returns:
        The tracks to edit, in order of appearance, and their edits; strengths are 0 in frames that are not selected.

    Raises:
        NoFaceError: the clip has no face.
        UsageError: the clip does not have the selected faces or frames, or has no timecodes for keyframes.
    """
    info, count = analysis.clip.info, tracking.frame_count
    weights_of_all = _frame_weights(info, count, options.frames, options.fade)
    edits_by_track: list[list[TimedEdit]] = [[] for _ in tracking.tracks]
    for each in face_edits:
        with error_context(each.origin):
            weights = weights_of_all * _frame_weights(info, count, each.frames, each.fade)
            edits = [edit.at_frames(info, count) for edit in each.edits]
            selected_tracks = analysis.select(tracking, each.faces)
        for track, timed_edits in zip(tracking.tracks, edits_by_track, strict=True):
            if any(track is selected for selected in selected_tracks):
                timed_edits.extend(_timed_edits(track, edits, weights, info, tracking.pts))
    return [pair for pair in zip(tracking.tracks, edits_by_track, strict=True) if pair[1]]


def _timed_edits(
    track: Track, edits: Sequence[AttributeEdit], weights: NDArray[np.float32], info: ClipInfo, pts: NDArray[np.int64]
) -> list[TimedEdit]:
    """Evaluate the strengths of edits in the frames of a track.

    Args:
        track: the track.
        edits: the edits.
        weights: float32 (frames,), share of the edits in each frame of the clip.
        info: properties of the clip.
        pts: int64 (frames,), timestamp of each frame of the clip.
    """
    frames = range(track.first, track.last + 1)
    numbers = [info.first_number + index for index in frames]
    seconds = [int(pts[index]) * info.time_base for index in frames]
    shares = weights[track.first : track.last + 1]
    return [TimedEdit(edit.attribute, edit.strengths(numbers, seconds) * shares, edit.regions) for edit in edits]


def edited_frames(scheduled: Sequence[tuple[Track, Sequence[TimedEdit]]]) -> range:
    """Return the indices from the first to the last frame with an edit, before edit weights are applied."""
    indices = [
        track.first + offset
        for track, edits in scheduled
        for edit in edits
        for offset in np.flatnonzero(edit.strengths)[[0, -1]].tolist()
        if edit.strengths.any()
    ]
    return range(min(indices), max(indices) + 1) if indices else range(0)


def weighted_edit(encoded: EncodedTrack, edits: Sequence[TimedEdit]) -> TrackEdit:
    """Multiply the strengths of a track's edits by the edit weight of each frame.

    Raises:
        UsageError: edits of one attribute, from several entries of an edit file, add up to more than the limit.
    """
    weighted = [replace(edit, strengths=edit.strengths * encoded.edit_weights) for edit in edits]
    _check_totals(weighted)
    return TrackEdit(encoded, weighted)


def _check_totals(edits: Sequence[TimedEdit]) -> None:
    """Raise UsageError if edits of one attribute add up to more than the limit in a frame."""
    values_by_attribute: dict[str, list[NDArray[np.float32]]] = {}
    for edit in edits:
        name, sign = canonical_attribute(edit.attribute)
        same_attribute = values_by_attribute.setdefault(name, [])
        same_attribute.append(sign * edit.strengths)
        total = np.abs(np.sum(same_attribute, axis=0))
        if len(same_attribute) > 1 and total.max() > MAX_STRENGTH + ROUNDING:
            raise total_error(edit.attribute, len(same_attribute))


def _frame_weights(info: ClipInfo, count: int, frames: tuple[int, int] | None, fade: int) -> NDArray[np.float32]:
    """Compute the share of an edit in each of a clip's `count` frames; `frames` None is all of them.

    Raises:
        UsageError: all frames of the range lie outside the clip.
    """
    numbers = range(info.first_number, info.first_number + count)
    first, last = frames or (numbers[0], numbers[-1])
    if first > numbers[-1] or last < numbers[0]:
        raise UsageError(
            f"frames {first}-{last} do not exist: {info.path} has frames {numbers[0]} to {numbers[-1]}; choose some of "
            "these"
        )
    return frame_weights(numbers, first, last, fade)
