"""Codecs chosen by the user or the source: profile, bit depth, colours and field order of the result."""

import subprocess
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from facevid.errors import OutputError, UsageError
from facevid.video import CODECS, ClipWriter, Encoding, open_clip
from facevid.video.encoding.codecs import codec_options
from facevid.video.encoding.encoder_plan import plan_encoder
from facevid.video.writer.ffmpeg import ffmpeg_program
from tests.video.conftest import MakeClip
from tests.video.copies import copy_clip


def difference(source: Path, out: Path) -> float:
    """Return the mean absolute difference of the first frames, in units of 0-255."""
    before, after = next(open_clip(source).frames()).rgb(), next(open_clip(out).frames()).rgb()
    return float(np.abs(after.astype(int) - before).mean())


@pytest.mark.parametrize(
    ("source", "codec", "profile", "pix_fmt"),
    [
        ("hd.mp4", "dnxhr", "DNXHR HQ", "yuv422p"),
        ("hd-ten-bit.mp4", "dnxhr", "DNXHR HQX", "yuv422p10le"),
        ("hd-444.mp4", "dnxhr", "DNXHR 444", "yuv444p10le"),
        ("hd-rgb.mkv", "dnxhr", "DNXHR 444", "gbrp10le"),
        ("dnxhr-lb.mov", None, "DNXHR LB", "yuv422p"),
        ("prores-proxy.mov", None, "Proxy", "yuv422p10le"),
        ("prores-4444xq.mov", None, "XQ", "yuva444p12le"),
        ("prores.mov", None, "HQ", "yuv422p10le"),
        ("av1.mp4", None, "Main", "yuv420p10le"),
    ],
)
def test_profile_and_depth_follow_the_source(
    make_clip: MakeClip, tmp_path: Path, *, source: str, codec: str | None, profile: str, pix_fmt: str
) -> None:
    out = tmp_path / ("out.mp4" if source == "av1.mp4" else "out.mov")
    copy_clip(make_clip(source), out, encoding=Encoding(codec))
    info = open_clip(out).info
    assert (info.codec_profile, info.pix_fmt) == (profile, pix_fmt)
    assert difference(make_clip(source), out) < 4


def test_a_pixel_aspect_ratio_that_matroska_cannot_store_is_reported(make_clip: MakeClip, tmp_path: Path) -> None:
    source = make_clip("odd-anamorphic.mp4")
    assert open_clip(source).info.sample_aspect_ratio == Fraction(391, 390)
    (warning,) = (
        text for text in copy_clip(source, tmp_path / "a.mkv", encoding=Encoding("ffv1")) if "391:390" in text
    )
    assert ".mov" in warning
    assert copy_clip(source, tmp_path / "b.mov", encoding=Encoding("h264")) == []
    assert open_clip(tmp_path / "b.mov").info.sample_aspect_ratio == Fraction(391, 390)


def test_dnxhr_is_always_bt709(make_clip: MakeClip, tmp_path: Path) -> None:
    copy_clip(make_clip("hd-444.mp4"), tmp_path / "out.mov", encoding=Encoding("dnxhr"))
    assert open_clip(make_clip("hd-444.mp4")).info.colour.matrix == 2  # untagged, and small enough to be BT.601
    assert open_clip(tmp_path / "out.mov").info.colour.matrix == 1
    assert difference(make_clip("hd-444.mp4"), tmp_path / "out.mov") < 0.5


@pytest.mark.parametrize(
    ("source", "codec", "name", "order"),
    [
        ("interlaced.mov", "h264", "out.mov", "T"),
        ("interlaced.mov", "prores", "out.mov", "T"),
        ("interlaced.mov", "ffv1", "out.mkv", "T"),
        ("interlaced-bottom.mkv", "h264", "out.mov", "B"),
        ("interlaced-bottom.mkv", "prores", "out.mov", "B"),
        ("interlaced-bottom.mkv", "ffv1", "out.mkv", "B"),
    ],
)
def test_field_order_is_kept(
    make_clip: MakeClip, tmp_path: Path, *, source: str, codec: str, name: str, order: str
) -> None:
    warnings = copy_clip(make_clip(source), tmp_path / name, encoding=Encoding(codec))
    assert not any("interlaced" in warning for warning in warnings)
    assert fields(tmp_path / name) == {order}


def fields(path: Path) -> set[str]:
    """Return how the frames are marked: T top field first, B bottom field first, P progressive."""
    command = [ffmpeg_program(), "-nostdin", "-i", str(path), "-vf", "showinfo", "-f", "null", "-"]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stderr
    return {line.split(" i:")[1][0] for line in output.splitlines() if " i:" in line}


@pytest.mark.parametrize("codec", ["h265", "av1"])
def test_interlacing_that_cannot_be_marked_is_reported(make_clip: MakeClip, tmp_path: Path, codec: str) -> None:
    warnings = copy_clip(make_clip("interlaced.mov"), tmp_path / "out.mp4", encoding=Encoding(codec))
    assert any("interlaced" in warning and codec in warning for warning in warnings)
    assert fields(tmp_path / "out.mp4") == {"P"}


@pytest.mark.parametrize("codec", CODECS)
def test_options_of_every_codec(codec: str) -> None:
    entry = CODECS[codec]
    if entry.crf is None:
        with pytest.raises(UsageError, match="--crf"):
            codec_options(codec, 20)
        return
    assert codec_options(codec, None)[entry.crf_option] == str(entry.crf)
    assert codec_options(codec, 20.5)[entry.crf_option] == "20.5"
    assert (entry.crf_option in codec_options(codec, 0)) == (entry.lossless is None)


def test_hardware_encoders_are_used_only_on_request(make_clip: MakeClip, tmp_path: Path) -> None:
    info = open_clip(make_clip("constant.mp4")).info
    assert plan_encoder(info, tmp_path / "out.mp4", Encoding()).encoder == "libx264"
    plan = plan_encoder(info, tmp_path / "out.mp4", Encoding("h264_nvenc", crf=19))
    assert (plan.encoder, plan.pix_fmt, plan.options["cq"]) == ("h264_nvenc", "yuv420p", "19")
    deep = open_clip(make_clip("hevc-ten-bit.mp4")).info
    assert plan_encoder(deep, tmp_path / "out.mp4", Encoding("hevc_nvenc")).pix_fmt == "p010le"


@pytest.mark.skipif(Path("/dev/nvidia0").exists(), reason="needs a machine without an NVIDIA device")
def test_missing_hardware_is_an_error_before_any_work(make_clip: MakeClip, tmp_path: Path) -> None:
    writer = ClipWriter(tmp_path / "out.mp4", open_clip(make_clip("hd.mp4")), encoding=Encoding("h264_nvenc"))
    with pytest.raises(OutputError, match=r"out\.mp4 .*h264_nvenc"), writer:
        pass
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("codec", "suffix"),
    [(name, suffix) for name, entry in CODECS.items() if "_" not in name for suffix in entry.suffixes],
)
def test_every_container_of_the_table_takes_its_codec(
    make_clip: MakeClip, tmp_path: Path, codec: str, suffix: str
) -> None:
    out = tmp_path / f"out{suffix}"
    copy_clip(make_clip("hd.mp4"), out, encoding=Encoding(codec))
    assert len(list(open_clip(out).frames())) == 12
    assert difference(make_clip("hd.mp4"), out) < 4
