"""How well things before a face are found: drawn ones, whose outline is known, and none where there are none."""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from facevid.analysis.analysis import Analysis
from facevid.analysis.encoded import EncodedTrack
from facevid.compositing.edges import visible_in_region
from facevid.compositing.matte import face_matte
from facevid.compositing.placement import place
from facevid.evaluation.occluders import KINDS, Kind, Occluder, draw, occlude
from facevid.faces.alignment import crop, crop_to_frame, ffhq_quad, landmarks_in_crop
from facevid.faces.landmarks import Detector
from facevid.faces.tracking import Track
from facevid.models import FaceModel
from facevid.options import ComputeOptions, TrackingOptions
from facevid.rendering.temporal_smoothing import smooth
from facevid.utils.progress import Progress, silent
from facevid.video import Clip, open_clip

LENGTH = 100
"""Frames that are looked at: the first ones of the clip's longest track."""

SIZE = 256
"""Side in pixels of the crops in which mattes are drawn."""


@dataclass(frozen=True)
class OcclusionMeasure:
    """How one kind of occluder was found in one clip.

    Attributes:
        clip: its file's name.
        kind: the occluder, or "none" for the clip as it is.
        overlap: of what is before the face and what is called so, intersection over union, over all frames; None
            where there is nothing.
        called: share of the face that is called occluded, over all frames.
    """

    clip: str
    kind: Kind | str
    overlap: float | None
    called: float


def evaluate_occlusion(
    clip: Clip, model: FaceModel, detector: Detector, compute: ComputeOptions, progress: Progress = silent
) -> list[OcclusionMeasure]:
    """Draw each kind of occluder before a clip's face, and measure how much of it is found.

    The clip itself is taken for free of occluders. Frames in which the face takes no edit are not counted.

    Raises:
        InputError: the clip cannot be decoded.
        NoFaceError: there is no face in it.
    """
    options = TrackingOptions()
    analysis = Analysis(clip, detector, options, progress)
    track = max(analysis.choose(analysis.track(), "largest"), key=len)
    measures = []
    for kind in ("none", *KINDS):
        scene = _Scene(clip, track, smooth(ffhq_quad(track.landmarks[:LENGTH]), options.smooth), kind)
        with tempfile.TemporaryDirectory() as folder:
            for index, (picture, _) in enumerate(scene.frames()):
                path = Path(folder) / f"scene.{index:04d}.png"
                cv2.imwrite(str(path), picture[..., ::-1], [cv2.IMWRITE_PNG_COMPRESSION, 1])
            analysis = Analysis(open_clip(folder), detector, options, progress)
            tracking = analysis.track()
            seen = analysis.encode(tracking, [max(analysis.choose(tracking, "largest"), key=len)], model, compute)[0]
        measures.append(_measure(scene, seen))
    return measures


@dataclass(frozen=True)
class _Scene:
    """A part of a clip, with something before the face."""

    clip: Clip
    track: Track
    quads: NDArray[np.floating]
    kind: Kind | str

    def frames(self) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.bool_]]]:
        """Yield each picture, and where the occluder is in it."""
        occluder: Occluder | None = None
        last = len(self.quads) - 1
        for frame in self.clip.frames():
            offset = frame.index - self.track.first
            if offset > last:
                return
            if offset < 0:
                continue
            picture = frame.rgb()
            if self.kind not in KINDS:
                yield picture, np.zeros(picture.shape[:2], dtype=bool)
                continue
            occluder = occluder or draw(self.kind, crop(picture, self.quads[offset], SIZE))
            yield occlude(picture, self.quads[offset], occluder, self.kind, offset / max(last, 1))


def _measure(scene: _Scene, seen: EncodedTrack) -> OcclusionMeasure:
    counts = np.zeros(4, dtype=np.int64)
    for index, (picture, truth) in enumerate(scene.frames()):
        offset = index - seen.track.first
        if 0 <= offset < len(seen.track) and seen.edit_weights[offset] > 0:
            counts += _areas(picture, truth, seen, offset, scene.track.landmarks[index])
    both, either, called, face = counts.tolist()
    overlap = both / max(either, 1) if scene.kind in KINDS else None
    return OcclusionMeasure(scene.clip.info.path.name, scene.kind, overlap, called / max(face, 1))


def _areas(
    picture: NDArray[np.uint8],
    truth: NDArray[np.bool_],
    seen: EncodedTrack,
    offset: int,
    landmarks: NDArray[np.floating],
) -> NDArray[np.int64]:
    """Count pixels of the face: rightly called occluded, called or occluded, called, all."""
    assert seen.visibility is not None
    to_frame = crop_to_frame(seen.quads[offset], SIZE)
    placement = place(to_frame, SIZE, picture.shape[:2])
    inside = landmarks_in_crop(landmarks, seen.quads[offset], SIZE)
    face = placement.to_region(face_matte(inside, SIZE)) > 0.5
    plate = np.ascontiguousarray(picture[placement.rows_and_columns])
    hidden = (visible_in_region(seen.visibility[offset], SIZE, plate.astype(np.float32), placement) < 0.5) & face
    occluded = truth[placement.rows_and_columns] & face
    return np.array([area.sum() for area in (hidden & occluded, hidden | occluded, hidden, face)])
