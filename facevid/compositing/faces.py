"""What compositing is given: a generated face before and after its edit, and where it belongs."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from facevid.compositing.shape import moved_landmarks


@dataclass(frozen=True)
class ShapeChange:
    """How an edit changes the shape of a generated face, in one frame.

    Attributes:
        before, after: its landmarks in `EditedFace.reconstruction` and with the edits that move them, (68, 2) each,
            as indices of the crop's pixels.
        shift: how far the edit moves each, (68, 2), steadied over time: `after - before` trembles as lips speak.
        wider, apart: how the edit changes the gap between the lips; see `shape.LipChange`.
        shown: how much of all this shows in the plate, 0 to 1.
    """

    before: NDArray[np.floating]
    after: NDArray[np.floating]
    shift: NDArray[np.floating]
    wider: float = 1.0
    apart: float = 0.0
    shown: float = 1.0


@dataclass(frozen=True)
class EditedFace:
    """One face of one frame, as the generator made it; its pictures are float32 (S, S, 3) RGB, 0 to 255.

    Attributes:
        size: side S of the generated pictures, in pixels.
        crop_to_frame: float64 (2, 3), from indices of the crop's pixels to indices of the frame's.
        landmarks: (68, 2) of the face in the plate, as indices of the crop's pixels.
        edited: with all edits.
        reconstruction: without any; needed to keep the plate's detail and to compare, else None.
        shape: how the edit moves the generated face; needed to keep the plate's detail, else None.
        opacity: how much of a face that replaces the plate's shows, 0 to 1.
        number: which face of the clip it is.
        visibility: (V, V) in the crop's space, 0 where something is before the face, 1 elsewhere; None where nothing
            is.
    """

    size: int
    crop_to_frame: NDArray[np.float64]
    landmarks: NDArray[np.floating]
    edited: NDArray[np.float32]
    reconstruction: NDArray[np.float32] | None = None
    shape: ShapeChange | None = None
    opacity: float = 1.0
    number: int = 0
    visibility: NDArray[np.generic] | None = None

    @property
    def moved_landmarks(self) -> NDArray[np.floating]:
        """Where the plate's landmarks go: they move as those of the generated face do."""
        if self.shape is None:
            return self.landmarks
        shape = self.shape
        moved = moved_landmarks(self.landmarks, shape.shift, shape.wider, shape.apart, self.size)
        return self.landmarks + shape.shown * (moved - self.landmarks)
