"""The overlay, drawn on a grey picture."""

import numpy as np
import pytest
from numpy.typing import NDArray

from facevid.faces.alignment import ffhq_quad
from facevid.faces.landmark_scheme import LANDMARK_COUNT
from facevid.faces.tracking import Track
from facevid.inspection.overlay import EDITED_COLOUR, UNEDITED_COLOUR, draw_overlay
from facevid.inspection.text import WHITE, Colour
from facevid.inspection.tracks import InspectedTrack

# Random landmarks between -1 and 1; only the eyes and the corners of the mouth, which define the quad, are placed.
LANDMARKS = np.random.default_rng(3).uniform(-1, 1, (LANDMARK_COUNT, 2))
LANDMARKS[36:42] = (-0.5, -0.4)
LANDMARKS[42:48] = (0.5, -0.4)
LANDMARKS[48] = (-0.4, 0.6)
LANDMARKS[54] = (0.4, 0.6)


def face_at(
    centre: tuple[float, float],
    *,
    radius: float = 40.0,
    number: int = 0,
    first: int = 0,
    frames: int = 1,
    detected: bool = True,
    edited: bool = True,
    first_number: int = 0,
) -> InspectedTrack:
    """Return the track of a face that does not move."""
    landmarks = np.repeat((LANDMARKS * radius + centre)[None], frames, axis=0).astype(np.float32)
    scores = np.full(frames, float(detected), dtype=np.float32)
    track = Track(number, first, landmarks, np.full(frames, detected), scores, np.full_like(landmarks, np.nan))
    return InspectedTrack(track, ffhq_quad(landmarks), edited, first_number)


def draw(
    *tracks: InspectedTrack, size: tuple[int, int] = (480, 640), index: int = 0, first_number: int = 0
) -> NDArray[np.uint8]:
    """Return the overlay of a frame on a grey picture of `size`, height and width."""
    picture = np.full((*size, 3), 90, dtype=np.uint8)
    draw_overlay(picture, index, tracks, first_number=first_number)
    return picture


def has_colour(picture: NDArray[np.uint8], colour: Colour) -> NDArray[np.bool_]:
    """Return the pixels that have nearly this colour, bool (H, W)."""
    mask: NDArray[np.bool_] = np.abs(picture.astype(int) - colour).max(axis=2) < 40
    return mask


def test_edited_and_unedited_faces_have_different_colours() -> None:
    picture = draw(face_at((200, 240)), face_at((460, 240), edited=False))
    assert has_colour(picture[:, :320], EDITED_COLOUR).sum() > 300
    assert has_colour(picture[:, 320:], UNEDITED_COLOUR).sum() > 300
    assert not has_colour(picture[:, :320], UNEDITED_COLOUR).any()
    assert not has_colour(picture[:, 320:], EDITED_COLOUR).any()


def test_landmarks_are_drawn_at_their_positions() -> None:
    face = face_at((320, 240))
    drawn = has_colour(draw(face), EDITED_COLOUR)
    for x, y in face.track.landmarks[0].round().astype(int):
        assert drawn[y - 1 : y + 2, x - 1 : x + 2].any()


def test_the_matte_is_outlined_only_if_the_face_would_be_edited() -> None:
    top_of_search = 60  # below the label of the frame, which is white, too
    face = face_at((320, 240))
    rows, columns = np.nonzero(has_colour(draw(face)[top_of_search:], WHITE))
    rows += top_of_search
    left, top = face.track.landmarks[0].min(axis=0)
    right, bottom = face.track.landmarks[0].max(axis=0)
    assert columns.min() < left
    assert columns.max() > right
    assert rows.min() < top
    assert rows.max() > bottom
    assert not has_colour(draw(face_at((320, 240), edited=False))[top_of_search:], WHITE).any()


def test_the_quad_of_a_bridged_frame_is_dashed() -> None:
    def drawn_share_of_left_side(face: InspectedTrack) -> float:
        top_left, bottom_left = face.quads[0, 0], face.quads[0, 1]
        points = np.linspace(top_left, bottom_left, 300).round().astype(int)
        return float(has_colour(draw(face), EDITED_COLOUR)[points[:, 1], points[:, 0]].mean())

    assert drawn_share_of_left_side(face_at((320, 240))) > 0.95
    assert drawn_share_of_left_side(face_at((320, 240), detected=False)) == pytest.approx(0.65, abs=0.15)


def test_a_face_is_drawn_only_in_frames_of_its_track() -> None:
    assert not has_colour(draw(face_at((320, 240)), index=1), EDITED_COLOUR).any()
    assert has_colour(draw(face_at((320, 240), first=1), index=1), EDITED_COLOUR).any()


def test_a_frame_is_labelled_with_its_number() -> None:
    assert np.array_equal(draw(index=3, first_number=1001), draw(index=1004))
    assert not np.array_equal(draw(index=3, first_number=1001), draw(index=3))


def test_a_face_beyond_the_edge_is_drawn_where_visible() -> None:
    picture = draw(face_at((0, 0), radius=100.0), size=(96, 128))
    assert has_colour(picture, EDITED_COLOUR).any()


@pytest.mark.parametrize("height", [224, 1080, 2160])
def test_text_scales_with_the_picture(height: int) -> None:
    picture = draw(size=(height, height))
    label_rows = np.flatnonzero((picture[:, 0] == 0).all(axis=1))
    assert len(label_rows) == pytest.approx(max(15, height / 26), rel=0.1)
