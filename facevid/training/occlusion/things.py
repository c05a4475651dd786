"""Things of any shape and colour; and strands of hair."""

import cv2
import numpy as np
from numpy.typing import NDArray

from facevid.training.occlusion.shapes import SIDE, Drawn, Mask, Picture, Point, grain, line, polygon, strokes, tinted

DARK, FAIR = (1.15, 0.95, 0.8), (190.0, 150.0, 100.0)
"""The tint of dark hair; the colour of fair hair, at its lightest."""


def thing(rng: np.random.Generator, other: Picture, at: Point, away: Point) -> Drawn:
    """Draw a bar, a polygon or a blob that begins at a point, of one colour or of what another picture shows."""
    match rng.integers(3):
        case 0:
            alpha = line(at, at + away * rng.uniform(60, 140), rng.uniform(4, 36))
        case 1:
            alpha = _polygon(rng, at, away)
        case _:
            alpha = _blob(rng, at + away * 14)
    return Drawn(_plain(rng) if rng.random() < 0.5 else _patch(rng, other), alpha)


def strands(rng: np.random.Generator, at: Point) -> Drawn:
    """Draw one to thirteen strands of hair that hang over a point."""
    count, down = int(rng.integers(1, 14)), np.linspace(-0.15, 1.2 if rng.random() < 0.6 else rng.uniform(0.5, 1), 30)
    roots = at[0] + rng.normal(0, rng.uniform(1, 8), (count, 1))
    bends, slopes, phases = (rng.normal(0, size, (count, 1)) for size in (8, 12, 6))
    paths = np.stack([roots + bends * np.sin(3 * down + phases) + slopes * down, np.tile(down * SIDE, (count, 1))], -1)
    colour = rng.uniform(10, 70) * np.array(DARK) if rng.random() < 0.7 else rng.uniform(0.5, 1.1) * np.array(FAIR)
    return Drawn(tinted(colour, 1 + 0.2 * grain(rng, 1.5)), strokes(paths, rng.uniform(1, 3.5)))


def _polygon(rng: np.random.Generator, at: Point, away: Point) -> Mask:
    corners = rng.integers(3, 8)
    angles = np.sort(rng.uniform(0, 2 * np.pi, corners))
    lengths = rng.uniform(10, 40) * rng.uniform(0.6, 1.2, corners)
    outline = np.stack([np.cos(angles), np.sin(angles)], axis=-1) * lengths[:, None]
    return polygon(at + away * lengths.mean() * 0.7 + outline)


def _blob(rng: np.random.Generator, centre: Point) -> Mask:
    down, right = np.indices((SIDE, SIDE), dtype=np.float32)
    far = np.hypot(right - centre[0], down - centre[1]) / rng.uniform(10, 26)
    return (4 * (1 - far + 0.5 * grain(rng, rng.uniform(6, 14)))).clip(0, 1).astype(np.float32)


def _plain(rng: np.random.Generator) -> Picture:
    colour = rng.uniform(0, 255, 3)
    colour = colour.mean() + (colour - colour.mean()) * rng.random()
    return tinted(colour, 1 + rng.uniform(0, 0.2) * grain(rng, rng.uniform(1, 12)))


def _patch(rng: np.random.Generator, picture: Picture) -> Picture:
    """Take an enlarged part of a picture, turned over or not."""
    larger = rng.uniform(1, 3)
    corner: NDArray[np.floating] = -(larger - 1) * rng.uniform(0, SIDE, 2)
    to_patch = np.array([[larger, 0, corner[0]], [0, larger, corner[1]]])
    patch = cv2.warpAffine(picture, to_patch, (SIDE, SIDE), borderMode=cv2.BORDER_REFLECT)
    return patch[::-1] if rng.random() < 0.5 else patch
