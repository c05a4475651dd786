"""Fitting an appearance model to picture sets."""

from pathlib import Path

import numpy as np
import pytest
import torch

from facevid.edits.attributes import CELEBA
from facevid.networks import AppearanceModel, appearance_model_sizes, shapes_of
from facevid.training.appearance.fitting import principal_components
from facevid.training.common.labels import NO, UNKNOWN, YES
from facevid.training.editors.codes import load_codes
from tests.conftest import RunFacevid

ROWS = 40
HELD_OUT = 2
TOO_SMALL = 3


@pytest.fixture(scope="module")
def picture_sets(drawn_faces: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The drawn faces with ages, three of them too small, and a table without pictures."""
    folder: Path = tmp_path_factory.mktemp("sets")
    (folder / "drawn").symlink_to(drawn_faces / "drawn")
    rows = [f"{row}.png,{20 + row},{100 if row < TOO_SMALL else 500}" for row in range(ROWS)]
    (folder / "drawn.csv").write_text("\n".join(["file,years,native_size_px", *rows]) + "\n")
    (folder / "other.csv").write_text("file\n1.png\n")
    return folder


def test_command_fits_a_model_and_encodes_the_faces(
    picture_sets: Path, tmp_path: Path, run_facevid: RunFacevid
) -> None:
    for name in ("one", "two"):
        outcome = run_facevid("train", "appearance", "--data", picture_sets, "--out", tmp_path / name)
        assert outcome.code == 0, outcome.err
    state = torch.load(tmp_path / "one/appearance.pt", weights_only=True)
    model = AppearanceModel(appearance_model_sizes(shapes_of(state)))
    model.load_state_dict(state)
    assert model.sizes.width == 64
    assert all(bool((low <= high).all()) for low, high in model.limits())

    codes = load_codes(tmp_path / "one/codes.safetensors")
    faces = 2 * (ROWS - TOO_SMALL)
    opened = -(-faces // 3)
    assert codes.codes.shape == (faces + opened, 3, 64)
    assert codes.held_out[:faces].sum() == 2 * HELD_OUT
    training = codes.codes[:faces][~codes.held_out[:faces]]
    assert training[:, 1:].mean(dim=0).abs().max() < 0.01
    assert training[:, 1, :8].std(dim=0, correction=0).sub(1).abs().max() < 0.01

    mouth, young = (codes.labels[:, CELEBA.index(name)] for name in ("Mouth_Slightly_Open", "Young"))
    assert (mouth[faces:] == YES).all()
    assert not (mouth[:faces] == YES).any()
    assert (int(young[0]), int(young[ROWS - TOO_SMALL - 1])) == (YES, NO)
    assert codes.files[0] == f"{TOO_SMALL}.png"
    assert (codes.labels[:, CELEBA.index("Male")] == UNKNOWN).all()
    assert {each.name for each in codes.attributes} >= {"Young", "Smiling", "No_Beard", "Wearing_Lipstick"}

    first, second = (load_codes(tmp_path / name / "codes.safetensors") for name in ("one", "two"))
    assert torch.equal(first.codes, second.codes)
    second_state = torch.load(tmp_path / "two/appearance.pt", weights_only=True)
    assert all(torch.equal(tensor, second_state[name]) for name, tensor in state.items())


def test_missing_columns_and_sets_are_named_in_the_error(
    picture_sets: Path, tmp_path: Path, run_facevid: RunFacevid
) -> None:
    common = ("train", "appearance", "--data", picture_sets, "--out", tmp_path)
    outcome = run_facevid(*common, "--label", "smile=happy:0:1")
    assert outcome.code == 2
    assert "happy" in outcome.err
    outcome = run_facevid(*common, "--set", "absent")
    assert outcome.code == 3
    assert "absent.csv" in outcome.err


@pytest.mark.parametrize("shape", [(6, 40), (40, 6)])
def test_components_match_a_singular_value_decomposition(shape: tuple[int, int]) -> None:
    values = np.random.default_rng(0).normal(size=shape)
    mean, basis = principal_components(values, 16)
    _, singular_values, rows = np.linalg.svd(values - values.mean(axis=0), full_matrices=False)
    count = min(shape[0] - 1, shape[1])
    expected = rows[:count] * (singular_values[:count, None] / np.sqrt(shape[0]))
    np.testing.assert_allclose(mean, values.mean(axis=0), atol=1e-5)
    np.testing.assert_allclose(np.abs(basis[:count]), np.abs(expected), atol=1e-5)
    assert not basis[count:].any()
