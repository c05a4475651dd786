"""Finding faces and their 68 landmarks in one picture; which detector does it is chosen here.

Every detector gives the same thing, so nothing after it knows which one ran.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

DetectorName = Literal["auto", "face-alignment", "dlib"]


@dataclass(frozen=True)
class Face:
    """One face in one frame.

    Attributes:
        box: left, top, right, bottom in pixels of the frame; may reach over its edge.
        landmarks: float32 (68, 2), x and y in pixels of the frame, in the order of iBUG 300-W.
        score: the detector's confidence; above 0, comparable only within one detector.
        flow: float32 (68, 2), how far each landmark moved from the frame before, in pixels, as `faces.flow` measures
            it: NaN where it was lost; None where it was not measured.
    """

    box: tuple[float, float, float, float]
    landmarks: NDArray[np.float32]
    score: float
    flow: NDArray[np.float32] | None = None


class Detector(Protocol):
    """Finds all faces of a picture."""

    name: str

    def detect(self, picture: NDArray[np.uint8]) -> list[Face]:
        """Find the faces in `picture`, uint8 (H, W, 3) RGB."""
        ...


@dataclass(frozen=True)
class DetectorChoice:
    """A detector, and in a few words why it was taken."""

    detector: Detector
    reason: str


def choose_detector(name: DetectorName = "auto", device: str = "cpu") -> DetectorChoice:
    """Make the detector called `name`.

    `auto` takes face-alignment where its weights already lie on this machine, else dlib, whose weights come with its
    package: a render never waits for a download, and every machine of a farm that was set up alike chooses alike.

    Raises:
        ModelError: the detector's weights are missing, or cannot be downloaded.
    """
    from facevid.faces import dlib_detector, face_alignment_detector

    if name == "dlib":
        return DetectorChoice(dlib_detector.DlibDetector(), "asked for")
    if name == "face-alignment":
        return DetectorChoice(face_alignment_detector.FaceAlignmentDetector(device), "asked for")
    missing = face_alignment_detector.missing_weights()
    if missing:
        reason = f"face-alignment, better on turned faces, has no weights in {_home(missing[0])}"
        return DetectorChoice(dlib_detector.DlibDetector(), reason)
    return DetectorChoice(face_alignment_detector.FaceAlignmentDetector(device), "its weights are on this machine")


def _home(path: Path) -> str:
    folder = path.parent
    return f"~/{folder.relative_to(Path.home())}" if folder.is_relative_to(Path.home()) else str(folder)
