"""Evaluation of a face model on photographs, and measures of the mouth."""

import csv
import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner
from numpy.typing import NDArray

from facevid.appearance.mouth_geometry import mouth_gap, smile
from facevid.cli.evaluate import command
from facevid.errors import InputError
from facevid.evaluation.face_features import to_pictures
from facevid.evaluation.ground_truth import read_photographs
from facevid.faces.alignment import crop, ffhq_quad
from facevid.faces.dlib_detector import DlibDetector
from facevid.models.load import load_model

BASE = np.random.default_rng(0).uniform(0, 100, (68, 2))


def face_landmarks(width: float, lift: float, gap: float) -> NDArray[np.float64]:
    """Return the landmarks of an upright face whose eyes are 100 px apart, (68, 2)."""
    points = BASE.copy()
    points[36:42], points[42:48] = (100, 100), (200, 100)
    points[48], points[54] = (150 - width * 50, 200 - lift * 100), (150 + width * 50, 200 - lift * 100)
    points[51], points[57] = (150, 190), (150, 210)
    points[61:64, 1], points[65:68, 1] = 200, 200 + gap * 100
    return points


def test_mouth_measures_are_invariant_to_position_rotation_and_scale() -> None:
    upright = face_landmarks(width=0.8, lift=0.1, gap=0.2)
    transformed = upright @ np.array([[0.8, 0.6], [-0.6, 0.8]]) * 3 + (40, -20)
    for landmarks in (upright, transformed):
        assert smile(landmarks) == pytest.approx(0.8 + 2 * 0.1)
        assert mouth_gap(landmarks) == pytest.approx(0.2)
    assert smile(np.stack([upright, transformed])).shape == (2,)


def test_bundled_model_on_one_person(portrait: NDArray[np.uint8], tmp_path: Path) -> None:
    """The two photographs are the model's own edits of a portrait, which it can reconstruct and edit back."""
    aligned = crop(portrait, ffhq_quad(DlibDetector().detect(portrait)[0].landmarks), 256)
    model = load_model()
    codes = model.edit(model.encode(np.stack([aligned, aligned])), {"smile": [-0.5, 0.5]})
    for name, picture in zip(("a.png", "b.png"), to_pictures(model.generate(codes)), strict=True):
        cv2.imwrite(str(tmp_path / name), picture[:, :, ::-1])
    (tmp_path / "people.csv").write_text("file,person,smiling\na.png,1,0\nb.png,1,1\n")
    arguments = ["model", str(tmp_path), str(tmp_path / "people.csv"), "--json", "-q"]
    result = CliRunner().invoke(command, arguments, catch_exceptions=False)
    rows = {row["name"]: row["value"] for row in json.loads(result.stdout)}
    assert rows["expression kept"] == 1
    assert rows["smile +1 on neutral, changed"] == rows["smile -1 on smiling, changed"] == 1
    assert rows["reconstruction inside the face"] > 20
    assert 0.1 < rows["a person's two photographs"] < 0.8
    assert 0 < rows["photograph to its reconstruction"] < rows["edit to photograph"] < 1


def test_missing_photograph_is_named_in_the_error(tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_text("file,person,smiling\na.png,1,0\n")
    with pytest.raises(InputError, match=r"people\.csv: person 1 "):
        read_photographs(tmp_path, tmp_path / "people.csv")


def test_starter_model_on_six_people(shared: Path, tmp_path: Path) -> None:
    """The results are close to those documented for the starter model: 23.8 dB, 0.71 and 0.45, over 51 people."""
    with (shared / "faces/london.csv").open() as file:
        header, *rows = csv.reader(file)
    people = sorted({row[1] for row in rows})[:6]
    (tmp_path / "six.csv").write_text(
        "\n".join(",".join(each) for each in [header, *(row for row in rows if row[1] in people)]) + "\n"
    )
    arguments = ["model", str(shared / "faces/london"), str(tmp_path / "six.csv"), "--json", "-q"]
    starter = shared / "models/starter/starter_psp.pt"
    result = CliRunner().invoke(command, [*arguments, "--model", str(starter)], catch_exceptions=False)
    measured = {row["name"]: row["value"] for row in json.loads(result.stdout)}
    assert measured["reconstruction inside the face"] == pytest.approx(23.8, abs=1.0)
    assert measured["photograph to its reconstruction"] == pytest.approx(0.71, abs=0.08)
    assert measured["a person's two photographs"] == pytest.approx(0.23, abs=0.08)
    assert "edit to reconstruction" not in measured  # a file without editors
