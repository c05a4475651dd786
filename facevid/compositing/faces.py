"""What compositing is given: a generated face before and after its edit, and where it belongs."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class EditedFace:
    """One face of one frame, generated twice: from its code, and from its edited code.

    Landmarks are (68, 2), as indices of the crop's pixels.

    Attributes:
        crop_to_frame: float64 (2, 3), from indices of the crop's pixels to indices of the frame's.
        reconstruction, edited: float32 (S, S, 3) RGB, 0 to 255.
        landmarks: of the face in the plate.
        reconstruction_landmarks, edited_landmarks: of the generated faces.
    """

    crop_to_frame: NDArray[np.float64]
    reconstruction: NDArray[np.float32]
    edited: NDArray[np.float32]
    landmarks: NDArray[np.floating]
    reconstruction_landmarks: NDArray[np.floating]
    edited_landmarks: NDArray[np.floating]

    @property
    def size(self) -> int:
        """Side of the generated pictures, in pixels."""
        return self.edited.shape[0]

    @property
    def moved_landmarks(self) -> NDArray[np.floating]:
        """Where the plate's landmarks go: they move as those of the generated face do."""
        return self.landmarks + self.edited_landmarks - self.reconstruction_landmarks
