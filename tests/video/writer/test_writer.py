"""Writers: atomic output, checks before any work, and the requested codec, pixel format and container."""

import os
import re
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.stream import Disposition

from facevid.errors import FacevidError, OutputError, UsageError
from facevid.video import Clip, ClipWriter, Encoding, Patch, RgbWriter, add_patches, open_clip
from facevid.video.encoding.encoder_plan import plan_encoder
from facevid.video.encoding.frame_encoder import FrameEncoder
from facevid.video.writer.ffmpeg import run_ffmpeg
from tests.video.conftest import MakeClip
from tests.video.copies import copy_clip

CLIPS = ("hand-before-face.mp4", "man-profile-turn-224.mp4", "stage-cuts-many-faces.mp4")


@pytest.fixture
def clip(make_clip: MakeClip) -> Clip:
    return open_clip(make_clip("sound.mp4"))


@pytest.fixture
def clean(tmp_path: Path) -> Iterator[None]:
    """Check after the test that no hidden file is left."""
    yield
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def codec_and_pix_fmt(path: Path) -> tuple[str, str | None]:
    with av.open(path) as container:
        context = container.streams.video[0].codec_context
        return context.name, context.pix_fmt


@pytest.mark.parametrize("name", CLIPS)
def test_a_real_clip_keeps_its_timing_and_sound(name: str, shared: Path, tmp_path: Path) -> None:
    source = shared / "clips" / name
    clip, out = open_clip(source), tmp_path / "out.mp4"
    assert copy_clip(clip, out) == []
    frames, copies = clip.frames(), open_clip(out).frames()
    differences = []
    for frame, made in zip(frames, copies, strict=True):
        assert (made.pts, made.duration, made.time_base) == (frame.pts, frame.duration, frame.time_base)
        if frame.index % 20 == 0:
            differences.append(np.abs(made.rgb().astype(int) - frame.rgb()).mean())
    assert max(differences) < 1.5
    assert packets(out) == packets(source)


def packets(path: Path) -> list[tuple[int | None, bytes]]:
    with av.open(path) as container:
        if not container.streams.audio:
            return []
        return [(packet.pts, bytes(packet)) for packet in container.demux(container.streams.audio[0])]


@pytest.mark.parametrize("failure", [RuntimeError, KeyboardInterrupt])
@pytest.mark.parametrize("existing", [True, False])
@pytest.mark.usefixtures("clean")
def test_an_exception_leaves_an_existing_file_unchanged(
    clip: Clip, tmp_path: Path, failure: type[BaseException], existing: bool
) -> None:
    out = tmp_path / "out.mkv"
    if existing:
        out.write_bytes(b"as it was")
    writer = ClipWriter(out, clip, encoding=Encoding("ffv1"), overwrite=True)  # writes without delay
    with pytest.raises(failure), writer:
        for frame in clip.frames():
            writer.write(frame)
        assert list(tmp_path.glob(".out.mkv.*/video.*"))
        raise failure
    assert (out.read_bytes() == b"as it was") if existing else not out.exists()


@pytest.mark.usefixtures("clean")
def test_a_result_without_a_frame_is_refused(clip: Clip, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"out\.mp4"), ClipWriter(tmp_path / "out.mp4", clip):
        pass
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("clean")
def test_a_failed_stream_copy_leaves_no_files(make_clip: MakeClip, tmp_path: Path) -> None:
    source = tmp_path / "source.mp4"
    source.write_bytes(make_clip("sound.mp4").read_bytes())
    clip = open_clip(source)
    failure = pytest.raises(OutputError, match=r"out\.mp4 .*ffmpeg")
    with failure, ClipWriter(tmp_path / "out.mp4", clip) as writer:
        for frame in clip.frames():
            writer.write(frame)
        source.unlink()
    assert list(tmp_path.iterdir()) == []


