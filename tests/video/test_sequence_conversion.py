"""Image sequences from videos, and videos from image sequences."""

import re
import struct
import zlib
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from facevid.errors import UsageError
from facevid.video import Encoding, RgbWriter, open_clip
from facevid.video.color.pixels import pixel_layout, plane_view
from tests.video.conftest import MakeClip, MakeSequence
from tests.video.copies import copy_clip


@pytest.mark.parametrize(
    ("suffix", "pix_fmt", "out", "codec"),
    [
        (".png", "rgb24", "out.mp4", "h264"),
        (".png", "rgb48be", "out.mov", "prores"),
        (".png", "rgb48be", "out.mkv", "ffv1"),
        (".dpx", "gbrp10be", "out.mkv", "ffv1"),
        (".exr", "gbrpf32le", "out.mp4", "hevc"),
        (".exr", "gbrpf32le", "out.mkv", "ffv1"),
    ],
)
def test_a_sequence_becomes_a_video(
    make_sequence: MakeSequence, tmp_path: Path, *, suffix: str, pix_fmt: str, out: str, codec: str
) -> None:
    clip = open_clip(make_sequence(suffix, pix_fmt))
    warnings = copy_clip(clip, tmp_path / out)
    made = open_clip(tmp_path / out)
    max_difference = {"ffv1": 2, "h264": 10}.get(codec, 6)  # 8-bit 4:2:0 of a pattern with saturated edges
    assert made.info.codec == codec
    assert any("sRGB" in warning for warning in warnings) == (suffix == ".exr")
    for source_frame, result_frame in zip(clip.frames(), made.frames(), strict=True):
        assert abs(result_frame.time - source_frame.time) <= (Fraction(1, 2000) if out.endswith("mkv") else 0)
        assert np.abs(result_frame.rgb().astype(int) - source_frame.rgb()).mean() < max_difference


@pytest.mark.parametrize(
    ("source", "suffix", "pix_fmt"),
    [
        ("sound.mp4", ".png", "rgb24"),
        ("rotated-90.mp4", ".png", "rgb24"),
        ("rotated-180.mp4", ".exr", "gbrpf16le"),
        ("rotated-prores.mov", ".png", "rgb48be"),
        ("rotated-prores.mov", ".jpg", "yuvj422p"),
        ("ten-bit.mp4", ".dpx", "gbrp10le"),
        ("ten-bit.mp4", ".tif", "gbrp16le"),
        ("bt709.mp4", ".exr", "gbrpf16le"),
        ("full-range.mp4", ".jpg", "yuvj420p"),
    ],
)
def test_a_video_becomes_a_sequence(
    make_clip: MakeClip, tmp_path: Path, source: str, suffix: str, pix_fmt: str
) -> None:
    clip = open_clip(make_clip(source))
    warnings = copy_clip(clip, tmp_path / f"shot.%04d{suffix}")
    assert any("sound" in warning for warning in warnings) == clip.info.has_sound
    made = open_clip(tmp_path / f"shot.%04d{suffix}")
    assert (made.info.first_number, made.info.frame_count, made.info.pix_fmt) == (0, 12, pix_fmt)
    for source_frame, result_frame in zip(clip.frames(), made.frames(), strict=True):
        difference = result_frame.rgb().astype(int) - source_frame.rgb()
        assert np.abs(difference).mean() < 8  # chroma is interpolated across saturated edges
        assert np.abs(difference.mean(axis=(0, 1))).max() < 2


def test_start_number_numbers_the_frames_of_a_video(make_clip: MakeClip, tmp_path: Path) -> None:
    source = make_clip("sound.mp4")
    copy_clip(open_clip(source, start_number=1001), tmp_path / "shot.%04d.png")
    made = open_clip(tmp_path / "shot.####.png")
    assert (made.info.first_number, made.info.frame_count) == (1001, 12)
    with pytest.raises(UsageError):
        open_clip(tmp_path / "shot.####.png", start_number=1)


def test_half_float_alpha_is_kept(make_sequence: MakeSequence, tmp_path: Path) -> None:
    source = open_clip(make_sequence(".exr", "gbrapf32le", "-format", "half"))
    copy_clip(source, tmp_path / "shot.%04d.png")
    alphas = []
    for clip in (source, open_clip(tmp_path / "shot.####.png")):
        native = next(clip.frames()).native
        layout = pixel_layout(native.format.name)
        assert layout is not None
        plane, channel = (3, 0) if "gbra" in native.format.name else (0, 3)
        alpha = plane_view(native, plane, layout)[..., channel].astype(np.float32)
        alphas.append(alpha if layout.is_float else alpha / (2**layout.depth - 1))
    assert alphas[0].max() > 0.5
    assert np.abs(alphas[1] - alphas[0]).max() < 0.01


