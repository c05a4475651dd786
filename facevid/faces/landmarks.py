"""The choice of a landmark detector: face-alignment, the bundled one, or dlib."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from facevid.faces.detector import Detector, Face

__all__ = ["Detector", "DetectorChoice", "DetectorName", "Face", "choose_detector"]

DetectorName = Literal["auto", "face-alignment", "bundled", "dlib"]


@dataclass(frozen=True)
class DetectorChoice:
    """A detector and the reason for its choice.

    Attributes:
        detector: the detector, ready to use.
        reason: a short phrase to show to the user.
    """

    detector: Detector
    reason: str


def choose_detector(name: DetectorName = "auto", device: str = "cpu") -> DetectorChoice:
    """Load the detector called `name`.

    `auto` loads face-alignment if its weights are already on this machine, else the bundled detector. So a render never
    waits for a download, and equally installed machines of a farm choose the same detector.

    Args:
        name: the detector, or "auto".
        device: torch device of the networks; dlib always runs on the CPU.

    Raises:
        ModelError: the detector's weights are missing, or cannot be downloaded.
    """
    from facevid.faces import dlib_detector, face_alignment_detector  # slow to import: dlib and torch
    from facevid.faces.mesh.detector import BundledDetector

    if name == "dlib":
        return DetectorChoice(dlib_detector.DlibDetector(), "selected by option")
    if name == "bundled":
        return DetectorChoice(BundledDetector(device), "selected by option")
    if name == "face-alignment":
        return DetectorChoice(face_alignment_detector.FaceAlignmentDetector(device), "selected by option")
    missing = face_alignment_detector.missing_weights()
    if missing:
        reason = f"face-alignment, better on turned faces, has no weights in {_display_path(missing[0].parent)}"
        return DetectorChoice(BundledDetector(device), reason)
    return DetectorChoice(face_alignment_detector.FaceAlignmentDetector(device), "its weights are on this machine")


def _display_path(folder: Path) -> str:
    """Format a folder for a message, with `~` for the home folder."""
    return f"~/{folder.relative_to(Path.home())}" if folder.is_relative_to(Path.home()) else str(folder)
