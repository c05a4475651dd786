"""Training a feature encoder for a model of drawn faces, and what it is trained on."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from click.testing import CliRunner

from facevid.cli.train import command
from facevid.errors import ModelError, UsageError
from facevid.models import FaceModel, ImportOptions, import_model, load_model
from facevid.training.alterations import altered
from facevid.training.augmentation import Batch
from facevid.training.feature_training import FeatureTraining
from facevid.training.features import train_features
from facevid.training.recipe import FeatureRecipe
from facevid.training.run import Compute
from tests.models.files import save_features, save_generator, save_psp

TINY = FeatureRecipe(
    sets=(("drawn", 1.0),),
    batch_size=8,
    patch=2,
    feature_width=16,
    deep_width=16,
    rate=1e-2,
    warm_up=10,
    ema=10,
    judged=0.25,
)
STILL = replace(TINY, swapped=0.0, moved=0.0, recoloured=0.0)


def batch(count: int) -> Batch:
    pictures = torch.rand(count, 3, 32, 32, generator=torch.Generator().manual_seed(0)) * 2 - 1
    mask = torch.ones(count, 1, 32, 32)
    mask[:, :, :, :4] = 0
    return Batch(pictures * mask - (1 - mask), mask, torch.zeros(count, 40, dtype=torch.int8))


def test_faces_may_stay_as_they_are():
    faces = batch(8)
    still = altered(faces, STILL, torch.Generator().manual_seed(0))
    assert still[..., 4:].numpy() == pytest.approx(faces.pictures[..., 4:].numpy(), abs=1e-4)
    assert (still[..., :3] == -1).all()


def test_swapped_faces_keep_their_outside_and_get_others_features_in_their_own_colours():
    faces = batch(64)
    faces.pictures[::2, 0, :, 4:] += 0.4  # every other face is red
    swapped = altered(faces, replace(STILL, swapped=1.0), torch.Generator().manual_seed(0))
    change = (swapped - faces.pictures).abs().amax(dim=1)
    assert change[:, :2].max() < 0.1  # above the forehead
    assert (change[:, 8:29, 8:24].amax(dim=(1, 2)) > 0.1).all()
    assert (swapped - faces.pictures).mean(dim=(0, 2, 3)).abs().max() < 0.03


def test_bent_faces_hold_the_same_picture_elsewhere():
    gradient = torch.linspace(-1, 1, 32).expand(1, 3, 32, 32)
    whole = Batch(gradient, torch.ones(1, 1, 32, 32), torch.zeros(1, 40, dtype=torch.int8))
    moved = altered(whole, replace(STILL, moved=2.0), torch.Generator().manual_seed(3))
    shift = (moved - gradient)[0, 0] / (2 / 31)  # in pixels
    assert 0.1 < shift[4:-4, 4:-4].abs().max() < 8
    assert shift[4:-4, 4:-4].diff(dim=0).abs().max() < 1.5  # smooth
    assert torch.equal(moved[0, 0], moved[0, 1])


def test_recoloured_faces_keep_their_shapes():
    faces = batch(16)
    coloured = altered(faces, replace(STILL, recoloured=1.0), torch.Generator().manual_seed(0))
    a, b = (x[:, 0, :, 4:].flatten(1) for x in (faces.pictures, coloured))
    assert (b - a).abs().mean() > 0.02
    assert all(np.corrcoef(x, y)[0, 1] > 0.98 for x, y in zip(a.numpy(), b.numpy(), strict=True))


@pytest.fixture
def model(tmp_path, store) -> FaceModel:
    torch.manual_seed(0)
    return load_model(save_psp(tmp_path))


def _face(folder: Path) -> np.ndarray:
    return np.asarray(cv2.imread(str(folder / "drawn/19.png"), cv2.IMREAD_COLOR_RGB))[None]


def _error(made: torch.Tensor, face: np.ndarray) -> float:
    return float(np.abs((made[0].permute(1, 2, 0).numpy() * 127.5 + 127.5) - face[0])[12:26, 10:22].mean())


def test_features_bring_the_picture_back_and_leave_the_codes_alone(model, drawn_faces, tmp_path):
    heard: dict[str, float] = {}
    compute = Compute(report=lambda _, told: heard.update(told))
    path = train_features(drawn_faces, model, tmp_path / "run", 60, recipe=TINY, compute=compute)
    import_model([tmp_path / "psp.pt", path], "mine", ImportOptions(half=True))
    trained, face = load_model("mine"), _face(drawn_faces)
    codes = trained.encode(face)
    assert codes.numpy() == pytest.approx(model.encode(face).numpy(), abs=0.05)
    plain, whole = trained.generate(codes), trained.generate_edited(face, codes, codes)
    assert _error(whole, face) < 0.5 * _error(plain, face)
    assert heard["held-out dB"] > 15
    other = trained.generate_edited(face, codes, codes + 1)
    assert (other - whole).abs().mean() > 0.01  # an edit still changes something
    assert (tmp_path / "run/samples/0000060.png").is_file()


def test_features_are_trained_to_see_what_the_model_shows_them(model, tmp_path):
    import_model([tmp_path / "psp.pt", save_features(tmp_path, told=True)], "with")
    with_features = load_model("with")
    training = FeatureTraining(TINY, Compute(), with_features)
    faces = torch.randint(0, 256, (2, 32, 32, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    codes = with_features.encode(faces)
    edited = codes + 0.1 * torch.randn(codes.shape, generator=torch.Generator().manual_seed(1))
    shown = training.edited(faces.permute(0, 3, 1, 2) / 127.5 - 1, codes, edited)
    assert torch.equal(shown.change, edited - codes)
    made = with_features.generate_edited(faces, codes, edited)
    seen = training.generate(training.features, shown)  # in bfloat16 where that is faster
    assert (seen - made).abs().max() < 0.1 * made.std()


def test_it_stops_and_goes_on(model, drawn_faces, tmp_path):
    whole = torch.load(train_features(drawn_faces, model, tmp_path / "whole", 6, recipe=TINY), weights_only=True)
    train_features(drawn_faces, model, tmp_path / "parts", 6, recipe=TINY, minutes=1e-9)
    resumed = torch.load(train_features(drawn_faces, model, tmp_path / "parts", 6, recipe=TINY), weights_only=True)
    assert all(torch.equal(tensor, resumed[name]) for name, tensor in whole.items())
    assert model.average is not None
    other = replace(model, average=model.average + 1)
    with pytest.raises(UsageError, match=r"begun with model \w+, not"):
        train_features(drawn_faces, other, tmp_path / "parts", 7, recipe=TINY)


def test_the_command_and_a_model_that_cannot_have_features(drawn_faces, tmp_path, store):
    save_generator(tmp_path)
    arguments = ["features", "--data", str(drawn_faces), "--out", str(tmp_path / "run"), "--steps", "1", "-q"]
    with pytest.raises(ModelError, match="lacks an encoder"):
        CliRunner().invoke(command, [*arguments, "--model", str(tmp_path / "stylegan2.pt")], catch_exceptions=False)
    chosen = ["--model", str(save_psp(tmp_path)), "--set", "drawn=1", "--batch-size", "2"]
    with pytest.raises(ModelError, match="too small for a feature encoder"):
        train_features(drawn_faces, load_model(tmp_path / "psp.pt"), tmp_path / "x", 1, recipe=replace(TINY, patch=16))
    result = CliRunner().invoke(command, [*arguments, *chosen], catch_exceptions=False)
    assert result.exit_code == 0
    assert (tmp_path / "run/features.pt").is_file()
