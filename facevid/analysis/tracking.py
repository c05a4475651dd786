"""What is found in a clip before any model looks at it: its frames' times, its shots, its people's faces."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from facevid.analysis.cuts import CutDetector
from facevid.faces.flow import landmark_flow
from facevid.faces.landmarks import Detector, Face
from facevid.faces.tracking import Track
from facevid.video import Frame


@dataclass(frozen=True)
class Tracking:
    """All faces of a clip.

    Attributes:
        pts: int64 (frames,), every frame's timestamp, in units of the clip's time base.
        cuts: indices of the frames that begin a shot, the first frame aside.
        tracks: in order of appearance.
        descriptors: float64 (people, 128), of the person of each number; NaN of those never seen well enough.
    """

    pts: NDArray[np.int64]
    cuts: tuple[int, ...]
    tracks: tuple[Track, ...]
    descriptors: NDArray[np.float64]

    @property
    def frame_count(self) -> int:
        """Frames decoded."""
        return len(self.pts)

    @property
    def shots(self) -> list[range]:
        """The frames of each shot."""
        return shots_between(self.cuts, self.frame_count)


@dataclass(frozen=True)
class Observed:
    """Every frame's timestamp and faces, and the frames that begin a shot."""

    pts: list[int]
    cuts: tuple[int, ...]
    faces: list[list[Face]]


def shots_between(cuts: Sequence[int], frame_count: int) -> list[range]:
    """Give the frames of each shot of a clip."""
    return [range(a, b) for a, b in pairwise((0, *cuts, frame_count))]


def observe(frames: Iterable[Frame], detector: Detector) -> Observed:
    """Find faces and cuts in every frame; of the pictures, only the last one is kept."""
    cuts, pts, observed = CutDetector(), [], []
    previous: NDArray[np.uint8] | None = None
    for frame in frames:
        picture = frame.rgb()
        cuts.add(picture)
        pts.append(frame.pts)
        faces = detector.detect(picture)
        if previous is not None:
            faces = [replace(face, flow=landmark_flow(previous, picture, face.landmarks)) for face in faces]
        observed.append(faces)
        previous = picture
    return Observed(pts, cuts.cuts(), observed)


def save_tracking(path: Path, tracking: Tracking) -> None:
    """Write to a .npz file."""
    arrays = {
        f"{name}_{index}": getattr(track, name)
        for index, track in enumerate(tracking.tracks)
        for name in ("number", "first", "landmarks", "detected", "scores", "flow")
    }
    cuts = np.array(tracking.cuts, dtype=int)
    np.savez(path, pts=tracking.pts, cuts=cuts, descriptors=tracking.descriptors, **arrays)


def load_tracking(path: Path) -> Tracking:
    """Read what `save_tracking` wrote."""
    with np.load(path) as data:
        tracks = tuple(
            Track(
                int(data[f"number_{index}"]),
                int(data[f"first_{index}"]),
                data[f"landmarks_{index}"],
                data[f"detected_{index}"],
                data[f"scores_{index}"],
                data[f"flow_{index}"],
            )
            for index in range(sum(name.startswith("first_") for name in data))
        )
        return Tracking(data["pts"], tuple(data["cuts"].tolist()), tracks, data["descriptors"])
