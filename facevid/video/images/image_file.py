"""OpenEXR and TIFF files, through OpenImageIO: which of their channels make the picture, and reading it.

A file holds one or more parts (a TIFF's pages), and a part any number of channels: colours, alpha, depth, mattes, and
layers of colours. One picture of them is edited. Its pixels fill the data window, which may be larger than the display
window (overscan), or smaller.
"""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import OpenImageIO as oiio
from av import VideoFrame
from numpy.typing import NDArray

from facevid.errors import InputError
from facevid.video.color.pixels import planes_of

FORMATS = {".exr": "openexr", ".tif": "tiff", ".tiff": "tiff"}
"""OpenImageIO's name of the format of each suffix."""

COLOURS = (("r", "red"), ("g", "green"), ("b", "blue"))
"""What the channels of colours are called, in capitals or not, alone or behind the name of a layer and a dot."""
ALPHA = ("a", "alpha")

_LAYOUTS = {1: "gray", 3: "gbrp", 4: "gbrap"}
_SAMPLES = {"uint8": "", "uint16": "16le", "half": "f16le", "float": "f32le"}
"""What FFmpeg's names of planar formats are made of: so many channels, of such samples."""

MOST_PIXELS = 2**29
"""Larger windows are taken for damage: one of floating-point RGB would fill 6 GB."""

MOST_ASPECT = 100
"""A pixel that is wider, in its heights, is taken for damage."""

TIFF_CMYK = 5
"""A TIFF's number of colours that OpenImageIO converts."""

TOLD_AT_MOST = 8
"""Names of channels or layers that are listed in a message."""

oiio.attribute("threads", 1)  # pictures are read and written beside each other


@dataclass(frozen=True)
class PictureFile:
    """The headers of a file, and the channels of the picture that is edited.

    Attributes:
        path: the file.
        specs: OpenImageIO's description of each part.
        part: index of the part that holds the picture.
        channels: indices in that part of R, G, B, perhaps A; or of Y.
    """

    path: Path
    specs: tuple[oiio.ImageSpec, ...]
    part: int
    channels: tuple[int, ...]

    @property
    def format(self) -> str:
        """OpenImageIO's name of the file's format."""
        return FORMATS[self.path.suffix.lower()]

    @property
    def spec(self) -> oiio.ImageSpec:
        """The description of the part that holds the picture."""
        return self.specs[self.part]

    @property
    def sample(self) -> str:
        """OpenImageIO's name of the type that holds all of the picture's samples exactly."""
        kinds = {str(self.spec.channelformat(channel)) for channel in self.channels}
        return kinds.pop() if len(kinds) == 1 else "float"

    @property
    def pix_fmt(self) -> str:
        """FFmpeg's name of the format in which the picture's samples are held.

        Half floats in a TIFF are held as floats: few programs would read them in a file made of another kind.
        """
        sample = "float" if (self.format, self.sample) == ("tiff", "half") else self.sample
        return _LAYOUTS[len(self.channels)] + _SAMPLES[sample]

    @property
    def profile(self) -> bytes | None:
        """The ICC profile of the colours that are read; None where there is none, or where it is of CMYK."""
        said = self.spec.getattribute("ICCProfile")
        return np.asarray(said, np.uint8).tobytes() if said is not None and not self.is_cmyk else None

    @property
    def aspect(self) -> Fraction | None:
        """Width of a pixel as displayed, in its height; None where it is square."""
        said = self.spec.get_float_attribute("PixelAspectRatio", 1.0)
        aspect = Fraction(said).limit_denominator(1000) if 0 < said < MOST_ASPECT else Fraction(1)
        return None if aspect in (0, 1) else aspect

    @property
    def rate(self) -> Fraction | None:
        """Frames a second; None where the file does not say."""
        said = self.spec.getattribute("framesPerSecond", oiio.TypeRational)
        return Fraction(*said) if said is not None and min(said) > 0 else None

    @property
    def timecode(self) -> str | None:
        """SMPTE timecode (ST 12-1), with a semicolon where numbers of frames are dropped; None where there is none."""
        said = self.spec.getattribute("smpte:TimeCode", oiio.TypeTimeCode)
        if said is None:
            return None
        time = said[0]
        hours, minutes, seconds, frames = (
            10 * (time >> shift + 4 & mask) + (time >> shift & 15) for shift, mask in ((24, 3), (16, 7), (8, 7), (0, 3))
        )
        if hours > 23 or max(minutes, seconds) > 59:
            return None
        return f"{hours:02}:{minutes:02}:{seconds:02}{';' if time & 64 else ':'}{frames:02}"

    @property
    def chromaticities(self) -> tuple[float, ...] | None:
        """x and y of red, green, blue and white (CIE 1931); None where the file leaves them to be ITU-R BT.709's."""
        said = self.spec.getattribute("chromaticities", oiio.TypeDesc("float[8]"))
        return None if said is None else tuple(said)

    @property
    def is_cmyk(self) -> bool:
        """Whether the colours that are read are converted from cyan, magenta, yellow and black."""
        return self.spec.get_int_attribute("tiff:PhotometricInterpretation", 0) == TIFF_CMYK

    @property
    def display(self) -> oiio.ROI:
        """The display window."""
        return area(self.spec.roi_full if self.format == "openexr" else self.spec.roi)

    @property
    def frame(self) -> oiio.ROI:
        """The display window and the data window together: what there is to be edited."""
        return oiio.union(area(self.spec.roi), self.display)

    @property
    def is_of_both_kinds(self) -> bool:
        """Whether some parts are of tiles and others of scan lines: OpenImageIO writes no such OpenEXR file."""
        return self.format == "openexr" and len({spec.tile_width > 0 for spec in self.specs}) > 1


