"""What happens to pictures on their way: shadows, light, soft focus, compression, noise. None of it is an occluder."""

import cv2
import numpy as np

from facevid.training.occlusion.shapes import SIDE, Mask, Picture, grain


def shaded(rng: np.random.Generator, picture: Picture) -> Picture:
    """Darken a part of a picture: on one side of a line, or in spots, with a hard or a soft edge."""
    if rng.random() < 0.6:
        angle = rng.uniform(0, 2 * np.pi)
        down, right = np.indices((SIDE, SIDE), dtype=np.float32) - SIDE / 2
        far = right * np.cos(angle) + down * np.sin(angle) + rng.normal(0, SIDE / 8)
        where = (far + 4 * grain(rng, 12)) > 0
    else:
        where = grain(rng, rng.uniform(8, 20)) > rng.uniform(0.2, 1)
    return darkened(
        picture, cv2.GaussianBlur(where.astype(np.float32), (0, 0), rng.uniform(0.6, 6)), rng.uniform(0.3, 0.8)
    )


def darkened(picture: Picture, where: Mask, share: float) -> Picture:
    """Take a share of the light from where a mask says."""
    return picture * (1 - np.float32(share) * where[..., None])


def recorded(rng: np.random.Generator, picture: Picture) -> Picture:
    """Record a picture in another light, out of focus, compressed and noisy, each more or less.

    Most get soft: that something was drawn with sharp edges, or lacks the picture's own grain, is not what should tell.
    """
    lit = (picture * rng.uniform(0.5, 1.3) + rng.uniform(-10, 15)) * (1 + rng.uniform(-0.12, 0.12, 3))
    if rng.random() < 0.85:
        lit = cv2.GaussianBlur(lit, (0, 0), rng.uniform(0.5, 2.2))
    if rng.random() < 0.4:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(25, 90))]
        _, compressed = cv2.imencode(".jpg", lit.clip(0, 255).astype(np.uint8), quality)
        lit = np.asarray(cv2.imdecode(compressed, cv2.IMREAD_COLOR), np.float64)
    noisy = lit + rng.normal(0, rng.uniform(0, 5), lit.shape)
    return noisy.clip(0, 255).astype(np.float32)
