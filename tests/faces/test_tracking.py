"""Tracks made from drawn landmarks: motion, misses, cuts and crossing faces."""

import numpy as np
import pytest

from facevid.faces.landmarks import Face
from facevid.faces.tracking import largest_tracks, track_faces

SHAPE = np.random.default_rng(0).uniform(0, 1, (68, 2)).astype(np.float32)


def face_at(x, y, size=100.0):
    landmarks = SHAPE * size + (x, y)
    return Face((x, y, x + size, y + size), landmarks.astype(np.float32), 1.0)


def test_a_moving_face_is_one_track():
    tracks = track_faces(([([face_at(10 + 8 * i, 20)], False) for i in range(30)]), max_gap=5)
    assert len(tracks) == 1
    assert (tracks[0].first, tracks[0].last) == (0, 29)
    assert tracks[0].detected.all()


def test_a_short_miss_is_bridged_by_a_straight_line():
    frames = [([] if 4 <= i <= 7 else [face_at(10 * i, 20)], False) for i in range(12)]
    (track,) = track_faces(frames, max_gap=4)
    assert list(np.flatnonzero(~track.detected)) == [4, 5, 6, 7]
    assert track.landmarks[5] == pytest.approx(face_at(50, 20).landmarks)


def test_a_long_miss_ends_the_track():
    frames = [([] if 4 <= i <= 8 else [face_at(0, 0)], False) for i in range(12)]
    assert [(track.first, track.last) for track in track_faces(frames, max_gap=4)] == [(0, 3), (9, 11)]


def test_no_track_crosses_a_cut():
    frames = [([face_at(0, 0)], i == 6) for i in range(12)]
    assert [(track.first, track.last) for track in track_faces(frames, max_gap=4)] == [(0, 5), (6, 11)]


def test_crossing_faces_keep_their_tracks():
    frames = [([face_at(20 * i, 0, 90), face_at(400 - 20 * i, 60, 140)][:: 1 - 2 * (i % 2)], False) for i in range(21)]
    tracks = track_faces(frames, max_gap=4)
    assert len(tracks) == 2
    widths = [np.ptp(track.landmarks[..., 0], axis=1) for track in tracks]
    assert all(np.ptp(width) < 1e-3 for width in widths)


def test_a_track_begins_at_its_first_detection():
    (track,) = track_faces([([], False), ([], False), ([face_at(0, 0)], False)], max_gap=4)
    assert (track.first, track.last, len(track)) == (2, 2, 1)


def test_the_largest_face_is_chosen_in_every_shot():
    frames = [([face_at(0, 0, 100), face_at(300, 0, 60 if i < 5 else 200)], i == 5) for i in range(10)]
    tracks = track_faces(frames, max_gap=2)
    chosen = largest_tracks(tracks, [range(5), range(5, 10)])
    assert [round(float(track.boxes[0, 0] / 300)) for track in chosen] == [0, 1]
