"""Fading of edits, on a drawn face that turns, leaves, shrinks, and is lost."""

import numpy as np
import pytest

from facevid.faces.presence import presence, turn
from facevid.faces.tracking import Track

ANGLES = np.linspace(-0.5, np.pi + 0.5, 17)
JAW = np.stack([-np.cos(ANGLES), np.sin(ANGLES)], axis=1)


def landmarks_at(x=200.0, y=150.0, scale=60.0, nose=0.0):
    """Draw a frontal face; `nose` moves the nose tip sideways, in half widths of the jaw."""
    points = np.zeros((68, 2))
    points[:17] = JAW
    points[17:36, 1] = np.linspace(-0.3, 0.2, 19)
    points[36:42], points[42:48] = (-0.4, -0.2), (0.4, -0.2)
    points[48:68] = np.stack([np.linspace(-0.3, 0.3, 20), np.full(20, 0.55)], axis=1)
    points[30] = (nose * JAW[16, 0], 0.15)
    return points * scale + (x, y)


def track_of(frames, first=0):
    count = len(frames)
    return Track(0, first, np.stack(frames).astype(np.float32), np.ones(count, dtype=bool), np.ones(count, np.float32))


SIZE = (300, 400)


def test_a_frontal_face_through_the_whole_shot_is_whole():
    track = track_of([landmarks_at()] * 30)
    assert presence(track, range(30), SIZE, fade=6) == pytest.approx(1)


def test_a_track_that_ends_within_the_shot_fades_out_and_in():
    track = track_of([landmarks_at()] * 30, first=10)
    found = presence(track, range(0, 60), SIZE, fade=6)
    assert found[0] == pytest.approx(1 / 7)
    assert found[-1] == pytest.approx(1 / 7)
    assert found[8:22] == pytest.approx(1)
    assert np.abs(np.diff(found)).max() < 0.2


def test_a_track_that_ends_with_its_shot_does_not_fade():
    track = track_of([landmarks_at()] * 30, first=10)
    assert presence(track, range(10, 40), SIZE, fade=6) == pytest.approx(1)


@pytest.mark.parametrize(
    "change",
    [
        lambda t: landmarks_at(nose=1.2 * t),
        lambda t: landmarks_at(x=200 + 260 * t),
        lambda t: landmarks_at(scale=60 - 58 * t),
    ],
    ids=["turns", "leaves", "shrinks"],
)
def test_a_face_that_cannot_be_edited_fades_smoothly(change):
    track = track_of([change(t) for t in np.linspace(0, 1, 60)])
    found = presence(track, range(60), SIZE, fade=6)
    assert found[0] == pytest.approx(1, abs=1e-3)
    assert found[-1] < 0.05
    assert np.abs(np.diff(found)).max() < 0.25


def test_a_still_and_no_fade_are_whole():
    gone = landmarks_at(x=2000)
    assert presence(track_of([gone]), range(1), SIZE, fade=6) == pytest.approx(1)
    assert presence(track_of([gone] * 5), range(50), SIZE, fade=0) == pytest.approx(1)


def test_turn_has_a_sign():
    assert turn(landmarks_at()) == pytest.approx(0, abs=1e-6)
    assert turn(landmarks_at(nose=0.8)) == pytest.approx(0.8)
    assert turn(landmarks_at(nose=-0.8)) == pytest.approx(-0.8)
