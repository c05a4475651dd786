"""What is drawn on a frame, on a grey picture that shows nothing else."""

import numpy as np
import pytest

from facevid.faces.alignment import ffhq_quad
from facevid.faces.tracking import Track
from facevid.inspection.overlay import EDITED, OTHER, draw_overlay
from facevid.inspection.text import WHITE
from facevid.inspection.tracks import InspectedTrack

SHAPE = np.random.default_rng(3).uniform(-1, 1, (68, 2))
SHAPE[36:42], SHAPE[42:48] = (-0.5, -0.4), (0.5, -0.4)
SHAPE[48], SHAPE[54] = (-0.4, 0.6), (0.4, 0.6)


def face_at(centre, *, radius=40.0, number=0, first=0, frames=1, detected=True, edited=True, first_number=0):
    """Make a track of a face that keeps still."""
    landmarks = np.repeat((SHAPE * radius + centre)[None], frames, axis=0).astype(np.float32)
    scores = np.full(frames, float(detected), dtype=np.float32)
    track = Track(number, first, landmarks, np.full(frames, detected), scores, np.full_like(landmarks, np.nan))
    return InspectedTrack(track, ffhq_quad(landmarks), edited, first_number)


def drawn(*tracks, size=(480, 640), index=0, first_number=0):
    picture = np.full((*size, 3), 90, dtype=np.uint8)
    draw_overlay(picture, index, tracks, first_number=first_number)
    return picture


def has(picture, colour):
    return np.abs(picture.astype(int) - colour).max(axis=2) < 40


def test_the_edited_face_has_another_colour_than_the_others():
    picture = drawn(face_at((200, 240)), face_at((460, 240), edited=False))
    assert has(picture[:, :320], EDITED).sum() > 300
    assert has(picture[:, 320:], OTHER).sum() > 300
    assert not has(picture[:, :320], OTHER).any()
    assert not has(picture[:, 320:], EDITED).any()


def test_landmarks_lie_where_the_face_has_them():
    face = face_at((320, 240))
    shown = has(drawn(face), EDITED)
    for x, y in face.track.landmarks[0].round().astype(int):
        assert shown[y - 1 : y + 2, x - 1 : x + 2].any()


def test_a_line_goes_around_the_matte_of_a_face_that_would_be_edited():
    face = face_at((320, 240))
    rows, columns = np.nonzero(has(drawn(face)[60:], WHITE))
    left, top = face.track.landmarks[0].min(axis=0)
    right, bottom = face.track.landmarks[0].max(axis=0)
    assert columns.min() < left and columns.max() > right and rows.max() + 60 > bottom and rows.min() + 60 < top
    assert not has(drawn(face_at((320, 240), edited=False))[60:], WHITE).any()


def test_a_bridged_frame_is_dashed():
    def share_of_the_left_side(face):
        top_left, bottom_left = face.quads[0, 0], face.quads[0, 1]
        points = np.linspace(top_left, bottom_left, 300).round().astype(int)
        return has(drawn(face), EDITED)[points[:, 1], points[:, 0]].mean()

    assert share_of_the_left_side(face_at((320, 240))) > 0.95
    assert share_of_the_left_side(face_at((320, 240), detected=False)) == pytest.approx(0.65, abs=0.15)


def test_a_face_is_drawn_only_in_its_frames():
    assert not has(drawn(face_at((320, 240)), index=1), EDITED).any()
    assert has(drawn(face_at((320, 240), first=1), index=1), EDITED).any()


def test_a_frame_is_labelled_with_its_number():
    assert np.array_equal(drawn(index=3, first_number=1001), drawn(index=1004))
    assert not np.array_equal(drawn(index=3, first_number=1001), drawn(index=3))


def test_a_face_that_reaches_over_the_edge_is_drawn_as_far_as_it_is_seen():
    picture = drawn(face_at((0, 0), radius=100.0), size=(96, 128))
    assert has(picture, EDITED).any()


@pytest.mark.parametrize("height", [224, 1080, 2160])
def test_text_and_lines_grow_with_the_picture(height):
    picture = drawn(size=(height, height))
    paper = np.flatnonzero((picture[:, 0] == 0).all(axis=1))
    assert len(paper) == pytest.approx(max(15, height / 26), rel=0.1)
