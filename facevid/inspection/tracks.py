"""Tracks and people with the measures that every output of an inspection shows.

In `facevid.faces.tracking.Track` a frame is its index in the clip, from 0. Outputs show frame numbers, as
`facevid edit --frames` takes them: the index plus the clip's first number.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from facevid.faces.alignment import quad_side
from facevid.faces.pose import yaw
from facevid.faces.tracking import Track


@dataclass(frozen=True)
class InspectedTrack:
    """A track, its quads, and whether an edit with the same options would edit it.

    Below, N is the number of frames of the track. A frame is bridged if the detector missed the face in it and the
    tracker interpolated the landmarks.

    Attributes:
        track: landmarks as detected or bridged, not smoothed. Its frames are indices.
        quads: float64 (N, 4, 2), corners of the crops in pixels of the frame, smoothed over time as for an edit, in
            the order of `faces.alignment.ffhq_quad`.
        edited: whether `facevid edit` with the same options would edit this face.
        first_number: number of the clip's first frame, as in `ClipInfo`.
    """

    track: Track
    quads: NDArray[np.floating]
    edited: bool
    first_number: int = 0

    @property
    def first(self) -> int:
        """Number of the track's first frame."""
        return self.first_number + self.track.first

    @property
    def last(self) -> int:
        """Number of the track's last frame."""
        return self.first_number + self.track.last

    @property
    def detected(self) -> int:
        """Number of frames in which the detector found the face; the others are bridged."""
        return int(self.track.detected.sum())

    @property
    def scores(self) -> NDArray[np.float32]:
        """Confidence of the detector in each frame, float32 (N,)."""
        return self.track.scores

    @cached_property
    def sizes(self) -> NDArray[np.float64]:
        """Side of the quad in each frame, float64 (N,), in pixels."""
        return quad_side(self.quads)

    @cached_property
    def size(self) -> float:
        """Median side of the quad, in pixels."""
        return float(np.median(self.sizes))

    @cached_property
    def yaw(self) -> NDArray[np.float64]:
        """Yaw of the face in each frame, float64 (N,), in degrees, as `faces.pose.yaw` defines it."""
        return yaw(self.track.landmarks)

    @cached_property
    def jitter(self) -> NDArray[np.float64]:
        """Jitter of the quad in each frame, float64 (N,), in pixels; 0 in the first and the last frame.

        Jitter is the length of the second difference of a corner's position over time, averaged over the four
        corners. It is 0 for motion at constant velocity.
        """
        jitter = np.zeros(len(self.quads))
        if len(jitter) > 2:
            jitter[1:-1] = np.linalg.norm(np.diff(self.quads, 2, axis=0), axis=-1).mean(axis=-1)
        return jitter

    @property
    def gaps(self) -> list[tuple[int, int]]:
        """Runs of bridged frames, each as the offsets of its first and last frame within the track."""
        return runs(~self.track.detected)

    @cached_property
    def longest_gap(self) -> int:
        """Length of the longest run of bridged frames, in frames."""
        return max((last - first + 1 for first, last in self.gaps), default=0)

    def offset(self, index: int) -> int | None:
        """Return the offset within the track of the clip's frame `index`; None outside of the track."""
        return index - self.track.first if self.track.first <= index <= self.track.last else None


@dataclass(frozen=True)
class InspectedPerson:
    """All tracks of one person. `len` is the number of their frames.

    Attributes:
        number: number of the person, as `facevid edit --face` takes it.
        tracks: in order of time.
    """

    number: int
    tracks: tuple[InspectedTrack, ...]

    def __len__(self) -> int:
        return sum(len(inspected.track) for inspected in self.tracks)

    @property
    def detected(self) -> int:
        """Number of frames in which the detector found the face; the others are bridged."""
        return sum(inspected.detected for inspected in self.tracks)

    @property
    def is_edited(self) -> bool:
        """Whether `facevid edit` with the same options would edit any of the tracks."""
        return any(inspected.edited for inspected in self.tracks)

    @property
    def edited(self) -> str:
        """Whether `facevid edit` with the same options would edit all, none or some of the tracks.

        "yes", "no" or "in part".
        """
        if not self.is_edited:
            return "no"
        return "yes" if all(inspected.edited for inspected in self.tracks) else "in part"

    @property
    def size(self) -> float:
        """Median side of the quad, in pixels."""
        return float(np.median(np.concatenate([inspected.sizes for inspected in self.tracks])))

    @property
    def longest_gap(self) -> int:
        """Length of the longest run of bridged frames, in frames."""
        return max(inspected.longest_gap for inspected in self.tracks)

    def frame_ranges(self, limit: int) -> str:
        """Return the frame numbers of the first `limit` tracks: "0-18, 82-210, ..."."""
        ranges = [f"{inspected.first}-{inspected.last}" for inspected in self.tracks[:limit]]
        return ", ".join([*ranges, *(["..."] if len(self.tracks) > limit else [])])


def people_in(tracks: Iterable[InspectedTrack]) -> list[InspectedPerson]:
    """Group tracks, given in order of time, by person; return the people in order of their numbers."""
    tracks_by_number: dict[int, list[InspectedTrack]] = {}
    for inspected in tracks:
        tracks_by_number.setdefault(inspected.track.person, []).append(inspected)
    return [InspectedPerson(number, tuple(tracks_by_number[number])) for number in sorted(tracks_by_number)]


def runs(mask: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Return the first and the last index of each run of True in `mask`, bool (N,)."""
    edges = np.flatnonzero(np.diff(mask.astype(np.int8), prepend=0, append=0))
    return [(first, end - 1) for first, end in edges.reshape(-1, 2).tolist()]


def coverage(frame_count: int, tracks: Iterable[Track]) -> NDArray[np.bool_]:
    """Return which frames of a clip lie within any of `tracks`, bool (frame_count,)."""
    is_covered = np.zeros(frame_count, dtype=bool)
    for track in tracks:
        is_covered[track.first : track.last + 1] = True
    return is_covered
