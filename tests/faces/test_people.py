"""Grouping by person, from drawn landmarks and synthetic descriptors: points near one fixed point for each person."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from facevid.analysis.clip_tracking import shots_between
from facevid.faces.detector import Face
from facevid.faces.identity import SIZE
from facevid.faces.people import SAME_PERSON, SAME_PERSON_CONTINUED, find_people
from facevid.faces.splitting import split_by_identity
from facevid.faces.tracking import Track, Tracklet, find_tracklets
from tests.faces.test_tracking import face_at

Descriptor = NDArray[np.float64]
People = tuple[list[Track], NDArray[np.float64]]

ANNA, BERT = np.eye(2, SIZE)
UNKNOWN = np.full(SIZE, np.nan)


def near(person: Descriptor, distance: float = 0.1, seed: int = 0) -> Descriptor:
    """Return a descriptor at a distance from a person's, in a random direction."""
    step = np.random.default_rng(seed).normal(size=SIZE)
    descriptor: Descriptor = person + distance * step / np.linalg.norm(step)
    return descriptor


def people_of(
    frames: Sequence[Sequence[Face]], descriptors: Sequence[Descriptor], cuts: Sequence[int] = (), max_gap: int = 3
) -> People:
    """Find people from the faces of each frame and the descriptors of the tracklets that they form."""
    tracklets = find_tracklets(frames, cuts, max_gap)
    assert len(tracklets) == len(descriptors)
    return find_people(tracklets, np.stack(descriptors), shots_between(cuts, len(frames)), max_gap)


def tracks_by_motion(frames: Sequence[Sequence[Face]]) -> list[Track]:
    """Find tracks without descriptors."""
    tracklets = find_tracklets(frames, (), 12)
    tracks, _ = find_people(tracklets, np.full((len(tracklets), SIZE), np.nan), [range(len(frames))], 12)
    return tracks


def track_spans(people: People) -> list[tuple[int, int, int]]:
    tracks, _ = people
    return [(track.person, track.first, track.last) for track in tracks]


def test_person_keeps_the_number_through_cuts_and_absence() -> None:
    frames = [[] if 10 <= i < 20 else [face_at(0, 0)] for i in range(50)]
    people = people_of(frames, [near(ANNA, seed=1), near(ANNA, seed=2), BERT, near(ANNA, seed=3)], cuts=(30, 40))
    _, descriptors = people
    assert track_spans(people) == [(0, 0, 9), (0, 20, 29), (1, 30, 39), (0, 40, 49)]
    assert np.linalg.norm(descriptors[0] - ANNA) < 0.1
    assert descriptors[1] == pytest.approx(BERT)


@pytest.mark.parametrize(("distance", "is_same"), [(SAME_PERSON - 0.01, True), (SAME_PERSON + 0.01, False)])
def test_distance_decides_on_the_person(distance: float, is_same: bool) -> None:
    people = people_of([[face_at(0, 0)]] * 10, [ANNA, near(ANNA, distance)], cuts=(5,))
    assert track_spans(people) == [(0, 0, 4), (0 if is_same else 1, 5, 9)]


def test_simultaneous_faces_are_two_people_even_with_equal_descriptors() -> None:
    people = people_of([[face_at(0, 0), face_at(300, 0)]] * 5, [ANNA, ANNA])
    assert track_spans(people) == [(0, 0, 4), (1, 0, 4)]


def test_closer_one_of_two_similar_people_is_chosen() -> None:
    twin = near(ANNA, 0.3)
    frames = [[face_at(0, 0), face_at(300, 0)]] * 5 + [[face_at(100, 50)]] * 5
    people = people_of(frames, [ANNA, twin, near(twin, 0.1, seed=1)], cuts=(5,))
    assert track_spans(people) == [(0, 0, 4), (1, 0, 4), (1, 5, 9)]


def test_face_without_descriptor_gets_a_new_number_in_each_shot() -> None:
    people = people_of([[face_at(0, 0)]] * 10, [UNKNOWN, UNKNOWN], cuts=(5,))
    _, descriptors = people
    assert track_spans(people) == [(0, 0, 4), (1, 5, 9)]
    assert np.isnan(descriptors).all()


def crossing_and_return() -> list[list[Face]]:
    """Two faces meet, the nearer one hides the other, and both turn back: motion alone confuses them."""
    xs = [16 * i if i < 13 else 16 * (24 - i) for i in range(25)]
    return [[face_at(x, 0)] if 10 <= i <= 14 else [face_at(x, 0), face_at(400 - x, 4)] for i, x in enumerate(xs)]


