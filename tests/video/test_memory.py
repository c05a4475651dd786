"""Giving unused memory back to the system."""

import numpy as np

from facevid.video import open_clip
from facevid.video.reader import memory
from tests.clips import write_clip


def test_memory_is_given_back_after_so_many_bytes_of_pictures_and_at_the_end(tmp_path, monkeypatch):
    pictures = [np.full((48, 64, 3), shade, dtype=np.uint8) for shade in range(7)]
    source = write_clip(tmp_path / "in.mp4", pictures, sound=False)
    passed: list[int | str] = []
    trim = memory._trim

    def noted() -> None:
        passed.append("trim")
        trim()

    monkeypatch.setattr(memory, "PASSED", 3 * pictures[0].nbytes)
    monkeypatch.setattr(memory, "_trim", noted)
    for frame in memory.trimmed(open_clip(source).frames()):
        passed.append(frame.index)
    assert passed == [0, 1, 2, "trim", 3, 4, 5, "trim", 6, "trim"]
