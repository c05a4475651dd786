"""The contact sheet of more tracks than it has rows for."""

import numpy as np

from facevid.inspection.sheet import CROP_SIDE, GAP, HEADER, LABEL_WIDTH, ROWS, ContactSheet
from tests.inspection.test_overlay import face_at


def test_of_very_many_tracks_the_longest_are_shown():
    long = [face_at((320, 240), number=number, first=number, frames=9) for number in range(ROWS)]
    short = [face_at((320, 240), number=ROWS + number, first=ROWS + number) for number in range(10)]
    sheet = ContactSheet("crowd.mp4", [*short, *long])
    for index in range(ROWS + 10):
        sheet.add(np.full((480, 640, 3), 100 + index, dtype=np.uint8), index)
    picture = sheet.picture()
    assert len(picture) == HEADER + ROWS * (CROP_SIDE + GAP)
    for row in range(ROWS):
        middle = HEADER + row * (CROP_SIDE + GAP) + CROP_SIDE // 2
        shown = picture[middle, LABEL_WIDTH + CROP_SIDE // 2 :: CROP_SIDE + GAP, 0].astype(int) - 100
        assert shown[[0, -1]].tolist() == [row, row + 8]
        assert (np.diff(shown) > 0).all()


def test_crops_and_rows_are_labelled_with_the_frames_numbers():
    def sheet_of(face):
        sheet = ContactSheet("shot.mp4", [face])
        for index in range(face.track.first, face.track.last + 1):
            sheet.add(np.full((480, 640, 3), 100, dtype=np.uint8), index)
        return sheet.picture()

    of_a_sequence = sheet_of(face_at((320, 240), frames=3, first_number=1001))
    assert np.array_equal(of_a_sequence, sheet_of(face_at((320, 240), frames=3, first=1001)))
    assert not np.array_equal(of_a_sequence, sheet_of(face_at((320, 240), frames=3)))


def test_long_numbers_stay_beside_the_crops():
    tracks = [face_at((320, 240), first=first, frames=100, first_number=1_000_000) for first in (0, 200, 400)]
    sheet = ContactSheet("shot.mp4", tracks).picture()
    crops = sheet[HEADER : HEADER + CROP_SIDE, LABEL_WIDTH:]
    assert (crops == sheet[-1, -1]).all()
    assert (sheet[HEADER + CROP_SIDE :] == sheet[-1, -1]).all()


def test_a_person_who_comes_back_has_one_row():
    before = face_at((320, 240), frames=3)
    after = face_at((320, 240), first=8, frames=3)
    sheet = ContactSheet("back.mp4", [before, face_at((100, 240), number=1, first=2), after])
    for index in range(11):
        sheet.add(np.full((480, 640, 3), 100 + index, dtype=np.uint8), index)
    assert [int(each[64, 64, 0]) - 100 for each in sheet.thumbnails()[0]] == [0, 1, 2, 8, 9, 10]
    assert len(sheet.thumbnails()[1]) == 1
