"""Training features on edited faces, with a discriminator, for a model of drawn faces."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from click.testing import CliRunner

from facevid.cli.train import command
from facevid.errors import ModelError
from facevid.models import FaceModel, ImportOptions, import_model, load_model
from facevid.training.discriminator import Discriminator, adversarial_loss, discriminator_loss
from facevid.training.features import train_features
from facevid.training.recipe import AdversarialRecipe
from tests.models.files import save_features, save_psp, save_transformer

TINY = AdversarialRecipe(
    sets=(("grained", 1.0),),
    batch_size=8,
    warm_up=5,
    ema=5,
    judged=0.01,
    rate=5e-3,
    discriminator_rate=5e-3,
    adversarial=2.0,
    anchor=1.0,
)


@pytest.fixture(scope="module")
def grained_faces(tmp_path_factory) -> Path:
    """40 grey faces with coarse grain, different on each."""
    folder = tmp_path_factory.mktemp("data")
    random = np.random.default_rng(0)
    (folder / "grained").mkdir()
    for number in range(40):
        grain = random.integers(0, 2, (16, 16, 1)) * 120 + 60
        picture = np.repeat(
            cv2.resize(grain.astype(np.uint8), (32, 32), interpolation=cv2.INTER_NEAREST)[..., None], 3, 2
        )
        cv2.imwrite(str(folder / "grained" / f"{number}.png"), picture)
    (folder / "grained.csv").write_text("\n".join(["file", *(f"{number}.png" for number in range(40))]) + "\n")
    return folder


@pytest.fixture
def model(tmp_path) -> FaceModel:
    """A model with features and an editor of smiles, of random weights."""
    torch.manual_seed(0)
    import_model([save_psp(tmp_path), save_features(tmp_path), save_transformer(tmp_path)], "grained", ImportOptions())
    return load_model("grained")


def _grain(pictures: torch.Tensor) -> float:
    """Mean difference of neighbours, inside the face."""
    return float(pictures[..., 10:26, 10:22].diff(dim=-1).abs().mean())


def test_what_an_edit_makes_gets_the_grain_of_photographs(model, grained_faces, tmp_path):
    faces = np.stack([np.asarray(cv2.imread(str(grained_faces / f"grained/{number}.png"))) for number in range(8)])
    codes = model.encode(faces)
    edited = model.edit(codes, {"smile": 1.0})
    before = model.generate_edited(faces, codes, edited)
    path = train_features(grained_faces, model, tmp_path / "run", 40, recipe=TINY)
    import_model([tmp_path / "psp.pt", tmp_path / "tnet_31.pth.tar", path], "sharp", ImportOptions())
    after = load_model("sharp").generate_edited(faces, codes, edited)
    wanted = _grain(torch.from_numpy(faces).permute(0, 3, 1, 2) / 127.5 - 1)
    assert abs(_grain(after) - wanted) < 0.4 * abs(_grain(before) - wanted)


def test_it_stops_and_goes_on_with_its_discriminator(model, grained_faces, tmp_path):
    whole = torch.load(train_features(grained_faces, model, tmp_path / "whole", 4, recipe=TINY), weights_only=True)
    train_features(grained_faces, model, tmp_path / "parts", 4, recipe=TINY, minutes=1e-9)
    resumed = torch.load(train_features(grained_faces, model, tmp_path / "parts", 4, recipe=TINY), weights_only=True)
    assert all(torch.equal(tensor, resumed[name]) for name, tensor in whole.items())


def test_the_command_and_models_that_lack_what_it_needs(grained_faces, model, tmp_path):
    arguments = ["features", "--adversarial", "--data", str(grained_faces), "--out", str(tmp_path / "run"), "-q"]
    arguments += ["--steps", "1", "--set", "grained=1", "--batch-size", "4", "--model"]
    with pytest.raises(ModelError, match="no features yet"):
        CliRunner().invoke(command, [*arguments, str(tmp_path / "psp.pt")], catch_exceptions=False)
    import_model([tmp_path / "psp.pt", tmp_path / "features.pt"], "plain", ImportOptions())
    with pytest.raises(ModelError, match="no editors"):
        CliRunner().invoke(command, [*arguments, "plain"], catch_exceptions=False)
    result = CliRunner().invoke(command, [*arguments, "grained"], catch_exceptions=False)
    assert result.exit_code == 0
    assert (tmp_path / "run/features.pt").is_file()


def test_losses():
    photographs, generated = torch.tensor([[[[2.0, 0.5]]]]), torch.tensor([[[[-2.0, 0.5]]]])
    weights = torch.ones(1, 1, 2, 4)
    assert discriminator_loss(photographs, generated, weights).item() == pytest.approx((0 + 0.5 + 0 + 1.5) / 2)
    assert adversarial_loss(generated, weights).item() == pytest.approx(0.75)
    weights[..., 2:] = 0
    assert discriminator_loss(photographs, generated, weights).item() == 0
    assert adversarial_loss(generated, weights).item() == pytest.approx(2.0)


def test_the_discriminator_judges_patches():
    torch.manual_seed(0)
    pictures = torch.rand(2, 3, 64, 64) * 2 - 1
    discriminator = Discriminator().eval()
    answers = discriminator(pictures)
    assert answers.shape == (2, 1, 8, 8)
    pictures[..., :8] = 0
    changed = (discriminator(pictures) - answers).abs().amax(dim=(0, 1, 2))
    assert changed[0] > 0
    assert (changed[6:] == 0).all()
