"""Yaw from landmarks: exact for the fitted head, close to the labels of photographs."""

import csv
import tarfile
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from facevid.faces.alignment import EYE_LEFT, EYE_RIGHT
from facevid.faces.dlib_detector import DlibDetector, LandmarkPredictor
from facevid.faces.landmark_scheme import LANDMARK_COUNT
from facevid.faces.pose import HEAD_LANDMARKS, HEAD_SHAPE, yaw


def turned_head(
    degrees: float,
    *,
    pitch: float = 0.0,
    roll: float = 0.0,
    scale: float = 1.0,
    centre: tuple[float, float] = (0.0, 0.0),
) -> NDArray[np.float32]:
    """Project the landmarks of the mean head: float32 (84, 2).

    Args:
        degrees: yaw, applied after the pitch.
        pitch: in degrees, applied first.
        roll: in degrees, applied last.
        scale: pixels a millimetre.
        centre: x and y of the origin in pixels.
    """
    head = np.zeros((LANDMARK_COUNT, 3))
    head[EYE_LEFT], head[EYE_RIGHT] = HEAD_SHAPE[[5, 6]].mean(axis=0), HEAD_SHAPE[[7, 8]].mean(axis=0)
    head[list(HEAD_LANDMARKS)] = HEAD_SHAPE
    a, b, c = np.radians([degrees, pitch, roll])
    pitch_matrix = np.array([[1, 0, 0], [0, np.cos(b), np.sin(b)], [0, -np.sin(b), np.cos(b)]])
    yaw_matrix = np.array([[np.cos(a), 0, np.sin(a)], [0, 1, 0], [-np.sin(a), 0, np.cos(a)]])
    roll_matrix = np.array([[np.cos(c), -np.sin(c), 0], [np.sin(c), np.cos(c), 0], [0, 0, 1]])
    turned = head @ (roll_matrix @ yaw_matrix @ pitch_matrix).T
    projected: NDArray[np.float64] = turned[:, :2] * scale + centre
    return projected.astype(np.float32)


@pytest.mark.parametrize("degrees", [-80, -35, 0, 10, 60])
@pytest.mark.parametrize(
    "landmarks_at_yaw",
    [
        turned_head,
        lambda degrees: turned_head(degrees, pitch=20),
        lambda degrees: turned_head(degrees, roll=-30),
        lambda degrees: turned_head(degrees, scale=0.2, centre=(900, 40)),
    ],
    ids=["yaw-only", "pitch", "roll", "scale-and-shift"],
)
def test_yaw_is_independent_of_other_motion(
    degrees: float, landmarks_at_yaw: Callable[[float], NDArray[np.float32]]
) -> None:
    assert yaw(landmarks_at_yaw(degrees)) == pytest.approx(degrees, abs=0.1)


def test_yaw_is_positive_if_the_nose_points_to_the_right() -> None:
    landmarks = turned_head(40)
    assert landmarks[30, 0] > landmarks[[36, 45], 0].mean()
    assert yaw(landmarks) > 0


def test_yaw_of_many_faces() -> None:
    expected = np.array([[-20, 0, 30], [5, 50, -70]])
    landmarks = np.stack([[turned_head(degrees) for degrees in row] for row in expected])
    assert yaw(landmarks) == pytest.approx(expected, abs=0.1)


def test_yaw_changes_sign_in_a_mirrored_photograph(portrait: NDArray[np.uint8]) -> None:
    (face,) = DlibDetector().detect(portrait)
    (mirrored,) = DlibDetector().detect(np.ascontiguousarray(portrait[:, ::-1]))
    assert yaw(face.landmarks) == pytest.approx(-yaw(mirrored.landmarks), abs=4)
    assert abs(yaw(face.landmarks)) < 10


def test_yaw_agrees_with_the_labels_of_photographs(shared: Path) -> None:
    """The labels were made by another estimator and are uncertain by some degrees."""
    with (shared / "faces" / "ffhq128.csv").open() as table:
        labels = {int(row["index"]): float(row["yaw"]) for row in csv.DictReader(table) if row["has_labels"] == "1"}
    indices = sorted(labels)[::50]
    predictor = LandmarkPredictor()
    with tarfile.open(shared / "faces" / "ffhq128.tar") as archive:
        landmarks = []
        for index in indices:
            file = archive.extractfile(f"{index:05}.jpg")
            assert file
            encoded = np.frombuffer(file.read(), dtype=np.uint8)
            picture = cv2.cvtColor(cv2.imdecode(encoded, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
            landmarks.append(predictor.place_in_crop(picture))
    estimated, expected = yaw(np.stack(landmarks)), np.array([labels[index] for index in indices])
    assert np.corrcoef(estimated, expected)[0, 1] > 0.93
    assert np.abs(estimated - expected).mean() < 4.5
