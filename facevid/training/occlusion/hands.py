"""Hands: with fingers stretched, and closed around something."""

import numpy as np

from facevid.training.occlusion.shapes import Drawn, Picture, Point, across, line, oval, skin, solid


def hand(rng: np.random.Generator, face: Picture, at: Point, away: Point) -> Drawn:
    """Draw one to four fingers that end at a point, some bent, the palm and the arm, in the colour of a face's skin."""
    side, width, count = across(away), rng.uniform(5, 10), rng.integers(1, 5)
    spread, parts = rng.uniform(0.8, 1.3) * width, []
    for number in range(count):
        place = side * (number - (count - 1) / 2) * spread
        tip = at + place + away * rng.uniform(-2, 8)
        root = at + place * rng.uniform(0.7, 1) + away * rng.uniform(18, 34)
        joint = tip + away * 10 + side * (rng.uniform(-6, 6) if rng.random() < 0.3 else 0)
        parts += [line(tip, joint, width), line(joint, root, width)]
    palm = at + away * rng.uniform(26, 40)
    parts.append(oval(palm, rng.uniform(12, 20), rng.uniform(12, 20)))
    parts.append(line(palm, palm + away * 100, rng.uniform(14, 24)))
    return solid(rng, skin(rng, face), parts)


def fist(rng: np.random.Generator, face: Picture, at: Point, away: Point) -> Drawn:
    """Draw two to four fingers around something that goes away from a point, and the arm."""
    side, width, length = across(away) * rng.choice([-1, 1]), rng.uniform(6, 10), rng.uniform(8, 16)
    parts = []
    for number in range(rng.integers(2, 5)):
        middle = at + away * number * width * 0.9
        parts.append(line(middle - side * length * rng.uniform(0.7, 1), middle + side * length, width))
    wrist = at + away * width * 1.5 + side * length
    parts.append(line(wrist, wrist + 80 * (away + side * rng.uniform(0.2, 1.5)), rng.uniform(16, 26)))
    return solid(rng, skin(rng, face), parts)
