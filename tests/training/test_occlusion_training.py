"""Synthetic occluders, and training an occlusion network on them."""

from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner
from numpy.typing import NDArray

from facevid import load_model
from facevid.cli.train import command
from facevid.faces.alignment import crop, ffhq_quad
from facevid.faces.dlib_detector import DlibDetector
from facevid.models import import_model
from facevid.training.common.config import OcclusionConfig
from facevid.training.common.run import Compute
from facevid.training.occlusion.occluders import add_occluders
from facevid.training.occlusion.occlusion_training import train_occlusion

TINY = OcclusionConfig(sets=(("drawn", 1.0),), batch_size=8, widths=(8, 8, 12, 12), rate=5e-3, warm_up=5, ema=10)


@pytest.fixture(scope="module")
def face(portrait: NDArray[np.uint8]) -> NDArray[np.float32]:
    quad = ffhq_quad(DlibDetector().detect(portrait)[0].landmarks)
    return np.asarray(crop(portrait, quad, 128), np.float32)


def test_occluders_are_where_the_mask_is(face: NDArray[np.float32]) -> None:
    """Degradation changes every pixel, so compare detail: only visible parts of the face correlate with the source."""
    visible: list[float] = []
    occluded: list[float] = []
    sizes = []
    for seed in range(40):
        picture, mask = add_occluders(np.random.default_rng(seed), face, face[:, ::-1], occluded=True)
        sizes.append((mask > 0.5).mean())
        for region, correlations in ((mask == 0, visible), (mask > 0.95, occluded)):
            if region.sum() > 200:
                correlations.append(np.corrcoef(picture[region].mean(axis=1), face[region].mean(axis=1))[0, 1])
    assert 0.03 < np.median(sizes) < 0.3
    assert np.mean(visible) > 0.8
    assert np.mean(occluded) < 0.3


def test_shadows_are_not_occluders(face: NDArray[np.float32]) -> None:
    results = [add_occluders(np.random.default_rng(seed), face, face, occluded=False) for seed in range(20)]
    assert not any(mask.any() for _, mask in results)
    assert max(np.abs(picture - face).mean() for picture, _ in results) > 30


@pytest.mark.slow
def test_network_learns_to_detect_occluders(drawn_faces: Path, tmp_path: Path) -> None:
    reports: list[Mapping[str, float]] = []
    compute = Compute(report=lambda step, values: reports.append(values))
    path = train_occlusion(drawn_faces, tmp_path / "run", 300, config=TINY, compute=compute)
    assert "held-out overlap" in reports[-1]
    assert (tmp_path / "run/samples/0000300.png").is_file()
    import_model(["bundled", path], "mine")
    mine, bundled = load_model("mine"), load_model()
    assert mine.occlusion is not None
    assert mine.occlusion.sizes.widths == TINY.widths
    assert mine.fingerprint == bundled.fingerprint
    assert mine.occlusion_fingerprint != bundled.occlusion_fingerprint
    files = [cv2.imread(str(drawn_faces / f"drawn/{row}.png")) for row in range(40)]
    faces = [cv2.resize(np.asarray(file, np.float32), (128, 128)) for file in files]
    results = [
        add_occluders(np.random.default_rng(row), faces[row], faces[row - 1], occluded=True) for row in range(40)
    ]
    pictures, masks = (np.stack(each) for each in zip(*results, strict=True))
    probability = mine.occlusion_probability(pictures.astype(np.uint8)).numpy()
    target = np.stack([cv2.resize(mask, (64, 64), interpolation=cv2.INTER_AREA) for mask in masks])
    above_average = probability - probability.mean(axis=0)  # removes the prior of each pixel
    assert above_average[target > 0.9].mean() > 0.02


def test_command_trains(drawn_faces: Path, tmp_path: Path) -> None:
    arguments = ["occlusion", "--data", str(drawn_faces), "--set", "drawn=1", "--out", str(tmp_path / "run"), "-q"]
    arguments += ["--steps", "2", "--batch-size", "2"]
    assert CliRunner().invoke(command, arguments, catch_exceptions=False).exit_code == 0
    assert (tmp_path / "run/occlusion.pt").is_file()
