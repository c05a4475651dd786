"""Named regions of the mean face in which the strength of an edit can differ.

The regions are soft: at their borders their weights, and that of the rest of the face, add up to 1. Beyond the softness
of a border, a weight is exactly 0.
"""

import functools

import numpy as np
from numpy.typing import NDArray

LOCAL_REGIONS = ("eyes", "mouth", "forehead", "cheeks", "jaw")
"""Names of the regions. The nose belongs to none of them."""

REST = "rest"
"""Name of everything outside the regions that an edit names."""

RegionStrengths = tuple[tuple[str, float], ...]
"""Factors of an edit's strength in regions; elsewhere it is 1. Empty for the same strength everywhere."""

SOFTNESS = 0.018
"""Standard deviation of the Gaussian over the borders, as a share of the crop's side."""

# Lines in the left half of the mean face, from the left to the middle; the right half is the mirror image.
_ABOVE_BROWS = (
    (0.0, 0.430),
    (0.250, 0.425),
    (0.300, 0.383),
    (0.357, 0.372),
    (0.410, 0.381),
    (0.458, 0.399),
    (0.5, 0.405),
)
_BELOW_EYES = ((0.0, 0.535), (0.250, 0.540), (0.345, 0.556), (0.425, 0.538), (0.466, 0.500), (0.5, 0.470))
_ABOVE_JAW = ((0.0, 0.665), (0.258, 0.680), (0.310, 0.745), (0.370, 0.815), (0.430, 0.836), (0.5, 0.840))
_NOSE = ((0.5, 0.470), (0.472, 0.500), (0.440, 0.600), (0.418, 0.640), (0.428, 0.660), (0.5, 0.668))

_MOUTH_CENTRE = (0.5, 0.752)
"""Centre of the ellipse around the mouth, x and y in shares of the crop's side."""

_MOUTH_RADII = (0.172, 0.094)
"""Horizontal and vertical radius of this ellipse, in shares of the crop's side."""

_DRAWN_SIDE = 576
"""Side, in pixels, at which regions are drawn before they are reduced."""


def strength_map(regions: RegionStrengths, side: int) -> NDArray[np.float32]:
    """Draw the factor of an edit's strength over the window: float32 (side, side)."""
    factors = dict(regions)
    rest = factors.pop(REST, 1.0)
    maps = region_maps(side)
    drawn = np.full((side, side), rest, np.float32)
    for name, factor in factors.items():
        drawn += maps[LOCAL_REGIONS.index(name)] * np.float32(factor - rest)
    return drawn


def support_map(regions: RegionStrengths, side: int) -> NDArray[np.float32]:
    """Draw where an edit has any effect, float32 (side, side): 1 in regions with a factor other than 0, else 0."""
    return strength_map(tuple((name, float(factor != 0)) for name, factor in regions), side).clip(0, 1)


def landmark_factors(regions: RegionStrengths) -> NDArray[np.float32]:
    """Return the factor of an edit's strength at each landmark, float32 (84,)."""
    from facevid.appearance.mean_face import LANDMARKS, to_window  # imports OpenCV, which --help does not need

    if not regions:
        return np.ones(len(LANDMARKS), np.float32)
    drawn = strength_map(regions, _DRAWN_SIDE)
    columns, rows = np.rint(to_window(LANDMARKS) * _DRAWN_SIDE - 0.5).astype(int).clip(0, _DRAWN_SIDE - 1).T
    return np.asarray(drawn[rows, columns])


def region_factor(regions: RegionStrengths, name: str) -> float:
    """Return the factor of an edit's strength inside a region."""
    factors = dict(regions)
    return factors.get(name, factors.get(REST, 1.0))


@functools.cache
def region_maps(side: int) -> NDArray[np.float32]:
    """Draw all regions over the window of the mean face, in the order of `LOCAL_REGIONS`.

    Returns:
        float32 (regions, side, side), 0 to 1; the sum over the regions is at most 1.
    """
    import cv2

    from facevid.appearance.mean_face import WINDOW_SIDE, to_window

    def pixels(points: NDArray[np.float64]) -> NDArray[np.int32]:
        return np.asarray(np.rint(to_window(points) * _DRAWN_SIDE - 0.5), np.int32)

    def fill(outline: tuple[tuple[float, float], ...], label: int) -> None:
        """Fill a left half, which begins and ends in the middle of the face, and its mirror image."""
        left = np.array(outline)
        whole = np.concatenate([left, ((1, 0) + left * (-1, 1))[::-1]])
        cv2.fillPoly(labels, [pixels(whole)], label)

    labels = np.full((_DRAWN_SIDE, _DRAWN_SIDE), LOCAL_REGIONS.index("cheeks") + 1, np.uint8)
    fill(((0.5, 0.0), (0.0, 0.0), *_BELOW_EYES), LOCAL_REGIONS.index("eyes") + 1)
    fill(((0.5, 0.0), (0.0, 0.0), *_ABOVE_BROWS), LOCAL_REGIONS.index("forehead") + 1)
    fill(((0.5, 1.0), (0.0, 1.0), *_ABOVE_JAW), LOCAL_REGIONS.index("jaw") + 1)
    centre = pixels(np.array([_MOUTH_CENTRE]))[0].tolist()
    radii = [round(radius / WINDOW_SIDE * _DRAWN_SIDE) for radius in _MOUTH_RADII]
    cv2.ellipse(labels, (centre, (2 * radii[0], 2 * radii[1]), 0), LOCAL_REGIONS.index("mouth") + 1, -1)
    fill(_NOSE, 0)
    sigma = SOFTNESS / WINDOW_SIDE * _DRAWN_SIDE
    drawn = [(labels == i + 1).astype(np.float32) for i in range(len(LOCAL_REGIONS))]
    soft = [cv2.GaussianBlur(each, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE) for each in drawn]
    return np.stack([cv2.resize(each, (side, side), interpolation=cv2.INTER_AREA) for each in soft])
