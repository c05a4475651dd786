"""From codes to changed frames: edit the codes, generate the faces, set them into their frames."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from facevid.batches import batches
from facevid.compositing import EditedFace, Patch, ShapeChange, composite
from facevid.compositing.shape import lip_opening
from facevid.encoded import EncodedTrack
from facevid.faces.alignment import crop_to_frame
from facevid.faces.dlib_detector import LandmarkPredictor
from facevid.latents.smoothing import smooth, smooth_codes, smooth_effect
from facevid.models import FaceModel
from facevid.options import CompositingOptions
from facevid.progress import Progress
from facevid.video import Frame

SHIFT_HELD = 6.0
"""How many times longer than codes the landmarks' shift by an edit is averaged: a smile does not come and go with
every word. With lips that speak, the shift as it is measured opens and closes them out of time."""

DOUBTFUL = 1e-3
"""Weight, in that of a face that is seen well, of the code of one that is not: enough where there is no other near."""


@dataclass(frozen=True)
class TrackEdit:
    """One track, and what is done to it over time.

    Attributes:
        encoded: the track's quads and codes.
        strengths: by the attribute's name as the user wrote it, in the order to apply, float32 (N,) each.
    """

    encoded: EncodedTrack
    strengths: Sequence[tuple[str, NDArray[np.float32]]]

    @property
    def active(self) -> NDArray[np.bool_]:
        """Tell in which frames an edit acts, bool (N,); the others pass through untouched."""
        return np.any([values != 0 for _, values in self.strengths], axis=0)


@dataclass(frozen=True)
class PreparedTrack:
    """A track ready to be rendered.

    Attributes:
        edit: the track, and what is done to it.
        shapes: how the edit moves the generated face in each of the track's frames; None in frames in which no edit
            acts, and in all frames where the plate's detail is not kept.
    """

    edit: TrackEdit
    shapes: Sequence[ShapeChange | None]


@dataclass(frozen=True)
class Renderer:
    """Edits and generates the faces of tracks.

    Attributes:
        model: what generates them.
        sigma: of the Gaussian over time that codes and landmarks are smoothed with, in frames; the landmarks' shift by
            an edit, `SHIFT_HELD` times longer.
        batch_size: faces generated at once.
        keep_detail: whether the plate's detail is kept, for which changes of shape are measured.
        reconstruct: whether the faces are wanted before their edit too; needed to keep the plate's detail.
    """

    model: FaceModel
    sigma: float
    batch_size: int
    keep_detail: bool
    reconstruct: bool

    def prepare(self, edits: Sequence[TrackEdit], progress: Progress) -> list[PreparedTrack]:
        """Measure how the edits move the landmarks of the generated faces.

        The landmarks are smoothed over time, which needs all of them before the first frame can be composited.
        """
        if not self.keep_detail:
            return [PreparedTrack(edit, [None] * len(edit.active)) for edit in edits]
        return [PreparedTrack(edit, self._shapes(edit, progress)) for edit in edits]

    def render(self, tracks: Sequence[PreparedTrack], frames: Sequence[Frame]) -> dict[int, list[EditedFace]]:
        """Generate the edited faces of consecutive frames, listed by the index of their frame.

        A frame without a face, or in which no edit acts, is not in the result.
        """
        rendered: dict[int, list[EditedFace]] = {}
        for track in tracks:
            for index, face in self._faces(track, frames):
                rendered.setdefault(index, []).append(face)
        return rendered

    def _shapes(self, edit: TrackEdit, progress: Progress) -> list[ShapeChange | None]:
        predictor = LandmarkPredictor()
        active = edit.active
        placed = np.zeros((2, len(active), 68, 2), dtype=np.float32)
        wanted = np.flatnonzero(active).tolist()
        for offsets in progress("shape", batches(wanted, self.batch_size), len(wanted)):
            for side, pictures in zip(placed, self._generate(edit, np.array(offsets)), strict=True):
                side[offsets] = [predictor.place_in_crop(picture) for picture in np.rint(pictures).astype(np.uint8)]
        strengths = np.stack([values for _, values in edit.strengths])
        opening = lip_opening(placed[0], placed[1], strengths)
        shift = np.zeros_like(placed[0])
        for run in _runs(active):
            shift[run] = smooth_effect(placed[1, run] - placed[0, run], strengths[:, run], SHIFT_HELD * self.sigma)
            placed[:, run] = [smooth(side[run], self.sigma) for side in placed]
        before, after = placed
        changes = zip(before, after, shift, opening.tolist(), strict=True)
        return [ShapeChange(*change) if acts else None for change, acts in zip(changes, active, strict=True)]

    def _faces(self, prepared: PreparedTrack, frames: Sequence[Frame]) -> Iterator[tuple[int, EditedFace]]:
        encoded, active = prepared.edit.encoded, prepared.edit.active
        track = encoded.track
        offsets = [f.index - track.first for f in frames if track.first <= f.index <= track.last]
        offsets = [offset for offset in offsets if active[offset]]
        if not offsets:
            return
        before, after = self._generate(prepared.edit, np.array(offsets))
        for position, offset in enumerate(offsets):
            to_frame = crop_to_frame(encoded.quads[offset], self.model.resolution)
            face = EditedFace(
                crop_to_frame=to_frame,
                landmarks=_transformed(encoded.landmarks[offset], cv2.invertAffineTransform(to_frame)),
                edited=after[position],
                reconstruction=before[position] if self.reconstruct else None,
                shape=prepared.shapes[offset],
                opacity=float(encoded.presence[offset]),
                number=track.number,
                visibility=_hiding(encoded, offset),
            )
            yield track.first + offset, face

    def _generate(self, edit: TrackEdit, offsets: NDArray[np.intp]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Generate faces before and after their edit, float32 (N, R, R, 3) RGB, 0 to 255; none before if not wanted."""
        first, last = int(offsets[0]), int(offsets[-1])
        trust = _trust(edit.encoded)
        codes = smooth_codes(edit.encoded.codes, self.sigma, first, last + 1, trust)[offsets - first]
        before = torch.from_numpy(codes.astype(np.float32, copy=False))
        after = before
        for attribute, strengths in edit.strengths:
            after = self.model.edit(after, {attribute: strengths[offsets]})
        faces = None if edit.encoded.faces is None else np.array(edit.encoded.faces[offsets])
        reconstructed = self._pictures(faces, before, before) if self.reconstruct else self._no_pictures()
        return reconstructed, self._pictures(faces, before, after)

    def _pictures(
        self, faces: NDArray[np.uint8] | None, codes: torch.Tensor, edited: torch.Tensor
    ) -> NDArray[np.float32]:
        model = self.model
        generated = model.generate(edited) if faces is None else model.generate_edited(faces, codes, edited)
        scaled = ((generated + 1) * 127.5).clamp(0, 255).permute(0, 2, 3, 1).contiguous()
        return scaled.cpu().numpy()

    def _no_pictures(self) -> NDArray[np.float32]:
        return np.empty((0, self.model.resolution, self.model.resolution, 3), dtype=np.float32)


