"""The interface that all landmark detectors share, and the type of their result."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Face:
    """One face in one frame.

    Attributes:
        box: left, top, right, bottom in pixels of the frame; may extend beyond its edge.
        landmarks: float32 (68, 2), x and y in pixels of the frame, in the order of iBUG 300-W.
        score: the detector's confidence; above 0, comparable only between faces of the same detector.
        flow: float32 (68, 2), displacement of each landmark since the previous frame in pixels, from
            `faces.flow.landmark_flow`; NaN where a landmark was lost; None where the flow was not measured.
    """

    box: tuple[float, float, float, float]
    landmarks: NDArray[np.float32]
    score: float
    flow: NDArray[np.float32] | None = None


class Detector(Protocol):
    """Detects all faces in a picture, with their landmarks.

    Attributes:
        name: as in `--detector`; a part of the cache key of tracking.
    """

    name: str

    def detect(self, picture: NDArray[np.uint8]) -> list[Face]:
        """Detect the faces in `picture`, uint8 (H, W, 3) RGB."""
        ...
