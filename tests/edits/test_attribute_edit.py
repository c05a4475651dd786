"""Parsing the value of --attr, and the limit on the sum of edits."""

import re
from fractions import Fraction

import numpy as np
import pytest

from facevid.edits.attribute_edit import check_totals, parse_edit
from facevid.errors import UsageError


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


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("smile", "NAME=VALUE"),
        ("=1", "NAME=VALUE"),
        ("smile=", "NAME=VALUE"),
        ("smile=much", '"much"'),
        ("smile=nan", "-3 and 3"),
        ("smile=4", "-3 and 3"),
        ("smile=1@x", '"1@x"'),
        ("smile=1,2@4", '"1"'),
        ("smile=0@0,1@1s", ""),
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
    ],
)
def test_edits_of_one_attribute_beyond_the_limit_are_refused(texts: list[str]) -> None:
    with pytest.raises(UsageError, match=rf"\b{len(texts)} .*\b3\b"):
        check_totals([parse_edit(text) for text in texts])
