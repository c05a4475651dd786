"""Compositing of one edited face into its frame."""

import cv2
import numpy as np
from numpy.typing import NDArray

from facevid.appearance.apply import apply_change, place_change
from facevid.appearance.change import AppearanceChange
from facevid.appearance.draw_on_face import draw_on_face
from facevid.appearance.local_regions import strength_map
from facevid.appearance.measure import COLOUR_SIDE
from facevid.appearance.warp import warp
from facevid.compositing.cloning import feathered, seamless
from facevid.compositing.edge_refinement import visible_in_region
from facevid.compositing.edited_face import EditedFace, FaceMattes, FacePatch
from facevid.compositing.matte import face_matte
from facevid.compositing.placement import Placement, place
from facevid.options import Blend
from facevid.video import Frame

INTERPOLATION_REACH = 3
"""Distance, in pixels, at which bicubic interpolation still reaches a sample, rounded up."""


def composite_face(frame: Frame, face: EditedFace, blend: Blend, mattes: FaceMattes | None = None) -> FacePatch | None:
    """Compute the patch that composites `face` into `frame`; None where the face lies outside the frame.

    Args:
        frame: the plate.
        face: an appearance change of the plate, or a generated face.
        blend: how a generated face is blended into the plate; an appearance change needs no blending.
        mattes: limit the change and protect the plate; None does neither.
    """
    if face.change is not None:
        return change_plate(frame, face, face.change, mattes)
    assert face.picture is not None
    patch = replace_face(frame.rgb(), face, face.picture, blend)
    if patch and mattes:
        _apply_mattes(patch, mattes)
    return patch


def change_plate(
    frame: Frame, face: EditedFace, change: AppearanceChange, mattes: FaceMattes | None = None
) -> FacePatch | None:
    """Apply an appearance change to the pixels of the plate, at the plate's resolution and bit depth.

    Returns:
        the change; None where the face lies outside the frame.
    """
    placed = place_change(face.landmarks, change, frame.square_size[::-1])
    if placed is None:
        return None
    plate = frame.display_rgb(placed.x, placed.y, placed.width, placed.height)
    delta, motion = apply_change(placed, plate)
    if face.visibility is not None:
        to_crop = cv2.invertAffineTransform(face.crop_to_frame)
        to_crop[:, 2] += to_crop[:, :2] @ (placed.x, placed.y)
        placement = Placement(placed.x, placed.y, placed.width, placed.height, to_crop)
        visible = visible_in_region(face.visibility, face.size, plate * np.float32(255), placement)
        _keep_occluders(delta, motion, visible)
    delta *= np.float32(255)
    patch = FacePatch(placed.x, placed.y, delta, motion)
    if mattes:
        _apply_mattes(patch, mattes)
    return patch


def _keep_occluders(delta: NDArray[np.float32], motion: NDArray[np.float32], visible: NDArray[np.float32]) -> None:
    """Remove a change, in place, where the face is occluded.

    Args:
        delta: float32 (height, width, 3), the change.
        motion: float32 (height, width, 2), its warp, in pixels.
        visible: float32 (height, width), 0 to 1.
    """
    x, y, width, height = cv2.boundingRect((visible < 1).astype(np.uint8))
    if not width:
        return
    reach = int(np.abs(motion).max()) + INTERPOLATION_REACH
    box = slice(max(y - reach, 0), y + height + reach), slice(max(x - reach, 0), x + width + reach)
    # A pixel changes only if both its own place and the place it is sampled from are visible.
    delta[box] *= np.minimum(visible[box], warp(visible, motion, box).clip(0, 1))[..., None]


def replace_face(
    frame: NDArray[np.uint8], face: EditedFace, picture: NDArray[np.float32], blend: Blend
) -> FacePatch | None:
    """Replace the face of the plate by a generated face.

    Args:
        frame: uint8 (H, W, 3) RGB.
        face: place, visibility and opacity of the face.
        picture: float32 (S, S, 3) RGB, 0 to 255, the generated face.
        blend: "seamless" or "feather".

    Returns:
        the change; None where the face lies outside the frame.
    """
    placement = place(face.crop_to_frame, face.size, frame.shape[:2])
    if not placement.width or not placement.height:
        return None
    plate = np.ascontiguousarray(frame[placement.rows_and_columns])
    landmarks = cv2.transform(face.landmarks[None].astype(np.float64), cv2.invertAffineTransform(face.crop_to_frame))[0]
    matte = placement.to_region(face_matte(landmarks, face.size)).clip(0, 1)
    generated = placement.to_region(picture)
    visible = None
    if face.visibility is not None:
        # Occluded pixels are those of the plate before the cloning too, so that their colours do not spread.
        visible = visible_in_region(face.visibility, face.size, plate.astype(np.float32), placement)[..., None]
        generated = plate + (generated - plate) * visible
    delta = (seamless if blend == "seamless" else feathered)(generated, plate, matte) * np.float32(face.opacity)
    if face.regions:
        delta *= _region_factors(face, placement)
    return FacePatch(placement.x, placement.y, delta if visible is None else delta * visible)


def _apply_mattes(patch: FacePatch, mattes: FaceMattes) -> None:
    """Multiply the change of a patch by the mattes, in place."""
    height, width = patch.delta.shape[:2]
    region = slice(patch.y, patch.y + height), slice(patch.x, patch.x + width)
    if mattes.mask is not None:
        patch.delta[...] *= mattes.mask[region][..., None]
    if mattes.holdout is not None:
        free = 1 - mattes.holdout[region]
        if patch.motion is not None:  # protected pixels must not be warped into other pixels either
            free = np.minimum(free, warp(free, patch.motion).clip(0, 1))
        patch.delta[...] *= free[..., None]


def _region_factors(face: EditedFace, placement: Placement) -> NDArray[np.float32]:
    """Draw the factors of the regions on a generated face, float32 (height, width, 1)."""
    drawn = draw_on_face(
        strength_map(face.regions, COLOUR_SIDE)[..., None],
        face.landmarks - (placement.x, placement.y),
        (placement.width, placement.height),
        face.size / placement.scale,
    )
    return drawn.reshape(placement.height, placement.width, 1)
