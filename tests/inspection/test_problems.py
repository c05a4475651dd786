"""Problems found in synthetic tracks of known yaw, size, position and motion."""

from collections.abc import Collection, Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from facevid.analysis.clip_tracking import Tracking
from facevid.faces.alignment import ffhq_quad, quad_side
from facevid.faces.tracking import Track
from facevid.inspection.problems import (
    IMPORTANCE,
    MAX_JITTER_SHARE,
    PROFILE_YAW,
    REMEDIES,
    SMALL_SIDE,
    Problem,
    find_problems,
)
from facevid.inspection.tracks import InspectedTrack
from tests.faces.test_pose import turned_head

Landmarks = NDArray[np.float32]

PICTURE_SIZE = (1280, 720)
"""Width and height in pixels."""

UNSCALED_SIDE = float(quad_side(ffhq_quad(turned_head(0))))
"""Side of the quad of `turned_head` at scale 1, in pixels."""


def track_of(
    landmarks: Sequence[Landmarks],
    *,
    number: int = 0,
    first: int = 0,
    missed: Collection[int] = (),
    edited: bool = True,
) -> InspectedTrack:
    """Return a track with the landmarks of consecutive frames; those at the offsets in `missed` are bridged."""
    stacked = np.stack(landmarks)
    detected = ~np.isin(np.arange(len(stacked)), list(missed))
    flow = np.full_like(stacked, np.nan)
    track = Track(number, first, stacked, detected, detected.astype(np.float32), flow)
    return InspectedTrack(track, ffhq_quad(stacked), edited)


def heads(*yaws: float, centre: tuple[float, float] = (640, 300), side: float = 300.0) -> list[Landmarks]:
    """Return the landmarks of heads with these yaws, in degrees, and quads of this side, in pixels."""
    return [turned_head(yaw, scale=side / UNSCALED_SIDE, centre=centre) for yaw in yaws]


def tracking_of(*tracks: InspectedTrack, frames: int, cuts: Sequence[int] = ()) -> Tracking:
    people = len({inspected.track.person for inspected in tracks})
    return Tracking(
        np.arange(frames), tuple(cuts), tuple(inspected.track for inspected in tracks), np.zeros((people, 128))
    )


def problems_of(*tracks: InspectedTrack, frames: int, cuts: Sequence[int] = ()) -> list[Problem]:
    return find_problems(tracking_of(*tracks, frames=frames, cuts=cuts), tracks, PICTURE_SIZE)


def test_low_confidence_is_doubtful_where_the_face_was_detected() -> None:
    track = track_of(heads(*[0] * 12), missed=(11,))
    track.track.scores[2:6] = 0.3
    tracking = tracking_of(track, frames=12)
    problems = find_problems(tracking, [track], PICTURE_SIZE, 1001, 0.5)
    assert summarized(problems) == [("bridged", 1012, 1012, 0), ("doubtful", 1003, 1006, 0)]
    assert {problem.kind for problem in find_problems(tracking, [track], PICTURE_SIZE)} == {"bridged"}
    assert set(REMEDIES) == set(IMPORTANCE)


def summarized(problems: Sequence[Problem]) -> list[tuple[str, int, int, int | None]]:
    """Return kind, first frame, last frame and person of each problem."""
    return [(problem.kind, problem.first, problem.last, problem.track) for problem in problems]


def test_a_steady_frontal_face_has_no_problem() -> None:
    assert problems_of(track_of(heads(*range(-10, 10))), frames=20) == []


def test_a_profile_is_reported_with_its_frames_and_largest_yaw() -> None:
    largest = PROFILE_YAW + 15
    yaws = [*[0] * 10, *np.linspace(PROFILE_YAW + 1, largest, 8), *[0] * 10]
    problems = problems_of(track_of(heads(*yaws), first=5), frames=33)
    (profile,) = (problem for problem in problems if problem.kind == "profile")
    assert (profile.first, profile.last, profile.track) == (15, 22, 0)
    assert f" {largest:.0f}°" in profile.text
    assert str(profile) == f"frames 15-22, person 0: {profile.text}"


def test_nearby_runs_are_joined_and_single_frames_ignored() -> None:
    profile = PROFILE_YAW + 5
    yaws = [*[0] * 9, profile, *[0] * 10, *[profile] * 3, *[0] * 4, *[profile] * 3, *[0] * 9]
    problems = problems_of(track_of(heads(*yaws)), frames=39)
    profiles = [problem for problem in problems if problem.kind == "profile"]
    assert summarized(profiles) == [("profile", 20, 29, 0)]


