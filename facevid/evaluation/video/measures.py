"""Quality of an edited clip, compared with its source: flicker, lip synchronisation and identity."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from facevid.analysis.analysis import Analysis
from facevid.appearance.mouth_geometry import mouth_gap
from facevid.errors import NoFaceError
from facevid.evaluation.face_features import FaceFeatureExtractor
from facevid.evaluation.video.dense_flow import MIN_SIDE, dense_flow
from facevid.evaluation.video.frame_pairs import FramePair, frame_pairs
from facevid.faces.alignment import crop, quad_side
from facevid.faces.dlib_detector import DlibDetector, LandmarkPredictor
from facevid.faces.tracking import Track
from facevid.options import TrackingOptions
from facevid.utils.progress import Progress, no_progress
from facevid.video import open_clip

CROP_SIDE = 512
"""Side of the crops in which landmarks and descriptors are computed, in pixels."""

EDITED_PIXEL = 3.0
"""Smallest difference from the source of an edited pixel, on a scale of 0 to 255; video compression changes less."""

EDIT_MARGIN = 0.03
"""Margin around edited pixels in which flicker is measured, as a fraction of the quad's side."""

BLUR = 5
"""Side of the box filter over the difference of source and edit, in pixels: suppresses compression noise."""

EDITED_FACE = 0.25
"""Smallest mean difference of an edited face from the source, as a fraction of the largest in the clip."""

IDENTITY_EVERY = 5
"""Frames of a track between two descriptors: a descriptor takes ten times as long as the other measures."""

MOVING_MOUTH = 0.04
"""Smallest standard deviation over time of the lip gap of a moving mouth, in units of the distance between the eyes.
It is 0.05 to 0.11 for speech and laughter. The landmark noise of a closed, occluded or averted mouth is up to 0.035."""


@dataclass(frozen=True)
class EditMeasures:
    """Measures of an edit, over the faces and frames that it changed.

    Attributes:
        frames: number of measured faces, summed over frames.
        flicker_source: mean absolute difference between each frame of the source and the previous frame warped to it
            by the source's optical flow, on a scale of 0 to 255. It is measured in the face and where the edit
            changed pixels around it, at pixels that are visible in both frames.
        flicker_edited: the same for the edit, warped by the source's optical flow, too.
        lips: correlation over time between the lip gaps in the edit and in the source, of all edited tracks, each
            relative to its mean; None if no mouth moves.
        identity: mean distance between dlib's face descriptors in the source and in the edit.
        identity_spread: standard deviation over time of that distance.
    """

    frames: int
    flicker_source: float
    flicker_edited: float
    lips: float | None
    identity: float
    identity_spread: float

    @property
    def flicker(self) -> float:
        """Flicker that the edit adds to that of the source, on a scale of 0 to 255."""
        return self.flicker_edited - self.flicker_source

    @property
    def flicker_ratio(self) -> float:
        """Flicker of the edit, divided by that of the source."""
        return self.flicker_edited / max(self.flicker_source, 1e-6)


@dataclass(frozen=True)
class _FaceMeasures:
    """Measures of one face in one frame.

    Attributes:
        track: index of the track.
        change: mean difference between source and edit inside the face, on a scale of 0 to 255.
        flicker: flicker of the source and of the edit; None if it could not be measured.
        mouth_gaps: lip gap in the source and in the edit, in units of the distance between the eyes.
        distance: distance between the descriptors in the source and in the edit; None in most frames.
    """

    track: int
    change: float
    flicker: tuple[float, float] | None
    mouth_gaps: tuple[float, float]
    distance: float | None


def evaluate_edit(source: str | Path, edited: str | Path, progress: Progress = no_progress) -> EditMeasures:
    """Measure an edit of a clip against its source.

    Faces are detected in the source, by dlib, and measured at the same positions in the edit.

    Args:
        source: the clip before the edit.
        edited: the clip after the edit.
        progress: receives the progress of tracking, and the number of measured frames.

    Raises:
        UsageError: the clips differ in size, in the number of frames, or in the times of frames.
        NoFaceError: no face is detected in the source, or all faces are too small.
        InputError: a clip cannot be read.
    """
    source_clip, edited_clip = open_clip(source), open_clip(edited)
    analysis = Analysis(source_clip, DlibDetector(), TrackingOptions(faces="all"), progress)
    tracking = analysis.track()
    extractor = FaceFeatureExtractor()
    meters = [
        _TrackMeter(number, track, analysis.quads(track), extractor) for number, track in enumerate(tracking.tracks)
    ]
    faces: list[_FaceMeasures] = []
    previous: FramePair | None = None
    for index, pair in enumerate(progress("measure", frame_pairs(source_clip, edited_clip), tracking.frame_count)):
        faces += [face for meter in meters if (face := meter.measure(index, pair, previous)) is not None]
        previous = pair
    if not faces:
        raise NoFaceError(
            f"{source}: all faces are too small or too far outside the frame to be measured; use a closer shot"
        )
    return _aggregate(faces)


