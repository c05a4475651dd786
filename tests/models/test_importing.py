"""Import: files are recognised by their contents, named, and written completely or not at all."""

import json
import resource
from pathlib import Path

import numpy as np
import pytest
import torch

from facevid.errors import ModelError, OutputError, UsageError
from facevid.models import ImportOptions, import_model, load_model
from facevid.models.editors import SharedTransformerEditor, TransformerEditor
from facevid.models.load import verify_model
from facevid.models.store import stored_names
from tests.models.files import (
    LAYERS,
    WIDTH,
    encoder_content,
    save,
    save_classifier,
    save_components,
    save_generator,
    save_psp,
    save_shared_transformer,
    save_transformer,
    update_hashes,
)


def save_direction(folder: Path, name: str = "age.npy", rows: int = 1) -> Path:
    path = folder / name
    np.save(path, np.random.default_rng(1).normal(size=(rows, WIDTH)).astype(np.float32))
    return path


def test_all_kinds_of_files_become_one_bundle(tmp_path: Path) -> None:
    files = [
        save_classifier(tmp_path),
        save_direction(tmp_path),
        save_direction(tmp_path, "stylegan_ffhq_smile_w_boundary.npy", LAYERS),
        save_components(tmp_path),
        save_psp(tmp_path),
        save_transformer(tmp_path),
    ]
    folder = import_model(files, "mixed", ImportOptions(licence="mine"))
    model = load_model("mixed")
    assert [(e.attribute.everyday, e.method) for e in model.editors] == [
        ("smile", "transformer"),
        ("age", "direction"),
        ("smile", "direction"),
    ]
    assert model.components is not None
    assert model.classifier is not None
    content = json.loads((folder / "bundle.json").read_text())
    assert (content["schema"], content["layers"], content["width"], content["licence"]) == (1, LAYERS, WIDTH, "mine")
    assert [(a["method"], a.get("name"), a.get("index"), a.get("sign")) for a in content["attributes"]] == [
        ("direction", "Young", 39, -1),
        ("direction", "Smiling", 31, 1),
        ("ganspace", None, None, None),
        ("transformer", "Smiling", 31, 1),
    ]
    assert {source["file"] for source in content["sources"]} == {file.name for file in files}
    assert all(len(source["sha256"]) == 64 for source in content["sources"])
    assert verify_model(folder) > 0
    assert stored_names() == ["mixed"]


def test_edit_layers(tmp_path: Path) -> None:
    """The default with pSp is layers 0-10, which are all layers of a small model; an option overrides it."""
    psp = load_model(import_model([save_psp(tmp_path)], "psp"))
    assert psp.settings.edit_layers == range(min(11, LAYERS))
    own = import_model([save_psp(tmp_path)], "own", ImportOptions(edit_layers=range(2, 5)))
    assert load_model(own).settings.edit_layers == range(2, 5)
    with pytest.raises(UsageError, match=rf"--edit-layers 0-{LAYERS}: .* 0-{LAYERS - 1}"):
        import_model([save_psp(tmp_path)], "beyond", ImportOptions(edit_layers=range(LAYERS + 1)))


def test_names_of_transformers(tmp_path: Path) -> None:
    psp, plain = save_psp(tmp_path), save_transformer(tmp_path, "epoch-20.pth")
    with pytest.raises(UsageError, match="--as smile"):
        import_model([psp, plain], "a")
    with pytest.raises(UsageError, match="2 --as for 1"):
        import_model([psp, plain], "a", ImportOptions(attributes=("smile", "age")))
    folder = import_model([psp, plain], "a", ImportOptions(attributes=("glasses",)))
    assert load_model(folder).editors[0].attribute.name == "Eyeglasses"
    both = [psp, save_transformer(tmp_path), plain]
    named = load_model(import_model(both, "b", ImportOptions(attributes=("hat",))))
    assert [e.attribute.everyday for e in named.editors] == ["smile", "hat"]
    with pytest.raises(UsageError, match=r"epoch-20\.pth: .*smile.*tnet_31\.pth\.tar"):
        import_model(both, "c", ImportOptions(attributes=("smile",)))


