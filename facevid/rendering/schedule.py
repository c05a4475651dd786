"""The edit schedule: which edits apply to which track, and how strong they are in each frame."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from facevid.analysis.analysis import Analysis
from facevid.analysis.encoded import EncodedTrack
from facevid.analysis.tracking import Tracking
from facevid.edits.attribute_edit import MAX_STRENGTH, ROUNDING, AttributeEdit, moved_by, too_far
from facevid.edits.edit_file import FaceEdits, error_context
from facevid.errors import UsageError
from facevid.faces.tracking import Track
from facevid.rendering.generation import Strengths, TrackEdit
from facevid.video import ClipInfo


@dataclass(frozen=True)
class TargetedEdits:
    """Edits with the tracks and frames of a clip that they apply to.

    Attributes:
        edits: applied in this order.
        tracks: tracks of the selected faces.
        frames: indices of the selected frames, counted from 0.
    """

    edits: Sequence[AttributeEdit]
    tracks: Sequence[Track]
    frames: range

    def applies_to(self, track: Track) -> bool:
        """Return whether `track` is one of the selected tracks."""
        return any(track is selected for selected in self.tracks)


def find_targets(
    face_edits: FaceEdits, analysis: Analysis, tracking: Tracking, frames: tuple[int, int] | None
) -> TargetedEdits:
    """Find the tracks and frames that edits apply to.

    Args:
        face_edits: the edits, and the faces and frames that they select.
        analysis: chooses the tracks.
        tracking: all tracks of the clip.
        frames: first and last frame to edit, by frame number; `face_edits` cannot select others. None is all.

    Raises:
        NoFaceError: the clip has no face.
        UsageError: the clip does not have the selected faces or frames.
    """
    info, count = analysis.clip.info, tracking.frame_count
    frames_to_edit = _frame_indices(info, count, frames)
    with error_context(face_edits.origin):
        selected = _frame_indices(info, count, face_edits.frames)
        both = range(max(selected.start, frames_to_edit.start), min(selected.stop, frames_to_edit.stop))
        return TargetedEdits(face_edits.edits, analysis.select(tracking, face_edits.faces), both)


def schedule(
    encoded: EncodedTrack, targeted_edits: Sequence[TargetedEdits], tracking: Tracking, info: ClipInfo
) -> TrackEdit:
    """Evaluate the strength of all edits in every frame of a track.

    Strengths are multiplied by the edit weights of the track, and are 0 outside the frames of an edit.

    Raises:
        UsageError: edits of one attribute, from several entries of an edit file, add up to more than the limit.
    """
    indices = range(encoded.track.first, encoded.track.last + 1)
    numbers = [info.first_number + index for index in indices]
    seconds = [int(tracking.pts[index]) * info.time_base for index in indices]
    strengths = []
    for each in targeted_edits:
        if each.applies_to(encoded.track):
            weights = encoded.edit_weights * np.array([index in each.frames for index in indices])
            strengths += [(edit.attribute, edit.strengths(numbers, seconds) * weights) for edit in each.edits]
    _check_totals(strengths)
    return TrackEdit(encoded, strengths)


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
