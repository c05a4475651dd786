"""OpenEXR files, through OpenImageIO: which channels make the picture, reading it, and writing it anew.

A file holds one or more parts, and a part any number of channels: colours, alpha, depth, mattes, and layers of colours.
What is edited is one picture of them; all the rest is carried through. Its pixels fill the data window, which may be
larger than the display window (overscan), or smaller.
"""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import OpenImageIO as oiio
from av import VideoFrame
from numpy.typing import NDArray

from facevid.errors import InputError, OutputError
from facevid.video.linear import planes_of

COLOURS = (("r", "red"), ("g", "green"), ("b", "blue"))
"""What the channels of colours are called, in capitals or not, alone or behind the name of a layer and a dot."""
ALPHA = ("a", "alpha")

_KINDS = {1: "gray", 3: "gbrp", 4: "gbrap"}
"""FFmpeg's names, without the size of a sample, of the formats for so many channels."""

MOST_PIXELS = 2**29
"""Larger windows are taken for damage: one of floating-point RGB would fill 6 GB."""

MOST_ASPECT = 100
"""A pixel that is wider, in its heights, is taken for damage."""

_TOLD_AT_MOST = 8
_TOLD_ONCE = ("openexr:chunkCount", "openexr:dwaCompressionLevel")
"""Attributes of the file as it was read, which OpenImageIO would write under these very names."""

oiio.attribute("threads", 1)  # pictures are read and written beside each other


@dataclass(frozen=True)
class ExrFile:
    """The headers of an OpenEXR file, and the channels of the picture that is edited.

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
    def spec(self) -> oiio.ImageSpec:
        """The description of the part that holds the picture."""
        return self.specs[self.part]

    @property
    def pix_fmt(self) -> str:
        """FFmpeg's name of the format in which the picture's samples are held."""
        kinds = {str(self.spec.channelformat(channel)) for channel in self.channels}
        return f"{_KINDS[len(self.channels)]}{'f16le' if kinds == {'half'} else 'f32le'}"

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
    def display(self) -> oiio.ROI:
        """The display window."""
        return self.spec.roi_full

    @property
    def frame(self) -> oiio.ROI:
        """The display window and the data window together: what there is to be edited."""
        return oiio.union(_area(self.spec.roi), _area(self.display))


def open_exr(path: Path, layer: str | None = None) -> ExrFile:
    """Read the headers of an OpenEXR file and find its picture, of the `layer` or part of that name if given.

    Raises InputError where it cannot be read, or holds no such picture.
    """
    source = _opened(path)
    specs: list[oiio.ImageSpec] = []
    while source.seek_subimage(len(specs), 0):
        specs.append(source.spec())
    _error_of(source)  # there is no further part
    try:
        return _file(path, specs, layer)
    except UnicodeDecodeError as error:
        raise InputError(f"{path} cannot be read: names in it are no UTF-8; render or copy it again") from error


def _file(path: Path, specs: list[oiio.ImageSpec], layer: str | None) -> ExrFile:
    for part, spec in enumerate(specs):
        channels = _colours(spec, layer)
        if channels:
            _check(path, spec, channels)
            return ExrFile(path, tuple(specs), part, channels)
    held = ", ".join(_layers(specs)[:_TOLD_AT_MOST]) or "none"
    what = f"no layer {layer}" if layer else "no plain R, G, B"
    raise InputError(f"{path} holds {what}; choose one of its layers with --layer: {held}")


def _opened(path: Path) -> oiio.ImageInput:
    source = oiio.ImageInput.open(str(path)) if path.is_file() else None
    if source is None or source.format_name() != "openexr":
        _error_of(oiio)
        why = "it is no whole OpenEXR file" if path.exists() else "it does not exist"
        raise InputError(f"{path} cannot be read: {why}; render or copy it again")
    return source


def _error_of(teller: Any) -> str:
    """Return what OpenImageIO, or a reader or writer of it, tells of the last error; it is told once."""
    try:
        lines = teller.geterror().splitlines()
    except UnicodeDecodeError:  # it quotes what is damaged
        lines = []
    return lines[0] if lines else "it is damaged"


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


def _check(path: Path, spec: oiio.ImageSpec, channels: tuple[int, ...]) -> None:
    if spec.deep:
        raise InputError(f"{path} cannot be read: its samples are deep; flatten it first")
    if any(str(spec.channelformat(channel)) not in ("half", "float") for channel in channels):
        raise InputError(f"{path} cannot be read: its colours are whole numbers; write them as half or float")
    if oiio.union(_area(spec.roi), _area(spec.roi_full)).npixels > MOST_PIXELS:
        raise InputError(f"{path} cannot be read: its windows span more than {MOST_PIXELS:.0e} pixels; crop it first")


def read_exr(file: ExrFile, frame: oiio.ROI, pix_fmt: str) -> VideoFrame:
    """Read the picture of a file into one that covers `frame`, with zeros beyond the file's data window.

    Samples become those of `pix_fmt`, planar and floating-point; an alpha that the file lacks is 1. Raises InputError.
    """
    first, last = min(file.channels), max(file.channels)
    kind = "half" if file.pix_fmt.endswith("f16le") else "float"
    samples = _read(_opened(file.path), file, file.part, (first, last + 1), kind)
    native = VideoFrame(frame.width, frame.height, pix_fmt)
    colours, alpha = planes_of(native)
    ours, theirs = _shared(frame, file.spec.roi)
    wanted = [samples[:, :, channel - first] for channel in file.channels]
    has_alpha = len(wanted) == 4
    planes = [*colours, alpha] if alpha is not None else colours
    for number, plane in enumerate(planes):
        plane[...] = 0
        if number == 3 and not has_alpha:
            plane[ours] = 1
        else:
            plane[ours] = wanted[number if len(wanted) > 1 else 0][theirs]
    return native


def rewrite_exr(file: ExrFile, native: VideoFrame, frame: oiio.ROI, made: Path, product: Path) -> None:
    """Write a file with another picture, `native`, which covers `frame`, and all else as it is in `file`.

    Windows, compression, tiles, attributes, other channels and parts are kept, and of the picture what lies outside of
    the frame. `product` is the file named in messages. Raises InputError, OutputError.
    """
    specs = [_as_written(spec) for spec in file.specs]
    if native.format.name != file.pix_fmt:
        _rekind(specs[file.part], file.channels, oiio.TypeHalf if "f16" in native.format.name else oiio.TypeFloat)
    if _is_of_both_kinds(file):
        for spec in specs:
            spec.tile_width = spec.tile_height = spec.tile_depth = 0
    source = _opened(file.path)
    with _Target(made, product, specs) as target:
        for part, spec in enumerate(specs):
            if part == file.part:
                target.write(_with_picture(source, file, native, frame))
            elif source.seek_subimage(part, 0) and spec.tile_width == file.specs[part].tile_width:
                target.copy(source)
            else:
                target.write(_read(source, file, part, (0, spec.nchannels), _kind(spec)))


def write_exr(made: Path, product: Path, spec: oiio.ImageSpec, samples: NDArray[Any]) -> None:
    """Write an OpenEXR file of one part with its samples, (H, W, channels). Raises OutputError."""
    with _Target(made, product, [spec]) as target:
        target.write(samples)


def _with_picture(source: oiio.ImageInput, file: ExrFile, native: VideoFrame, frame: oiio.ROI) -> NDArray[Any]:
    """Return all samples of the picture's part, with the picture in them."""
    spec = file.spec
    colours, alpha = planes_of(native)
    planes = [*colours, alpha] if alpha is not None else colours
    ours, theirs = _shared(frame, spec.roi)
    if (spec.height, spec.width) == planes[0][ours].shape and len(file.channels) == spec.nchannels:
        samples = np.empty((spec.height, spec.width, spec.nchannels), planes[0].dtype)
    else:
        samples = _read(source, file, file.part, (0, spec.nchannels), _kind(spec))
        samples = samples.astype(np.result_type(samples, planes[0]), copy=False)
        _check_whole_numbers(source, file, samples)
    for channel, plane in zip(file.channels, planes, strict=False):
        samples[*theirs, channel] = plane[ours]
    return samples