def test_descriptors_correct_an_error_of_motion() -> None:
    frames = crossing_and_return()
    tracklets = find_tracklets(frames, (), 12)
    assert len(tracks_by_motion(frames)) == 2
    assert all(track.landmarks[0, 0, 0] != track.landmarks[-1, 0, 0] for track in tracks_by_motion(frames))
    descriptors = [ANNA if each.faces[-1].landmarks[0, 0] < 280 else BERT for each in tracklets]
    (anna, bert), _ = people_of(frames, descriptors, max_gap=12)
    assert (len(anna), len(bert)) == (25, 25)
    assert anna.landmarks[-1] == pytest.approx(anna.landmarks[0])
    assert bert.landmarks[-1] == pytest.approx(bert.landmarks[0])


def test_descriptors_may_differ_more_where_motion_agrees() -> None:
    frames = [[face_at(16 * i, 0), face_at(400 - 16 * i, 4)] for i in range(25)]
    tracklets = find_tracklets(frames, (), 12)
    distance = (SAME_PERSON + SAME_PERSON_CONTINUED) / 2
    descriptors: list[Descriptor] = []
    for index, each in enumerate(tracklets):
        before = (ANNA, BERT)[index] if each.follows is None else descriptors[each.follows]
        descriptors.append(before if each.indices[0] < 14 else near(before, distance))
    assert max(each.indices[0] for each in tracklets) > 14
    assert track_spans(people_of(frames, descriptors, max_gap=12)) == [(0, 0, 24), (1, 0, 24)]


def split(
    tracklets: Sequence[Tracklet], people_seen: Sequence[Sequence[Descriptor]]
) -> tuple[list[Tracklet], NDArray[np.float64]]:
    """Split tracklets; `people_seen` lists for each one the people in its views, which are evenly spaced."""
    views: list[list[int]] = []
    descriptors: list[NDArray[np.float64]] = []
    for tracklet, seen in zip(tracklets, people_seen, strict=True):
        views.append([len(tracklet.faces) * position // len(seen) for position in range(len(seen))])
        drawn = [near(person, seed=10 * len(views) + position) for position, person in enumerate(seen)]
        descriptors.append(np.array(drawn).reshape(-1, SIZE))
    return split_by_identity(tracklets, views, descriptors)


def tracklets_without_flow(count: int) -> list[Tracklet]:
    """Return one tracklet of a face that stands still for `count` frames."""
    return find_tracklets([[face_at(0, 0)]] * count, (), 3)


def tracklets_without_motion(faces: Sequence[Face]) -> list[Tracklet]:
    """Return the tracklets of one face a frame whose flow is 0."""
    still = [replace(face, flow=np.zeros_like(face.landmarks)) for face in faces]
    return find_tracklets([[face] for face in still], (), 3)


def test_dissolve_between_faces_is_split_where_landmarks_jump() -> None:
    tracklets = tracklets_without_motion([face_at(0, 0)] * 17 + [face_at(12, 3)] * 23)
    parts, descriptors = split(tracklets, [[ANNA, ANNA, BERT, BERT]])  # views in frames 0, 10, 20 and 30
    assert track_spans(find_people(parts, descriptors, [range(40)], 3)) == [(0, 0, 16), (1, 17, 39)]


def test_tracklet_of_one_person_is_not_split_and_gets_the_mean_descriptor() -> None:
    tracklets = tracklets_without_flow(40)
    parts, descriptors = split(tracklets, [[ANNA] * 5])
    assert parts == tracklets
    assert np.linalg.norm(descriptors[0] - ANNA) < 0.1


def test_single_different_view_splits_only_where_landmarks_jump() -> None:
    still, jumping = [face_at(0, 0)] * 40, [face_at(0, 0)] * 28 + [face_at(12, 3)] * 12
    for faces, count in ((still, 1), (jumping, 2)):
        parts, _ = split(tracklets_without_motion(faces), [[ANNA, ANNA, ANNA, ANNA, BERT]])
        assert len(parts) == count


def test_person_who_returns_in_a_second_dissolve_keeps_the_number() -> None:
    parts, descriptors = split(tracklets_without_flow(60), [[ANNA, ANNA, BERT, BERT, ANNA, ANNA]])
    assert track_spans(find_people(parts, descriptors, [range(60)], 3)) == [(0, 0, 14), (1, 15, 34), (0, 35, 59)]


def test_tracklet_that_follows_a_split_one_follows_its_last_part() -> None:
    tracklets = [
        replace(Tracklet(0, None), indices=[*range(20)], faces=[face_at(0, 0)] * 20),
        replace(Tracklet(0, 0), indices=[*range(22, 30)], faces=[face_at(0, 0)] * 8),
    ]
    parts, descriptors = split(tracklets, [[ANNA, ANNA, BERT, BERT], []])
    assert [part.follows for part in parts] == [None, None, 1]
    assert track_spans(find_people(parts, descriptors, [range(30)], 3))[1] == (1, 8, 29)
