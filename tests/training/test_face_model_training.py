"""Training a very small face model on synthetic faces: an oval of one colour on a background of another."""

import csv
import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from facevid.errors import InputError, ModelError, UsageError
from facevid.models.load import load_model
from facevid.training.common import run
from facevid.training.common.augmentation import sample_batch
from facevid.training.common.config import FaceModelConfig
from facevid.training.common.face_data import load_faces
from facevid.training.common.run import Compute
from facevid.training.face_model import mapping
from facevid.training.face_model.face_model_training import train_face_model
from facevid.utils.progress import no_progress
from tests.progress import interrupt_after

TINY = FaceModelConfig(
    sets=(("drawn", 0.5), ("tight", 0.5), ("absent", 1.0)),
    channels=(8, 8, 8, 8),
    width=16,
    encoder_input=32,
    encoder_stem=8,
    encoder_stages=((8, 1), (10, 1), (12, 1), (14, 1)),
    batch_size=8,
    generator_rate=1e-2,
    encoder_rate=5e-3,
    warm_up=10,
    ema=10,
    judged=0.25,
)


@pytest.fixture(autouse=True)
def short_mapping_training(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mapping, "STEPS", 5)


def test_faces_and_batches(drawn_faces: Path) -> None:
    faces = load_faces(drawn_faces, TINY.sets, 32, "cpu", no_progress)
    assert faces.counts == {"drawn": 38, "tight": 38}
    assert faces.held_out.shape == (2, 3, 32, 32)
    assert faces.corners[38].tolist() == [[0.25, 0.25], [0.25, 0.75], [0.75, 0.75], [0.75, 0.25]]
    generator = torch.Generator().manual_seed(0)
    batch = sample_batch(faces, replace(TINY, masked=0.0), 64, generator)
    whole = batch.mask.flatten(1).mean(dim=1) == 1
    assert 20 < whole.sum() < 44
    assert batch.mask[~whole].mean() < 0.3
    assert (batch.pictures[~whole] * (1 - batch.mask[~whole])).sum() == -(1 - batch.mask[~whole]).sum() * 3
    masked = sample_batch(faces, replace(TINY, masked=1.0), 64, generator)
    assert (masked.mask.flatten(1).mean(dim=1) == 1).sum() < whole.sum()


@pytest.mark.slow
def test_model_learns_to_reconstruct_and_its_file_loads(drawn_faces: Path, tmp_path: Path) -> None:
    reported: dict[str, float] = {}
    path = train_face_model(
        drawn_faces, tmp_path, 100, config=TINY, compute=Compute(report=lambda _, values: reported.update(values))
    )
    assert reported["held-out dB"] > 12
    model = load_model(path)
    assert (model.crop_size, model.resolution, model.layers, model.width) == (128, 32, 8, 16)
    face = np.asarray(cv2.imread(str(drawn_faces / "drawn/19.png"), cv2.IMREAD_COLOR_RGB))[None]
    assert _rms_error(model.generate(model.encode(face))[0], face[0]) < 60
    record = json.loads((tmp_path / "run.json").read_text())
    assert record["steps"] == 100 and record["pictures"] == {"drawn": 38, "tight": 38}
    assert (tmp_path / "samples/0000100.png").is_file()


def _rms_error(reconstruction: torch.Tensor, face: NDArray[np.uint8]) -> float:
    """Return the root mean square error in the middle of the face, on a scale of 0 to 255."""
    difference = (reconstruction.permute(1, 2, 0).numpy() * 127.5 + 127.5) - face
    return float(np.sqrt((difference[12:26, 10:22] ** 2).mean()))


def test_resumed_training_gives_the_same_result_as_an_uninterrupted_one(
    drawn_faces: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "SECONDS_BETWEEN_SAVES", 0.0)
    interrupt = interrupt_after(4, "face model")
    uninterrupted = torch.load(train_face_model(drawn_faces, tmp_path / "whole", 7, config=TINY), weights_only=True)
    out = tmp_path / "stopped"
    with pytest.raises(KeyboardInterrupt):
        train_face_model(drawn_faces, out, 7, config=TINY, compute=Compute(progress=interrupt))
    with pytest.raises(UsageError, match=r"checkpoint\.pt: .* pixel 6\.0, not 1\.0"):
        train_face_model(drawn_faces, out, 7, config=replace(TINY, pixel=1.0))
    resumed = torch.load(train_face_model(drawn_faces, out, 7, config=TINY), weights_only=True)
    for name, tensor in uninterrupted["state_dict"].items():
        assert torch.equal(tensor, resumed["state_dict"][name]), name
    with (out / "losses.csv").open() as file:
        names = {name for _, name, _ in csv.reader(file)}
    assert names == {"pixel", "gradient", "identity", "perceptual", "attribute", "size"}


def test_run_starts_from_another_model(drawn_faces: Path, tmp_path: Path) -> None:
    """With learning rates of 0 the model stays the same, except for the statistics of batch norm after one batch."""
    first = train_face_model(drawn_faces, tmp_path / "first", 2, config=TINY)
    frozen = replace(TINY, generator_rate=0.0, encoder_rate=0.0)
    second = train_face_model(drawn_faces, tmp_path / "second", 1, config=frozen, start=first)
    face = np.asarray(cv2.imread(str(drawn_faces / "drawn/19.png"), cv2.IMREAD_COLOR_RGB))[None]
    before, after = (model.generate(model.encode(face)).numpy() for model in map(load_model, (first, second)))
    assert after == pytest.approx(before, abs=0.15)
    with pytest.raises(ModelError, match=r"none\.pt"):
        train_face_model(drawn_faces, tmp_path / "third", 1, config=TINY, start=tmp_path / "none.pt")


def test_missing_picture_sets_are_named_in_the_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"drawn\.csv, tight\.csv, absent\.csv.*--set"):
        train_face_model(tmp_path, tmp_path / "out", 1, config=TINY)
