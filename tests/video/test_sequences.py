"""Image sequences: finding, numbering, reading and atomic writing."""

import re
import struct
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from facevid.errors import FacevidError, InputError, OutputError, UsageError
from facevid.video import ClipWriter, Encoding, Patch, open_clip
from tests.video.conftest import MakeClip, MakeSequence
from tests.video.copies import copy_clip, planes

FORMATS = [
    (".png", "rgb24", "rgb24"),
    (".png", "rgba64be", "rgba64be"),
    (".png", "gray16be", "gray16be"),
    (".tif", "rgb24", "gbrp"),
    (".tiff", "rgb48le", "gbrp16le"),
    (".tif", "rgba64le", "gbrap16le"),
    (".dpx", "rgb24", "rgb24"),
    (".dpx", "gbrp10be", "gbrp10le"),
    (".dpx", "gbrp10le", "gbrp10le"),
    (".dpx", "gbrp12be", "gbrp12le"),
    (".dpx", "rgb48be", "rgb48be"),
    (".exr", "gbrpf16le", "gbrpf16le"),
    (".exr", "gbrpf32le", "gbrpf32le"),
    (".exr", "gbrapf32le", "gbrapf32le"),
]
"""Suffix, pixel format that ffmpeg writes, and pixel format that is read."""


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("given", ["shot.%04d.png", "shot.####.png", "."])
def test_a_sequence_is_found_and_keeps_its_numbers(make_sequence: MakeSequence, given: str) -> None:
    folder = make_sequence(".png", "rgb24")
    (folder / "readme.txt").touch()
    info = (clip := open_clip(folder / given)).info
    assert (info.first_number, info.frame_count, info.time_base) == (1001, 5, Fraction(1, 24))
    assert info.path == folder / ("shot.%04d.png" if given == "." else given)
    assert info.files == [folder / f"shot.{number}.png" for number in range(1001, 1006)]
    assert not info.is_still
    assert not info.has_sound
    frames = list(clip.frames())
    assert [(frame.index, frame.pts, frame.duration) for frame in frames] == [(i, i, 1) for i in range(5)]
    for number, frame in enumerate(frames, 1001):
        (still,) = open_clip(folder / f"shot.{number}.png").frames()
        assert np.array_equal(still.rgb(), frame.rgb())


def test_numbers_may_have_more_digits_than_the_pattern(make_sequence: MakeSequence, tmp_path: Path) -> None:
    folder = make_sequence(".png", "gray", first=98, name="%02d")
    copy_clip(open_clip(folder), tmp_path / "out")
    assert names(tmp_path / "out") == names(folder) == ["100.png", "101.png", "102.png", "98.png", "99.png"]


def test_incomplete_and_ambiguous_sequences_are_refused(make_sequence: MakeSequence, tmp_path: Path) -> None:
    folder = make_sequence(".png", "rgb24")
    for name in ("shot.%05d.png", "shot.#####.png", "take.%04d.png", "none/shot.%04d.png"):
        with pytest.raises(InputError, match=re.escape(name)):
            open_clip(folder / name)
    with pytest.raises(UsageError, match=r"shot\.##\.##\.png .*\b2\b"):
        open_clip(folder / "shot.##.##.png")
    with pytest.raises(InputError, match=re.escape(str(tmp_path))):
        open_clip(tmp_path)
    (folder / "shot.1003.png").rename(folder / "shot.1010.png")
    with pytest.raises(InputError, match=r"shot\.%04d\.png .* 1003, 1006-1009 "):
        open_clip(folder)
    (folder / "shot.1003.png").write_bytes((folder / "shot.1001.png").read_bytes())
    (folder / "matte.1003.png").write_bytes((folder / "shot.1001.png").read_bytes())
    with pytest.raises(UsageError, match=r"matte\.%04d\.png, shot\.%04d\.png"):
        open_clip(folder)