def open_picture(path: Path, layer: str | None = None) -> PictureFile:
    """Read the headers of a file and find its picture; of the `layer` or part of that name if given.

    Raises InputError where it cannot be read, or holds no such picture.
    """
    source = opened(path)
    specs: list[oiio.ImageSpec] = []
    while source.seek_subimage(len(specs), 0):
        specs.append(source.spec())
    error_of(source)  # there is no further part
    try:
        return _with_picture(path, specs, layer)
    except UnicodeDecodeError as error:
        raise InputError(f"{path} cannot be read: names in it are no UTF-8; render or copy it again") from error


def _with_picture(path: Path, specs: list[oiio.ImageSpec], layer: str | None) -> PictureFile:
    for part, spec in enumerate(specs):
        channels = _colours(spec, layer)
        if channels:
            file = PictureFile(path, tuple(specs), part, channels)
            _check(file)
            return file
    held = ", ".join(_layers(specs)[:TOLD_AT_MOST]) or "none"
    what = f"no layer {layer}" if layer else "no plain R, G, B"
    raise InputError(f"{path} holds {what}; choose one of its layers with --layer: {held}")


def _colours(spec: oiio.ImageSpec, layer: str | None) -> tuple[int, ...]:
    """Return the channels of the part's picture, or of a layer's; none where it has none."""
    part = spec.get_string_attribute("name")
    is_part = layer is None or part == layer or part.startswith(f"{layer}.")
    for prefix in (f"{layer}.", "") if is_part else (f"{layer}.",):
        names = {name[len(prefix) :].lower(): i for i, name in enumerate(spec.channelnames) if name.startswith(prefix)}
        found = [next((names[each] for each in told if each in names), None) for told in (*COLOURS, ALPHA)]
        if None not in found[:3]:
            return tuple(channel for channel in found if channel is not None)
        if "y" in names and not names.keys() & {"ry", "by"}:
            return (names["y"],)
    return ()


def _layers(specs: list[oiio.ImageSpec]) -> list[str]:
    """Name the layers, and the parts, that hold a picture."""
    names = [spec.get_string_attribute("name") for spec in specs]
    names += [name.rpartition(".")[0] for spec in specs for name in spec.channelnames]
    return [name for name in dict.fromkeys(names) if name and any(_colours(spec, name) for spec in specs)]


def _check(file: PictureFile) -> None:
    if file.spec.deep:
        raise InputError(f"{file.path} cannot be read: its samples are deep; flatten it first")
    wanted = ("half", "float") if file.format == "openexr" else tuple(_SAMPLES)
    if file.sample not in wanted:
        kinds = f"its samples are of type {file.sample}; write them as {', '.join(wanted)}"
        raise InputError(f"{file.path} cannot be read: {kinds}")
    if file.frame.npixels > MOST_PIXELS:
        raise InputError(
            f"{file.path} cannot be read: its windows span more than {MOST_PIXELS:.0e} pixels; crop it first"
        )


