"""The landmarks of a face: the 68 of iBUG 300-W, followed by 16 of the cheeks.

The cheeks are points of MediaPipe's face mesh. They show how far a cheek is raised or sunken, which the 68 landmarks do
not, because they lie on the outline of the face and on its features. The cheeks come in pairs: first the one on the
left of the picture, then its mirror image.

Both tables contain weighted means: a landmark, and the points that it is the mean of. As the weights are positive and
their sum is 1 (in `MESH_TABLE` within 0.0001, by rounding), landmarks are never less steady than the points, and move,
scale and turn with them.
"""

import csv
import functools
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from facevid.networks.landmarks import POINT_COUNT

IBUG_COUNT = 68
"""Number of landmarks in the scheme of iBUG 300-W."""

CHEEK_POINTS = (50, 280, 205, 425, 187, 411, 117, 346, 207, 427, 216, 436, 101, 330, 36, 266)
"""Points of the face mesh that are landmarks 68 to 83."""

LANDMARK_COUNT = IBUG_COUNT + len(CHEEK_POINTS)
"""Number of landmarks."""

MESH_TABLE = Path(__file__).parent / "mesh_to_68.csv"
"""Landmarks 0 to 67 as means of points of the mesh, fitted to dlib's landmarks of the training portraits. The two
schemes put most landmarks in slightly different places."""

CHEEK_TABLE = Path(__file__).parent / "cheeks_of_68.csv"
"""Landmarks 68 to 83 as means of landmarks 0 to 67, fitted to the points of the mesh in the same portraits and their
mirror images. The mean error is 0.3 to 0.9 % of the side of the FFHQ crop."""


def landmarks_of_mesh(points: NDArray[np.floating]) -> NDArray[np.float32]:
    """Convert points of the face mesh (..., 478, 2) to landmarks, float32 (..., 84, 2)."""
    ibug = _weights(MESH_TABLE, 0, IBUG_COUNT, POINT_COUNT) @ points
    return np.concatenate([ibug, points[..., CHEEK_POINTS, :]], axis=-2, dtype=np.float32)


def with_cheeks(landmarks: NDArray[np.floating]) -> NDArray[np.float32]:
    """Append the cheeks, where the other landmarks suggest them, to landmarks (..., 68, 2): float32 (..., 84, 2)."""
    cheeks = _weights(CHEEK_TABLE, IBUG_COUNT, len(CHEEK_POINTS), IBUG_COUNT) @ landmarks
    return np.concatenate([landmarks, cheeks], axis=-2, dtype=np.float32)


@functools.cache
def _weights(path: Path, first: int, count: int, point_count: int) -> NDArray[np.float64]:
    """Read the weights of `count` landmarks from number `first` on: float64 (count, point_count)."""
    weights = np.zeros((count, point_count))
    with path.open(newline="") as file:
        for row in csv.DictReader(file):
            weights[int(row["landmark"]) - first, int(row["of"])] = float(row["weight"])
    return weights
