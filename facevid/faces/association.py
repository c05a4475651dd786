"""Matching the faces of the next frame to tracklets, by the boxes that their motion predicts."""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Self

import numpy as np
from numpy.typing import NDArray

from facevid.faces.detector import Face

MIN_IOU = 0.2
"""Intersection over union of a detected and a predicted box from which they may be of the same face."""

AMBIGUOUS_COVERAGE = 0.15
"""Share of the smaller of two predicted boxes, covered by the other, above which their faces may be confused."""

SPEED_DETECTIONS = 5
"""Number of latest detections from which the speed of a face is measured."""


@dataclass(frozen=True)
class Motion:
    """The motion of one face.

    Attributes:
        detections: the latest ones, each the index of its frame and its box, float32 (4,): left, top, right, bottom in
            pixels.
    """

    detections: deque[tuple[int, NDArray[np.float32]]] = field(default_factory=lambda: deque(maxlen=SPEED_DETECTIONS))

    @classmethod
    def from_detection(cls, index: int, face: Face) -> Self:
        """Start with one detection in frame `index`; the face is taken to stand still until the next one."""
        motion = cls()
        motion.add(index, face)
        return motion

    def add(self, index: int, face: Face) -> None:
        """Add the detection in frame `index`."""
        self.detections.append((index, _landmark_box(face)))

    def predict(self, index: int) -> NDArray[np.float32]:
        """Predict the box in frame `index` at constant speed, the median over the latest detections: float32 (4,).

        The speed is extrapolated over at most as many frames as it was measured over; then the box stands still.
        """
        frames, boxes = zip(*self.detections, strict=True)
        if len(boxes) == 1:
            only: NDArray[np.float32] = boxes[0]
            return only
        stacked = np.stack(boxes)
        centres = (stacked[:, :2] + stacked[:, 2:]) / 2
        speed = np.median(np.diff(centres, axis=0) / np.diff(frames)[:, None], axis=0)
        elapsed = min(index - frames[-1], frames[-1] - frames[0])
        return np.asarray(stacked[-1] + np.tile(speed, 2) * elapsed, dtype=np.float32)


def match_boxes(predicted: NDArray[np.float32], faces: Sequence[Face]) -> Iterator[tuple[int, int]]:
    """Match predicted boxes (N, 4) to faces so that the sum of IoUs is largest.

    Yields:
        The index of a box and the index of its face; pairs below `MIN_IOU` are left out.
    """
    if not len(predicted) or not faces:
        return
    iou = _overlap(predicted, np.stack([_landmark_box(face) for face in faces]), of_union=True)
    for row, column in zip(*_largest_sum(iou), strict=True):
        if iou[row, column] >= MIN_IOU:
            yield int(row), int(column)


def _largest_sum(values: NDArray[np.float32]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Choose entries of a matrix, at most one of each row and column, with the largest sum: their rows and columns."""
    if 1 in values.shape:
        row, column = np.unravel_index([values.argmax()], values.shape)
        return row, column
    from scipy.optimize import linear_sum_assignment  # takes a third of a second to import

    row, column = linear_sum_assignment(-values)
    return row, column


def ambiguous(predicted: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Return which boxes (N, 4) overlap another one so much that their faces may be confused: bool (N,)."""
    if len(predicted) < 2:
        return np.zeros(len(predicted), dtype=bool)
    coverage = _overlap(predicted, predicted, of_union=False)
    np.fill_diagonal(coverage, 0)
    return np.asarray(coverage.max(axis=1) > AMBIGUOUS_COVERAGE)


def _landmark_box(face: Face) -> NDArray[np.float32]:
    return np.concatenate([face.landmarks.min(axis=0), face.landmarks.max(axis=0)])


def _overlap(a: NDArray[np.float32], b: NDArray[np.float32], *, of_union: bool) -> NDArray[np.float32]:
    """Divide the intersection of each box of `a` (N, 4) and of `b` (M, 4) by their union, or by the smaller: (N, M)."""
    top_left = np.maximum(a[:, None, :2], b[None, :, :2])
    bottom_right = np.minimum(a[:, None, 2:], b[None, :, 2:])
    intersection = np.clip(bottom_right - top_left, 0, None).prod(axis=-1)
    area_a, area_b = ((boxes[:, 2:] - boxes[:, :2]).prod(axis=-1) for boxes in (a, b))
    union = area_a[:, None] + area_b[None] - intersection
    whole = union if of_union else np.minimum(area_a[:, None], area_b[None])
    return np.asarray(intersection / np.maximum(whole, 1e-6))