def read_picture(file: PictureFile, frame: oiio.ROI, pix_fmt: str) -> VideoFrame:
    """Read the picture of a file into one that covers `frame`, with zeros beyond the file's data window.

    Its format becomes `pix_fmt`, a planar one that holds the file's samples; an alpha that the file lacks is opaque.
    Raises InputError.
    """
    first, last = min(file.channels), max(file.channels)
    native = VideoFrame(frame.width, frame.height, pix_fmt)
    colours, alpha = planes_of(native)
    samples = read_channels(opened(file.path), file, file.part, (first, last + 1), sample_of(colours[0]))
    ours, theirs = shared(frame, file.spec.roi)
    channels = [*file.channels, *[file.channels[0]] * 2][: len(colours)]  # gray is R, G and B alike
    for channel, plane in zip(channels, colours, strict=True):
        plane[...] = 0
        plane[ours] = samples[:, :, channel - first][theirs]
    if alpha is not None:
        alpha[...] = 0
        alpha[ours] = samples[:, :, file.channels[3] - first][theirs] if len(file.channels) > 3 else _opaque(alpha)
    return native


def sample_of(plane: NDArray[Any]) -> str:
    """Return OpenImageIO's name of the type of an array's samples."""
    return {"float16": "half", "float32": "float"}.get(plane.dtype.name, plane.dtype.name)


def _opaque(alpha: NDArray[Any]) -> int:
    return 1 if alpha.dtype.kind == "f" else int(np.iinfo(alpha.dtype).max)


def opened(path: Path) -> oiio.ImageInput:
    """Open a file, whose alpha is given as it is stored. Raises InputError."""
    wanted, as_stored = FORMATS[path.suffix.lower()], oiio.ImageSpec()
    as_stored.attribute("oiio:UnassociatedAlpha", 1)
    source = oiio.ImageInput.open(str(path), as_stored) if path.is_file() else None
    if source is None or source.format_name() != wanted:
        error_of(oiio)
        name = {"openexr": "OpenEXR", "tiff": "TIFF"}[wanted]
        why = f"it is no whole {name} file" if path.exists() else "it does not exist"
        raise InputError(f"{path} cannot be read: {why}; render or copy it again")
    return source


def read_channels(
    source: oiio.ImageInput, file: PictureFile, part: int, channels: tuple[int, int], kind: str
) -> NDArray[Any]:
    """Read a range of a part's channels, (H, W, channels), as samples of type `kind`. Raises InputError."""
    samples = source.read_image(part, 0, *channels, kind)
    if samples is None:
        raise InputError(f"{file.path} cannot be read: {error_of(source).lower()}; render or copy it again")
    return np.asarray(samples)


def error_of(teller: Any) -> str:
    """Return what OpenImageIO, or a reader or writer of it, tells of the last error; it is told once."""
    try:
        lines = teller.geterror().splitlines()
    except UnicodeDecodeError:  # it quotes what is damaged
        lines = []
    return lines[0] if lines else "it is damaged"


def area(roi: oiio.ROI) -> oiio.ROI:
    """Return a region's rows and columns alone."""
    return oiio.ROI(roi.xbegin, roi.xend, roi.ybegin, roi.yend)


def shared(frame: oiio.ROI, window: oiio.ROI) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """Return the rows and columns that two regions share: as places in the first, and in the second."""
    both = oiio.intersection(area(frame), area(window))
    ours, theirs = (
        (
            slice(both.ybegin - each.ybegin, max(both.yend, both.ybegin) - each.ybegin),
            slice(both.xbegin - each.xbegin, max(both.xend, both.xbegin) - each.xbegin),
        )
        for each in (frame, window)
    )
    return ours, theirs


def lost_of(file: PictureFile, suffix: str) -> list[str]:
    """Say what of a file is not in a result of the kind that `suffix` names."""
    name = file.path.name
    if FORMATS.get(suffix) == file.format:
        return [f"{name}: its tiled parts are written as scan lines"] if file.is_of_both_kinds else []
    lost, ours = [], file.path.suffix.lower()
    if file.format == "tiff" and len(file.specs) > 1:
        lost.append(f"{name}: only the first of its {len(file.specs)} pages is written; a {ours} keeps them")
    specs = file.specs if file.format == "openexr" else file.specs[:1]
    picture = {file.spec.channelnames[channel] for channel in file.channels}
    others = [channel for spec in specs for channel in spec.channelnames if channel not in picture]
    if others:
        more = " and others" if len(others) > TOLD_AT_MOST else ""
        lost.append(f"{name}: its channels {', '.join(others[:TOLD_AT_MOST])}{more} are left out; a {ours} keeps them")
    if file.frame.npixels > file.display.npixels:
        lost.append(f"{name}: what lies outside of its display window is left out; a {ours} keeps it")
    return lost
