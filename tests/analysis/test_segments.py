"""Passes over the frames of a clip in one process."""

import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from facevid.analysis.segments import ContinuedClip
from facevid.video import Clip, Frame, open_clip
from facevid.video.reader.timeline import Timeline


class CountedClip(Clip):
    """A clip that counts the frames it decodes."""

    decoded = 0

    def frames(self, first: int = 0, stop: int | None = None, timeline: Timeline | None = None) -> Iterator[Frame]:
        """Yield the frames as `Clip` does."""
        for frame in super().frames(first, stop, timeline):
            self.decoded += 1
            yield frame


def shown(frame: Frame) -> tuple[int, int, int, int]:
    return frame.index, frame.pts, frame.duration, zlib.crc32(frame.rgb().tobytes())


@pytest.mark.parametrize(("kept_frames", "decoded"), [(10, 12), (4, 12 + 5), (0, 12 + 9)])
def test_passes_over_a_clip_have_its_frames(portrait_clip: Path, kept_frames: int, decoded: int) -> None:
    """The first pass has a part of the clip, the second all of it; the third leaves out frames, and repeats one."""
    clip = CountedClip(open_clip(portrait_clip).info)
    frames = list(clip.frames())
    expected = [shown(frame) for frame in frames]
    frame_bytes = sum(plane.buffer_size for plane in frames[0].native.planes)
    timeline = Timeline(pts=np.array([pts for _, pts, _, _ in expected]))
    clip.decoded = 0
    reader = ContinuedClip(clip, kept_frames * frame_bytes)
    for part in (range(6, 8), range(20), range(1, 3), range(5, 8), range(7, 20)):
        assert [shown(frame) for frame in reader.frames(part.start, part.stop, timeline)] == expected[
            part.start : part.stop
        ]
    assert clip.decoded == decoded
