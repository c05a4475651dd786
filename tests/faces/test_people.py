"""Who is who, from drawn landmarks and made descriptors: each person is a point, each look at them a little off it."""

from dataclasses import replace

import numpy as np
import pytest

from facevid.analysis.tracking import shots_between
from facevid.faces.identity import SIZE, View
from facevid.faces.people import SAME_PERSON, SAME_PERSON_FOLLOWED, find_people
from facevid.faces.splitting import split_by_looks
from facevid.faces.tracking import Tracklet, find_tracklets, largest_tracks
from tests.faces.test_tracking import face_at

ANNA, BERT = np.eye(2, SIZE)


def look(person, off=0.1, seed=0):
    """Describe a person at the distance `off` of what they are."""
    step = np.random.default_rng(seed).normal(size=SIZE)
    return person + off * step / np.linalg.norm(step)


def people_of(frames, descriptors, cuts=(), max_gap=3):
    tracklets = find_tracklets(frames, cuts, max_gap)
    assert len(tracklets) == len(descriptors)
    return find_people(tracklets, np.stack(descriptors), shots_between(cuts, len(frames)), max_gap)


def by_motion(frames):
    tracklets = find_tracklets(frames, (), 12)
    return find_people(tracklets, np.full((len(tracklets), SIZE), np.nan), [range(len(frames))], 12).tracks


def told(people):
    return [(track.number, track.first, track.last) for track in people.tracks]


def test_a_person_keeps_the_number_through_cuts_and_absence():
    frames = [[] if 10 <= i < 20 else [face_at(0, 0)] for i in range(50)]
    people = people_of(frames, [look(ANNA, seed=1), look(ANNA, seed=2), BERT, look(ANNA, seed=3)], cuts=(30, 40))
    assert told(people) == [(0, 0, 9), (0, 20, 29), (1, 30, 39), (0, 40, 49)]
    assert np.linalg.norm(people.descriptors[0] - ANNA) < 0.1
    assert people.descriptors[1] == pytest.approx(BERT)


@pytest.mark.parametrize(("off", "is_same"), [(SAME_PERSON - 0.01, True), (SAME_PERSON + 0.01, False)])
def test_the_distance_decides(off, is_same):
    people = people_of([[face_at(0, 0)]] * 10, [ANNA, look(ANNA, off)], cuts=(5,))
    assert told(people) == [(0, 0, 4), (0 if is_same else 1, 5, 9)]


def test_two_faces_at_a_time_are_two_people_however_alike():
    people = people_of([[face_at(0, 0), face_at(300, 0)]] * 5, [ANNA, ANNA])
    assert told(people) == [(0, 0, 4), (1, 0, 4)]


def test_of_two_alike_the_nearer_one_is_taken():
    twin = look(ANNA, 0.3)
    frames = [[face_at(0, 0), face_at(300, 0)]] * 5 + [[face_at(100, 50)]] * 5
    assert told(people_of(frames, [ANNA, twin, look(twin, 0.1, seed=1)], cuts=(5,))) == [
        (0, 0, 4),
        (1, 0, 4),
        (1, 5, 9),
    ]


def test_a_face_too_small_to_be_described_has_a_number_of_its_own_in_each_shot():
    unknown = np.full(SIZE, np.nan)
    people = people_of([[face_at(0, 0)]] * 10, [unknown, unknown], cuts=(5,))
    assert told(people) == [(0, 0, 4), (1, 5, 9)]
    assert np.isnan(people.descriptors).all()


def crossing():
    """Two faces meet, the nearer one hides the other, and both turn back: motion alone takes each for the other."""
    right = [16 * i if i < 13 else 16 * (24 - i) for i in range(25)]
    return [[face_at(x, 0)] if 10 <= i <= 14 else [face_at(x, 0), face_at(400 - x, 4)] for i, x in enumerate(right)]


def test_a_mistake_of_motion_is_put_right_by_looks():
    frames = crossing()
    tracklets = find_tracklets(frames, (), 12)
    assert len(by_motion(frames)) == 2
    assert all(track.landmarks[0, 0, 0] != track.landmarks[-1, 0, 0] for track in by_motion(frames))
    descriptors = [ANNA if each.faces[-1].landmarks[0, 0] < 280 else BERT for each in tracklets]
    anna, bert = people_of(frames, descriptors, max_gap=12).tracks
    assert (len(anna), len(bert)) == (25, 25)
    assert anna.landmarks[-1] == pytest.approx(anna.landmarks[0])
    assert bert.landmarks[-1] == pytest.approx(bert.landmarks[0])


