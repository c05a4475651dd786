"""An edited clip against its source: how much it flickers, whether its lips keep in time, and whose face it is."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from facevid.analysis.analysis import Analysis
from facevid.errors import NoFaceError
from facevid.evaluation.dense_flow import MIN_SIDE, dense_flow
from facevid.evaluation.judge import Judge
from facevid.evaluation.pairs import Pair, in_step
from facevid.faces.alignment import crop, quad_side
from facevid.faces.dlib_detector import DlibDetector, LandmarkPredictor
from facevid.faces.tracking import Track
from facevid.options import TrackingOptions
from facevid.training.appearance.mouth_geometry import mouth_gap
from facevid.utils.progress import Progress, silent
from facevid.video import open_clip

SIDE = 512
"""Side in pixels of the crops that the judge looks at."""

CHANGED = 3.0
"""Difference from the source, of 255, beyond which a pixel counts as edited; encoders change less."""

MARGIN = 0.03
"""How far beyond edited pixels flicker is looked for, as a share of the quad's side."""

EDITED = 0.25
"""Share of the largest mean change in the clip from which a face in a frame counts as edited."""

IDENTITY_EVERY = 5
"""A track's face is described in one of so many frames: it takes ten times as long as the rest."""

SPEAKS = 0.04
"""Standard deviation of a mouth's opening over time, in distances of the eyes, from which it counts as moving.
Speech and laughter have 0.05 to 0.11; dlib's landmarks of a closed, hidden or averted mouth wander by 0.035."""


@dataclass(frozen=True)
class EditMeasures:
    """The measures of an edit, over the faces and frames that it changed.

    Attributes:
        frames: faces measured, over all frames.
        flicker_source, flicker_edited: mean absolute difference, of 255, of each clip's frame from its frame before,
            warped to it by the source's optical flow; inside the face and wherever the edit shows around it, without
            pixels that are hidden in one of the frames.
        mouth: correlation over time of the mouth's opening in the edit with that in the source, of all edited tracks,
            each about its own mean; None where no mouth moves enough for it to mean anything.
        identity: mean distance of dlib's face descriptors from source to edit.
        identity_spread: its standard deviation over time.
    """

    frames: int
    flicker_source: float
    flicker_edited: float
    mouth: float | None
    identity: float
    identity_spread: float

    @property
    def flicker(self) -> float:
        """What the edit adds to the source's own flicker, of 255."""
        return self.flicker_edited - self.flicker_source

    @property
    def flicker_ratio(self) -> float:
        """The edit's flicker in that of the source."""
        return self.flicker_edited / max(self.flicker_source, 1e-6)


@dataclass(frozen=True)
class _Seen:
    """What was measured of one face in one frame; flicker and gaps are of source and edit, None where not measured."""

    track: int
    change: float
    flicker: tuple[float, float] | None
    gaps: tuple[float, float]
    distance: float | None


def evaluate_edit(source: str | Path, edited: str | Path, progress: Progress = silent) -> EditMeasures:
    """Measure an edit of a clip against its source.

    Faces are found in the source, by dlib; the edit is looked at in the same places.

    Raises:
        UsageError: the two differ in size, in the number of frames or in their times.
        NoFaceError: no face is found in the source, or none that is large enough.
        InputError: one of them cannot be read.
    """
    before, after = open_clip(source), open_clip(edited)
    analysis = Analysis(before, DlibDetector(), TrackingOptions(faces="all"), progress)
    tracking = analysis.track()
    judge = Judge()
    onlookers = [_Onlooker(number, track, analysis.quads(track), judge) for number, track in enumerate(tracking.tracks)]
    seen: list[_Seen] = []
    last: Pair | None = None
    for index, pair in enumerate(progress("measure", in_step(before, after), tracking.frame_count)):
        seen += [face for each in onlookers if (face := each.look(index, pair, last)) is not None]
        last = pair
    if not seen:
        raise NoFaceError(f"{source}: its faces are too small or too far outside to be measured; give a closer shot")
    return _summed_up(seen)


