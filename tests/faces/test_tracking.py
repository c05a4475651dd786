"""Tracking of drawn landmarks by motion alone: gaps, cuts and crossing faces."""

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from facevid.analysis.clip_tracking import shots_between
from facevid.faces.detector import Face
from facevid.faces.identity import SIZE
from facevid.faces.landmark_scheme import LANDMARK_COUNT
from facevid.faces.people import find_people
from facevid.faces.tracking import Track, find_tracklets

UNIT_LANDMARKS = np.random.default_rng(0).uniform(0, 1, (LANDMARK_COUNT, 2)).astype(np.float32)


def face_at(x: float, y: float, size: float = 100.0) -> Face:
    """Make a face whose landmarks lie in the square of `size` pixels with its top left corner at (x, y)."""
    landmarks = UNIT_LANDMARKS * size + (x, y)
    return Face((x, y, x + size, y + size), landmarks.astype(np.float32), 1.0)


def tracks_of(frames: Sequence[Sequence[Face]], max_gap: int, cuts: Sequence[int] = ()) -> list[Track]:
    tracklets = find_tracklets(frames, cuts, max_gap)
    unknown = np.full((len(tracklets), SIZE), np.nan)
    tracks, _ = find_people(tracklets, unknown, shots_between(cuts, len(frames)), max_gap)
    return tracks


def widths(track: Track) -> NDArray[np.float32]:
    spans: NDArray[np.float32] = np.ptp(track.landmarks[..., 0], axis=1)
    return spans


def test_moving_face_is_one_track() -> None:
    (track,) = tracks_of([[face_at(10 + 8 * i, 20)] for i in range(30)], max_gap=5)
    assert (track.person, track.first, track.last) == (0, 0, 29)
    assert track.detected.all()


def test_short_gap_is_interpolated() -> None:
    (track,) = tracks_of([[] if 4 <= i <= 7 else [face_at(10 * i, 20)] for i in range(12)], max_gap=4)
    assert list(np.flatnonzero(~track.detected)) == [4, 5, 6, 7]
    assert track.landmarks[5] == pytest.approx(face_at(50, 20).landmarks)


def test_long_gap_ends_the_track() -> None:
    tracks = tracks_of([[] if 4 <= i <= 8 else [face_at(0, 0)] for i in range(12)], max_gap=4)
    assert [(track.first, track.last) for track in tracks] == [(0, 3), (9, 11)]


def test_no_track_crosses_a_cut() -> None:
    tracks = tracks_of([[face_at(0, 0)]] * 12, max_gap=4, cuts=(6,))
    assert [(track.person, track.first, track.last) for track in tracks] == [(0, 0, 5), (1, 6, 11)]


def test_crossing_faces_keep_their_tracks() -> None:
    frames = [[face_at(20 * i, 0, 90), face_at(400 - 20 * i, 60, 140)][:: 1 - 2 * (i % 2)] for i in range(21)]
    tracks = tracks_of(frames, max_gap=4)
    assert len(tracks) == 2
    assert all(np.ptp(widths(track)) < 1e-3 for track in tracks)


def test_crossing_faces_keep_their_tracks_while_one_is_occluded() -> None:
    near = [face_at(16 * i, 0, 100) for i in range(31)]
    far = [face_at(400 - 10 * i, 8, 84) for i in range(31)]
    occluded = [abs(a.box[0] - b.box[0]) < 60 for a, b in zip(near, far, strict=True)]
    assert sum(occluded) == 4
    frames = [[a] if is_occluded else [a, b] for a, b, is_occluded in zip(near, far, occluded, strict=True)]
    tracks = tracks_of(frames, max_gap=12)
    assert len(tracks) == 2
    assert all(np.ptp(widths(track)) < 1e-3 for track in tracks)


def test_tracklets_of_ambiguous_faces_end_at_a_gap() -> None:
    frames = [[face_at(0, 0)] if i in (4, 5) else [face_at(0, 0), face_at(60, 0)] for i in range(10)]
    tracklets = find_tracklets(frames, (), max_gap=4)
    assert all((np.diff(each.indices) == 1).all() for each in tracklets)
    assert [len(track) for track in tracks_of(frames, max_gap=4)] == [10, 10]


def test_fast_face_is_found_again_after_a_gap() -> None:
    (track,) = tracks_of([[] if 6 <= i <= 8 else [face_at(30 * i, 20)] for i in range(15)], max_gap=4)
    assert (track.first, track.last) == (0, 14)


def test_track_begins_at_its_first_detection() -> None:
    (track,) = tracks_of([[], [], [face_at(0, 0)]] + [[face_at(0, 0)]] * 3, max_gap=4)
    assert (track.first, track.last, len(track)) == (2, 5, 4)


def test_track_of_fewer_than_3_frames_is_dropped_unless_its_shot_is_as_short() -> None:
    background = {7: [face_at(300, 300)], 8: [face_at(300, 300)]}
    tracks = tracks_of([[*background.get(i, []), face_at(0, 0)] for i in range(12)], max_gap=4)
    assert [(track.person, track.first, track.last) for track in tracks] == [(0, 0, 11)]
    assert len(tracks_of([[face_at(0, 0)]], max_gap=4)) == 1
    assert len(tracks_of([[face_at(0, 0)]] * 2, max_gap=4)) == 1
