"""`load_model`: published files and bundles reproduce the published numbers; damaged files are refused."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from facevid.errors import ModelError, UsageError
from facevid.models import ImportOptions, import_model, load_model
from facevid.models.load import verify_model
from facevid.models.store import locate
from facevid.networks import OcclusionNetwork, OcclusionNetworkSizes
from tests.models.files import (
    INPUT,
    LAYERS,
    WIDTH,
    encoder_content,
    save,
    save_classifier,
    save_generator,
    save_psp,
    save_shared_transformer,
    save_transformer,
    update_hashes,
)

FACES = np.random.default_rng(0).integers(0, 256, (3, 48, 48, 3), dtype=np.uint8)


@pytest.mark.parametrize("kind", ["psp", "e4e"])
@pytest.mark.parametrize("imported", [False, True])
def test_published_numbers(shared: Path, kind: str, imported: bool) -> None:
    fixtures = shared / "fixtures"
    expected = np.load(fixtures / f"{kind}_tiny_expected.npz")
    source = fixtures / f"{kind}_tiny.pt"
    if imported:
        import_model([source], "tiny")
    model = load_model("tiny" if imported else source)
    codes = model.encode(expected["faces"])
    assert codes.numpy() == pytest.approx(expected["codes"], abs=1e-4)
    assert model.generate(codes).numpy() == pytest.approx(expected["image"], abs=1e-4)
    assert (model.resolution, model.crop_size, model.layers, model.width) == (64, 256, 10, 32)


def test_published_edits(shared: Path) -> None:
    fixtures = shared / "fixtures"
    files = ["psp_tiny.pt", "tnet_31_tiny.pth.tar", "latent_classifier_tiny.pth"]
    expected = np.load(fixtures / "latent_transformer_tiny_expected.npz")
    import_model([fixtures / file for file in files], "tiny")
    for model in (load_model("tiny"), load_model(fixtures / "tnet_31_tiny.pth.tar")):
        for strength in ("-1.5", "+0.0", "+2.0"):
            edited = model.edit(expected["w0"], {"smile": float(strength)})
            assert edited.numpy() == pytest.approx(expected[f"w1_alpha_{strength}"], abs=1e-4)
    for model in (load_model("tiny"), load_model(fixtures / "latent_classifier_tiny.pth")):
        assert model.classifier is not None
        logits = model.classifier(torch.from_numpy(expected["w0"]))
        assert logits.numpy() == pytest.approx(expected["classifier_logits"], abs=1e-4)


@pytest.mark.parametrize("e4e", [False, True])
@pytest.mark.parametrize("namespace", [False, True])
def test_a_bundle_computes_the_same_as_its_source_file(tmp_path: Path, e4e: bool, namespace: bool) -> None:
    source = save(tmp_path / "any-name.bin", encoder_content(e4e, namespace))
    import_model([source], "mine")
    direct, bundle = load_model(source), load_model("mine")
    codes = direct.encode(FACES)
    assert torch.equal(codes, bundle.encode(FACES))
    assert torch.equal(direct.generate(codes), bundle.generate(codes))
    assert codes.shape == (3, LAYERS, WIDTH)


def test_half_precision_files_are_smaller_and_compute_nearly_the_same(tmp_path: Path) -> None:
    source = save_psp(tmp_path)
    whole, half = import_model([source], "whole"), import_model([source], "half", ImportOptions(half=True))
    sizes = [sum(f.stat().st_size for f in folder.glob("*.safetensors")) for folder in (whole, half)]
    assert sizes[1] < 0.75 * sizes[0]  # small networks are mostly vectors, which stay float32
    assert torch.allclose(load_model("whole").encode(FACES), load_model("half").encode(FACES), atol=0.05)


@pytest.mark.parametrize("precision", ["float16", "bfloat16"])
def test_lower_precision(tmp_path: Path, precision: str) -> None:
    source = save_psp(tmp_path)
    exact, coarse = load_model(source), load_model(source, precision=precision)
    codes = coarse.encode(FACES)
    assert codes.dtype == torch.float32
    assert torch.allclose(codes, exact.encode(FACES), atol=0.2)
    assert coarse.generate(codes).dtype == torch.float32


def test_faces_are_downscaled_with_antialiasing(tmp_path: Path) -> None:
    model = load_model(save_psp(tmp_path))
    blocks = np.repeat(np.repeat(FACES[:, :INPUT, :INPUT], 2, axis=1), 2, axis=2)
    assert torch.allclose(model.encode(blocks), model.encode(FACES[:, :INPUT, :INPUT]), atol=0.5)
    assert model.encode(FACES[:0]).shape == (0, LAYERS, WIDTH)
    with pytest.raises(ValueError, match="uint8"):
        model.encode(FACES.astype(np.float32))


def test_a_file_with_one_network_lacks_the_others(tmp_path: Path) -> None:
    generator = load_model(save_generator(tmp_path))
    assert generator.generate(torch.zeros(2, LAYERS, WIDTH)).shape == (2, 3, 32, 32)
    with pytest.raises(ModelError, match=r"stylegan2\.pt: "):
        generator.encode(FACES)
    transformer = load_model(save_transformer(tmp_path))
    with pytest.raises(ModelError, match=r"tnet_31\.pth\.tar: "):
        transformer.generate(torch.zeros(2, LAYERS, WIDTH))


def test_the_bundled_model_encodes_edits_and_generates() -> None:
    model = load_model()
    codes = model.encode(FACES)
    edited = model.edit(codes, {"smile": 1.0})
    assert codes.shape == (3, 3, 64)
    assert not torch.equal(edited, codes)
    assert model.generate(edited).shape == (3, 3, 256, 256)
    ((change, *_),) = model.decode_changes(codes, edited)
    assert (change.shape.shape, change.colour.shape, change.gains.shape) == ((84, 2), (96, 96, 3), (5, 48, 48))
    assert (model.detail, model.settings.alignment, model.name) == ("keep", "ffhq", "bundled")
    assert len(model.editors) == 10 and model.components is not None
    assert torch.equal(model.edit(codes, {"age": 1.0}), model.edit(codes, {"Young": -1.0}))


def test_the_lightness_of_the_unedited_face_scales_all_changes() -> None:
    model = load_model()
    codes = model.encode(FACES[:1])
    states = [codes, model.edit(codes, {"male": 1.0})]
    states.append(model.edit(states[1], {"age": 1.0}))
    (first,), (second,) = model.decode_changes(*states)
    ((alone,),) = model.decode_changes(*states[:2])
    ((from_the_edited,),) = model.decode_changes(*states[1:])
    assert np.array_equal(first.colour, alone.colour)
    assert np.array_equal(second.gains, from_the_edited.gains)
    assert not np.allclose(second.colour, from_the_edited.colour, rtol=0.01)


def test_a_shared_transformer_without_scales_has_none(tmp_path: Path) -> None:
    path = save_shared_transformer(tmp_path, 31, 39)
    codes = torch.randn(2, LAYERS, WIDTH)
    expected = load_model(path).edit(codes, {"smile": 0.5, "age": 1.0})
    state = torch.load(path, weights_only=True)
    del state["scales"]
    torch.save(state, path)
    assert torch.equal(load_model(path).edit(codes, {"smile": 0.5, "age": 1.0}), expected)


def test_pictures_do_not_depend_on_the_batch() -> None:
    model = load_model()
    codes = model.encode(FACES)
    alone = torch.cat([model.generate(codes[i : i + 1]) for i in range(3)])
    assert torch.allclose(model.generate(codes), alone, atol=1e-4)


def damage(content: dict[str, Any], change: str) -> None:
    """Damage the contents of an encoder checkpoint in one of several ways."""
    state = content["state_dict"]
    if change == "missing":
        del state["encoder.body.2.res_layer.3.weight"]
    elif change == "extra":
        state["decoder.more"] = torch.zeros(1)
    elif change == "misshapen":
        state["decoder.convs.1.conv.weight"] = torch.zeros(1, 3, 3, 3, 3)
    elif change == "stray":
        state["head.weight"] = torch.zeros(1)
    elif change == "average":
        del content["latent_avg"]
    elif change == "kind":
        content["opts"]["encoder_type"] = "BackboneEncoderUsingLastLayerIntoW"
    elif change == "huge":
        state["decoder.input.input"] = torch.zeros(1).expand(1, 10**6, 10**3, 10**3)


@pytest.mark.parametrize("change", ["missing", "extra", "misshapen", "stray", "average", "kind", "huge"])
def test_a_damaged_checkpoint_is_refused_by_name(tmp_path: Path, change: str) -> None:
    content = encoder_content()
    damage(content, change)
    source = save(tmp_path / "damaged.pt", content)
    with pytest.raises(ModelError, match=r"damaged\.pt: ") as caught:
        load_model(source)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("kind", ["file", "bundle"])
def test_weights_that_are_not_finite_are_refused(tmp_path: Path, value: float, kind: str) -> None:
    """The hashes of the changed bundle are updated, so that only the values are wrong."""
    if kind == "file":
        content = encoder_content()
        content["state_dict"]["encoder.latlayer1.bias"][0] = value
        model = save(tmp_path / "psp.pt", content)
    else:
        model = import_model([save_psp(tmp_path)], "mine")
        path = model / "encoder.safetensors"
        tensors = load_file(path)
        tensors["latlayer1.bias"][0] = value
        save_file(tensors, path, {"encoder": "psp"})
        update_hashes(model)
    with pytest.raises(ModelError, match=r"latlayer1\.bias"):
        load_model(model)
    if kind == "bundle":
        with pytest.raises(ModelError, match=r"latlayer1\.bias"):
            verify_model(model)


@pytest.mark.parametrize("name", ["latent_avg", "direction", "comp"])
def test_tensors_outside_networks_must_be_finite(tmp_path: Path, name: str) -> None:
    contents = {
        "latent_avg": encoder_content() | {"latent_avg": torch.full((LAYERS, WIDTH), float("nan"))},
        "direction": {"direction": torch.full((1, WIDTH), float("nan"))},
        "comp": {"comp": torch.full((5, 1, WIDTH), float("nan")), "std": torch.ones(5)},
    }
    with pytest.raises(ModelError, match=r"smile\.pt: "):
        load_model(save(tmp_path / "smile.pt", contents[name]))


def test_results_that_overflow_are_an_error(tmp_path: Path) -> None:
    """The weights are finite, but their products overflow in float16."""
    content = encoder_content()
    for name, tensor in content["state_dict"].items():
        if name.endswith("linear.weight") or name.endswith("to_rgb1.conv.weight"):
            tensor.mul_(1e6)
    source = save(tmp_path / "strong.pt", content)
    codes = torch.ones(1, LAYERS, WIDTH)
    exact, coarse = load_model(source), load_model(source, precision="float16")
    assert torch.isfinite(exact.encode(FACES)).all()
    with pytest.raises(ModelError, match=r"strong\.pt: .*float16.*bfloat16"):
        coarse.encode(FACES)
    with pytest.raises(ModelError, match=r"strong\.pt: .*float32"):
        exact.edit(codes * float("inf"), {})
    with pytest.raises(ModelError, match=r"strong\.pt: .*float32"):
        exact.generate(codes * float("nan"))


def test_results_of_the_appearance_model_must_be_finite() -> None:
    model, codes = load_model(), torch.zeros(1, 3, 64)
    broken = codes + float("nan")
    with pytest.raises(ModelError, match=r"^bundled: "):
        model.decode_changes(codes, broken)
    with pytest.raises(ModelError, match=r"^bundled: "):
        model.decode_shapes(broken)
    with pytest.raises(ModelError, match=r"^bundled: "):
        model.generate(broken)


def test_an_appearance_model_of_other_landmarks_is_refused(tmp_path: Path) -> None:
    tensors = load_file(locate(None) / "appearance.safetensors")
    for name in ("shape.mean", "shape.basis", "shape.limits"):
        tensors[name] = tensors[name][..., : 68 * 2].contiguous()
    torch.save(tensors, tmp_path / "old.pt")
    with pytest.raises(ModelError, match=r"old\.pt: .*68 .*84"):
        load_model(tmp_path / "old.pt")


def test_swapped_weights_are_refused(tmp_path: Path) -> None:
    files = [save_psp(tmp_path), save_transformer(tmp_path), save_transformer(tmp_path, "tnet_20.pth.tar")]
    folder = import_model(files, "mine")
    smile, male = folder / "transformer-smile.safetensors", folder / "transformer-male.safetensors"
    assert smile.stat().st_size == male.stat().st_size
    smile.rename(folder / "aside")
    male.rename(smile)
    (folder / "aside").rename(male)
    with pytest.raises(ModelError, match=r"transformer-\w+\.safetensors: .*SHA-256"):
        load_model("mine")


def test_links_to_weights_outside_the_folder_are_refused(tmp_path: Path) -> None:
    folder = import_model([save_psp(tmp_path)], "mine")
    outside = (folder / "encoder.safetensors").rename(tmp_path / "elsewhere.safetensors")
    (folder / "encoder.safetensors").symlink_to(outside)
    with pytest.raises(ModelError, match=r"encoder\.safetensors: "):
        load_model("mine")


def test_unknown_names_devices_and_precisions() -> None:
    with pytest.raises(ModelError, match='"nothing"'):
        load_model("nothing")
    with pytest.raises(UsageError, match="cuda:99"):
        load_model(device="cuda:99")
    with pytest.raises(UsageError, match='"int8"'):
        load_model(precision="int8")


def test_files_for_codes_of_different_shapes_are_refused(tmp_path: Path, shared: Path) -> None:
    with pytest.raises(ModelError, match=r"tnet_31_tiny\.pth\.tar: .* 10 x 32.*psp\.pt .* 8 x 16"):
        import_model([save_psp(tmp_path), shared / "fixtures/tnet_31_tiny.pth.tar"], "mixed")
    with pytest.raises(ModelError, match=r"latent_classifier\.pth: .*\b128\b.* 10 x 32"):
        import_model([shared / "fixtures/psp_tiny.pt", save_classifier(tmp_path)], "mixed")


def test_a_model_without_an_occlusion_network_uses_the_bundled_one(tmp_path: Path) -> None:
    assert load_model(save_psp(tmp_path)).occlusion_fingerprint == load_model().occlusion_fingerprint


def test_an_occlusion_network_alone_is_not_a_model(tmp_path: Path) -> None:
    path = save(tmp_path / "occlusion.pt", OcclusionNetwork(OcclusionNetworkSizes()).state_dict())
    with pytest.raises(ModelError, match=r"occlusion\.pt: "):
        load_model(path)
    with pytest.raises(ModelError, match=r"occlusion\.pt: "):
        import_model([path], "alone")
