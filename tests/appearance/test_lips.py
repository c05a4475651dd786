"""Masks of the lips and of the mouth between them."""

import numpy as np
import pytest

from facevid.appearance import mean_face
from facevid.appearance.lips import INNER, lip_masks

SIDE = 256
"""Side of the crop in pixels."""


def test_the_inside_of_an_open_mouth_is_round() -> None:
    """Its outline follows the ellipse on which the landmarks of the inner edges lie, not the hexagon between them."""
    landmarks = mean_face.LANDMARKS.copy()
    centre, radii = landmarks[INNER].mean(axis=0), np.array([0.1, 0.06])
    x = ((landmarks[INNER, 0] - centre[0]) / radii[0]).clip(-1, 1)
    side = np.array([0, -1, -1, -1, 0, 1, 1, 1])
    angle = np.linspace(0, 2 * np.pi, 12, endpoint=False)
    landmarks[INNER] = centre + radii * np.stack([x, side * np.sqrt(1 - x**2)], axis=1)
    landmarks[48:60] = centre - 1.5 * radii * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    upper, lower, inside = lip_masks(landmarks * SIDE, (SIDE, SIDE), SIDE)
    assert 0.88 < inside.sum() / (np.pi * radii.prod() * SIDE**2) < 1.02
    assert upper.sum() == pytest.approx(lower.sum(), rel=0.1)
    assert (upper + lower + inside).max() == pytest.approx(1, abs=1e-5)
