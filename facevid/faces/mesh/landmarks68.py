"""From the 478 points of the face mesh to the 68 landmarks of iBUG 300-W.

The two schemes put most landmarks in slightly different places. Each landmark is a weighted mean of a few points of the
mesh, with the weights of `mesh_to_68.csv`. `facevid train landmarks` fits them to dlib's landmarks of the training
portraits. As the weights are positive and their sum is 1, landmarks are never less steady than the points.
"""

import csv
import functools
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from facevid.networks.landmarks import POINT_COUNT

WEIGHTS_FILE = Path(__file__).parent / "mesh_to_68.csv"
"""Table of landmark, point and weight; weights that are not listed are 0."""


def landmarks_of_mesh(points: NDArray[np.floating]) -> NDArray[np.float32]:
    """Convert points of the face mesh (..., 478, 2) to landmarks, float32 (..., 68, 2)."""
    return np.asarray(_weights() @ points, dtype=np.float32)


@functools.cache
def _weights() -> NDArray[np.float64]:
    """Read the weights: float64 (68, 478)."""
    weights = np.zeros((68, POINT_COUNT))
    with WEIGHTS_FILE.open(newline="") as file:
        for row in csv.DictReader(file):
            weights[int(row["landmark"]), int(row["point"])] = float(row["weight"])
    return weights
