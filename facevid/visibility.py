"""What of each face of a track is to be seen, by what an occlusion network knows, and by comparing frames."""

from bisect import bisect
from math import ceil
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import median_filter

from facevid.compositing.appearance import SIDE, Appearance, features
from facevid.compositing.occlusion import guesses, hidden_share, known, lasting, near_others, occluded
from facevid.faces.alignment import landmarks_in_crop
from facevid.progress import Progress

EXEMPLARS = 32
"""Frames that each frame is compared with, the nearest of those chosen."""

WINDOW = 512
"""Frames over which they are spread in a long track: light and pose change with time."""

AROUND = 12
"""Frames before and after each from which its face's usual outline is taken: landmarks retreat from what comes before a
face, as if the face ended there."""

FEWEST = 8
"""Frames of a track below which they are not compared."""

FLICKER = 3
"""Frames of which the median of what the network says is taken: what is there in fewer than half is not."""

LOOKS = 5
"""Numbers that describe what a pixel looks like."""


class Sight:
    """Gathers the crops of one track, one after another, and then tells what is before the face in each.

    What it keeps of a crop, 48 KiB, lies in a file.
    """

    def __init__(self, path: Path, count: int) -> None:
        self._path = path
        self._seen = np.lib.format.open_memmap(path, "w+", np.float16, (count, SIDE, SIDE, LOOKS + 1))

    def add(self, offset: int, crop: NDArray[np.uint8], likely: NDArray[np.floating]) -> None:
        """Look at the frame at `offset` of the track.

        Args:
            offset: of the frame.
            crop: uint8 (S, S, 3) RGB.
            likely: (SIDE, SIDE), as from `FaceModel.hidden`.
        """
        self._seen[offset, ..., :LOOKS] = features(crop)
        self._seen[offset, ..., LOOKS] = likely

    def visibility(
        self,
        landmarks: NDArray[np.floating],
        quads: NDArray[np.floating],
        progress: Progress,
    ) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
        """Tell what is to be seen, and delete the file.

        Args:
            landmarks: (N, 68, 2) in pixels of the frame.
            quads: (N, 4, 2), by which the crops were cut out.
            progress: told how far it is.

        Returns:
            uint8 (N, SIDE, SIDE) in the crop's space, 1 where the face is visible, 0 where something is before it; and
            float32 (N,), the share of the face that is hidden.
        """
        inside = np.stack(
            [landmarks_in_crop(points, quad, SIDE) for points, quad in zip(landmarks, quads, strict=True)]
        )
        usual = median_filter(inside, (2 * AROUND + 1, 1, 1), mode="nearest")
        masks = known(self._likely(), inside, usual)
        if len(inside) >= FEWEST:
            masks |= self._unlike_others(inside, usual, progress)
        self._path.unlink()
        hidden = [hidden_share(mask, points) for mask, points in zip(masks, inside, strict=True)]
        return (~masks).astype(np.uint8), np.array(hidden, dtype=np.float32)

    def _likely(self) -> NDArray[np.floating]:
        said, reach = self._seen[..., LOOKS], FLICKER // 2
        return np.stack([np.median(said[max(i - reach, 0) : i + reach + 1], axis=0) for i in range(len(said))])

    def _unlike_others(
        self,
        inside: NDArray[np.floating],
        usual: NDArray[np.floating],
        progress: Progress,
    ) -> NDArray[np.bool_]:
        looks, likely = self._seen[..., :LOOKS], self._seen[..., LOOKS]
        appearances = _Appearances(looks)

        def look(i: int, expected: NDArray[np.bool_] | None = None) -> NDArray[np.bool_]:
            return occluded(appearances.near(i).mismatch(looks[i]), inside[i], usual[i], guesses(likely[i]), expected)

        count = len(looks)
        found = np.stack([look(i) for i in progress("occlusion", range(count), count)])
        expected = near_others(found)
        return lasting(np.stack([look(i, expected[i]) if expected[i].any() else found[i] for i in range(count)]))


class _Appearances:
    """How the face looks around each frame; only the last one asked for is kept."""

    def __init__(self, seen: NDArray[np.float16]) -> None:
        step = max(ceil(min(len(seen), WINDOW) / EXEMPLARS), 1)
        self._seen = seen
        self._offsets = range(step // 2, len(seen), step)
        self._first = 0
        self._appearance = self._learned(0)

    def near(self, offset: int) -> Appearance:
        middle = bisect(self._offsets, offset)
        first = min(max(middle - EXEMPLARS // 2, 0), max(len(self._offsets) - EXEMPLARS, 0))
        if first != self._first:
            self._first, self._appearance = first, self._learned(first)
        return self._appearance

    def _learned(self, first: int) -> Appearance:
        chosen = slice(first, first + EXEMPLARS)
        return Appearance.of([self._described(i) for i in self._offsets[chosen]])

    def _described(self, offset: int) -> NDArray[np.float32]:
        return self._seen[offset].astype(np.float32)
