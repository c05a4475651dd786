"""The figure of edits over a range of strengths."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from facevid.errors import UsageError
from facevid.evaluation.sheet import GAP, LABEL_HEIGHT, parse_range
from tests.conftest import RunFacevid

CELL = 96


@pytest.fixture
def picture(portrait: NDArray[np.uint8], tmp_path: Path) -> Path:
    cv2.imwrite(str(tmp_path / "in.png"), portrait[..., ::-1])
    return tmp_path / "in.png"


def cell(sheet: NDArray[np.uint8], row: int, column: int) -> NDArray[np.int64]:
    top, left = GAP + row * (CELL + GAP + LABEL_HEIGHT) + LABEL_HEIGHT, GAP + column * (CELL + GAP)
    return sheet[top : top + CELL, left : left + CELL].astype(np.int64)


def test_each_attribute_has_a_row_and_all_of_them_a_last_one(
    picture: Path, tmp_path: Path, run_facevid: RunFacevid
) -> None:
    out = tmp_path / "out.png"
    ranges = ["--attr", "smile=-1:1:3", "--attr", "age=1"]
    assert run_facevid("sheet", picture, out, *ranges, "--cell", CELL, "--device", "cpu", "-q").code == 0
    sheet = np.asarray(Image.open(out).convert("RGB"))
    assert sheet.shape == (3 * (CELL + GAP + LABEL_HEIGHT) + GAP, 4 * (CELL + GAP) + GAP, 3)
    source = cell(sheet, 0, 0)
    assert all(np.array_equal(cell(sheet, row, 0), source) for row in (1, 2))
    assert np.array_equal(cell(sheet, 0, 2), source)  # strength 0
    changes = [np.abs(cell(sheet, row, column) - source).mean() for row, column in ((0, 1), (0, 3), (1, 1), (2, 2))]
    assert min(changes) > 0.2
    difference = np.abs(cell(sheet, 2, 1).astype(int) - cell(sheet, 0, 3))  # the sequence begins with smile=+1
    assert difference.mean() < 0.05, difference.max()
    assert [path.name for path in tmp_path.iterdir() if path.name != "in.png"] == ["out.png"]


def test_a_frame_of_a_video_becomes_a_pdf(portrait_clip: Path, tmp_path: Path, run_facevid: RunFacevid) -> None:
    out = tmp_path / "out.pdf"
    given = ("sheet", portrait_clip, out, "--attr", "smile=0:1:2", "--cell", CELL, "-q", "--device", "cpu")
    assert run_facevid(*given, "--frame", 3).code == 0
    assert out.read_bytes().startswith(b"%PDF")
    assert run_facevid(*given).code == 6  # it exists
    assert run_facevid(*given, "-y", "--frame", 10).code == 3
    assert run_facevid("sheet", portrait_clip, out.with_suffix(".bmp"), "--attr", "smile=1").code == 2


def test_a_published_model_also_shows_its_reconstruction(
    picture: Path, tmp_path: Path, published: str, run_facevid: RunFacevid
) -> None:
    out = tmp_path / "out.png"
    given = ("--attr", "smile=1", "--cell", CELL, "--model", published, "-q", "--device", "cpu")
    assert run_facevid("sheet", picture, out, *given).code == 0
    assert Image.open(out).width == 3 * (CELL + GAP) + GAP


@pytest.mark.parametrize("text", ["smile", "smile=", "smile=-1:1", "smile=-4:1:3", "smile=0:1:1", "smile=nan", "=1"])
def test_what_is_no_range_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        parse_range(text)


def test_the_first_frame_of_a_sequence_is_the_default(
    portrait: NDArray[np.uint8], tmp_path: Path, run_facevid: RunFacevid
) -> None:
    cv2.imwrite(str(tmp_path / "shot.1001.png"), portrait[..., ::-1])
    given = ("sheet", tmp_path / "shot.####.png", tmp_path / "out.png", "--attr", "smile=1", "-q", "--device", "cpu")
    assert run_facevid(*given, "--frame", 1).code == 3
    assert run_facevid(*given).code == 0


def test_a_synthetic_face(published: str, tmp_path: Path, run_facevid: RunFacevid) -> None:
    given = ("--attr", "smile=0:1:2", "--cell", CELL, "--model", published, "--device", "cpu", "-q")
    for name, seed in (("a.png", 1), ("b.png", 1), ("c.png", 2)):
        assert run_facevid("sheet", tmp_path / name, "--seed", seed, *given).code == 0
    first, same, other = (
        np.asarray(Image.open(tmp_path / name).convert("RGB")) for name in ("a.png", "b.png", "c.png")
    )
    assert np.array_equal(first, same)
    face = cell(first, 0, 0)
    assert np.abs(cell(other, 0, 0) - face).mean() > 1
    assert np.array_equal(cell(first, 0, 1), face)  # strength 0
    assert np.abs(cell(first, 0, 2) - face).mean() > 0.2
    assert run_facevid("sheet", tmp_path / "a.png", "--seed", 1, *given).code == 6  # exists
    assert run_facevid("sheet", tmp_path / "a.png", "--seed", 1, *given, "--overwrite").code == 0
    assert run_facevid("sheet", tmp_path / "d.png", "--seed", 1, "--attr", "smile=1").code == 2  # the bundled model
    assert run_facevid("sheet", tmp_path / "d.png", *given).code == 2
    assert run_facevid("sheet", tmp_path / "a.png", tmp_path / "d.png", "--seed", 1, *given).code == 2