class _Onlooker:
    """Measures the face of one track."""

    def __init__(self, number: int, track: Track, quads: NDArray[np.float64], judge: Judge) -> None:
        self._number, self._track, self._quads = number, track, quads
        self._judge, self._predictor = judge, LandmarkPredictor()

    def look(self, index: int, pair: Pair, last: Pair | None) -> _Seen | None:
        """Measure one frame; None where the face is not in it, or hardly."""
        offset = index - self._track.first
        if not 0 <= offset < len(self._track) or not self._track.detected[offset]:
            return None
        quad = self._quads[offset]
        window = _window(quad, pair.source.shape)
        part = pair.part(window)
        if min(part.source.shape[:2]) < MIN_SIDE:
            return None
        face = _hull(self._track.landmarks[offset] - (window[1].start, window[0].start), part.source.shape)
        if not face.any():
            return None
        difference = cv2.blur(cv2.absdiff(part.source, part.edited).max(axis=-1).astype(np.float32), (5, 5))
        flicker = None
        if last is not None and offset > 0:
            reach = 2 * round(MARGIN * float(quad_side(quad))) + 1
            changed = cv2.dilate((difference > CHANGED).astype(np.uint8), np.ones((reach, reach), np.uint8)) == 1
            flicker = flicker_of(part, last.part(window), face | changed)
        crops = [crop(picture, quad, SIDE) for picture in (pair.source, pair.edited)]
        gaps = mouth_gap(np.stack([self._predictor.place_in_crop(each) for each in crops]))
        apart = None
        if offset % IDENTITY_EVERY == 0:
            descriptors = self._judge.look(crops).descriptors
            apart = float(np.linalg.norm(descriptors[1] - descriptors[0]))
        return _Seen(self._number, float(difference[face].mean()), flicker, (float(gaps[0]), float(gaps[1])), apart)


def flicker_of(pair: Pair, last: Pair, region: NDArray[np.bool_]) -> tuple[float, float] | None:
    """Compare both pictures with those before, warped by the source's flow; None where no pixel is seen in both."""
    flow = dense_flow(last.source, pair.source)
    counted = flow.seen & region
    if not counted.any():
        return None
    source, edited = (
        float(np.abs(now - flow.warped(then))[counted].mean())
        for now, then in ((pair.source, last.source), (pair.edited, last.edited))
    )
    return source, edited


def _window(quad: NDArray[np.float64], shape: tuple[int, ...]) -> tuple[slice, slice]:
    limit = (shape[1], shape[0])
    left, top = np.floor(quad.min(axis=0)).astype(int).clip(0, limit).tolist()
    right, bottom = np.ceil(quad.max(axis=0)).astype(int).clip(0, limit).tolist()
    return slice(top, bottom), slice(left, right)


def _hull(landmarks: NDArray[np.floating], shape: tuple[int, ...]) -> NDArray[np.bool_]:
    outline = np.rint(cv2.convexHull(landmarks.astype(np.float32))).astype(np.int32)
    return cv2.fillConvexPoly(np.zeros(shape[:2], np.uint8), outline, 1) == 1


def _summed_up(seen: Sequence[_Seen]) -> EditMeasures:
    least = EDITED * max(face.change for face in seen)
    edited = [face for face in seen if face.change >= least]
    flickers = np.array([face.flicker for face in edited if face.flicker is not None]).reshape(-1, 2)
    source, edit = flickers.mean(axis=0) if len(flickers) else (0.0, 0.0)
    distances = np.array([face.distance for face in edited if face.distance is not None] or [0.0])
    return EditMeasures(
        len(edited), float(source), float(edit), _in_time(edited), float(distances.mean()), float(distances.std())
    )


def _in_time(faces: Sequence[_Seen]) -> float | None:
    tracks = {face.track for face in faces}
    gaps = [np.array([face.gaps for face in faces if face.track == track]) for track in tracks]
    source, edit = np.concatenate([gap - gap.mean(axis=0) for gap in gaps]).T
    if source.std() < SPEAKS:
        return None
    return float(np.corrcoef(source, edit)[0, 1]) if edit.std() > 0 else 0.0
