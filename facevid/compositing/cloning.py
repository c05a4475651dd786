"""Setting a face into its plate: Poisson cloning (Perez, Gangnet and Blake, SIGGRAPH 2003), or a feathered matte."""

import cv2
import numpy as np
from numpy.typing import NDArray

MATTE_THRESHOLD = 0.3


def seamless(face: NDArray[np.float32], plate: NDArray[np.uint8], matte: NDArray[np.float32]) -> NDArray[np.float32]:
    """Clone the face's gradients into the plate where the matte is above a threshold.

    Args:
        face: float32 (H, W, 3), 0 to 255.
        plate: uint8 (H, W, 3), in the face's colour order.
        matte: float32 (H, W), 0 to 1.

    Returns:
        float32 (H, W, 3): what to add to the plate; 0 outside the mask.
    """
    mask = np.where(matte > MATTE_THRESHOLD, np.uint8(255), np.uint8(0))
    # OpenCV centres the mask's bounding box on the given point, and fails on a mask that touches the plate's edge.
    mask[0] = mask[-1] = mask[:, 0] = mask[:, -1] = 0
    x, y, width, height = cv2.boundingRect(mask)
    if not width or not height:
        return np.zeros_like(face)
    source = np.rint(face.clip(0, 255)).astype(np.uint8)
    # The mask is overwritten by the call.
    cloned = cv2.seamlessClone(source, plate, mask.copy(), (x + width // 2, y + height // 2), cv2.NORMAL_CLONE)
    difference = cloned.astype(np.float32) - plate
    difference[mask == 0] = 0
    return difference


def feathered(face: NDArray[np.float32], plate: NDArray[np.uint8], matte: NDArray[np.float32]) -> NDArray[np.float32]:
    """Mix the face into the plate by the matte alone; arguments and result as for `seamless`."""
    return (face - plate) * matte[..., None]
