"""Parsing the value of --attr, and the limit on the sum of edits."""

import re
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from facevid.edits.attribute_edit import check_totals, parse_edit
from facevid.errors import InputError, UsageError
from facevid.video import ClipInfo

CLIP = ClipInfo(
    Path("clip.mov"), 64, 64, 64, 64, "yuv420p", "h264", Fraction(1, 24), average_rate=Fraction(24), start_number=1001
)


@pytest.mark.parametrize("text", ["smile=+1", "smile=1", "smile = 1.0"])
def test_a_constant_strength(text: str) -> None:
    edit = parse_edit(text)
    assert edit.attribute == "smile"
    assert edit.strengths([0, 50], [Fraction(0), Fraction(2)]).tolist() == [1, 1]


def test_keyframes_by_frame_are_linear_between_and_held_outside() -> None:
    edit = parse_edit("transformer:age=-1@10,1@20")
    assert edit.attribute == "transformer:age"
    assert edit.strengths([0, 10, 15, 20, 99], [Fraction(0)] * 5) == pytest.approx([-1, -1, 0, 1, 1])


def test_keyframes_by_second_follow_the_timestamps() -> None:
    edit = parse_edit("smile=0@0.5s,2@1.5s")
    seconds = [Fraction(n, 1000) for n in (0, 500, 1001, 1500)]
    assert edit.strengths([7, 7, 7, 7], seconds) == pytest.approx([0, 0, 1.002, 2])
    assert edit.strengths([7], seconds[:1]).dtype == np.float32


def test_an_eased_keyframe_is_reached_smoothly() -> None:
    edit = parse_edit("smile=0@0,1@10:ease,2@20")
    values = edit.strengths(range(0, 21, 5), [Fraction(0)] * 5)
    assert values == pytest.approx([0, 0.5, 1, 1.5, 2])
    early, late = edit.strengths([1, 9], [Fraction(0)] * 2)
    assert early == pytest.approx(3 * 0.1**2 - 2 * 0.1**3)
    assert late == pytest.approx(1 - early)


@pytest.mark.parametrize(
    ("timecode", "rate", "text", "frames"),
    [
        (None, Fraction(24), "smile=0@00:00:00:12,1@00:00:01:00:ease", (1013, 1025)),
        ("10:00:00:00", Fraction(24000, 1001), "smile=0@09:59:59:23,1@10:00:00:01", (1000, 1002)),
        ("00:00:59;28", Fraction(30000, 1001), "smile=0@00:00:59;29,1@00:01:00;02", (1002, 1003)),
        ("00:00:59:28", Fraction(30000, 1001), "smile=0@00:00:59:29,1@00:01:00:02", (1002, 1005)),
        (None, Fraction(60000, 1001), "smile=0@00:00:00;59,1@00:10:00;00", (1060, 1001 + 600 * 60 - 36)),
    ],
)
def test_timecodes_become_frame_numbers(
    timecode: str | None, rate: Fraction, text: str, frames: tuple[int, int]
) -> None:
    clip = replace(CLIP, average_rate=rate, timecode=timecode)
    edit = parse_edit(text).at_frames(clip, 100)
    assert (edit.unit, edit.times) == ("frame", tuple(map(Fraction, frames)))
    assert edit.eased == ((False, True) if "ease" in text else ())


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"timecode": "10:00:00:00"}, "10:00:00:00"),
        ({"average_rate": None}, "clip.mov"),
        ({"is_constant_rate": False}, "clip.mov"),
        ({"average_rate": Fraction(12)}, '"00:00:01:12"'),
    ],
)
def test_timecodes_that_a_clip_does_not_have(change: dict[str, Any], named: str) -> None:
    with pytest.raises(UsageError, match=named):
        parse_edit("smile=0@00:00:01:12,1@00:00:02:00").at_frames(replace(CLIP, **change), 100)


def test_a_curve_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "curve.csv").write_text(
        "\ufeffFrame,Value\r\n1001, 0\r\n1003,-1.5\r\n\r\n1010.5,+2\r\n", encoding="utf-8"
    )
    edit = parse_edit("smile=curve.csv", tmp_path)
    assert edit.times == (Fraction(1001), Fraction(1003), Fraction(2021, 2))
    assert edit.values == (0, -1.5, 2)


@pytest.mark.parametrize("text", ["", "1001", "1001,0,0", "frame,value", "1001,0\nx,1", "1001,4", "1002,0\n1001,1"])
def test_a_curve_that_is_not_one(tmp_path: Path, text: str) -> None:
    (tmp_path / "curve.csv").write_text(text)
    with pytest.raises(UsageError, match=r"curve\.csv"):
        parse_edit(f"smile={tmp_path / 'curve.csv'}")


def test_a_missing_curve(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"curve\.csv"):
        parse_edit("smile=curve.csv", tmp_path)


def test_regions_follow_the_strength() -> None:
    edit = parse_edit("direction:age=0@0,1@00024:ease:forehead=0.5:Rest=0")
    assert (edit.values, edit.eased) == ((0, 1), (False, True))
    assert edit.regions == (("forehead", 0.5), ("rest", 0))


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("age=1:brow=1", "eyes, mouth, forehead"),
        ("age=1:mout=1", '"mouth"'),
        ("age=1:jaw=1:jaw=0", '"jaw"'),
        ("age=1:jaw=-1", "jaw=0"),
        ("age=1:jaw=x", '"x"'),
        ("age=2:jaw=2", " 3"),
        ("smile", "NAME=VALUE"),
        ("=1", "NAME=VALUE"),
        ("smile=", "NAME=VALUE"),
        ("smile=much", '"much"'),
        ("smile=nan", "-3 and 3"),
        ("smile=4", "-3 and 3"),
        ("smile=1@x", '"1@x"'),
        ("smile=1,2@4", '"1"'),
        ("smile=0@0,1@1s", ""),
        ("smile=0@0,1@00:00:01:00", ""),
        ("smile=0@00:00:01:00,1@00:00:00:23", ""),
        ("smile=0@0,1@24:eased", '"1@24:eased"'),
        ("smile=0@00:60:00:00", '"0@00:60:00:00"'),
        ("smile=0@5,1@5", ""),
    ],
)
def test_invalid_text_is_refused(text: str, named: str) -> None:
    with pytest.raises(UsageError, match=f'^"{re.escape(text)}".*{re.escape(named)}'):
        parse_edit(text)


@pytest.mark.parametrize(
    "texts",
    [
        ["smile=1", "smile=2"],
        ["smile=0@0,3@24", "smile=3@0,0@24"],
        ["age=3", "Young=3"],
        ["smile=3", "male=3", "ganspace:3=3", "ganspace:4=3"],
        ["smile=2@1s", "smile=1@24"],
    ],
)
def test_edits_of_one_attribute_may_add_up_to_the_limit(texts: list[str]) -> None:
    check_totals([parse_edit(text) for text in texts])


@pytest.mark.parametrize(
    "texts",
    [
        ["smile=1"] * 4,
        ["smile=0@0,3@24", "smile=0@0,3@24"],
        ["age=3", "Young=-0.5"],
        ["smile=3", "direction:Smiling=0.1"],
        ["ganspace:3=3", "ganspace:3:0-4=1"],
        ["smile=2@1s", "smile=2@24"],
        ["smile=0@00:00:00:00,2@00:00:01:00", "smile=2@24"],
    ],
)
def test_edits_of_one_attribute_beyond_the_limit_are_refused(texts: list[str]) -> None:
    with pytest.raises(UsageError, match=rf"\b{len(texts)} .*\b3\b"):
        check_totals([parse_edit(text) for text in texts])
