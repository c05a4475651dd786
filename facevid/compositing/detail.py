"""Keeping the plate's own detail: a generated face is softer than the picture it replaces.

Edits that change a face's shape move the plate's pixels as they move the generated face's landmarks. What they change
beside that, its shading, is the difference of the two generated faces, both brought to the shape of the moved plate
first: a difference of shapes that do not match would leave ghosts, a second mouth over the first. Between open lips
nothing is added: what the plate shows there, teeth and dark, speaks in time. Only where closed lips come apart does the
generated face show between them.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from facevid.compositing.edges import sharpened
from facevid.compositing.faces import EditedFace
from facevid.compositing.matte import inner, mouth_matte, opened_mouth_matte
from facevid.compositing.placement import Placement
from facevid.compositing.shape import parted
from facevid.compositing.warp import landmark_warp, warped

LUMA_BAND, CHROMA_BAND = 0.15, 0.03
"""Standard deviation of the Gaussian, as a share of the crop's side, below whose detail shading is dropped: the
generator's idea of the light on a whole face is not the shot's, and of its colour even less."""

SOFTNESS = 1.5
"""The same in pixels of the generated face, above whose detail shading is dropped: what an edit makes anew, such as a
mouth, is softer than what it takes away, and the finest difference of the two would blur the plate's own."""

LUMA = np.array([0.2126, 0.7152, 0.0722], dtype=np.float32)


def moved_detail(
    face: EditedFace,
    matte: NDArray[np.float32],
    plate: NDArray[np.uint8],
    placement: Placement,
    visible: NDArray[np.float32] | None,
) -> NDArray[np.float32]:
    """Compute what to add to the plate so that its own pixels make the face whose shape is edited.

    Poisson cloning has no place here: the face is the plate itself where the matte ends.

    Args:
        face: with its reconstruction and the change of its shape.
        matte: float32 (S, S) in the crop's space, drawn around `face.moved_landmarks`.
        plate: uint8 (height, width, 3), the placement's region of the frame.
        placement: where the crop lies.
        visible: float32 (height, width), 0 where something is before the face, 1 elsewhere; None where nothing is.

    Returns:
        float32 (height, width, 3), in units of 0 to 255; 0 where the matte is 0, where something is before the face,
        and where its pixels would be fetched from.
    """
    assert face.shape is not None
    assert face.reconstruction is not None
    size, target = face.size, face.moved_landmarks
    motion = placement.to_region(landmark_warp(target, face.landmarks, size) * matte[..., None])
    frame_from_crop = np.linalg.inv(placement.to_crop[:, :2]).astype(np.float32)
    motion = motion @ frame_from_crop.T
    moved = warped(plate, motion)
    edited = warped(face.edited, landmark_warp(target, face.shape.after, size))
    reconstruction = warped(face.reconstruction, landmark_warp(target, face.shape.before, size))
    new = parted(face.landmarks, target, size)
    if new:
        between = placement.to_region(new * opened_mouth_matte(target, size)).clip(0, 1)[..., None]
        moved += between * (sharpened(placement.to_region(edited), 1 / placement.scale) - moved)
    shows = face.shape.shown * inner(matte) * (1 - mouth_matte(target, size))
    change = moved - plate + placement.to_region(_shading(edited - reconstruction, matte) * shows[..., None])
    if visible is None:
        return change
    return change * np.minimum(visible, warped(visible, motion).clip(0, 1))[..., None]


def _shading(difference: NDArray[np.float32], matte: NDArray[np.float32]) -> NDArray[np.float32]:
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
