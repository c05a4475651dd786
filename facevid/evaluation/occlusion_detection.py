"""Evaluation of occlusion detection with synthetic occluders, whose masks are known, and without occluders."""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from facevid.analysis.analysis import Analysis
from facevid.analysis.encoded import EncodedTrack
from facevid.compositing.edge_refinement import visible_in_region
from facevid.compositing.matte import face_matte
from facevid.compositing.placement import place
from facevid.evaluation.drawn_occluders import KINDS, Kind, Occluder, draw, occlude
from facevid.faces.alignment import crop, crop_to_frame, ffhq_quad, landmarks_in_crop
from facevid.faces.landmarks import Detector
from facevid.faces.tracking import Track
from facevid.models import FaceModel
from facevid.options import ComputeOptions, TrackingOptions
from facevid.rendering.temporal_smoothing import smooth
from facevid.utils.progress import Progress, no_progress
from facevid.video import Clip, open_clip

MAX_FRAMES = 100
"""Largest number of evaluated frames, from the start of the clip's longest track."""

CROP_SIDE = 256
"""Side of the crops in which face mattes are drawn, in pixels."""


@dataclass(frozen=True)
class OcclusionMeasure:
    """Detection of one kind of occluder in one clip.

    Attributes:
        clip: file name of the clip.
        kind: kind of the occluder, or "none" for the unmodified clip.
        overlap: intersection over union of the detected and the true mask, inside the face, over all frames; None for
            the unmodified clip.
        detected: fraction of the face that is detected as occluded, over all frames.
    """

    clip: str
    kind: Kind | str
    overlap: float | None
    detected: float


def evaluate_occlusion(
    clip: Clip, model: FaceModel, detector: Detector, compute: ComputeOptions, progress: Progress = no_progress
) -> list[OcclusionMeasure]:
    """Add each kind of occluder to the face of a clip, and measure the detection.

    The unmodified clip is assumed to be free of occluders. Frames with an edit weight of 0 are not counted.

    Args:
        clip: the clip.
        model: the model whose occlusion network is evaluated.
        detector: landmark detector.
        compute: options of the analysis.
        progress: receives the progress of each stage.

    Returns:
        One measure for the unmodified clip, and one for each kind of occluder.

    Raises:
        InputError: the clip cannot be decoded.
        NoFaceError: the clip has no face.
    """
    options = TrackingOptions()
    analysis = Analysis(clip, detector, options, progress)
    track = max(analysis.select(analysis.track(), "largest"), key=len)
    measures = []
    for kind in ("none", *KINDS):
        scene = _Scene(clip, track, smooth(ffhq_quad(track.landmarks[:MAX_FRAMES]), options.smooth), kind)
        with tempfile.TemporaryDirectory() as folder:
            for index, (picture, _) in enumerate(scene.frames()):
                path = Path(folder) / f"scene.{index:04d}.png"
                cv2.imwrite(str(path), picture[..., ::-1], [cv2.IMWRITE_PNG_COMPRESSION, 1])
            analysis = Analysis(open_clip(folder), detector, options, progress)
            tracking = analysis.track()
            longest = max(analysis.select(tracking, "largest"), key=len)
            encoded = analysis.encode(tracking, [longest], model, compute)[0]
        measures.append(_measure(scene, encoded))
    return measures


@dataclass(frozen=True)
class _Scene:
    """A part of a clip, with an occluder in front of the face.

    Attributes:
        clip: the unmodified clip.
        track: the face.
        quads: FFHQ quads of the face, (N, 4, 2), in pixels, for the first N frames of the track.
        kind: kind of the occluder, or "none".
    """

    clip: Clip
    track: Track
    quads: NDArray[np.floating]
    kind: Kind | str

    def frames(self) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.bool_]]]:
        """Yield each picture, uint8 (H, W, 3) RGB, and its occlusion mask, bool (H, W)."""
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
            occluder = occluder or draw(self.kind, crop(picture, self.quads[offset], CROP_SIDE))
            yield occlude(picture, self.quads[offset], occluder, self.kind, offset / max(last, 1))


def _measure(scene: _Scene, encoded: EncodedTrack) -> OcclusionMeasure:
    counts = np.zeros(4, dtype=np.int64)
    for index, (picture, truth) in enumerate(scene.frames()):
        offset = index - encoded.track.first
        if 0 <= offset < len(encoded.track) and encoded.edit_weights[offset] > 0:
            counts += _pixel_counts(picture, truth, encoded, offset, scene.track.landmarks[index])
    intersection, union, detected, face = counts.tolist()
    overlap = intersection / max(union, 1) if scene.kind in KINDS else None
    return OcclusionMeasure(scene.clip.info.path.name, scene.kind, overlap, detected / max(face, 1))


def _pixel_counts(
    picture: NDArray[np.uint8],
    truth: NDArray[np.bool_],
    encoded: EncodedTrack,
    offset: int,
    landmarks: NDArray[np.floating],
) -> NDArray[np.int64]:
    """Count pixels of the face in one frame.

    Args:
        picture: uint8 (H, W, 3), RGB.
        truth: the true occlusion mask, bool (H, W).
        encoded: analysis of the clip with the occluder.
        offset: index of the frame in the track.
        landmarks: landmarks in the unmodified clip, (84, 2), in pixels.

    Returns:
        Number of pixels of the face in the intersection of detected and true mask, in their union, in the detected
        mask, and in total.
    """
    assert encoded.visibility is not None
    to_frame = crop_to_frame(encoded.quads[offset], CROP_SIDE)
    placement = place(to_frame, CROP_SIDE, picture.shape[:2])
    crop_landmarks = landmarks_in_crop(landmarks, encoded.quads[offset], CROP_SIDE)
    face = placement.to_region(face_matte(crop_landmarks, CROP_SIDE)) > 0.5
    plate = np.ascontiguousarray(picture[placement.rows_and_columns]).astype(np.float32)
    visible = visible_in_region(encoded.visibility[offset], CROP_SIDE, plate, placement)
    detected = (visible < 0.5) & face
    occluded = truth[placement.rows_and_columns] & face
    return np.array([mask.sum() for mask in (detected & occluded, detected | occluded, detected, face)])
