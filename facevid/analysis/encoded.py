"""Tracks as a model sees them: aligned and encoded, and what of each face is to be seen."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import DTypeLike, NDArray

from facevid.faces.alignment import crop, landmarks_in_crop
from facevid.faces.tracking import Track
from facevid.utils.frame_array import FrameArray, FramesArray
from facevid.video import Frame


@dataclass(frozen=True)
class EncodedTrack:
    """A track, aligned and encoded.

    Attributes:
        track: the face's landmarks.
        quads: float64 (N, 4, 2), steady; corners as from `faces.alignment.ffhq_quad`.
        landmarks: float64 (N, 68, 2) in pixels of the frame, steady.
        edit_weights: float32 (N,), how much of an edit each frame takes, 0 to 1.
        codes: float32 (N, L, D) W+ codes, not smoothed; in a file.
        visibility: uint8 (N, V, V) in the crop's space, 1 where the face is to be seen and 0 where something is before
            it, in a file; None where nobody looked.
    """

    track: Track
    quads: NDArray[np.float64]
    landmarks: NDArray[np.float64]
    edit_weights: NDArray[np.float32]
    codes: FramesArray
    visibility: FramesArray | None = None


class TrackFiles:
    """What is cached of a track: arrays of one entry a frame, by name."""

    def __init__(self, folder: Path, track: Track) -> None:
        self._folder, self._label = folder, f"{track.number}_{track.first}"
        self._frames = len(track)
        self._written: dict[str, FrameArray] = {}

    def path(self, name: str) -> Path:
        """Return where the array of this name lies."""
        return self._folder / f"{name}_{self._label}.npy"

    def create(self, name: str, dtype: DTypeLike, *entry: int) -> FrameArray:
        """Make an array of zeros, of which a frame's entry has the shape `entry`."""
        return FrameArray.create(self.path(name), dtype, (self._frames, *entry))

    def write(self, name: str, offset: int, value: NDArray[np.generic]) -> None:
        """Write one frame's entry; the first one says shape and dtype."""
        if name not in self._written:
            self._written[name] = self.create(name, value.dtype, *value.shape)
        self._written[name][offset] = value

    def read(self, name: str) -> FrameArray:
        """Open an array for reading."""
        return FrameArray(self.path(name))


@dataclass(frozen=True)
class Crop:
    """An aligned face.

    Attributes:
        track, offset: of which track, and of which of its frames.
        picture: uint8 (S, S, 3) RGB.
        landmarks: float64 (68, 2), as indices of its pixels.
    """

    track: int
    offset: int
    picture: NDArray[np.uint8]
    landmarks: NDArray[np.float64]


def crops(
    frames: Iterable[Frame],
    tracks: list[Track],
    quads: list[NDArray[np.float64]],
    landmarks: list[NDArray[np.float64]],
    size: int,
) -> Iterator[Crop]:
    """Cut the tracks' faces, of `size` pixels, out of a clip's frames as they come.

    Args:
        frames: of the clip.
        tracks: whose faces.
        quads, landmarks: of each track, in pixels of the frame, (N, 4, 2) and (N, 68, 2).
        size: side of the crops.
    """
    for frame in frames:
        present = [i for i, track in enumerate(tracks) if track.first <= frame.index <= track.last]
        if present:
            picture = frame.rgb()
        for i in present:
            offset = frame.index - tracks[i].first
            quad = quads[i][offset]
            yield Crop(i, offset, crop(picture, quad, size), landmarks_in_crop(landmarks[i][offset], quad, size))
