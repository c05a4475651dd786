"""From codes to changed frames: edit the codes, generate the faces, set them into their frames."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from facevid.analysis import EncodedTrack
from facevid.batches import batches
from facevid.compositing import EditedFace, Patch, ShapeChange, composite
from facevid.faces.alignment import crop_to_frame
from facevid.faces.dlib_detector import LandmarkPredictor
from facevid.latents.smoothing import smooth
from facevid.models import FaceModel
from facevid.options import CompositingOptions
from facevid.progress import Progress
from facevid.video import Frame


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
class GeneratedPair:
    """Faces before and after their edit, float32 (N, R, R, 3) RGB, 0 to 255; `before` is None where not wanted."""

    before: NDArray[np.float32] | None
    after: NDArray[np.float32]


@dataclass(frozen=True)
class Renderer:
    """Edits and generates the faces of tracks.

    Attributes:
        model: what generates them.
        sigma: of the Gaussian over time that codes and landmarks are smoothed with, in frames.
        batch_size: faces generated at once.
        reconstruct: whether the faces are wanted before their edit too.
    """

    model: FaceModel
    sigma: float
    batch_size: int
    reconstruct: bool

    def shape_changes(self, edit: TrackEdit, progress: Progress) -> list[ShapeChange | None]:
        """Measure how an edit moves the landmarks of the generated face, in every frame of the track.

        The landmarks are smoothed over time, which needs all of them before the first frame can be composited.
        None in frames in which no edit acts.
        """
        predictor = LandmarkPredictor()
        active = edit.active
        placed = np.zeros((len(active), 2, 68, 2), dtype=np.float32)
        wanted = np.flatnonzero(active).tolist()
        for offsets in batches(progress("shape", wanted, len(wanted)), self.batch_size):
            pair = self._generate(edit, np.array(offsets))
            assert pair.before is not None
            for side, pictures in enumerate((pair.before, pair.after)):
                placed[offsets, side] = [
                    predictor.place_in_crop(picture) for picture in np.rint(pictures).astype(np.uint8)
                ]
        for run in _runs(active):
            placed[run] = smooth(placed[run], self.sigma)
        return [ShapeChange(*pair) if acts else None for pair, acts in zip(placed, active, strict=True)]

    def render(
        self, edit: TrackEdit, shapes: Sequence[ShapeChange | None], frames: Sequence[Frame]
    ) -> Iterator[tuple[int, EditedFace]]:
        """Generate the edited faces of a track in consecutive frames, each with the index of its frame.

        A frame without the face, or in which no edit acts, gives none.
        """
        track, active = edit.encoded.track, edit.active
        offsets = [f.index - track.first for f in frames if track.first <= f.index <= track.last]
        offsets = [offset for offset in offsets if active[offset]]
        if not offsets:
            return
        pair = self._generate(edit, np.array(offsets))
        for position, offset in enumerate(offsets):
            landmarks = smooth(track.landmarks, self.sigma, offset, offset + 1)[0]
            to_frame = crop_to_frame(edit.encoded.quads[offset], self.model.resolution)
            yield (
                track.first + offset,
                EditedFace(
                    crop_to_frame=to_frame,
                    landmarks=_transformed(landmarks, cv2.invertAffineTransform(to_frame)),
                    edited=pair.after[position],
                    reconstruction=None if pair.before is None else pair.before[position],
                    shape=shapes[offset],
                ),
            )

    def _generate(self, edit: TrackEdit, offsets: NDArray[np.intp]) -> GeneratedPair:
        first, last = int(offsets[0]), int(offsets[-1])
        codes = smooth(edit.encoded.codes, self.sigma, first, last + 1)[offsets - first]
        before = torch.from_numpy(codes.astype(np.float32, copy=False))
        after = before
        for attribute, strengths in edit.strengths:
            after = self.model.edit(after, {attribute: strengths[offsets]})
        reconstruction = _pictures(self.model.generate(before)) if self.reconstruct else None
        return GeneratedPair(reconstruction, _pictures(self.model.generate(after)))


def set_into(picture: NDArray[np.uint8], faces: Sequence[EditedFace], options: CompositingOptions) -> list[Patch]:
    """Composite the faces of one frame, uint8 (H, W, 3) RGB, each over the ones before it."""
    patches: list[Patch] = []
    for face in faces:
        patch = composite(picture, face, options)
        if patch is None:
            continue
        patches.append(patch)
        if len(faces) > 1:
            picture = patch.applied_to(picture)
    return patches


def _pictures(generated: torch.Tensor) -> NDArray[np.float32]:
    scaled = ((generated + 1) * 127.5).clamp(0, 255).permute(0, 2, 3, 1).contiguous()
    return scaled.cpu().numpy()


def _transformed(points: NDArray[np.floating], affine: NDArray[np.float64]) -> NDArray[np.float64]:
    return cv2.transform(points[None].astype(np.float64), affine)[0]


def _runs(active: NDArray[np.bool_]) -> list[slice]:
    """List the unbroken runs of True."""
    edges = np.flatnonzero(np.diff(active, prepend=False, append=False))
    return [slice(start, stop) for start, stop in edges.reshape(-1, 2)]
