"""Models with a Feature-Style encoder: import beside a pSp checkpoint, codes, and the residual of the features."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from facevid.errors import ModelError
from facevid.models import ImportOptions, import_model, load_model
from tests.conftest import RunFacevid
from tests.models.files import (
    LAYERS,
    WIDTH,
    encoder_content,
    feature_style_content,
    save,
    save_feature_style,
    save_generator,
    save_psp,
    save_transformer,
)


@pytest.fixture
def faces() -> Tensor:
    return torch.from_numpy(np.random.default_rng(0).integers(0, 256, (2, 256, 256, 3), np.uint8))


def test_import_beside_a_psp_checkpoint(tmp_path: Path, run_facevid: RunFacevid) -> None:
    """The generator and the average code are those of the checkpoint, and its encoder is left out."""
    content = encoder_content()
    files = [save(tmp_path / "psp_ffhq_encode.pt", content), save_feature_style(tmp_path), save_transformer(tmp_path)]
    outcome = run_facevid("models", "import", *files, "--name", "ffhq-fs")
    assert outcome.code == 0, outcome.err
    info = json.loads(run_facevid("models", "info", "ffhq-fs", "--json").out)
    assert (info["encoder"], info["crop_size"], info["edit_layers"]) == ("feature-style", 256, [0, LAYERS - 1])
    assert {each["file"] for each in info["sources"]} == {file.name for file in files}
    assert "feature-style" in run_facevid("models", "list").out
    assert run_facevid("models", "verify", "ffhq-fs").code == 0
    model = load_model("ffhq-fs")
    assert model.has_features
    assert model.average is not None
    assert torch.equal(model.average, content["latent_avg"])
    assert [each.attribute.everyday for each in model.editors] == ["smile"]


def test_import_beside_other_files(tmp_path: Path) -> None:
    """The average code may come from a model of the store, or from StyleGAN2's file, which has one for all layers."""
    encoder = save_feature_style(tmp_path)
    psp = load_model(import_model([save_psp(tmp_path)], "ffhq", ImportOptions(licence="mine")))
    added = load_model(import_model(["ffhq", encoder], "added"))
    assert psp.average is not None and added.average is not None
    assert torch.equal(added.average, psp.average)
    assert added.settings.licence == "mine"
    stylegan2 = save_generator(tmp_path)
    three = load_model(import_model([stylegan2, tmp_path / "psp.pt", encoder], "three"))
    assert three.average is not None
    assert torch.equal(three.average, psp.average)
    alone = load_model(import_model([stylegan2, encoder], "alone", ImportOptions(half=True)))
    assert alone.average is not None
    expected = torch.load(stylegan2, weights_only=True)["latent_avg"]
    assert torch.equal(alone.average, expected.expand(LAYERS, -1))


def test_the_residual_replaces_the_features_and_follows_an_edit(tmp_path: Path, faces: Tensor) -> None:
    model = load_model(
        import_model([save_psp(tmp_path), save_feature_style(tmp_path), save_transformer(tmp_path)], "a")
    )
    assert model.encoder is not None and model.average is not None
    pictures = faces.permute(0, 3, 1, 2) / 127.5 - 1
    codes = model.encode(faces)
    with torch.no_grad():
        assert torch.allclose(codes, model.encoder(pictures) + model.average, atol=1e-5)
    residual = model.feature_residual(faces, codes)
    assert residual is not None
    assert residual.shape == (2, 8, 16, 16)
    edited = model.edit(codes, {"smile": 1.0})
    own = [model._prepared_generator.features(each) for each in (codes, edited)]
    features = own[0] + residual
    # The residual of the features that replace those of the edited code: F + G(w') - G(w).
    after = features + own[1] - own[0]
    assert torch.allclose(model.generate(edited, residual), model.generate(edited, after - own[1]), atol=1e-4)
    assert (model.generate(codes, residual) - model.generate(codes)).abs().mean() > 0.01
    # Rows do not depend on the batch.
    one = model.feature_residual(faces[1:], codes[1:])
    assert one is not None
    assert torch.allclose(one, residual[1:], atol=1e-5)
    assert torch.allclose(model.generate(edited[1:], one), model.generate(edited, residual)[1:], atol=1e-5)


