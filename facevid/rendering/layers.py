"""`--layers`: every edited face as a picture to be laid over the plate, and `layers.json`, which says where each lies.

A layer shows the face as it stands in the result. Its alpha is 1 wherever the edit changes a sample, and falls to 0
around, where the layer shows the plate itself. So a layer over its plate is the edited frame, whatever the colour
space they are merged in; several in a frame are laid over it in the order of the file. Only what of a video's samples
lies beyond its nominal range (super-white) is cut off in a PNG layer. The pictures are
`face<number>.<frame>.png`, or `.exr` (see `facevid.video.writer.layer`).

`layers.json` is one object:

    schema_version  1; raised when the meaning of a field changes
    source          the plate's path, as it was given
    width, height   of the plate as displayed, in pixels
    square_size     the same in square pixels, in which quads and crops are told
    display_window  x, y, width, height of the part that is displayed: less than all where OpenEXR files hold overscan
    time_base       seconds a unit of `pts`, as a fraction: "1/12800"
    premultiplied   whether the pictures are: EXR files are, PNG files are not
    layers          one object a layer, each on a line of its own, by frame

and of a layer:

    frame           the frame's number as in `--frames`: an image sequence's own, else counted from 0
    pts             its timestamp, an integer, in units of `time_base`
    face            the face's number, as `facevid inspect` shows it
    file            the picture, in the same folder
    box             x, y, width, height of the part that it may cover
    quad            [x, y] of the crop's corners top left, bottom left, bottom right, top right
    crop_to_frame   affine map from pixels of the crop to those of the plate: two rows of [x, y, 1]
    crop_size       side of the crop, in pixels
    presence        how much of an edit the face takes here, 0 to 1: it fades where a face comes, goes or turns away
    strengths       [attribute, strength] in the order applied; `presence` is in them

Pixels are those of the plate as displayed, y downwards; the centre of the top left pixel is [0, 0].
"""

import json
import math
import re
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import cv2
import numpy as np
from numpy.typing import NDArray

from facevid.compositing import EditedFace
from facevid.errors import OutputError
from facevid.rendering.generation import TrackEdit
from facevid.utils.atomic_output import HiddenFolder, check_folder
from facevid.video import ClipInfo, Frame, Patch
from facevid.video.square import plate_box, scale_of
from facevid.video.writer.layer import Layer, layer_suffix, write_layer

SCHEMA_VERSION = 1
INDEX = "layers.json"
DIGITS = 4

RIM = 0.03
"""Width of the alpha's soft rim, and of the margin of full alpha inside it, as a share of the crop's side."""

SPREAD = 8
"""Pixels by which a change may reach beyond its patch, where chroma is shared between pixels."""

_OURS = re.compile(r"layers\.json|face\d+\.\d+\.(png|exr)")


def check_layers(folder: Path, overwrite: bool) -> None:
    """Raise OutputError, with the remedy, where layers cannot be written to `folder`, which may be new."""
    check_folder(folder, folder)
    if not overwrite and _existing(folder):
        raise OutputError(f"{folder} holds layers already; choose another folder, or pass --overwrite")


class Layers:
    """Writes the layers of a clip into a hidden folder; a context manager, on leaving which all are moved to `folder`.

    Layers that were there before are replaced, other files left alone.
    """

    def __init__(self, folder: Path, plate: ClipInfo, edits: Sequence[TrackEdit]) -> None:
        self._folder, self._plate, self._edits = folder, plate, edits
        self._hidden = HiddenFolder(folder, folder)
        self._digits = max(DIGITS, plate.sequence.name.digits if plate.sequence else 0)
        self._lines: dict[tuple[int, int], str] = {}

    def __enter__(self) -> Self:
        self._hidden.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._finish()
        finally:
            self._hidden.__exit__(kind, error, trace)

    def write(self, plate: Frame, edited: Frame, face: EditedFace, patch: Patch) -> None:
        """Write the layer that takes `plate` to `edited`; several threads may call this at once. Raises OutputError.

        Args:
            plate: the frame with the faces before this one in it.
            edited: the frame with this face, too.
            face: which face it is, and where.
            patch: what was added to the frame.
        """
        rim = max(RIM * face.size * math.hypot(*face.crop_to_frame[:, 0]), 1.0)
        box = _grown(patch, math.ceil(2 * rim) + SPREAD, plate)
        rgb = edited.float_rgb(*box)
        changed = (rgb != plate.float_rgb(*box)).any(axis=2)
        layer = Layer(box[0], box[1], rgb, soft_cover(changed, rim))
        number = self._plate.first_number + plate.index
        name = f"face{face.number}.{number:0{self._digits}d}{layer_suffix(self._plate)}"
        write_layer(self._hidden.path / name, self._folder / name, layer, self._plate, plate.index)
        entry = {"frame": number, "pts": plate.pts, "face": face.number, "file": name, "box": box}
        self._lines[plate.index, len(self._lines)] = json.dumps(entry | self._placed(face, plate.index))

    def _placed(self, face: EditedFace, index: int) -> dict[str, Any]:
        own = (edit for edit in self._edits if edit.encoded.track.number == face.number)
        edit = next(edit for edit in own if edit.encoded.track.first <= index <= edit.encoded.track.last)
        offset = index - edit.encoded.track.first
        return {
            "quad": np.round(edit.encoded.quads[offset], 3).tolist(),
            "crop_to_frame": np.round(face.crop_to_frame, 6).tolist(),
            "crop_size": face.size,
            "presence": round(float(edit.encoded.edit_weights[offset]), 4),
            "strengths": [[attribute, round(float(values[offset]), 4)] for attribute, values in edit.strengths],
        }

    def _finish(self) -> None:
        clip = {
            "schema_version": SCHEMA_VERSION,
            "source": str(self._plate.path),
            "width": self._plate.width,
            "height": self._plate.height,
            "square_size": self._plate.square_size,
            "display_window": self._plate.display_window or (0, 0, self._plate.width, self._plate.height),
            "time_base": str(self._plate.time_base),
            "premultiplied": layer_suffix(self._plate) == ".exr",
        }
        lines = ",\n".join(self._lines[key] for key in sorted(self._lines))
        try:
            text = f'{json.dumps(clip)[:-1]}, "layers": [\n{lines}]}}\n'
            (self._hidden.path / INDEX).write_text(text, encoding="utf-8")
            made = [path.name for path in self._hidden.path.iterdir()]
        except OSError as error:
            raise OutputError(f"{self._folder} cannot be written: {error.strerror}; free some space") from error
        self._hidden.commit(made, _existing(self._folder))


def soft_cover(changed: NDArray[np.bool_], rim: float) -> NDArray[np.float32]:
    """Return an alpha, float32 (h, w): 1 up to `rim` pixels around what changed, bool (h, w), 0 from twice as far."""
    distance = cv2.distanceTransform((~changed).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return np.clip(2 - distance / np.float32(rim), 0, 1)


def _grown(patch: Patch, margin: int, frame: Frame) -> tuple[int, int, int, int]:
    """Return x, y, width and height of the patch with a margin around it, within the frame."""
    size = frame.width, frame.height
    box = patch.x, patch.y, patch.delta.shape[1], patch.delta.shape[0]
    x, y, width, height = box if frame.aspect == 1 else plate_box(box, scale_of(size, frame.aspect), size)
    left, top = max(x - margin, 0), max(y - margin, 0)
    right, bottom = min(x + width + margin, frame.width), min(y + height + margin, frame.height)
    return left, top, right - left, bottom - top


def _existing(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if _OURS.fullmatch(path.name)] if folder.is_dir() else []
