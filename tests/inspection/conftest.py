"""A clip with a cut, a missed detection and frames without a face, and its inspection."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from facevid.inspection.clip_inspection import InspectSummary, inspect_video
from facevid.options import TrackingOptions
from tests.clips import camera_move, write_clip

BUNDLED = TrackingOptions(detector="bundled")


@pytest.fixture(scope="session")
def two_shots(portrait: NDArray[np.uint8], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a clip of two shots, 320x240: the portrait for 8 frames, its face covered in frame 4, then grey for 4."""
    portrait_frames = [camera_move(portrait, index, (320, 240)) for index in range(8)]
    face = portrait_frames[4][80:170, 100:220]
    face[:] = face.mean(axis=(0, 1)).astype(np.uint8)
    grey_frames = [np.full((240, 320, 3), 200, dtype=np.uint8)] * 4
    return write_clip(tmp_path_factory.mktemp("two-shots") / "shots.mp4", [*portrait_frames, *grey_frames])


@pytest.fixture(scope="session")
def inspected(two_shots: Path, tmp_path_factory: pytest.TempPathFactory) -> InspectSummary:
    """Return the inspection of `two_shots`; tests do not change its results."""
    folder = tmp_path_factory.mktemp("inspected")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FACEVID_HOME", str(folder))
        return inspect_video(two_shots, folder / "out", options=BUNDLED)