class _TrackMeter:
    """Measures the face of one track."""

    def __init__(self, number: int, track: Track, quads: NDArray[np.float64], extractor: FaceFeatureExtractor) -> None:
        self._number, self._track, self._quads = number, track, quads
        self._extractor, self._predictor = extractor, LandmarkPredictor()

    def measure(self, index: int, pair: FramePair, previous: FramePair | None) -> _FaceMeasures | None:
        """Measure frame `index`; None if the face is not detected there, too small, or outside the frame."""
        offset = index - self._track.first
        if not 0 <= offset < len(self._track) or not self._track.detected[offset]:
            return None
        quad = self._quads[offset]
        window = _bounding_window(quad, pair.source.shape)
        part = pair.cropped(window)
        if min(part.source.shape[:2]) < MIN_SIDE:
            return None
        face = _convex_hull(self._track.landmarks[offset] - (window[1].start, window[0].start), part.source.shape)
        if not face.any():
            return None
        difference = cv2.blur(cv2.absdiff(part.source, part.edited).max(axis=-1).astype(np.float32), (BLUR, BLUR))
        flicker = None
        if previous is not None and offset > 0:
            size = 2 * round(EDIT_MARGIN * float(quad_side(quad))) + 1
            edited = cv2.dilate((difference > EDITED_PIXEL).astype(np.uint8), np.ones((size, size), np.uint8)) == 1
            flicker = measure_flicker(part, previous.cropped(window), face | edited)
        crops = [crop(picture, quad, CROP_SIDE) for picture in (pair.source, pair.edited)]
        source_gap, edited_gap = mouth_gap(np.stack([self._predictor.place_in_crop(each) for each in crops])).tolist()
        distance = None
        if offset % IDENTITY_EVERY == 0:
            descriptors = self._extractor.extract(crops).descriptors
            distance = float(np.linalg.norm(descriptors[1] - descriptors[0]))
        return _FaceMeasures(self._number, float(difference[face].mean()), flicker, (source_gap, edited_gap), distance)


def measure_flicker(pair: FramePair, previous: FramePair, region: NDArray[np.bool_]) -> tuple[float, float] | None:
    """Measure the flicker of source and edit, on a scale of 0 to 255.

    Flicker is the mean absolute difference from the previous frame, warped by the flow of the source.

    Args:
        pair: the frame.
        previous: the previous frame, of the same size.
        region: bool (H, W), pixels to measure.

    Returns:
        Flicker of source and edit; None if no pixel of the region is visible in both frames.
    """
    flow = dense_flow(previous.source, pair.source)
    region = flow.visible & region
    if not region.any():
        return None
    source, edited = (
        float(np.abs(current - flow.warped(before))[region].mean())
        for current, before in ((pair.source, previous.source), (pair.edited, previous.edited))
    )
    return source, edited


def _bounding_window(quad: NDArray[np.float64], shape: tuple[int, ...]) -> tuple[slice, slice]:
    """Return the rows and columns of a frame that contain a quad."""
    limit = (shape[1], shape[0])
    left, top = np.floor(quad.min(axis=0)).astype(int).clip(0, limit).tolist()
    right, bottom = np.ceil(quad.max(axis=0)).astype(int).clip(0, limit).tolist()
    return slice(top, bottom), slice(left, right)


def _convex_hull(landmarks: NDArray[np.floating], shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Rasterise the convex hull of landmarks, bool (H, W)."""
    outline = np.rint(cv2.convexHull(landmarks.astype(np.float32))).astype(np.int32)
    return np.asarray(cv2.fillConvexPoly(np.zeros(shape[:2], np.uint8), outline, 1) == 1)


def _aggregate(faces: Sequence[_FaceMeasures]) -> EditMeasures:
    """Combine the measures of all edited faces."""
    threshold = EDITED_FACE * max(face.change for face in faces)
    edited_faces = [face for face in faces if face.change >= threshold]
    flickers = np.array([face.flicker for face in edited_faces if face.flicker is not None]).reshape(-1, 2)
    source, edited = flickers.mean(axis=0) if len(flickers) else (0.0, 0.0)
    distances = np.array([face.distance for face in edited_faces if face.distance is not None] or [0.0])
    return EditMeasures(
        frames=len(edited_faces),
        flicker_source=float(source),
        flicker_edited=float(edited),
        lips=_lip_correlation(edited_faces),
        identity=float(distances.mean()),
        identity_spread=float(distances.std()),
    )


def _lip_correlation(faces: Sequence[_FaceMeasures]) -> float | None:
    """Return the correlation between the lip gaps of source and edit; None if no mouth moves."""
    tracks = {face.track for face in faces}
    gaps = [np.array([face.mouth_gaps for face in faces if face.track == track]) for track in tracks]
    source, edited = np.concatenate([gap - gap.mean(axis=0) for gap in gaps]).T
    if source.std() < MOVING_MOUTH:
        return None
    return float(np.corrcoef(source, edited)[0, 1]) if edited.std() > 0 else 0.0
