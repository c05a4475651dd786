"""Tracks and people of a clip, as the pictures, the numbers and the JSON of an inspection all show them.

Inside, a frame is an index of the clip; shown is the frame's number, as `facevid edit --frames` takes it.
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
    """A track, where the edit would crop it, and whether it would.

    Attributes:
        track: the face's landmarks, as they were detected or bridged; not smoothed. Its frames are indices.
        quads: float64 (N, 4, 2), smoothed over time as for an edit; corners as from `faces.alignment.ffhq_quad`.
        edited: whether `facevid edit` would edit this face when asked the same way.
        first_number: of the clip, as in `ClipInfo`: the number of the frame of index 0.
    """

    track: Track
    quads: NDArray[np.floating]
    edited: bool
    first_number: int = 0

    @property
    def first(self) -> int:
        """Number of its first frame."""
        return self.first_number + self.track.first

    @property
    def last(self) -> int:
        """Number of its last frame."""
        return self.first_number + self.track.last

    @property
    def detected(self) -> int:
        """Frames in which the detector found the face; in the others it was bridged."""
        return int(self.track.detected.sum())

    @property
    def scores(self) -> NDArray[np.float32]:
        """The detector's confidence in every frame, (N,)."""
        return self.track.scores

    @cached_property
    def sizes(self) -> NDArray[np.float64]:
        """Side of the quad in every frame, (N,), in pixels."""
        return quad_side(self.quads)

    @cached_property
    def size(self) -> float:
        """Median side of the quad, in pixels."""
        return float(np.median(self.sizes))

    @cached_property
    def yaw(self) -> NDArray[np.float64]:
        """How far the face is turned in every frame, (N,), in degrees, as from `faces.pose.yaw`."""
        return yaw(self.track.landmarks)

    @cached_property
    def jitter(self) -> NDArray[np.float64]:
        """How far the quad's corners are off steady motion in every frame, (N,), in pixels.

        The length of their second difference over time, averaged over the four; 0 at the ends of the track.
        """
        jitter = np.zeros(len(self.quads))
        if len(jitter) > 2:
            jitter[1:-1] = np.linalg.norm(np.diff(self.quads, 2, axis=0), axis=-1).mean(axis=-1)
        return jitter

    @property
    def gaps(self) -> list[tuple[int, int]]:
        """The misses that were bridged, as the first and last entry of each."""
        return runs(~self.track.detected)

    @cached_property
    def longest_gap(self) -> int:
        """Frames of the longest miss that was bridged."""
        return max((last - first + 1 for first, last in self.gaps), default=0)

    def offset(self, index: int) -> int | None:
        """Return which entry of the track belongs to a frame of the clip; None where the face is not there."""
        return index - self.track.first if self.track.first <= index <= self.track.last else None


@dataclass(frozen=True)
class InspectedPerson:
    """All tracks of one number.

    Attributes:
        number: as `facevid edit --face` takes it.
        tracks: in order of time.
    """

    number: int
    tracks: tuple[InspectedTrack, ...]

    def __len__(self) -> int:
        return sum(len(each.track) for each in self.tracks)

    @property
    def detected(self) -> int:
        """Frames in which the detector found the face."""
        return sum(each.detected for each in self.tracks)

    @property
    def is_edited(self) -> bool:
        """Whether any of the tracks would be edited."""
        return any(each.edited for each in self.tracks)

    @property
    def edited(self) -> str:
        """Whether `facevid edit` would edit this person when asked the same way: "yes", "no", or "in part"."""
        if not self.is_edited:
            return "no"
        return "yes" if all(each.edited for each in self.tracks) else "in part"

    @property
    def size(self) -> float:
        """Median side of the quad, in pixels."""
        return float(np.median(np.concatenate([each.sizes for each in self.tracks])))

    @property
    def longest_gap(self) -> int:
        """Frames of the longest miss that was bridged."""
        return max(each.longest_gap for each in self.tracks)

    def where(self, most: int) -> str:
        """Name the frames of the first `most` tracks: "0-18, 82-210, ..."."""
        told = [f"{each.first}-{each.last}" for each in self.tracks[:most]]
        return ", ".join([*told, *(["..."] if len(self.tracks) > most else [])])


def people_in(tracks: Iterable[InspectedTrack]) -> list[InspectedPerson]:
    """Put the tracks, in order of appearance, of each person together; in order of their numbers."""
    found: dict[int, list[InspectedTrack]] = {}
    for each in tracks:
        found.setdefault(each.track.number, []).append(each)
    return [InspectedPerson(number, tuple(found[number])) for number in sorted(found)]


def runs(mask: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Return the first and last index of every stretch in which `mask`, (N,), is set."""
    edges = np.flatnonzero(np.diff(mask.astype(np.int8), prepend=0, append=0))
    return [(first, end - 1) for first, end in edges.reshape(-1, 2).tolist()]


def covered(frame_count: int, tracks: Iterable[Track]) -> NDArray[np.bool_]:
    """Tell for each frame of a clip, bool (frame_count,), whether any of `tracks` reaches it."""
    is_covered = np.zeros(frame_count, dtype=bool)
    for track in tracks:
        is_covered[track.first : track.last + 1] = True
    return is_covered