@pytest.mark.parametrize("suffix", [".png", ".tif", ".dpx", ".exr", ".jpg", ".webp", ".bmp"])
def test_a_video_becomes_images_with_its_colours(make_clip: MakeClip, tmp_path: Path, suffix: str) -> None:
    clip = open_clip(make_clip("flat.mp4"))
    copy_clip(clip, tmp_path / f"shot.%04d{suffix}")
    before, after = next(clip.frames()).rgb(), next(open_clip(tmp_path / f"shot.%04d{suffix}").frames()).rgb()
    assert np.abs(after.astype(int) - before).max() <= 2


@pytest.mark.parametrize("suffix", [".png", ".tif", ".dpx", ".exr"])
@pytest.mark.parametrize("name", ["hevc-ten-bit.mp4", "hevc-twelve-bit.mov"])
def test_a_high_depth_video_becomes_images_with_its_colours(
    make_clip: MakeClip, tmp_path: Path, name: str, suffix: str
) -> None:
    clip = open_clip(make_clip(name))
    copy_clip(clip, tmp_path / f"shot.%04d{suffix}")
    before, after = next(clip.frames()).rgb(), next(open_clip(tmp_path / f"shot.%04d{suffix}").frames()).rgb()
    assert np.abs(after.astype(int) - before).max() <= 2


def test_a_variable_frame_rate_is_reported(make_clip: MakeClip, tmp_path: Path) -> None:
    constant = copy_clip(open_clip(make_clip("sound.mp4")), tmp_path / "constant.%d.png")
    variable = copy_clip(open_clip(make_clip("variable.mp4")), tmp_path / "out.%d.png")
    assert len(variable) == len(constant) + 1
    assert any("rate" in warning for warning in variable)


@pytest.mark.parametrize("name", ["out.mp4", "out.%04d.png"])
def test_rgb_frames_for_a_sequence(make_sequence: MakeSequence, tmp_path: Path, name: str) -> None:
    clip = open_clip(make_sequence(".exr", "gbrpf32le"))
    picture = np.full((48, 128, 3), (200, 90, 40), np.uint8)
    with RgbWriter(tmp_path / name, clip, 128, 48) as writer:
        for frame in clip.frames():
            writer.write(picture, frame)
    made = open_clip(tmp_path / name)
    frames = list(made.frames())
    assert len(frames) == 5
    assert np.abs(frames[2].rgb().astype(int) - picture).max() < 8
    assert made.info.first_number == (0 if name == "out.mp4" else 1001)


def test_an_icc_profile_is_kept_or_reported(make_sequence: MakeSequence, tmp_path: Path) -> None:
    folder = make_sequence(".png", "rgb24")
    profile = bytes(36) + b"acsp" + bytes(92)
    body = b"iCCPgrey\0\0" + zlib.compress(profile)
    for path in folder.iterdir():
        content = path.read_bytes()
        chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
        path.write_bytes(content[:33] + chunk + content[33:])  # after the signature and the header
    clip = open_clip(folder)
    assert clip.info.has_icc
    assert copy_clip(clip, tmp_path / "png") == []
    assert open_clip(tmp_path / "png").info.has_icc
    assert any("ICC" in warning for warning in copy_clip(clip, tmp_path / "out.%04d.tif"))
    assert not open_clip(tmp_path / "out.%04d.tif").info.has_icc


@pytest.mark.parametrize("rate", [None, Fraction(24000, 1001)])
def test_a_video_of_a_sequence_is_a_plain_file(
    make_sequence: MakeSequence, tmp_path: Path, rate: Fraction | None
) -> None:
    (warning,) = copy_clip(open_clip(make_sequence(".png", "rgb24"), rate), tmp_path / "out.mp4")
    assert re.search(r"out\.mp4: .*rgb24.*yuv420p.*--pix-fmt yuv444p", warning)
    with av.open(tmp_path / "out.mp4") as container:
        stream = container.streams.video[0]
        assert (stream.average_rate, stream.frames, len(container.streams)) == (rate or 24, 5, 1)
        assert stream.codec_context.pix_fmt == "yuv420p"


def test_full_chroma_on_request_or_for_odd_sizes(make_sequence: MakeSequence, tmp_path: Path) -> None:
    copy_clip(open_clip(make_sequence(".png", "rgb24")), tmp_path / "asked.mp4", encoding=Encoding(pix_fmt="yuv444p"))
    copy_clip(open_clip(make_sequence(".png", "rgb24", "-s", "65x47")), tmp_path / "odd.mp4")
    assert {open_clip(tmp_path / name).info.pix_fmt for name in ("asked.mp4", "odd.mp4")} == {"yuv444p"}