def test_an_existing_result_is_replaced_only_on_request(clip: Clip, tmp_path: Path) -> None:
    out = tmp_path / "out.mp4"
    out.write_bytes(b"as it was")
    with pytest.raises(OutputError, match=r"out\.mp4.*--overwrite"):
        ClipWriter(out, clip)
    copy_clip(clip, out, overwrite=True)
    assert len(list(open_clip(out).frames())) == 12


@pytest.mark.parametrize(
    ("name", "error", "message"),
    [
        ("nowhere/out.mp4", OutputError, "nowhere"),
        ("out.txt", UsageError, r"out\.txt.*\.mp4"),
        ("out.png", UsageError, r"out\.png"),
        ("out", UsageError, r"out\b"),
        ("folder.mp4", OutputError, r"folder\.mp4"),
        ("link.mp4", UsageError, r"link\.mp4"),
        ("hard.mp4", UsageError, r"hard\.mp4"),
        ("out.webm", UsageError, r"out\.webm .*\baac\b"),
    ],
)
def test_an_invalid_result_is_refused_before_any_work(
    make_clip: MakeClip, tmp_path: Path, name: str, error: type[FacevidError], message: str
) -> None:
    source = make_clip("sound.mp4")
    (tmp_path / "folder.mp4").mkdir()
    (tmp_path / "link.mp4").symlink_to(source)
    os.link(source, tmp_path / "hard.mp4")
    with pytest.raises(error, match=message):
        ClipWriter(tmp_path / name, open_clip(source), overwrite=True)


