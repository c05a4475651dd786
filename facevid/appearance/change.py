"""A change of appearance: what an edit does to a face, in the frame of the mean face."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from facevid.appearance import bands, mean_face
from facevid.appearance.lips import LipChange
from facevid.appearance.measure import COLOUR_SIDE, ENERGY_SIDE
from facevid.appearance.regions import Region, region_mask

LEAST_GAIN = -1.2
"""Least natural logarithm of a band's gain."""

MOST_GAIN = (0.7, 1.0, 1.0, 1.0, 1.0)
"""Most of it for each band, finest first: amplified more, pores turn into freckles and grain into noise."""

MOST_COLOUR = np.array([20, 6, 6], np.float32)
"""Most that is added to L*, a* and b* of CIELAB, approached smoothly: more looks painted on."""

EDGE, EDGE_WIDTH = 0.012, 0.03
"""Distance from the outline, in shares of the crop's side, up to which no colour changes, and over which the change
grows to all of it. For gains the width grows with the band: a wide band mixes the face with what is beside it."""


@dataclass(frozen=True)
class AppearanceChange:
    """What an edit does to a face, in the frame of the mean face.

    Attributes:
        shape: float32 (68, 2), how far each landmark moves, in shares of the crop's side.
        colour: float32 (COLOUR_SIDE, COLOUR_SIDE, 3), added to CIELAB; without light, see `without_light`.
        gains: float32 (bands.COUNT, ENERGY_SIDE, ENERGY_SIDE), natural logarithms of the gains of the bands.
        lips: what becomes of the gap between the lips.
    """

    shape: NDArray[np.float32]
    colour: NDArray[np.float32]
    gains: NDArray[np.float32]
    lips: LipChange = LipChange()  # noqa: RUF009 -- immutable

    def within(self, region: Region) -> "AppearanceChange":
        """Limit the change of colour and texture to a region."""
        colour = self.colour * region_mask(region, COLOUR_SIDE)[..., None]
        return AppearanceChange(self.shape, colour, self.gains * region_mask(region, ENERGY_SIDE), self.lips)

    def fields(self) -> NDArray[np.float32]:
        """Draw all maps over the window, bounded, where they act: eyes keep their colour and detail.

        Returns:
            float32 (COLOUR_SIDE, COLOUR_SIDE, 4 + bands.COUNT): how much of the warp acts, 0 to 1; L, a and b to add;
            for each band its gain less 1.
        """
        side = COLOUR_SIDE
        clear = 1 - mean_face.eyes(side)
        colour = MOST_COLOUR * np.tanh(self.colour / MOST_COLOUR)
        colour = colour * (mean_face.inside(side, EDGE, EDGE_WIDTH) * clear)[..., None]
        gains = [
            cv2.resize(gain.clip(LEAST_GAIN, most), (side, side), interpolation=cv2.INTER_LINEAR)
            * (clear * mean_face.inside(side, EDGE, EDGE_WIDTH / 2 + bands.FINEST * 2**i))
            for i, (gain, most) in enumerate(zip(self.gains, MOST_GAIN, strict=True))
        ]
        return np.dstack([mean_face.reach(side), colour, *(np.expm1(gain) for gain in gains)]).astype(np.float32)


def combined(changes: Sequence[AppearanceChange], shares: Sequence[float], lips: LipChange) -> AppearanceChange:
    """Add up changes, of each the given share, with one change of the lips' gap for all."""
    weighed = list(zip(changes, shares, strict=True))
    return AppearanceChange(
        np.asarray(sum(share * each.shape for each, share in weighed), np.float32),
        np.asarray(sum(share * each.colour for each, share in weighed), np.float32),
        np.asarray(sum(share * each.gains for each, share in weighed), np.float32),
        lips,
    )