def _check_whole_numbers(source: oiio.ImageInput, file: ExrFile, samples: NDArray[Any]) -> None:
    """Raise InputError where a whole number is not told from its neighbours among `samples`, as OpenImageIO has it."""
    most = np.float32(np.iinfo(np.uint32).max)
    for channel in range(file.spec.nchannels):
        if str(file.spec.channelformat(channel)) != "uint":
            continue
        exact = _read(source, file, file.part, (channel, channel + 1), "uint")[:, :, 0]
        if (np.rint(samples[:, :, channel].astype(np.float64) * most) != exact).any():
            name = file.spec.channelnames[channel]
            raise InputError(
                f"{file.path}: whole numbers as large as those of its channel {name} are kept in a part of their own "
                f"only, not beside the picture; write that channel to another part, or file"
            )


class _Target:
    """An OpenEXR file that is written part by part; a context manager, `product` being named in messages."""

    def __init__(self, made: Path, product: Path, specs: list[oiio.ImageSpec]) -> None:
        self._made, self._product, self._specs = made, product, specs
        self._written = 0
        target = oiio.ImageOutput.create("openexr")
        assert target is not None
        self._target = target

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        is_whole = self._target.close()
        if kind is None and not is_whole:
            raise self._failure()

    def write(self, samples: NDArray[Any]) -> None:
        """Write the samples, (H, W, channels), of the next part. Raises OutputError."""
        self._begin()
        if not self._target.write_image(np.ascontiguousarray(samples)):
            raise self._failure()

    def copy(self, source: oiio.ImageInput) -> None:
        """Write the next part with the samples of the one that `source` stands at. Raises OutputError."""
        self._begin()
        if not self._target.copy_image(source):
            raise self._failure()

    def _begin(self) -> None:
        name, part = str(self._made), self._written
        self._written += 1
        if part:
            is_open = self._target.open(name, self._specs[part], "AppendSubimage")
        else:
            is_open = self._target.open(name, self._specs if len(self._specs) > 1 else self._specs[0])
        if not is_open:
            raise self._failure()

    def _failure(self) -> OutputError:
        why = _error_of(self._target)
        return OutputError(f"{self._product} cannot be written (exr): {why}; free some space, or choose another folder")


