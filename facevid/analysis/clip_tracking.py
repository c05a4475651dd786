"""Tracking of a clip: timestamps of its frames, cuts, and tracks of its people. It does not depend on a face model."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from facevid.faces.detector import Face
from facevid.faces.identity import SIZE, View, choose_views
from facevid.faces.people import find_people
from facevid.faces.splitting import split_by_identity
from facevid.faces.tracking import Track, find_tracklets
from facevid.video.reader.timeline import Timeline


@dataclass(frozen=True)
class Tracking:
    """All faces of a clip.

    Attributes:
        pts: int64 (frames,), timestamp of every frame, in units of the clip's time base.
        cuts: indices of the frames that begin a shot, except the first frame.
        tracks: in order of appearance.
        descriptors: float64 (people, 128), indexed by person; NaN for a person without a view good enough for a
            descriptor.
        checksums: uint32 (frames,), of every frame's samples; None if they are not known.
    """

    pts: NDArray[np.int64]
    cuts: tuple[int, ...]
    tracks: tuple[Track, ...]
    descriptors: NDArray[np.float64]
    checksums: NDArray[np.uint32] | None = None

    @property
    def timeline(self) -> Timeline:
        """The timestamps and checksums of all frames, by which parts of the clip are read."""
        return Timeline(self.pts, self.checksums)

    @property
    def frame_count(self) -> int:
        """Number of decoded frames."""
        return len(self.pts)

    @property
    def shots(self) -> list[range]:
        """The frames of each shot."""
        return shots_between(self.cuts, self.frame_count)


def shots_between(cuts: Sequence[int], frame_count: int) -> list[range]:
    """Return the frames of each shot of a clip."""
    return [range(a, b) for a, b in pairwise((0, *cuts, frame_count))]


def track_faces(
    faces: Sequence[Sequence[Face]],
    timeline: Timeline,
    cuts: tuple[int, ...],
    max_gap: int,
    describe: Callable[[Sequence[View]], NDArray[np.float64]] | None = None,
) -> Tracking:
    """Join the faces of all frames into tracks, and identify the people.

    Args:
        faces: of every frame.
        timeline: timestamps of all frames.
        cuts: indices of the frames that begin a shot, except the first frame.
        max_gap: longest gap between detections, in frames, that a track bridges.
        describe: computes the descriptors of views, float64 (len(views), 128); None joins faces by motion alone.
    """
    tracklets = find_tracklets(faces, cuts, max_gap)
    chosen = [choose_views(tracklet) if describe else [] for tracklet in tracklets]
    views = [(each.indices[i], each.faces[i]) for each, own in zip(tracklets, chosen, strict=True) for i in own]
    descriptors = describe(views) if describe else np.zeros((0, SIZE))
    ends = np.cumsum([len(own) for own in chosen], dtype=int)
    parts, part_descriptors = split_by_identity(tracklets, chosen, np.split(descriptors, ends)[: len(tracklets)])
    tracks, people = find_people(parts, part_descriptors, shots_between(cuts, len(timeline)), max_gap)
    return Tracking(timeline.pts, cuts, tuple(tracks), people, timeline.checksums)


def save_tracking(path: Path, tracking: Tracking) -> None:
    """Write tracking to an .npz file."""
    arrays = {
        f"{name}_{index}": getattr(track, name)
        for index, track in enumerate(tracking.tracks)
        for name in ("person", "first", "landmarks", "detected", "scores", "flow")
    }
    cuts = np.array(tracking.cuts, dtype=int)
    if tracking.checksums is not None:
        arrays["checksums"] = tracking.checksums
    np.savez(path, pts=tracking.pts, cuts=cuts, descriptors=tracking.descriptors, **arrays)


def load_tracking(path: Path) -> Tracking:
    """Read an .npz file written by `save_tracking`."""
    with np.load(path) as data:
        tracks = tuple(
            Track(
                int(data[f"person_{index}"]),
                int(data[f"first_{index}"]),
                data[f"landmarks_{index}"],
                data[f"detected_{index}"],
                data[f"scores_{index}"],
                data[f"flow_{index}"],
            )
            for index in range(sum(name.startswith("first_") for name in data))
        )
        checksums = data.get("checksums")
        return Tracking(data["pts"], tuple(data["cuts"].tolist()), tracks, data["descriptors"], checksums)
