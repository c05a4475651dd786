"""Selection of faces: the largest of each shot, on drawn landmarks; and the requirements on a reference picture."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from facevid.analysis.selection import describe_reference, largest_tracks
from facevid.errors import NoFaceError, UsageError
from facevid.faces.mesh.detector import BundledDetector
from tests.faces.test_people import ANNA, BERT, people_of
from tests.faces.test_tracking import face_at, tracks_of


def test_largest_selects_one_person_in_each_shot() -> None:
    frames = [[face_at(0, 0, 100), face_at(300, 0, 60 if i < 5 else 200)] for i in range(10)]
    selected = largest_tracks(tracks_of(frames, max_gap=2, cuts=(5,)), [range(5), range(5, 10)])
    assert [round(float(track.boxes[0, 0] / 300)) for track in selected] == [0, 1]


def test_largest_selects_all_tracks_of_the_person_in_the_shot() -> None:
    frames = [[face_at(300, 0, 90)] + ([] if 5 <= i < 12 else [face_at(0, 0, 200)]) for i in range(20)]
    tracks, _ = people_of(frames, [BERT, ANNA, ANNA])
    selected = largest_tracks(tracks, [range(20)])
    assert [(track.first, track.last) for track in selected] == [(0, 4), (12, 19)]


def test_reference_must_be_a_still_with_one_face(
    portrait: NDArray[np.uint8], portrait_clip: Path, tmp_path: Path
) -> None:
    def write(name: str, picture: NDArray[np.uint8]) -> Path:
        cv2.imwrite(str(tmp_path / name), picture[..., ::-1])
        return tmp_path / name

    detector = BundledDetector()
    with pytest.raises(NoFaceError, match=r"--face .*wall\.png"):
        describe_reference(write("wall.png", np.full((200, 200, 3), 90, dtype=np.uint8)), detector)
    with pytest.raises(UsageError, match=r"--face .*two\.png.* 2 "):
        describe_reference(write("two.png", np.hstack([portrait[:300, 80:380]] * 2)), detector)
    with pytest.raises(UsageError, match=f"--face {portrait_clip}"):
        describe_reference(portrait_clip, detector)
