"""Synthetic hands: with stretched fingers, and closed around an object."""

import numpy as np

from facevid.training.occlusion.drawing import (
    Layer,
    Picture,
    Point,
    line,
    oval,
    perpendicular,
    shaded_parts,
    skin_colour,
)


def hand(rng: np.random.Generator, face: Picture, tip: Point, direction: Point) -> Layer:
    """Draw one to four fingers, some of them bent, a palm and an arm, in the skin colour of a face.

    Args:
        rng: source of random numbers.
        face: the crop that the skin colour is taken from.
        tip: where the fingers end.
        direction: unit vector from the fingers to the arm.
    """
    side, width, count = perpendicular(direction), rng.uniform(5, 10), rng.integers(1, 5)
    spacing, parts = rng.uniform(0.8, 1.3) * width, []
    for finger in range(count):
        offset = side * (finger - (count - 1) / 2) * spacing
        end = tip + offset + direction * rng.uniform(-2, 8)
        root = tip + offset * rng.uniform(0.7, 1) + direction * rng.uniform(18, 34)
        joint = end + direction * 10 + side * (rng.uniform(-6, 6) if rng.random() < 0.3 else 0)
        parts += [line(end, joint, width), line(joint, root, width)]
    palm = tip + direction * rng.uniform(26, 40)
    parts.append(oval(palm, rng.uniform(12, 20), rng.uniform(12, 20)))
    parts.append(line(palm, palm + direction * 100, rng.uniform(14, 24)))
    return shaded_parts(rng, skin_colour(rng, face), parts)


def fist(rng: np.random.Generator, face: Picture, top: Point, direction: Point) -> Layer:
    """Draw two to four fingers around an object, and an arm, in the skin colour of a face.

    Args:
        rng: source of random numbers.
        face: the crop that the skin colour is taken from.
        top: where the first finger crosses the object.
        direction: unit vector along the object, from the first finger to the last.
    """
    side, width, length = perpendicular(direction) * rng.choice([-1, 1]), rng.uniform(6, 10), rng.uniform(8, 16)
    parts = []
    for finger in range(rng.integers(2, 5)):
        middle = top + direction * finger * width * 0.9
        parts.append(line(middle - side * length * rng.uniform(0.7, 1), middle + side * length, width))
    wrist = top + direction * width * 1.5 + side * length
    parts.append(line(wrist, wrist + 80 * (direction + side * rng.uniform(0.2, 1.5)), rng.uniform(16, 26)))
    return shaded_parts(rng, skin_colour(rng, face), parts)