@pytest.mark.parametrize(
    ("name", "encoding", "message"),
    [
        ("out.mp4", Encoding("divx"), "divx.*h264, h265, av1, prores, dnxhr, ffv1"),
        ("out.mp4", Encoding("prores"), r"out\.mp4: prores .*\.mov, \.mkv.*h264, h265, av1"),
        ("out.mov", Encoding("prores", crf=20), "--crf.*prores"),
        ("out.mp4", Encoding("h264", pix_fmt="rgb24"), r"out\.mp4: .*rgb24.*64x48.*yuv420p"),
    ],
)
def test_an_invalid_encoding_is_refused_before_any_work(
    clip: Clip, tmp_path: Path, name: str, encoding: Encoding, message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        ClipWriter(tmp_path / name, clip, encoding=encoding)


@pytest.mark.parametrize(
    ("source", "name", "encoding", "expected"),
    [
        ("sound.mp4", "out.mov", Encoding("prores"), ("prores", "yuv422p10le")),
        ("constant.mp4", "out.mp4", Encoding("h265", pix_fmt="yuv420p10le"), ("hevc", "yuv420p10le")),
        ("sound.mp4", "out.mkv", Encoding("ffv1"), ("ffv1", "yuv420p")),
        ("sound.mp4", "out.mp4", Encoding("av1"), ("libdav1d", "yuv420p")),
        ("prores.mov", "out.mov", Encoding(), ("prores", "yuv422p10le")),
        ("mpeg4.avi", "out.mp4", Encoding(), ("h264", "yuv420p")),
        ("vp9.webm", "out.webm", Encoding(), ("libdav1d", "yuv420p")),
        ("ffv1-rgba.mkv", "out.mov", Encoding(), ("prores", "yuva444p12le")),
        ("ffv1-rgb-ten-bit.mkv", "out.mp4", Encoding(), ("hevc", "gbrp10le")),
        ("hevc-twelve-bit.mov", "out.mp4", Encoding("h264"), ("h264", "yuv444p10le")),
    ],
)
def test_codec_and_pixel_format_follow_the_choice_or_the_source(
    make_clip: MakeClip, tmp_path: Path, *, source: str, name: str, encoding: Encoding, expected: tuple[str, str]
) -> None:
    clip = open_clip(make_clip(source))
    copy_clip(clip, tmp_path / name, encoding=encoding)
    assert codec_and_pix_fmt(tmp_path / name) == expected
    made, first = next(open_clip(tmp_path / name).frames()).rgb(), next(clip.frames()).rgb()
    assert np.abs(made.astype(int) - first).mean() < 6


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_named(clip: Clip) -> None:
    plan = plan_encoder(clip.info, Path("out.mkv"), Encoding("ffv1"))
    encoder = FrameEncoder(Path("/dev/full"), Path("out.mkv"), plan)
    with pytest.raises(OutputError, match=r"out\.mkv .*\(ffv1\): .*\bfull\b"):
        for frame in clip.frames():
            encoder.write(frame.native)
        encoder.finish()
    encoder.abandon()


def test_dnxhr_is_refused_for_small_frames(clip: Clip, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"out\.mov .*\(dnxhd\): .*64x48 yuv422p"):
        copy_clip(clip, tmp_path / "out.mov", encoding=Encoding("dnxhr"))


def test_content_that_the_container_cannot_store_is_reported(make_clip: MakeClip, tmp_path: Path) -> None:
    warnings = copy_clip(open_clip(make_clip("subtitles.mp4")), tmp_path / "out.mkv")
    assert any(re.search("mov_text.*subrip", warning) for warning in warnings)
    warnings = copy_clip(open_clip(make_clip("ntsc.mov")), tmp_path / "ntsc.mkv")
    assert any("milliseconds" in warning for warning in warnings)
    warnings = copy_clip(open_clip(make_clip("ffv1-gray.mkv")), tmp_path / "out.mp4")
    assert any(re.search(r"out\.mp4 .*ffv1", warning) for warning in warnings)
    warnings = copy_clip(
        open_clip(make_clip("hevc-twelve-bit.mov")), tmp_path / "out.mp4", encoding=Encoding("h264"), overwrite=True
    )
    assert any(re.search("libx264 .*yuv444p12le.*yuv444p10le", warning) for warning in warnings)


LOSSES = [
    ("vp9-alpha.webm", "out.mkv", None, r"vp9-alpha\.webm: .*alpha.*vp9"),
    ("dv.avi", "out.mov", "h264", r"dv\.avi: .*interlaced"),
    ("cover.mkv", "out.mkv", None, r"out\.mkv .*stream 1 \(video, mjpeg\)"),
    ("prores-alpha.mov", "out.mp4", None, "libx265 .*yuva444p12le.*alpha"),
    ("ffv1-odd.mkv", "out.mp4", "h264", "libx264 .*yuv420p.*yuv444p"),
]
"""Source, result, codec, and a pattern of the expected warning."""


@pytest.mark.parametrize("loss", LOSSES)
def test_lost_content_is_reported(make_clip: MakeClip, tmp_path: Path, loss: tuple[str, str, str | None, str]) -> None:
    source, out, codec, pattern = loss
    make_clip("cover.jpg")
    warnings = copy_clip(open_clip(make_clip(source)), tmp_path / out, encoding=Encoding(codec))
    assert any(re.search(pattern, warning) for warning in warnings)
    with av.open(tmp_path / out) as container:
        assert len(container.streams) == 1
        assert "alpha_mode" not in {name.lower() for name in container.streams[0].metadata}


def test_h265_of_an_odd_size_is_refused_with_a_remedy(make_clip: MakeClip, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"out\.mp4: h265 .*65x47.*--codec h264"):
        copy_clip(open_clip(make_clip("odd-ten-bit.mkv")), tmp_path / "out.mp4")


@pytest.mark.parametrize(
    ("source", "suffix"),
    [("subtitles.mkv", ".mp4"), ("subtitles.mp4", ".mkv"), ("ntsc.mov", ".mp4"), ("timecode.mov", ".mp4")],
)
def test_another_container_keeps_timing_and_sound(
    make_clip: MakeClip, tmp_path: Path, source: str, suffix: str
) -> None:
    clip, out = open_clip(make_clip(source)), tmp_path / f"out{suffix}"
    copy_clip(clip, out)
    for source_frame, result_frame in zip(clip.frames(), open_clip(out).frames(), strict=True):
        assert abs(source_frame.time - result_frame.time) <= (Fraction(1, 2000) if suffix == ".mkv" else 0)
    assert [size for _, size in packets(out)] == [size for _, size in packets(make_clip(source))]


def test_the_disposition_of_the_video_stream_is_kept(make_clip: MakeClip, tmp_path: Path) -> None:
    source, out = tmp_path / "in.mkv", tmp_path / "out.mkv"
    options = ("-c", "copy", "-disposition:v:0", "original+hearing_impaired")
    run_ffmpeg(["-i", f"file:{make_clip('constant.mp4')}", *options, f"file:{source}"], "")
    copy_clip(open_clip(source), out)
    for path in (source, out):
        with av.open(str(path)) as container:
            disposition = container.streams.video[0].disposition
            assert disposition == Disposition.original | Disposition.hearing_impaired


def test_the_reel_name_of_the_timecode_is_kept(make_clip: MakeClip, tmp_path: Path) -> None:
    source, out = tmp_path / "reel.mov", tmp_path / "out.mov"
    reel = ("-metadata:s:v:0", "reel_name=A001C002")
    run_ffmpeg(["-i", f"file:{make_clip('timecode.mov')}", "-map", "0:v", "-c", "copy", *reel, f"file:{source}"], "")
    copy_clip(open_clip(source), out)
    for path in (source, out):
        with av.open(str(path)) as container:
            (track,) = container.streams.data
            assert (track.metadata["timecode"], track.metadata["reel_name"]) == ("10:20:30:05", "A001C002")


def test_unsupported_audio_is_refused_before_any_work(make_clip: MakeClip, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"out\.mov .*\w*opus"):
        ClipWriter(tmp_path / "out.mov", open_clip(make_clip("subtitles.mkv")))


def test_only_the_edited_part_changes(make_clip: MakeClip, tmp_path: Path) -> None:
    clip, out = open_clip(make_clip("rotated-90.mp4")), tmp_path / "out.mp4"
    delta = np.full((10, 12, 3), 25, np.float32)
    with ClipWriter(out, clip, encoding=Encoding(crf=0)) as writer:
        for frame in clip.frames():
            writer.write(add_patches(frame, [Patch(4, 30, delta)]))
    for source_frame, result_frame in zip(clip.frames(), open_clip(out).frames(), strict=True):
        difference = np.abs(result_frame.rgb().astype(int) - source_frame.rgb()).max(axis=2)
        assert difference[30:40, 4:16].mean() > 5
        difference[28:42, 2:18] = 0
        assert not difference.any()


@pytest.mark.parametrize("source", ["sound.mp4", "rotated-90.mp4", "bt2020-pq.mp4", "variable.mp4"])
def test_rgb_frames_of_another_size(make_clip: MakeClip, tmp_path: Path, source: str) -> None:
    clip, out = open_clip(make_clip(source)), tmp_path / "out.mp4"
    ramp = np.stack(np.broadcast_arrays(np.arange(101) * 2, np.arange(75)[:, None] * 3, 90), axis=2).astype(np.uint8)
    with RgbWriter(out, clip, 101, 75) as writer:
        for frame in clip.frames():
            writer.write(ramp, frame)
    made = open_clip(out)
    assert (made.info.width, made.info.height) == (102, 76)
    assert (made.info.colour.matrix, made.info.colour.colour_range) == (1, 1)
    assert packets(out) == packets(make_clip(source))
    for source_frame, result_frame in zip(clip.frames(), made.frames(), strict=True):
        assert (source_frame.time, source_frame.duration * source_frame.time_base) == (
            result_frame.time,
            result_frame.duration * result_frame.time_base,
        )
        assert np.abs(result_frame.rgb()[:75, :101].astype(int) - ramp).mean() < 3
    with pytest.raises(UsageError, match=r"\(10, 10, 3\)"), RgbWriter(out, clip, 10, 10, overwrite=True) as writer:
        writer.write(ramp, frame)
