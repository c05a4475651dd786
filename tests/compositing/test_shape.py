"""How landmarks move with the generated face."""

import numpy as np
import pytest

from facevid.compositing.shape import LOWER_INNER, LOWER_LIP, MAX_OPENING, UPPER_INNER, UPPER_LIP, moved_landmarks

SIZE = 100
FACE = np.random.default_rng(0).uniform(20, 80, (68, 2))
FACE[UPPER_INNER], FACE[LOWER_INNER] = (50, 70), (50, 71)


def gap(landmarks):
    return np.linalg.norm(landmarks[LOWER_INNER].mean(axis=0) - landmarks[UPPER_INNER].mean(axis=0))


def test_a_small_shift_is_followed():
    shift = np.full((68, 2), 0.5)
    assert moved_landmarks(FACE, shift, SIZE) == pytest.approx(FACE + shift, abs=0.02)


def test_a_long_shift_is_bounded():
    moved = moved_landmarks(FACE, np.tile([30.0, 0.0], (68, 1)), SIZE)
    assert np.linalg.norm(moved - FACE, axis=1) == pytest.approx(4, abs=1e-3)


def test_closed_lips_stay_closed():
    after = FACE.copy()
    after[UPPER_LIP] -= (0, 2)
    after[LOWER_LIP] += (0, 2)
    after[48] -= (3, 1)
    moved = moved_landmarks(FACE, after - FACE, SIZE)
    assert gap(moved) == pytest.approx(MAX_OPENING * gap(FACE))
    assert moved[48, 0] < FACE[48, 0] - 2  # the corner of the mouth still moves


def test_open_lips_may_close_and_open():
    open_mouth = FACE.copy()
    open_mouth[LOWER_LIP] += (0, 8)
    for step in (-2, 2):
        after = open_mouth.copy()
        after[LOWER_LIP] += (0, step)
        assert gap(moved_landmarks(open_mouth, after - open_mouth, SIZE)) == pytest.approx(gap(after), abs=0.3)
