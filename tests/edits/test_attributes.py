"""Attribute names and what METHOD:NAME asks for."""

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


def test_every_attribute_of_celeba_has_one_everyday_name():
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
def test_names(name, meaning):
    assert attribute_of(name) == meaning


def test_the_everyday_name_is_shown():
    assert attribute_of("Young").everyday == "age"
    assert attribute_of("pose").everyday == "pose"
    assert attribute_of("Young").index == 39
    assert attribute_of("pose").index is None


def test_methods():
    assert parse_attribute("smile").method is None
    assert parse_attribute("direction:smile").method == "direction"
    held = parse_attribute("direction:smile~age~Male")
    assert held.attribute == Attribute("Smiling")
    assert [a.name for a in held.held] == ["Young", "Male"]
    assert parse_attribute("ganspace:3").attribute.name == "3"
    assert parse_attribute("ganspace:3:0-4").layers == range(5)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("magic:smile", "unknown method"),
        ("direction:", "names no attribute"),
        ("", "names no attribute"),
        ("ganspace:smile", "ganspace:NUMBER"),
        ("ganspace:3:4-1", "after the last"),
        ("smile~age", "only a direction can hold"),
    ],
)
def test_what_cannot_be_read_is_refused(text, complaint):
    with pytest.raises(UsageError, match=complaint):
        parse_attribute(text)


@pytest.mark.parametrize(("text", "moves"), [("age", True), ("glasses", False), ("smile", True), ("ganspace:1", True)])
def test_what_lies_on_a_face_moves_no_landmark(text, moves):
    assert parse_attribute(text).moves is moves


def test_a_misspelling_gets_the_nearest_name_and_the_list():
    message = str(unknown_attribute("smlie", "smlie", ["smile", "age"]))
    assert message == 'unknown attribute "smlie"; did you mean "smile"? this model has: age, smile'
    refused = str(unknown_attribute("hat", "hat", ["smile"]))
    assert "cannot edit" in refused
    assert "facevid models import" in refused


def test_names_in_file_names():
    assert attribute_in("stylegan_ffhq_smile_w_boundary.npy") == Attribute("Smiling")
    assert attribute_in("age.pt") == Attribute("Young", -1)
    assert attribute_in("gray_hair.pt") == Attribute("Gray_Hair")
    assert attribute_in("pose.npy") is None
