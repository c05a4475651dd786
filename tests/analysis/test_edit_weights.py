"""Edit weights of a drawn face that turns, leaves the picture, shrinks, is occluded, or is lost."""

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from facevid.analysis.edit_weights import edit_weights
from facevid.faces.landmark_scheme import LANDMARK_COUNT
from facevid.faces.pose import HEAD_LANDMARKS, HEAD_SHAPE
from facevid.faces.tracking import Track

FRAME_SIZE = (300, 400)


def landmarks_at(x: float = 200.0, y: float = 150.0, scale: float = 60.0, yaw: float = 0.0) -> NDArray[np.float64]:
    """Return the landmarks (84, 2) of a face turned by `yaw` degrees.

    Half of its width is `scale` pixels. Landmarks that do not affect the yaw are put inside the face.
    """
    angle = np.radians(yaw)
    points = np.zeros((LANDMARK_COUNT, 3))
    points[:17, 0] = np.linspace(-60, 60, 17)
    points[:17, 1] = 110 * np.sin(np.linspace(0, np.pi, 17))
    points[17:] = (0, 40, 0)
    points[list(HEAD_LANDMARKS)] = HEAD_SHAPE
    points[36:42], points[42:48] = (-31, 0, -18), (31, 0, -18)
    across = points[:, 0] * np.cos(angle) + points[:, 2] * np.sin(angle)
    landmarks: NDArray[np.float64] = np.stack([across, points[:, 1]], axis=1) * scale / 70 + (x, y)
    return landmarks


def track_of(frames: Sequence[NDArray[np.float64]], first: int = 0) -> Track:
    count = len(frames)
    landmarks = np.stack(frames).astype(np.float32)
    flow = np.full_like(landmarks, np.nan)
    return Track(0, first, landmarks, np.ones(count, dtype=bool), np.ones(count, np.float32), flow)


def test_frontal_face_has_full_weight() -> None:
    track = track_of([landmarks_at()] * 30)
    assert edit_weights(track, range(30), FRAME_SIZE, fade=6) == pytest.approx(1)


def test_track_that_starts_and_ends_within_the_shot_fades_in_and_out() -> None:
    track = track_of([landmarks_at()] * 30, first=10)
    weights = edit_weights(track, range(0, 60), FRAME_SIZE, fade=6)
    assert weights[0] == pytest.approx(1 / 7)
    assert weights[-1] == pytest.approx(1 / 7)
    assert weights[8:22] == pytest.approx(1)
    assert np.abs(np.diff(weights)).max() < 0.2


def test_track_that_starts_and_ends_with_the_shot_does_not_fade() -> None:
    track = track_of([landmarks_at()] * 30, first=10)
    assert edit_weights(track, range(10, 40), FRAME_SIZE, fade=6) == pytest.approx(1)


@pytest.mark.parametrize(
    "face_at_time",
    [
        lambda t: landmarks_at(yaw=60 * t),
        lambda t: landmarks_at(x=200 + 260 * t),
        lambda t: landmarks_at(scale=60 - 58 * t),
    ],
    ids=["turns", "leaves", "shrinks"],
)
def test_weight_fades_smoothly_where_a_face_cannot_be_edited(
    face_at_time: Callable[[float], NDArray[np.float64]],
) -> None:
    track = track_of([face_at_time(t) for t in np.linspace(0, 1, 60)])
    weights = edit_weights(track, range(60), FRAME_SIZE, fade=6)
    assert weights[0] == pytest.approx(1, abs=1e-3)
    assert weights[-1] < 0.05
    assert np.abs(np.diff(weights)).max() < 0.25


def test_still_or_fade_of_0_has_full_weight() -> None:
    outside = landmarks_at(x=2000)
    assert edit_weights(track_of([outside]), range(1), FRAME_SIZE, fade=6) == pytest.approx(1)
    assert edit_weights(track_of([outside] * 5), range(50), FRAME_SIZE, fade=0) == pytest.approx(1)


def test_track_of_one_frame_within_a_shot_has_a_low_weight() -> None:
    assert edit_weights(track_of([landmarks_at()], first=4), range(20), FRAME_SIZE, fade=6)[0] < 0.2


def test_weight_fades_where_most_of_the_face_is_occluded() -> None:
    occluded_share = np.zeros(30)
    occluded_share[12:20] = 0.8
    weights = edit_weights(track_of([landmarks_at()] * 30), range(30), FRAME_SIZE, 4, occluded_share)
    assert weights[[0, -1]] == pytest.approx(1, abs=1e-3)
    assert weights[15] < 0.06
    assert np.abs(np.diff(weights)).max() < 0.3
