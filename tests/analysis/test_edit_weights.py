"""Fading of edits, on a drawn face that turns, leaves, shrinks, and is lost."""

import numpy as np
import pytest

from facevid.analysis.edit_weights import edit_weights
from facevid.faces.pose import POINTS, SHAPE
from facevid.faces.tracking import Track


def landmarks_at(x=200.0, y=150.0, scale=60.0, yaw=0.0):
    """Draw a face, turned by `yaw` degrees, half as wide as `scale` pixels; the points that tell no yaw lie within."""
    turned = np.radians(yaw)
    points = np.zeros((68, 3))
    points[:17, 0] = np.linspace(-60, 60, 17)
    points[:17, 1] = 110 * np.sin(np.linspace(0, np.pi, 17))
    points[17:] = (0, 40, 0)
    points[list(POINTS)] = SHAPE
    points[36:42], points[42:48] = (-31, 0, -18), (31, 0, -18)
    across = points[:, 0] * np.cos(turned) + points[:, 2] * np.sin(turned)
    return np.stack([across, points[:, 1]], axis=1) * scale / 70 + (x, y)


def track_of(frames, first=0):
    count = len(frames)
    landmarks = np.stack(frames).astype(np.float32)
    flow = np.full_like(landmarks, np.nan)
    return Track(0, first, landmarks, np.ones(count, dtype=bool), np.ones(count, np.float32), flow)


SIZE = (300, 400)


def test_a_frontal_face_through_the_whole_shot_is_whole():
    track = track_of([landmarks_at()] * 30)
    assert edit_weights(track, range(30), SIZE, fade=6) == pytest.approx(1)


def test_a_track_that_ends_within_the_shot_fades_out_and_in():
    track = track_of([landmarks_at()] * 30, first=10)
    found = edit_weights(track, range(0, 60), SIZE, fade=6)
    assert found[0] == pytest.approx(1 / 7)
    assert found[-1] == pytest.approx(1 / 7)
    assert found[8:22] == pytest.approx(1)
    assert np.abs(np.diff(found)).max() < 0.2


def test_a_track_that_ends_with_its_shot_does_not_fade():
    track = track_of([landmarks_at()] * 30, first=10)
    assert edit_weights(track, range(10, 40), SIZE, fade=6) == pytest.approx(1)


@pytest.mark.parametrize(
    "change",
    [
        lambda t: landmarks_at(yaw=60 * t),
        lambda t: landmarks_at(x=200 + 260 * t),
        lambda t: landmarks_at(scale=60 - 58 * t),
    ],
    ids=["turns", "leaves", "shrinks"],
)
def test_a_face_that_cannot_be_edited_fades_smoothly(change):
    track = track_of([change(t) for t in np.linspace(0, 1, 60)])
    found = edit_weights(track, range(60), SIZE, fade=6)
    assert found[0] == pytest.approx(1, abs=1e-3)
    assert found[-1] < 0.05
    assert np.abs(np.diff(found)).max() < 0.25


def test_a_still_and_no_fade_are_whole():
    gone = landmarks_at(x=2000)
    assert edit_weights(track_of([gone]), range(1), SIZE, fade=6) == pytest.approx(1)
    assert edit_weights(track_of([gone] * 5), range(50), SIZE, fade=0) == pytest.approx(1)


def test_a_face_of_one_frame_within_a_shot_is_hardly_edited():
    assert edit_weights(track_of([landmarks_at()], first=4), range(20), SIZE, fade=6)[0] < 0.2


def test_an_edit_fades_where_most_of_the_face_is_hidden():
    hidden = np.zeros(30)
    hidden[12:20] = 0.8
    found = edit_weights(track_of([landmarks_at()] * 30), range(30), SIZE, 4, hidden)
    assert found[[0, -1]] == pytest.approx(1, abs=1e-3)
    assert found[15] < 0.06
    assert np.abs(np.diff(found)).max() < 0.3
