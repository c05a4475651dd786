"""Mattes that a user draws over a plate: one picture for all frames, or a sequence with the plate's frame numbers.

The matte is the alpha channel if the first file has one that is not opaque everywhere; otherwise it is the red channel,
or the only one. Integer samples become 0 to 1 as they are stored, without a conversion of colours.
"""

from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import OpenImageIO as oiio
from numpy.typing import NDArray

from facevid.errors import InputError
from facevid.video.images.oiio_file import ALPHA_NAMES, oiio_error, rows_and_columns
from facevid.video.images.oiio_pixels import overlap
from facevid.video.info import ClipInfo
from facevid.video.sequence import Sequence, find_sequence, sequence_name

MAX_CACHED_MATTES = 2
"""Number of decoded mattes in the cache: all faces of a frame, and all frames with the same still, share one."""

RED_NAMES = ("r", "red", "y")
"""Names of red or luminance channels, in lower case, alone or after the name of a layer and a dot."""


@dataclass(frozen=True)
class Matte:
    """A matte over the frames of a plate.

    Attributes:
        path: the file, or the pattern of the sequence, as the user gave it.
        plate: properties of the plate.
        sequence: the files of a sequence; None for one picture.
    """

    path: Path
    plate: ClipInfo
    sequence: Sequence | None

    @property
    def files(self) -> list[Path]:
        """The file of the picture, or those of the sequence."""
        return [self.path] if self.sequence is None else self.sequence.paths()

    def check(self, numbers: range) -> None:
        """Check that there is a file of the plate's size for each frame number.

        Raises:
            InputError: a file is missing, cannot be read or has another size.
        """
        if self.sequence is None:
            _open(self.path, self.plate)
            return
        for number in numbers:
            _open(self._file(number), self.plate)

    def read(self, number: int) -> NDArray[np.float32]:
        """Return the matte of a frame: float32 (height, width), 0 to 1, as displayed, in square pixels."""
        return _read(self.path if self.sequence is None else self._file(number), self.plate, self._has_alpha)

    def _file(self, number: int) -> Path:
        assert self.sequence is not None
        first, last = self.sequence.first, self.sequence.first + self.sequence.count - 1
        if not first <= number <= last:
            raise InputError(
                f"{self.path} has frames {first} to {last}, and not frame {number} of {self.plate.path}, which is "
                "edited; render it too, or edit fewer --frames"
            )
        return self.sequence.name.path(number)

    @cached_property
    def _has_alpha(self) -> bool:
        path = self.path if self.sequence is None else self._file(self.sequence.first)
        return _channel(_open(path, self.plate).spec(), ALPHA_NAMES) is not None and bool(
            (_read(path, self.plate, True) < 1).any()
        )


def open_matte(path: Path, plate: ClipInfo) -> Matte:
    """Find the files of a matte.

    Args:
        path: a picture, a pattern such as `matte.####.exr`, or a folder with one sequence.
        plate: properties of the plate.

    Raises:
        InputError: there is no such file, or frames are missing within the sequence.
        UsageError: the folder contains several sequences.
    """
    if path.is_dir() or (not path.exists() and sequence_name(path)):
        return Matte(path, plate, find_sequence(path))
    if not path.exists():
        raise InputError(f"{path} does not exist: check the name and the folder")
    return Matte(path, plate, None)


def _open(path: Path, plate: ClipInfo) -> Any:
    """Open a picture of the plate's size with OpenImageIO."""
    source = oiio.ImageInput.open(str(path))
    if source is None:
        raise InputError(f"{path} cannot be read as a matte: {oiio_error(oiio).lower()}; write it as EXR, TIFF or PNG")
    spec = source.spec()
    size = (spec.full_width, spec.full_height)
    displayed = size[::-1] if spec.get_int_attribute("Orientation", 1) > 4 else size
    expected = plate.display_window[2:] if plate.display_window else (plate.width, plate.height)
    if displayed != expected:
        own, wanted = (f"{width}x{height}" for width, height in (displayed, expected))
        raise InputError(
            f"{path} has {own} pixels, and {plate.path} has {wanted}: render the matte in the plate's size"
        )
    return source


@lru_cache(MAX_CACHED_MATTES)
def _read(path: Path, plate: ClipInfo, alpha: bool) -> NDArray[np.float32]:
    source = _open(path, plate)
    spec = source.spec()
    channel = _channel(spec, ALPHA_NAMES if alpha else RED_NAMES) or 0
    samples = source.read_image(0, 0, channel, channel + 1, "float")
    if samples is None:
        raise InputError(f"{path} cannot be read: {oiio_error(source).lower()}; render or copy it again")
    pixels = np.nan_to_num(np.asarray(samples, np.float32)[..., 0]).clip(0, 1)
    if spec.get_int_attribute("Orientation", 1) != 1:
        buffer = oiio.ImageBuf(np.ascontiguousarray(pixels[..., None]))
        buffer.specmod().attribute("Orientation", spec.get_int_attribute("Orientation", 1))
        pixels = np.asarray(oiio.ImageBufAlgo.reorient(buffer).get_pixels(oiio.FLOAT), np.float32)[..., 0]
    else:
        pixels = _in_frame(pixels, spec, plate)
    if plate.aspect != 1:
        pixels = np.asarray(cv2.resize(pixels, plate.square_size, interpolation=cv2.INTER_LINEAR), np.float32)
    return pixels


def _in_frame(pixels: NDArray[np.float32], spec: oiio.ImageSpec, plate: ClipInfo) -> NDArray[np.float32]:
    """Place the pixels of a data window into the plate's frame; the display windows of both coincide. Outside, 0."""
    x, y = plate.display_window[:2] if plate.display_window else (0, 0)
    left, top = spec.full_x - x, spec.full_y - y
    frame = np.zeros((plate.height, plate.width), np.float32)
    in_frame, in_file = overlap(oiio.ROI(left, left + plate.width, top, top + plate.height), rows_and_columns(spec.roi))
    frame[in_frame] = pixels[in_file]
    return frame


def _channel(spec: oiio.ImageSpec, names: tuple[str, ...]) -> int | None:
    """Return the index of the first channel with one of the names; None without one."""
    own_names = [name.rpartition(".")[2].lower() for name in spec.channelnames]
    return next((i for i, name in enumerate(own_names) if name in names), None)