@pytest.mark.parametrize(("suffix", "written", "read"), FORMATS)
def test_frames_keep_their_format_numbers_and_unedited_pixels(
    make_sequence: MakeSequence, tmp_path: Path, suffix: str, written: str, read: str
) -> None:
    half = ("-format", "half") if written == "gbrpf16le" else ()
    clip = open_clip(make_sequence(suffix, written, *half))
    assert clip.info.pix_fmt == read
    assert copy_clip(clip, tmp_path / "out", Patch(8, 8, np.full((8, 8, 3), 20, np.float32))) == []
    assert names(tmp_path / "out") == [path.name for path in clip.info.files]
    copies = open_clip(tmp_path / "out")
    assert (copies.info.pix_fmt, copies.info.colour) == (read, clip.info.colour)
    for source_frame, result_frame in zip(clip.frames(), copies.frames(), strict=True):
        for before, after in zip(planes(source_frame), planes(result_frame), strict=True):
            changed = before != after
            changed[8:16, 8:16] = False
            assert not changed.any()
        assert (result_frame.rgb().astype(int) - source_frame.rgb())[8:16, 8:16].max() > 15


def test_jpegs_stay_jpegs(make_sequence: MakeSequence, tmp_path: Path) -> None:
    clip = open_clip(make_sequence(".jpg", "yuvj422p", "-q:v", "2"))
    copy_clip(clip, tmp_path / "out")
    assert open_clip(tmp_path / "out").info.pix_fmt == "yuvj422p"
    for source_frame, result_frame in zip(clip.frames(), open_clip(tmp_path / "out").frames(), strict=True):
        assert np.abs(result_frame.rgb().astype(int) - source_frame.rgb()).mean() < 3


def set_tiff_tag(path: Path, tag: int, other: int, value: int) -> None:
    """Replace the entry of a tag with one SHORT by that of another tag."""
    entry = struct.pack("<HHI", tag, 3, 1)
    content = path.read_bytes()
    position = content.rindex(entry)
    path.write_bytes(content[:position] + struct.pack("<HHIH", other, 3, 1, value) + content[position + 10 :])


@pytest.mark.parametrize("kind", [1, 2])
def test_the_kind_of_alpha_is_kept(make_sequence: MakeSequence, tmp_path: Path, kind: int) -> None:
    folder = make_sequence(".tif", "rgba64le")
    for path in folder.iterdir():
        set_tiff_tag(path, 338, 338, kind)
    copy_clip(open_clip(folder), tmp_path / "out")
    for path in (tmp_path / "out").iterdir():
        content = path.read_bytes()
        entry = struct.pack("<HHI", 338, 3, 1)
        assert content[content.rindex(entry) + 8] == kind


@pytest.mark.parametrize(("suffix", "pix_fmt"), [(".png", "rgb24"), (".exr", "gbrpf32le"), (".dpx", "rgb24")])
def test_a_damaged_frame_is_named(make_sequence: MakeSequence, suffix: str, pix_fmt: str) -> None:
    folder = make_sequence(suffix, pix_fmt)
    cut = folder / f"shot.1003{suffix}"
    cut.write_bytes(cut.read_bytes()[:-100])
    with pytest.raises(InputError, match=rf"shot\.1003\{suffix}"):
        list(open_clip(folder).frames())


def test_a_palette_is_read_without_a_warning(make_sequence: MakeSequence, tmp_path: Path) -> None:
    clip = open_clip(make_sequence(".png", "pal8"))
    assert copy_clip(clip, tmp_path / "out") == []
    for source_frame, result_frame in zip(clip.frames(), open_clip(tmp_path / "out").frames(), strict=True):
        assert np.array_equal(source_frame.rgb(), result_frame.rgb())


def test_frames_must_match_the_first_one(make_sequence: MakeSequence) -> None:
    folder = make_sequence(".png", "rgb48be")
    make_sequence(".png", "gray", first=1004)
    frames = list(open_clip(folder).frames())
    assert len(frames) == 8
    assert {frame.native.format.name for frame in frames} == {"rgb48be"}
    (gray,) = open_clip(folder / "shot.1004.png").frames()
    assert np.abs(frames[3].rgb().astype(int) - gray.rgb()).max() <= 1
    make_sequence(".png", "rgba64be", first=1006)
    with pytest.raises(InputError, match=r"shot\.1006\.png .*rgba64be.*rgb48be"):
        list(open_clip(folder).frames())
    make_sequence(".png", "rgb24", "-s", "32x24", first=1002)
    with pytest.raises(InputError, match=r"shot\.1002\.png .*32x24.*64x48"):
        list(open_clip(folder).frames())


