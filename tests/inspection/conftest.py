"""A clip that shows all that an inspection has to tell apart."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from facevid.inspection.inspect import InspectSummary, inspect_video
from facevid.options import TrackingOptions
from tests.clips import camera_move, write_clip

DLIB = TrackingOptions(detector="dlib")


@pytest.fixture(scope="session")
def two_shots(portrait: NDArray[np.uint8], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a clip of two shots, 320x240: the portrait for 8 frames, its face hidden in frame 4, then grey for 4."""
    shown = [camera_move(portrait, index, (320, 240)) for index in range(8)]
    shown[4][80:170, 100:220] = shown[4][80:170, 100:220].mean(axis=(0, 1)).astype(np.uint8)
    empty = np.full((240, 320, 3), 200, dtype=np.uint8)
    return write_clip(tmp_path_factory.mktemp("two-shots") / "shots.mp4", [*shown, *[empty] * 4])


@pytest.fixture
def inspected(two_shots: Path, tmp_path: Path) -> InspectSummary:
    """Return what was found in `two_shots`; the results are in a folder of this test's own."""
    return inspect_video(two_shots, tmp_path / "out", options=DLIB)
