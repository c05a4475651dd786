"""Blending of a generated face into the plate: Poisson cloning (Perez, Gangnet and Blake, SIGGRAPH 2003) or a matte."""

import cv2
import numpy as np
from numpy.typing import NDArray

MATTE_THRESHOLD = 0.3
"""Matte value above which a pixel is cloned; Poisson cloning needs a binary mask."""


def seamless(face: NDArray[np.float32], plate: NDArray[np.uint8], matte: NDArray[np.float32]) -> NDArray[np.float32]:
    """Clone the gradients of the face into the plate where the matte exceeds `MATTE_THRESHOLD`.

    Args:
        face: float32 (H, W, 3), 0 to 255.
        plate: uint8 (H, W, 3), in the colour order of `face`.
        matte: float32 (H, W), 0 to 1.

    Returns:
        float32 (H, W, 3), the difference to add to the plate; 0 outside the mask.
    """
    mask = np.where(matte > MATTE_THRESHOLD, np.uint8(255), np.uint8(0))
    # OpenCV fails on a mask that touches the edge of the plate, and places the centre of the mask's bounding box at the
    # given point.
    mask[0] = mask[-1] = mask[:, 0] = mask[:, -1] = 0
    x, y, width, height = cv2.boundingRect(mask)
    if not width or not height:
        return np.zeros_like(face)
    source = np.rint(face.clip(0, 255)).astype(np.uint8)
    # seamlessClone overwrites its mask, so it gets a copy.
    cloned = cv2.seamlessClone(source, plate, mask.copy(), (x + width // 2, y + height // 2), cv2.NORMAL_CLONE)
    difference = np.asarray(cloned.astype(np.float32) - plate)
    difference[mask == 0] = 0
    return difference


def feathered(face: NDArray[np.float32], plate: NDArray[np.uint8], matte: NDArray[np.float32]) -> NDArray[np.float32]:
    """Blend the face into the plate by the matte alone; arguments and result are those of `seamless`."""
    return (face - plate) * matte[..., None]
