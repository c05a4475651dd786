"""Microphones, most of them held by a hand."""

import numpy as np

from facevid.training.occlusion.hands import fist
from facevid.training.occlusion.shapes import SIDE, Drawn, Mask, Picture, Point, grain, line, oval, tinted


def microphone(rng: np.random.Generator, face: Picture, at: Point, away: Point) -> Drawn:
    """Draw a ball that begins at a point, dark or of any colour, with a glint; its stick; and mostly a hand."""
    radius = rng.uniform(5, 15)
    centre = at + away * radius
    ball = oval(centre, radius, radius * rng.uniform(0.8, 1.2), rng.uniform(0, 180))
    stick = line(centre, centre + away * SIDE, radius * rng.uniform(0.5, 1.3))
    colour = np.full(3, rng.uniform(5, 70)) if rng.random() < 0.75 else rng.uniform(20, 220, 3)
    glint = _glint(centre + rng.normal(0, radius / 2, 2), radius * rng.uniform(0.3, 0.8))
    mesh = rng.normal(0, rng.uniform(0, 14), (SIDE, SIDE, 1))
    of_ball = Drawn((colour + glint[..., None] * rng.uniform(0, 140) + mesh).astype(np.float32), ball)
    of_stick = Drawn(tinted(colour * rng.uniform(0.5, 1.6), 1 + 0.1 * grain(rng, 4)), stick)
    whole = of_ball.before(of_stick)
    if rng.random() < 0.35:
        return whole
    return fist(rng, face, centre + away * (radius + rng.uniform(2, 14)), away).before(whole)


def _glint(centre: Point, size: float) -> Mask:
    down, right = np.indices((SIDE, SIDE), dtype=np.float32)
    return np.exp(-((right - centre[0]) ** 2 + (down - centre[1]) ** 2) / (2 * size**2))
