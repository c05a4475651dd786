"""The interfaces of landmark detectors, and the type of their result."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from facevid.faces.mesh.crop import FaceCrop


@dataclass(frozen=True)
class Face:
    """One face in one frame.

    Attributes:
        box: left, top, right, bottom in pixels of the frame; may extend beyond its edge.
        landmarks: float32 (84, 2), x and y in pixels of the frame, in the order of `faces.landmark_scheme`.
        score: the detector's confidence; above 0, comparable only between faces of the same detector.
        flow: float32 (84, 2), displacement of each landmark since the previous frame in pixels, from
            `faces.flow.landmark_flow`; NaN where a landmark was lost; None where the flow was not measured.
        mesh: float32 (478, 2), the points of MediaPipe's face mesh in pixels of the frame, from the bundled detector;
            None from other detectors.
    """

    box: tuple[float, float, float, float]
    landmarks: NDArray[np.float32]
    score: float
    flow: NDArray[np.float32] | None = None
    mesh: NDArray[np.float32] | None = None


class Detector(Protocol):
    """Detects all faces in a picture, with their landmarks.

    Attributes:
        name: as in `--detector`; a part of the cache key of tracking.
    """

    name: str

    def detect(self, picture: NDArray[np.uint8]) -> list[Face]:
        """Detect the faces in a picture, uint8 (H, W, 3) RGB."""
        ...


@runtime_checkable
class FollowingDetector(Detector, Protocol):
    """A detector that follows faces from frame to frame. It needs no other state than the previous faces."""

    def search(self, picture: NDArray[np.uint8]) -> Sequence[FaceCrop]:
        """Search a picture, uint8 (H, W, 3) RGB, for faces; several threads may search at once."""
        ...

    def follow(
        self, picture: NDArray[np.uint8], previous: Sequence[Face], candidates: Sequence[FaceCrop] | None
    ) -> list[Face]:
        """Detect the faces in a frame.

        Args:
            picture: uint8 (H, W, 3) RGB.
            previous: the faces that this detector found in the previous frame of the same shot.
            candidates: other faces, from `search` of this picture. If it is None, the picture is searched only if there
                are no faces in the previous frame, or if one of them is lost.
        """
        ...
