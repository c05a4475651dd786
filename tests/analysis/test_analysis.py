"""Tracking, identity and selection on clips made of photographed heads that move in front of a wall."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from facevid.analysis.analysis import Analysis
from facevid.analysis.clip_tracking import Tracking
from facevid.analysis.selection import describe_reference
from facevid.errors import NoFaceError
from facevid.faces.detector import Detector
from facevid.faces.identity import SIZE
from facevid.faces.mesh.detector import BundledDetector
from facevid.faces.tracking import Track
from facevid.options import TrackingOptions
from facevid.video import open_clip
from tests.clips import camera_move, write_clip

HEAD_SIDE = 190
PORTRAITS = Path("faces") / "london"


def read_portrait(shared: Path, person: str) -> NDArray[np.uint8]:
    """Read the portrait of a person with a neutral expression: uint8 (H, W, 3) RGB."""
    picture = cv2.imread(str(shared / PORTRAITS / f"{person}_neutral.jpg"))
    assert picture is not None
    return np.ascontiguousarray(picture[..., ::-1])


def draw_wall(brightness: int, *heads: tuple[NDArray[np.uint8], int]) -> NDArray[np.uint8]:
    """Draw heads, each (portrait, x), in front of a wall; later ones cover earlier ones."""
    picture = np.full((270, 640, 3), brightness, dtype=np.uint8)
    picture[::30] = picture[:, ::40] = brightness - 20
    mask = np.zeros((HEAD_SIDE, HEAD_SIDE), np.uint8)
    cv2.ellipse(mask, (HEAD_SIDE // 2, HEAD_SIDE // 2), (70, 90), 0, 0, 360, 1, cv2.FILLED)
    for portrait, x in heads:
        head = cv2.resize(portrait, (HEAD_SIDE, HEAD_SIDE), interpolation=cv2.INTER_AREA)
        region = picture[40 : 40 + HEAD_SIDE, x : x + HEAD_SIDE]
        region[mask > 0] = head[mask > 0]
    return picture


def analysis_of(path: Path, detector: Detector | None = None) -> Analysis:
    return Analysis(open_clip(path), detector or BundledDetector(), TrackingOptions())


def track_spans(tracking: Tracking) -> list[tuple[int, int, int]]:
    return [(track.person, track.first, track.last) for track in tracking.tracks]


def head_x(track: Track, offset: int) -> float:
    return float(track.boxes[offset, [0, 2]].mean()) - HEAD_SIDE / 2


@pytest.fixture(scope="module")
def story(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a clip of three shots: Anna and Bert cross; Bert alone, elsewhere; both, Anna leaving and coming back."""
    anna, bert = (read_portrait(shared, person) for person in ("003", "005"))
    crossing = [draw_wall(90, (bert, 420 - 18 * i), (anna, 30 + 18 * i)) for i in range(23)]
    alone = [draw_wall(220, (bert, 200 + 2 * i)) for i in range(5)]
    both = (
        [draw_wall(90, (anna, 60), (bert, 400))] * 5
        + [draw_wall(90, (bert, 400))] * 14
        + [draw_wall(90, (anna, 90), (bert, 400))] * 5
    )
    return write_clip(tmp_path_factory.mktemp("story") / "story.mp4", [*crossing, *alone, *both], sound=False)


@pytest.fixture(scope="module", params=[BundledDetector, BundledDetector])
def tracking(story: Path, request: pytest.FixtureRequest) -> Tracking:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FACEVID_HOME", str(story.parent))
        tracking: Tracking = analysis_of(story, request.param()).track()
        return tracking


def test_people_keep_their_numbers(tracking: Tracking) -> None:
    assert tracking.cuts == (23, 28)
    by_place = {(track.first, head_x(track, 0) > 200): track for track in tracking.tracks}
    anna, bert = by_place[0, False], by_place[0, True]
    assert (len(anna), len(bert)) == (23, 23)
    assert head_x(anna, -1) == pytest.approx(426, abs=12)
    assert head_x(bert, -1) == pytest.approx(24, abs=12)
    assert (~bert.detected).sum() > 2
    later = {(anna.person, 28, 32), (anna.person, 47, 51), (bert.person, 23, 27), (bert.person, 28, 51)}
    assert set(track_spans(tracking)) == {(0, 0, 22), (1, 0, 22)} | later
    assert tracking.descriptors.shape == (2, SIZE)


def test_person_is_selected_by_number_or_by_picture(story: Path, tracking: Tracking, shared: Path) -> None:
    by_picture = analysis_of(story).select(tracking, shared / PORTRAITS / "005_smiling.jpg")
    (bert,) = {track.person for track in by_picture}
    assert [track.first for track in by_picture] == [0, 23, 28]
    assert head_x(by_picture[0], 0) > 200
    assert analysis_of(story).select(tracking, (bert,)) == by_picture


def test_error_for_a_person_not_in_the_clip_names_the_closest(story: Path, tracking: Tracking, shared: Path) -> None:
    path = shared / PORTRAITS / "006_neutral.jpg"
    analysis = analysis_of(story)
    distances = np.linalg.norm(tracking.descriptors - describe_reference(path, analysis.detector), axis=1)
    with pytest.raises(NoFaceError, match=rf"story\.mp4.*--face .*face {distances.argmin()},.* {distances.min():.2f}"):
        analysis.select(tracking, path)


def test_person_keeps_the_number_after_a_cut(portrait: NDArray[np.uint8], tmp_path: Path) -> None:
    pictures = [camera_move(portrait, index, (320, 240)) for index in range(8)]
    grey = [np.full_like(pictures[0], 230)] * 4
    analysis = analysis_of(write_clip(tmp_path / "in.mp4", [*pictures[:4], *grey, *pictures[4:]], sound=False))
    tracking, from_cache = analysis.track(), analysis.track()
    assert track_spans(tracking) == track_spans(from_cache) == [(0, 0, 3), (0, 8, 11)]
    assert np.array_equal(from_cache.descriptors, tracking.descriptors)
    assert analysis.select(tracking, "largest") == list(tracking.tracks)
