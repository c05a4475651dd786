"""The `--layers` output: each edited face as an image to composite over the plate, and `layers.json` to describe them.

A layer shows the face as it is in the result. Its alpha is 1 where the edit changes a sample, and falls to 0 around it,
where the layer has the colours of the plate. So a layer over its plate gives the edited frame in any colour space.
Several layers of a frame are composited in the order of the file. PNG layers clip samples outside the nominal range of
a video (super-white). The images are named `face<number>.<frame>.png` or `.exr` (see `facevid.video.writer.layer`).

Beside each layer lie two OpenEXR files of the plate's size:

- `face<number>.regions.<frame>.exr` has a matte for each region of `facevid.appearance.local_regions`, as the channels
  `region.eyes`, `region.mouth` and so on, half floats from 0 to 1.
- `face<number>.stmap.<frame>.exr` has the warp of the edit as an ST map, float32: for each pixel of the result, R and G
  are the place (S, T) of the plate to sample, in shares of its width and height. The origin is the bottom left corner,
  and the centre of the bottom left pixel is (0.5 / width, 0.5 / height), as in Nuke's STMap. It is the identity outside
  the face. It has the whole warp, before any matte and any occlusion; colours and texture are not in it, nor the inside
  of an opened mouth. Generated faces (`--detail replace`) have no warp, and no such file.

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

A run that writes a part of the frames locks the hidden file `.layers.lock` while it adds its layers; the file stays.

A layer is an object:

    frame           frame number, as in `--frames`: an image sequence's own number, else counted from 0
    pts             timestamp of the frame, an integer in units of `time_base`
    face            number of the face, as in `facevid inspect`
    file            file name of the image, in the same folder
    regions         file name of the mattes of the regions
    stmap           file name of the ST map; null for a generated face
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
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import cv2
import numpy as np
from filelock import FileLock
from numpy.typing import NDArray

from facevid.appearance.draw_on_face import draw_on_face
from facevid.appearance.local_regions import LOCAL_REGIONS, region_maps
from facevid.appearance.measure import COLOUR_SIDE
from facevid.compositing import EditedFace, FacePatch
from facevid.errors import OutputError, reason
from facevid.rendering.track_edit import TrackEdit
from facevid.utils.atomic_output import NO_LOCKS, TemporaryFolder, check_folder, link_or_copy, sync_path
from facevid.utils.distances import distance_to_zero
from facevid.video import ClipInfo, Frame, Patch
from facevid.video.square_pixels import plate_box, square_pixel_scale, to_plate
from facevid.video.writer.layer import Layer, layer_suffix, write_layer, write_map
from facevid.video.writer.segment_writer import read_index, write_index

SCHEMA_VERSION = 1
"""Version of `layers.json`."""

INDEX = "layers.json"
"""Name of the file that describes the layers."""

LOCK = ".layers.lock"
"""File in the folder that is locked while a process adds the layers of a part of the frames."""

MIN_DIGITS = 4
"""Least number of digits of a frame number in a file name; more where the source sequence has more."""

RIM = 0.03
"""Width of the soft edge of the alpha, and of the margin of full alpha inside it, as a share of the crop's side."""

CHROMA_MARGIN = 8
"""Margin around a patch, in pixels, in which samples can change: pixels outside the patch share chroma with pixels
inside it."""

_LAYER_FILE = re.compile(r"layers\.json|face\d+\.((regions|stmap)\.)?(?P<frame>\d+)\.(png|exr)")


