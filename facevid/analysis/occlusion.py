"""Occlusion of a track's faces, from the probabilities of an occlusion network and from comparison between frames.

Two sources are combined. The network is precise but seldom covers a whole occluder, so its confident regions are
followed through time for as long as it gives them a small probability. And each frame is compared with reference frames
of the same track: near a probable occluder, a pixel unlike the face in these frames is occluded.
"""

from bisect import bisect
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import ceil
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from facevid.analysis.occlusion_masks import (
    confident_occlusion,
    connected_guesses,
    drop_single_frames,
    face_area,
    find_occluders,
    guess_area,
    occluded_share,
    outline_regions,
    with_neighbour_area,
)
from facevid.analysis.usual_appearance import MASK_SIDE, UsualAppearance, features
from facevid.faces.alignment import landmarks_in_crop
from facevid.utils.atomic_output import atomic_path
from facevid.utils.frame_array import FrameArray
from facevid.utils.progress import Progress

REFERENCE_FRAMES = 32
"""Number of reference frames, the nearest ones, with which each frame is compared."""

REFERENCE_WINDOW = 512
"""Length, in frames, over which these are spread in a long track: light and pose change with time."""

OUTLINE_RADIUS = 12
"""Number of frames before and after each over which the median outline of its face is taken. Landmarks shrink away from
an occluder, as if the face ended there; the median outline does not."""

BLOCK_FRAMES = 256
"""Number of frames whose outlines are computed at once; bounds memory on long tracks."""

MIN_FRAMES = 8
"""Shortest track, in frames, whose frames are compared with each other: a shorter one has too few references."""

MEDIAN_FRAMES = 3
"""Window, in frames, of the median over occlusion probabilities, which drops detections in a single frame."""

HALO_FRAMES = 3
"""Number of frames before and after a frame that its mask depends on: one for the second evaluation, and two for the
frames that are dropped or filled."""

FEATURE_COUNT = 5
"""Number of features of a pixel, as from `usual_appearance.features`."""


def occlusion_features(crop: NDArray[np.uint8], probability: NDArray[np.floating]) -> NDArray[np.float16]:
    """Describe the face of one frame for `OcclusionEstimator`.

    Args:
        crop: uint8 (S, S, 3) RGB.
        probability: (MASK_SIDE, MASK_SIDE), 0 to 1, as from `FaceModel.occlusion_probability`.

    Returns:
        float16 (MASK_SIDE, MASK_SIDE, FEATURE_COUNT + 1): the features of each pixel, and its probability.
    """
    return np.concatenate([features(crop), probability[..., None]], axis=-1).astype(np.float16)


