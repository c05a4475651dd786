"""How landmarks move with the generated face."""

import numpy as np
import pytest

from facevid.compositing.shape import (
    CHIN,
    LOWER_INNER,
    LOWER_LIP,
    MAX_OPENING,
    NOSE_BRIDGE,
    UPPER_INNER,
    lip_change,
    moved_landmarks,
    parted,
)

SIZE = 100
FACE = np.random.default_rng(0).uniform(20, 80, (68, 2))
FACE[UPPER_INNER], FACE[LOWER_INNER] = (50, 70), (50, 71)
FACE[NOSE_BRIDGE], FACE[CHIN] = (50, 40), (50, 90)


def gap(landmarks):
    return np.linalg.norm(landmarks[LOWER_INNER].mean(axis=0) - landmarks[UPPER_INNER].mean(axis=0))


def test_a_small_shift_is_followed():
    shift = np.full((68, 2), 0.5)
    assert moved_landmarks(FACE, shift, 1.0, 0.0, SIZE) == pytest.approx(FACE + shift, abs=0.02)


def test_a_long_shift_is_bounded():
    moved = moved_landmarks(FACE, np.tile([30.0, 0.0], (68, 1)), 1.0, 0.0, SIZE)
    assert np.linalg.norm(moved - FACE, axis=1) == pytest.approx(4, abs=1e-3)


def opened(by):
    """Return the face with its lips further apart: (N, 68, 2) for N distances, (68, 2) for one."""
    by = np.asarray(by, dtype=float)
    face = np.broadcast_to(FACE, (*by.shape, 68, 2)).copy()
    face[..., LOWER_LIP, 1] += by[..., None]
    return face


def test_lips_open_as_much_wider_as_the_edit_opens_them_and_closed_ones_stay_closed():
    smiling = opened(4) - FACE
    smiling[48] = (-3, -1)
    for plate in (opened(0), opened(8)):
        moved = moved_landmarks(plate, smiling, 1.3, 0.0, SIZE)
        assert gap(moved) == pytest.approx(1.3 * gap(plate))
        assert moved[48, 0] < plate[48, 0] - 2  # the corner of the mouth moves


def test_an_edit_has_one_opening_for_a_whole_track_in_proportion_to_its_strengths():
    speech = np.array([0.0, 5.0, 2.0, 2.0, 7.0, 7.0])
    strengths = np.array([[0.0, 0.5, 1.0, 1.0, 1.0, 1.0]])
    before = opened(speech)
    trembling = np.array([0.0, 0.0, 0.2, -0.2, 0.2, -0.2])
    after = opened(speech + (strengths[0] * 0.4 + trembling) * (speech + 1))
    change = lip_change(before, after, strengths, np.array([False]), SIZE)
    opening = change.wider
    assert not change.apart.any()
    assert opening[0] == 1
    assert opening[1] - 1 == pytest.approx((opening[2] - 1) / 2)
    assert (opening[2:] == opening[2]).all()
    assert opening[2] == pytest.approx(1.4, abs=1e-3)


def test_lips_open_no_wider_than_the_plate_can_show():
    before, after = opened(np.full(3, 0.2)), opened(np.full(3, 6.0))
    change = lip_change(before, after, np.ones((1, 3)), np.array([False]), SIZE)
    assert change.wider == pytest.approx(np.full(3, MAX_OPENING))


def test_an_edit_that_parts_lips_opens_closed_ones_and_keeps_speech():
    speech = np.array([0.0, 0.0, 4.0, 1.0])
    strengths = np.array([[1.0, 1.0, 1.0, 1.0], [0.0, 0.5, 1.0, 1.0]])
    after = opened(speech + 0.2 * (speech + 1) + 5 * strengths[1])
    change = lip_change(opened(speech), after, strengths, np.array([False, True]), SIZE)
    assert change.wider == pytest.approx(np.full(4, 1.2), abs=1e-3)
    assert change.apart == pytest.approx(5 * strengths[1], abs=1e-3)
    plates = opened(speech)
    shift = np.zeros((68, 2))
    moved = [moved_landmarks(*each, SIZE) for each in zip(plates, [shift] * 4, change.wider, change.apart, strict=True)]
    assert [gap(each) for each in moved] == pytest.approx(1.2 * (speech + 1) + 5 * strengths[1])
    assert parted(plates[0], moved[0], SIZE) == 0
    assert parted(plates[1], moved[1], SIZE) > 0.2
    closing = lip_change(opened(speech + 1), opened(0.5 * speech), -np.ones((1, 4)), np.array([True]), SIZE)
    assert (closing.wider < 1).all()
    assert not closing.apart.any()
