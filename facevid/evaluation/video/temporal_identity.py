"""Temporal identity preservation, TL-ID and TG-ID (Tzaban et al., "Stitch it in Time", SIGGRAPH Asia 2022, section 4).

Both relate the similarity of two frames of the edit to the similarity of the same two frames of the source: 1 means
that identity varies over time as it does in the source, and more than 1 that it varies less. Similarity is the cosine
between two embeddings. As in the authors' published script, the ratio is formed for each pair of frames, and then
averaged.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MIN_SIMILARITY = 0.05
"""Smallest similarity in the source of a pair that counts: a ratio to a similarity near 0 is meaningless. Below this
are faces that the embedding does not recognise, such as blurred or turned ones."""

CHUNK_ROWS = 1024
"""Number of rows of the matrix of similarities that is computed at once, which bounds the memory."""


@dataclass(frozen=True)
class Ratios:
    """Sum and number of the ratios of pairs of frames.

    Attributes:
        total: sum of the ratios.
        count: number of pairs.
    """

    total: float = 0.0
    count: int = 0

    def __add__(self, other: "Ratios") -> "Ratios":
        return Ratios(self.total + other.total, self.count + other.count)

    @property
    def mean(self) -> float | None:
        """Mean ratio; None without pairs."""
        return self.total / self.count if self.count else None


def similarity(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the cosines between the rows of two arrays (N, D): float64 (N,)."""
    return np.asarray((_unit(a) * _unit(b)).sum(axis=-1))


def local_ratios(
    frames: NDArray[np.intp], source: NDArray[np.float64], edited: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the ratio of each frame and the frame before: float64 (N,), NaN where one of them is not measured.

    Args:
        frames: (N,) indices of the frames, increasing.
        source: (N, D), embeddings in the source.
        edited: (N, D), embeddings in the edit.
    """
    ratios = np.full(len(frames), np.nan)
    before = similarity(source[:-1], source[1:])
    pairs = (np.diff(frames) == 1) & (before > MIN_SIMILARITY)
    ratios[1:][pairs] = similarity(edited[:-1], edited[1:])[pairs] / before[pairs]
    return ratios


def global_ratios(source: NDArray[np.float64], edited: NDArray[np.float64]) -> Ratios:
    """Sum the ratios of all pairs of different frames; the arguments are embeddings, (N, D)."""
    source, edited = _unit(source), _unit(edited)
    result = Ratios()
    for start in range(0, len(source), CHUNK_ROWS):
        rows = slice(start, start + CHUNK_ROWS)
        before, after = source[rows] @ source.T, edited[rows] @ edited.T
        pairs = (before > MIN_SIMILARITY) & (np.arange(len(source)) > np.arange(len(source))[rows, None])
        result += Ratios(float((after[pairs] / before[pairs]).sum()), int(pairs.sum()))
    return result


def _unit(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12))
