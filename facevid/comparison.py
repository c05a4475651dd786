"""`--compare`: original, reconstruction and edit side by side."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

import cv2
import numpy as np
from numpy.typing import NDArray

from facevid.compositing import EditedFace
from facevid.options import CompositingOptions
from facevid.rendering import set_into
from facevid.video import Clip, Frame, RgbWriter

PANEL_SIDE = 640
"""Longest side of each of the three pictures, in pixels."""

PLAIN = CompositingOptions(detail="replace", blend="feather")
"""The reconstruction is shown as the generator made it: it tells how well the model knows this face."""


class Comparison:
    """Writes the three pictures of every frame beside each other; a context manager as the writers are."""

    def __init__(self, out: str | Path, clip: Clip, overwrite: bool) -> None:
        width, height = clip.info.width, clip.info.height
        scale = min(PANEL_SIDE / max(width, height), 1.0)
        self._panel = max(round(width * scale), 1), max(round(height * scale), 1)
        self._writer = RgbWriter(out, clip, 3 * self._panel[0], self._panel[1], overwrite=overwrite)

    def __enter__(self) -> Self:
        self._writer.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._writer.__exit__(kind, error, trace)

    def write(self, frame: Frame, edited: Frame, faces: Sequence[EditedFace]) -> None:
        """Write one frame: as it came, with the faces' reconstructions set into it, and as it was edited."""
        original = frame.rgb()
        reconstruction = original
        unedited = [replace(f, edited=f.reconstruction, shape=None) for f in faces if f.reconstruction is not None]
        for _, patch in set_into(original, unedited, PLAIN):
            reconstruction = patch.applied_to(reconstruction)
        panels = [self._reduced(picture) for picture in (original, reconstruction, edited.rgb())]
        self._writer.write(np.ascontiguousarray(np.hstack(panels)), frame)

    def _reduced(self, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
        return cv2.resize(picture, self._panel, interpolation=cv2.INTER_AREA)
