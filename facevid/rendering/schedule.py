"""Which track is edited how far in which frame."""

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
    """Edits, and where in a clip they apply.

    Attributes:
        edits: applied one after another.
        tracks: of the faces that they are for.
        frames: indices of the frames that they are for.
    """

    edits: Sequence[AttributeEdit]
    tracks: Sequence[Track]
    frames: range

    def applies_to(self, track: Track) -> bool:
        """Return whether the edits are for this track."""
        return any(track is own for own in self.tracks)


def find_targets(
    wanted: FaceEdits, analysis: Analysis, tracking: Tracking, frames: tuple[int, int] | None
) -> TargetedEdits:
    """Find the tracks and frames of a clip that edits are for; none of them lies outside of `frames`.

    Raises:
        NoFaceError: the clip has no face.
        UsageError: it has not the face, or not the frames, that were asked for.
    """
    info, count = analysis.clip.info, tracking.frame_count
    every = _indices(info, count, frames)
    with error_context(wanted.origin):
        own = _indices(info, count, wanted.frames)
        both = range(max(own.start, every.start), min(own.stop, every.stop))
        return TargetedEdits(wanted.edits, analysis.choose(tracking, wanted.faces), both)


def schedule(encoded: EncodedTrack, work: Sequence[TargetedEdits], tracking: Tracking, info: ClipInfo) -> TrackEdit:
    """Evaluate all edits in every frame of a track: 0 outside of their frames, less where the face cannot take them.

    Raises:
        UsageError: edits of one attribute, from several entries of an edit file, add up beyond the limit.
    """
    indices = range(encoded.track.first, encoded.track.last + 1)
    numbers = [info.first_number + index for index in indices]
    seconds = [int(tracking.pts[index]) * info.time_base for index in indices]
    strengths = []
    for each in work:
        if each.applies_to(encoded.track):
            share = encoded.edit_weights * np.array([index in each.frames for index in indices])
            strengths += [(edit.attribute, edit.strengths(numbers, seconds) * share) for edit in each.edits]
    _check_totals(strengths)
    return TrackEdit(encoded, strengths)


def _check_totals(strengths: Strengths) -> None:
    totals: dict[str, list[NDArray[np.float32]]] = {}
    for attribute, values in strengths:
        name, sign = moved_by(attribute)
        alike = totals.setdefault(name, [])
        alike.append(sign * values)
        if len(alike) > 1 and np.abs(np.sum(alike, axis=0)).max() > MAX_STRENGTH + ROUNDING:
            raise too_far(attribute, len(alike))


def _indices(info: ClipInfo, count: int, frames: tuple[int, int] | None) -> range:
    """Turn the first and last frame, by the clip's own numbers, into indices. Raises UsageError where it has none."""
    if frames is None:
        return range(count)
    first, last = (number - info.first_number for number in frames)
    if first >= count or last < 0:
        has = f"{info.first_number} to {info.first_number + count - 1}"
        raise UsageError(f"frames {frames[0]}-{frames[1]} are not there: the frames of {info.path} are {has}")
    return range(max(first, 0), min(last + 1, count))
