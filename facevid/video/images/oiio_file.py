"""Read OpenEXR and TIFF files with OpenImageIO: select the channels of the image to edit, and decode them.

A file contains one or more parts (the pages of a TIFF); a part contains any number of channels: colours, alpha, depth,
mattes, and layers of colours. One image of them is edited. Its pixels fill the data window, which can be larger than
the display window (overscan), or smaller.
"""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import OpenImageIO as oiio

from facevid.errors import InputError
from facevid.video.images.tiff_tags import PHOTOMETRIC_CMYK

OIIO_FORMATS = {".exr": "openexr", ".tif": "tiff", ".tiff": "tiff"}
"""Suffix -> OpenImageIO's name of the format."""

COLOUR_NAMES = (("r", "red"), ("g", "green"), ("b", "blue"))
"""Names of the colour channels, in any case, alone or after a layer name and a dot."""

ALPHA_NAMES = ("a", "alpha")
"""Names of the alpha channel."""

_PIX_FMT_PREFIXES = {1: "gray", 3: "gbrp", 4: "gbrap"}
"""Number of channels -> start of FFmpeg's name of a planar pixel format."""

_PIX_FMT_SUFFIXES = {"uint8": "", "uint16": "16le", "half": "f16le", "float": "f32le"}
"""OpenImageIO's sample type -> end of FFmpeg's name of a planar pixel format."""

MAX_PIXELS = 2**29
"""Largest supported window; larger ones are mostly damaged headers. As float32 RGB it takes 6 GB."""

MAX_STORED_ASPECT = 100
"""Largest accepted pixel aspect ratio; larger ones are damaged headers."""

MAX_LISTED_NAMES = 8
"""Number of channel or layer names listed in a message."""

oiio.attribute("threads", 1)  # several images are read and written in parallel


@dataclass(frozen=True)
class ImageFile:
    """The headers of a file, and the channels of the image to edit.

    Attributes:
        path: the file.
        specs: OpenImageIO's specification of each part.
        part: index of the part that contains the image.
        channels: indices in that part of R, G, B and optionally A; or of Y.
    """

    path: Path
    specs: tuple[oiio.ImageSpec, ...]
    part: int
    channels: tuple[int, ...]

    @property
    def format(self) -> str:
        """OpenImageIO's name of the file's format."""
        return OIIO_FORMATS[self.path.suffix.lower()]

    @property
    def spec(self) -> oiio.ImageSpec:
        """Specification of the part that contains the image."""
        return self.specs[self.part]

    @property
    def sample_type(self) -> str:
        """OpenImageIO's name of a sample type that represents all channels of the image exactly."""
        types = {str(self.spec.channelformat(channel)) for channel in self.channels}
        return types.pop() if len(types) == 1 else "float"

    @property
    def pix_fmt(self) -> str:
        """FFmpeg's name of the pixel format in which the image is edited.

        Half floats of a TIFF become floats, because few programs read half floats in the files they would be written
        to.
        """
        sample_type = "float" if (self.format, self.sample_type) == ("tiff", "half") else self.sample_type
        return _PIX_FMT_PREFIXES[len(self.channels)] + _PIX_FMT_SUFFIXES[sample_type]

    @property
    def icc_profile(self) -> bytes | None:
        """ICC profile of the decoded colours; None if there is none, or if it is the profile of CMYK."""
        profile = self.spec.getattribute("ICCProfile")
        return np.asarray(profile, np.uint8).tobytes() if profile is not None and not self.is_cmyk else None

    @property
    def aspect(self) -> Fraction | None:
        """Pixel width divided by pixel height; None for square pixels."""
        stored = self.spec.get_float_attribute("PixelAspectRatio", 1.0)
        aspect = Fraction(stored).limit_denominator(1000) if 0 < stored < MAX_STORED_ASPECT else Fraction(1)
        return None if aspect in (0, 1) else aspect

    @property
    def rate(self) -> Fraction | None:
        """Frames per second; None if the file does not specify it."""
        rational = self.spec.getattribute("framesPerSecond", oiio.TypeRational)
        return Fraction(*rational) if rational is not None and min(rational) > 0 else None

    @property
    def timecode(self) -> str | None:
        """SMPTE timecode (ST 12-1), with a semicolon for drop-frame; None if missing or invalid."""
        stored = self.spec.getattribute("smpte:TimeCode", oiio.TypeTimeCode)
        if stored is None:
            return None
        bits = stored[0]  # binary-coded decimal; bit 6 is the drop-frame flag
        hours, minutes, seconds, frames = (
            10 * (bits >> shift + 4 & mask) + (bits >> shift & 15) for shift, mask in ((24, 3), (16, 7), (8, 7), (0, 3))
        )
        if hours > 23 or max(minutes, seconds) > 59:
            return None
        return f"{hours:02}:{minutes:02}:{seconds:02}{';' if bits & 64 else ':'}{frames:02}"

    @property
    def chromaticities(self) -> tuple[float, ...] | None:
        """x and y of red, green, blue and white (CIE 1931); None if unspecified, which means ITU-R BT.709."""
        stored = self.spec.getattribute("chromaticities", oiio.TypeDesc("float[8]"))
        return None if stored is None else tuple(stored)

    @property
    def is_cmyk(self) -> bool:
        """Whether OpenImageIO converts the colours from CMYK."""
        return self.spec.get_int_attribute("tiff:PhotometricInterpretation", 0) == PHOTOMETRIC_CMYK

    @property
    def display_window(self) -> oiio.ROI:
        """The display window of an OpenEXR file; all pixels of a TIFF."""
        return rows_and_columns(self.spec.roi_full if self.format == "openexr" else self.spec.roi)

    @property
    def frame_window(self) -> oiio.ROI:
        """The smallest window that contains the display window and the data window: the frame to edit."""
        return oiio.union(rows_and_columns(self.spec.roi), self.display_window)

    @property
    def mixes_tiles_and_scanlines(self) -> bool:
        """Whether some parts are tiled and others are not; OpenImageIO cannot write such OpenEXR files."""
        return self.format == "openexr" and len({spec.tile_width > 0 for spec in self.specs}) > 1


