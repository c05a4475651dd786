"""The `--compare` video: the original and the edit side by side, with the reconstruction between generated faces."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from facevid.rendering.frame_compositing import EditedFrame, composite_reconstructions
from facevid.video import ClipInfo

PANEL_SIDE = 640
"""Longest side of each panel, in pixels: three panels are at most 1920 pixels wide."""


@dataclass(frozen=True)
class Comparison:
    """Draws the panels of a frame side by side.

    There are two panels, original and edit, or three: between them the reconstruction, the generated faces before the
    edit, which show how well the model represents the face.

    Attributes:
        panel_size: width and height of a panel in pixels.
        reconstruct: whether to draw the reconstruction.
    """

    panel_size: tuple[int, int]
    reconstruct: bool

    @classmethod
    def of(cls, plate: ClipInfo, *, reconstruct: bool) -> "Comparison":
        """Choose the size of the panels for a clip."""
        width, height = plate.square_size
        scale = min(PANEL_SIDE / max(width, height), 1.0)
        return cls((max(round(width * scale), 1), max(round(height * scale), 1)), reconstruct)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of all panels together."""
        return (3 if self.reconstruct else 2) * self.panel_size[0], self.panel_size[1]

    def draw(self, frame: EditedFrame) -> NDArray[np.uint8]:
        """Draw the panels of one frame, uint8 (H, W, 3) RGB."""
        original = frame.plate.rgb()
        pictures = [original, frame.result.rgb()]
        if self.reconstruct:
            pictures.insert(1, composite_reconstructions(original, frame.faces))
        return np.ascontiguousarray(np.hstack([self._panel(picture) for picture in pictures]))

    def _panel(self, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
        return np.asarray(cv2.resize(picture, self.panel_size, interpolation=cv2.INTER_AREA), np.uint8)
