"""Drawing primitives of synthetic occluders: lines, ovals, polygons, shading and noise.

All lengths are in pixels of a crop of `SIDE` pixels.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from facevid.networks.occlusion import INPUT_SIDE

SIDE = INPUT_SIDE
"""Side of a crop in pixels: the input of the occlusion network."""

FRACTION_BITS = 4
"""Number of fractional bits of the coordinates that are passed to OpenCV's drawing functions."""

CHEEKS_X = ((0.30, 0.40), (0.60, 0.70))
"""Range of x on the left and the right cheek in an FFHQ crop, as fractions of its side."""

CHEEKS_Y = (0.55, 0.66)
"""Range of y on both cheeks in an FFHQ crop, as fractions of its side."""

SKIN_RADIUS = 3
"""Half side, in pixels, of the patch of skin whose mean colour is taken."""

Picture = NDArray[np.float32]
"""A crop, (SIDE, SIDE, 3), RGB, 0 to 255."""

Mask = NDArray[np.float32]
"""A mask, (SIDE, SIDE), 0 to 1."""

Point = NDArray[np.floating]
"""A position or a vector, (2,), x and y in pixels."""


@dataclass(frozen=True)
class Layer:
    """A drawing with transparency.

    Attributes:
        colour: the colour, also where alpha is 0.
        alpha: opacity: 1 on the drawn object, 0 outside.
    """

    colour: Picture
    alpha: Mask

    def over(self, other: "Layer") -> "Layer":
        """Composite this layer over another."""
        colour = other.colour + (self.colour - other.colour) * self.alpha[..., None]
        return Layer(colour, np.maximum(self.alpha, other.alpha))


def line(start: Point, end: Point, width: float) -> Mask:
    """Rasterise a line with round ends."""
    return polylines(np.stack([start, end])[None], width)


def polylines(paths: NDArray[np.floating], width: float) -> Mask:
    """Rasterise K polylines of N points, (K, N, 2)."""
    fixed_point = np.rint(paths * 2**FRACTION_BITS).astype(np.int32)
    thickness = max(round(width), 1)
    return _as_mask(
        cv2.polylines(_canvas(), list(fixed_point), False, 1.0, thickness, cv2.LINE_AA, FRACTION_BITS),
    )


def oval(centre: Point, radius: float, other_radius: float, degrees: float = 0) -> Mask:
    """Rasterise a filled ellipse with two radii, rotated by an angle."""
    fixed_point = [round(float(value) * 2**FRACTION_BITS) for value in (*centre, radius, other_radius)]
    return _as_mask(
        cv2.ellipse(_canvas(), fixed_point[:2], fixed_point[2:], degrees, 0, 360, 1.0, -1, cv2.LINE_AA, FRACTION_BITS)
    )


def polygon(points: NDArray[np.floating]) -> Mask:
    """Rasterise a filled polygon, (N, 2)."""
    fixed_point = np.rint(points * 2**FRACTION_BITS).astype(np.int32)
    return _as_mask(cv2.fillPoly(_canvas(), [fixed_point], 1.0, cv2.LINE_AA, FRACTION_BITS))


def perpendicular(direction: Point) -> Point:
    """Rotate a vector by 90 degrees."""
    return np.array([-direction[1], direction[0]])


def smooth_noise(rng: np.random.Generator, size: float) -> Mask:
    """Return Gaussian noise of standard deviation 1, blurred by a Gaussian of `size` pixels; not limited to [0, 1]."""
    noise = cv2.GaussianBlur(rng.normal(0, 1, (SIDE, SIDE)).astype(np.float32), (0, 0), size)
    return _as_mask(noise / (noise.std() + np.float32(1e-6)))


def shaded_parts(rng: np.random.Generator, colour: NDArray[np.floating], parts: list[Mask]) -> Layer:
    """Combine parts of one RGB colour, each shaded as a round object: darker towards its edge."""
    rim, darkest = rng.uniform(2, 6), rng.uniform(0.5, 0.75)
    depths = (cv2.distanceTransform((part > 0.5).astype(np.uint8), cv2.DIST_L2, 3) for part in parts)
    brightness = np.max([darkest + (1.05 - darkest) * np.minimum(depth / rim, 1) for depth in depths], axis=0)
    return Layer(shaded_colour(colour, brightness * (1 + 0.04 * smooth_noise(rng, 3))), np.max(parts, axis=0))


def shaded_colour(colour: NDArray[np.floating], brightness: Mask) -> Picture:
    """Multiply an RGB colour, (3,), by a brightness for each pixel."""
    return (colour * brightness[..., None]).astype(np.float32)


def skin_colour(rng: np.random.Generator, face: Picture) -> NDArray[np.floating]:
    """Return the mean colour of a random patch on a cheek, (3,), with random brightness."""
    x = round(rng.uniform(*CHEEKS_X[rng.integers(2)]) * SIDE)
    y = round(rng.uniform(*CHEEKS_Y) * SIDE)
    patch = face[y - SKIN_RADIUS : y + SKIN_RADIUS + 1, x - SKIN_RADIUS : x + SKIN_RADIUS + 1]
    return np.asarray(patch.mean(axis=(0, 1)) * rng.uniform(0.65, 1.3))


def _canvas() -> Mask:
    return np.zeros((SIDE, SIDE), np.float32)


def _as_mask(values: object) -> Mask:
    """Give the result of an OpenCV function its type."""
    return np.asarray(values, np.float32)
