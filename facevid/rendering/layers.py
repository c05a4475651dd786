"""The `--layers` output: each edited face as an image to composite over the plate, and `layers.json` to describe them.

A layer shows the face as it is in the result. Its alpha is 1 where the edit changes a sample, and falls to 0 around it,
where the layer has the colours of the plate. So a layer over its plate gives the edited frame in any colour space.
Several layers of a frame are composited in the order of the file. PNG layers clip samples outside the nominal range of
a video (super-white). The images are named `face<number>.<frame>.png` or `.exr` (see `facevid.video.writer.layer`).

`layers.json` is one object:

    schema_version  1; increases when the meaning of a field changes
    source          path of the plate, as given on the command line
    width, height   size of the plate as displayed, in pixels
    square_size     size of the plate in square pixels, the unit of quads and crops
    display_window  x, y, width, height of the displayed part, in pixels: the whole plate unless OpenEXR files hold
                    overscan
    time_base       unit of `pts` in seconds, as a fraction: "1/12800"
    premultiplied   whether colours are multiplied by alpha: true for EXR files, false for PNG files
    layers          list of layers, sorted by frame, one line each

A layer is an object:

    frame           frame number, as in `--frames`: an image sequence's own number, else counted from 0
    pts             timestamp of the frame, an integer in units of `time_base`
    face            number of the face, as in `facevid inspect`
    file            file name of the image, in the same folder
    box             x, y, width, height of the part of the plate outside which alpha is 0
    quad            [x, y] of the crop's corners: top left, bottom left, bottom right, top right
    crop_to_frame   affine map from crop pixels to plate pixels: two rows, multiplied by [x, y, 1]
    crop_size       side of the crop, in pixels
    edit_weight     edit weight of the face in this frame, 0 to 1
    strengths       [attribute, strength] of each edit in the order of application, already multiplied by the edit
                    weight

Pixel coordinates refer to the plate as displayed, with y downwards; the centre of the top left pixel is [0, 0].
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
from facevid.rendering.track_edit import TrackEdit
from facevid.utils.atomic_output import TemporaryFolder, check_folder, link_or_copy, sync_file
from facevid.video import ClipInfo, Frame, Patch
from facevid.video.square import plate_box, scale_of
from facevid.video.writer.layer import Layer, layer_suffix, write_layer
from facevid.video.writer.segment import read_index, write_index

SCHEMA_VERSION = 1
"""Version of `layers.json`."""

INDEX = "layers.json"
"""Name of the file that describes the layers."""

MIN_DIGITS = 4
"""Least number of digits of a frame number in a file name; more where the source sequence has more."""

RIM = 0.03
"""Width of the soft edge of the alpha, and of the margin of full alpha inside it, as a share of the crop's side."""

CHROMA_MARGIN = 8
"""Margin around a patch, in pixels, in which samples can change: pixels outside the patch share chroma with pixels
inside it."""

_LAYER_FILE = re.compile(r"layers\.json|face\d+\.\d+\.(png|exr)")


def check_layers(folder: Path, overwrite: bool) -> None:
    """Check that layers can be written to `folder`, which need not exist.

    Raises:
        OutputError: the folder cannot be written to, or it contains layers and `overwrite` is False.
    """
    check_folder(folder, folder)
    if not overwrite and layer_files(folder):
        raise OutputError(f"{folder} contains layers already; choose another folder, or pass --overwrite")


