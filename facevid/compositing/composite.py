"""Setting an edited face into its frame."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from facevid.compositing.cloning import feathered, seamless
from facevid.compositing.detail import moved_detail
from facevid.compositing.edges import visible_in_region
from facevid.compositing.faces import EditedFace
from facevid.compositing.matte import face_matte
from facevid.compositing.placement import place
from facevid.options import CompositingOptions


@dataclass(frozen=True)
class Patch:
    """What to add to a frame.

    Attributes:
        x, y: its top left pixel in the frame.
        delta: float32 (h, w, 3) RGB, in units of 0 to 255; 0 wherever the frame is to stay as it is.
    """

    x: int
    y: int
    delta: NDArray[np.float32]

    def applied_to(self, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return the picture, uint8 (H, W, 3) RGB, with the change added."""
        height, width = self.delta.shape[:2]
        result = picture.copy()
        region = result[self.y : self.y + height, self.x : self.x + width]
        region[...] = np.rint(region + self.delta).clip(0, 255)
        return result


def composite(frame: NDArray[np.uint8], face: EditedFace, options: CompositingOptions) -> Patch | None:
    """Compute the change that sets `face` into `frame`.

    Args:
        frame: uint8 (H, W, 3) RGB.
        face: as the generator made it, and where it belongs.
        options: `detail` must be chosen, not None.

    Returns:
        The change; None where the face lies outside the frame.
    """
    placement = place(face.crop_to_frame, face.size, frame.shape[:2])
    if not placement.width or not placement.height:
        return None
    plate = np.ascontiguousarray(frame[placement.rows_and_columns])
    matte = face_matte(face.moved_landmarks, face.size)
    visible = None if face.visibility is None else visible_in_region(face.visibility, face.size, plate, placement)
    if options.detail == "keep":
        delta = moved_detail(face, matte, plate, placement, visible)
    else:
        replaced = placement.to_region(face.edited)
        if visible is not None:
            replaced = plate + (replaced - plate) * visible[..., None]
        blend = seamless if options.blend == "seamless" else feathered
        delta = blend(replaced, plate, placement.to_region(matte).clip(0, 1)) * np.float32(face.opacity)
    if visible is not None:
        delta *= visible[..., None]
    return Patch(placement.x, placement.y, delta)
