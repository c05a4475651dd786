"""How landmarks move with the generated face."""

import numpy as np
import pytest

from facevid.compositing.shape import (
    LOWER_INNER,
    LOWER_LIP,
    MAX_OPENING,
    UPPER_INNER,
    lip_opening,
    moved_landmarks,
)

SIZE = 100
FACE = np.random.default_rng(0).uniform(20, 80, (68, 2))
FACE[UPPER_INNER], FACE[LOWER_INNER] = (50, 70), (50, 71)


def gap(landmarks):
    return np.linalg.norm(landmarks[LOWER_INNER].mean(axis=0) - landmarks[UPPER_INNER].mean(axis=0))


def test_a_small_shift_is_followed():
    shift = np.full((68, 2), 0.5)
    assert moved_landmarks(FACE, shift, 1.0, SIZE) == pytest.approx(FACE + shift, abs=0.02)


def test_a_long_shift_is_bounded():
    moved = moved_landmarks(FACE, np.tile([30.0, 0.0], (68, 1)), 1.0, SIZE)
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
        moved = moved_landmarks(plate, smiling, 1.3, SIZE)
        assert gap(moved) == pytest.approx(1.3 * gap(plate))
        assert moved[48, 0] < plate[48, 0] - 2  # the corner of the mouth moves


def test_an_edit_has_one_opening_for_a_whole_track_in_proportion_to_its_strengths():
    speech = np.array([0.0, 5.0, 2.0, 2.0, 7.0, 7.0])
    strengths = np.array([[0.0, 0.5, 1.0, 1.0, 1.0, 1.0]])
    before = opened(speech)
    trembling = np.array([0.0, 0.0, 0.2, -0.2, 0.2, -0.2])
    after = opened(speech + (strengths[0] * 0.4 + trembling) * (speech + 1))
    opening = lip_opening(before, after, strengths)
    assert opening[0] == 1
    assert opening[1] - 1 == pytest.approx((opening[2] - 1) / 2)
    assert (opening[2:] == opening[2]).all()
    assert opening[2] == pytest.approx(1.4, abs=1e-3)


def test_lips_open_no_wider_than_the_plate_can_show():
    before, after = opened(np.full(3, 0.2)), opened(np.full(3, 6.0))
    assert lip_opening(before, after, np.ones((1, 3))) == pytest.approx(np.full(3, MAX_OPENING))
