"""Reading clips: their properties and frames, and the errors for files that cannot be read."""

import re
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from facevid.errors import InputError
from facevid.video import open_clip
from tests.video.conftest import MakeClip

SEGMENT = b"\x18\x53\x80\x67"  # Matroska's element ID of a segment
CLUSTER = b"\x1f\x43\xb6\x75"  # Matroska's element ID of a cluster of blocks


def test_info_has_the_properties_of_the_source(make_clip: MakeClip) -> None:
    info = open_clip(make_clip("rotated-90.mp4")).info
    assert (info.width, info.height, info.stored_width, info.stored_height) == (48, 64, 64, 48)
    assert info.orientation.rotation == 90
    assert (info.codec, info.pix_fmt, info.time_base) == ("h264", "yuv420p", Fraction(1, 12288))
    assert info.has_sound
    assert not info.is_still
    info = open_clip(make_clip("bt2020-pq.mp4")).info
    assert (info.colour.colour_range, info.colour.matrix, info.colour.primaries, info.colour.transfer) == (1, 9, 9, 16)
    assert open_clip(make_clip("anamorphic.mp4")).info.sample_aspect_ratio == Fraction(4, 3)
    hdr = open_clip(make_clip("hdr10.mp4")).info.hdr
    assert hdr.light_level == (1000, 400)
    assert hdr.mastering is not None
    assert (float(hdr.mastering[0]), float(hdr.mastering[9])) == (0.68, 1000)
    assert open_clip(make_clip("chroma-topleft.mp4")).info.chroma_location == "topleft"
    assert open_clip(make_clip("hevc-topleft.mp4")).info.chroma_location == "topleft"
    assert open_clip(make_clip("constant.mp4")).info.chroma_location is None
    assert not open_clip(make_clip("variable.mp4")).info.is_constant_rate


@pytest.mark.parametrize(
    ("name", "turn"),
    [
        ("rotated-90.mp4", np.rot90),
        ("rotated-180.mp4", lambda picture: np.rot90(picture, 2)),
        ("rotated-270.mov", lambda picture: np.rot90(picture, -1)),
        ("mirrored.mp4", lambda picture: picture[:, ::-1]),
    ],
)
def test_rgb_is_in_display_orientation(
    make_clip: MakeClip, name: str, turn: Callable[[np.ndarray], np.ndarray]
) -> None:
    stored = [frame.rgb() for frame in open_clip(make_clip("sound.mp4")).frames()]
    shown = [frame.rgb() for frame in open_clip(make_clip(name)).frames()]
    assert all(np.array_equal(turn(one), other) for one, other in zip(stored, shown, strict=True))


def test_each_call_decodes_again_and_earlier_frames_stay_valid(make_clip: MakeClip) -> None:
    clip = open_clip(make_clip("b-frames.mp4"))
    frames = list(clip.frames())
    assert [frame.index for frame in frames] == list(range(12))
    for frame, again in zip(frames, clip.frames(), strict=True):
        assert frame.time == again.time
        assert np.array_equal(frame.rgb(), again.rgb())


def test_variable_rate_keeps_every_timestamp(make_clip: MakeClip) -> None:
    frames = list(open_clip(make_clip("variable.mp4")).frames())
    assert [frame.pts for frame in frames] == [n * 40 + n * 7 % 5 * 4 for n in range(12)]
    assert [frame.duration for frame in frames[:-1]] == np.diff([frame.pts for frame in frames]).tolist()


def test_a_file_cut_before_its_index_is_refused(make_clip: MakeClip, tmp_path: Path) -> None:
    content = make_clip("sound.mp4").read_bytes()
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(content[: content.index(b"moov")])
    with pytest.raises(InputError, match=r"cut\.mp4"):
        open_clip(cut)