def set_into(
    picture: NDArray[np.uint8], faces: Sequence[EditedFace], options: CompositingOptions
) -> list[tuple[EditedFace, Patch]]:
    """Composite the faces of one frame, uint8 (H, W, 3) RGB, each over the ones before it; none for those outside."""
    placed: list[tuple[EditedFace, Patch]] = []
    for face in faces:
        patch = composite(picture, face, options)
        if patch is None:
            continue
        placed.append((face, patch))
        if len(faces) > 1:
            picture = patch.applied_to(picture)
    return placed


def _hiding(encoded: EncodedTrack, offset: int) -> NDArray[np.uint8] | None:
    """Return a frame's visibility where something is before the face."""
    if encoded.visibility is None or encoded.visibility[offset].all():
        return None
    return np.array(encoded.visibility[offset])


def _trust(encoded: EncodedTrack) -> NDArray[np.float32]:
    """Weigh the frames' codes, float32 (N,), by how well the face was seen."""
    return np.maximum(encoded.presence * encoded.track.detected, DOUBTFUL)


def _transformed(points: NDArray[np.floating], affine: NDArray[np.float64]) -> NDArray[np.float64]:
    return cv2.transform(points[None].astype(np.float64), affine)[0]


def _runs(active: NDArray[np.bool_]) -> list[slice]:
    """List the unbroken runs of True."""
    edges = np.flatnonzero(np.diff(active, prepend=False, append=False))
    return [slice(start, stop) for start, stop in edges.reshape(-1, 2)]
