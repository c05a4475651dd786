"""The contact sheet."""

import numpy as np
from numpy.typing import NDArray

from facevid.inspection.contact_sheet import CROP_SIDE, GAP, HEADER_HEIGHT, LABEL_WIDTH, MAX_ROWS, ContactSheet
from facevid.inspection.tracks import InspectedTrack
from tests.inspection.test_overlay import face_at


def grey_picture(level: int) -> NDArray[np.uint8]:
    return np.full((480, 640, 3), level, dtype=np.uint8)


def test_if_there_are_too_many_people_those_seen_longest_are_shown() -> None:
    long = [face_at((320, 240), number=number, first=number, frames=9) for number in range(MAX_ROWS)]
    short = [face_at((320, 240), number=MAX_ROWS + number, first=MAX_ROWS + number) for number in range(10)]
    sheet = ContactSheet("crowd.mp4", [*short, *long])
    for index in range(MAX_ROWS + 10):
        sheet.add(grey_picture(100 + index), index)
    picture = sheet.picture()
    assert len(picture) == HEADER_HEIGHT + MAX_ROWS * (CROP_SIDE + GAP)
    for row in range(MAX_ROWS):
        middle = HEADER_HEIGHT + row * (CROP_SIDE + GAP) + CROP_SIDE // 2
        indices = picture[middle, LABEL_WIDTH + CROP_SIDE // 2 :: CROP_SIDE + GAP, 0].astype(int) - 100
        assert indices[[0, -1]].tolist() == [row, row + 8]
        assert (np.diff(indices) > 0).all()


def test_rows_and_crops_are_labelled_with_frame_numbers() -> None:
    def sheet_of(face: InspectedTrack) -> NDArray[np.uint8]:
        sheet = ContactSheet("shot.mp4", [face])
        for index in range(face.track.first, face.track.last + 1):
            sheet.add(grey_picture(100), index)
        return sheet.picture()

    numbered = sheet_of(face_at((320, 240), frames=3, first_number=1001))
    assert np.array_equal(numbered, sheet_of(face_at((320, 240), frames=3, first=1001)))
    assert not np.array_equal(numbered, sheet_of(face_at((320, 240), frames=3)))


def test_labels_with_long_frame_numbers_do_not_reach_the_crops() -> None:
    tracks = [face_at((320, 240), first=first, frames=100, first_number=1_000_000) for first in (0, 200, 400)]
    sheet = ContactSheet("shot.mp4", tracks).picture()
    background = sheet[-1, -1]
    assert (sheet[HEADER_HEIGHT : HEADER_HEIGHT + CROP_SIDE, LABEL_WIDTH:] == background).all()
    assert (sheet[HEADER_HEIGHT + CROP_SIDE :] == background).all()


def test_a_person_with_two_tracks_has_one_row() -> None:
    before = face_at((320, 240), frames=3)
    after = face_at((320, 240), first=8, frames=3)
    sheet = ContactSheet("back.mp4", [before, face_at((100, 240), number=1, first=2), after])
    for index in range(11):
        sheet.add(grey_picture(100 + index), index)
    assert [int(crop[64, 64, 0]) - 100 for crop in sheet.thumbnails()[0]] == [0, 1, 2, 8, 9, 10]
    assert len(sheet.thumbnails()[1]) == 1
