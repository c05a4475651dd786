"""Which face of the next frame goes on with which track: by where motion says that the face will be."""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from facevid.faces.landmarks import Face

MIN_OVERLAP = 0.2
"""Intersection over union of a face's box and the box it is expected in that can still be the same face."""

CROWDED = 0.15
"""Share of the smaller of two expected boxes, covered by the other, from which the two faces may be taken for each
other."""

MEMORY = 5
"""Detections that a face's speed is measured over."""


@dataclass(frozen=True)
class Motion:
    """The last boxes of one face, float32 (4,) left, top, right, bottom in pixels, each with the index of its frame."""

    seen: deque[tuple[int, NDArray[np.float32]]] = field(default_factory=lambda: deque(maxlen=MEMORY))

    @classmethod
    def of(cls, index: int, face: Face) -> Self:
        """Begin with one detection: a face that keeps still as far as is known."""
        motion = cls()
        motion.add(index, face)
        return motion

    def add(self, index: int, face: Face) -> None:
        """Go on with a face that was detected in frame `index`."""
        self.seen.append((index, _box(face)))

    def expected(self, index: int) -> NDArray[np.float32]:
        """Give the box that the face has in frame `index` if it keeps its speed, the median over the last detections.

        It is believed for as long as it was seen, then to stand still.
        """
        frames, boxes = zip(*self.seen, strict=True)
        if len(boxes) == 1:
            return boxes[0]
        stacked = np.stack(boxes)
        centres = (stacked[:, :2] + stacked[:, 2:]) / 2
        speed = np.median(np.diff(centres, axis=0) / np.diff(frames)[:, None], axis=0)
        ahead = min(index - frames[-1], frames[-1] - frames[0])
        return (stacked[-1] + np.tile(speed, 2) * ahead).astype(np.float32)


def pair(expected: NDArray[np.float32], faces: Sequence[Face]) -> Iterator[tuple[int, int]]:
    """Pair expected boxes (N, 4) with faces so that the overlaps add up to the most; gives the indices of both."""
    if not len(expected) or not faces:
        return
    overlap = _shared(expected, np.stack([_box(face) for face in faces]), of_union=True)
    for row, column in zip(*linear_sum_assignment(-overlap), strict=True):
        if overlap[row, column] >= MIN_OVERLAP:
            yield int(row), int(column)


def crowded(expected: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Tell which of the boxes (N, 4) another one covers so far that their faces may be mixed up; bool (N,)."""
    if len(expected) < 2:
        return np.zeros(len(expected), dtype=bool)
    covered = _shared(expected, expected, of_union=False)
    np.fill_diagonal(covered, 0)
    return covered.max(axis=1) > CROWDED


def _box(face: Face) -> NDArray[np.float32]:
    return np.concatenate([face.landmarks.min(axis=0), face.landmarks.max(axis=0)])


def _shared(a: NDArray[np.float32], b: NDArray[np.float32], *, of_union: bool) -> NDArray[np.float32]:
    """Measure what each box of `a` (N, 4) shares with each of `b` (M, 4): (N, M), of their union, or of the smaller."""
    top_left = np.maximum(a[:, None, :2], b[None, :, :2])
    bottom_right = np.minimum(a[:, None, 2:], b[None, :, 2:])
    shared = np.clip(bottom_right - top_left, 0, None).prod(axis=-1)
    first, second = ((boxes[:, 2:] - boxes[:, :2]).prod(axis=-1) for boxes in (a, b))
    whole = first[:, None] + second[None] - shared if of_union else np.minimum(first[:, None], second[None])
    return shared / np.maximum(whole, 1e-6)
