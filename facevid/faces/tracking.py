"""From the faces of single frames to tracks: one person's face through consecutive frames of one shot.

A track bridges short misses by a straight line between its neighbours. It ends at a cut, and where a miss lasts too
long.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from facevid.faces.landmarks import Face

MIN_OVERLAP = 0.2
"""Intersection over union of two boxes in consecutive frames that can still be the same face."""


@dataclass(frozen=True)
class Track:
    """One face through the frames `first` to `first + len(landmarks) - 1` of a clip.

    Attributes:
        number: 0, 1, 2, ... in order of appearance.
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
        """Left, top, right, bottom of the landmarks, float32 (N, 4)."""
        return np.concatenate([self.landmarks.min(axis=1), self.landmarks.max(axis=1)], axis=1)


@dataclass
class _Growing:
    indices: list[int] = field(default_factory=list)
    faces: list[Face] = field(default_factory=list)

    def finish(self, number: int) -> Track:
        first, last = self.indices[0], self.indices[-1]
        known = np.array(self.indices) - first
        stacked = np.stack([face.landmarks for face in self.faces]).reshape(len(known), -1)
        every = np.arange(last - first + 1)
        filled = np.stack([np.interp(every, known, column) for column in stacked.T], axis=1)
        detected = np.zeros(len(every), dtype=bool)
        detected[known] = True
        scores = np.zeros(len(every), dtype=np.float32)
        scores[known] = [face.score for face in self.faces]
        flow = np.full((len(every), 68, 2), np.nan, dtype=np.float32)
        for index, face in zip(known, self.faces, strict=True):
            if face.flow is not None:
                flow[index] = face.flow
        return Track(number, first, filled.reshape(-1, 68, 2).astype(np.float32), detected, scores, flow)


def track_faces(frames: Iterable[tuple[list[Face], bool]], max_gap: int) -> list[Track]:
    """Join the faces of consecutive frames into tracks.

    Args:
        frames: for every frame of the clip its faces, and whether a cut comes right before it.
        max_gap: longest miss, in frames, that a track survives.

    Returns:
        The tracks, in order of appearance.
    """
    grown: list[_Growing] = []
    alive: list[_Growing] = []
    for index, (faces, cut) in enumerate(frames):
        alive = [] if cut else [track for track in alive if index - track.indices[-1] <= max_gap + 1]
        unmatched = set(range(len(faces)))
        for track, chosen in list(_match(alive, faces)):
            track.indices.append(index)
            track.faces.append(faces[chosen])
            unmatched.discard(chosen)
        newborn = [_Growing([index], [faces[i]]) for i in sorted(unmatched)]
        alive += newborn
        grown += newborn
    return [track.finish(number) for number, track in enumerate(grown)]


def largest_tracks(tracks: list[Track], shots: Iterable[range]) -> list[Track]:
    """Choose in every shot the face that fills most of the picture over the shot's length."""
    chosen = []
    for shot in shots:
        inside = [track for track in tracks if track.first in shot]
        if inside:
            chosen.append(max(inside, key=_presence))
    return chosen


def _presence(track: Track) -> float:
    left, top, right, bottom = track.boxes.T
    return float(((right - left) * (bottom - top)).sum())


def _match(tracks: list[_Growing], faces: list[Face]) -> Iterator[tuple[_Growing, int]]:
    """Pair tracks with faces so that the overlaps add up to the most."""
    if not tracks or not faces:
        return
    old = np.array([_box(track.faces[-1]) for track in tracks])
    new = np.array([_box(face) for face in faces])
    overlap = _intersection_over_union(old, new)
    for row, column in zip(*linear_sum_assignment(-overlap), strict=True):
        if overlap[row, column] >= MIN_OVERLAP:
            yield tracks[row], int(column)


def _box(face: Face) -> NDArray[np.float32]:
    return np.concatenate([face.landmarks.min(axis=0), face.landmarks.max(axis=0)])


def _intersection_over_union(a: NDArray[np.float32], b: NDArray[np.float32]) -> NDArray[np.float32]:
    """Compare every box of `a` (N, 4) with every box of `b` (M, 4); gives (N, M)."""
    top_left = np.maximum(a[:, None, :2], b[None, :, :2])
    bottom_right = np.minimum(a[:, None, 2:], b[None, :, 2:])
    shared = np.clip(bottom_right - top_left, 0, None).prod(axis=-1)
    areas = [(boxes[:, 2:] - boxes[:, :2]).prod(axis=-1) for boxes in (a, b)]
    return shared / np.maximum(areas[0][:, None] + areas[1][None, :] - shared, 1e-6)
