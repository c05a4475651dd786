"""One track and its edits over time: the input of rendering."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from facevid.analysis.encoded import EncodedTrack, TrackFiles
from facevid.appearance import bands
from facevid.appearance.change import AppearanceChange
from facevid.appearance.light import without_light
from facevid.appearance.lips import LipChange
from facevid.appearance.local_regions import RegionStrengths
from facevid.appearance.measure import COLOUR_SIDE, ENERGY_SIDE, Appearance
from facevid.edits.attributes import AttributeRequest, parse_attribute
from facevid.faces.landmark_scheme import LANDMARK_COUNT
from facevid.faces.tracking import Track
from facevid.utils.frame_array import FramesArray


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
class GeneratedChanges:
    """The changes between the generated faces before and after each of E edits, in the N frames of a track.

    Attributes:
        colour: float32 (N, E, COLOUR_SIDE, COLOUR_SIDE, 3), as `AppearanceChange.colour`; in a file.
        gains: float32 (N, E, bands.COUNT, ENERGY_SIDE, ENERGY_SIDE), as `AppearanceChange.gains`; in a file.
    """

    colour: FramesArray
    gains: FramesArray

    @classmethod
    def create(cls, track: Track, edit_count: int, folder: Path | None) -> "GeneratedChanges":
        """Create the arrays, filled with zeros: in files in `folder`, 157 kB for each frame and edit, or in memory."""
        colour_shape = edit_count, COLOUR_SIDE, COLOUR_SIDE, 3
        gains_shape = edit_count, bands.COUNT, ENERGY_SIDE, ENERGY_SIDE
        if folder is None:
            return cls(*(np.zeros((len(track), *shape), np.float32) for shape in (colour_shape, gains_shape)))
        folder.mkdir(exist_ok=True)
        files = TrackFiles(folder, track)
        return cls(files.create("colour", np.float32, *colour_shape), files.create("gains", np.float32, *gains_shape))

    def store(self, offset: int, states: Sequence[Appearance]) -> None:
        """Store the changes in one frame, between the faces before all edits and after each: E + 1 appearances."""
        pairs = list(pairwise(states))
        self.colour[offset] = np.stack([without_light(after.colour - before.colour) for before, after in pairs])
        self.gains[offset] = np.stack([after.energies - before.energies for before, after in pairs])

    def part(self, rows: slice) -> "GeneratedChanges":
        """Return the changes in some frames of the track, in memory."""
        return GeneratedChanges(np.asarray(self.colour[rows]), np.asarray(self.gains[rows]))

    def in_frame(self, offset: int) -> list[AppearanceChange]:
        """Return the change by each edit in one frame of the track, without the shift of landmarks."""
        shape = np.zeros((LANDMARK_COUNT, 2), np.float32)
        pairs = zip(self.colour[offset], self.gains[offset], strict=True)
        return [AppearanceChange(shape, colour, gains) for colour, gains in pairs]


@dataclass(frozen=True)
class ShapeChanges:
    """The change of a face's shape by E edits in the N frames of a track.

    Attributes:
        shifts: float32 (E, N, 84, 2), landmark shifts by each edit, in shares of the crop's side in the frame of the
            mean face.
        gap_scales: float64 (N,), factor of the gap between the lips, see `LipChange`.
        gap_offsets: float64 (N,), distance added to the gap between the lips, see `LipChange`.
        edit_shares: float64 (E, N), share of each edit that is applied, 0 to 1: expressions fade out while the mouth
            is occluded.
        generated: the changes between the generated faces; None for an appearance model, which generates no faces.
    """

    shifts: NDArray[np.float32]
    gap_scales: NDArray[np.float64]
    gap_offsets: NDArray[np.float64]
    edit_shares: NDArray[np.float64]
    generated: GeneratedChanges | None

    def part(self, rows: slice) -> "ShapeChanges":
        """Return the changes in some frames of the track."""
        return ShapeChanges(
            self.shifts[:, rows],
            self.gap_scales[rows],
            self.gap_offsets[rows],
            self.edit_shares[:, rows],
            None if self.generated is None else self.generated.part(rows),
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
