"""From the faces of single frames to tracks: one person's face through consecutive frames of one shot.

Motion alone joins faces into tracklets, which end where two faces cross and could be mixed up; `faces.people` makes
tracks of them. A track bridges short misses by a straight line between its neighbours. It ends at a cut, and where a
miss lasts too long.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from facevid.faces.association import Motion, crowded, pair
from facevid.faces.landmarks import Face


@dataclass(frozen=True)
class Track:
    """One face through the frames `first` to `first + len(landmarks) - 1` of a clip.

    Attributes:
        number: the person's: 0, 1, 2, ... in order of appearance. Tracks of one number never overlap in time.
        first: index of the track's first frame.
        landmarks: float32 (N, 68, 2) in pixels of the frame; in frames without a detection, interpolated.
        detected: bool (N,), False where the detector missed the face.
        scores: float32 (N,), the detector's confidence, 0 where it missed the face.
        flow: float32 (N, 68, 2), how far each landmark moved from the frame before, in pixels, by optical flow; NaN
            where it was lost, or the face missed.
    """

    number: int
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

    @property
    def boxes(self) -> NDArray[np.float32]:
        """Smallest boxes around the landmarks, (N, 4): left, top, right, bottom."""
        return np.concatenate([self.landmarks.min(axis=1), self.landmarks.max(axis=1)], axis=1)


@dataclass(frozen=True)
class Tracklet:
    """Faces that motion joins without doubt.

    Attributes:
        shot: number of the shot that they are in.
        follows: index of the tracklet that this one goes on with, as far as motion tells; None where a face appears.
        indices: frames in which the detector found the face, rising.
        faces: what it found there.
    """

    shot: int
    follows: int | None
    indices: list[int] = field(default_factory=list)
    faces: list[Face] = field(default_factory=list)

    def add(self, index: int, face: Face) -> None:
        """Go on with a face that was detected in frame `index`."""
        self.indices.append(index)
        self.faces.append(face)


@dataclass(frozen=True)
class _Alive:
    """A face that is being followed: the index of its tracklet, how it moves, whether another one is in its way."""

    tracklet: int
    motion: Motion
    is_crowded: bool


def find_tracklets(frames: Iterable[Sequence[Face]], cuts: Sequence[int], max_gap: int) -> list[Tracklet]:
    """Join the faces of consecutive frames by motion.

    Args:
        frames: for every frame of the clip its faces.
        cuts: indices of the frames that begin a shot, the first frame aside.
        max_gap: longest miss, in frames, that a tracklet survives.

    Returns:
        The tracklets, in order of appearance. One ends, and another follows it, where a face comes so near that the two
        may be taken for each other, where they part, and where one is missed in between.
    """
    found: list[Tracklet] = []
    alive: list[_Alive] = []
    shot, begins = 0, frozenset(cuts)
    for index, faces in enumerate(frames):
        if index in begins:
            shot, alive = shot + 1, []
        alive = [each for each in alive if index - found[each.tracklet].indices[-1] <= max_gap + 1]
        expected = np.array([each.motion.expected(index) for each in alive]).reshape(-1, 4)
        is_crowded = crowded(expected)
        unmatched = set(range(len(faces)))
        for row, column in pair(expected, faces):
            each = alive[row]
            was_missed = index - found[each.tracklet].indices[-1] > 1
            if each.is_crowded != is_crowded[row] or (each.is_crowded and was_missed):
                found.append(Tracklet(shot, follows=each.tracklet))
                each = alive[row] = replace(each, tracklet=len(found) - 1, is_crowded=bool(is_crowded[row]))
            found[each.tracklet].add(index, faces[column])
            each.motion.add(index, faces[column])
            unmatched.discard(column)
        for column in sorted(unmatched):
            found.append(Tracklet(shot, None, [index], [faces[column]]))
            alive.append(_Alive(len(found) - 1, Motion.of(index, faces[column]), is_crowded=False))
    return found


def largest_tracks(tracks: Sequence[Track], shots: Iterable[range]) -> list[Track]:
    """Choose in every shot the tracks of the person whose face fills most of the picture over the shot's length."""
    chosen = []
    for shot in shots:
        inside = [track for track in tracks if track.first in shot]
        edit_weights: dict[int, float] = {}
        for track in inside:
            edit_weights[track.number] = edit_weights.get(track.number, 0.0) + _area(track)
        if inside:
            largest = max(edit_weights, key=edit_weights.__getitem__)
            chosen += [track for track in inside if track.number == largest]
    return chosen


def _area(track: Track) -> float:
    """Sum the areas of a track's boxes."""
    left, top, right, bottom = track.boxes.T
    return float(((right - left) * (bottom - top)).sum())
