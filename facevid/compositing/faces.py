"""What compositing is given: an edited face, and where it belongs."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from facevid.appearance.change import AppearanceChange


@dataclass(frozen=True)
class EditedFace:
    """One face of one frame; generated pictures are float32 (S, S, 3) RGB, 0 to 255.

    Attributes:
        number: which face of the clip it is.
        size: side S of the crop in pixels.
        crop_to_frame: float64 (2, 3), from indices of the crop's pixels to indices of the frame's.
        landmarks: (68, 2) of the face in the plate, as indices of the frame's pixels.
        change: what is done to the plate's own pixels; None where a picture replaces them.
        picture: the generated face, edited; None where the plate's own pixels are changed.
        reconstruction: the generated face before its edit; None where nobody asked for it.
        opacity: how much of a generated face shows, 0 to 1.
        visibility: (V, V) in the crop's space, 0 where something is before the face, 1 elsewhere; None where nothing
            is.
    """

    number: int
    size: int
    crop_to_frame: NDArray[np.float64]
    landmarks: NDArray[np.floating]
    change: AppearanceChange | None = None
    picture: NDArray[np.float32] | None = None
    reconstruction: NDArray[np.float32] | None = None
    opacity: float = 1.0
    visibility: NDArray[np.generic] | None = None
