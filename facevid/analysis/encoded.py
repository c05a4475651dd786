"""Encoded tracks: aligned crops of a track's faces, their codes, and where each face is visible."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np
from numpy.typing import DTypeLike, NDArray

from facevid.faces.alignment import crop, landmarks_in_crop
from facevid.faces.tracking import Track
from facevid.utils.frame_array import FrameArray, FramesArray
from facevid.utils.prefetch import prefetch_map
from facevid.video import Frame

QUAD_MARGIN = 4
"""Pixels around a quad that are converted with it: more than its interpolation reaches."""


@dataclass(frozen=True)
class EncodedTrack:
    """A track, aligned and encoded; N is its number of frames.

    Attributes:
        track: the detected landmarks.
        quads: float64 (N, 4, 2), stabilised; corners as from `faces.alignment.ffhq_quad`.
        landmarks: float64 (N, 68, 2) in pixels of the frame, stabilised.
        edit_weights: float32 (N,), how much of an edit each frame takes, 0 to 1.
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


@dataclass(frozen=True)
class Crop:
    """An aligned face of one frame.

    Attributes:
        track: index of the track in the list of tracks.
        offset: index of the frame in the track.
        picture: uint8 (S, S, 3) RGB.
        landmarks: float64 (68, 2) in pixel indices of the crop.
    """

    track: int
    offset: int
    picture: NDArray[np.uint8]
    landmarks: NDArray[np.float64]


@dataclass(frozen=True)
class FacesOfSegment:
    """A track's faces in the frames of a segment; N is their number.

    Attributes:
        track: index of the track in the list of tracks.
        first: index of the first frame.
        offset: index of this frame in the track.
        quads: float64 (N, 4, 2), in pixels of the frame.
        landmarks: float64 (N, 68, 2), in pixels of the frame.
    """

    track: int
    first: int
    offset: int
    quads: NDArray[np.float64]
    landmarks: NDArray[np.float64]

    @property
    def stop(self) -> int:
        """Index after the last frame."""
        return self.first + len(self.quads)


def crops(frames: Iterable[Frame], faces: Sequence[FacesOfSegment], size: int) -> Iterator[Crop]:
    """Yield the aligned crops of all tracks, frame by frame. Frames are cropped in a thread pool, ahead of their use.

    Args:
        frames: the clip's frames, in order.
        faces: the faces to crop.
        size: side of the crops in pixels.
    """

    def crop_frame(frame: Frame) -> list[Crop]:
        present = [(each, frame.index - each.first) for each in faces if each.first <= frame.index < each.stop]
        return [
            Crop(
                each.track,
                each.offset + row,
                _crop_quad(frame, each.quads[row], size),
                landmarks_in_crop(each.landmarks[row], each.quads[row], size),
            )
            for each, row in present
        ]

    return chain.from_iterable(prefetch_map(crop_frame, frames))


def _crop_quad(frame: Frame, quad: NDArray[np.float64], size: int) -> NDArray[np.uint8]:
    """Crop a quad of a frame, of which only the part around the quad is converted to RGB."""
    width, height = frame.square_size
    left, top = (np.floor(quad.min(axis=0)) - QUAD_MARGIN).astype(int).tolist()
    right, bottom = (np.ceil(quad.max(axis=0)) + QUAD_MARGIN).astype(int).tolist()
    if left < 0 or top < 0 or right > width or bottom > height:  # the crop mirrors the frame at its edge
        return crop(frame.rgb(), quad, size)
    # A picture of the whole frame, empty elsewhere: the rounding of coordinates depends on the origin.
    picture = np.empty((height, width, 3), np.uint8)
    picture[top:bottom, left:right] = frame.rgb((left, top, right - left, bottom - top))
    return crop(picture, quad, size)
