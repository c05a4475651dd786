"""Both detectors, run for real; face-alignment with random weights, laid where that library looks for its own."""

import cv2
import face_alignment.api
import numpy as np
import pytest
import torch
from face_alignment.detection.sfd.net_s3fd import s3fd

from facevid.errors import ModelError
from facevid.faces.dlib_detector import DlibDetector, LandmarkPredictor
from facevid.faces.face_alignment_detector import WEIGHTS, FaceAlignmentDetector
from facevid.faces.landmarks import choose_detector


@pytest.fixture
def torch_home(tmp_path, monkeypatch):
    """Give PyTorch's downloads an empty folder."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    folder = tmp_path / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture(scope="module")
def networks():
    """Make both of face-alignment's networks, random; the detector finds a face in each cell of its coarsest grid."""
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
def random_weights(networks, torch_home):
    for name, network in networks.items():
        torch.save(network.state_dict(), torch_home / name)


def test_dlib_finds_the_portraits_face(portrait):
    (face,) = DlibDetector().detect(portrait)
    eyes = face.landmarks[36:48].mean(axis=0)
    mouth = face.landmarks[48:68].mean(axis=0)
    assert np.abs(eyes - (222, 109)).max() < 8
    assert np.abs(mouth - (226, 154)).max() < 10
    assert face.landmarks.shape == (68, 2)


@pytest.mark.parametrize("scale", [0.4, 2.5])
def test_landmarks_scale_with_the_picture(portrait, scale):
    detector = DlibDetector()
    (small,) = detector.detect(portrait)
    (other,) = detector.detect(cv2.resize(portrait, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA))
    difference = (other.landmarks + 0.5) / scale - 0.5 - small.landmarks
    assert np.abs(difference).mean() < 1.5


def test_dlib_finds_no_face_in_a_wall():
    assert DlibDetector().detect(np.full((240, 320, 3), 120, dtype=np.uint8)) == []


def test_landmarks_of_a_crop_need_no_detector(portrait):
    from facevid.faces.alignment import crop, ffhq_quad

    (face,) = DlibDetector().detect(portrait)
    aligned = crop(portrait, ffhq_quad(face.landmarks), 128)
    landmarks = LandmarkPredictor().place_in_crop(aligned)
    # The FFHQ crop puts the eyes and the mouth at these places.
    assert np.abs(landmarks[36:48].mean(axis=0) - (63.5, 61)).max() < 4
    assert np.abs(landmarks[48:68].mean(axis=0) - (63.5, 92)).max() < 6


def test_auto_takes_dlib_and_says_why(torch_home):
    choice = choose_detector("auto")
    assert choice.detector.name == "dlib"
    assert "has no weights in" in choice.reason


def test_auto_takes_face_alignment_where_its_weights_are(random_weights):
    choice = choose_detector("auto")
    assert choice.detector.name == "face-alignment"
    assert choice.reason == "its weights are on this machine"


def test_face_alignment_runs_for_real(random_weights, portrait):
    picture = cv2.resize(portrait, (160, 128))
    faces = FaceAlignmentDetector().detect(picture)
    assert faces
    for face in faces:
        assert face.landmarks.shape == (68, 2)
        assert face.landmarks.dtype == np.float32
        assert np.isfinite(face.landmarks).all()
        assert face.score > 0.5


def test_damaged_weights_are_named(random_weights, torch_home):
    (torch_home / WEIGHTS[0]).write_bytes(b"no weights")
    with pytest.raises(ModelError, match="--detector dlib"):
        FaceAlignmentDetector()
