"""All landmark detectors, run for real; face-alignment with random weights in the folder of its downloads."""

from pathlib import Path

import cv2
import dlib
import face_alignment.api
import numpy as np
import pytest
import torch
from face_alignment.detection.sfd.net_s3fd import s3fd
from numpy.typing import NDArray

from facevid.errors import ModelError
from facevid.faces.alignment import crop, ffhq_quad, quad_side
from facevid.faces.detector import Detector
from facevid.faces.dlib_detector import DlibDetector, LandmarkPredictor, load_frontal_face_detector
from facevid.faces.face_alignment_detector import WEIGHTS, FaceAlignmentDetector
from facevid.faces.landmark_scheme import LANDMARK_COUNT
from facevid.faces.landmarks import choose_detector
from facevid.faces.mesh.detector import BundledDetector


@pytest.fixture
def torch_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty folder for PyTorch's downloads."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    folder = tmp_path / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture(scope="module")
def networks() -> dict[str, torch.nn.Module]:
    """Return face-alignment's networks with random weights; the detector finds a face in each cell of its last grid."""
    torch.manual_seed(0)
    with torch.device("meta"):
        detector, landmarks = s3fd(), face_alignment.api.FAN(4)
    for network in (detector, landmarks):
        network.to_empty(device="cpu")
        for name, tensor in network.state_dict().items():
            tensor.copy_(torch.ones_like(tensor) if "running_var" in name else torch.randn(tensor.shape) * 0.02)
    for name, module in detector.named_children():
        if name.endswith("mbox_loc"):
            module.weight.data.zero_()
            module.bias.data.zero_()
        if name.endswith("mbox_conf"):
            scores = [0.0, 2.0] if name == "conv7_2_mbox_conf" else [2.0] * (module.out_channels - 1) + [0.0]
            module.weight.data.zero_()
            module.bias.data.copy_(torch.tensor(scores))
    return dict(zip(WEIGHTS, (detector, landmarks), strict=True))


@pytest.fixture
def random_weights(networks: dict[str, torch.nn.Module], torch_home: Path) -> None:
    for name, network in networks.items():
        torch.save(network.state_dict(), torch_home / name)


@pytest.fixture(scope="module", params=[DlibDetector, BundledDetector])
def detector(request: pytest.FixtureRequest) -> Detector:
    """Return each detector whose weights are installed."""
    created: Detector = request.param()
    return created


def test_a_detector_finds_the_face_of_a_portrait(detector: Detector, portrait: NDArray[np.uint8]) -> None:
    (face,) = detector.detect(portrait)
    eyes = face.landmarks[36:48].mean(axis=0)
    mouth = face.landmarks[48:68].mean(axis=0)
    assert np.abs(eyes - (222, 109)).max() < 8
    assert np.abs(mouth - (226, 154)).max() < 10
    assert face.landmarks.shape == (LANDMARK_COUNT, 2)
    assert face.landmarks.dtype == np.float32
    assert face.score > 0
    left, top, right, bottom = face.box
    assert left < 222 < right
    assert top < 109 < bottom


def test_the_quads_of_both_detectors_agree(portrait: NDArray[np.uint8]) -> None:
    dlib_quad, quad = (ffhq_quad(each().detect(portrait)[0].landmarks) for each in (DlibDetector, BundledDetector))
    assert np.linalg.norm(quad - dlib_quad, axis=1).mean() < 0.02 * quad_side(dlib_quad)


@pytest.mark.parametrize("scale", [0.4, 2.5])
def test_landmarks_scale_with_the_picture(detector: Detector, portrait: NDArray[np.uint8], scale: float) -> None:
    (face,) = detector.detect(portrait)
    (scaled,) = detector.detect(cv2.resize(portrait, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA))
    difference = (scaled.landmarks + 0.5) / scale - 0.5 - face.landmarks
    assert np.abs(difference).mean() < 1.5


def test_a_detector_finds_no_face_in_a_grey_picture(detector: Detector) -> None:
    assert detector.detect(np.full((240, 320, 3), 120, dtype=np.uint8)) == []


def test_landmarks_move_with_the_face(detector: Detector, portrait: NDArray[np.uint8]) -> None:
    first = detector.detect(portrait)
    (second,) = detector.detect(np.roll(portrait, (4, 3), axis=(0, 1)))
    assert np.abs(second.landmarks - first[0].landmarks - (3, 4)).mean() < 1.5


def test_landmarks_of_a_crop_need_no_detector(portrait: NDArray[np.uint8]) -> None:
    (face,) = DlibDetector().detect(portrait)
    aligned = crop(portrait, ffhq_quad(face.landmarks), 128)
    landmarks = LandmarkPredictor().place_in_crop(aligned)
    # The FFHQ crop puts the eyes and the mouth at these positions.
    assert np.abs(landmarks[36:48].mean(axis=0) - (63.5, 61)).max() < 4
    assert np.abs(landmarks[48:68].mean(axis=0) - (63.5, 92)).max() < 6


def test_auto_chooses_the_bundled_one_without_weights_of_face_alignment(torch_home: Path) -> None:
    choice = choose_detector("auto")
    assert choice.detector.name == "bundled"
    assert torch_home.name in choice.reason


@pytest.mark.usefixtures("random_weights")
def test_auto_chooses_face_alignment_with_its_weights() -> None:
    choice = choose_detector("auto")
    assert choice.detector.name == "face-alignment"
    assert choice.reason


@pytest.mark.usefixtures("random_weights")
def test_face_alignment_returns_landmarks(portrait: NDArray[np.uint8]) -> None:
    picture = cv2.resize(portrait, (160, 128))
    faces = FaceAlignmentDetector().detect(picture)
    assert faces
    for face in faces:
        assert face.landmarks.shape == (LANDMARK_COUNT, 2)
        assert face.landmarks.dtype == np.float32
        assert np.isfinite(face.landmarks).all()
        assert face.score > 0.5


@pytest.mark.usefixtures("random_weights")
def test_damaged_weights_are_reported(torch_home: Path) -> None:
    (torch_home / WEIGHTS[0]).write_bytes(b"no weights")
    with pytest.raises(ModelError, match=f"{torch_home}.*--detector dlib"):
        FaceAlignmentDetector()


def test_the_file_of_the_frontal_detector_is_that_of_the_installed_dlib(portrait: NDArray[np.uint8]) -> None:
    threshold = -1.0  # low: also finds what only resembles a face
    boxes, scores, _ = dlib.get_frontal_face_detector().run(portrait, 1, threshold)
    boxes_of_file, scores_of_file, _ = load_frontal_face_detector().run(portrait, 1, threshold)
    assert len(boxes) > 1
    assert (list(boxes_of_file), list(scores_of_file)) == (list(boxes), list(scores))
