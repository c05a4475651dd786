"""Attribute names, and parsing METHOD:NAME."""

import re

import pytest

from facevid.edits.attributes import (
    CELEBA,
    EVERYDAY,
    Attribute,
    attribute_in,
    attribute_of,
    parse_attribute,
    unknown_attribute,
)
from facevid.errors import UsageError


def test_every_attribute_of_celeba_has_one_everyday_name() -> None:
    assert len(CELEBA) == len(set(CELEBA)) == 40
    assert sorted(name for name, _ in EVERYDAY.values()) == sorted(CELEBA)
    assert (CELEBA[31], CELEBA[39], CELEBA[20], CELEBA[15], CELEBA[24]) == (
        "Smiling", "Young", "Male", "Eyeglasses", "No_Beard",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("name", "meaning"),
    [
        ("smile", Attribute("Smiling", 1)),
        ("Smiling", Attribute("Smiling", 1)),
        ("age", Attribute("Young", -1)),
        ("Young", Attribute("Young", 1)),
        ("beard", Attribute("No_Beard", -1)),
        ("no_beard", Attribute("No_Beard", 1)),
        ("grey-hair", Attribute("Gray_Hair", 1)),
        ("Grey Hair", Attribute("Gray_Hair", 1)),
        ("pose", Attribute("pose", 1)),
    ],
)
def test_names(name: str, meaning: Attribute) -> None:
    assert attribute_of(name) == meaning


def test_the_everyday_name_is_shown() -> None:
    assert attribute_of("Young").everyday == "age"
    assert attribute_of("pose").everyday == "pose"
    assert attribute_of("Young").index == 39
    assert attribute_of("pose").index is None


def test_methods() -> None:
    assert parse_attribute("smile").method is None
    assert parse_attribute("direction:smile").method == "direction"
    held = parse_attribute("direction:smile~age~Male")
    assert held.attribute == Attribute("Smiling")
    assert [a.name for a in held.held] == ["Young", "Male"]
    assert parse_attribute("ganspace:3").attribute.name == "3"
    assert parse_attribute("ganspace:3:0-4").layers == range(5)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("magic:smile", "transformer, direction, ganspace"),
        ("direction:", "direction:smile"),
        ("", "direction:smile"),
        ("ganspace:smile", "ganspace:NUMBER"),
        ("ganspace:3:4-1", "FIRST-LAST"),
        ("smile~age", "direction:smile~age"),
    ],
)
def test_invalid_text_is_refused(text: str, named: str) -> None:
    with pytest.raises(UsageError, match=f'"{re.escape(text)}".*{re.escape(named)}'):
        parse_attribute(text)


@pytest.mark.parametrize(("text", "moves"), [("age", True), ("glasses", False), ("smile", True), ("ganspace:1", True)])
def test_which_edits_move_landmarks(text: str, moves: bool) -> None:
    assert parse_attribute(text).moves_landmarks is moves


@pytest.mark.parametrize(
    ("text", "strength", "region"),
    [
        ("age", 0.5, "ageing"),
        ("age", -0.5, "rejuvenation"),
        ("Young", 0.5, "rejuvenation"),
        ("direction:age", 1.0, "ageing"),
        ("smile", -1.0, "skin"),
        ("male", -1.0, "face"),
        ("ganspace:39", 1.0, "face"),
    ],
)
def test_regions_of_edits(text: str, strength: float, region: str) -> None:
    assert parse_attribute(text).region(strength) == region


def test_a_misspelling_gets_the_closest_name_and_the_list() -> None:
    message = str(unknown_attribute("smlie", "smlie", ["smile", "age"]))
    assert '"smlie"' in message
    assert '"smile"' in message
    assert "age, smile" in message
    message = str(unknown_attribute("hat", "hat", ["smile"]))
    assert '"hat"' in message
    assert "facevid models import" in message


def test_names_in_file_names() -> None:
    assert attribute_in("stylegan_ffhq_smile_w_boundary.npy") == Attribute("Smiling")
    assert attribute_in("age.pt") == Attribute("Young", -1)
    assert attribute_in("gray_hair.pt") == Attribute("Gray_Hair")
    assert attribute_in("pose.npy") is None