def lost_of_exr(file: ExrFile, is_exr: bool) -> list[str]:
    """Say what of a file is not in a result that is an OpenEXR file, too, or of another kind."""
    name = file.path.name
    if is_exr:
        return [f"{name}: its tiled parts are written as scan lines"] if _is_of_both_kinds(file) else []
    lost = []
    others = [channel for spec in file.specs for channel in spec.channelnames]
    picture = {file.spec.channelnames[channel] for channel in file.channels}
    others = [channel for channel in others if channel not in picture]
    if others:
        more = " and others" if len(others) > _TOLD_AT_MOST else ""
        lost.append(f"{name}: its channels {', '.join(others[:_TOLD_AT_MOST])}{more} are left out; an .exr keeps them")
    if file.frame.npixels > file.display.npixels:
        lost.append(f"{name}: what lies outside of its display window is left out; an .exr keeps it")
    return lost


def _is_of_both_kinds(file: ExrFile) -> bool:
    """Return whether some parts are of tiles and others of scan lines: OpenImageIO writes no such file."""
    return len({spec.tile_width > 0 for spec in file.specs}) > 1


def new_spec(window: oiio.ROI, display: oiio.ROI, channels: tuple[str, ...], kind: str) -> oiio.ImageSpec:
    """Describe a part of one kind of samples, half or float, that is compressed without loss (ZIP)."""
    spec = oiio.ImageSpec(window.width, window.height, len(channels), kind)
    spec.x, spec.y = window.xbegin, window.ybegin
    spec.roi_full = display
    spec.channelnames = channels
    spec.attribute("compression", "zip")
    return _dateless(spec)


def part_spec(file: ExrFile, window: oiio.ROI, channels: tuple[str, ...], kind: str) -> oiio.ImageSpec:
    """Describe a part of the file's display window and attributes, with other channels in a window of its own."""
    spec = _as_written(file.spec)
    spec.nchannels, spec.channelnames = len(channels), channels
    spec.set_format(oiio.TypeDesc(kind))
    spec.roi = oiio.ROI(window.xbegin, window.xend, window.ybegin, window.yend, 0, 1, 0, len(channels))
    spec.tile_width = spec.tile_height = spec.tile_depth = 0
    spec.attribute("compression", "zip")
    for name in ("name", "oiio:subimagename"):
        spec.erase_attribute(name)
    return spec


def _as_written(spec: oiio.ImageSpec) -> oiio.ImageSpec:
    """Return a copy in which OpenImageIO finds all that it can write of a part again."""
    copy = spec.copy()
    level = spec.get_float_attribute("openexr:dwaCompressionLevel", 0.0)
    if level:
        copy.attribute("compression", f"{spec.get_string_attribute('compression')}:{level:g}")
    for name in _TOLD_ONCE:
        copy.erase_attribute(name)
    return _dateless(copy)


def _dateless(spec: oiio.ImageSpec) -> oiio.ImageSpec:
    if not spec.getattribute("DateTime"):
        spec.attribute("DateTime", "")  # else OpenImageIO would have it that the picture was taken now
    return spec


def _rekind(spec: oiio.ImageSpec, channels: tuple[int, ...], kind: oiio.TypeDesc) -> None:
    """Have channels written as samples of another kind."""
    kinds = [kind if channel in channels else spec.channelformat(channel) for channel in range(spec.nchannels)]
    if len({str(each) for each in kinds}) == 1:
        spec.set_format(kind)
    else:
        spec.channelformats = tuple(kinds)


def _kind(spec: oiio.ImageSpec) -> str:
    """Name the type of sample that holds every channel of a part exactly, but for large whole numbers beside others."""
    kinds = {str(spec.channelformat(channel)) for channel in range(spec.nchannels)}
    return kinds.pop() if len(kinds) == 1 else "float"


def _read(source: oiio.ImageInput, file: ExrFile, part: int, channels: tuple[int, int], kind: str) -> NDArray[Any]:
    samples = source.read_image(part, 0, *channels, kind)
    if samples is None:
        raise InputError(f"{file.path} cannot be read: {_error_of(source).lower()}; render or copy it again")
    return np.asarray(samples)


def _shared(frame: oiio.ROI, window: oiio.ROI) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """Return the rows and columns that two areas share: in the first, and in the second."""
    shared = oiio.intersection(_area(frame), _area(window))
    ours, theirs = (
        (
            slice(shared.ybegin - area.ybegin, max(shared.yend, shared.ybegin) - area.ybegin),
            slice(shared.xbegin - area.xbegin, max(shared.xend, shared.xbegin) - area.xbegin),
        )
        for area in (frame, window)
    )
    return ours, theirs


def _area(roi: oiio.ROI) -> oiio.ROI:
    return oiio.ROI(roi.xbegin, roi.xend, roi.ybegin, roi.yend)
