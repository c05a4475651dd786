"""Editors: transformers, directions and components, compared with their equations."""

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from facevid.errors import UsageError
from facevid.models import FaceModel, import_model, load_model
from facevid.models.editors import project
from tests.models.files import LAYERS, WIDTH, save_components, save_generator, save_transformer

CODES = torch.randn(3, LAYERS, WIDTH, generator=torch.Generator().manual_seed(0))


def unit(seed: int, rows: int = 1) -> NDArray[np.float32]:
    direction = np.random.default_rng(seed).normal(size=(rows, WIDTH)).astype(np.float32)
    return direction / np.linalg.norm(direction)


@pytest.fixture
def model(tmp_path: Path) -> FaceModel:
    files = [save_generator(tmp_path), save_transformer(tmp_path), save_components(tmp_path)]
    for name, direction in (("smile.npy", unit(1)), ("age.npy", unit(2)), ("pose.npy", unit(3, LAYERS))):
        np.save(tmp_path / name, direction)
        files.append(tmp_path / name)
    torch.save(torch.from_numpy(unit(4, LAYERS))[None], tmp_path / "hat.pt")
    return load_model(import_model([*files, tmp_path / "hat.pt"], "edited"))


@pytest.mark.parametrize(
    ("name", "direction"),
    [
        ("direction:smile", unit(1)),
        ("age", unit(2)),
        ("Young", -unit(2)),
        ("pose", unit(3, LAYERS)),
        ("hat", unit(4, LAYERS)),
    ],
)
def test_a_direction_is_added(model: FaceModel, name: str, direction: NDArray[np.float32]) -> None:
    assert torch.allclose(model.edit(CODES, {name: 2.0}), CODES + 2 * torch.from_numpy(direction), atol=1e-6)


def test_the_transformer_is_the_default_method(model: FaceModel) -> None:
    assert torch.equal(model.edit(CODES, {"smile": 1.0}), model.edit(CODES, {"transformer:smile": 1.0}))
    assert not torch.equal(model.edit(CODES, {"smile": 1.0}), model.edit(CODES, {"direction:smile": 1.0}))


def test_conditional_projection_holds_the_others(model: FaceModel) -> None:
    """InterFaceGAN, section 3.1: n1 - (n1 . n2) n2, here normalised."""
    step = (model.edit(CODES, {"direction:smile~age": 1.0}) - CODES)[0, 0].numpy()
    expected = unit(1)[0] - (unit(1)[0] @ unit(2)[0]) * unit(2)[0]
    assert step == pytest.approx(expected / np.linalg.norm(expected), abs=1e-5)
    both = model.edit(CODES, {"direction:smile~age~pose": 1.0}) - CODES
    for held in (np.repeat(unit(2), LAYERS, axis=0), unit(3, LAYERS)):
        assert float((both[0].numpy() * held).sum()) == pytest.approx(0, abs=1e-5)
    with pytest.raises(ValueError):
        project(torch.from_numpy(unit(1)), [torch.from_numpy(3 * unit(1))])


def test_a_component_moves_codes_by_standard_deviations(model: FaceModel, tmp_path: Path) -> None:
    content = torch.load(tmp_path / "pca.pt", weights_only=True)
    step = content["comp"][3] * content["std"][3]
    assert torch.allclose(model.edit(CODES, {"ganspace:3": 2.0}), CODES + 2 * step, atol=1e-5)
    some = model.edit(CODES, {"ganspace:3:1-2": 2.0})
    assert torch.allclose(some[:, 1:3], (CODES + 2 * step)[:, 1:3], atol=1e-5)
    assert torch.equal(some[:, [0, *range(3, LAYERS)]], CODES[:, [0, *range(3, LAYERS)]])


def test_edits_are_applied_in_order_to_a_copy(model: FaceModel) -> None:
    before = CODES.clone()
    both = model.edit(CODES, {"direction:smile": 1.0, "smile": -0.5})
    assert torch.equal(both, model.edit(model.edit(CODES, {"direction:smile": 1.0}), {"smile": -0.5}))
    assert torch.equal(CODES, before)
    assert torch.equal(model.edit(CODES, {"smile": 0.0}), CODES)


def test_a_strength_for_each_code(model: FaceModel) -> None:
    edited = model.edit(CODES, {"smile": np.array([0.0, 1.0, -2.0])})
    for i, strength in enumerate((0.0, 1.0, -2.0)):
        assert torch.allclose(edited[i], model.edit(CODES[i : i + 1], {"smile": strength})[0], atol=1e-6)


@pytest.mark.parametrize(
    ("name", "strength", "named"),
    [
        ("smlie", 1.0, '"smlie".*"smile"'),
        ("beard", 1.0, '"beard".*age, hat, pose, smile'),
        ("transformer:age", 1.0, '"transformer:age".* smile'),
        ("ganspace:99", 1.0, '"ganspace:99".* 0 to 4'),
        ("ganspace:1:0-99", 1.0, f'"ganspace:1:0-99".* 0 to {LAYERS - 1}'),
        ("direction:smile~beard", 1.0, '"direction:smile~beard"'),
        ("smile", float("nan"), '"smile"'),
        ("smile", [1.0, 2.0], r'"smile": \(2,\) .* 3 '),
    ],
)
def test_unknown_names_and_invalid_strengths(
    model: FaceModel, name: str, strength: float | list[float], named: str
) -> None:
    with pytest.raises(UsageError, match=named):
        model.edit(CODES, {name: strength})


def test_shapes_are_checked(model: FaceModel) -> None:
    with pytest.raises(ValueError, match=rf"\(N, {LAYERS}, {WIDTH}\)"):
        model.edit(CODES[:, :2], {"smile": 1.0})