def test_other_encoders_have_no_features(tmp_path: Path, faces: Tensor) -> None:
    model = load_model(import_model([save_psp(tmp_path)], "a"))
    assert not model.has_features
    assert model.feature_residual(faces, model.encode(faces)) is None


def without(name: str) -> dict[str, Tensor]:
    return {key: value for key, value in feature_style_content().items() if key != name}


@pytest.mark.parametrize(
    ("content", "named"),
    [
        (without("block_2.1.bn3.running_var"), r"143_enc\.pth: .*block_2\.1\.bn3\.running_var"),
        (without("content_layer.5.bias"), r"143_enc\.pth: .*content_layer\.5\.bias"),
        (without("content_layer.1.weight"), r"143_enc\.pth: "),
        (feature_style_content() | {"styles.2.weight": torch.zeros(WIDTH, 9)}, r"143_enc\.pth: .*styles\.2\.weight"),
        (feature_style_content() | {"more": torch.zeros(1)}, r"143_enc\.pth: .*\bmore\b"),
        (without("styles.7.weight"), r"143_enc\.pth: .*7 x 16"),
        (
            feature_style_content() | {"conv.0.weight": torch.full((4, 3, 3, 3), torch.nan)},
            r"143_enc\.pth: .*conv\.0\.weight",
        ),
    ],
)
def test_damaged_files_are_refused(tmp_path: Path, store: Path, content: Any, named: str) -> None:
    files = [save_psp(tmp_path), save(tmp_path / "143_enc.pth", content)]
    with pytest.raises(ModelError, match=named):
        import_model(files, "a")
    assert not (store / "models/a").exists()


def test_files_that_do_not_fit_are_refused(tmp_path: Path, run_facevid: RunFacevid) -> None:
    encoder = save_feature_style(tmp_path)
    outcome = run_facevid("models", "import", encoder, "--name", "a")
    assert outcome.code == 5
    assert "143_enc.pth" in outcome.err and "psp_ffhq_encode.pt" in outcome.err
    with pytest.raises(ModelError, match=r"143_enc\.pth: .*latent_avg"):
        load_model(encoder)
    wrong_average = encoder_content() | {"latent_avg": torch.zeros(LAYERS, WIDTH + 1)}
    with pytest.raises(ModelError, match=rf"143_enc\.pth: .*{WIDTH + 1}"):
        import_model([save(tmp_path / "wrong.pt", wrong_average), encoder], "a")
    channels = feature_style_content()
    for name in [name for name in channels if name.startswith("content_layer") and not name.endswith(".0.weight")]:
        tensor = channels[name]
        if tensor.ndim and tensor.shape[0] == 8:
            channels[name] = tensor[:5, :5] if name.endswith("4.weight") else tensor[:5]
    with pytest.raises(ModelError, match=r"narrow\.pth: .* 5 "):
        import_model([save_psp(tmp_path), save(tmp_path / "narrow.pth", channels)], "a")


def test_published_directions_are_of_flattened_codes(tmp_path: Path) -> None:
    """They are (1, 18 x 512), and the published program moves codes by 15 times their length."""
    direction = np.random.default_rng(0).normal(size=(1, 18 * 512)).astype(np.float32)
    np.save(tmp_path / "Smiling_boundary.npy", direction)
    model = load_model(tmp_path / "Smiling_boundary.npy")
    codes = torch.randn(2, 18, 512)
    expected = codes - 0.5 * 15 * torch.from_numpy(direction).reshape(18, 512)
    assert torch.allclose(model.edit(codes, {"smile": -0.5}), expected, atol=1e-4)