class OcclusionEstimator:
    """Collects the features of one track, then estimates where the face is occluded in each frame.

    The features (48 KiB each) are stored in a file, so that memory does not depend on the track's length:
    only the frames that are compared with each other are read at once.

    Args:
        path: of the file, which `estimate` deletes.
        count: number of frames of the track.
    """

    def __init__(self, path: Path, count: int) -> None:
        self._path = path
        self._features = FrameArray.create(path, np.float16, (count, MASK_SIDE, MASK_SIDE, FEATURE_COUNT + 1))

    def add(self, offset: int, entry: NDArray[np.float16]) -> None:
        """Add the features of one frame; `offset` is its index in the track."""
        self._features[offset] = entry

    def estimate(
        self,
        landmarks: NDArray[np.floating],
        quads: NDArray[np.floating],
        visibility: FrameArray,
        progress: Progress,
        mismatches: Iterable[NDArray[np.bool_]] | None = None,
    ) -> NDArray[np.float32]:
        """Estimate the occlusion of all frames, and delete the file of features.

        Args:
            landmarks: (N, 68, 2) in pixels of the frame.
            quads: (N, 4, 2), of the crops.
            visibility: uint8 (N, MASK_SIDE, MASK_SIDE) in the crop's space; set to 1 where the face is visible, and to
                0 where it is occluded.
            progress: reports each frame, as stage "occlusion".
            mismatches: of all frames, as from `find_mismatches`; None to find them now.

        Returns:
            float32 (N,), share of the face that is occluded, 0 to 1.
        """
        outlines, count = Outlines(landmarks, quads), len(self._features)
        self._follow_confident_regions(outlines, visibility)
        if mismatches is None:
            found = find_mismatches(self._features, outlines, range(count))
            mismatches = progress("occlusion", found, count)
        shares = np.zeros(count, dtype=np.float32)
        for i, mismatch in enumerate(mismatches):
            mask = mismatch | (visibility[i] == 0)
            visibility[i] = ~mask
            shares[i] = occluded_share(mask, outlines[i].own)
        self._features.close()
        self._path.unlink()
        return shares

    def _follow_confident_regions(self, outlines: "Outlines", visibility: FrameArray) -> None:
        """Follow the network's confident regions through time, forwards and backwards, and write their visibility.

        A region continues for as long as the network gives it a small probability, possibly through the whole track.
        So the masks of the forward pass are stored in `visibility` until the backward pass.
        """
        count = len(self._features)
        mask = np.zeros((MASK_SIDE, MASK_SIDE), dtype=bool)
        for i in range(count):
            probability, face = self._median_probability(i), outlines[i].area
            mask = connected_guesses(confident_occlusion(probability, face) | mask, probability, face)
            visibility[i] = mask
        mask[:] = False
        for i in reversed(range(count)):
            probability, face = self._median_probability(i), outlines[i].area
            mask = connected_guesses((visibility[i] > 0) | mask, probability, face)
            visibility[i] = ~outline_regions(mask, probability, face)

    def _median_probability(self, index: int) -> NDArray[np.floating]:
        radius = MEDIAN_FRAMES // 2
        probabilities = self._features[max(index - radius, 0) : index + radius + 1][..., FEATURE_COUNT]
        return np.asarray(np.median(probabilities, axis=0))

    def sync(self) -> None:
        """Make the features that were added visible to other machines."""
        self._features.sync()


def find_mismatches(stored: FrameArray, outlines: "Outlines", frames: range) -> Iterator[NDArray[np.bool_]]:
    """Yield where an occluder hides the face in some frames of a track, by comparison with the reference frames.

    A frame is evaluated a second time if a frame beside it shows an occluder: near that one, an occluder that barely
    reaches into the face is accepted, too.

    Args:
        stored: the features of all frames of the track.
        outlines: of these frames and `HALO_FRAMES` on both sides.
        frames: indices in the track.
    """
    count, appearances = len(stored), _Appearances(stored)
    if count < MIN_FRAMES:
        yield from (np.zeros((MASK_SIDE, MASK_SIDE), dtype=bool) for _ in frames)
        return

    def find(i: int, expected: NDArray[np.bool_] | None = None) -> NDArray[np.bool_]:
        entry, outline = stored[i], outlines[i]
        mismatch = appearances.near(i).mismatch(entry[..., :FEATURE_COUNT])
        return find_occluders(mismatch, outline.own, outline.median, guess_area(entry[..., FEATURE_COUNT]), expected)

    around = range(max(frames.start - HALO_FRAMES, 0), min(frames.stop + HALO_FRAMES, count))
    masks = (
        find(i, near) if near.any() else mask
        for i, (mask, near) in zip(around, with_neighbour_area(map(find, around)), strict=True)
    )
    yield from (mask for i, mask in zip(around, drop_single_frames(masks), strict=True) if i in frames)


@dataclass(frozen=True)
class OcclusionTask:
    """The comparison with reference frames in a segment of a track.

    Attributes:
        features: file of the features of the whole track.
        outlines: landmarks and quads around the segment.
        frames: indices of the segment in the track.
        path: file of the segment: the masks as bits, uint8 (N, MASK_SIDE, MASK_SIDE / 8).
    """

    features: Path
    outlines: "Outlines"
    frames: range
    path: Path


def compare_segment(task: OcclusionTask) -> Iterator[int]:
    """Find the mismatches in a segment of a track, and write them to its file; yield after each frame."""
    masks = []
    for i, mask in zip(
        task.frames, find_mismatches(FrameArray(task.features), task.outlines, task.frames), strict=True
    ):
        masks.append(np.packbits(mask, axis=1))
        yield i
    with atomic_path(task.path, durable=True) as temporary:
        np.save(temporary, np.stack(masks))


