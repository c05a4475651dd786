"""The grammar of --attr."""

from fractions import Fraction

import numpy as np
import pytest

from facevid.edits.attribute_edit import check_totals, parse_edit
from facevid.errors import UsageError


@pytest.mark.parametrize("text", ["smile=+1", "smile=1", "smile = 1.0"])
def test_a_constant_strength(text):
    edit = parse_edit(text)
    assert edit.attribute == "smile"
    assert edit.strengths([0, 50], [Fraction(0), Fraction(2)]).tolist() == [1, 1]


def test_keyframes_by_frame_are_linear_between_and_held_outside():
    edit = parse_edit("transformer:age=-1@10,1@20")
    assert edit.attribute == "transformer:age"
    assert edit.strengths([0, 10, 15, 20, 99], [Fraction(0)] * 5) == pytest.approx([-1, -1, 0, 1, 1])


def test_keyframes_by_second_follow_the_timestamps():
    edit = parse_edit("smile=0@0.5s,2@1.5s")
    seconds = [Fraction(n, 1000) for n in (0, 500, 1001, 1500)]
    assert edit.strengths([7, 7, 7, 7], seconds) == pytest.approx([0, 0, 1.002, 2])
    assert edit.strengths([7], seconds[:1]).dtype == np.float32


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("smile", "not of the form"),
        ("=1", "not of the form"),
        ("smile=", "not of the form"),
        ("smile=much", "not a number"),
        ("smile=nan", "between -3 and 3"),
        ("smile=4", "between -3 and 3"),
        ("smile=1@x", "no keyframe"),
        ("smile=1,2@4", "no keyframe"),
        ("smile=0@0,1@1s", "mixes"),
        ("smile=0@5,1@5", "rising"),
    ],
)
def test_what_cannot_be_read_is_refused(text, complaint):
    with pytest.raises(UsageError, match=complaint):
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
def test_edits_of_one_attribute_add_up_to_the_limit(texts):
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
def test_edits_of_one_attribute_do_not_add_up_beyond(texts):
    with pytest.raises(UsageError, match="adds up to more than 3"):
        check_totals([parse_edit(text) for text in texts])
