"""`facevid train`, from pictures and a table to a model."""

import tarfile
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from click.testing import CliRunner
from numpy.typing import NDArray

from facevid.cli.train import command
from facevid.errors import InputError, ModelError, NoFaceError, UsageError
from facevid.models.load import load_model
from facevid.networks import LatentClassifier, LatentClassifierSizes
from facevid.training.editors.codes import load_codes
from facevid.training.face_model import mapping
from tests.models.files import save_psp

COUNT = 60


def train(*arguments: object) -> str:
    """Run `facevid train`, which must succeed, and return its output."""
    result = CliRunner().invoke(command, [str(argument) for argument in arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Return a folder of grey squares, from dark to bright; the table labels bright ones as smiling."""
    folder = tmp_path / "faces"
    folder.mkdir()
    rows = ["file,happy"]
    for number in range(COUNT):
        grey = number * 4
        cv2.imwrite(str(folder / f"{number:03d}.png"), np.full((48, 48, 3), grey, np.uint8))
        rows.append(f"{number:03d}.png,{grey / 255:.3f}")
    (tmp_path / "labels.csv").write_text("\n".join(rows) + "\n")
    return folder


@pytest.fixture
def codes(pictures: Path, tmp_path: Path) -> Path:
    torch.manual_seed(0)
    out = tmp_path / "codes.safetensors"
    model = save_psp(tmp_path)
    output = train(
        "codes", pictures, tmp_path / "labels.csv", "--model", model, "--label", "smile=happy:0.3:0.6", "--out", out
    )
    assert "Smiling: 21 yes, 20 no" in output
    return out


def test_codes_equal_those_of_the_model(codes: Path, pictures: Path, tmp_path: Path) -> None:
    loaded = load_codes(codes)
    model = load_model(tmp_path / "psp.pt")
    face = np.full((1, 128, 128, 3), 5 * 4, np.uint8)
    assert torch.allclose(loaded.codes[5], model.encode(face)[0], atol=1e-5)
    assert loaded.files[5] == "005.png"
    assert loaded.held_out.nonzero().flatten().tolist() == [19, 39, 59]


def test_codes_from_a_tar_by_number(pictures: Path, codes: Path, tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "faces.tar", "w") as archive:
        archive.add(pictures, "faces")
    table = (tmp_path / "labels.csv").read_text().replace("file", "index").replace(".png", "")
    (tmp_path / "numbers.csv").write_text(table)
    out = tmp_path / "more.safetensors"
    rule = "smile=happy:0.3:0.6"
    train(
        "codes",
        tmp_path / "faces.tar",
        tmp_path / "numbers.csv",
        "--model",
        tmp_path / "psp.pt",
        "--label",
        rule,
        "--out",
        out,
    )
    assert torch.equal(load_codes(out).codes, load_codes(codes).codes)
    assert load_codes(out).files == load_codes(codes).files


def test_stopped_encoding_is_resumed(
    codes: Path, pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("facevid.training.editors.codes.SECONDS_BETWEEN_SAVES", 0.0)
    out = tmp_path / "again.safetensors"
    model, rule = tmp_path / "psp.pt", "smile=happy:0.3:0.6"
    table = tmp_path / "labels.csv"
    arguments = ("codes", pictures, table, "--model", model, "--batch-size", 8, "--label", rule, "--out", out)
    damaged = pictures / "030.png"
    picture = damaged.read_bytes()
    damaged.write_bytes(b"")
    with pytest.raises(InputError, match=r"030\.png"):
        train(*arguments)
    damaged.write_bytes(picture)
    (pictures / "000.png").write_bytes(b"not read again")
    train(*arguments)
    assert torch.allclose(load_codes(out).codes, load_codes(codes).codes, atol=1e-5)
    assert not list(tmp_path.glob(".again*"))


def test_a_classifier_must_fit_the_codes(codes: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"psp\.pt"):
        train("transformer", codes, tmp_path / "psp.pt", "--out", tmp_path)
    wrong = LatentClassifier(LatentClassifierSizes((7, 40)))
    torch.save(wrong.state_dict(), tmp_path / "wrong.pth")
    with pytest.raises(ModelError, match=r"wrong\.pth.*\b7\b.*\b128\b"):
        train("transformer", codes, tmp_path / "wrong.pth", "--out", tmp_path)


def test_training_of_every_kind_of_editor(codes: Path, tmp_path: Path) -> None:
    out = tmp_path / "trained"
    train("classifier", codes, "--out", out, "--hidden", "16", "--epochs", "3")
    weights = out / "latent_classifier.pth"
    transformer = ("transformer", codes, weights, "--attr", "smile", "--epochs", "1", "--out")
    train(*transformer, out, "--edit-layers", "0-2")
    train(*transformer, out, "--edit-layers", "0-2", "--separate")
    train("directions", codes, "--out", out)
    train("components", codes, "--out", out, "--count", "2")
    assert sorted(path.name for path in out.iterdir()) == [
        "components.pt",
        "direction_Smiling.npy",
        "latent_classifier.pth",
        "tnet_31.pth.tar",
        "tnet_shared.pth.tar",
    ]
    assert "--overwrite" in train("components", codes, "--out", out)
    assert "3 components" in train("components", codes, "--out", out, "--overwrite", "--count", "3")
    with pytest.raises(UsageError, match="0-7"):
        train(*transformer, tmp_path / "other", "--edit-layers", "0-9")


def test_input_errors(pictures: Path, codes: Path, tmp_path: Path) -> None:
    table = tmp_path / "labels.csv"
    arguments = (
        "--model",
        tmp_path / "psp.pt",
        "--out",
        tmp_path / "out.safetensors",
        "--label",
        "smile=happy:0.3:0.6",
    )
    with pytest.raises(InputError, match="none"):
        train("codes", tmp_path / "none", table, *arguments)
    (tmp_path / "one.csv").write_text("file,happy\n004.png,1\n")
    with pytest.raises(NoFaceError, match=r"faces.*\b1\b"):
        train("codes", pictures, tmp_path / "one.csv", *arguments, "--align")
    (pictures / "007.png").write_bytes(b"no picture")
    with pytest.raises(InputError, match=r"007\.png"):
        train("codes", pictures, table, *arguments)
    (pictures / "007.png").unlink()
    with pytest.raises(InputError, match=r"007\.png"):
        train("codes", pictures, table, *arguments)
    with pytest.raises(InputError, match=r"labels\.csv"):
        train("components", table, "--out", tmp_path)


def test_unaligned_pictures_are_aligned(portrait: NDArray[np.uint8], tmp_path: Path) -> None:
    folder = tmp_path / "raw"
    folder.mkdir()
    cv2.imwrite(str(folder / "a.png"), portrait[:, :, ::-1])
    cv2.imwrite(str(folder / "b.png"), np.zeros((200, 300, 3), np.uint8))
    (tmp_path / "raw.csv").write_text("file,happy\nb.png,0\na.png,1\n")
    out = tmp_path / "raw.safetensors"
    train("codes", folder, tmp_path / "raw.csv", "--align", "--label", "mouth-open=mouth_gap:0.02:0.1", "--out", out)
    loaded = load_codes(out)
    assert loaded.files == ("a.png",)
    assert loaded.labels[0, 21] == 1  # she smiles with open lips
    with pytest.raises(InputError, match="300x200"):
        train("codes", folder, tmp_path / "raw.csv", "--out", tmp_path / "other.safetensors")


def test_a_face_model_in_two_runs(pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mapping, "STEPS", 5)
    (tmp_path / "faces.csv").write_text((tmp_path / "labels.csv").read_text())
    arguments = ("model", "--data", tmp_path, "--set", "faces=1", "--batch-size", "2", "--out", tmp_path / "run")
    assert "step 1: pixel" in train(*arguments, "--steps", "1")
    assert "step 2: pixel" in train(*arguments, "--steps", "2")
    model = load_model(tmp_path / "run/face_model.pt")
    assert (model.resolution, model.crop_size, model.layers, model.width) == (128, 128, 12, 128)
    state = torch.load(tmp_path / "run/face_model.pt", weights_only=True)["state_dict"]
    assert sum(tensor.numel() for tensor in state.values()) * 2 < 20e6  # bytes in float16; a model may have 25 MB
    with pytest.raises(UsageError, match="--set"):
        train(*arguments[:3], "--set", "faces", "--out", tmp_path, "--steps", "1")