def read_mismatches(paths: Sequence[Path]) -> Iterator[NDArray[np.bool_]]:
    """Yield the mismatches of all frames of a track from the files of its segments."""
    for path in paths:
        for mask in np.load(path):
            yield np.unpackbits(mask, axis=1).astype(bool)


@dataclass(frozen=True)
class _Outline:
    """Outline of a face in its crop of MASK_SIDE pixels.

    Attributes:
        own: float64 (68, 2), the landmarks of the frame itself.
        median: float64 (68, 2), the median landmarks of the frames around.
    """

    own: NDArray[np.float64]
    median: NDArray[np.float64]

    @property
    def area(self) -> NDArray[np.bool_]:
        """The pixels inside either outline, bool (MASK_SIDE, MASK_SIDE)."""
        return face_area(self.own, self.median)


class Outlines:
    """The outlines of the frames of a track, computed in blocks; the last two blocks in use are cached.

    Args:
        landmarks: (N, 68, 2) in pixels of the frame.
        quads: (N, 4, 2), of the crops.
        first: index in the track of the first of these frames.
    """

    def __init__(self, landmarks: NDArray[np.floating], quads: NDArray[np.floating], first: int = 0) -> None:
        self._landmarks, self._quads, self._first = landmarks, quads, first
        self._block = lru_cache(maxsize=2)(self._compute_block)

    def __reduce__(self) -> tuple[type["Outlines"], tuple[NDArray[np.floating], NDArray[np.floating], int]]:
        return Outlines, (self._landmarks, self._quads, self._first)

    def around(self, frames: range) -> "Outlines":
        """Return what is needed of the outlines to find the mismatches of some frames."""
        first = max(frames.start - HALO_FRAMES - OUTLINE_RADIUS, 0)
        part = slice(first, frames.stop + HALO_FRAMES + OUTLINE_RADIUS)
        return Outlines(self._landmarks[part], self._quads[part], first)

    def __getitem__(self, index: int) -> _Outline:
        number, offset = divmod(index - self._first, BLOCK_FRAMES)
        own, median = self._block(number)
        return _Outline(own[offset], median[offset])

    def _compute_block(self, number: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        start = number * BLOCK_FRAMES
        first = max(start - OUTLINE_RADIUS, 0)
        padded = slice(first, start + BLOCK_FRAMES + OUTLINE_RADIUS)
        frames = zip(self._landmarks[padded], self._quads[padded], strict=True)
        own = np.stack([landmarks_in_crop(points, quad, MASK_SIDE) for points, quad in frames])
        median = _median_over_time(own)
        block = slice(start - first, start - first + BLOCK_FRAMES)
        return own[block], median[block]


def _median_over_time(outlines: NDArray[np.float64]) -> NDArray[np.float64]:
    if len(outlines) == 1:
        return outlines
    from scipy.ndimage import median_filter  # slow to import, and a still needs no filter over time

    return np.asarray(median_filter(outlines, (2 * OUTLINE_RADIUS + 1, 1, 1), mode="nearest"))


class _Appearances:
    """The appearance of the face around each frame, from reference frames; the last two in use are cached."""

    def __init__(self, stored: FrameArray) -> None:
        step = max(ceil(min(len(stored), REFERENCE_WINDOW) / REFERENCE_FRAMES), 1)
        self._stored = stored
        self._references = range(step // 2, len(stored), step)
        self._from_reference = lru_cache(maxsize=2)(self._compute)

    def near(self, offset: int) -> UsualAppearance:
        """Return the appearance in the reference frames nearest to the frame at `offset`."""
        middle = bisect(self._references, offset)
        last_start = max(len(self._references) - REFERENCE_FRAMES, 0)
        return self._from_reference(min(max(middle - REFERENCE_FRAMES // 2, 0), last_start))

    def _compute(self, first: int) -> UsualAppearance:
        chosen = self._references[first : first + REFERENCE_FRAMES]
        return UsualAppearance.of([self._stored[i][..., :FEATURE_COUNT].astype(np.float32) for i in chosen])
