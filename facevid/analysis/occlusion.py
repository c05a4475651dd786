"""What of each face of a track is to be seen, by what an occlusion network knows, and by comparing frames."""

from bisect import bisect
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import repeat
from math import ceil
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import median_filter

from facevid.compositing.appearance import SIDE, Appearance, features
from facevid.compositing.occlusion import (
    face_area,
    guessed_at,
    guesses,
    hidden_share,
    known,
    lasting,
    near_others,
    occluded,
    outlined,
)
from facevid.faces.alignment import landmarks_in_crop
from facevid.utils.frame_array import FrameArray
from facevid.utils.progress import Progress

EXEMPLARS = 32
"""Frames that each frame is compared with, the nearest of those chosen."""

WINDOW = 512
"""Frames over which they are spread in a long track: light and pose change with time."""

AROUND = 12
"""Frames before and after each from which its face's usual outline is taken: landmarks retreat from what comes before a
face, as if the face ended there."""

BLOCK = 256
"""Frames of which these outlines are in memory at once."""

FEWEST = 8
"""Frames of a track below which they are not compared."""

FLICKER = 3
"""Frames of which the median of what the network says is taken: what is there in fewer than half is not."""

LOOKS = 5
"""Numbers that describe what a pixel looks like."""


class OcclusionEstimator:
    """Gathers the crops of one track, one after another, and then tells what is before the face in each.

    What it keeps of a crop, 48 KiB, lies in a file. Of a track of any length, no more is read at once than a frame is
    compared with.
    """

    def __init__(self, path: Path, count: int) -> None:
        self._path = path
        self._seen = FrameArray.create(path, np.float16, (count, SIDE, SIDE, LOOKS + 1))

    def add(self, offset: int, crop: NDArray[np.uint8], likely: NDArray[np.floating]) -> None:
        """Look at the frame at `offset` of the track.

        Args:
            offset: of the frame.
            crop: uint8 (S, S, 3) RGB.
            likely: (SIDE, SIDE), as from `FaceModel.hidden`.
        """
        self._seen[offset] = np.concatenate([features(crop), likely[..., None]], axis=-1).astype(np.float16)

    def visibility(
        self,
        landmarks: NDArray[np.floating],
        quads: NDArray[np.floating],
        visible: FrameArray,
        progress: Progress,
    ) -> NDArray[np.float32]:
        """Tell what is to be seen, and delete the file.

        Args:
            landmarks: (N, 68, 2) in pixels of the frame.
            quads: (N, 4, 2), by which the crops were cut out.
            visible: uint8 (N, SIDE, SIDE) in the crop's space, is filled with 1 where the face is visible, and 0 where
                something is before it.
            progress: told how far it is.

        Returns:
            float32 (N,), the share of the face that is hidden.
        """
        outlines, count = _Outlines(landmarks, quads), len(self._seen)
        self._find_known(outlines, visible)
        nothing = np.zeros((SIDE, SIDE), dtype=bool)
        unlike = self._unlike_others(outlines, progress) if count >= FEWEST else repeat(nothing, count)
        hidden = np.zeros(count, dtype=np.float32)
        for i, mask in enumerate(unlike):
            occluders = mask | (visible[i] == 0)
            visible[i] = ~occluders
            hidden[i] = hidden_share(occluders, outlines[i].own)
        self._seen.close()
        self._path.unlink()
        return hidden

    def _find_known(self, outlines: "_Outlines", visible: FrameArray) -> None:
        """Find what the network knows, followed through the frames after and then before for as long as it guesses.

        That may be all of the track, so what the first pass finds is kept in `visible` for the second.
        """
        count = len(self._seen)
        found = np.zeros((SIDE, SIDE), dtype=bool)
        for i in range(count):
            likely, face = self._likely(i), outlines[i].area
            found = guessed_at(known(likely, face) | found, likely, face)
            visible[i] = found
        found[:] = False
        for i in reversed(range(count)):
            likely, face = self._likely(i), outlines[i].area
            found = guessed_at((visible[i] > 0) | found, likely, face)
            visible[i] = ~outlined(found, likely, face)

    def _likely(self, index: int) -> NDArray[np.floating]:
        reach = FLICKER // 2
        said = self._seen[max(index - reach, 0) : index + reach + 1][..., LOOKS]
        return np.asarray(np.median(said, axis=0))

    def _unlike_others(self, outlines: "_Outlines", progress: Progress) -> Iterator[NDArray[np.bool_]]:
        """Find, frame after frame, where the face looks as nowhere else around."""
        count, appearances = len(self._seen), _Appearances(self._seen)

        def look(i: int, expected: NDArray[np.bool_] | None = None) -> NDArray[np.bool_]:
            seen, outline = self._seen[i], outlines[i]
            mismatch = appearances.near(i).mismatch(seen[..., :LOOKS])
            return occluded(mismatch, outline.own, outline.usual, guesses(seen[..., LOOKS]), expected)

        found = (look(i) for i in progress("occlusion", range(count), count))
        again = (look(i, near) if near.any() else mask for i, (mask, near) in enumerate(near_others(found)))
        return lasting(again)


@dataclass(frozen=True)
class _Outline:
    """Where a face is in its crop of SIDE pixels: its landmarks, (68, 2), and the same as they usually are around."""

    own: NDArray[np.float64]
    usual: NDArray[np.float64]

    @property
    def area(self) -> NDArray[np.bool_]:
        return face_area(self.own, self.usual)


class _Outlines:
    """The outlines of all frames of a track, of which the two blocks asked for last are kept."""

    def __init__(self, landmarks: NDArray[np.floating], quads: NDArray[np.floating]) -> None:
        self._landmarks, self._quads = landmarks, quads
        self._block = lru_cache(maxsize=2)(self._made)

    def __getitem__(self, index: int) -> _Outline:
        number, offset = divmod(index, BLOCK)
        own, usual = self._block(number)
        return _Outline(own[offset], usual[offset])

    def _made(self, number: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        start = number * BLOCK
        first = max(start - AROUND, 0)
        around = slice(first, start + BLOCK + AROUND)
        frames = zip(self._landmarks[around], self._quads[around], strict=True)
        inside = np.stack([landmarks_in_crop(points, quad, SIDE) for points, quad in frames])
        usual = median_filter(inside, (2 * AROUND + 1, 1, 1), mode="nearest")
        wanted = slice(start - first, start - first + BLOCK)
        return inside[wanted], usual[wanted]


class _Appearances:
    """How the face looks around each frame; only the last two asked for are kept."""

    def __init__(self, seen: FrameArray) -> None:
        step = max(ceil(min(len(seen), WINDOW) / EXEMPLARS), 1)
        self._seen = seen
        self._offsets = range(step // 2, len(seen), step)
        self._learned = lru_cache(maxsize=2)(self._learn)

    def near(self, offset: int) -> Appearance:
        middle = bisect(self._offsets, offset)
        return self._learned(min(max(middle - EXEMPLARS // 2, 0), max(len(self._offsets) - EXEMPLARS, 0)))

    def _learn(self, first: int) -> Appearance:
        chosen = self._offsets[first : first + EXEMPLARS]
        return Appearance.of([self._seen[i][..., :LOOKS].astype(np.float32) for i in chosen])
