"""One track and its edits over time: what is rendered."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from facevid.analysis.encoded import EncodedTrack
from facevid.appearance.lips import LipChange
from facevid.appearance.local_regions import RegionStrengths
from facevid.edits.attributes import AttributeRequest, parse_attribute


@dataclass(frozen=True)
class TimedEdit:
    """One edit in the N frames of a track.

    Attributes:
        attribute: the attribute as the user wrote it.
        strengths: float32 (N,), strength in each frame.
        regions: factors of the strength in regions of the face.
    """

    attribute: str
    strengths: NDArray[np.float32]
    regions: RegionStrengths = ()


@dataclass(frozen=True)
class ShapeChanges:
    """The change of a face's shape by E edits in the N frames of a track.

    Attributes:
        shifts: float32 (E, N, 68, 2), landmark shifts by each edit, in shares of the crop's side in the frame of the
            mean face.
        gap_scales: float64 (N,), factor of the gap between the lips, see `LipChange`.
        gap_offsets: float64 (N,), distance added to the gap between the lips, see `LipChange`.
        edit_shares: float64 (E, N), share of each edit that is applied, 0 to 1: expressions fade out while the mouth
            is occluded.
        generated_landmarks: float32 (E + 1, N, 68, 2), landmarks of the generated faces before the edits and after
            each, in pixels of the generated face; None for an appearance model, which generates no faces.
    """

    shifts: NDArray[np.float32]
    gap_scales: NDArray[np.float64]
    gap_offsets: NDArray[np.float64]
    edit_shares: NDArray[np.float64]
    generated_landmarks: NDArray[np.float32] | None

    def part(self, rows: slice) -> "ShapeChanges":
        """Return the changes in some frames of the track."""
        return ShapeChanges(
            self.shifts[:, rows],
            self.gap_scales[rows],
            self.gap_offsets[rows],
            self.edit_shares[:, rows],
            None if self.generated_landmarks is None else self.generated_landmarks[:, rows],
        )

    def lip_change(self, offset: int) -> LipChange:
        """Return the change of the gap between the lips in one frame of the track."""
        return LipChange(float(self.gap_scales[offset]), float(self.gap_offsets[offset]))


@dataclass(frozen=True)
class TrackEdit:
    """One track and its edits over time.

    Attributes:
        encoded: the track with its quads, landmarks and codes.
        edits: the edits, in the order to apply them.
        shapes: how the edits change the shape of the face, from `Renderer.prepare`; None before it, and where generated
            faces replace those of the plate.
    """

    encoded: EncodedTrack
    edits: Sequence[TimedEdit]
    shapes: ShapeChanges | None = None

    @property
    def active(self) -> NDArray[np.bool_]:
        """True in frames in which the strength of an edit is not 0, bool (N,); other frames are not edited."""
        return np.asarray(np.any([edit.strengths != 0 for edit in self.edits], axis=0))

    @property
    def requests(self) -> list[AttributeRequest]:
        """The parsed attribute of each edit."""
        return [parse_attribute(edit.attribute) for edit in self.edits]

    def part(self, frames: range, margin: int) -> "TrackEdit | None":
        """Return the edit in some frames of the clip, in memory; None if the track has none of them.

        Args:
            frames: indices of the frames.
            margin: number of frames before and after them that are needed to smooth codes.
        """
        track = self.encoded.track
        if frames.stop <= track.first or track.last < frames.start:
            return None
        rows = slice(max(frames.start - margin - track.first, 0), min(frames.stop + margin - track.first, len(track)))
        edits = [replace(edit, strengths=edit.strengths[rows]) for edit in self.edits]
        return TrackEdit(self.encoded.part(rows), edits, None if self.shapes is None else self.shapes.part(rows))
