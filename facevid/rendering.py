"""From codes to changed frames: edit the codes, generate the faces, set them into their frames."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import minimum_filter1d

from facevid.batches import batches
from facevid.compositing import EditedFace, Patch, ShapeChange, composite
from facevid.compositing.occlusion import mouth_seen
from facevid.compositing.shape import LipChange, lip_change
from facevid.encoded import EncodedTrack
from facevid.faces.alignment import crop_to_frame, landmarks_in_crop
from facevid.faces.dlib_detector import LandmarkPredictor
from facevid.generation import TrackEdit, faces_of
from facevid.latents.attributes import parse_attribute
from facevid.latents.smoothing import smooth, smooth_effect
from facevid.models import FaceModel
from facevid.options import CompositingOptions
from facevid.progress import Progress
from facevid.video import Frame

SHIFT_HELD = 6.0
"""How many times longer than codes the landmarks' shift by an edit is averaged: a smile does not come and go with
every word. With lips that speak, the shift as it is measured opens and closes them out of time."""

MOUTH_SEEN = 0.7, 0.95
"""Share of a mouth that is to be seen up to which a face keeps its shape, and from which on it takes all of the edit's:
of lips that are partly behind a microphone, the rest would part from what it hides."""

MOUTH_FADE = 1.5
"""How many times longer than codes that share is averaged. It falls ahead of what comes before a mouth, and rises after
it, so that nothing of the change is left while it is there."""


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
        active, moving = edit.active, edit.moving
        before, after = self._landmarks(edit, progress)
        shift, lips = np.zeros_like(before), LipChange(np.ones(len(active)), np.zeros(len(active)))
        if moving:
            strengths = np.stack([values for _, values in moving])
            parting = np.array([parse_attribute(name).parts_lips for name, _ in moving])
            lips = lip_change(before, after, strengths, parting, self.model.resolution)
        for run in _runs(active):
            if moving:
                shift[run] = smooth_effect(after[run] - before[run], strengths[:, run], SHIFT_HELD * self.sigma)
            for side in (before, after):
                side[run] = smooth(side[run], self.sigma)
        shown = self._shown(edit.encoded)
        changes = zip(before, after, shift, lips.wider.tolist(), lips.apart.tolist(), shown.tolist(), strict=True)
        return [ShapeChange(*change) if acts else None for change, acts in zip(changes, active, strict=True)]

    def _shown(self, encoded: EncodedTrack) -> NDArray[np.float64]:
        """Tell how much of a change of shape shows in each frame, (N,), 0 to 1."""
        if encoded.visibility is None:
            return np.ones(len(encoded.track))
        side = encoded.visibility.shape[-1]
        frames = zip(encoded.visibility, encoded.landmarks, encoded.quads, strict=True)
        seen = [mouth_seen(visible, landmarks_in_crop(points, quad, side)) for visible, points, quad in frames]
        none, whole = MOUTH_SEEN
        shown = ((np.array(seen) - none) / (whole - none)).clip(0, 1)
        sigma = MOUTH_FADE * self.sigma
        return np.asarray(smooth(minimum_filter1d(shown, 2 * ceil(2 * sigma) + 1, mode="nearest"), sigma))

    def _landmarks(self, edit: TrackEdit, progress: Progress) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Place the landmarks of the generated faces before and after their change of shape, (N, 68, 2) each."""
        predictor, moving = LandmarkPredictor(), edit.moving
        before = np.zeros((len(edit.active), 68, 2), dtype=np.float32)
        after = before.copy()
        wanted = np.flatnonzero(edit.active).tolist()
        for offsets in progress("shape", batches(wanted, self.batch_size), len(wanted)):
            faces = faces_of(edit.encoded, self.model, self.sigma, np.array(offsets))
            before[offsets] = _placed(predictor, faces.generate([]))
            after[offsets] = _placed(predictor, faces.generate(moving)) if moving else before[offsets]
        return before, after

    def _faces(self, prepared: PreparedTrack, frames: Sequence[Frame]) -> Iterator[tuple[int, EditedFace]]:
        encoded, active = prepared.edit.encoded, prepared.edit.active
        track = encoded.track
        offsets = [f.index - track.first for f in frames if track.first <= f.index <= track.last]
        offsets = [offset for offset in offsets if active[offset]]
        if not offsets:
            return
        size, faces = self.model.resolution, faces_of(encoded, self.model, self.sigma, np.array(offsets))
        pictures = faces.generate(prepared.edit.strengths)
        reconstructions = faces.generate([]) if self.reconstruct else [None] * len(offsets)
        for offset, edited, reconstruction in zip(offsets, pictures, reconstructions, strict=True):
            face = EditedFace(
                size=size,
                crop_to_frame=crop_to_frame(encoded.quads[offset], size),
                landmarks=landmarks_in_crop(encoded.landmarks[offset], encoded.quads[offset], size),
                edited=edited,
                reconstruction=reconstruction,
                shape=prepared.shapes[offset],
                opacity=float(encoded.presence[offset]),
                number=track.number,
                visibility=_hiding(encoded, offset),
            )
            yield track.first + offset, face


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


def _placed(predictor: LandmarkPredictor, faces: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.stack([predictor.place_in_crop(face) for face in np.rint(faces).astype(np.uint8)])


def _runs(active: NDArray[np.bool_]) -> list[slice]:
    """List the unbroken runs of True."""
    edges = np.flatnonzero(np.diff(active, prepend=False, append=False))
    return [slice(start, stop) for start, stop in edges.reshape(-1, 2)]
