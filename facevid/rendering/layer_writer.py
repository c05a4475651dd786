"""Write the layers of one segment of a clip: images of edited faces, mattes of their regions, and their warps."""

import json
import math
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from facevid.appearance.local_regions import LOCAL_REGIONS
from facevid.compositing import EditedFace, FacePatch
from facevid.errors import OutputError
from facevid.rendering.layer_maps import region_mattes, soft_alpha, st_map
from facevid.rendering.track_edit import TrackEdit
from facevid.utils.atomic_output import sync_path
from facevid.video import ClipInfo, Frame, Patch
from facevid.video.square_pixels import plate_box, square_pixel_scale
from facevid.video.writer.layer import Layer, layer_suffix, write_layer, write_map
from facevid.video.writer.segment_writer import write_index

MIN_NUMBER_DIGITS = 4
"""Least number of digits of a frame number in a file name; more where the source sequence has more."""

RIM_WIDTH = 0.03
"""Width of the soft edge of the alpha, and of the margin of full alpha inside it, as a share of the crop's side."""

CHROMA_MARGIN = 8
"""Margin around a patch, in pixels, in which samples can change: pixels outside the patch share chroma with pixels
inside it."""


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
        self._digits = max(MIN_NUMBER_DIGITS, plate.sequence.name.digits if plate.sequence else 0)
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

    def write(self, plate: Frame, edited: Frame, face: EditedFace, patch: FacePatch) -> None:
        """Write the layer that turns `plate` into `edited` when composited over it; safe to call from several threads.

        Args:
            plate: the frame before this face was composited; it contains the faces before it.
            edited: the frame with this face.
            face: the face.
            patch: the change from `plate` to `edited`.

        Raises:
            OutputError: the layer cannot be written.
        """
        rim = max(RIM_WIDTH * face.size * math.hypot(*face.crop_to_frame[:, 0]), 1.0)
        box = _expand_box(patch, math.ceil(2 * rim) + CHROMA_MARGIN, plate)
        rgb = edited.float_rgb(*box)
        changed = (rgb != plate.float_rgb(*box)).any(axis=2)
        layer = Layer(box[0], box[1], rgb, soft_alpha(changed, rim))
        number = self._plate.first_number + plate.index
        frame = f"{number:0{self._digits}d}"
        name = f"face{face.person}.{frame}{layer_suffix(self._plate)}"
        write_layer(self._path / name, self._folder / name, layer, self._plate, plate.index)
        self._add_file(name)
        entry = {"frame": number, "pts": plate.pts, "face": face.person, "file": name, "box": box}
        entry |= self._write_maps(face, patch, frame)
        self._lines[plate.index, len(self._lines)] = json.dumps(entry | self._describe(face, plate.index))

    def _write_maps(self, face: EditedFace, patch: FacePatch, frame: str) -> dict[str, str | None]:
        """Write the mattes of the regions and the ST map; return their file names."""
        name, plate = f"face{face.person}.regions.{frame}.exr", self._plate
        channels = tuple(f"region.{region}" for region in LOCAL_REGIONS)
        mattes, corner = region_mattes(face, patch, plate)
        write_map(self._path / name, self._folder / name, mattes, corner=corner, channels=channels, plate=plate)
        self._add_file(name)
        if patch.motion is None:
            return {"regions": name, "stmap": None}
        st_name = f"face{face.person}.stmap.{frame}.exr"
        places, path = st_map(patch.x, patch.y, patch.motion, plate), self._path / st_name
        write_map(path, self._folder / st_name, places, corner=(0, 0), channels=("R", "G"), plate=plate)
        self._add_file(st_name)
        return {"regions": name, "stmap": st_name}

    def _add_file(self, name: str) -> None:
        """Make a written file part of the segment."""
        sync_path(self._path / name)
        self._names.append(name)

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
            "strengths": [[each.attribute, round(float(each.strengths[offset]), 4)] for each in edit.edits],
        }


def _expand_box(patch: Patch, margin: int, frame: Frame) -> tuple[int, int, int, int]:
    """Return x, y, width, height of the patch with a margin, in plate pixels, clipped to the frame."""
    size = frame.width, frame.height
    box = patch.x, patch.y, patch.delta.shape[1], patch.delta.shape[0]
    x, y, width, height = box if frame.aspect == 1 else plate_box(box, square_pixel_scale(size, frame.aspect), size)
    left, top = max(x - margin, 0), max(y - margin, 0)
    right, bottom = min(x + width + margin, frame.width), min(y + height + margin, frame.height)
    return left, top, right - left, bottom - top
