"""Faces with something drawn before them, so that where it is is known.

`facevid.evaluation.occluders` draws others, which no training sees.
"""

import cv2
import numpy as np

from facevid.training.occlusion.hands import fist, hand
from facevid.training.occlusion.microphones import microphone
from facevid.training.occlusion.recording import darkened, recorded, shaded
from facevid.training.occlusion.shapes import SIDE, Drawn, Mask, Picture, Point
from facevid.training.occlusion.things import strands, thing

KINDS = {"microphone": 0.3, "hand": 0.25, "fist": 0.1, "thing": 0.2, "strands": 0.15}
"""How often each is drawn."""
SECOND = 0.2
"""How often there is another one."""
ACROSS, DOWN = (0.3, 0.7), (0.38, 0.8)
"""Where in an FFHQ crop occluders end, in shares of the side."""
SHADED, SHADOW = 0.12, 0.3
"""How often something unseen throws a shadow on a face, and an occluder does."""


def drawn_before(rng: np.random.Generator, face: Picture, other: Picture, *, occluded: bool) -> tuple[Picture, Mask]:
    """Draw something before a face.

    Args:
        rng: random numbers.
        face: the face, an FFHQ crop.
        other: another one: the hand or the patch that is drawn may be from there.
        occluded: whether anything is drawn; light and quality change in any case.

    Returns:
        The picture, and where something is before the face.
    """
    hidden = np.zeros((SIDE, SIDE), np.float32)
    if rng.random() < SHADED:
        face = shaded(rng, face)
    for _ in range((1 + (rng.random() < SECOND)) * occluded):
        drawn = _drawn(rng, face, other)
        if rng.random() < SHADOW:
            moved = np.roll(drawn.alpha, tuple(rng.integers(-5, 6, 2)), axis=(0, 1))
            face = darkened(face, cv2.GaussianBlur(moved, (0, 0), rng.uniform(2, 5)), rng.uniform(0.1, 0.5))
        face = face + (drawn.colour - face) * drawn.alpha[..., None]
        hidden = np.maximum(hidden, drawn.alpha)
    return recorded(rng, face), hidden


def _drawn(rng: np.random.Generator, face: Picture, other: Picture) -> Drawn:
    """Draw one occluder, sharp or blurred by its motion."""
    at, away = np.array([rng.uniform(*ACROSS), rng.uniform(*DOWN)]) * SIDE, _away(rng)
    of = face if rng.random() < 0.5 else other * (face.mean() / max(other.mean(), 20)) ** np.float32(rng.random())
    match rng.choice(list(KINDS), p=list(KINDS.values())):
        case "microphone":
            drawn = microphone(rng, of, at, away)
        case "hand":
            drawn = hand(rng, of, at, away)
        case "fist":
            drawn = fist(rng, of, at, away)
        case "thing":
            drawn = thing(rng, other, at, away)
        case _:
            drawn = strands(rng, at)
    blur = rng.uniform(0.4, 1.2) if rng.random() < 0.85 else rng.uniform(1.2, 3)
    return Drawn(drawn.colour, cv2.GaussianBlur(drawn.alpha, (0, 0), blur))


def _away(rng: np.random.Generator) -> Point:
    """Choose where an occluder comes from: mostly from below."""
    angle = rng.normal(np.pi / 2, 0.7) if rng.random() < 0.7 else rng.uniform(0, 2 * np.pi)
    return np.array([np.cos(angle), np.sin(angle)])
