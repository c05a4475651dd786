"""The contract of ClipWriter, for clips of every kind: what is not edited is unchanged."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.stream import Stream

from facevid.video import ClipInfo, Encoding, Frame, open_clip
from facevid.video.color.pixels import pixel_layout, plane_view
from tests.video.copies import copy_clip

LOSSY = ("prores.mov", "vp9.webm", "mjpeg.mov", "mpeg4.avi")
OUT_SUFFIX = {".avi": ".mov"}


@pytest.fixture
def pair(every_clip: Path, tmp_path: Path) -> tuple[Path, Path]:
    """Return a source, and its copy through ClipWriter without edits, lossless if the codec supports it."""
    out = tmp_path / f"out{OUT_SUFFIX.get(every_clip.suffix, every_clip.suffix)}"
    clip = open_clip(every_clip)
    lossless = Encoding(crf=0) if clip.info.codec in ("h264", "hevc") else Encoding()
    assert copy_clip(clip, out, encoding=lossless) == []
    return every_clip, out


def test_a_copy_equals_its_source_except_for_the_encoder(pair: tuple[Path, Path]) -> None:
    source, out = pair
    clip, copy = open_clip(source), open_clip(out)
    frames, copies = list(clip.frames()), list(copy.frames())
    assert [times(frame) for frame in copies] == [times(frame) for frame in frames]
    assert comparable(copy.info, clip.info) == comparable(clip.info, clip.info)
    assert sound(out) == sound(source)
    if out.suffix == source.suffix:
        assert layout(out) == layout(source)
    assert metadata_and_chapters(out) == metadata_and_chapters(source)
    if source.name not in LOSSY:
        assert all(same_samples(*both) for both in zip(frames, copies, strict=True))


def times(frame: Frame) -> tuple[int, Fraction, Fraction]:
    return frame.index, frame.time, frame.duration * frame.time_base


def comparable(info: ClipInfo, source: ClipInfo) -> ClipInfo:
    """Return the properties that must not change; the codec of a lossy source may."""
    square = info.sample_aspect_ratio or Fraction(1)
    info = replace(info, path=source.path, codec_profile=None, frame_count=None, sample_aspect_ratio=square)
    if source.path.name in LOSSY:
        return replace(info, codec="", pix_fmt="", field_order=0, average_rate=None, is_constant_rate=True)
    return info


def sound(path: Path) -> list[list[tuple[Fraction | None, bytes]]]:
    """Return time in seconds and bytes of every packet of every sound track."""
    tracks = []
    with av.open(path) as container:
        for stream in container.streams.audio:
            with av.open(path) as again:
                packets = [p for p in again.demux(again.streams[stream.index]) if p.size]
            tracks.append([(p.pts * p.time_base if p.pts is not None else None, bytes(p)) for p in packets])
    return tracks


def layout(path: Path) -> list[tuple[str, str, str, int, str | None, str | None]]:
    """Return type, language, codec, disposition, timecode and title of every stream, in order.

    The codec of a video stream may change: only the tag of H.265 is compared, because Apple's players need hvc1.
    """
    with av.open(path) as container:
        return [
            (s.type, s.language or "und", _codec(s), int(s.disposition), s.metadata.get("timecode"),
             s.metadata.get("name", s.metadata.get("title")))
            for s in container.streams
        ]  # fmt: skip


def _codec(stream: Stream) -> str:
    if stream.type in ("audio", "subtitle"):
        return str(stream.codec_context.name)
    is_hevc = stream.type == "video" and stream.codec_context.name == "hevc"
    return str(stream.codec_context.codec_tag) if is_hevc else ""


def metadata_and_chapters(path: Path) -> tuple[dict[str, str], list[tuple[Fraction, Fraction, str]]]:
    """Return the file's metadata, without the muxer's own, and its chapters in seconds."""
    own = ("encoder", "major_brand", "minor_version", "compatible_brands", "duration", "software")
    with av.open(path) as container:
        chapters = [
            (c["start"] * c["time_base"], c["end"] * c["time_base"], c["metadata"]["title"])
            for c in container.chapters()
            if c["time_base"]
        ]
        return {k.lower(): v for k, v in container.metadata.items() if k.lower() not in own}, chapters


def same_samples(one: Frame, other: Frame) -> bool:
    native, copy = one.native, other.native
    pixels = pixel_layout(native.format.name)
    assert pixels is not None
    if copy.format.name != native.format.name:
        return False
    planes = range(len(native.planes))
    return all(np.array_equal(plane_view(native, p, pixels), plane_view(copy, p, pixels)) for p in planes)