def test_a_transformer_named_by_an_opposite_name_keeps_its_sign(tmp_path: Path) -> None:
    files = [save_psp(tmp_path), save_transformer(tmp_path, "older.pth")]
    model = load_model(import_model(files, "a", ImportOptions(attributes=("age",))))
    codes = torch.randn(1, LAYERS, WIDTH)
    editor = model.editors[0].editor
    assert isinstance(editor, TransformerEditor)
    network = editor.network
    assert torch.allclose(model.edit(codes, {"age": 0.5}), codes + 0.5 * network(codes), atol=1e-6)
    assert torch.allclose(model.edit(codes, {"Young": 0.5}), codes - 0.5 * network(codes), atol=1e-6)


def test_a_generator_file_replaces_the_generator_of_the_encoder_file(tmp_path: Path) -> None:
    psp, generator = save_psp(tmp_path), save_generator(tmp_path)
    codes = torch.randn(1, LAYERS, WIDTH)
    both = load_model(import_model([psp, generator], "both"))
    assert torch.equal(both.generate(codes), load_model(generator).generate(codes))


def test_files_are_added_to_a_model(tmp_path: Path) -> None:
    import_model([save_psp(tmp_path)], "a", ImportOptions(licence="mine", detail="keep"))
    tnet = save_transformer(tmp_path)
    folder = import_model(["a", tnet], "a", ImportOptions(overwrite=True))
    model = load_model(folder)
    assert [e.attribute.everyday for e in model.editors] == ["smile"]
    assert (model.settings.licence, model.detail) == ("mine", "keep")
    assert len(json.loads((folder / "bundle.json").read_text())["sources"]) == 2


def test_an_editor_replaces_the_one_for_its_attribute(tmp_path: Path) -> None:
    first, second = save_transformer(tmp_path), tmp_path / "again"
    second.mkdir()
    torch.manual_seed(1)
    import_model([save_psp(tmp_path), first], "a")
    codes = torch.randn(1, LAYERS, WIDTH)
    before = load_model("a").edit(codes, {"smile": 1.0})
    alone = load_model(import_model([save_psp(second), save_transformer(second)], "b")).edit(codes, {"smile": 1.0})
    both = load_model(import_model(["a", second / first.name], "a", ImportOptions(overwrite=True)))
    assert [e.attribute.everyday for e in both.editors] == ["smile"]
    assert torch.equal(both.edit(codes, {"smile": 1.0}), alone)
    assert not torch.equal(alone, before)


def test_a_shared_transformer_replaces_those_of_its_attributes(tmp_path: Path) -> None:
    smile, male, young = 31, 20, 39
    import_model(
        [save_generator(tmp_path), *(save_transformer(tmp_path, f"tnet_{n}.pth.tar") for n in (31, 20))], "old"
    )
    import_model(["old", save_shared_transformer(tmp_path, young, smile)], "new", ImportOptions(half=True))
    model, codes = load_model("new"), torch.randn(3, LAYERS, WIDTH)
    kinds = {each.attribute.index: type(each.editor) for each in model.editors}
    assert kinds == {smile: SharedTransformerEditor, young: SharedTransformerEditor, male: TransformerEditor}
    both = model.edit(codes, {"smile": [1.0, 0.0, -2.0], "age": -1.0})
    assert torch.allclose(both, model.edit(model.edit(codes, {"smile": [1.0, 0.0, -2.0]}), {"age": -1.0}))
    step = model.edit(codes, {"smile": 1.0}) - codes
    assert step.abs().min() > 0
    assert torch.allclose(model.edit(codes, {"smile": -2.0}) - codes, -2 * step, atol=1e-4)
    # a transformer of one attribute in a separate file is preferred
    import_model(["new", tmp_path / "tnet_31.pth.tar"], "newest")
    assert isinstance(load_model("newest").editor("smile")[0], TransformerEditor)
    for indices in ((young, young), (40,), (-1,)):
        with pytest.raises(ModelError, match="tnet_shared"):
            load_model(save_shared_transformer(tmp_path, *indices))


