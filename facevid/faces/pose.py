"""Which way a face looks, from its landmarks alone.

A rigid face of a few points is fitted to the landmarks under weak perspective (rotation, one scale, shift). The
approximation is that every face has the same proportions and that the camera is far: good for telling a frontal view
from a profile, not for measuring heads.
"""

import numpy as np
from numpy.typing import NDArray

POINTS = (0, 16, 27, 30, 33, 36, 39, 42, 45, 48, 54)
"""The landmarks that are fitted: jaw at the ears, nose bridge, tip and base, corners of eyes and mouth. Brows, lips and
the chin move with the expression; the jaw between is placed on the outline, which is another part of a turned face."""

SHAPE = np.array(
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
"""Where these lie on an adult's face, in millimetres: x to the right of the picture, y down, z out of the face. Rounded
means of widths between the eyes' outer (90) and inner (34) corners, the mouth's corners (52) and the ears (140), of the
nose's height and of its tip's depth, as anthropometry tabulates them (Farkas, "Anthropometry of the head and face").
The jaw's ends lie before the ears, where annotators and detectors put them."""


def yaw(landmarks: NDArray[np.floating]) -> NDArray[np.float64]:
    """Estimate how far each face is turned to the side.

    Args:
        landmarks: (..., 68, 2) x and y in pixels, in the order of iBUG 300-W.

    Returns:
        float64 (...), degrees from -90 to 90: 0 looks at the camera, positive towards the right edge of the picture.
        Neither a tilt of the head nor its nod changes it, as far as the approximation goes.
    """
    points = np.asarray(landmarks, dtype=np.float64)[..., POINTS, :]
    centred = points - points.mean(axis=-2, keepdims=True)
    affine = np.swapaxes(centred, -1, -2) @ np.linalg.pinv(SHAPE - SHAPE.mean(axis=0)).T
    left, _, right = np.linalg.svd(affine, full_matrices=False)
    across, down = np.moveaxis(left @ right, -2, 0)
    towards = np.cross(across, down)
    return np.degrees(np.arcsin(np.clip(-towards[..., 0], -1, 1)))
