"""What occluders are drawn of: lines, ovals, light and grain. All lengths are in pixels of a crop of SIDE."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from facevid.networks.occlusion import INPUT_SIDE

SIDE = INPUT_SIDE
SUBPIXEL = 4
"""Binary digits of a pixel's fractions that OpenCV draws with."""
CHEEKS = ((0.30, 0.40), (0.60, 0.70))
"""Where across in an FFHQ crop skin shows, left and right, in shares of the side."""
CHEEK_ROWS = (0.55, 0.66)
"""And where down."""

Picture = NDArray[np.float32]
"""A crop, (SIDE, SIDE, 3) RGB, 0 to 255."""
Mask = NDArray[np.float32]
"""(SIDE, SIDE), 1 on something and 0 off it."""
Point = NDArray[np.floating]
"""x and y."""


@dataclass(frozen=True)
class Drawn:
    """Something before a face: its colours, and where it is."""

    colour: Picture
    alpha: Mask

    def before(self, other: "Drawn") -> "Drawn":
        """Put this before another one."""
        colour = other.colour + (self.colour - other.colour) * self.alpha[..., None]
        return Drawn(colour, np.maximum(self.alpha, other.alpha))


def line(start: Point, end: Point, width: float) -> Mask:
    """Draw a line with round ends."""
    return strokes(np.stack([start, end])[None], width)


def strokes(paths: NDArray[np.floating], width: float) -> Mask:
    """Draw bent lines, (K, N, 2)."""
    whole = np.rint(paths * 2**SUBPIXEL).astype(np.int32)
    thickness = max(round(width), 1)
    return cv2.polylines(_canvas(), list(whole), False, 1.0, thickness, cv2.LINE_AA, SUBPIXEL)


def oval(centre: Point, radius: float, other_radius: float, degrees: float = 0) -> Mask:
    """Fill an oval."""
    whole = [round(float(value) * 2**SUBPIXEL) for value in (*centre, radius, other_radius)]
    return cv2.ellipse(_canvas(), whole[:2], whole[2:], degrees, 0, 360, 1.0, -1, cv2.LINE_AA, SUBPIXEL)


def polygon(points: NDArray[np.floating]) -> Mask:
    """Fill a polygon, (N, 2)."""
    return cv2.fillPoly(_canvas(), [np.rint(points * 2**SUBPIXEL).astype(np.int32)], 1.0, cv2.LINE_AA, SUBPIXEL)


def across(direction: Point) -> Point:
    """Turn a direction by a right angle."""
    return np.array([-direction[1], direction[0]])


def grain(rng: np.random.Generator, size: float) -> Mask:
    """Draw noise of this coarseness, with a deviation of 1."""
    noise = cv2.GaussianBlur(rng.normal(0, 1, (SIDE, SIDE)).astype(np.float32), (0, 0), size)
    return noise / (noise.std() + np.float32(1e-6))


def solid(rng: np.random.Generator, colour: NDArray[np.floating], parts: list[Mask]) -> Drawn:
    """Join rounded parts, each darker towards its edge."""
    rim, darkest = rng.uniform(2, 6), rng.uniform(0.5, 0.75)
    depths = (cv2.distanceTransform((part > 0.5).astype(np.uint8), cv2.DIST_L2, 3) for part in parts)
    light = np.max([darkest + (1.05 - darkest) * np.minimum(depth / rim, 1) for depth in depths], axis=0)
    return Drawn(tinted(colour, light * (1 + 0.04 * grain(rng, 3))), np.max(parts, axis=0))


def tinted(colour: NDArray[np.floating], light: Mask) -> Picture:
    """Show one colour, (3,), in this light."""
    return (colour * light[..., None]).astype(np.float32)


def skin(rng: np.random.Generator, face: Picture) -> NDArray[np.floating]:
    """Take the colour of one of a face's cheeks, in about the same light."""
    x = round(rng.uniform(*CHEEKS[rng.integers(2)]) * SIDE)
    y = round(rng.uniform(*CHEEK_ROWS) * SIDE)
    return face[y - 3 : y + 4, x - 3 : x + 4].mean(axis=(0, 1)) * rng.uniform(0.65, 1.3)


def _canvas() -> Mask:
    return np.zeros((SIDE, SIDE), np.float32)
