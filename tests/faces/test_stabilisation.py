"""Steady quads and landmarks, on motions of known size; and the flow, on a picture moved by a known way."""

import cv2
import numpy as np
import pytest

from facevid.faces.alignment import ffhq_quad
from facevid.faces.dlib_detector import DlibDetector
from facevid.faces.flow import landmark_flow
from facevid.faces.published_stabilisation import published_quads
from facevid.faces.stabilisation import stable_landmarks, stable_quads
from facevid.faces.tracking import Track
from tests.faces.test_pose import turned_head

COUNT = 80
HEAD = turned_head(0, scale=1.0, centre=(300, 200))


def shaken_head() -> np.ndarray:
    """Return a head that a hand-held camera shakes by 6 pixels, 4 frames a time, float64 (N, 68, 2)."""
    time = np.arange(COUNT)
    shake = 6 * np.stack([np.sin(time * np.pi / 2 + 0.3), np.cos(time * np.pi / 2)], axis=1)
    return HEAD + shake[:, None] + np.stack([1.5 * time, 0 * time], axis=1)[:, None]


def detected(truth: np.ndarray, noise: float = 1.0, lost: slice = slice(0)) -> Track:
    """Make the track of a detector whose landmarks miss by `noise` pixels; the flow is lost in the frames `lost`."""
    landmarks = truth + np.random.default_rng(0).normal(scale=noise, size=truth.shape)
    flow = np.diff(truth, axis=0, prepend=truth[:1])
    flow[lost] = np.nan
    every = np.ones(len(truth))
    return Track(0, 0, landmarks.astype(np.float32), every > 0, every.astype(np.float32), flow.astype(np.float32))


def error(quads: np.ndarray, truth: np.ndarray) -> float:
    return float(np.linalg.norm(quads - ffhq_quad(truth), axis=-1).mean())


def test_noise_goes_and_motion_stays():
    truth = shaken_head()
    track = detected(truth)
    raw = error(ffhq_quad(track.landmarks), truth)
    assert error(stable_quads(track, 6), truth) < 0.4 * raw
    assert error(published_quads(track), truth) > 2 * raw
    noise = np.abs(track.landmarks - truth).mean()
    assert np.abs(stable_landmarks(track, 1) - truth).mean() < 0.6 * noise


def test_a_track_is_the_same_in_blocks_and_as_a_whole(monkeypatch):
    track = detected(shaken_head(), lost=slice(30, 36))
    quads, landmarks = stable_quads(track, 6), stable_landmarks(track, 1)
    monkeypatch.setattr("facevid.faces.stabilisation.BLOCK", 9)
    assert np.array_equal(stable_quads(track, 6), quads)
    assert np.array_equal(stable_landmarks(track, 1), landmarks)


def test_sigma_0_is_off():
    track = detected(shaken_head())
    assert np.array_equal(stable_quads(track, 0), ffhq_quad(track.landmarks))
    assert np.array_equal(stable_landmarks(track, 0), track.landmarks)


def test_quads_rest_on_the_head_while_the_mouth_speaks():
    truth = np.repeat(HEAD[None], COUNT, axis=0)
    truth[:, 48:, 1] += 8 * np.sin(np.arange(COUNT) * 0.9)[:, None]
    track = detected(truth, noise=0.0)
    moves = np.ptp(ffhq_quad(truth), axis=0).max()
    assert moves > 20
    assert np.ptp(stable_quads(track, 6), axis=0).max() < moves / 10
    assert np.abs(stable_landmarks(track, 1) - truth).max() < 0.1


def test_a_hand_that_moves_before_the_face_does_not_take_the_quads_along():
    truth = np.repeat(HEAD[None], COUNT, axis=0)
    track = detected(truth, noise=0.0)
    track.flow[30:50, :16] = (9, 3)
    assert np.abs(stable_quads(track, 6) - ffhq_quad(truth)).max() < 0.2


def test_where_the_flow_is_lost_the_detection_is_followed():
    truth = shaken_head()
    truth[40:] += (30, 0)
    track = detected(truth, noise=0.0, lost=slice(40, 41))
    assert np.abs(stable_quads(track, 6) - ffhq_quad(truth)).max() < 0.5


def test_a_track_of_one_frame():
    track = detected(HEAD[None], noise=0.0)
    assert stable_quads(track, 6) == pytest.approx(ffhq_quad(HEAD[None]), abs=1e-3)
    assert stable_landmarks(track, 1) == pytest.approx(HEAD[None], abs=1e-3)


def test_flow_finds_how_far_a_face_moved(portrait):
    (face,) = DlibDetector().detect(portrait)
    way = np.array([7.5, -3.25])
    moved = cv2.warpAffine(portrait, np.column_stack([np.eye(2), way]), (512, 512), flags=cv2.INTER_CUBIC)
    flow = landmark_flow(portrait, moved.astype(np.uint8), face.landmarks + way)
    found = np.isfinite(flow[:, 0])
    assert found.mean() > 0.9
    assert np.median(np.abs(flow[found] - way)) < 0.15


def test_flow_does_not_follow_what_is_hidden(portrait):
    (face,) = DlibDetector().detect(portrait)
    noise = np.random.default_rng(0).integers(0, 256, portrait.shape).astype(np.uint8)
    assert np.isnan(landmark_flow(noise, portrait, face.landmarks)).mean() > 0.7
