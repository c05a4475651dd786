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
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path

from filelock import FileLock

from facevid.errors import OutputError, reason
from facevid.utils.atomic_output import NO_LOCKS, TemporaryFolder, check_folder, link_or_copy
from facevid.video import ClipInfo
from facevid.video.writer.layer import layer_suffix
from facevid.video.writer.segment_writer import read_index

SCHEMA_VERSION = 1
"""Version of `layers.json`."""

INDEX_FILE = "layers.json"
"""Name of the file in the folder that describes the layers."""

LOCK_FILE = ".layers.lock"
"""File in the folder that is locked while a process adds the layers of a part of the frames."""

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
    with nullcontext() if part is None else _locked(folder), TemporaryFolder(folder, folder) as hidden:
        lines, names = [] if part is None else _kept_lines(folder, part), [INDEX_FILE]
        for segment in segments:
            index = read_index(segment)
            lines += index["layers"]
            names += index["files"]
            for name in index["files"]:
                link_or_copy(segment / name, hidden.path / name, folder)
        try:
            joined = ",\n".join(sorted(lines, key=lambda line: json.loads(line)["frame"]))
            text = f'{json.dumps(clip)[:-1]}, "layers": [\n{joined}]}}\n'
            (hidden.path / INDEX_FILE).write_text(text, encoding="utf-8")
        except OSError as error:
            raise OutputError(f"{folder} cannot be written: {error.strerror}; free some space") from error
        hidden.commit(names, layer_files(folder, part))


def _kept_lines(folder: Path, part: range) -> list[str]:
    """Return the lines of `layers.json` for existing layers outside the part that is written."""
    index = folder / INDEX_FILE
    if not index.exists():
        return []
    try:
        layers = json.loads(index.read_text(encoding="utf-8"))["layers"]
        return [json.dumps(layer) for layer in layers if layer["frame"] not in part]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise OutputError(f"{index} cannot be read: {reason(error).lower()}; write all layers again") from error


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Lock a folder while layers are added to it: several processes may render parts of one shot."""
    lock = FileLock(folder / LOCK_FILE)
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
