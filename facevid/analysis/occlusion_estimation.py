"""Occlusion of a track's faces, from the probabilities of an occlusion network and from comparison between frames.

Two sources are combined. The network is precise but seldom covers a whole occluder, so its confident regions are
followed through time as long as their probability stays above a low threshold. And each frame is compared with
reference frames of the same track: near a probable occluder, a pixel that differs from them is occluded.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from facevid.analysis.occlusion_masks import (
    confident_occlusion,
    connected_regions,
    drop_single_frames,
    face_area,
    find_occluders,
    occluded_share,
    outline_regions,
    search_area,
    with_neighbour_area,
)
from facevid.analysis.reference_appearance import (
    FEATURE_COUNT,
    MASK_SIDE,
    ReferenceAppearance,
    ReferenceAppearances,
    features,
)
from facevid.faces.alignment import landmarks_in_crop
from facevid.utils.atomic_output import atomic_path
from facevid.utils.frame_array import FrameArray
from facevid.utils.prefetch import prefetch_map
from facevid.utils.progress import Progress

OUTLINE_RADIUS = 12
"""Half-window, in frames, of the median outline of a face: landmarks shrink away from occluders, the median does
not."""

OUTLINE_BLOCK_FRAMES = 256
"""Number of frames whose outlines are computed at once; bounds memory on long tracks."""

MIN_TRACK_FRAMES = 8
"""Shortest track, in frames, whose frames are compared with each other: a shorter one has too few references."""

MEDIAN_FRAMES = 3
"""Window, in frames, of the median over occlusion probabilities, which drops detections in a single frame."""

HALO_FRAMES = 3
"""Number of frames before and after a frame that its mask depends on: one for the second evaluation, and two for the
frames that are dropped or filled."""


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
            landmarks: (N, 84, 2) in pixels of the frame.
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
            mismatches = progress("occlusion", find_mismatches(self._features, outlines, range(count)), count)
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

        A region is followed as long as its probability is above `LOW_PROBABILITY`, possibly through the whole track. So
        the masks of the forward pass are stored in `visibility` until the backward pass.
        """
        count = len(self._features)
        mask = np.zeros((MASK_SIDE, MASK_SIDE), dtype=bool)
        for i in range(count):
            probability, face = self._median_probability(i), outlines[i].area
            mask = connected_regions(confident_occlusion(probability, face) | mask, probability, face)
            visibility[i] = mask
        mask[:] = False
        for i in reversed(range(count)):
            probability, face = self._median_probability(i), outlines[i].area
            mask = connected_regions((visibility[i] > 0) | mask, probability, face)
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

    A frame is evaluated a second time if a neighbouring frame has an occluder: near that one, an occluder that hardly
    reaches into the face is accepted too.

    Args:
        stored: the features of all frames of the track.
        outlines: of these frames and `HALO_FRAMES` on both sides.
        frames: indices in the track.
    """
    count, appearances = len(stored), ReferenceAppearances(stored)
    if count < MIN_TRACK_FRAMES:
        yield from (np.zeros((MASK_SIDE, MASK_SIDE), dtype=bool) for _ in frames)
        return

    def read(i: int) -> tuple[NDArray[np.float16], _Outline, ReferenceAppearance]:
        return stored[i], outlines[i], appearances.near(i)

    around = range(max(frames.start - HALO_FRAMES, 0), min(frames.stop + HALO_FRAMES, count))
    masks = (
        _find_mismatch(read(i), near) if near.any() else mask
        for i, (mask, near) in zip(
            around, with_neighbour_area(prefetch_map(_find_mismatch, map(read, around))), strict=True
        )
    )
    yield from (mask for i, mask in zip(around, drop_single_frames(masks), strict=True) if i in frames)


def _find_mismatch(
    frame: tuple[NDArray[np.float16], "_Outline", ReferenceAppearance], expected: NDArray[np.bool_] | None = None
) -> NDArray[np.bool_]:
    """Find the occluders in one frame, from its features, outline and reference frames, as `find_occluders` does."""
    features_of_frame, outline, appearance = frame
    mismatch = appearance.mismatch(features_of_frame[..., :FEATURE_COUNT], outline.area)
    searched = search_area(features_of_frame[..., FEATURE_COUNT])
    return find_occluders(mismatch, outline.own, outline.area, searched, expected)


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
        own: float64 (84, 2), the landmarks of the frame itself.
        median: float64 (84, 2), the median landmarks of the frames around.
    """

    own: NDArray[np.float64]
    median: NDArray[np.float64]

    @cached_property
    def area(self) -> NDArray[np.bool_]:
        """The pixels inside either outline, bool (MASK_SIDE, MASK_SIDE)."""
        return face_area(self.own, self.median)


class Outlines:
    """The outlines of the frames of a track, computed in blocks; the last two blocks in use are cached.

    Args:
        landmarks: (N, 84, 2) in pixels of the frame.
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
        number, offset = divmod(index - self._first, OUTLINE_BLOCK_FRAMES)
        return self._block(number)[offset]

    def _compute_block(self, number: int) -> list[_Outline]:
        start = number * OUTLINE_BLOCK_FRAMES
        first = max(start - OUTLINE_RADIUS, 0)
        padded = slice(first, start + OUTLINE_BLOCK_FRAMES + OUTLINE_RADIUS)
        frames = zip(self._landmarks[padded], self._quads[padded], strict=True)
        own = np.stack([landmarks_in_crop(points, quad, MASK_SIDE) for points, quad in frames])
        median = _median_over_time(own)
        block = slice(start - first, start - first + OUTLINE_BLOCK_FRAMES)
        return [_Outline(*each) for each in zip(own[block], median[block], strict=True)]


def _median_over_time(outlines: NDArray[np.float64]) -> NDArray[np.float64]:
    if len(outlines) == 1:
        return outlines
    from scipy.ndimage import median_filter  # slow to import, and a still needs no filter over time

    return np.asarray(median_filter(outlines, (2 * OUTLINE_RADIUS + 1, 1, 1), mode="nearest"))
