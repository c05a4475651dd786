"""The edit schedule: which edits apply to which track, and how strong they are in each frame."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from facevid.analysis.analysis import Analysis
from facevid.analysis.encoded import EncodedTrack
from facevid.analysis.tracking import Tracking
from facevid.edits.attribute_edit import MAX_STRENGTH, ROUNDING, moved_by, too_far
from facevid.edits.edit_file import FaceEdits, error_context
from facevid.errors import UsageError
from facevid.faces.tracking import Track
from facevid.rendering.track_edit import Strengths, TrackEdit
from facevid.video import ClipInfo


def schedule(
    face_edits: Sequence[FaceEdits], analysis: Analysis, tracking: Tracking, frames: tuple[int, int] | None
) -> list[tuple[Track, Strengths]]:
    """Evaluate the strength of edits in every frame of each track that they apply to.

    Args:
        face_edits: the edits, and the faces and frames that they select.
        analysis: selects the tracks.
        tracking: all tracks of the clip.
        frames: first and last frame to edit, by frame number; `face_edits` cannot select others. None is all.

    Returns:
        The tracks to edit, in order of appearance, and their edits; strengths are 0 in frames that are not selected.

    Raises:
        NoFaceError: the clip has no face.
        UsageError: the clip does not have the selected faces or frames.
    """
    info, count = analysis.clip.info, tracking.frame_count
    frames_to_edit = _frame_indices(info, count, frames)
    strengths_by_track: list[list[tuple[str, NDArray[np.float32]]]] = [[] for _ in tracking.tracks]
    for each in face_edits:
        with error_context(each.origin):
            selected_frames = _frame_indices(info, count, each.frames)
            selected_tracks = analysis.select(tracking, each.faces)
        for track, strengths in zip(tracking.tracks, strengths_by_track, strict=True):
            if any(track is selected for selected in selected_tracks):
                indices = range(track.first, track.last + 1)
                is_edited = np.array([index in frames_to_edit and index in selected_frames for index in indices])
                numbers = [info.first_number + index for index in indices]
                seconds = [int(tracking.pts[index]) * info.time_base for index in indices]
                strengths += [(edit.attribute, edit.strengths(numbers, seconds) * is_edited) for edit in each.edits]
    return [pair for pair in zip(tracking.tracks, strengths_by_track, strict=True) if pair[1]]


def weighted_edit(encoded: EncodedTrack, strengths: Strengths) -> TrackEdit:
    """Multiply the strengths of a track's edits by the edit weight of each frame.

    Raises:
        UsageError: edits of one attribute, from several entries of an edit file, add up to more than the limit.
    """
    weighted = [(attribute, values * encoded.edit_weights) for attribute, values in strengths]
    _check_totals(weighted)
    return TrackEdit(encoded, weighted)


def _check_totals(strengths: Strengths) -> None:
    """Raise UsageError if edits of one attribute add up to more than the limit in a frame."""
    values_by_attribute: dict[str, list[NDArray[np.float32]]] = {}
    for attribute, values in strengths:
        name, sign = moved_by(attribute)
        same_attribute = values_by_attribute.setdefault(name, [])
        same_attribute.append(sign * values)
        total = np.abs(np.sum(same_attribute, axis=0))
        if len(same_attribute) > 1 and total.max() > MAX_STRENGTH + ROUNDING:
            raise too_far(attribute, len(same_attribute))


def _frame_indices(info: ClipInfo, count: int, frames: tuple[int, int] | None) -> range:
    """Convert the numbers of the first and the last frame to indices, clipped to the clip's `count` frames.

    Raises:
        UsageError: all of these frames lie outside the clip.
    """
    if frames is None:
        return range(count)
    first, last = (number - info.first_number for number in frames)
    if first >= count or last < 0:
        available = f"{info.first_number} to {info.first_number + count - 1}"
        raise UsageError(
            f"frames {frames[0]}-{frames[1]} are not there: {info.path} has frames {available}; choose among these"
        )
    return range(max(first, 0), min(last + 1, count))
