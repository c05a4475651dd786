"""What is drawn before faces, and training an occlusion network on it."""

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from facevid import load_model
from facevid.cli.train import command
from facevid.faces.alignment import crop, ffhq_quad
from facevid.faces.dlib_detector import DlibDetector
from facevid.models import import_model
from facevid.training.common.recipe import OcclusionRecipe
from facevid.training.common.run import Compute
from facevid.training.occlusion.occluders import drawn_before
from facevid.training.occlusion.train import train_occlusion

TINY = OcclusionRecipe(sets=(("drawn", 1.0),), batch_size=8, widths=(8, 8, 12, 12), rate=5e-3, warm_up=5, ema=10)


@pytest.fixture(scope="module")
def face(portrait) -> np.ndarray:
    quad = ffhq_quad(DlibDetector().detect(portrait)[0].landmarks)
    return crop(portrait, quad, 128).astype(np.float32)


def test_what_is_drawn_before_a_face_is_where_it_is_said_to_be(face):
    """Light and quality change everywhere: what does not follow the face's own detail is not the face."""
    off: list[float] = []
    on: list[float] = []
    sizes = []
    for seed in range(40):
        picture, hidden = drawn_before(np.random.default_rng(seed), face, face[:, ::-1], occluded=True)
        sizes.append((hidden > 0.5).mean())
        for where, likeness in ((hidden == 0, off), (hidden > 0.95, on)):
            if where.sum() > 200:
                likeness.append(np.corrcoef(picture[where].mean(axis=1), face[where].mean(axis=1))[0, 1])
    assert 0.03 < np.median(sizes) < 0.3
    assert np.mean(off) > 0.8
    assert np.mean(on) < 0.3


def test_shadows_are_nothing_before_a_face(face):
    drawn = [drawn_before(np.random.default_rng(seed), face, face, occluded=False) for seed in range(20)]
    assert not any(hidden.any() for _, hidden in drawn)
    assert max(np.abs(picture - face).mean() for picture, _ in drawn) > 30


def test_a_network_learns_to_find_it(drawn_faces, tmp_path, monkeypatch):
    monkeypatch.setenv("FACEVID_HOME", str(tmp_path / "home"))
    heard = []
    compute = Compute(report=lambda step, told: heard.append(told))
    path = train_occlusion(drawn_faces, tmp_path / "run", 300, recipe=TINY, compute=compute)
    assert "held-out overlap" in heard[-1]
    assert (tmp_path / "run/samples/0000300.png").is_file()
    import_model(["bundled", path], "mine")
    mine, bundled = load_model("mine"), load_model()
    assert mine.occlusion is not None
    assert mine.occlusion.sizes.widths == TINY.widths
    assert mine.fingerprint == bundled.fingerprint
    assert mine.occlusion_fingerprint != bundled.occlusion_fingerprint
    files = [cv2.imread(str(drawn_faces / f"drawn/{row}.png")) for row in range(40)]
    faces = [cv2.resize(np.asarray(file, np.float32), (128, 128)) for file in files]
    drawn = [drawn_before(np.random.default_rng(row), faces[row], faces[row - 1], occluded=True) for row in range(40)]
    pictures, hidden = (np.stack(each) for each in zip(*drawn, strict=True))
    found = mine.occlusion_probability(pictures.astype(np.uint8)).numpy()
    there = np.stack([cv2.resize(each, (64, 64), interpolation=cv2.INTER_AREA) for each in hidden])
    beyond = found - found.mean(axis=0)  # of what is found there anyway, in any picture
    assert beyond[there > 0.9].mean() > 0.02


def test_the_command_trains(drawn_faces, tmp_path):
    arguments = ["occlusion", "--data", str(drawn_faces), "--set", "drawn=1", "--out", str(tmp_path / "run"), "-q"]
    arguments += ["--steps", "2", "--batch-size", "2"]
    assert CliRunner().invoke(command, arguments, catch_exceptions=False).exit_code == 0
    assert (tmp_path / "run/occlusion.pt").is_file()
