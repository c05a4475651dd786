"""From codes to edited faces, ready to be composited."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from facevid.analysis.encoded import EncodedTrack
from facevid.appearance.change import AppearanceChange, combined
from facevid.appearance.light import without_light
from facevid.appearance.measure import measure
from facevid.compositing import EditedFace
from facevid.faces.alignment import crop_to_frame
from facevid.models import FaceModel
from facevid.rendering.generation import TrackEdit, generated, steps_of
from facevid.rendering.shape_change import ShapeChanges, shape_changes
from facevid.utils.batches import batches
from facevid.utils.progress import Progress
from facevid.video import Frame


@dataclass(frozen=True)
class PreparedTrack:
    """A track ready to be rendered.

    Attributes:
        edit: the track, and what is done to it.
        shapes: how the edits change the face's shape; None where generated faces replace the plate's.
    """

    edit: TrackEdit
    shapes: ShapeChanges | None


@dataclass(frozen=True)
class Renderer:
    """Edits the faces of tracks.

    Attributes:
        model: edits codes, and decodes or generates what they stand for.
        sigma: of the Gaussian over time that codes are smoothed with, in frames.
        batch_size: faces at once.
        keep_detail: whether the plate's own pixels are changed; else generated faces replace them.
        reconstruct: whether generated faces are wanted before their edit, too.
    """

    model: FaceModel
    sigma: float
    batch_size: int
    keep_detail: bool
    reconstruct: bool

    def prepare(self, edits: Sequence[TrackEdit], progress: Progress) -> list[PreparedTrack]:
        """Measure how edits change the shape of faces: it is smoothed over time, which needs all of a track."""
        if not self.keep_detail:
            return [PreparedTrack(edit, None) for edit in edits]
        return [
            PreparedTrack(edit, shape_changes(edit, self.model, self.sigma, self.batch_size, progress))
            for edit in edits
        ]

    def render(self, tracks: Sequence[PreparedTrack], frames: Sequence[Frame]) -> dict[int, list[EditedFace]]:
        """Edit the faces of consecutive frames, listed by the index of their frame.

        A frame without a face, or in which no edit acts, is not in the result.
        """
        rendered: dict[int, list[EditedFace]] = {}
        for track in tracks:
            for index, face in self._faces(track, frames):
                rendered.setdefault(index, []).append(face)
        return rendered

    def rendered(
        self, tracks: Sequence[PreparedTrack], frames: Iterable[Frame]
    ) -> Iterator[tuple[Frame, list[EditedFace]]]:
        """Edit the faces of all frames, `batch_size` frames at once, and yield each frame with its faces."""
        for batch in batches(frames, self.batch_size):
            faces = self.render(tracks, batch)
            for frame in batch:
                yield frame, faces.get(frame.index, [])

    def _faces(self, prepared: PreparedTrack, frames: Sequence[Frame]) -> Iterator[tuple[int, EditedFace]]:
        edit, track, active = prepared.edit, prepared.edit.encoded.track, prepared.edit.active
        offsets = [f.index - track.first for f in frames if track.first <= f.index <= track.last]
        offsets = [offset for offset in offsets if active[offset]]
        if not offsets:
            return
        made = self._changed(prepared, offsets) if prepared.shapes else self._replacing(edit, offsets)
        for offset, face in zip(offsets, made, strict=True):
            yield track.first + offset, face

    def _changed(self, prepared: PreparedTrack, offsets: list[int]) -> Iterator[EditedFace]:
        shapes, edit = prepared.shapes, prepared.edit
        assert shapes is not None
        per_edit = self._changes(edit, shapes, offsets)
        for row, offset in enumerate(offsets):
            parts = [
                replace(changes[row].within(request.region), shape=shapes.shifts[i, offset])
                for i, (request, changes) in enumerate(zip(edit.requests, per_edit, strict=True))
            ]
            change = combined(parts, shapes.shown[:, offset].tolist(), shapes.lips(offset))
            yield replace(_placed(edit.encoded, offset, self.model.resolution), change=change)

    def _changes(self, edit: TrackEdit, shapes: ShapeChanges, offsets: list[int]) -> list[list[AppearanceChange]]:
        """Decode, or measure in generated faces, what each edit changes in each frame."""
        steps = steps_of(edit, self.model, self.sigma, np.array(offsets))
        pairs = list(pairwise(steps))
        if shapes.placed is None:
            return [self.model.changes(before, after) for before, after in pairs]
        seen = [
            [
                measure(picture / np.float32(255), shapes.placed[i, offset])
                for offset, picture in zip(offsets, generated(self.model, codes), strict=True)
            ]
            for i, codes in enumerate(steps)
        ]
        return [
            [
                AppearanceChange(b.shape - a.shape, without_light(b.colour - a.colour), b.energies - a.energies)
                for a, b in zip(before, after, strict=True)
            ]
            for before, after in pairwise(seen)
        ]

    def _replacing(self, edit: TrackEdit, offsets: list[int]) -> Iterator[EditedFace]:
        steps = steps_of(edit, self.model, self.sigma, np.array(offsets))
        pictures = generated(self.model, steps[-1])
        before = generated(self.model, steps[0]) if self.reconstruct else [None] * len(offsets)
        for offset, picture, reconstruction in zip(offsets, pictures, before, strict=True):
            face = _placed(edit.encoded, offset, self.model.resolution)
            yield replace(face, picture=picture, reconstruction=reconstruction)


def _placed(encoded: EncodedTrack, offset: int, size: int) -> EditedFace:
    return EditedFace(
        number=encoded.track.number,
        size=size,
        crop_to_frame=crop_to_frame(encoded.quads[offset], size),
        landmarks=encoded.landmarks[offset],
        opacity=float(encoded.edit_weights[offset]),
        visibility=_hiding(encoded, offset),
    )


def _hiding(encoded: EncodedTrack, offset: int) -> NDArray[np.uint8] | None:
    """Return a frame's visibility where something is before the face."""
    if encoded.visibility is None:
        return None
    visible: NDArray[np.uint8] = encoded.visibility[offset]
    return None if visible.all() else visible
