"""Tracks: one person's face through consecutive frames of one shot.

Motion alone joins the faces of single frames into tracklets. A tracklet ends where two faces cross and may be confused;
`faces.people` joins tracklets of one person into tracks. A track bridges short gaps between detections by linear
interpolation. It ends at a cut, and where the gap is too long.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from facevid.faces.association import Motion, ambiguous, match_boxes
from facevid.faces.detector import Face


@dataclass(frozen=True)
class Track:
    """One face in the frames `first` to `last` of a clip; N is their number.

    Attributes:
        person: number of the person: 0, 1, 2, ... in order of appearance. Tracks of one person never overlap in time.
        first: index of the track's first frame.
        landmarks: float32 (N, 84, 2) in pixels of the frame; interpolated in frames without a detection.
        detected: bool (N,), False in frames without a detection.
        scores: float32 (N,), the detector's confidence, 0 in frames without a detection.
        flow: float32 (N, 84, 2), displacement of each landmark since the previous frame in pixels, by optical flow; NaN
            where the landmark was lost, and in frames without a detection.
    """

    person: int
    first: int
    landmarks: NDArray[np.float32]
    detected: NDArray[np.bool_]
    scores: NDArray[np.float32]
    flow: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.landmarks)

    @property
    def last(self) -> int:
        """Index of the track's last frame."""
        return self.first + len(self) - 1

    def part(self, rows: slice) -> "Track":
        """Return some frames of the track; `rows` counts from its start."""
        parts = (self.landmarks[rows], self.detected[rows], self.scores[rows], self.flow[rows])
        return Track(self.person, self.first + rows.start, *parts)

    @property
    def boxes(self) -> NDArray[np.float32]:
        """The bounding box of the landmarks in each frame, float32 (N, 4): left, top, right, bottom in pixels."""
        return np.concatenate([self.landmarks.min(axis=1), self.landmarks.max(axis=1)], axis=1)


@dataclass(frozen=True)
class Tracklet:
    """Detections that motion joins without ambiguity.

    Attributes:
        shot: number of the shot that contains them.
        follows: index of the tracklet that this one continues according to motion; None where a face appears.
        indices: of the frames with a detection, increasing.
        faces: the detection in each of these frames.
    """

    shot: int
    follows: int | None
    indices: list[int] = field(default_factory=list)
    faces: list[Face] = field(default_factory=list)

    def add(self, index: int, face: Face) -> None:
        """Append the detection in frame `index`."""
        self.indices.append(index)
        self.faces.append(face)


@dataclass(frozen=True)
class _ActiveTracklet:
    """A tracklet that can still continue.

    Attributes:
        tracklet: its index.
        motion: of its face.
        is_ambiguous: whether its face may be confused with another one.
    """

    tracklet: int
    motion: Motion
    is_ambiguous: bool


def find_tracklets(frames: Iterable[Sequence[Face]], cuts: Sequence[int], max_gap: int) -> list[Tracklet]:
    """Join the faces of consecutive frames by motion.

    A tracklet ends, and another one that follows it begins, in three cases: its face comes so close to another one that
    they may be confused, they part again, or the detector misses the face in between.

    Args:
        frames: the faces of every frame of the clip.
        cuts: indices of the frames that begin a shot, except the first frame.
        max_gap: longest gap between detections, in frames, that a tracklet bridges.

    Returns:
        The tracklets, in order of appearance.
    """
    tracklets: list[Tracklet] = []
    active: list[_ActiveTracklet] = []
    shot, cut_frames = 0, frozenset(cuts)
    for index, faces in enumerate(frames):
        if index in cut_frames:
            shot, active = shot + 1, []
        active = [each for each in active if index - tracklets[each.tracklet].indices[-1] <= max_gap + 1]
        predicted = np.array([each.motion.predict(index) for each in active]).reshape(-1, 4)
        is_ambiguous = ambiguous(predicted)
        unmatched = set(range(len(faces)))
        for row, column in match_boxes(predicted, faces):
            each = active[row]
            has_gap = index - tracklets[each.tracklet].indices[-1] > 1
            if each.is_ambiguous != is_ambiguous[row] or (each.is_ambiguous and has_gap):
                tracklets.append(Tracklet(shot, follows=each.tracklet))
                each = active[row] = replace(each, tracklet=len(tracklets) - 1, is_ambiguous=bool(is_ambiguous[row]))
            tracklets[each.tracklet].add(index, faces[column])
            each.motion.add(index, faces[column])
            unmatched.discard(column)
        for column in sorted(unmatched):
            tracklets.append(Tracklet(shot, None, [index], [faces[column]]))
            motion = Motion.from_detection(index, faces[column])
            active.append(_ActiveTracklet(len(tracklets) - 1, motion, is_ambiguous=False))
    return tracklets
