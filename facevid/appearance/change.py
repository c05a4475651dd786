"""The appearance change of an edit, in the frame of the mean face."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from facevid.appearance import bands, mean_face
from facevid.appearance.attribute_regions import Region, colour_weights, region_mask
from facevid.appearance.lips import LipChange
from facevid.appearance.local_regions import RegionStrengths, strength_map, support_map
from facevid.appearance.measure import COLOUR_SIDE, ENERGY_SIDE

MIN_LOG_GAIN = -1.2
"""Least natural logarithm of a band's gain."""

MAX_LOG_GAIN = (0.7, 1.0, 1.0, 1.0, 1.0)
"""Greatest natural logarithm of each band's gain, finest first: with more, pores look like freckles and grain like
noise."""

MAX_COLOUR_CHANGE = np.array([20, 6, 6], np.float32)
"""Limits of the change of L*, a* and b*, approached smoothly: larger changes look painted."""

EDGE_DISTANCE = 0.012
"""Distance inside the face's outline up to which only the shape changes, as a share of the crop's side."""

EDGE_WIDTH = 0.03
"""Distance over which the colour change then rises from 0 to its full value, as a share of the crop's side. Gains rise
over half of it plus the width of the band: a wide band mixes the face with its background."""


@dataclass(frozen=True)
class AppearanceChange:
    """The change of a face's appearance by an edit, in the frame of the mean face.

    Attributes:
        shape: float32 (84, 2), shift of each landmark, in shares of the crop's side.
        colour: float32 (COLOUR_SIDE, COLOUR_SIDE, 3), difference of CIELAB, without light (see `without_light`).
        gains: float32 (bands.COUNT, ENERGY_SIDE, ENERGY_SIDE), natural logarithms of the gains of the bands.
        lips: change of the gap between the lips.
        support: float32 (COLOUR_SIDE, COLOUR_SIDE), 0 where nothing may change, else 1, with soft borders; None if all
            of the face may change.
    """

    shape: NDArray[np.float32]
    colour: NDArray[np.float32]
    gains: NDArray[np.float32]
    lips: LipChange = LipChange()  # noqa: RUF009 -- immutable
    support: NDArray[np.float32] | None = None

    def within(self, region: Region) -> "AppearanceChange":
        """Weight the changes of colour and gains by a region; the shape changes everywhere."""
        colour = self.colour * colour_weights(region, COLOUR_SIDE)
        return AppearanceChange(self.shape, colour, self.gains * region_mask(region, ENERGY_SIDE), self.lips)

    def locally(self, regions: RegionStrengths) -> "AppearanceChange":
        """Multiply the changes of colour and gains by the factors of regions; the shape has its factors already."""
        if not regions:
            return self
        return replace(
            self,
            colour=self.colour * strength_map(regions, COLOUR_SIDE)[..., None],
            gains=self.gains * strength_map(regions, ENERGY_SIDE),
            support=support_map(regions, COLOUR_SIDE),
        )

    def fields(self) -> NDArray[np.float32]:
        """Draw all maps over the window, limited in value and faded out at the face's outline and in the eyes.

        Returns:
            float32 (COLOUR_SIDE, COLOUR_SIDE, 4 + bands.COUNT): the share of the warp that applies, 0 to 1; the
            differences of L*, a* and b*; the gain of each band minus 1.
        """
        side = COLOUR_SIDE
        off_eyes = 1 - mean_face.eyes(side)
        colour = MAX_COLOUR_CHANGE * np.tanh(self.colour / MAX_COLOUR_CHANGE)
        colour = colour * (mean_face.inner_mask(side, EDGE_DISTANCE, EDGE_WIDTH) * off_eyes)[..., None]
        log_gains = [
            cv2.resize(gain.clip(MIN_LOG_GAIN, most), (side, side), interpolation=cv2.INTER_LINEAR)
            * (off_eyes * mean_face.inner_mask(side, EDGE_DISTANCE, EDGE_WIDTH / 2 + bands.FINEST * 2**i))
            for i, (gain, most) in enumerate(zip(self.gains, MAX_LOG_GAIN, strict=True))
        ]
        reach = mean_face.reach(side) if self.support is None else mean_face.reach(side) * self.support
        return np.dstack([reach, colour, *(np.expm1(gain) for gain in log_gains)]).astype(np.float32)


def combine(changes: Sequence[AppearanceChange], shares: Sequence[float], lips: LipChange) -> AppearanceChange:
    """Sum changes, each multiplied by its share, with one change of the gap between the lips for all."""
    pairs = list(zip(changes, shares, strict=True))
    supports = [each.support for each in changes if each.support is not None]
    return AppearanceChange(
        np.asarray(sum(share * each.shape for each, share in pairs), np.float32),
        np.asarray(sum(share * each.colour for each, share in pairs), np.float32),
        np.asarray(sum(share * each.gains for each, share in pairs), np.float32),
        lips,
        np.max(supports, axis=0) if len(supports) == len(changes) else None,
    )