def check_layers(folder: Path, overwrite: bool, part: range | None = None) -> None:
    """Check that layers can be written to `folder`, which need not exist.

    Layers of a `part` of the frames, given by their numbers, are added to existing ones.

    Raises:
        OutputError: the folder cannot be written to, or it contains layers and `overwrite` is False.
    """
    check_folder(folder, folder)
    if not overwrite and part is None and layer_files(folder):
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
        rim = max(RIM * face.size * math.hypot(*face.crop_to_frame[:, 0]), 1.0)
        box = _expand_box(patch, math.ceil(2 * rim) + CHROMA_MARGIN, plate)
        rgb = edited.float_rgb(*box)
        changed = (rgb != plate.float_rgb(*box)).any(axis=2)
        layer = Layer(box[0], box[1], rgb, soft_alpha(changed, rim))
        number = self._plate.first_number + plate.index
        frame = f"{number:0{self._digits}d}"
        name = f"face{face.person}.{frame}{layer_suffix(self._plate)}"
        write_layer(self._path / name, self._folder / name, layer, self._plate, plate.index)
        self._keep(name)
        entry = {"frame": number, "pts": plate.pts, "face": face.person, "file": name, "box": box}
        entry |= self._write_maps(face, patch, frame)
        self._lines[plate.index, len(self._lines)] = json.dumps(entry | self._describe(face, plate.index))

    def _write_maps(self, face: EditedFace, patch: FacePatch, frame: str) -> dict[str, str | None]:
        """Write the mattes of the regions and the ST map; return their file names."""
        name, plate = f"face{face.person}.regions.{frame}.exr", self._plate
        channels = tuple(f"region.{region}" for region in LOCAL_REGIONS)
        mattes, corner = region_mattes(face, patch, plate)
        write_map(self._path / name, self._folder / name, mattes, corner=corner, channels=channels, plate=plate)
        self._keep(name)
        if patch.motion is None:
            return {"regions": name, "stmap": None}
        st_name = f"face{face.person}.stmap.{frame}.exr"
        places, path = st_map(patch.x, patch.y, patch.motion, plate), self._path / st_name
        write_map(path, self._folder / st_name, places, corner=(0, 0), channels=("R", "G"), plate=plate)
        self._keep(st_name)
        return {"regions": name, "stmap": st_name}

    def _keep(self, name: str) -> None:
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


def join_layers(segments: Sequence[Path], folder: Path, plate: ClipInfo, part: range | None = None) -> None:
    """Write `layers.json`, and move all layers to their final folder. Existing layers there are replaced.

    Args:
        segments: paths of the segments, as from `LayerWriter`, in order.
        folder: final folder; other files in it stay.
        plate: properties of the clip.
        part: frame numbers of the segments if they are not the whole clip; existing layers of other frames stay.

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
    with nullcontext() if part is None else _alone_in(folder), TemporaryFolder(folder, folder) as hidden:
        lines, names = [] if part is None else _kept_lines(folder, part), [INDEX]
        for segment in segments:
            index = read_index(segment)
            lines += index["layers"]
            names += index["files"]
            for name in index["files"]:
                link_or_copy(segment / name, hidden.path / name, folder)
        try:
            joined = ",\n".join(sorted(lines, key=lambda line: json.loads(line)["frame"]))
            text = f'{json.dumps(clip)[:-1]}, "layers": [\n{joined}]}}\n'
            (hidden.path / INDEX).write_text(text, encoding="utf-8")
        except OSError as error:
            raise OutputError(f"{folder} cannot be written: {error.strerror}; free some space") from error
        hidden.commit(names, layer_files(folder, part))


def _kept_lines(folder: Path, part: range) -> list[str]:
    """Return the lines of `layers.json` for existing layers outside the part that is written."""
    index = folder / INDEX
    if not index.exists():
        return []
    try:
        layers = json.loads(index.read_text(encoding="utf-8"))["layers"]
        return [json.dumps(layer) for layer in layers if layer["frame"] not in part]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise OutputError(f"{index} cannot be read: {reason(error).lower()}; write all layers again") from error


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Wait until no other process adds layers to a folder: parts of a shot may be rendered at the same time."""
    lock = FileLock(folder / LOCK)
    try:
        folder.mkdir(exist_ok=True)
        lock.acquire()
    except OSError as error:
        if error.errno not in NO_LOCKS:
            raise OutputError(f"{folder} cannot be written: {reason(error)}; choose another folder") from error
    try:
        yield
    finally:
        lock.release()


