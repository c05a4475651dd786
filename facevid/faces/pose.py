"""Head pose from landmarks alone.

A rigid head of a few points is fitted to the landmarks under weak perspective (rotation, one scale, translation). This
assumes that all heads have the same proportions and that the camera is far away: precise enough to tell a frontal view
from a profile, not to measure heads.
"""

import numpy as np
from numpy.typing import NDArray

HEAD_LANDMARKS = (0, 16, 27, 30, 33, 36, 39, 42, 45, 48, 54)
"""Indices of the landmarks that are fitted: jaw at the ears, nose bridge, tip and base, corners of eyes and mouth. The
others are left out: brows, lips and chin move with the expression, and the jaw between ears and chin is annotated on
the visible outline, which shifts over the head as it turns."""

HEAD_SHAPE = np.array(
    [
        [-70, 0, -75],
        [70, 0, -75],
        [0, 3, 0],
        [0, 36, 22],
        [0, 48, 4],
        [-45, 0, -22],
        [-17, 1, -14],
        [17, 1, -14],
        [45, 0, -22],
        [-26, 73, -12],
        [26, 73, -12],
    ],
    dtype=np.float64,
)
"""Positions of `HEAD_LANDMARKS` on an adult's head, float64 (11, 3) in millimetres: x to the right of the picture, y
down, z out of the face. Rounded from mean widths between the eyes' outer (90) and inner (34) corners, the mouth's
corners (52) and the ears (140), and from the height of the nose and the depth of its tip (Farkas, "Anthropometry of the
head and face"). The ends of the jaw lie in front of the ears, where annotators and detectors put them."""


def yaw(landmarks: NDArray[np.floating]) -> NDArray[np.float64]:
    """Estimate how far each face is turned to the side.

    Args:
        landmarks: (..., 68, 2) or (..., 84, 2) x and y in pixels, in the order of `faces.landmark_scheme`.

    Returns:
        float64 (...), degrees from -90 to 90: 0 faces the camera, positive faces the right edge of the picture.
        Independent of pitch and roll within the limits of the model.
    """
    points = np.asarray(landmarks, dtype=np.float64)[..., HEAD_LANDMARKS, :]
    centred = points - points.mean(axis=-2, keepdims=True)
    affine = np.swapaxes(centred, -1, -2) @ np.linalg.pinv(HEAD_SHAPE - HEAD_SHAPE.mean(axis=0)).T
    left, _, right = np.linalg.svd(affine, full_matrices=False)
    across, down = np.moveaxis(left @ right, -2, 0)
    forward = np.cross(across, down)
    degrees: NDArray[np.float64] = np.degrees(np.arcsin(np.clip(-forward[..., 0], -1, 1)))
    return degrees
