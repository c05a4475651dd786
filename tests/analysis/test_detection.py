"""Detection with a detector that follows faces: in segments, and in views that cannot be searched."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from facevid.analysis.analysis import Analysis
from facevid.analysis.segment_detection import RESTART_INTERVAL_FRAMES
from facevid.analysis.segments import SegmentRunner
from facevid.faces.mesh.detector import BundledDetector
from facevid.options import TrackingOptions
from facevid.video import open_clip
from tests.clips import write_clip

COUNT = RESTART_INTERVAL_FRAMES + 6


@pytest.fixture(scope="module")
def clip(portrait: NDArray[np.uint8], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a clip of a face that turns in the plane to 75 degrees and back, before the second block begins."""
    pictures = []
    for index in range(COUNT):
        degrees = max(75 - 3 * abs(index - 25), 0)
        matrix = cv2.getRotationMatrix2D((222, 125), degrees, 1)
        matrix[:, 2] -= (62, 5)
        pictures.append(np.asarray(cv2.warpAffine(portrait, matrix, (320, 240), borderMode=cv2.BORDER_REPLICATE)))
    return write_clip(tmp_path_factory.mktemp("clips") / "in.mp4", pictures, sound=False)


def landmarks_in_segments(clip: Path, length: int, home: Path, monkeypatch: pytest.MonkeyPatch) -> NDArray[np.float32]:
    monkeypatch.setenv("FACEVID_HOME", str(home))
    analysis = Analysis(open_clip(clip), BundledDetector(), TrackingOptions(), runner=SegmentRunner(length))
    (track,) = analysis.track().tracks
    assert len(track) == COUNT
    assert track.detected.all()
    return track.landmarks


def test_landmarks_do_not_depend_on_segments(clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The face is followed to where it cannot be found; segments begin there, too."""
    whole, parts = (landmarks_in_segments(clip, length, tmp_path / str(length), monkeypatch) for length in (COUNT, 9))
    assert np.array_equal(whole, parts)
