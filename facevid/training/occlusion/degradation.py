"""Degradation of pictures by shadows, light, blur, compression and noise. None of these is an occluder."""

import cv2
import numpy as np

from facevid.training.occlusion.drawing import SIDE, Mask, Picture, smooth_noise


def add_shadow(rng: np.random.Generator, picture: Picture) -> Picture:
    """Darken one side of a random line, or random spots, with a hard or a soft edge."""
    if rng.random() < 0.6:
        angle = rng.uniform(0, 2 * np.pi)
        y, x = np.indices((SIDE, SIDE), dtype=np.float32) - SIDE / 2
        distance = x * np.cos(angle) + y * np.sin(angle) + rng.normal(0, SIDE / 8)
        shadow = (distance + 4 * smooth_noise(rng, 12)) > 0
    else:
        shadow = smooth_noise(rng, rng.uniform(8, 20)) > rng.uniform(0.2, 1)
    mask = cv2.GaussianBlur(shadow.astype(np.float32), (0, 0), rng.uniform(0.6, 6))
    return darken(picture, mask, rng.uniform(0.3, 0.8))


def darken(picture: Picture, mask: Mask, strength: float) -> Picture:
    """Multiply a picture by 1 - strength where the mask is 1."""
    return picture * (1 - np.float32(strength) * mask[..., None])


def degrade(rng: np.random.Generator, picture: Picture) -> Picture:
    """Change the light of a picture, blur it, compress it and add noise, each to a random degree.

    Most pictures are blurred. Otherwise the network would detect synthetic occluders by their sharp edges or their
    lack of camera noise.
    """
    degraded = (picture * rng.uniform(0.5, 1.3) + rng.uniform(-10, 15)) * (1 + rng.uniform(-0.12, 0.12, 3))
    if rng.random() < 0.85:
        degraded = cv2.GaussianBlur(degraded, (0, 0), rng.uniform(0.5, 2.2))
    if rng.random() < 0.4:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(25, 90))]
        _, compressed = cv2.imencode(".jpg", degraded.clip(0, 255).astype(np.uint8), quality)
        degraded = np.asarray(cv2.imdecode(compressed, cv2.IMREAD_COLOR), np.float64)
    noisy = degraded + rng.normal(0, rng.uniform(0, 5), degraded.shape)
    return noisy.clip(0, 255).astype(np.float32)
