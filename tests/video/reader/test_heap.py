"""Returning unused memory to the operating system."""

from pathlib import Path

import numpy as np
import pytest

from facevid.video import open_clip
from facevid.video.reader import heap
from tests.clips import write_clip


def test_the_heap_is_trimmed_at_intervals_and_at_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    images = [np.full((48, 64, 3), shade, dtype=np.uint8) for shade in range(7)]
    source = write_clip(tmp_path / "in.mp4", images, sound=False)
    events: list[int | str] = []
    trim = heap._trim

    def recorded_trim() -> None:
        events.append("trim")
        trim()

    monkeypatch.setattr(heap, "TRIM_INTERVAL_BYTES", 3 * images[0].nbytes)
    monkeypatch.setattr(heap, "_trim", recorded_trim)
    for frame in heap.trim_heap(open_clip(source).frames()):
        events.append(frame.index)
    assert events == [0, 1, 2, "trim", 3, 4, 5, "trim", 6, "trim"]
