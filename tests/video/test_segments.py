"""Segments of clips: their frames are those of the whole clip."""

import hashlib
from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
from av import VideoFrame

from facevid.errors import InputError
from facevid.video import CODECS, Clip, ClipWriter, Encoding, Frame, open_clip
from facevid.video.color.pixels import pixel_layout, plane_view
from facevid.video.reader.timeline import Timeline, TimelineError, checksum, scan_timeline
from facevid.video.writer.writer import writable
from tests.video.conftest import MakeClip

Description = tuple[int, int, int, str]
"""Index, timestamp, duration and MD5 of the samples of a frame."""


def describe(frames: Iterable[Frame]) -> list[Description]:
    return [(frame.index, frame.pts, frame.duration, md5(frame)) for frame in frames]


def md5(frame: Frame) -> str:
    layout = pixel_layout(frame.native.format.name)
    assert layout is not None
    planes = (plane_view(frame.native, plane, layout) for plane in range(len(frame.native.planes)))
    return hashlib.md5(b"".join(np.ascontiguousarray(plane).tobytes() for plane in planes)).hexdigest()


def timeline_of(clip: Clip) -> Timeline:
    frames = [(frame.pts, checksum(frame.native)) for frame in clip.frames()]
    return Timeline(np.array([pts for pts, _ in frames]), np.array([crc for _, crc in frames], dtype=np.uint32))


def test_frames_of_segments_are_those_of_the_whole(every_clip: Path) -> None:
    clip = open_clip(every_clip)
    whole, timeline = describe(clip.frames()), timeline_of(clip)
    for length in (1, 3, 5, len(whole)):
        edges = [*range(0, len(whole), length), len(whole)]
        parts = [describe(clip.frames(first, stop, timeline)) for first, stop in pairwise(edges)]
        assert [frame for part in parts for frame in part] == whole
    assert describe(clip.frames(len(whole) - 2, None, timeline)) == whole[-2:]
    assert describe(clip.frames(2, 4)) == whole[2:4]


def test_packets_give_the_times_of_frames(every_clip: Path) -> None:
    """Clips without usable packet times are decoded from their start instead."""
    clip = open_clip(every_clip)
    scanned = scan_timeline(clip.info)
    whole = describe(clip.frames())
    if scanned is None:
        return
    assert scanned.pts.tolist() == [pts for _, pts, _, _ in whole]
    assert describe(clip.frames(5, 8, scanned)) == whole[5:8]


@pytest.mark.parametrize("name", ["long.mkv", "long.avi", "pause.mkv"])
def test_a_seek_decodes_the_segment_only(make_clip: MakeClip, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    clip = open_clip(make_clip(name))
    timeline = timeline_of(clip)
    decoded: list[int] = []
    index_of = Timeline.index_of

    def record(self: Timeline, pts: int, native: VideoFrame) -> int | None:
        decoded.append(pts)
        return index_of(self, pts, native)

    monkeypatch.setattr(Timeline, "index_of", record)
    first = len(timeline) - 2
    assert [frame.index for frame in clip.frames(first, None, timeline)] == [first, first + 1]
    assert len(decoded) < 20


def test_a_wrong_timeline_is_noticed(make_clip: MakeClip) -> None:
    """Frames are never taken for others: they are found by decoding from the start, or an error ends the edit."""
    clip = open_clip(make_clip("constant.mp4"))
    whole, timeline = describe(clip.frames()), timeline_of(clip)
    assert timeline.checksums is not None
    damaged = Timeline(timeline.pts, timeline.checksums + np.uint32(1))
    assert describe(clip.frames(5, 8, damaged)) == whole[5:8]
    shifted = timeline.pts.copy()
    shifted[6:] += 7
    with pytest.raises(TimelineError, match=r"constant\.mp4"):
        list(clip.frames(0, None, Timeline(shifted)))
    assert issubclass(TimelineError, InputError)


CONTAINERS = [(name, suffix) for name, entry in CODECS.items() if "_" not in name for suffix in entry.suffixes]


@pytest.mark.parametrize(("codec", "suffix"), CONTAINERS)
def test_segments_of_every_codec_are_joined_without_loss(
    make_clip: MakeClip, tmp_path: Path, codec: str, suffix: str
) -> None:
    """Packets, timestamps, durations and keyframes are those of one piece, but for what the encoder decides by."""
    clip = open_clip(make_clip("hd.mp4"))
    encoding = Encoding(codec)
    with ClipWriter(tmp_path / f"whole{suffix}", clip, encoding=encoding) as writer:
        for frame in clip.frames():
            writer.write(frame)
    for name, edges in (("one", (0, 12)), ("odd", (0, 1, 6, 11, 12))):
        out = tmp_path / f"{name}{suffix}"
        join(clip, ClipWriter(out, clip, encoding=encoding), edges, tmp_path / name)
        whole, joined = packets(tmp_path / f"whole{suffix}"), packets(out)
        assert name != "one" or joined == whole
        assert {packet[1] for packet in joined} == {packet[1] for packet in whole}
        assert [packet[2] for packet in joined] == [packet[2] for packet in whole]
        assert start_and_duration(out) == start_and_duration(tmp_path / f"whole{suffix}")
        times, whole_times = (frame_times(path) for path in (out, tmp_path / f"whole{suffix}"))
        assert len(times) == 12
        assert times == whole_times
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


@pytest.mark.parametrize("source", ["variable.mp4", "sound.mp4", "interlaced.mov", "b-frames.mp4"])
def test_joined_videos_keep_timestamps_and_sound(make_clip: MakeClip, tmp_path: Path, source: str) -> None:
    clip = open_clip(make_clip(source))
    out = tmp_path / f"out{Path(source).suffix}"
    count = len(list(clip.frames()))
    join(clip, ClipWriter(out, clip, encoding=Encoding(crf=0)), (0, 5, 6, count), tmp_path / "parts")
    assert describe(open_clip(out).frames()) == describe(clip.frames())
    with av.open(str(out)) as result, av.open(str(make_clip(source))) as original:
        for one, other in zip(result.streams.audio, original.streams.audio, strict=True):
            assert (one.start_time, one.duration) == (other.start_time, other.duration)


def frame_times(path: Path) -> list[tuple[int, int, int]]:
    """Return index, timestamp and duration of each frame."""
    return [(frame.index, frame.pts, frame.duration) for frame in open_clip(path).frames()]


def join(clip: Clip, writer: ClipWriter, edges: Sequence[int], folder: Path) -> None:
    """Write the frames between `edges` as segments in `folder`, and join them."""
    folder.mkdir()
    paths = []
    for first, stop in pairwise(edges):
        paths.append(folder / f"{first:06}")
        with writer.destination.segment(paths[-1]) as segment:
            assert not paths[-1].with_suffix(".json").exists()
            for frame in clip.frames(first, stop):
                segment.write(writable(frame), frame)
        assert paths[-1].with_suffix(".json").exists()
    with writer:
        writer.append(paths)


def packets(path: Path) -> list[tuple[bytes, int | None, int | None, int | None, bool]]:
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        return [(bytes(p), p.pts, p.dts, p.duration, p.is_keyframe) for p in container.demux(stream) if p.size]


def start_and_duration(path: Path) -> tuple[int | None, int | None]:
    with av.open(str(path)) as container:
        return container.streams.video[0].start_time, container.streams.video[0].duration
