"""The crop of the landmark network, the landmarks, and following a face."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from facevid.errors import ModelError
from facevid.faces.detector import Face
from facevid.faces.landmark_scheme import IBUG_COUNT, landmarks_of_mesh, with_cheeks
from facevid.faces.mesh.crop import CHIN, TOP, FaceCrop
from facevid.faces.mesh.detector import WEIGHTS_FILE, BundledDetector, MeshPredictor


@pytest.fixture(scope="module")
def face(portrait: NDArray[np.uint8]) -> Face:
    (face,) = BundledDetector().detect(portrait)
    return face


def mesh_of(face: Face) -> NDArray[np.float32]:
    assert face.mesh is not None
    return face.mesh


def rotation(degrees: float, picture: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return the affine map that turns a picture about its centre."""
    height, width = picture.shape[:2]
    return np.asarray(cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), degrees, 1))


@pytest.mark.parametrize("side", [100.0, 700.0])
def test_a_crop_shows_a_point_where_it_says(side: float) -> None:
    crop = FaceCrop(np.array([300.2, 280.7]), side, angle=0.6)
    point = crop.to_picture(np.array([[0.3, 0.75]]))
    picture = np.zeros((600, 600, 3), np.uint8)
    cv2.circle(
        picture, tuple(np.rint(point[0] * 16).astype(int).tolist()), round(side / 25 * 16), (255,) * 3, -1, shift=4
    )
    pixels = crop.cut(picture, 128)[..., 0].astype(float)
    y, x = np.indices(pixels.shape)
    centroid = np.array([(x * pixels).sum(), (y * pixels).sum()]) / pixels.sum()
    assert np.abs((centroid + 0.5) / 128 - (0.3, 0.75)).max() < 0.006
    assert np.allclose(crop.to_fractions(point), [[0.3, 0.75]])


def test_the_crop_turns_with_the_face(face: Face) -> None:
    mesh = mesh_of(face)
    angle = np.radians(40)
    turned = mesh @ np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    before, after = FaceCrop.around(mesh), FaceCrop.around(turned)
    assert after.angle - before.angle == pytest.approx(angle)
    assert after.side == pytest.approx(before.side, rel=1e-4)
    assert np.allclose(after.to_fractions(turned), before.to_fractions(mesh), atol=1e-4)
    down = before.to_fractions(mesh)[[TOP, CHIN]]
    assert down[0, 0] == pytest.approx(down[1, 0])
    assert down[0, 1] < down[1, 1]


def test_landmarks_are_means_of_points(face: Face) -> None:
    mesh = mesh_of(face)
    moved = mesh * 2 + (10, -5)
    assert np.allclose(landmarks_of_mesh(moved), landmarks_of_mesh(mesh) * 2 + (10, -5), atol=1e-3)
    assert landmarks_of_mesh(np.stack([mesh, moved])).shape == (2, 84, 2)
    landmarks = landmarks_of_mesh(mesh)
    assert (landmarks.min(axis=0) >= mesh.min(axis=0)).all()
    assert (landmarks.max(axis=0) <= mesh.max(axis=0)).all()


def test_cheeks_are_placed_where_the_other_landmarks_suggest_them(face: Face) -> None:
    placed = with_cheeks(face.landmarks[:IBUG_COUNT])
    assert (placed[:IBUG_COUNT] == face.landmarks[:IBUG_COUNT]).all()
    eyes = np.linalg.norm(face.landmarks[45] - face.landmarks[36])
    assert np.linalg.norm(placed - face.landmarks, axis=1).max() < 0.1 * eyes
    moved = with_cheeks(face.landmarks[:IBUG_COUNT] * 2 + (10, -5))
    assert np.allclose(moved, placed * 2 + (10, -5), atol=1e-2)


def test_confidence_falls_where_there_is_no_face(portrait: NDArray[np.uint8], face: Face) -> None:
    crop = FaceCrop.around(mesh_of(face))
    pixels = crop.cut(portrait, 128)
    half, covered = pixels.copy(), pixels.copy()
    half[:, 64:] = (30, 60, 140)
    covered[24:] = (30, 60, 140)
    noise = np.random.default_rng(0).integers(0, 255, pixels.shape, dtype=np.uint8)
    beside = FaceCrop(crop.centre + np.array([crop.side, 0]), crop.side).cut(portrait, 128)
    _, confidences = MeshPredictor().evaluate(np.stack([pixels, half, covered, noise, beside]))
    assert confidences[0] > 0.8
    assert confidences[1] < confidences[0] - 0.1
    assert (confidences[2:] < 0.5).all()


def test_a_face_is_followed_where_it_cannot_be_found(portrait: NDArray[np.uint8], face: Face) -> None:
    """dlib's detector finds no face that is turned by 80 degrees; the network follows the points to there."""
    detector, faces = BundledDetector(), [face]
    for degrees in range(0, 81, 8):
        turned = cv2.warpAffine(portrait, rotation(degrees, portrait), portrait.shape[1::-1])
        faces = detector.follow(np.asarray(turned), faces, None)
        assert len(faces) == 1
    assert detector.detect(np.asarray(turned)) == []
    expected = mesh_of(face) @ rotation(80, portrait)[:, :2].T + rotation(80, portrait)[:, 2]
    eyes = np.linalg.norm(mesh_of(face)[33] - mesh_of(face)[263])
    assert np.linalg.norm(mesh_of(faces[0]) - expected, axis=1).mean() < 0.06 * eyes


def test_a_lost_face_is_searched(portrait: NDArray[np.uint8], face: Face) -> None:
    moved = np.roll(portrait, 150, axis=1)
    (found,) = BundledDetector().follow(moved, [face], None)
    assert np.abs(mesh_of(found).mean(axis=0) - mesh_of(face).mean(axis=0) - (150, 0)).max() < 8


def test_candidates_add_faces_to_those_that_are_followed(portrait: NDArray[np.uint8], face: Face) -> None:
    detector, two = BundledDetector(), np.hstack([portrait, portrait])
    candidates = detector.search(two)
    assert len(candidates) == 2
    assert len(detector.follow(two, [face], None)) == 1
    assert len(detector.follow(two, [face], candidates)) == 2


def test_damaged_weights_are_reported(tmp_path: Path) -> None:
    damaged = tmp_path / "landmarks.safetensors"
    damaged.write_bytes(WEIGHTS_FILE.read_bytes()[:5000])
    with pytest.raises(ModelError, match=r"landmarks\.safetensors"):
        MeshPredictor(weights=damaged)


def test_no_face_is_left_when_it_is_gone(face: Face) -> None:
    assert BundledDetector().follow(np.full((240, 320, 3), 120, np.uint8), [face], None) == []
