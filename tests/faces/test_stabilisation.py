"""Stabilisation of quads and landmarks under known motion; and optical flow, on a picture shifted by a known amount."""

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from facevid.faces.alignment import ffhq_quad
from facevid.faces.flow import landmark_flow
from facevid.faces.mesh.detector import BundledDetector
from facevid.faces.published_stabilisation import published_quads
from facevid.faces.stabilisation import stable_landmarks, stable_quads
from facevid.faces.tracking import Track
from tests.faces.test_pose import turned_head

COUNT = 80
HEAD = turned_head(0, scale=1.0, centre=(300, 200))


def still_head() -> NDArray[np.float32]:
    return np.repeat(HEAD[None], COUNT, axis=0)


def shaken_head() -> NDArray[np.float64]:
    """Return landmarks (COUNT, 84, 2) shaken by 6 pixels with a period of 4 frames, as by a hand-held camera."""
    time = np.arange(COUNT)
    shake = 6 * np.stack([np.sin(time * np.pi / 2 + 0.3), np.cos(time * np.pi / 2)], axis=1)
    landmarks: NDArray[np.float64] = HEAD + shake[:, None] + np.stack([1.5 * time, 0 * time], axis=1)[:, None]
    return landmarks


def detect(true_landmarks: NDArray[np.floating], noise: float = 1.0, lost: slice = slice(0)) -> Track:
    """Simulate detection: Gaussian noise of `noise` pixels on the landmarks; no flow in the frames `lost`."""
    landmarks = true_landmarks + np.random.default_rng(0).normal(scale=noise, size=true_landmarks.shape)
    flow = np.diff(true_landmarks, axis=0, prepend=true_landmarks[:1])
    flow[lost] = np.nan
    ones = np.ones(len(true_landmarks))
    return Track(0, 0, landmarks.astype(np.float32), ones > 0, ones.astype(np.float32), flow.astype(np.float32))


def quad_error(quads: NDArray[np.floating], true_landmarks: NDArray[np.floating]) -> float:
    """Return the mean distance of the quads' corners from those of the true landmarks, in pixels."""
    return float(np.linalg.norm(quads - ffhq_quad(true_landmarks), axis=-1).mean())


def test_noise_is_removed_and_motion_kept() -> None:
    true_landmarks = shaken_head()
    track = detect(true_landmarks)
    detected_error = quad_error(ffhq_quad(track.landmarks), true_landmarks)
    assert quad_error(stable_quads(track, 6), true_landmarks) < 0.4 * detected_error
    assert quad_error(published_quads(track), true_landmarks) > 2 * detected_error
    noise = np.abs(track.landmarks - true_landmarks).mean()
    assert np.abs(stable_landmarks(track, 1) - true_landmarks).mean() < 0.6 * noise


def test_result_does_not_depend_on_the_block_length(monkeypatch: pytest.MonkeyPatch) -> None:
    track = detect(shaken_head(), lost=slice(30, 36))
    quads, landmarks = stable_quads(track, 6), stable_landmarks(track, 1)
    monkeypatch.setattr("facevid.faces.stabilisation.BLOCK_FRAMES", 9)
    assert np.array_equal(stable_quads(track, 6), quads)
    assert np.array_equal(stable_landmarks(track, 1), landmarks)


def test_sigma_0_changes_nothing() -> None:
    track = detect(shaken_head())
    assert np.array_equal(stable_quads(track, 0), ffhq_quad(track.landmarks))
    assert np.array_equal(stable_landmarks(track, 0), track.landmarks)


def test_quads_ignore_a_mouth_that_speaks() -> None:
    true_landmarks = still_head()
    true_landmarks[:, 48:68, 1] += 8 * np.sin(np.arange(COUNT) * 0.9)[:, None]
    track = detect(true_landmarks, noise=0.0)
    detected_range = np.ptp(ffhq_quad(true_landmarks), axis=0).max()
    assert detected_range > 20
    assert np.ptp(stable_quads(track, 6), axis=0).max() < detected_range / 10
    assert np.abs(stable_landmarks(track, 1) - true_landmarks).max() < 0.1


def test_quads_ignore_a_hand_that_moves_in_front_of_the_face() -> None:
    true_landmarks = still_head()
    track = detect(true_landmarks, noise=0.0)
    track.flow[30:50, :16] = (9, 3)
    assert np.abs(stable_quads(track, 6) - ffhq_quad(true_landmarks)).max() < 0.2


def test_detections_are_followed_where_the_flow_is_lost() -> None:
    true_landmarks = shaken_head()
    true_landmarks[40:] += (30, 0)
    track = detect(true_landmarks, noise=0.0, lost=slice(40, 41))
    assert np.abs(stable_quads(track, 6) - ffhq_quad(true_landmarks)).max() < 0.5


def test_track_of_one_frame() -> None:
    track = detect(HEAD[None], noise=0.0)
    assert stable_quads(track, 6) == pytest.approx(ffhq_quad(HEAD[None]), abs=1e-3)
    assert stable_landmarks(track, 1) == pytest.approx(HEAD[None], abs=1e-3)


def test_flow_measures_a_shift(portrait: NDArray[np.uint8]) -> None:
    (face,) = BundledDetector().detect(portrait)
    shift = np.array([7.5, -3.25])
    shifted = cv2.warpAffine(portrait, np.column_stack([np.eye(2), shift]), (512, 512), flags=cv2.INTER_CUBIC)
    flow = landmark_flow(portrait, shifted.astype(np.uint8), face.landmarks + shift)
    is_tracked = np.isfinite(flow[:, 0])
    assert is_tracked.mean() > 0.9
    assert np.median(np.abs(flow[is_tracked] - shift)) < 0.15


def test_flow_is_lost_where_the_previous_frame_does_not_match(portrait: NDArray[np.uint8]) -> None:
    (face,) = BundledDetector().detect(portrait)
    noise = np.random.default_rng(0).integers(0, 256, portrait.shape).astype(np.uint8)
    assert np.isnan(landmark_flow(noise, portrait, face.landmarks)).mean() > 0.7
