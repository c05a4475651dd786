"""Regions of the face in which edits change colour and texture."""

from typing import get_args

import numpy as np
import pytest

from facevid.appearance.attribute_regions import Region, colour_weights, region_mask
from facevid.appearance.mean_face import LANDMARKS, to_window

SIDE = 96
"""Side of the maps in pixels."""

NOSE_RIDGE = 29
LOWER_LID = 41
BROW = 19
JAW = 4
"""Landmarks."""


def weight_at(region: Region, landmark: int) -> tuple[float, float]:
    """Return the weights of L* and of b* at a landmark."""
    column, row = np.rint(to_window(LANDMARKS[landmark]) * SIDE - 0.5).astype(int)
    lightness, _, blue_yellow = colour_weights(region, SIDE)[row, column].tolist()
    return lightness, blue_yellow


@pytest.mark.parametrize("region", get_args(Region))
def test_regions_are_symmetric_and_weight_colours_within_their_mask(region: Region) -> None:
    mask, weights = region_mask(region, SIDE), colour_weights(region, SIDE)
    assert mask.shape == (SIDE, SIDE) and weights.shape == (SIDE, SIDE, 3)
    assert np.abs(weights - weights[:, ::-1]).mean() < 0.01
    assert not weights[mask == 0].any()
    assert weights.min() > -1e-6 and weights.max() < 1.5


def test_ageing_spares_the_nose_and_the_lower_lids() -> None:
    assert weight_at("ageing", NOSE_RIDGE)[0] < 0.3
    assert weight_at("ageing", LOWER_LID)[0] < 0.7
    assert weight_at("ageing", BROW)[0] > 0.95
    assert weight_at("rejuvenation", NOSE_RIDGE)[0] > 0.95
    assert weight_at("rejuvenation", BROW)[0] < 0.6


def test_edits_of_age_change_the_hue_less_than_the_lightness() -> None:
    for region in ("ageing", "rejuvenation"):
        lightness, blue_yellow = weight_at(region, JAW)
        assert blue_yellow == pytest.approx(0.5 * lightness, abs=0.01)
    assert weight_at("face", JAW) == (1, 1)