@pytest.mark.parametrize("name", ["long.mkv", "long.avi"])
def test_a_file_that_ends_early_is_refused(make_clip: MakeClip, tmp_path: Path, name: str) -> None:
    content = make_clip(name).read_bytes()
    cut = tmp_path / name
    cut.write_bytes(content[: len(content) // 2])
    with pytest.raises(InputError, match=rf"{name} .* \d+ \(\d\.\d+ s\)"):
        list(open_clip(cut).frames())


@pytest.mark.parametrize("name", ["long.mkv", "long.avi"])
def test_a_file_that_ends_a_little_early_is_refused(make_clip: MakeClip, tmp_path: Path, name: str) -> None:
    content = make_clip(name).read_bytes()
    cut = tmp_path / name
    cut.write_bytes(content[:-40])
    with pytest.raises(InputError, match=rf"{name} .* \d+ \(\d\.\d+ s\)"):
        list(open_clip(cut).frames())


@pytest.mark.parametrize("length", [None, 200])
def test_missing_data_that_the_demuxer_skips_is_refused(
    make_clip: MakeClip, tmp_path: Path, length: int | None
) -> None:
    content = make_clip("intra.mkv").read_bytes()
    first = content.index(CLUSTER, len(content) // 2)
    following = content.index(CLUSTER, first + 4)
    end = following if length is None else first + length
    damaged = tmp_path / "damaged.mkv"
    damaged.write_bytes(content[:first] + bytes(end - first) + content[end:])
    with pytest.raises(InputError, match=r"damaged\.mkv .* 6 \(\d\.\d+ s\)"):
        list(open_clip(damaged).frames())


def test_a_live_recording_a_pause_and_padding_are_not_damage(make_clip: MakeClip, tmp_path: Path) -> None:
    pause = make_clip("pause.mkv").read_bytes()
    (tmp_path / "padded.mkv").write_bytes(pause + bytes(1000))
    (tmp_path / "live.mkv").write_bytes(with_unknown_sizes(pause, SEGMENT, CLUSTER))
    (tmp_path / "finished.mkv").write_bytes(with_unknown_sizes(pause, CLUSTER))
    for path in (make_clip("pause.mkv"), *tmp_path.iterdir()):
        frames = list(open_clip(path).frames())
        assert len(frames) == 12
        assert frames[6].time - frames[5].time > 1


def with_unknown_sizes(matroska: bytes, *element_ids: bytes) -> bytes:
    """Set all bits of the sizes of some elements (unknown size), as live recorders write them."""
    live = bytearray(matroska)
    for element_id in element_ids:
        position = live.find(element_id)
        while position >= 0:
            length = 9 - live[position + 4].bit_length()
            live[position + 4 : position + 4 + length] = ((1 << 7 * length + 1) - 1).to_bytes(length, "big")
            position = live.find(element_id, position + 4)
    return bytes(live)


def test_a_file_cut_after_its_index_is_refused(make_clip: MakeClip, tmp_path: Path) -> None:
    content = make_clip("fast-start.mp4").read_bytes()
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(content[:-60])
    with pytest.raises(InputError, match=r"cut\.mp4 .* \d+ \(\d\.\d+ s\)"):
        list(open_clip(cut).frames())


@pytest.mark.parametrize(("length", "value"), [(600, 0), (100, None)])
def test_damage_inside_a_file_is_refused(make_clip: MakeClip, tmp_path: Path, length: int, value: int | None) -> None:
    damaged = bytearray(make_clip("intra.mp4").read_bytes())
    middle = len(damaged) // 2
    rng = np.random.default_rng(0)
    damaged[middle : middle + length] = rng.bytes(length) if value is None else bytes([value]) * length
    path = tmp_path / "damaged.mp4"
    path.write_bytes(damaged)
    with pytest.raises(InputError, match=r"damaged\.mp4 .* \d+ \(\d\.\d+ s\).*-frames:v \d+"):
        list(open_clip(path).frames())


def test_a_file_that_cannot_be_read_is_named(make_clip: MakeClip, tmp_path: Path) -> None:
    text = tmp_path / "text.mp4"
    text.write_text("Not a video at all.\n" * 100)
    empty = tmp_path / "empty.mp4"
    empty.touch()
    for path in (text, empty):
        with pytest.raises(InputError, match=re.escape(path.name)):
            open_clip(path)
    with pytest.raises(InputError, match=r"none\.mp4"):
        open_clip(tmp_path / "none.mp4")
    for sequence in (tmp_path, tmp_path / "shot.%04d.png", tmp_path / "shot.####.png"):
        with pytest.raises(InputError, match=re.escape(str(sequence))):
            open_clip(sequence)
    with pytest.raises(InputError, match=r"sound-only\.m4a"):
        open_clip(make_clip("sound-only.m4a"))


def test_names_with_colons_and_percents(make_clip: MakeClip, tmp_path: Path) -> None:
    path = tmp_path / "12:30 50%d #1.mp4"
    path.write_bytes(make_clip("constant.mp4").read_bytes())
    assert len(list(open_clip(path).frames())) == 12


@pytest.mark.parametrize(
    "name",
    [
        *("constant.mp4", "rotated-90.mp4", "mirrored.mp4", "ten-bit.mp4", "full-range.mp4", "ffv1-rgb-ten-bit.mkv"),
        *("ffv1-rgba.mkv", "ffv1-gray.mkv", "ffv1-sixteen-bit.mkv", "still-deep.png"),
    ],
)
def test_float_rgb_matches_rgb(make_clip: MakeClip, name: str) -> None:
    frame = next(open_clip(make_clip(name)).frames())
    box = frame.float_rgb(5, 7, 30, 20)
    assert box.dtype == np.float32
    assert np.abs(box * 255 - frame.rgb()[7:27, 5:35]).max() < 1.5
