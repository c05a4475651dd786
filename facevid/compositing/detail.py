"""Keeping the plate's own detail: a generated face is softer than the picture it replaces.

The plate's pixels are moved as the generated face's landmarks move from reconstruction to edit. What the edit changes
beside that - teeth that appear, glasses, shading - is the difference of edit and reconstruction, both brought to the
shape of the moved plate first: a difference of shapes that do not match would leave ghosts, a second mouth over the
first. Between open lips nothing is added: what the plate shows there, teeth and dark, speaks in time.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from facevid.compositing.faces import EditedFace
from facevid.compositing.matte import lips_matte, mouth_matte
from facevid.compositing.placement import Placement
from facevid.compositing.warp import landmark_warp, warped

LUMA_BAND, CHROMA_BAND = 0.15, 0.03
"""Standard deviation of the Gaussian, as a share of the crop's side, below whose detail a slight difference is dropped:
the generator's idea of the light on a whole face is not the shot's, and of its colour even less."""

SOFTNESS = 2.5
"""The same in pixels of the generated face, above whose detail a slight difference is dropped: what an edit makes anew,
such as a mouth, is softer than what it takes away, and the finest difference of the two would blur the plate's own."""

SLIGHT, GREAT = 20.0, 45.0
"""Differences of the light, of 255: from slight ones, shading, to great ones, such as a beard or the rims of glasses,
which are there as a whole, with their colour and their finest detail."""

AROUND = 2.0
"""Standard deviation in pixels of the generated face, over which differences are averaged to be called great."""

INSIDE = 0.75
"""Of the matte, from where on a great difference may show: a beard ends at the jaw."""

LUMA = np.array([0.2126, 0.7152, 0.0722], dtype=np.float32)


def kept_detail(
    face: EditedFace,
    matte: NDArray[np.float32],
    plate: NDArray[np.uint8],
    placement: Placement,
    visible: NDArray[np.float32] | None,
) -> NDArray[np.float32]:
    """Build the edited face from the plate's pixels.

    Args:
        face: with its reconstruction and its change of shape.
        matte: float32 (S, S) in the crop's space, drawn around `face.moved_landmarks`.
        plate: uint8 (height, width, 3), the placement's region of the frame.
        placement: where the crop lies.
        visible: float32 (height, width), 0 where something is before the face, 1 elsewhere; None where nothing is.

    Returns:
        float32 (height, width, 3), 0 to 255 and a little beyond; the plate itself where the matte is 0, where something
        is before the face, and where its pixels would be fetched from.
    """
    assert face.shape is not None
    assert face.reconstruction is not None
    size, target = face.size, face.moved_landmarks
    soft = matte[..., None]
    motion = placement.to_region(landmark_warp(target, face.landmarks, size) * soft)
    frame_from_crop = np.linalg.inv(placement.to_crop[:, :2]).astype(np.float32)
    motion = motion @ frame_from_crop.T
    moved = warped(plate, motion)

    edited = warped(face.edited, landmark_warp(target, face.shape.after, size))
    reconstruction = warped(face.reconstruction, landmark_warp(target, face.shape.before, size))
    lips = lips_matte(target, size)
    shows = matte * (1 - mouth_matte(target, size))
    changed = moved + placement.to_region(_added(edited, reconstruction, matte, lips) * shows[..., None])
    if visible is None:
        return changed
    shown = np.minimum(visible, warped(visible, motion).clip(0, 1))
    return plate + (changed - plate) * shown[..., None]


def _added(
    edited: NDArray[np.float32],
    reconstruction: NDArray[np.float32],
    matte: NDArray[np.float32],
    lips: NDArray[np.float32],
) -> NDArray[np.float32]:
    """Take great differences whole, but those of the lips, and of slight ones what is neither broad nor fine."""
    difference = edited - reconstruction
    size = np.abs(cv2.GaussianBlur(difference @ LUMA, (0, 0), AROUND))
    great = ((size - SLIGHT) / (GREAT - SLIGHT)).clip(0, 1) * (1 - lips) * ((matte - INSIDE) / (1 - INSIDE)).clip(0, 1)
    slight = _band(difference, matte)
    return slight + cv2.GaussianBlur(great, (0, 0), AROUND / 2)[..., None] * (difference - slight)


def _band(difference: NDArray[np.float32], matte: NDArray[np.float32]) -> NDArray[np.float32]:
    """Drop what is the same over a large part of the face, and what is finer than the generator draws."""
    difference = cv2.GaussianBlur(difference, (0, 0), SOFTNESS)
    luma = (difference @ LUMA)[..., None]
    chroma = difference - luma
    return luma - _average(luma, matte, LUMA_BAND) + chroma - _average(chroma, matte, CHROMA_BAND)


def _average(picture: NDArray[np.float32], matte: NDArray[np.float32], share: float) -> NDArray[np.float32]:
    sigma = share * len(matte)
    weight = cv2.GaussianBlur(matte, (0, 0), sigma)[..., None] + 1e-3
    total = cv2.GaussianBlur(picture * matte[..., None], (0, 0), sigma)
    return total.reshape(picture.shape) / weight
