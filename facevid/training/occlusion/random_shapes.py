"""Synthetic occluders of random shape and colour, and strands of hair."""

import cv2
import numpy as np
from numpy.typing import NDArray

from facevid.training.occlusion.drawing import (
    SIDE,
    Layer,
    Mask,
    Picture,
    Point,
    line,
    polygon,
    polylines,
    shaded_colour,
    smooth_noise,
)

DARK_HAIR_TINT = (1.15, 0.95, 0.8)
"""RGB factors that turn a grey level into the colour of dark hair: slightly red."""

FAIR_HAIR = (190.0, 150.0, 100.0)
"""RGB colour of fair hair at full brightness, 0 to 255."""


def random_shape(rng: np.random.Generator, other: Picture, tip: Point, direction: Point) -> Layer:
    """Draw a bar, a polygon or a blob, of one colour or with the texture of another picture.

    Args:
        rng: source of random numbers.
        other: the crop that the texture is taken from.
        tip: where the shape begins.
        direction: unit vector from the tip to the rest of the shape.
    """
    match rng.integers(3):
        case 0:
            alpha = line(tip, tip + direction * rng.uniform(60, 140), rng.uniform(4, 36))
        case 1:
            alpha = _random_polygon(rng, tip, direction)
        case _:
            alpha = _random_blob(rng, tip + direction * 14)
    return Layer(_plain_colour(rng) if rng.random() < 0.5 else _texture(rng, other), alpha)


def hair_strands(rng: np.random.Generator, position: Point) -> Layer:
    """Draw one to thirteen strands of hair that hang from above the crop over a point."""
    count, y = int(rng.integers(1, 14)), np.linspace(-0.15, 1.2 if rng.random() < 0.6 else rng.uniform(0.5, 1), 30)
    roots = position[0] + rng.normal(0, rng.uniform(1, 8), (count, 1))
    bends, slopes, phases = (rng.normal(0, size, (count, 1)) for size in (8, 12, 6))
    paths = np.stack([roots + bends * np.sin(3 * y + phases) + slopes * y, np.tile(y * SIDE, (count, 1))], -1)
    if rng.random() < 0.7:
        colour = rng.uniform(10, 70) * np.array(DARK_HAIR_TINT)
    else:
        colour = rng.uniform(0.5, 1.1) * np.array(FAIR_HAIR)
    return Layer(shaded_colour(colour, 1 + 0.2 * smooth_noise(rng, 1.5)), polylines(paths, rng.uniform(1, 3.5)))


def _random_polygon(rng: np.random.Generator, tip: Point, direction: Point) -> Mask:
    corners = rng.integers(3, 8)
    angles = np.sort(rng.uniform(0, 2 * np.pi, corners))
    radii = rng.uniform(10, 40) * rng.uniform(0.6, 1.2, corners)
    outline = np.stack([np.cos(angles), np.sin(angles)], axis=-1) * radii[:, None]
    return polygon(tip + direction * radii.mean() * 0.7 + outline)


def _random_blob(rng: np.random.Generator, centre: Point) -> Mask:
    y, x = np.indices((SIDE, SIDE), dtype=np.float32)
    radius = np.hypot(x - centre[0], y - centre[1]) / rng.uniform(10, 26)
    alpha = (4 * (1 - radius + 0.5 * smooth_noise(rng, rng.uniform(6, 14)))).clip(0, 1)
    return np.asarray(alpha, np.float32)


def _plain_colour(rng: np.random.Generator) -> Picture:
    """Return a random colour of random saturation, with random brightness noise."""
    colour = rng.uniform(0, 255, 3)
    colour = colour.mean() + (colour - colour.mean()) * rng.random()
    return shaded_colour(colour, 1 + rng.uniform(0, 0.2) * smooth_noise(rng, rng.uniform(1, 12)))


def _texture(rng: np.random.Generator, picture: Picture) -> Picture:
    """Return an enlarged part of a picture, flipped vertically in half of the cases."""
    zoom = rng.uniform(1, 3)
    corner: NDArray[np.floating] = -(zoom - 1) * rng.uniform(0, SIDE, 2)
    matrix = np.array([[zoom, 0, corner[0]], [0, zoom, corner[1]]])
    part: Picture = cv2.warpAffine(picture, matrix, (SIDE, SIDE), borderMode=cv2.BORDER_REFLECT)
    return part[::-1] if rng.random() < 0.5 else part
