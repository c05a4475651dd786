"""Encoded tracks: quads, landmarks and codes of a track's faces, and where each face is visible."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import DTypeLike, NDArray

from facevid.faces.tracking import Track
from facevid.utils.frame_array import FrameArray, FramesArray


@dataclass(frozen=True)
class EncodedTrack:
    """A track, aligned and encoded; N is its number of frames.

    Attributes:
        track: the detected landmarks.
        quads: float64 (N, 4, 2), stabilised; corners as from `faces.alignment.ffhq_quad`.
        landmarks: float64 (N, 84, 2) in pixels of the frame, stabilised.
        edit_weights: float32 (N,), share of an edit that applies in each frame, 0 to 1.
        codes: float32 (N, L, D) W+ codes, not smoothed; in a file.
        visibility: uint8 (N, V, V) in the crop's space, 1 where the face is visible and 0 where it is occluded; in a
            file. None if occlusion was not estimated.
    """

    track: Track
    quads: NDArray[np.float64]
    landmarks: NDArray[np.float64]
    edit_weights: NDArray[np.float32]
    codes: FramesArray
    visibility: FramesArray | None = None

    def part(self, rows: slice) -> "EncodedTrack":
        """Return some frames of the track, in memory; `rows` counts from the start of the track."""
        return EncodedTrack(
            self.track.part(rows),
            self.quads[rows],
            self.landmarks[rows],
            self.edit_weights[rows],
            np.asarray(self.codes[rows]),
            None if self.visibility is None else np.asarray(self.visibility[rows]),
        )


class TrackFiles:
    """The cached arrays of one track, one `.npy` file for each name, with one entry for each frame of the track."""

    def __init__(self, folder: Path, track: Track) -> None:
        self._folder, self._label = folder, f"{track.person}_{track.first}"
        self._frame_count = len(track)
        self._written: dict[str, FrameArray] = {}

    def path(self, name: str) -> Path:
        """Return the path of the array `name`."""
        return self._folder / f"{name}_{self._label}.npy"

    def create(self, name: str, dtype: DTypeLike, *entry_shape: int) -> FrameArray:
        """Create an array of zeros, (N, *entry_shape)."""
        return FrameArray.create(self.path(name), dtype, (self._frame_count, *entry_shape))

    def write(self, name: str, offset: int, value: NDArray[np.generic]) -> None:
        """Write the entry of one frame. The first one written determines the array's shape and dtype."""
        if name not in self._written:
            self._written[name] = self.create(name, value.dtype, *value.shape)
        self._written[name][offset] = value

    def read(self, name: str) -> FrameArray:
        """Open an array for reading."""
        return FrameArray(self.path(name))
