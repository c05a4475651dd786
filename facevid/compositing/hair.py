"""What an edit of the colour of hair changes: its own strands stay, lighter or darker.

Where hair ends, the plate tells more finely than a generated face.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from facevid.compositing.detail import LUMA
from facevid.compositing.edges import snapped
from facevid.compositing.hair_colours import of_hair
from facevid.compositing.placement import Placement

REACH = 3.5
"""How far the edge of hair may be off, in pixels of the generated face."""

EVEN = 2.0
"""Standard deviation, in such pixels, that the change is averaged with, over hair alone."""

STRANDS = 3.0
"""The same, below which detail is the plate's own: strands, and shine."""

FLATTER = 0.35
"""What is left out of their contrast, as a power, where hair gets four times lighter: the shine of dark hair is strong.
"""

MOST = 0.95
"""Share of the hair that changes less than what counts as its most."""

DYED = 0.2, 0.45
"""Shares of that, in logarithms: up to the first nothing is dyed, from the second on all is."""

SLIGHT = 0.27, 0.32
"""Change of the middle of the hair, as a logarithm, up to which it is not dyed, and from which on it is."""

ALIKE = 18.0
"""Difference of colours beside that of their light, of 255, up to which they are alike; from twice as much on they are
not."""

DARKEST = 8.0
"""Least light, of 255, that is divided by."""


def hair_change(
    difference: NDArray[np.float32],
    shows: NDArray[np.float32],
    reconstruction: NDArray[np.float32],
    plate: NDArray[np.uint8],
    placement: Placement,
    *,
    face: NDArray[np.float32],
    lightness: float,
) -> NDArray[np.float32]:
    """Compute what to add to the plate.

    The plate's hair, evened out, gets the change; its strands make that as many times lighter or darker as they did.

    Args:
        difference: float32 (S, S, 3), how the generated face changes, in units of 0 to 255.
        shows: float32 (S, S), 1 where that is hair, 0 elsewhere.
        reconstruction: float32 (S, S, 3), the generated face before.
        plate: uint8 (height, width, 3), the placement's region of the frame.
        placement: where the crop lies.
        face: float32 (S, S), 1 on the face below the brows, 0 elsewhere.
        lightness: of it, 0 to 1: on a dark one, colours differ less.

    Returns:
        float32 (height, width, 3), in units of 0 to 255.
    """
    dyed, enough = _dyed(reconstruction, difference, shows, face)
    before = np.maximum(_averaged(reconstruction, dyed), DARKEST)
    after = np.maximum(before + _averaged(difference, dyed), DARKEST)
    hair = enough * snapped(placement.to_region(dyed).clip(0, 1), plate, REACH / placement.scale)
    before, after = placement.to_region(before), placement.to_region(after)
    light_before, light_after = (np.maximum(each @ LUMA, DARKEST) for each in (before, after))

    picture = plate.astype(np.float32)
    grey, broad = picture @ LUMA, cv2.GaussianBlur(picture, (0, 0), STRANDS / placement.scale)
    flatter = FLATTER * (np.log(light_after / light_before) / np.log(4)).clip(0, 1)
    strands = ((grey + DARKEST) / (broad @ LUMA + DARKEST)) ** (1 - flatter)
    new = np.maximum(broad + after - before, 0) * strands[..., None]

    own = np.average(reconstruction.reshape(-1, 3), axis=0, weights=dyed.ravel() + 1e-6).astype(np.float32)
    hair *= _undyed(grey, light_before, light_after) * _alike(broad, own, lightness)
    return hair[..., None] * (new - picture)


def _undyed(grey: NDArray[np.float32], before: NDArray[np.float32], after: NDArray[np.float32]) -> NDArray[np.float32]:
    """Tell what has still to be dyed, 0 to 1: not what is as light as it would be after, such as skin at a hairline."""
    way = after - before
    way = np.where(np.abs(way) < DARKEST, np.copysign(DARKEST, way), way)
    return (2 - 2 * (grey - before) / way).clip(0, 1)


def _alike(plate: NDArray[np.float32], hair: NDArray[np.float32], lightness: float) -> NDArray[np.float32]:
    """Tell what has the colour of the hair, (3,), be it lighter or darker, 0 to 1: no green screen, nor skin."""
    chroma, of_hair = (picture - (picture @ LUMA)[..., None] for picture in (plate, hair))
    return (2 - np.abs(chroma - of_hair).max(axis=-1) / (ALIKE * lightness)).clip(0, 1)


def _dyed(
    picture: NDArray[np.float32],
    difference: NDArray[np.float32],
    shows: NDArray[np.float32],
    face: NDArray[np.float32],
) -> tuple[NDArray[np.float32], float]:
    """Tell what gets about as many times lighter as anything does, or darker, (S, S): no wall behind hair, nor skin.

    And whether that is enough, 0 to 1: where most change is slight, the hair has that colour already.
    """
    before, after = (np.maximum(each @ LUMA, DARKEST) for each in (picture, picture + difference))
    times = np.log(after / before)
    times *= np.copysign(1, (times * shows).sum())
    middle, most = np.quantile(times[shows > 0.5], (0.5, MOST)) if (shows > 0.5).any() else (0.0, 0.0)
    changed = shows * _ramp(times / max(most, 1e-3), DYED)
    return changed * of_hair(picture, changed, face), float(_ramp(middle, SLIGHT))


def _ramp(value: NDArray[np.floating] | float, between: tuple[float, float]) -> NDArray[np.float32]:
    return np.asarray((value - between[0]) / (between[1] - between[0]), np.float32).clip(0, 1)


def _averaged(picture: NDArray[np.float32], weights: NDArray[np.float32]) -> NDArray[np.float32]:
    """Average a picture (S, S, 3) over what is near and weighted; beyond that, what is nearest goes on."""
    total = cv2.GaussianBlur(weights, (0, 0), EVEN)[..., None] + 1e-6
    return cv2.GaussianBlur(picture * weights[..., None], (0, 0), EVEN) / total
