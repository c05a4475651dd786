"""`--compare`: original and edit side by side, and between them the reconstruction where generated faces are used."""

from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import cv2
import numpy as np
from numpy.typing import NDArray

from facevid.compositing.composite import replace_face
from facevid.compositing.faces import EditedFace
from facevid.video import Clip, Frame, RgbWriter

PANEL_SIDE = 640
"""Longest side of each picture, in pixels."""


class Comparison:
    """Writes pictures of every frame beside each other; a context manager as the writers are.

    With `reconstruct` there are three: the reconstruction is shown as the generator made it, and tells how well the
    model knows the face.
    """

    def __init__(self, out: str | Path, clip: Clip, *, reconstruct: bool, overwrite: bool) -> None:
        width, height = clip.info.square_size
        scale = min(PANEL_SIDE / max(width, height), 1.0)
        self._panel = max(round(width * scale), 1), max(round(height * scale), 1)
        self._reconstruct = reconstruct
        self._writer = RgbWriter(
            out, clip, (3 if reconstruct else 2) * self._panel[0], self._panel[1], overwrite=overwrite
        )

    def __enter__(self) -> Self:
        self._writer.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._writer.__exit__(kind, error, trace)

    def write(self, frame: Frame, edited: Frame, faces: Sequence[EditedFace]) -> None:
        """Write one frame: as it came, perhaps with its faces' reconstructions in their place, and as it was edited."""
        original = frame.rgb()
        pictures = [original, edited.rgb()]
        if self._reconstruct:
            pictures.insert(1, _with_reconstructions(original, faces))
        panels = [self._reduced(picture) for picture in pictures]
        self._writer.write(np.ascontiguousarray(np.hstack(panels)), frame)

    def _reduced(self, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
        return cv2.resize(picture, self._panel, interpolation=cv2.INTER_AREA)


def _with_reconstructions(picture: NDArray[np.uint8], faces: Sequence[EditedFace]) -> NDArray[np.uint8]:
    for face in faces:
        patch = None if face.reconstruction is None else replace_face(picture, face, face.reconstruction, "feather")
        picture = picture if patch is None else patch.applied_to(picture)
    return picture
