"""Tracks made from drawn landmarks, by motion alone: misses, cuts and crossing faces."""

import numpy as np
import pytest

from facevid.analysis.tracking import shots_between
from facevid.faces.identity import SIZE
from facevid.faces.landmarks import Face
from facevid.faces.people import find_people
from facevid.faces.tracking import find_tracklets, largest_tracks

SHAPE = np.random.default_rng(0).uniform(0, 1, (68, 2)).astype(np.float32)


def face_at(x, y, size=100.0):
    landmarks = SHAPE * size + (x, y)
    return Face((x, y, x + size, y + size), landmarks.astype(np.float32), 1.0)


def tracks_of(frames, max_gap, cuts=()):
    tracklets = find_tracklets(frames, cuts, max_gap)
    unknown = np.full((len(tracklets), SIZE), np.nan)
    return list(find_people(tracklets, unknown, shots_between(cuts, len(frames)), max_gap).tracks)


def widths(track):
    return np.ptp(track.landmarks[..., 0], axis=1)


def test_a_moving_face_is_one_track():
    (track,) = tracks_of([[face_at(10 + 8 * i, 20)] for i in range(30)], max_gap=5)
    assert (track.number, track.first, track.last) == (0, 0, 29)
    assert track.detected.all()


def test_a_short_miss_is_bridged_by_a_straight_line():
    (track,) = tracks_of([[] if 4 <= i <= 7 else [face_at(10 * i, 20)] for i in range(12)], max_gap=4)
    assert list(np.flatnonzero(~track.detected)) == [4, 5, 6, 7]
    assert track.landmarks[5] == pytest.approx(face_at(50, 20).landmarks)


def test_a_long_miss_ends_the_track():
    tracks = tracks_of([[] if 4 <= i <= 8 else [face_at(0, 0)] for i in range(12)], max_gap=4)
    assert [(track.first, track.last) for track in tracks] == [(0, 3), (9, 11)]


def test_no_track_crosses_a_cut():
    tracks = tracks_of([[face_at(0, 0)]] * 12, max_gap=4, cuts=(6,))
    assert [(track.number, track.first, track.last) for track in tracks] == [(0, 0, 5), (1, 6, 11)]


def test_crossing_faces_keep_their_tracks():
    frames = [[face_at(20 * i, 0, 90), face_at(400 - 20 * i, 60, 140)][:: 1 - 2 * (i % 2)] for i in range(21)]
    tracks = tracks_of(frames, max_gap=4)
    assert len(tracks) == 2
    assert all(np.ptp(widths(track)) < 1e-3 for track in tracks)


def test_faces_that_cross_while_one_is_hidden_go_on_as_they_moved():
    near = [face_at(16 * i, 0, 100) for i in range(31)]
    far = [face_at(400 - 10 * i, 8, 84) for i in range(31)]
    hidden = [abs(a.box[0] - b.box[0]) < 60 for a, b in zip(near, far, strict=True)]
    assert sum(hidden) == 4
    tracks = tracks_of([[a] if gone else [a, b] for a, b, gone in zip(near, far, hidden, strict=True)], max_gap=12)
    assert len(tracks) == 2
    assert all(np.ptp(widths(track)) < 1e-3 for track in tracks)


def test_a_miss_among_faces_in_each_others_way_leaves_open_whose_they_are():
    frames = [[face_at(0, 0)] if i in (4, 5) else [face_at(0, 0), face_at(60, 0)] for i in range(10)]
    tracklets = find_tracklets(frames, (), max_gap=4)
    assert all((np.diff(each.indices) == 1).all() for each in tracklets)
    assert [len(track) for track in tracks_of(frames, max_gap=4)] == [10, 10]


def test_a_face_that_moves_fast_is_found_again_after_a_miss():
    (track,) = tracks_of([[] if 6 <= i <= 8 else [face_at(30 * i, 20)] for i in range(15)], max_gap=4)
    assert (track.first, track.last) == (0, 14)


def test_a_track_begins_at_its_first_detection():
    (track,) = tracks_of([[], [], [face_at(0, 0)]] + [[face_at(0, 0)]] * 3, max_gap=4)
    assert (track.first, track.last, len(track)) == (2, 5, 4)


def test_a_face_of_a_frame_or_two_is_none_unless_there_are_no_more():
    wall = {7: [face_at(300, 300)], 8: [face_at(300, 300)]}
    tracks = tracks_of([[*wall.get(i, []), face_at(0, 0)] for i in range(12)], max_gap=4)
    assert [(track.number, track.first, track.last) for track in tracks] == [(0, 0, 11)]
    assert len(tracks_of([[face_at(0, 0)]], max_gap=4)) == 1
    assert len(tracks_of([[face_at(0, 0)]] * 2, max_gap=4)) == 1


def test_the_largest_face_is_chosen_in_every_shot():
    frames = [[face_at(0, 0, 100), face_at(300, 0, 60 if i < 5 else 200)] for i in range(10)]
    chosen = largest_tracks(tracks_of(frames, max_gap=2, cuts=(5,)), [range(5), range(5, 10)])
    assert [round(float(track.boxes[0, 0] / 300)) for track in chosen] == [0, 1]
