"""Synthetic microphones, most of them held by a hand."""

import numpy as np

from facevid.training.occlusion.drawing import (
    SIDE,
    Layer,
    Mask,
    Picture,
    Point,
    line,
    oval,
    shaded_colour,
    smooth_noise,
)
from facevid.training.occlusion.hands import fist


def microphone(rng: np.random.Generator, face: Picture, tip: Point, direction: Point) -> Layer:
    """Draw the ball of a microphone, dark or of a random colour, with a highlight, its stick, and usually a hand.

    Args:
        rng: source of random numbers.
        face: the crop that the skin colour of the hand is taken from.
        tip: where the ball begins.
        direction: unit vector along the stick, away from the ball.
    """
    radius = rng.uniform(5, 15)
    centre = tip + direction * radius
    ball_alpha = oval(centre, radius, radius * rng.uniform(0.8, 1.2), rng.uniform(0, 180))
    stick_alpha = line(centre, centre + direction * SIDE, radius * rng.uniform(0.5, 1.3))
    colour = np.full(3, rng.uniform(5, 70)) if rng.random() < 0.75 else rng.uniform(20, 220, 3)
    highlight = _highlight(centre + rng.normal(0, radius / 2, 2), radius * rng.uniform(0.3, 0.8))
    mesh = rng.normal(0, rng.uniform(0, 14), (SIDE, SIDE, 1))
    ball = Layer((colour + highlight[..., None] * rng.uniform(0, 140) + mesh).astype(np.float32), ball_alpha)
    stick = Layer(shaded_colour(colour * rng.uniform(0.5, 1.6), 1 + 0.1 * smooth_noise(rng, 4)), stick_alpha)
    whole = ball.over(stick)
    if rng.random() < 0.35:
        return whole
    return fist(rng, face, centre + direction * (radius + rng.uniform(2, 14)), direction).over(whole)


def _highlight(centre: Point, size: float) -> Mask:
    """Return a Gaussian of height 1 and standard deviation `size` pixels."""
    y, x = np.indices((SIDE, SIDE), dtype=np.float32)
    return np.asarray(np.exp(-((x - centre[0]) ** 2 + (y - centre[1]) ** 2) / (2 * size**2)))
