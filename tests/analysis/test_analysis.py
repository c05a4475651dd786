"""Tracking, run for real, of photographed people who are moved over a wall by code."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from facevid.analysis.analysis import Analysis
from facevid.analysis.reference import describe_reference
from facevid.analysis.tracking import Tracking
from facevid.errors import NoFaceError, UsageError
from facevid.faces.dlib_detector import DlibDetector
from facevid.faces.identity import SIZE
from facevid.options import TrackingOptions
from facevid.video import open_clip
from tests.clips import camera_move, write_clip

SIDE = 190
PEOPLE = ("003", "005", "006")


def portrait_of(shared, person, look="neutral"):
    picture = cv2.imread(str(shared / "faces" / "london" / f"{person}_{look}.jpg"))
    assert picture is not None
    return np.ascontiguousarray(picture[..., ::-1])


def wall(shade, *shown):
    """Draw heads, each (portrait, x), on a wall; the later ones stand before the earlier ones."""
    picture = np.full((270, 640, 3), shade, dtype=np.uint8)
    picture[::30] = picture[:, ::40] = shade - 20
    mask = cv2.ellipse(np.zeros((SIDE, SIDE), np.uint8), (SIDE // 2, SIDE // 2), (70, 90), 0, 0, 360, 1, cv2.FILLED)
    for portrait, x in shown:
        small = cv2.resize(portrait, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
        place = picture[40 : 40 + SIDE, x : x + SIDE]
        place[mask > 0] = small[mask > 0]
    return picture


def analysis_of(path):
    return Analysis(open_clip(path), DlibDetector(), TrackingOptions())


def told(tracking: Tracking) -> list[tuple[int, int, int]]:
    return [(track.number, track.first, track.last) for track in tracking.tracks]


def x_of(track, index):
    return float(track.boxes[index, [0, 2]].mean()) - SIDE / 2


@pytest.fixture(scope="module")
def story(shared, tmp_path_factory) -> Path:
    """Return a clip of Anna and Bert, who cross; of Bert alone, elsewhere; of both, Anna leaving and coming back."""
    anna, bert, _ = (portrait_of(shared, person) for person in PEOPLE)
    cross = [wall(90, (bert, 420 - 18 * i), (anna, 30 + 18 * i)) for i in range(23)]
    alone = [wall(220, (bert, 200 + 2 * i)) for i in range(5)]
    both = (
        [wall(90, (anna, 60), (bert, 400))] * 5 + [wall(90, (bert, 400))] * 14 + [wall(90, (anna, 90), (bert, 400))] * 5
    )
    return write_clip(tmp_path_factory.mktemp("story") / "story.mp4", [*cross, *alone, *both], sound=False)


@pytest.fixture(scope="module")
def tracking(story) -> Tracking:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FACEVID_HOME", str(story.parent))
        return analysis_of(story).track()


def test_people_keep_their_numbers(tracking):
    assert tracking.cuts == (23, 28)
    by_place = {(track.first, x_of(track, 0) > 200): track for track in tracking.tracks}
    anna, bert = by_place[0, False], by_place[0, True]
    assert (len(anna), len(bert)) == (23, 23)
    assert x_of(anna, -1) == pytest.approx(426, abs=12)
    assert x_of(bert, -1) == pytest.approx(24, abs=12)
    assert (~bert.detected).sum() > 2
    later = {(anna.number, 28, 32), (anna.number, 47, 51), (bert.number, 23, 27), (bert.number, 28, 51)}
    assert set(told(tracking)) == {(0, 0, 22), (1, 0, 22)} | later
    assert tracking.descriptors.shape == (2, SIZE)


def test_a_person_is_chosen_by_number_or_by_a_picture(story, tracking, shared):
    by_picture = analysis_of(story).choose(tracking, shared / "faces" / "london" / "005_smiling.jpg")
    (bert,) = {track.number for track in by_picture}
    assert [track.first for track in by_picture] == [0, 23, 28]
    assert x_of(by_picture[0], 0) > 200
    assert analysis_of(story).choose(tracking, (bert,)) == by_picture


def test_a_person_who_is_not_in_the_clip_is_told_with_the_nearest(story, tracking, shared):
    path = shared / "faces" / "london" / "006_neutral.jpg"
    analysis = analysis_of(story)
    distances = np.linalg.norm(tracking.descriptors - describe_reference(path, analysis.detector), axis=1)
    nearest = f"the nearest, face {distances.argmin()}, is at a distance of {distances.min():.2f}"
    with pytest.raises(NoFaceError, match=nearest):
        analysis.choose(tracking, path)


def test_a_person_keeps_the_number_after_a_cut(portrait, tmp_path):
    seen = [camera_move(portrait, index, (320, 240)) for index in range(8)]
    grey = [np.full_like(seen[0], 230)] * 4
    analysis = analysis_of(write_clip(tmp_path / "in.mp4", [*seen[:4], *grey, *seen[4:]], sound=False))
    tracking, again = analysis.track(), analysis.track()
    assert told(tracking) == told(again) == [(0, 0, 3), (0, 8, 11)]
    assert np.array_equal(again.descriptors, tracking.descriptors)
    assert analysis.choose(tracking, "largest") == list(tracking.tracks)


def test_a_reference_must_show_one_face(portrait, portrait_clip, tmp_path):
    def write(name, picture):
        cv2.imwrite(str(tmp_path / name), picture[..., ::-1])
        return tmp_path / name

    detector = DlibDetector()
    with pytest.raises(NoFaceError, match=r"wall\.png: no face"):
        describe_reference(write("wall.png", np.full((200, 200, 3), 90, dtype=np.uint8)), detector)
    with pytest.raises(UsageError, match=r"two\.png: 2 faces"):
        describe_reference(write("two.png", np.hstack([portrait[:300, 80:380]] * 2)), detector)
    with pytest.raises(UsageError, match="no still picture"):
        describe_reference(portrait_clip, detector)
