"""Parts of a face to which the colour and texture of an edit can be limited, and weights of its colours."""

import functools
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Region = Literal["face", "skin", "lips", "beard", "ageing", "rejuvenation"]
"""The whole face; the face without the lips; the lips; the area where a beard grows. "ageing" and "rejuvenation" are
the whole face too, but weight the change of its colours: see `colour_weights`."""

BEARD = [*range(3, 14), 35, 33, 31]
"""Landmarks that outline the area where a beard grows: the jaw and the base of the nose."""

SOFTNESS = 0.012
"""Standard deviation of a region's soft edge, as a share of the crop's side."""

AGE_CHROMA = 0.5
"""Weight of the changes of a* and b* by edits of age. They hardly change the apparent age, but redden the skin, so that
some women are taken for men."""


@dataclass(frozen=True)
class _Spot:
    """An area of the mean face, and its mirror image, whose weight is not 1.

    Attributes:
        centre: x and y, in shares of the crop's side.
        deviations: standard deviations of the Gaussian along x and y, in shares of the crop's side.
        weight: weight in the centre.
    """

    centre: tuple[float, float]
    deviations: tuple[float, float]
    weight: float


_SPOTS: dict[Region, tuple[_Spot, ...]] = {
    "ageing": (
        _Spot((0.50, 0.60), (0.05, 0.07), 0.0),  # nose: its colour hardly changes the apparent age
        _Spot((0.37, 0.52), (0.06, 0.025), 0.0),  # lower lids: the same; their shadows look male
        _Spot((0.372, 0.435), (0.06, 0.022), 0.7),  # upper lids: with the full change they look painted
        _Spot((0.37, 0.70), (0.03, 0.05), 1.3),  # folds beside the mouth: where age shows most
    ),
    "rejuvenation": (
        _Spot((0.365, 0.40), (0.06, 0.016), 0.4),  # brows: with the full change they look painted
    ),
}


@functools.cache
def region_mask(region: Region, side: int) -> NDArray[np.float32]:
    """Draw a region of the mean face over its window: float32 (side, side), 0 to 1."""
    from facevid.appearance.mean_face import LANDMARKS, lips, soft_polygon  # imports OpenCV, which --help does not need

    match region:
        case "face" | "ageing" | "rejuvenation":
            return np.ones((side, side), np.float32)
        case "skin":
            return 1 - lips(side)
        case "lips":
            return lips(side)
        case "beard":
            return soft_polygon(LANDMARKS[BEARD], SOFTNESS, side) * (1 - lips(side))


def colour_weights(region: Region, side: int) -> NDArray[np.float32]:
    """Draw the weights of the changes of L*, a* and b* in a region over the window: float32 (side, side, 3)."""
    mask = region_mask(region, side)[..., None]
    if region not in _SPOTS:
        return np.repeat(mask, 3, axis=2)
    return mask * _spot_weights(_SPOTS[region], side)[..., None] * np.array([1, AGE_CHROMA, AGE_CHROMA], np.float32)


@functools.cache
def _spot_weights(spots: tuple[_Spot, ...], side: int) -> NDArray[np.float32]:
    """Draw the product of the weights of spots over the window: float32 (side, side), 1 away from them."""
    from facevid.appearance.mean_face import WINDOW, WINDOW_SIDE

    steps = (np.arange(side) + 0.5) / side * WINDOW_SIDE
    x, y = steps[None, :] + WINDOW[0], steps[:, None] + WINDOW[2]
    weights = np.ones((side, side))
    for spot in spots:
        distance = np.minimum(abs(x - spot.centre[0]), abs(x - (1 - spot.centre[0])))
        exponent = np.square(distance / spot.deviations[0]) + np.square((y - spot.centre[1]) / spot.deviations[1])
        weights *= 1 - (1 - spot.weight) * np.exp(-exponent / 2)
    return weights.astype(np.float32)
