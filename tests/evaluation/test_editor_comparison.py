"""Comparison of editors, with a small random model whose classifier reads one number of the code per attribute."""

import re
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from facevid.cli.evaluate import command
from facevid.edits.attributes import CELEBA, attribute_of
from facevid.errors import UsageError
from facevid.evaluation.editor_comparison import CurvePoint, areas, evaluate_editors
from facevid.models.importing import import_model
from facevid.models.load import load_model
from facevid.networks import LatentClassifier, LatentClassifierSizes
from facevid.training.common.labels import held_out_rows
from facevid.training.editors.codes import CodeSet, save_codes
from facevid.training.editors.components import fit_components
from tests.models.files import LAYERS, WIDTH, save, save_generator

SMILE = CELEBA.index("Smiling")
YOUNG = CELEBA.index("Young")


@pytest.fixture(scope="module")
def codes() -> CodeSet:
    """Normally distributed codes. In layer 0, number 0 determines Smiling and number 1 Young; number 0 varies most."""
    values = torch.randn(80, LAYERS, WIDTH, generator=torch.Generator().manual_seed(0))
    values[:, 0, 0] *= 3
    labels = torch.full((80, len(CELEBA)), -1, dtype=torch.int8)
    labels[:, SMILE], labels[:, YOUNG] = values[:, 0, 0] > 0, values[:, 0, 1] > 0
    return CodeSet(values, labels, tuple(map(str, range(80))), torch.from_numpy(held_out_rows(80)))


@pytest.fixture
def model_folder(codes: CodeSet, tmp_path: Path) -> Path:
    torch.manual_seed(0)
    classifier = LatentClassifier(LatentClassifierSizes((LAYERS * WIDTH, 40)))
    with torch.no_grad():
        for parameter in classifier.parameters():
            parameter.zero_()
        weight = classifier.get_parameter("fcs.0.weight")
        weight[SMILE, 0] = weight[YOUNG, 1] = 1
    direction = np.zeros((LAYERS, WIDTH), np.float32)
    direction[0, 0] = 5.0
    direction[0, 1] = 0.5
    np.save(tmp_path / "direction_Smiling.npy", direction)
    fit_components(codes, 3, tmp_path)
    files = [
        save_generator(tmp_path),
        save(tmp_path / "classifier.pth", classifier.state_dict()),
        tmp_path / "direction_Smiling.npy",
        tmp_path / "components.pt",
    ]
    return import_model(files, "evaluated")


def test_points_match_edits_computed_by_hand(codes: CodeSet, model_folder: Path) -> None:
    model = load_model(model_folder)
    assert model.classifier is not None
    points = evaluate_editors(model, codes, model.classifier, attributes=[attribute_of("smile")], strengths=(0.1, 3.0))
    assert [(p.method, p.strength) for p in points] == [
        ("direction", 0.1),
        ("direction", 3.0),
        ("ganspace", 0.1),
        ("ganspace", 3.0),
    ]
    held_out = codes.part(held_out=True).codes
    sign = torch.where(held_out[:, 0, 0] > 0, -1.0, 1.0)
    for point, step in zip(points[:2], (0.1, 3.0), strict=True):
        changed = ((held_out[:, 0, 0] + sign * step * 5 > 0) != (held_out[:, 0, 0] > 0)).float().mean()
        preserved = ((held_out[:, 0, 1] + sign * step * 0.5 > 0) == (held_out[:, 0, 1] > 0)).float().mean()
        assert point.changed == pytest.approx(changed.item())
        assert point.preserved == pytest.approx(preserved.item())
    # the first component is number 0, and the edit is towards the opposite class
    assert points[3].changed == 1
    assert 0 < points[0].distance < points[1].distance
    with pytest.raises(UsageError, match=r"evaluated .*age"):
        evaluate_editors(model, codes, model.classifier, attributes=[attribute_of("age")])


def test_area_under_a_curve() -> None:
    def point(method: str, changed: float, preserved: float, identity: float) -> CurvePoint:
        return CurvePoint("smile", method, 1.0, changed, preserved, identity, 1 - identity)

    points = [
        point("transformer", 0.5, 1.0, 0.8),
        point("transformer", 1.0, 0.8, 0.4),
        point("direction", 0.5, 0.6, 0.6),
    ]
    transformer, direction = areas(points)
    # trapezoids from (0, 1): 0.5 (1 + 1) / 2 + 0.5 (1 + 0.8) / 2, and 0.5 (1 + 0.8) / 2 + 0.5 (0.8 + 0.4) / 2
    assert (transformer.preserved, transformer.identity) == pytest.approx((0.95, 0.75))
    assert (direction.preserved, direction.identity) == pytest.approx((0.4, 0.4))  # no area beyond 0.5


def test_command_writes_csv_and_plot(codes: CodeSet, model_folder: Path, tmp_path: Path) -> None:
    save_codes(tmp_path / "codes.safetensors", codes)
    options = ["--model", "evaluated", "--attr", "smile", "--count", "2", "-q", "--out", str(tmp_path / "out")]
    arguments = ["editors", str(tmp_path / "codes.safetensors"), *options]
    result = CliRunner().invoke(command, arguments, catch_exceptions=False)
    assert result.exit_code == 0
    assert "direction" in result.stdout and "ganspace" in result.stdout
    header, *rows = (tmp_path / "out/editors.csv").read_text().splitlines()
    assert header == "attribute,method,strength,changed,preserved,identity,distance"
    assert len(rows) == 14
    strengths = [float(row.split(",")[2]) for row in rows[:7]]
    assert all(low < high for low, high in pairwise(strengths))
    plot = (tmp_path / "out/editors.svg").read_text()
    curves = {
        f"smile-{measure}-{method}" for measure in ("preserved", "identity") for method in ("direction", "ganspace")
    }
    assert set(re.findall(r'<g id="(smile-\w+-\w+)">', plot)) == curves
    assert ElementTree.fromstring(plot).tag == "{http://www.w3.org/2000/svg}svg"