def open_image(path: Path, layer: str | None = None) -> ImageFile:
    """Read the headers of a file and select the image to edit.

    Args:
        path: an OpenEXR or TIFF file.
        layer: name of the layer or part; None for the first part with R, G, B or Y.

    Raises:
        InputError: the file cannot be read, or has no such image.
    """
    source = open_input(path)
    specs: list[oiio.ImageSpec] = []
    while source.seek_subimage(len(specs), 0):
        specs.append(source.spec())
    oiio_error(source)  # clear the error of the last seek, beyond the last part
    try:
        return _select_image(path, specs, layer)
    except UnicodeDecodeError as error:
        raise InputError(f"{path} cannot be read: names in it are not UTF-8; render or copy it again") from error


def _select_image(path: Path, specs: list[oiio.ImageSpec], layer: str | None) -> ImageFile:
    for part, spec in enumerate(specs):
        channels = _colour_channels(spec, layer)
        if channels:
            file = ImageFile(path, tuple(specs), part, channels)
            _check(file)
            return file
    layers = ", ".join(_layers(specs)[:MAX_LISTED_NAMES]) or "none"
    missing = f"no layer {layer}" if layer else "no channels R, G, B"
    raise InputError(f"{path} has {missing}; choose one of its layers with --layer: {layers}")


def _colour_channels(spec: oiio.ImageSpec, layer: str | None) -> tuple[int, ...]:
    """Return the indices of R, G, B and optionally A, or of Y, in a part or a layer of it; empty if missing."""
    part = spec.get_string_attribute("name")
    is_part = layer is None or part == layer or part.startswith(f"{layer}.")
    for prefix in (f"{layer}.", "") if is_part else (f"{layer}.",):
        names = {name[len(prefix) :].lower(): i for i, name in enumerate(spec.channelnames) if name.startswith(prefix)}
        indices = [
            next((names[alias] for alias in aliases if alias in names), None)
            for aliases in (*COLOUR_NAMES, ALPHA_NAMES)
        ]
        if None not in indices[:3]:
            return tuple(index for index in indices if index is not None)
        if "y" in names and not names.keys() & {"ry", "by"}:  # with RY and BY: subsampled luminance/chroma, unsupported
            return (names["y"],)
    return ()


