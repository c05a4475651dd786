"""Crops of the faces in a segment of a clip."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

import cv2
import numpy as np
from numpy.typing import NDArray

from facevid.analysis.segments import SegmentRunner
from facevid.faces.alignment import crop, landmarks_in_crop
from facevid.faces.tracking import Track
from facevid.utils.prefetch import prefetch_map
from facevid.video import Frame

QUAD_MARGIN = 4
"""Pixels around a quad that are converted with it: more than its interpolation reaches."""


@dataclass(frozen=True)
class Crop:
    """An aligned face of one frame.

    Attributes:
        track: index of the track in the list of tracks.
        offset: index of the frame in the track.
        picture: uint8 (S, S, 3) RGB.
        landmarks: float64 (84, 2) in pixel indices of the crop.
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
        landmarks: float64 (N, 84, 2), in pixels of the frame.
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
    """Yield the aligned crops of all tracks, frame by frame. Frames are prefetched: cropped in a thread pool.

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
                crop_quad(frame, each.quads[row], size),
                landmarks_in_crop(each.landmarks[row], each.quads[row], size),
            )
            for each, row in present
        ]

    return chain.from_iterable(prefetch_map(crop_frame, frames))


def crop_quad(frame: Frame, quad: NDArray[np.float64], size: int) -> NDArray[np.uint8]:
    """Crop a quad of a frame, of which only the part around the quad is converted to RGB: uint8 (size, size, 3).

    The warped picture has a fourth channel, because OpenCV warps four channels in half the time of three.
    """
    width, height = frame.square_size
    left, top = (np.floor(quad.min(axis=0)) - QUAD_MARGIN).astype(int).tolist()
    right, bottom = (np.ceil(quad.max(axis=0)) + QUAD_MARGIN).astype(int).tolist()
    if left < 0 or top < 0 or right > width or bottom > height:  # the crop mirrors the frame at its edge
        left, top, right, bottom = 0, 0, width, height
    # A picture of the whole frame, empty elsewhere: the rounding of coordinates depends on the origin.
    picture = np.empty((height, width, 4), np.uint8)
    picture[top:bottom, left:right] = cv2.cvtColor(
        frame.rgb((left, top, right - left, bottom - top)), cv2.COLOR_RGB2RGBA
    )
    return np.asarray(cv2.cvtColor(crop(picture, quad, size), cv2.COLOR_RGBA2RGB), np.uint8)


def faces_by_segment(
    tracks: Sequence[Track],
    quads: Sequence[NDArray[np.float64]],
    landmarks: Sequence[NDArray[np.float64]],
    runner: SegmentRunner,
) -> dict[int, list[FacesOfSegment]]:
    """Divide the faces of tracks among the segments of a clip.

    Args:
        tracks: the tracks.
        quads: float64 (N, 4, 2) of each track, in pixels of the frame.
        landmarks: float64 (N, 84, 2) of each track, in pixels of the frame.
        runner: divides the clip.

    Returns:
        Number of the segment -> its faces.
    """
    divided: dict[int, list[FacesOfSegment]] = {}
    for index, track in enumerate(tracks):
        for frames in runner.segments(track.first, track.last + 1):
            offset = frames.start - track.first
            part = slice(offset, offset + len(frames))
            faces = FacesOfSegment(index, frames.start, offset, quads[index][part], landmarks[index][part])
            divided.setdefault(runner.number(frames.start), []).append(faces)
    return divided
