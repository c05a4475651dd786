"""What edits of a face's surface change, such as glasses, a beard or lipstick.

They move nothing: landmarks would take the rims of glasses for brows. What they alone change is added as it is, moved
along with the face where other edits change its shape.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from facevid.compositing.detail import LUMA
from facevid.compositing.edges import sharpened
from facevid.compositing.faces import EditedFace
from facevid.compositing.hair import DARKEST, hair_change
from facevid.compositing.matte import face_outline, filled, inner, surface_matte
from facevid.compositing.placement import Placement
from facevid.compositing.warp import landmark_warp, warped

UNCHANGED, CHANGED = 12.0, 28.0
"""Differences of a colour, on a face as light as `LIGHT`: up to the first one an edit is taken to leave a pixel as it
was, from the second on it is taken whole."""

AROUND = 5, 1.5
"""Pixels of the generated face: how far around a change it reaches, and how softly it ends."""

STAIN = 8.0
"""Difference of a colour, on such a face, up to which nothing is taken to be dyed; from twice as much on it is."""

LIGHT, DIMMEST = 140.0, 0.3
"""Light of 255 that a face has in the middle, and the least share of it: on dark faces less is taken for a change."""


def surface_change(
    face: EditedFace, matte: NDArray[np.float32], plate: NDArray[np.uint8], placement: Placement
) -> NDArray[np.float32]:
    """Compute what to add to the plate.

    Args:
        face: with its reconstruction, and with each edit of its surface.
        matte: float32 (S, S) in the crop's space, drawn around `face.moved_landmarks`.
        plate: uint8 (height, width, 3), the placement's region of the frame.
        placement: where the crop lies.

    Returns:
        float32 (height, width, 3), in units of 0 to 255; 0 wherever nothing changes.
    """
    assert face.shape is not None
    assert face.reconstruction is not None
    size, target = face.size, face.moved_landmarks
    warp = landmark_warp(target, face.shape.before, size)
    reconstruction = warped(face.reconstruction, warp)
    lightness = float(np.clip(_middle(reconstruction, matte) @ LUMA / LIGHT, DIMMEST, 1))
    on_face, on_hair = np.zeros_like(reconstruction), np.zeros(plate.shape, np.float32)
    for surface in face.surfaces:
        difference = warped(surface.edited, warp) - reconstruction
        difference -= _middle(difference, matte)
        difference = _without_stains(difference, reconstruction, STAIN * lightness)
        shows = _changes(difference / lightness) * surface_matte(surface.region, matte, target)
        if surface.region == "hair":
            below_brows = filled(face_outline(target, 0), size)
            on_hair += hair_change(
                difference, shows, reconstruction, plate, placement, face=below_brows, lightness=lightness
            )
        else:
            on_face += difference * shows[..., None]
    return on_hair + sharpened(placement.to_region(on_face), 1 / placement.scale)


def _middle(picture: NDArray[np.float32], matte: NDArray[np.float32]) -> NDArray[np.float32]:
    """Take the median of a face, (3,). What happens to most of it is the generator's idea of the light, no beard."""
    face = picture[inner(matte) > 0]
    return np.median(face, axis=0) if len(face) else np.zeros(3, np.float32)


def _without_stains(difference: NDArray[np.float32], face: NDArray[np.float32], slight: float) -> NDArray[np.float32]:
    """Drop slight changes of colour beside those of the light: beards come in no green."""
    lighter = (difference @ LUMA) / np.maximum(face @ LUMA, DARKEST)
    of_light = face * lighter[..., None]
    of_colour = difference - of_light
    size = cv2.GaussianBlur(np.abs(of_colour).max(axis=-1), (0, 0), AROUND[1])
    return of_light + of_colour * ((size - slight) / slight).clip(0, 1)[..., None]


def _changes(difference: NDArray[np.float32]) -> NDArray[np.float32]:
    """Tell where a face changes, 0 to 1."""
    reach, softness = AROUND
    size = np.abs(difference).max(axis=-1)
    nearby = cv2.GaussianBlur(cv2.dilate(size, np.ones((reach, reach), np.uint8)), (0, 0), softness)
    return ((nearby - UNCHANGED) / (CHANGED - UNCHANGED)).clip(0, 1)
