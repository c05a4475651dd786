"""One face of a clip, as the pictures, the numbers and the JSON of an inspection all show it."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from facevid.faces.alignment import quad_side
from facevid.faces.tracking import Track


@dataclass(frozen=True)
class InspectedTrack:
    """A track, where the edit would crop it, and whether it would.

    Attributes:
        track: the face's landmarks, as they were detected or bridged; not smoothed.
        quads: float64 (N, 4, 2), smoothed over time as for an edit; corners as from `faces.alignment.ffhq_quad`.
        edited: whether `facevid edit` would edit this face when asked the same way.
    """

    track: Track
    quads: NDArray[np.floating]
    edited: bool

    @property
    def detected(self) -> int:
        """Frames in which the detector found the face; in the others it was bridged."""
        return int(self.track.detected.sum())

    @cached_property
    def size(self) -> float:
        """Median side of the quad, in pixels."""
        return float(np.median(quad_side(self.quads)))

    @cached_property
    def longest_gap(self) -> int:
        """Frames of the longest miss that was bridged."""
        return int(np.diff(np.flatnonzero(self.track.detected)).max(initial=1)) - 1

    def offset(self, frame: int) -> int | None:
        """Return which entry of the track belongs to a frame of the clip; None where the face is not there."""
        return frame - self.track.first if self.track.first <= frame <= self.track.last else None