def test_where_motion_agrees_looks_may_differ_more():
    frames = [[face_at(16 * i, 0), face_at(400 - 16 * i, 4)] for i in range(25)]
    tracklets = find_tracklets(frames, (), 12)
    off = (SAME_PERSON + SAME_PERSON_FOLLOWED) / 2
    descriptors: list[np.ndarray] = []
    for index, each in enumerate(tracklets):
        before = (ANNA, BERT)[index] if each.follows is None else descriptors[each.follows]
        descriptors.append(before if each.indices[0] < 14 else look(before, off))
    assert max(each.indices[0] for each in tracklets) > 14
    assert told(people_of(frames, descriptors, max_gap=12)) == [(0, 0, 24), (1, 0, 24)]


def test_largest_takes_all_tracks_of_the_person_in_the_shot():
    frames = [[face_at(300, 0, 90)] + ([] if 5 <= i < 12 else [face_at(0, 0, 200)]) for i in range(20)]
    people = people_of(frames, [BERT, ANNA, ANNA])
    chosen = largest_tracks(people.tracks, [range(20)])
    assert [(track.first, track.last) for track in chosen] == [(0, 4), (12, 19)]


def split(tracklets, people_seen):
    """Split tracklets, of each of which the people in `people_seen` are seen at even distances."""
    views: list[View] = []
    looks: list[np.ndarray] = []
    for number, seen in enumerate(people_seen):
        indices = tracklets[number].indices
        for place, person in enumerate(seen):
            entry = len(indices) * place // len(seen)
            views.append(View(number, indices[entry], tracklets[number].faces[entry].landmarks))
            looks.append(look(person, seed=len(looks)))
    return split_by_looks(tracklets, views, np.stack(looks))


def test_a_dissolve_from_one_face_to_another_is_two_tracks_that_part_where_landmarks_jump():
    faces = [face_at(0, 0)] * 17 + [face_at(12, 3)] * 23
    still = [replace(face, flow=np.zeros((68, 2), np.float32)) for face in faces]
    tracklets = find_tracklets([[face] for face in still], (), 3)
    parts, descriptors = split(tracklets, [[ANNA, ANNA, BERT, BERT]])  # seen in frames 0, 10, 20 and 30
    assert told(find_people(parts, descriptors, [range(40)], 3)) == [(0, 0, 16), (1, 17, 39)]


def test_a_tracklet_of_one_person_stays_whole_and_is_described_by_the_mean():
    tracklets = find_tracklets([[face_at(0, 0)]] * 40, (), 3)
    parts, descriptors = split(tracklets, [[ANNA] * 5])
    assert parts == tracklets
    assert np.linalg.norm(descriptors[0] - ANNA) < 0.1


def test_one_strange_look_is_believed_only_where_landmarks_jump():
    calm, jumping = [face_at(0, 0)] * 40, [face_at(0, 0)] * 28 + [face_at(12, 3)] * 12
    for faces, count in ((calm, 1), (jumping, 2)):
        moved = [replace(face, flow=np.zeros((68, 2), np.float32)) for face in faces]
        parts, _ = split(find_tracklets([[face] for face in moved], (), 3), [[ANNA, ANNA, ANNA, ANNA, BERT]])
        assert len(parts) == count


def test_a_person_who_comes_back_in_another_dissolve_keeps_the_number():
    tracklets = find_tracklets([[face_at(0, 0)]] * 60, (), 3)
    parts, descriptors = split(tracklets, [[ANNA, ANNA, BERT, BERT, ANNA, ANNA]])
    assert told(find_people(parts, descriptors, [range(60)], 3)) == [(0, 0, 14), (1, 15, 34), (0, 35, 59)]


def test_what_follows_a_split_tracklet_follows_its_last_part():
    tracklets = [
        replace(Tracklet(0, None), indices=[*range(20)], faces=[face_at(0, 0)] * 20),
        replace(Tracklet(0, 0), indices=[*range(22, 30)], faces=[face_at(0, 0)] * 8),
    ]
    parts, descriptors = split(tracklets, [[ANNA, ANNA, BERT, BERT], []])
    assert [part.follows for part in parts] == [None, None, 1]
    assert told(find_people(parts, descriptors, [range(30)], 3))[1] == (1, 8, 29)
