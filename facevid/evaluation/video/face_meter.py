"""Measures of one face in one frame of a source and its edit."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from facevid.appearance.mouth_geometry import mouth_gap
from facevid.evaluation.video.dense_flow import MIN_SIDE, dense_flow
from facevid.evaluation.video.embedding import Embedding
from facevid.evaluation.video.face_region import bounding_window, convex_hull
from facevid.evaluation.video.frame_pairs import FramePair
from facevid.faces.alignment import crop, landmarks_in_crop, quad_side
from facevid.faces.dlib_detector import LandmarkPredictor
from facevid.faces.tracking import Track

CROP_SIDE = 512
"""Side of the crops in which landmarks and embeddings are computed, in pixels."""

DISPLACEMENT_SIDE = 256
"""Side of the crops between which the displacement of the face is measured, in pixels."""

MIN_PIXEL_CHANGE = 3.0
"""Smallest difference from the source of an edited pixel, on a scale of 0 to 255; video compression changes less."""

EDIT_MARGIN = 0.03
"""Margin around edited pixels in which flicker is measured, as a fraction of the quad's side."""

BLUR_SIDE = 5
"""Side of the box filter over the difference of source and edit, in pixels: suppresses compression noise."""


@dataclass(frozen=True)
class FaceMeasures:
    """Measures of one face in one frame.

    Attributes:
        frame: index of the frame.
        change: mean difference between source and edit inside the face, on a scale of 0 to 255.
        flicker: flicker of the source and of the edit; None if it could not be measured.
        mouth_gaps: lip gap in the source and in the edit, in units of the distance between the eyes.
        displacement: float64 (2,), displacement of the face from the source to the edit, in sides of the crop.
        embeddings: float64 (2, D), embeddings of the face in the source and in the edit.
    """

    frame: int
    change: float
    flicker: tuple[float, float] | None
    mouth_gaps: tuple[float, float]
    displacement: NDArray[np.float64]
    embeddings: NDArray[np.float64]


class TrackMeter:
    """Measures the face of one track, frame by frame.

    Args:
        track: the face, tracked in the source.
        quads: float64 (N, 4, 2), its stabilised quads in pixels of the frame.
        embedding: identity embedding.
    """

    def __init__(self, track: Track, quads: NDArray[np.float64], embedding: Embedding) -> None:
        self.track, self.quads = track, quads
        self.faces: list[FaceMeasures] = []
        self._embedding, self._predictor = embedding, LandmarkPredictor()

    def quad(self, frame: int) -> NDArray[np.float64] | None:
        """Return the quad in a frame; None outside the track."""
        offset = frame - self.track.first
        return self.quads[offset] if 0 <= offset < len(self.track) else None

    def measure(self, frame: int, pair: FramePair, previous: FramePair | None) -> None:
        """Measure a frame, unless the face is not detected there, too small, or outside the frame."""
        offset = frame - self.track.first
        if not 0 <= offset < len(self.track) or not self.track.detected[offset]:
            return
        quad = self.quads[offset]
        window = bounding_window(quad.min(axis=0), quad.max(axis=0), pair.source.shape)
        part = pair.cropped(window)
        if min(part.source.shape[:2]) < MIN_SIDE:
            return
        face = convex_hull(self.track.landmarks[offset] - (window[1].start, window[0].start), part.source.shape)
        if not face.any():
            return
        difference = cv2.blur(
            cv2.absdiff(part.source, part.edited).max(axis=-1).astype(np.float32), (BLUR_SIDE, BLUR_SIDE)
        )
        flicker = None
        if previous is not None and offset > 0:
            size = 2 * round(EDIT_MARGIN * float(quad_side(quad))) + 1
            edited = cv2.dilate((difference > MIN_PIXEL_CHANGE).astype(np.uint8), np.ones((size, size), np.uint8)) == 1
            flicker = measure_flicker(part, previous.cropped(window), face | edited)
        landmarks = landmarks_in_crop(self.track.landmarks[offset], quad, DISPLACEMENT_SIDE)
        crops = FramePair(crop(pair.source, quad, CROP_SIDE), crop(pair.edited, quad, CROP_SIDE))
        gaps, embeddings = self._features(crops)
        self.faces.append(
            FaceMeasures(
                frame=frame,
                change=float(difference[face].mean()),
                flicker=flicker,
                mouth_gaps=gaps,
                displacement=_displacement(crops, landmarks),
                embeddings=embeddings,
            )
        )

    def _features(self, crops: FramePair) -> tuple[tuple[float, float], NDArray[np.float64]]:
        """Return the lip gaps and the embeddings of source and edit."""
        faces = [crops.source] if np.array_equal(crops.source, crops.edited) else [crops.source, crops.edited]
        landmarks = [self._predictor.place_in_crop(face) for face in faces]
        gaps = [float(mouth_gap(points)) for points in landmarks]
        embeddings = [self._embedding.embed(face, points) for face, points in zip(faces, landmarks, strict=True)]
        return (gaps[0], gaps[-1]), np.stack([embeddings[0], embeddings[-1]])


def measure_flicker(pair: FramePair, previous: FramePair, region: NDArray[np.bool_]) -> tuple[float, float] | None:
    """Measure the flicker of source and edit, on a scale of 0 to 255.

    Flicker is the mean absolute difference from the previous frame, warped by the clip's own flow: it is what changes
    in the picture without moving. Motion that the source does not have is measured as shake.

    Args:
        pair: the frame.
        previous: the previous frame, of the same size.
        region: bool (H, W), pixels to measure.

    Returns:
        Flicker of source and edit; None if no pixel of the region is visible in both frames of both.
    """
    source_flow = dense_flow(previous.source, pair.source)
    unchanged = np.array_equal(pair.source, pair.edited) and np.array_equal(previous.source, previous.edited)
    edited_flow = source_flow if unchanged else dense_flow(previous.edited, pair.edited)
    region = source_flow.visible & edited_flow.visible & region
    if not region.any():
        return None
    source = np.abs(pair.source - source_flow.warped(previous.source))[region].mean()
    edited = np.abs(pair.edited - edited_flow.warped(previous.edited))[region].mean()
    return float(source), float(edited)


def _displacement(crops: FramePair, landmarks: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the displacement of a face from the source to the edit, in sides of the crop: the median of the flow.

    The median ignores the parts of a face that an edit moves, such as the mouth.

    Args:
        crops: of the face.
        landmarks: float64 (84, 2), in pixels of a crop of `DISPLACEMENT_SIDE`.
    """
    if np.array_equal(crops.source, crops.edited):
        return np.zeros(2)
    size = (DISPLACEMENT_SIDE, DISPLACEMENT_SIDE)
    source, edited = (
        np.asarray(cv2.resize(each, size, interpolation=cv2.INTER_AREA), np.uint8)
        for each in (crops.source, crops.edited)
    )
    flow = dense_flow(edited, source)
    region = convex_hull(landmarks, source.shape) & flow.visible
    if not region.any():
        return np.zeros(2)
    rows, columns = np.nonzero(region)
    moved = flow.positions[region] - np.stack([columns, rows], axis=-1)
    return np.asarray(np.median(moved, axis=0) / DISPLACEMENT_SIDE, np.float64)
