"""Maps of a layer: its alpha, the mattes of the regions of the face, and the warp as an ST map."""

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from facevid.appearance.draw_on_face import draw_on_face
from facevid.appearance.local_regions import region_maps
from facevid.appearance.measure import COLOUR_SIDE
from facevid.compositing import EditedFace, FacePatch
from facevid.utils.distances import distance_to_zero
from facevid.video import ClipInfo
from facevid.video.square_pixels import plate_box, square_pixel_scale, to_plate


def region_mattes(face: EditedFace, patch: FacePatch, plate: ClipInfo) -> tuple[NDArray[np.float16], tuple[int, int]]:
    """Draw the mattes of all regions on the result, where the landmarks of the face are after its change.

    Returns:
        float16 (height, width, regions) in the plate's pixels, and x and y of the upper left one.
    """
    height, width = patch.delta.shape[:2]
    side = face.size * math.hypot(*face.crop_to_frame[:, 0])
    landmarks = face.landmarks - (patch.x, patch.y)
    if patch.motion is not None:
        columns, rows = np.rint(landmarks).astype(int).clip(0, (width - 1, height - 1)).T
        landmarks = landmarks - patch.motion[rows, columns]  # the motion leads from the result to the plate
    drawn = draw_on_face(np.moveaxis(region_maps(COLOUR_SIDE), 0, -1), landmarks, (width, height), side)
    if plate.aspect == 1:
        return drawn.astype(np.float16), (patch.x, patch.y)
    size, box = (plate.width, plate.height), (patch.x, patch.y, width, height)
    scale = square_pixel_scale(size, plate.aspect)
    target = plate_box(box, scale, size)
    return to_plate(drawn, box, target, scale).astype(np.float16), target[:2]


def st_map(x: int, y: int, motion: NDArray[np.float32], plate: ClipInfo) -> NDArray[np.float32]:
    """Draw a warp as an ST map of a whole frame.

    Args:
        x: left column of the warp.
        y: top row of the warp.
        motion: float32 (h, w, 2), offset in square pixels at which each pixel is sampled.
        plate: properties of the plate.

    Returns:
        float32 (height, width, 2) in the plate's pixels: S and T, with the origin at the bottom left corner.
    """
    width, height = plate.square_size
    columns, rows = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    places = np.dstack([columns, rows])
    places[y : y + motion.shape[0], x : x + motion.shape[1]] += motion
    shares = np.dstack([(places[..., 0] + 0.5) / width, 1 - (places[..., 1] + 0.5) / height]).astype(np.float32)
    if plate.aspect == 1:
        return shares
    return np.asarray(cv2.resize(shares, (plate.width, plate.height), interpolation=cv2.INTER_LINEAR), np.float32)


def soft_alpha(changed: NDArray[np.bool_], rim: float) -> NDArray[np.float32]:
    """Draw an alpha with a soft edge around the changed pixels.

    Args:
        changed: bool (H, W), True where the edit changes a sample.
        rim: width, in pixels, of the margin of full alpha around these, and of the soft edge around the margin.

    Returns:
        float32 (H, W), 0 to 1.
    """
    distance = distance_to_zero((~changed).astype(np.uint8))
    return np.asarray(np.clip(2 - distance / np.float32(rim), 0, 1), np.float32)
