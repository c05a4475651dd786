"""Edits whose strength differs between regions of the face."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from facevid import edit_video
from facevid.appearance.local_regions import LOCAL_REGIONS, landmark_factors, region_maps
from facevid.errors import UsageError
from facevid.options import CompositingOptions, EditOptions

FOREHEAD = slice(45, 66)
"""Rows of the picture from the hair to well above the brows."""

CHIN = slice(170, 200)
"""Rows of the picture below the lips."""


def test_regions_are_soft_parts_of_the_face() -> None:
    maps = region_maps(200)
    assert maps.shape == (len(LOCAL_REGIONS), 200, 200)
    assert maps.max(axis=(1, 2)) == pytest.approx(np.ones(len(LOCAL_REGIONS)), abs=1e-3)
    assert (maps.min(), maps.sum(axis=0).max()) == pytest.approx((0, 1), abs=1e-5)
    borders = ((maps > 0.02) & (maps < 0.98)).mean(axis=(1, 2))
    assert (borders > 0.02).all()


def test_landmarks_have_the_factors_of_their_regions() -> None:
    factors = landmark_factors((("eyes", 0.5), ("mouth", 2.0), ("rest", 0.0)))
    assert factors[36:48] == pytest.approx(np.full(12, 0.5), abs=0.05)
    assert factors[48:68] == pytest.approx(np.full(20, 2.0), abs=0.1)
    assert not factors[[*range(3, 14), *range(28, 31)]].round(1).any()


def edited(portrait: NDArray[np.uint8], folder: Path, edit: str, options: EditOptions) -> NDArray[np.bool_]:
    """Edit the portrait and return which pixels changed, bool (256, 256)."""
    picture = portrait[:256, 96:352]
    cv2.imwrite(str(folder / "in.png"), picture[..., ::-1])
    edit_video(folder / "in.png", folder / "out.png", [edit], options)
    result = cv2.imread(str(folder / "out.png"))
    assert result is not None
    return np.asarray((result[..., ::-1] != picture).any(axis=2))


@pytest.mark.parametrize(
    ("edit", "forehead", "chin"),
    [("age=1", True, True), ("age=1:forehead=0", False, True), ("age=1:rest=0:forehead=1.5", True, False)],
)
def test_a_region_with_the_factor_0_keeps_its_pixels(
    portrait: NDArray[np.uint8], tmp_path: Path, edit: str, forehead: bool, chin: bool
) -> None:
    changed = edited(portrait, tmp_path, edit, EditOptions(overwrite=True))
    assert [bool(changed[rows].any()) for rows in (FOREHEAD, CHIN)] == [forehead, chin]


def test_regions_of_a_generated_face(portrait: NDArray[np.uint8], tmp_path: Path, published: str) -> None:
    options = EditOptions(published, overwrite=True, compositing=CompositingOptions("replace", "feather"))
    changed = edited(portrait, tmp_path, "smile=1:forehead=0", options)
    assert [bool(changed[rows].any()) for rows in (FOREHEAD, CHIN)] == [False, True]
    with pytest.raises(UsageError, match="--detail"):
        edited(portrait, tmp_path, "smile=1:forehead=1.5", options)
