"""Make the edited faces of tracks from their codes, ready to composite."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from facevid.analysis.crops import crop_quad
from facevid.analysis.encoded import EncodedTrack
from facevid.appearance.change import AppearanceChange, combine
from facevid.compositing import EditedFace
from facevid.faces.alignment import crop_to_frame
from facevid.models import FaceModel
from facevid.rendering.generation import edited_codes, generate_faces
from facevid.rendering.shape_change import measure_shape_changes
from facevid.rendering.track_edit import ShapeChanges, TrackEdit
from facevid.utils.progress import Progress
from facevid.video import Frame


@dataclass(frozen=True)
class Renderer:
    """Makes the edited faces of tracks.

    Attributes:
        model: edits the codes; decodes them to appearance changes, or generates faces from them.
        sigma: standard deviation, in frames, of the Gaussian that smooths codes over time.
        batch_size: number of faces that a network processes at once.
        keep_detail: True changes the pixels of the plate; False replaces them by generated faces.
        reconstruct: True adds the generated face before its edit, for the comparison; only without `keep_detail`.
    """

    model: FaceModel
    sigma: float
    batch_size: int
    keep_detail: bool
    reconstruct: bool

    def prepare(self, edits: Sequence[TrackEdit], progress: Progress, folder: Path | None = None) -> list[TrackEdit]:
        """Measure how edits change the shape of faces; this is smoothed over time, so it needs whole tracks.

        Args:
            edits: of each track.
            progress: receives the progress of this stage.
            folder: where the changes between generated faces are stored; None for memory.
        """
        if not self.keep_detail:
            return list(edits)
        measured = (
            measure_shape_changes(edit, self.model, self.sigma, progress, batch_size=self.batch_size, folder=folder)
            for edit in edits
        )
        return [replace(edit, shapes=shapes) for edit, shapes in zip(edits, measured, strict=True)]

    def render(self, edits: Sequence[TrackEdit], frames: Sequence[Frame]) -> list[list[EditedFace]]:
        """Make the edited faces of consecutive frames.

        Args:
            edits: from `prepare`.
            frames: consecutive frames of the clip.

        Returns:
            the edited faces of each frame, in the order of `edits`; empty where no edit applies.
        """
        faces: list[list[EditedFace]] = [[] for _ in frames]
        for edit in edits:
            track, active = edit.encoded.track, edit.active
            offsets = {i: frame.index - track.first for i, frame in enumerate(frames)}
            positions = [i for i, offset in offsets.items() if 0 <= offset < len(track) and active[offset]]
            if positions:
                rendered = self._render_track(edit, [offsets[i] for i in positions], [frames[i] for i in positions])
                for i, face in zip(positions, rendered, strict=True):
                    faces[i].append(face)
        return faces

    def _render_track(self, edit: TrackEdit, offsets: list[int], frames: list[Frame]) -> Iterator[EditedFace]:
        """Make the edited faces of one track, in `frames`, which are at `offsets` from its start."""
        if edit.shapes is None:
            return self._generated_faces(edit, offsets, frames)
        return self._changed_faces(edit, edit.shapes, offsets)

    def _changed_faces(self, edit: TrackEdit, shapes: ShapeChanges, offsets: list[int]) -> Iterator[EditedFace]:
        """Make faces that change the pixels of the plate."""
        changes_by_edit = self._appearance_changes(edit, shapes, offsets)
        for row, offset in enumerate(offsets):
            changes = []
            for i, (each, request, by_frame) in enumerate(zip(edit.edits, edit.requests, changes_by_edit, strict=True)):
                region = request.region(float(each.strengths[offset]))
                change = replace(by_frame[row].within(region), shape=shapes.shifts[i, offset])
                changes.append(change.locally(each.regions))
            change = combine(changes, shapes.edit_shares[:, offset].tolist(), shapes.lip_change(offset))
            yield replace(_unedited_face(edit.encoded, offset, self.model.resolution), change=change)

    def _appearance_changes(
        self, edit: TrackEdit, shapes: ShapeChanges, offsets: list[int]
    ) -> list[list[AppearanceChange]]:
        """Decode the change that each edit makes in each frame, or read it where a generator made the faces."""
        if shapes.generated is not None:
            return [list(by_edit) for by_edit in zip(*map(shapes.generated.in_frame, offsets), strict=True)]
        return self.model.decode_changes(*edited_codes(edit, self.model, self.sigma, np.array(offsets)))

    def _generated_faces(self, edit: TrackEdit, offsets: list[int], frames: list[Frame]) -> Iterator[EditedFace]:
        """Make faces that replace those of the plate."""
        codes = edited_codes(edit, self.model, self.sigma, np.array(offsets))
        residual = self._feature_residual(edit.encoded.quads[offsets], frames, codes[0])
        pictures = generate_faces(self.model, codes[-1], residual)
        reconstructions = generate_faces(self.model, codes[0], residual) if self.reconstruct else [None] * len(offsets)
        for offset, picture, reconstruction in zip(offsets, pictures, reconstructions, strict=True):
            face = _unedited_face(edit.encoded, offset, self.model.resolution)
            yield replace(face, picture=picture, reconstruction=reconstruction, regions=edit.edits[0].regions)

    def _feature_residual(self, quads: NDArray[np.float64], frames: list[Frame], codes: Tensor) -> Tensor | None:
        """Compute what the features of faces in the plate differ by from those of their codes, if the model has any.

        They are 0.5 MB a face, so they are computed when the face is generated, and not stored with the codes.
        """
        if not self.model.has_features:
            return None
        crops = [crop_quad(frame, quad, self.model.crop_size) for frame, quad in zip(frames, quads, strict=True)]
        return self.model.feature_residual(np.stack(crops), codes)


def _unedited_face(encoded: EncodedTrack, offset: int, size: int) -> EditedFace:
    return EditedFace(
        person=encoded.track.person,
        size=size,
        crop_to_frame=crop_to_frame(encoded.quads[offset], size),
        landmarks=encoded.landmarks[offset],
        opacity=float(encoded.edit_weights[offset]),
        visibility=_occluded_visibility(encoded, offset),
    )


def _occluded_visibility(encoded: EncodedTrack, offset: int) -> NDArray[np.uint8] | None:
    """Return the visibility map of a frame; None where nothing occludes the face."""
    if encoded.visibility is None:
        return None
    visible: NDArray[np.uint8] = encoded.visibility[offset]
    return None if visible.all() else visible
