"""What is told of drawn tracks: heads of known yaw, size, place and motion."""

import numpy as np
import pytest

from facevid.analysis.tracking import Tracking
from facevid.faces.alignment import ffhq_quad, quad_side
from facevid.faces.tracking import Track
from facevid.inspection.problems import JITTER_SHARE, PROFILE_YAW, SMALL_SIDE, find_problems
from facevid.inspection.tracks import InspectedTrack
from tests.faces.test_pose import turned_head

SIZE = (1280, 720)
SIDE = float(quad_side(ffhq_quad(turned_head(0))))


def track_of(heads, *, number=0, first=0, missed=(), edited=True):
    """Make a track of the landmarks of consecutive frames."""
    detected = ~np.isin(np.arange(len(heads)), missed)
    landmarks = np.stack(heads)
    flow = np.full_like(landmarks, np.nan)
    track = Track(number, first, landmarks, detected, detected.astype(np.float32), flow)
    return InspectedTrack(track, ffhq_quad(landmarks), edited)


def heads(*turns, centre=(640, 300), side=300.0):
    return [turned_head(each, scale=side / SIDE, centre=centre) for each in turns]


def tracking_of(*tracks, frames, cuts=()):
    people = len({each.track.number for each in tracks})
    return Tracking(np.arange(frames), tuple(cuts), tuple(each.track for each in tracks), np.zeros((people, 128)))


def told(*tracks, frames, cuts=()):
    tracking = tracking_of(*tracks, frames=frames, cuts=cuts)
    return [str(problem) for problem in find_problems(tracking, tracks, SIZE)]


def test_a_calm_frontal_face_is_no_problem():
    assert told(track_of(heads(*range(-10, 10))), frames=20) == []


def test_a_profile_is_told_with_its_frames_and_its_worst():
    beyond = PROFILE_YAW + 15
    track = track_of(heads(*[0] * 10, *np.linspace(PROFILE_YAW + 1, beyond, 8), *[0] * 10), first=5)
    assert f"frames 15-22, person 0: turned away, up to {beyond:.0f}°: the edit fades" in told(track, frames=33)


def test_close_ranges_are_told_as_one_and_single_frames_not_at_all():
    away = PROFILE_YAW + 5
    track = track_of(heads(*[0] * 9, away, *[0] * 10, *[away] * 3, *[0] * 4, *[away] * 3, *[0] * 9))
    profiles = [each for each in told(track, frames=39) if "turned away" in each]
    assert [each.split(",")[0] for each in profiles] == ["frames 20-29"]


def test_misses_and_frames_without_a_face_are_told_one_by_one():
    track = track_of(heads(*[0] * 20), first=3, missed=(4, 7, 8, 9))
    assert told(track, frames=30) == [
        "frames 0-2: no face found",
        "frames 23-29: no face found",
        "frame 7, person 0: missed by the detector, bridged",
        "frames 10-12, person 0: missed by the detector, bridged",
    ]


@pytest.mark.parametrize(("side", "is_small"), [(SMALL_SIDE - 1, True), (SMALL_SIDE + 1, False)])
def test_a_small_face_is_told(side, is_small):
    (*problems,) = told(track_of(heads(*[0] * 5, side=side)), frames=5)
    expected = "frames 0-4, person 0: smaller than 64 px, down to 63 px: the edit will be soft"
    assert problems == ([expected] if is_small else [])


@pytest.mark.parametrize(("room", "is_told"), [(-40, True), (0.5, True), (2, False)])
@pytest.mark.parametrize(("axis", "is_far"), [(0, False), (0, True), (1, False), (1, True)])
def test_a_face_at_the_edge_is_told(axis, is_far, room, is_told):
    (landmarks,) = heads(0)
    if is_far:
        landmarks[:, axis] += SIZE[axis] - 1 - room - landmarks[:, axis].max()
    else:
        landmarks[:, axis] += room - landmarks[:, axis].min()
    expected = ["frames 0-3, person 0: touches the edge of the picture"]
    assert told(track_of([landmarks] * 4), frames=4) == (expected if is_told else [])


@pytest.mark.parametrize(("share", "trembles"), [(1.2, True), (0.8, False)])
def test_jitter_is_told_and_steady_motion_is_not(share, trembles):
    # Steps to and fro by d have a second difference of 2 d.
    step = share * JITTER_SHARE * 300 / 2
    moved = [heads(0, centre=(300 + 20 * i + step * (i % 2 * 2 - 1) / 2, 300))[0] for i in range(12)]
    expected = [f"frames 1-10, person 0: jitter, up to {2 * step:.1f} px: the edit may tremble"]
    assert told(track_of(moved), frames=12) == (expected if trembles else [])


def test_faces_seen_together_are_told_with_the_choice():
    left = track_of(heads(*[0] * 20, centre=(300, 300)))
    right = track_of(heads(*[0] * 10, centre=(900, 300), side=200), number=1, first=5, edited=False)
    assert told(left, right, frames=20) == [
        "frames 5-14: several faces, people 0 and 1; 0 edited by default, --face N chooses"
    ]


def test_a_face_that_is_alone_and_not_edited_is_told():
    found = track_of(heads(*[0] * 4), number=0, edited=False)
    again = track_of(heads(*[0] * 20), number=1, first=4)
    assert told(found, again, frames=24) == ["frames 0-3: only person 0 here, not edited by default; --face N chooses"]


def test_the_most_important_comes_first_and_what_is_not_edited_last():
    away = PROFILE_YAW + 10
    edited = track_of(heads(*[away] * 10, centre=(300, 300)), missed=(4,))
    other = track_of(heads(*[away] * 10, centre=(900, 300), side=200), number=1, edited=False)
    tracking = tracking_of(edited, other, frames=14, cuts=(12,))
    problems = find_problems(tracking, [edited, other], SIZE)
    assert [(each.kind, each.track, each.edited) for each in problems] == [
        ("faceless", None, True),
        ("profile", 0, True),
        ("bridged", 0, True),
        ("several", None, True),
        ("cut", None, True),
        ("profile", 1, False),
    ]


def test_a_still_picture_has_one_frame_and_its_problems():
    assert told(track_of(heads(PROFILE_YAW + 5)), frames=1) == [
        f"frame 0, person 0: turned away, up to {PROFILE_YAW + 5:.0f}°: the edit fades"
    ]
    assert told(frames=1) == ["frame 0: no face found"]
