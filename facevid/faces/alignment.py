"""FFHQ alignment: from 68 landmarks to a quad, from a quad to a crop, and from the crop's pixels back to the frame's.

Source: the alignment of the FFHQ data set (Karras, Laine and Aila, "A style-based generator architecture for generative
adversarial networks", CVPR 2019, appendix A), which pSp, e4e and the latent transformer were all trained on.

Coordinates are pixels of the frame, x to the right and y down; the centre of the top left pixel is at (0, 0).
"""

import cv2
import numpy as np
from numpy.typing import NDArray

EYE_LEFT, EYE_RIGHT = slice(36, 42), slice(42, 48)
MOUTH_LEFT, MOUTH_RIGHT = 48, 54
"""Indices into the 68 landmarks of the iBUG 300-W annotation; left and right as seen in the picture."""


def ffhq_quad(landmarks: NDArray[np.floating]) -> NDArray[np.float64]:
    """Place the FFHQ crop over each face.

    Args:
        landmarks: (..., 68, 2) x and y in pixels.

    Returns:
        float64 (..., 4, 2): the crop's corners, top left, bottom left, bottom right, top right. Always a square.
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
    """Sample the square of `size` pixels that `quad` marks in `picture`.

    A quad larger than the crop is sampled at a whole multiple of `size` and averaged down, so nothing aliases. Beyond
    the picture's edge its mirror image is sampled.

    Args:
        picture: uint8 (H, W, C).
        quad: (4, 2) corners as from `ffhq_quad`.
        size: side of the crop in pixels.

    Returns:
        uint8 (size, size, C), in the picture's colour order.
    """
    detail = max(1, int(np.ceil(quad_side(quad) / size)))
    fine = cv2.warpAffine(
        picture,
        crop_to_frame(quad, size * detail),
        (size * detail, size * detail),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REFLECT,
    )
    return fine if detail == 1 else cv2.resize(fine, (size, size), interpolation=cv2.INTER_AREA)


def crop_to_frame(quad: NDArray[np.floating], size: int) -> NDArray[np.float64]:
    """Give the affine map from indices of crop pixels to indices of frame pixels.

    Both are indices (the top left pixel's centre is 0, 0), which is what OpenCV warps with.

    Returns:
        float64 (2, 3).
    """
    top_left, bottom_left, _, top_right = np.asarray(quad, dtype=np.float64)
    across, down = (top_right - top_left) / size, (bottom_left - top_left) / size
    origin = top_left + (across + down) / 2
    return np.stack([across, down, origin], axis=1)


def landmarks_in_crop(landmarks: NDArray[np.floating], quad: NDArray[np.floating], size: int) -> NDArray[np.float64]:
    """Bring landmarks, (68, 2), from indices of the frame's pixels to indices of a crop's: float64 (68, 2)."""
    to_crop = cv2.invertAffineTransform(crop_to_frame(quad, size))
    return np.asarray(cv2.transform(landmarks[None].astype(np.float64), to_crop)[0])


def quad_side(quad: NDArray[np.floating]) -> NDArray[np.float64]:
    """Measure the side of each quad (..., 4, 2), in pixels."""
    return _length(np.asarray(quad[..., 3, :] - quad[..., 0, :], dtype=np.float64))[..., 0]


def _length(vectors: NDArray[np.floating]) -> NDArray[np.float64]:
    return np.linalg.norm(vectors, axis=-1, keepdims=True)