class LayerWriter:
    """Writes the layers of one segment of a clip; a context manager.

    Args:
        path: names the segment: the images are written to this folder, and described in `PATH.json` at the end.
        folder: final folder of the layers, named in messages.
        plate: properties of the clip.
        edits: of the tracks in the segment.
    """

    def __init__(self, path: Path, folder: Path, plate: ClipInfo, edits: Sequence[TrackEdit]) -> None:
        self._path, self._folder, self._plate, self._edits = path, folder, plate, edits
        self._digits = max(MIN_DIGITS, plate.sequence.name.digits if plate.sequence else 0)
        self._lines: dict[tuple[int, int], str] = {}
        self._names: list[str] = []

    def __enter__(self) -> Self:
        try:
            self._path.mkdir(exist_ok=True)
        except OSError as error:
            raise OutputError(f"{self._folder} cannot be written: {error.strerror}; free some space") from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            lines = [self._lines[key] for key in sorted(self._lines)]
            write_index(self._path, {"files": sorted(self._names), "layers": lines})

    def write(self, plate: Frame, edited: Frame, face: EditedFace, patch: Patch) -> None:
        """Write the layer that turns `plate` into `edited` when composited over it; safe to call from several threads.

        Args:
            plate: the frame before this face was composited; it contains the faces before it.
            edited: the frame with this face.
            face: the face.
            patch: the change from `plate` to `edited`.

        Raises:
            OutputError: the layer cannot be written.
        """
        rim = max(RIM * face.size * math.hypot(*face.crop_to_frame[:, 0]), 1.0)
        box = _expand_box(patch, math.ceil(2 * rim) + CHROMA_MARGIN, plate)
        rgb = edited.float_rgb(*box)
        changed = (rgb != plate.float_rgb(*box)).any(axis=2)
        layer = Layer(box[0], box[1], rgb, soft_alpha(changed, rim))
        number = self._plate.first_number + plate.index
        name = f"face{face.person}.{number:0{self._digits}d}{layer_suffix(self._plate)}"
        write_layer(self._path / name, self._folder / name, layer, self._plate, plate.index)
        with (self._path / name).open("rb") as file:
            sync_file(file)
        self._names.append(name)
        entry = {"frame": number, "pts": plate.pts, "face": face.person, "file": name, "box": box}
        self._lines[plate.index, len(self._lines)] = json.dumps(entry | self._describe(face, plate.index))

    def _describe(self, face: EditedFace, index: int) -> dict[str, Any]:
        """Return the fields of `layers.json` for a face of the frame `index`."""
        edits_of_person = (edit for edit in self._edits if edit.encoded.track.person == face.person)
        edit = next(edit for edit in edits_of_person if edit.encoded.track.first <= index <= edit.encoded.track.last)
        offset = index - edit.encoded.track.first
        return {
            "quad": np.round(edit.encoded.quads[offset], 3).tolist(),
            "crop_to_frame": np.round(face.crop_to_frame, 6).tolist(),
            "crop_size": face.size,
            "edit_weight": round(float(edit.encoded.edit_weights[offset]), 4),
            "strengths": [[attribute, round(float(values[offset]), 4)] for attribute, values in edit.strengths],
        }


def join_layers(segments: Sequence[Path], folder: Path, plate: ClipInfo) -> None:
    """Write `layers.json`, and move all layers to their final folder. Existing layers there are replaced.

    Args:
        segments: paths of the segments, as from `LayerWriter`, in order.
        folder: final folder; other files in it stay.
        plate: properties of the clip.

    Raises:
        OutputError: the folder cannot be written.
    """
    clip = {
        "schema_version": SCHEMA_VERSION,
        "source": str(plate.path),
        "width": plate.width,
        "height": plate.height,
        "square_size": plate.square_size,
        "display_window": plate.display_window or (0, 0, plate.width, plate.height),
        "time_base": str(plate.time_base),
        "premultiplied": layer_suffix(plate) == ".exr",
    }
    with TemporaryFolder(folder, folder) as hidden:
        lines, names = [], [INDEX]
        for segment in segments:
            index = read_index(segment)
            lines += index["layers"]
            names += index["files"]
            for name in index["files"]:
                link_or_copy(segment / name, hidden.path / name, folder)
        try:
            joined = ",\n".join(lines)
            text = f'{json.dumps(clip)[:-1]}, "layers": [\n{joined}]}}\n'
            (hidden.path / INDEX).write_text(text, encoding="utf-8")
        except OSError as error:
            raise OutputError(f"{folder} cannot be written: {error.strerror}; free some space") from error
        hidden.commit(names, layer_files(folder))


def soft_alpha(changed: NDArray[np.bool_], rim: float) -> NDArray[np.float32]:
    """Draw an alpha with a soft edge around the changed pixels.

    Args:
        changed: bool (H, W), True where the edit changes a sample.
        rim: width, in pixels, of the margin of full alpha around these, and of the soft edge around the margin.

    Returns:
        float32 (H, W), 0 to 1.
    """
    distance = cv2.distanceTransform((~changed).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return np.asarray(np.clip(2 - distance / np.float32(rim), 0, 1), np.float32)


def _expand_box(patch: Patch, margin: int, frame: Frame) -> tuple[int, int, int, int]:
    """Return x, y, width, height of the patch with a margin, in plate pixels, clipped to the frame."""
    size = frame.width, frame.height
    box = patch.x, patch.y, patch.delta.shape[1], patch.delta.shape[0]
    x, y, width, height = box if frame.aspect == 1 else plate_box(box, scale_of(size, frame.aspect), size)
    left, top = max(x - margin, 0), max(y - margin, 0)
    right, bottom = min(x + width + margin, frame.width), min(y + height + margin, frame.height)
    return left, top, right - left, bottom - top


def layer_files(folder: Path) -> list[Path]:
    """List the layers in a folder and the file that describes them; empty if there is no such folder."""
    return [path for path in folder.iterdir() if _LAYER_FILE.fullmatch(path.name)] if folder.is_dir() else []