def test_bridged_frames_and_frames_without_a_face_are_neither_joined_nor_ignored() -> None:
    track = track_of(heads(*[0] * 20), first=3, missed=(4, 7, 8, 9))
    problems = problems_of(track, frames=30)
    assert summarized(problems) == [
        ("faceless", 0, 2, None),
        ("faceless", 23, 29, None),
        ("bridged", 7, 7, 0),
        ("bridged", 10, 12, 0),
    ]
    assert [problem.frames for problem in problems] == ["frames 0-2", "frames 23-29", "frame 7", "frames 10-12"]


@pytest.mark.parametrize(("side", "is_small"), [(SMALL_SIDE - 1, True), (SMALL_SIDE + 1, False)])
def test_a_small_face_is_reported(side: float, is_small: bool) -> None:
    problems = problems_of(track_of(heads(*[0] * 5, side=side)), frames=5)
    assert summarized(problems) == ([("small", 0, 4, 0)] if is_small else [])
    assert all(" 64 px" in problem.text and " 63 px" in problem.text for problem in problems)


@pytest.mark.parametrize(("margin", "is_reported"), [(-40, True), (0.5, True), (2, False)])
@pytest.mark.parametrize(("axis", "is_far_edge"), [(0, False), (0, True), (1, False), (1, True)])
def test_a_face_at_the_edge_is_reported(axis: int, is_far_edge: bool, margin: float, is_reported: bool) -> None:
    (landmarks,) = heads(0)
    if is_far_edge:
        landmarks[:, axis] += PICTURE_SIZE[axis] - 1 - margin - landmarks[:, axis].max()
    else:
        landmarks[:, axis] += margin - landmarks[:, axis].min()
    problems = problems_of(track_of([landmarks] * 4), frames=4)
    assert summarized(problems) == ([("edge", 0, 3, 0)] if is_reported else [])


@pytest.mark.parametrize(("share", "is_reported"), [(1.2, True), (0.8, False)])
def test_jitter_is_reported_and_motion_at_constant_velocity_is_not(share: float, is_reported: bool) -> None:
    # A displacement that alternates between -d / 2 and d / 2 has a second difference of 2 d.
    displacement = share * MAX_JITTER_SHARE * 300 / 2
    centres = [(300 + 20 * index + displacement * (index % 2 * 2 - 1) / 2, 300) for index in range(12)]
    problems = problems_of(track_of([heads(0, centre=centre)[0] for centre in centres]), frames=12)
    assert summarized(problems) == ([("jitter", 1, 10, 0)] if is_reported else [])
    assert all(f" {2 * displacement:.1f} px" in problem.text for problem in problems)


def test_several_faces_at_once_are_reported_with_those_edited_by_default() -> None:
    left = track_of(heads(*[0] * 20, centre=(300, 300)))
    right = track_of(heads(*[0] * 10, centre=(900, 300), side=200), number=1, first=5, edited=False)
    (problem,) = problems_of(left, right, frames=20)
    assert summarized([problem]) == [("several", 5, 14, None)]
    assert "people 0 and 1;" in problem.text
    assert "default: 0;" in problem.text
    assert "--face" in problem.text


def test_frames_with_only_unedited_faces_are_reported() -> None:
    unedited = track_of(heads(*[0] * 4), number=0, edited=False)
    edited = track_of(heads(*[0] * 20), number=1, first=4)
    (problem,) = problems_of(unedited, edited, frames=24)
    assert summarized([problem]) == [("unedited", 0, 3, None)]
    assert "person 0 " in problem.text
    assert "--face" in problem.text


def test_problems_of_edited_faces_come_first_then_the_most_important() -> None:
    profile = PROFILE_YAW + 10
    edited = track_of(heads(*[profile] * 10, centre=(300, 300)), missed=(4,))
    unedited = track_of(heads(*[profile] * 10, centre=(900, 300), side=200), number=1, edited=False)
    problems = problems_of(edited, unedited, frames=14, cuts=(12,))
    assert [(problem.kind, problem.track, problem.edited) for problem in problems] == [
        ("faceless", None, True),
        ("profile", 0, True),
        ("bridged", 0, True),
        ("several", None, True),
        ("cut", None, True),
        ("profile", 1, False),
    ]


def test_the_single_frame_of_a_still_picture_is_reported() -> None:
    (problem,) = problems_of(track_of(heads(PROFILE_YAW + 5)), frames=1)
    assert summarized([problem]) == [("profile", 0, 0, 0)]
    assert f" {PROFILE_YAW + 5:.0f}°" in problem.text
    assert str(problem).startswith("frame 0, person 0: ")
    assert summarized(problems_of(frames=1)) == [("faceless", 0, 0, None)]