def _layers(specs: list[oiio.ImageSpec]) -> list[str]:
    """Return the names of the layers and parts that contain an image."""
    names = [spec.get_string_attribute("name") for spec in specs]
    names += [name.rpartition(".")[0] for spec in specs for name in spec.channelnames]
    return [name for name in dict.fromkeys(names) if name and any(_colour_channels(spec, name) for spec in specs)]


def _check(file: ImageFile) -> None:
    """Raise InputError if the image cannot be edited."""
    if file.spec.deep:
        raise InputError(f"{file.path} cannot be read: its samples are deep; flatten it first")
    supported = ("half", "float") if file.format == "openexr" else tuple(_PIX_FMT_SUFFIXES)
    if file.sample_type not in supported:
        problem = f"its samples are of type {file.sample_type}; write them as {', '.join(supported)}"
        raise InputError(f"{file.path} cannot be read: {problem}")
    if file.frame_window.npixels > MAX_PIXELS:
        raise InputError(
            f"{file.path} cannot be read: its windows span more than {MAX_PIXELS:.0e} pixels; crop it first"
        )


def open_input(path: Path) -> oiio.ImageInput:
    """Open a file with OpenImageIO, without conversion of unassociated (not premultiplied) alpha. Raises InputError."""
    expected_format, config = OIIO_FORMATS[path.suffix.lower()], oiio.ImageSpec()
    config.attribute("oiio:UnassociatedAlpha", 1)
    source = oiio.ImageInput.open(str(path), config) if path.is_file() else None
    if source is None or source.format_name() != expected_format:
        oiio_error(oiio)
        name = {"openexr": "OpenEXR", "tiff": "TIFF"}[expected_format]
        cause = f"it is not a complete {name} file" if path.exists() else "it does not exist"
        raise InputError(f"{path} cannot be read: {cause}; render or copy it again")
    return source


def oiio_error(source: Any) -> str:
    """Return and clear the last error message of OpenImageIO (the module), or of one of its readers or writers."""
    try:
        lines = source.geterror().splitlines()
    except UnicodeDecodeError:  # the message quotes damaged bytes of the file
        lines = []
    return lines[0] if lines else "it is damaged"


def rows_and_columns(roi: oiio.ROI) -> oiio.ROI:
    """Return a region without its depth and channel ranges."""
    return oiio.ROI(roi.xbegin, roi.xend, roi.ybegin, roi.yend)


def dropped_content(file: ImageFile, suffix: str) -> list[str]:
    """Describe the content of a file that is dropped from a result with file name suffix `suffix`."""
    name = file.path.name
    if OIIO_FORMATS.get(suffix) == file.format:
        return [f"{name}: its tiled parts are written as scan lines"] if file.mixes_tiles_and_scanlines else []
    dropped, own_suffix = [], file.path.suffix.lower()
    if file.format == "tiff" and len(file.specs) > 1:
        dropped.append(f"{name}: only the first of its {len(file.specs)} pages is written; a {own_suffix} keeps them")
    specs = file.specs if file.format == "openexr" else file.specs[:1]
    edited = {file.spec.channelnames[channel] for channel in file.channels}
    others = [channel for spec in specs for channel in spec.channelnames if channel not in edited]
    if others:
        more = " and others" if len(others) > MAX_LISTED_NAMES else ""
        listed = ", ".join(others[:MAX_LISTED_NAMES]) + more
        dropped.append(f"{name}: its channels {listed} are left out; a {own_suffix} keeps them")
    if file.frame_window.npixels > file.display_window.npixels:
        dropped.append(f"{name}: the overscan outside its display window is left out; a {own_suffix} keeps it")
    return dropped