def test_a_failed_import_keeps_the_existing_model(tmp_path: Path) -> None:
    source = save_psp(tmp_path)
    folder = import_model([source], "a")
    before = (folder / "bundle.json").read_bytes()
    with pytest.raises(UsageError, match="--overwrite"):
        import_model([source], "a")
    broken = encoder_content()
    broken["state_dict"]["encoder.latlayer1.bias"][0] = float("nan")
    with pytest.raises(ModelError, match=r"nan\.pt: "):
        import_model([save(tmp_path / "nan.pt", broken)], "a", ImportOptions(overwrite=True))
    assert (folder / "bundle.json").read_bytes() == before
    assert [f.name for f in folder.parent.iterdir()] == ["a"]


@pytest.mark.parametrize("name", ["../out", "a/b", "", ".hidden", "..", "x" * 65, "bundled", "a\n"])
def test_invalid_names_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match=r'^"'):
        import_model([save_psp(tmp_path)], name)
    assert stored_names() == []


def test_a_store_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("FACEVID_HOME", str(tmp_path / "file"))
    with pytest.raises(OutputError, match="file/models/a: "):
        import_model([save_psp(tmp_path)], "a")


def test_a_full_disk(tmp_path: Path, store: Path) -> None:
    """A limit on the size of files simulates it."""
    source = save_psp(tmp_path)
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
    try:
        with pytest.raises(OutputError, match="models/a: "):
            import_model([source], "a")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    assert list((store / "models").iterdir()) == []


def damage(folder: Path, kind: str) -> None:
    """Damage a bundle in one of several ways."""
    weights = folder / "encoder.safetensors"
    description = folder / "bundle.json"
    content = json.loads(description.read_text())
    if kind == "flipped":
        data = bytearray(weights.read_bytes())
        data[-1] ^= 1
        weights.write_bytes(data)
    elif kind == "cut":
        weights.write_bytes(weights.read_bytes()[:-4])
    elif kind == "gone":
        weights.unlink()
    elif kind == "outside":
        content["networks"][0]["file"] = "../../secret.safetensors"
    elif kind == "sizes":
        content["resolution"] *= 2
    elif kind == "later":
        content["schema"] = 99
    elif kind == "layers":
        content["edit_layers"] = [0, 10**9]
    if kind == "json":
        description.write_text("{")
    else:
        description.write_text(json.dumps(content))


@pytest.mark.parametrize("part", ["direction-age", "ganspace", "classifier", "transformer-smile", "generator"])
def test_weights_of_the_wrong_kind_are_refused(tmp_path: Path, part: str) -> None:
    files = [save_psp(tmp_path), save_direction(tmp_path), save_components(tmp_path), save_classifier(tmp_path)]
    folder = import_model([*files, save_transformer(tmp_path)], "a")
    other = (folder / "encoder.safetensors").read_bytes()
    (folder / f"{part}.safetensors").write_bytes(other)
    update_hashes(folder)
    with pytest.raises(ModelError, match=rf"{part}\.safetensors: "):
        load_model("a")


@pytest.mark.parametrize(
    ("kind", "named"),
    [
        ("flipped", r"encoder\.safetensors: .*SHA-256"),
        ("cut", r"encoder\.safetensors: .*SHA-256"),
        ("gone", r"encoder\.safetensors: "),
        ("outside", r"bundle\.json: .*\.\./\.\./secret\.safetensors"),
        ("sizes", r"models/a: .*bundle\.json"),
        ("later", r"bundle\.json: .*\b99\b"),
        ("layers", r"bundle\.json: .*edit_layers"),
        ("json", r"bundle\.json: "),
    ],
)
def test_verify_detects_damage(tmp_path: Path, kind: str, named: str) -> None:
    folder = import_model([save_psp(tmp_path)], "a")
    damage(folder, kind)
    with pytest.raises(ModelError, match=named):
        verify_model(folder)