def region_mattes(face: EditedFace, patch: FacePatch, plate: ClipInfo) -> tuple[NDArray[np.float16], tuple[int, int]]:
    """Draw the mattes of all regions on the result, where the landmarks of the face are after its change.

    Returns:
        float16 (height, width, regions) in the plate's pixels, and x and y of the upper left one.
    """
    height, width = patch.delta.shape[:2]
    side = face.size * math.hypot(*face.crop_to_frame[:, 0])
    landmarks = face.landmarks - (patch.x, patch.y)
    if patch.motion is not None:
        columns, rows = np.rint(landmarks).astype(int).clip(0, (width - 1, height - 1)).T
        landmarks = landmarks - patch.motion[rows, columns]  # the motion leads from the result to the plate
    drawn = draw_on_face(np.moveaxis(region_maps(COLOUR_SIDE), 0, -1), landmarks, (width, height), side)
    if plate.aspect == 1:
        return drawn.astype(np.float16), (patch.x, patch.y)
    size, box = (plate.width, plate.height), (patch.x, patch.y, width, height)
    scale = square_pixel_scale(size, plate.aspect)
    target = plate_box(box, scale, size)
    return to_plate(drawn, box, target, scale).astype(np.float16), target[:2]


def st_map(x: int, y: int, motion: NDArray[np.float32], plate: ClipInfo) -> NDArray[np.float32]:
    """Draw a warp as an ST map of a whole frame.

    Args:
        x: left column of the warp.
        y: top row of the warp.
        motion: float32 (h, w, 2), offset in square pixels at which each pixel is sampled.
        plate: properties of the plate.

    Returns:
        float32 (height, width, 2) in the plate's pixels: S and T, with the origin at the bottom left corner.
    """
    width, height = plate.square_size
    columns, rows = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    places = np.dstack([columns, rows])
    places[y : y + motion.shape[0], x : x + motion.shape[1]] += motion
    shares = np.dstack([(places[..., 0] + 0.5) / width, 1 - (places[..., 1] + 0.5) / height]).astype(np.float32)
    if plate.aspect == 1:
        return shares
    return np.asarray(cv2.resize(shares, (plate.width, plate.height), interpolation=cv2.INTER_LINEAR), np.float32)


def soft_alpha(changed: NDArray[np.bool_], rim: float) -> NDArray[np.float32]:
    """Draw an alpha with a soft edge around the changed pixels.

    Args:
        changed: bool (H, W), True where the edit changes a sample.
        rim: width, in pixels, of the margin of full alpha around these, and of the soft edge around the margin.

    Returns:
        float32 (H, W), 0 to 1.
    """
    distance = distance_to_zero((~changed).astype(np.uint8))
    return np.asarray(np.clip(2 - distance / np.float32(rim), 0, 1), np.float32)


def _expand_box(patch: Patch, margin: int, frame: Frame) -> tuple[int, int, int, int]:
    """Return x, y, width, height of the patch with a margin, in plate pixels, clipped to the frame."""
    size = frame.width, frame.height
    box = patch.x, patch.y, patch.delta.shape[1], patch.delta.shape[0]
    x, y, width, height = box if frame.aspect == 1 else plate_box(box, square_pixel_scale(size, frame.aspect), size)
    left, top = max(x - margin, 0), max(y - margin, 0)
    right, bottom = min(x + width + margin, frame.width), min(y + height + margin, frame.height)
    return left, top, right - left, bottom - top


def layer_files(folder: Path, part: range | None = None) -> list[Path]:
    """List the layers in a folder, of the frame numbers in `part` if it is given, and the file that describes them.

    Empty if there is no such folder.
    """
    matches = [_LAYER_FILE.fullmatch(path.name) for path in folder.iterdir()] if folder.is_dir() else []
    return [
        folder / match[0]
        for match in matches
        if match and (part is None or match["frame"] is None or int(match["frame"]) in part)
    ]
