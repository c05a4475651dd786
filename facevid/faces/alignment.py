"""FFHQ alignment: from landmarks to a quad, from a quad to a crop, and from crop coordinates back to the frame.

Source: the alignment of the FFHQ data set (Karras, Laine and Aila, "A style-based generator architecture for generative
adversarial networks", CVPR 2019, appendix A). pSp, e4e and the latent transformer were all trained on it.

Coordinates are in pixels of the frame, x to the right and y down; the centre of the top left pixel is (0, 0).
"""

import cv2
import numpy as np
from numpy.typing import NDArray

# Indices into the landmarks of `faces.landmark_scheme`; left and right as seen in the picture.

EYE_LEFT = slice(36, 42)
"""The six landmarks on the outline of the left eye."""

EYE_RIGHT = slice(42, 48)
"""The six landmarks on the outline of the right eye."""

MOUTH_LEFT = 48
"""The left corner of the mouth."""

MOUTH_RIGHT = 54
"""The right corner of the mouth."""


def ffhq_quad(landmarks: NDArray[np.floating]) -> NDArray[np.float64]:
    """Compute the FFHQ crop quad of each face.

    Args:
        landmarks: (..., 68, 2) or (..., 84, 2) x and y in pixels.

    Returns:
        float64 (..., 4, 2): the corners of the crop, top left, bottom left, bottom right, top right; always a square.
    """
    points = np.asarray(landmarks, dtype=np.float64)
    eye_left = points[..., EYE_LEFT, :].mean(axis=-2)
    eye_right = points[..., EYE_RIGHT, :].mean(axis=-2)
    eyes = (eye_left + eye_right) / 2
    between_eyes = eye_right - eye_left
    mouth = (points[..., MOUTH_LEFT, :] + points[..., MOUTH_RIGHT, :]) / 2
    eyes_to_mouth = mouth - eyes

    x = between_eyes - eyes_to_mouth[..., ::-1] * (-1, 1)
    half_side = np.maximum(_length(between_eyes) * 2.0, _length(eyes_to_mouth) * 1.8)
    x *= half_side / _length(x)
    y = x[..., ::-1] * (-1, 1)
    centre = eyes + eyes_to_mouth * 0.1
    return np.stack([centre - x - y, centre - x + y, centre + x + y, centre + x - y], axis=-2)


def crop(picture: NDArray[np.uint8], quad: NDArray[np.floating], size: int) -> NDArray[np.uint8]:
    """Resample the quad of a picture to a square crop.

    To avoid aliasing, a quad larger than the crop is sampled at an integer multiple of `size` and then averaged down.
    Beyond its edge the picture is mirrored.

    Args:
        picture: uint8 (H, W, C).
        quad: (4, 2) corners as from `ffhq_quad`.
        size: side of the crop in pixels.

    Returns:
        uint8 (size, size, C), in the picture's colour order.
    """
    oversampling = max(1, int(np.ceil(quad_side(quad) / size)))
    oversampled = cv2.warpAffine(
        picture,
        crop_to_frame(quad, size * oversampling),
        (size * oversampling, size * oversampling),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REFLECT,
    )
    if oversampling == 1:
        return np.asarray(oversampled)
    return np.asarray(cv2.resize(oversampled, (size, size), interpolation=cv2.INTER_AREA))


def crop_to_frame(quad: NDArray[np.floating], size: int) -> NDArray[np.float64]:
    """Return the affine map from pixel indices of a crop to pixel indices of the frame.

    Indices put the centre of the top left pixel at (0, 0), the convention of OpenCV's warps.

    Args:
        quad: (4, 2) corners as from `ffhq_quad`.
        size: side of the crop in pixels.

    Returns:
        float64 (2, 3).
    """
    top_left, bottom_left, _, top_right = np.asarray(quad, dtype=np.float64)
    across, down = (top_right - top_left) / size, (bottom_left - top_left) / size
    origin = top_left + (across + down) / 2
    return np.stack([across, down, origin], axis=1)


def landmarks_in_crop(landmarks: NDArray[np.floating], quad: NDArray[np.floating], size: int) -> NDArray[np.float64]:
    """Transform landmarks (K, 2) from pixel indices of the frame to pixel indices of a crop: float64 (K, 2)."""
    to_crop = cv2.invertAffineTransform(crop_to_frame(quad, size))
    return np.asarray(cv2.transform(landmarks[None].astype(np.float64), to_crop)[0])


def quad_side(quad: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return the side of each quad (..., 4, 2) in pixels: float64 (...)."""
    return _length(np.asarray(quad[..., 3, :] - quad[..., 0, :], dtype=np.float64))[..., 0]


def _length(vectors: NDArray[np.floating]) -> NDArray[np.float64]:
    return np.asarray(np.linalg.norm(vectors, axis=-1, keepdims=True))
