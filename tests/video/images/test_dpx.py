"""DPX sequences: the header is copied, and gives rate and timecode."""

import struct
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from facevid.video import open_clip
from tests.video.conftest import MakeSequence
from tests.video.copies import copy_clip, planes

USER_DATA = b"STUDIO" + bytes(range(256)) * 4


def give_dpx_header(path: Path) -> None:
    """Insert film and television headers and user data, as a scanner or a grading program writes them."""
    content = bytearray(path.read_bytes())
    order = ">" if content[:4] == b"SDPX" else "<"
    added = bytearray(384) + USER_DATA
    for place in (4, 16, 808):
        struct.pack_into(f"{order}I", content, place, struct.unpack_from(f"{order}I", content, place)[0] + len(added))
    struct.pack_into(f"{order}2I", content, 28, 384, len(USER_DATA))
    content[8:12], content[801], content[260:265] = b"V2.0", 3, b"Title"  # 3: logarithmic
    added[:28] = b"1234567890123456KODAK_______"  # film manufacturer, type, offset, prefix, count: the keycode
    struct.pack_into(f"{order}f", added, 1724 - 1664, 23.976)
    struct.pack_into(f"{order}I", added, 1920 - 1664, 0x01020304)  # SMPTE timecode
    path.write_bytes(content[:1664] + added + content[1664:])


@pytest.mark.parametrize("pix_fmt", ["gbrp10be", "gbrp10le"])
def test_dpx_header_is_kept(make_sequence: MakeSequence, tmp_path: Path, pix_fmt: str) -> None:
    folder = make_sequence(".dpx", pix_fmt)
    for path in folder.iterdir():
        give_dpx_header(path)
    clip = open_clip(folder)
    copy_clip(clip, tmp_path / "out")
    for path in (tmp_path / "out").iterdir():
        old, new = (folder / path.name).read_bytes(), path.read_bytes()
        start = 2048 + len(USER_DATA)
        assert new[:start] == old[:start]
        assert len(new) == len(old)
    for source_frame, result_frame in zip(clip.frames(), open_clip(tmp_path / "out").frames(), strict=True):
        assert all(np.array_equal(*both) for both in zip(planes(source_frame), planes(result_frame), strict=True))


def test_rate_and_timecode_of_a_dpx_are_read(make_sequence: MakeSequence, tmp_path: Path) -> None:
    folder = make_sequence(".dpx", "gbrp10be")
    for path in folder.iterdir():
        give_dpx_header(path)
    assert open_clip(folder).info.average_rate == Fraction(24000, 1001)
    assert open_clip(folder, Fraction(25)).info.average_rate == 25
    copy_clip(open_clip(folder), tmp_path / "out.mov")
    with av.open(str(tmp_path / "out.mov")) as container:
        assert container.streams.video[0].metadata["timecode"] == "01:02:03:04"
        assert container.streams.video[0].average_rate == Fraction(24000, 1001)
