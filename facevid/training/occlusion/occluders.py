"""Synthetic occluders in front of faces, with exact masks, for training.

`facevid.evaluation.drawn_occluders` draws different occluders, which are not used in training.
"""

import cv2
import numpy as np

from facevid.training.occlusion.degradation import add_shadow, darken, degrade
from facevid.training.occlusion.drawing import SIDE, Layer, Mask, Picture, Point
from facevid.training.occlusion.hands import fist, hand
from facevid.training.occlusion.microphones import microphone
from facevid.training.occlusion.random_shapes import hair_strands, random_shape

KINDS = {"microphone": 0.3, "hand": 0.25, "fist": 0.1, "shape": 0.2, "hair": 0.15}
"""Probability of each kind of occluder; the sum is 1."""

SECOND_OCCLUDER = 0.2
"""Probability of a second occluder."""

TIP_X = (0.3, 0.7)
"""Range of x of the tip of an occluder, as fractions of the side of an FFHQ crop."""

TIP_Y = (0.38, 0.8)
"""Range of y of the tip of an occluder, as fractions of the side of an FFHQ crop."""

EXTERNAL_SHADOW = 0.12
"""Probability of a shadow of an object outside the crop; it is not an occluder."""

OCCLUDER_SHADOW = 0.3
"""Probability that an occluder casts a shadow on the face."""


def add_occluders(rng: np.random.Generator, face: Picture, other: Picture, *, occluded: bool) -> tuple[Picture, Mask]:
    """Draw occluders in front of a face, and degrade the picture.

    Args:
        rng: source of random numbers.
        face: an FFHQ crop.
        other: another crop; its skin colour and its texture are used for occluders.
        occluded: whether to draw occluders. Shadows and degradation are applied in either case.

    Returns:
        The picture, and the occlusion mask: 1 where the face is occluded.
    """
    occlusion = np.zeros((SIDE, SIDE), np.float32)
    if rng.random() < EXTERNAL_SHADOW:
        face = add_shadow(rng, face)
    for _ in range((1 + (rng.random() < SECOND_OCCLUDER)) * occluded):
        occluder = random_occluder(rng, face, other)
        if rng.random() < OCCLUDER_SHADOW:
            shadow = np.roll(occluder.alpha, tuple(rng.integers(-5, 6, 2)), axis=(0, 1))
            face = darken(face, cv2.GaussianBlur(shadow, (0, 0), rng.uniform(2, 5)), rng.uniform(0.1, 0.5))
        face = face + (occluder.colour - face) * occluder.alpha[..., None]
        occlusion = np.maximum(occlusion, occluder.alpha)
    return degrade(rng, face), occlusion


def random_occluder(rng: np.random.Generator, face: Picture, other: Picture) -> Layer:
    """Draw an occluder of a random kind, with sharp edges or motion blur."""
    tip, direction = np.array([rng.uniform(*TIP_X), rng.uniform(*TIP_Y)]) * SIDE, _random_direction(rng)
    # Hands have the skin colour of this face, or of the other one with its brightness partly matched to this face.
    skin = face if rng.random() < 0.5 else other * (face.mean() / max(other.mean(), 20)) ** np.float32(rng.random())
    match rng.choice(list(KINDS), p=list(KINDS.values())):
        case "microphone":
            occluder = microphone(rng, skin, tip, direction)
        case "hand":
            occluder = hand(rng, skin, tip, direction)
        case "fist":
            occluder = fist(rng, skin, tip, direction)
        case "shape":
            occluder = random_shape(rng, other, tip, direction)
        case _:
            occluder = hair_strands(rng, tip)
    blur = rng.uniform(0.4, 1.2) if rng.random() < 0.85 else rng.uniform(1.2, 3)
    return Layer(occluder.colour, cv2.GaussianBlur(occluder.alpha, (0, 0), blur))


def _random_direction(rng: np.random.Generator) -> Point:
    """Return a random unit vector from the tip of an occluder to the rest of it; it usually points downwards."""
    angle = rng.normal(np.pi / 2, 0.7) if rng.random() < 0.7 else rng.uniform(0, 2 * np.pi)
    return np.array([np.cos(angle), np.sin(angle)])
