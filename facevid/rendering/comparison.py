"""The `--compare` video: the original and the edit side by side, with the reconstruction between generated faces."""

from pathlib import Path
from types import TracebackType
from typing import Self

import cv2
import numpy as np
from numpy.typing import NDArray

from facevid.rendering.frame import EditedFrame, composite_reconstructions
from facevid.video import Clip, RgbWriter

PANEL_SIDE = 640
"""Longest side of each panel, in pixels: three panels are at most 1920 pixels wide."""


class Comparison:
    """Writes the panels of every frame side by side; use it as a context manager.

    With `reconstruct` there are three panels: original, reconstruction (the generated faces before the edit, which
    show how well the model represents the face) and edit. Without it there are two: original and edit.
    """

    def __init__(self, out: str | Path, clip: Clip, *, reconstruct: bool, overwrite: bool) -> None:
        width, height = clip.info.square_size
        scale = min(PANEL_SIDE / max(width, height), 1.0)
        self._panel_size = max(round(width * scale), 1), max(round(height * scale), 1)
        self._reconstruct = reconstruct
        panel_count = 3 if reconstruct else 2
        self._writer = RgbWriter(out, clip, panel_count * self._panel_size[0], self._panel_size[1], overwrite=overwrite)

    def __enter__(self) -> Self:
        self._writer.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._writer.__exit__(kind, error, trace)

    def write(self, frame: EditedFrame) -> None:
        """Write the panels of one frame."""
        original = frame.plate.rgb()
        pictures = [original, frame.result.rgb()]
        if self._reconstruct:
            pictures.insert(1, composite_reconstructions(original, frame.faces))
        panels = [self._panel(picture) for picture in pictures]
        self._writer.write(np.ascontiguousarray(np.hstack(panels)), frame.plate)

    def _panel(self, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
        return np.asarray(cv2.resize(picture, self._panel_size, interpolation=cv2.INTER_AREA), np.uint8)