def test_existing_frames_are_replaced_only_on_request(make_sequence: MakeSequence, tmp_path: Path) -> None:
    clip, out = open_clip(make_sequence(".png", "rgb24")), tmp_path / "out"
    out.mkdir()
    for name in ("shot.1002.png", "shot.1009.png", "other.1001.png"):
        (out / name).write_bytes(b"as it was")
    with pytest.raises(OutputError, match=r"shot\.####\.png .*\b1002\).*--overwrite"):
        ClipWriter(out / "shot.####.png", clip)
    warnings = copy_clip(clip, out / "shot.####.png", overwrite=True)
    assert any("shot.####.png" in warning and "1009" in warning for warning in warnings)
    untouched = {path.name for path in out.iterdir() if path.read_bytes() == b"as it was"}
    assert untouched == {"other.1001.png", "shot.1009.png"}
    assert len(names(out)) == 7


@pytest.mark.parametrize("failure", [RuntimeError, KeyboardInterrupt])
@pytest.mark.parametrize("existing", [True, False])
def test_an_exception_leaves_existing_files_unchanged(
    make_sequence: MakeSequence, tmp_path: Path, failure: type[BaseException], existing: bool
) -> None:
    clip, out = open_clip(make_sequence(".png", "rgb24")), tmp_path / "out"
    if existing:
        out.mkdir()
        (out / "shot.1002.png").write_bytes(b"as it was")
    before = names(tmp_path)
    with pytest.raises(failure), ClipWriter(out, clip, overwrite=True) as writer:
        for frame in clip.frames():
            writer.write(frame)
        raise failure
    assert names(tmp_path) == before
    if existing:
        assert {path.name: path.read_bytes() for path in out.iterdir()} == {"shot.1002.png": b"as it was"}


def test_a_move_that_fails_is_undone(make_sequence: MakeSequence, tmp_path: Path) -> None:
    clip, out = open_clip(make_sequence(".png", "rgb24")), tmp_path / "out"
    out.mkdir()
    (out / "shot.1002.png").write_bytes(b"as it was")
    with pytest.raises(OutputError, match=r"shot\.%04d\.png"), ClipWriter(out, clip, overwrite=True) as writer:
        for frame in clip.frames():
            writer.write(frame)
        (hidden,) = (path for path in out.iterdir() if path.is_dir())
        frame_count = clip.info.frame_count or 0
        while len(list(hidden.rglob("*.png"))) < frame_count:  # encoded in other threads
            pass
        (hidden / "files/shot.1005.png").unlink()
    assert {path.name: path.read_bytes() for path in out.iterdir()} == {"shot.1002.png": b"as it was"}


@pytest.mark.parametrize(
    ("target", "error", "named"),
    [
        ("plates", UsageError, "plates/shot.%04d.png"),
        ("plates/shot.####.png", UsageError, "plates/shot.####.png"),
        ("link", UsageError, "link/shot.%04d.png"),
        ("plates/shot.1001.png", UsageError, "plates/shot.1001.png"),
        ("nowhere/out/shot.%04d.png", OutputError, "nowhere"),
        ("file/shot.%04d.png", OutputError, "file"),
        ("out.txt", UsageError, "out.txt"),
    ],
)
def test_an_invalid_target_is_refused_before_any_work(
    make_sequence: MakeSequence, tmp_path: Path, target: str, error: type[FacevidError], named: str
) -> None:
    clip = open_clip(make_sequence(".png", "rgb24"))
    (tmp_path / "link").symlink_to(tmp_path / "plates")
    (tmp_path / "file").touch()
    with pytest.raises(error, match=re.escape(str(tmp_path / named))):
        ClipWriter(tmp_path / target, clip, overwrite=True)


def test_a_still_cannot_become_a_sequence_nor_a_video_a_folder(make_clip: MakeClip, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"out\.%04d\.png.*out\.png"):
        ClipWriter(tmp_path / "out.%04d.png", open_clip(make_clip("still.png")))
    with pytest.raises(UsageError, match=r"out: .*shot\.%04d\.png"):
        ClipWriter(tmp_path / "out", open_clip(make_clip("sound.mp4")))
    with pytest.raises(UsageError, match="--codec"):
        ClipWriter(tmp_path / "out.%04d.png", open_clip(make_clip("sound.mp4")), encoding=Encoding("h264"))


def test_rate_is_for_sequences_only(make_clip: MakeClip) -> None:
    with pytest.raises(UsageError, match=r"constant\.mp4 .*--rate"):
        open_clip(make_clip("constant.mp4"), Fraction(25))
