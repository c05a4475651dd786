"""How smiles end: lips go back to where those of serious faces are, and close over the teeth."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from facevid.compositing.matte import filled
from facevid.compositing.warp import landmark_warp, warped
from facevid.training.exemplars.prototype import Faces, landmark_shift
from facevid.training.mouth import smile

UPPER_INNER, LOWER_INNER = [61, 62, 63], [67, 66, 65]
LEFT, RIGHT = 60, 64
"""Landmarks of the inner lips, and of the corners between them."""
SLIGHTEST = 0.6
"""Least smile that ends, in shares of a usual one."""
WAY = 1.15
"""How far an edit of strength 1 goes, in shares of the way to a serious face: features fall short of it."""
CLOSING = 1.3
"""Share of the gap between the lips that an edit of strength 1 takes."""
WITHIN = 0.014
"""How far inside of closing lips their edges are taken to be, as a share of the side: landmarks are not exact, and no
rim of the teeth may stay."""
WIDTH, EDGE, DARK = 0.009, 0.005, 0.45
"""Of the line between closed lips: its width and the standard deviation of its edge, as shares of the side, and the
share of the light that it takes."""


@dataclass(frozen=True)
class Serious:
    """The end of a smile.

    Attributes:
        shift: float32 (68, 2), how far an edit of strength 1 moves the landmarks of a face with a usual smile.
        rest: `facevid.training.mouth.smile` of serious faces.
        usual: how far above that smiling faces are.
    """

    shift: NDArray[np.float32]
    rest: float
    usual: float

    def put_on(self, face: NDArray[np.float32], landmarks: NDArray[np.float32], size: float) -> NDArray[np.float32]:
        """End the smile of one face.

        What is above the line between the lips and what is below are moved apart from each other, so that the teeth
        vanish behind both: one smooth warp would squeeze them into a bright line.

        Args:
            face: float32 (R, R, 3) in [0, 1].
            landmarks: (68, 2), as indices of pixels.
            size: of the edit.
        """
        side, kept = len(face), max(1 - CLOSING * size, 0.0)
        smiles = max((float(smile(landmarks)) - self.rest) / self.usual, SLIGHTEST)
        after = landmarks + np.float32(WAY * size * smiles) * self.shift
        middle = (after[UPPER_INNER] + after[LOWER_INNER]) / 2
        half = kept / 2 * (landmarks[LOWER_INNER] - landmarks[UPPER_INNER])
        after[UPPER_INNER], after[LOWER_INNER] = middle - half, middle + half
        before = landmarks.copy()
        before[UPPER_INNER, 1] -= (1 - kept) * WITHIN * side
        before[LOWER_INNER, 1] += (1 - kept) * WITHIN * side
        upper, lower = (
            warped(face, landmark_warp(np.delete(after, other, 0), np.delete(before, other, 0), side))
            for other in (LOWER_INNER, UPPER_INNER)
        )
        line = np.vstack([after[LEFT], middle, after[RIGHT]])
        below, dark = _below(line, side)[..., None], _line(line, side)[..., None]
        return (upper + below * (lower - upper)) * (1 - DARK * (1 - kept) * dark)


def find_serious(pairs: Sequence[tuple[Faces, Faces]]) -> Serious:
    """Compare serious faces with closed lips to smiling ones, of each kind; at least one kind has both."""
    seen = [[faces.landmarks.mean(axis=0) for faces in pair] for pair in pairs if all(len(f.landmarks) for f in pair)]
    shifts = [landmark_shift(serious, smiling) for serious, smiling in seen]
    rest, smiling = smile(np.array(seen)).mean(axis=0).tolist()
    return Serious(np.mean(shifts, axis=0), rest, smiling - rest)


def _below(line: NDArray[np.float32], side: int) -> NDArray[np.float32]:
    """Draw what is below a line from the left to the right, (side, side)."""
    ends = np.array([[side, line[-1, 1]], [side, side], [-1, side], [-1, line[0, 1]]], np.float32)
    return filled(np.vstack([line, ends]), side)


def _line(line: NDArray[np.float32], side: int) -> NDArray[np.float32]:
    half = np.array([0, WIDTH * side / 2], np.float32)
    return cv2.GaussianBlur(filled(np.vstack([line - half, (line + half)[::-1]]), side), (0, 0), EDGE * side)
