"""Yaw from landmarks: exact on the face that is fitted, near the truth on photographs."""

import csv
import tarfile

import cv2
import numpy as np
import pytest

from facevid.faces.alignment import EYE_LEFT, EYE_RIGHT
from facevid.faces.dlib_detector import DlibDetector, LandmarkPredictor
from facevid.faces.pose import POINTS, SHAPE, yaw


def turned_head(degrees, *, pitch=0.0, roll=0.0, scale=1.0, centre=(0.0, 0.0)):
    """Return the landmarks, float32 (68, 2), of a face of average shape that is nodded, turned, then tilted."""
    head = np.zeros((68, 3))
    head[EYE_LEFT], head[EYE_RIGHT] = SHAPE[[5, 6]].mean(axis=0), SHAPE[[7, 8]].mean(axis=0)
    head[list(POINTS)] = SHAPE
    a, b, c = np.radians([degrees, pitch, roll])
    nod = np.array([[1, 0, 0], [0, np.cos(b), np.sin(b)], [0, -np.sin(b), np.cos(b)]])
    turn = np.array([[np.cos(a), 0, np.sin(a)], [0, 1, 0], [-np.sin(a), 0, np.cos(a)]])
    tilt = np.array([[np.cos(c), -np.sin(c), 0], [np.sin(c), np.cos(c), 0], [0, 0, 1]])
    seen = head @ (tilt @ turn @ nod).T
    return (seen[:, :2] * scale + centre).astype(np.float32)


@pytest.mark.parametrize("degrees", [-80, -35, 0, 10, 60])
@pytest.mark.parametrize("others", [{}, {"pitch": 20}, {"roll": -30}, {"scale": 0.2, "centre": (900, 40)}])
def test_the_yaw_of_an_average_face_is_found_whatever_else_it_does(degrees, others):
    assert yaw(turned_head(degrees, **others)) == pytest.approx(degrees, abs=0.1)


def test_a_nose_to_the_right_of_the_picture_is_positive():
    landmarks = turned_head(40)
    assert landmarks[30, 0] > landmarks[[36, 45], 0].mean()
    assert yaw(landmarks) > 0


def test_many_faces_at_once():
    turns = np.array([[-20, 0, 30], [5, 50, -70]])
    landmarks = np.stack([[turned_head(each) for each in row] for row in turns])
    assert yaw(landmarks) == pytest.approx(turns, abs=0.1)


def test_a_mirrored_photograph_is_turned_the_other_way(portrait):
    (face,) = DlibDetector().detect(portrait)
    (mirrored,) = DlibDetector().detect(np.ascontiguousarray(portrait[:, ::-1]))
    assert yaw(face.landmarks) == pytest.approx(-yaw(mirrored.landmarks), abs=4)
    assert abs(yaw(face.landmarks)) < 10


def test_yaw_agrees_with_the_labels_of_photographs(shared):
    """The labels are machine-made, and themselves uncertain by some degrees."""
    with (shared / "faces" / "ffhq128.csv").open() as table:
        labels = {int(row["index"]): float(row["yaw"]) for row in csv.DictReader(table) if row["has_labels"] == "1"}
    chosen = sorted(labels)[::50]
    predictor = LandmarkPredictor()
    with tarfile.open(shared / "faces" / "ffhq128.tar") as pictures:
        found = []
        for index in chosen:
            file = pictures.extractfile(f"{index:05}.jpg")
            assert file
            coded = np.frombuffer(file.read(), dtype=np.uint8)
            picture = cv2.cvtColor(cv2.imdecode(coded, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
            found.append(predictor.place_in_crop(picture))
    told, expected = yaw(np.stack(found)), np.array([labels[index] for index in chosen])
    assert np.corrcoef(told, expected)[0, 1] > 0.93
    assert np.abs(told - expected).mean() < 4.5
