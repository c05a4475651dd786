"""The FFHQ alignment, against reference results of the published code, and against geometry."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from facevid.faces.alignment import crop, crop_to_frame, ffhq_quad, quad_side


@pytest.fixture(scope="module")
def expected(shared: Path) -> dict[str, NDArray[Any]]:
    with np.load(shared / "fixtures" / "alignment_expected.npz") as data:
        return dict(data)


def test_quads_match_the_published_code(expected: dict[str, NDArray[Any]]) -> None:
    assert np.abs(ffhq_quad(expected["landmarks"]) - expected["quad"]).max() < 0.01


@pytest.mark.parametrize("index", range(5))
def test_crops_match_the_published_code(expected: dict[str, NDArray[Any]], index: int) -> None:
    frame = cv2.cvtColor(cv2.imdecode(expected[f"frame{index}_png"], cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
    actual = crop(frame, expected["quad"][index], 256)
    assert np.abs(actual.astype(int) - expected["crop256"][index]).mean() < 1.0


def test_quad_on_integer_pixels_copies_them() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8)
    # Corners of a quad are pixel indices, so the outer edge of the first pixel is at -0.5.
    quad = np.array([[10, 5], [10, 25], [30, 25], [30, 5]]) - 0.5
    assert np.array_equal(crop(picture, quad, 20), picture[5:25, 10:30])


def test_corners_of_the_crop_map_to_the_quad() -> None:
    landmarks = np.random.default_rng(1).uniform(100, 300, (68, 2))
    quad = ffhq_quad(landmarks)
    corners = cv2.transform(np.array([[[-0.5, -0.5], [127.5, 127.5]]]), crop_to_frame(quad, 128))
    assert np.allclose(corners[0], quad[[0, 2]])
    assert quad_side(quad) == pytest.approx(np.linalg.norm(quad[1] - quad[0]))


def test_large_quad_is_averaged_without_aliasing() -> None:
    checkerboard = np.indices((512, 512)).sum(axis=0) % 2 * 255
    picture = np.repeat(checkerboard[..., None], 3, axis=2).astype(np.uint8)
    quad = np.array([[0, 0], [0, 512], [512, 512], [512, 0]]) - 0.5
    assert np.abs(crop(picture, quad, 64).astype(int) - 127).max() <= 1
