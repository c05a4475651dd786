"""Writing OpenEXR and TIFF files, through OpenImageIO: anew, or as another file with one picture in it replaced."""

from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import OpenImageIO as oiio
from av import VideoFrame
from numpy.typing import NDArray

from facevid.errors import InputError, OutputError
from facevid.video.color.pixels import planes_of
from facevid.video.images.image_file import FORMATS, PictureFile, error_of, opened, read_channels, sample_of, shared

_TOLD_ONCE = ("openexr:chunkCount", "openexr:dwaCompressionLevel")
"""Attributes of the file as it was read, which OpenImageIO would write under these very names."""

_TIFF_STORAGE = ("compression", "planarconfig", "Orientation", "oiio:BitsPerSample", "oiio:UnassociatedAlpha")
_TIFF_COMPRESSIONS = ("none", "lzw", "zip", "packbits")
"""Those that are kept; any other, such as of bilevel pictures or with loss, becomes zip."""

_LEAST_BITS = 8


def rewrite_picture(file: PictureFile, native: VideoFrame, frame: oiio.ROI, made: Path, product: Path) -> None:
    """Write a file with another picture, `native`, which covers `frame`, and all else as it is in `file`.

    Windows, compression, tiles, other channels and parts are kept, the attributes of an OpenEXR file, and of the
    picture what lies outside of the frame. A TIFF's notes are not: see `carry_tiff_notes`. `product` is the file named
    in messages. Raises InputError, OutputError.
    """
    specs = [_as_written(file, spec) for spec in file.specs]
    if native.format.name != file.pix_fmt:
        changed = file.channels if file.format == "openexr" else range(file.spec.nchannels)  # a TIFF has but one kind
        _set_kind(specs[file.part], changed, sample_of(planes_of(native)[0][0]))
    if file.is_of_both_kinds:
        for spec in specs:
            spec.tile_width = spec.tile_height = spec.tile_depth = 0
    source = opened(file.path)
    with _Target(made, product, specs) as target:
        for part, spec in enumerate(specs):
            if part == file.part:
                target.write(_with_picture(source, file, native, frame))
            elif source.seek_subimage(part, 0) and spec.tile_width == file.specs[part].tile_width:
                target.copy(source)
            else:
                target.write(read_channels(source, file, part, (0, spec.nchannels), _type_of_all(spec)))


def write_picture_file(made: Path, product: Path, spec: oiio.ImageSpec, samples: NDArray[Any]) -> None:
    """Write a file of one part with its samples, (H, W, channels). Raises OutputError."""
    with _Target(made, product, [spec]) as target:
        target.write(samples)


def new_spec(window: oiio.ROI, channels: tuple[str, ...], kind: str) -> oiio.ImageSpec:
    """Describe a part of one kind of samples that is compressed without loss (ZIP)."""
    spec = oiio.ImageSpec(window.width, window.height, len(channels), kind)
    spec.x, spec.y, spec.channelnames = window.xbegin, window.ybegin, channels
    spec.attribute("compression", "zip")
    spec.attribute("tiff:write_exif", 0)
    return _dateless(spec)


def part_spec(file: PictureFile, window: oiio.ROI, channels: tuple[str, ...], kind: str) -> oiio.ImageSpec:
    """Describe a part with the attributes and the display window of an OpenEXR file, but a data window of its own.

    A TIFF file lends its size alone.
    """
    if file.format != "openexr":
        spec = new_spec(window, channels, kind)
        spec.roi_full = file.display
        return spec
    spec = _as_written(file, file.spec)
    spec.nchannels, spec.channelnames = len(channels), channels
    spec.set_format(oiio.TypeDesc(kind))
    spec.roi = oiio.ROI(window.xbegin, window.xend, window.ybegin, window.yend, 0, 1, 0, len(channels))
    spec.tile_width = spec.tile_height = spec.tile_depth = 0
    spec.attribute("compression", "zip")
    for name in ("name", "oiio:subimagename"):
        spec.erase_attribute(name)
    return spec


def _as_written(file: PictureFile, spec: oiio.ImageSpec) -> oiio.ImageSpec:
    """Return a copy of a part's description in which OpenImageIO finds all that is to be written of it again."""
    if file.format == "tiff":
        return _tiff_storage(spec)
    copy = spec.copy()
    level = spec.get_float_attribute("openexr:dwaCompressionLevel", 0.0)
    if level:
        copy.attribute("compression", f"{spec.get_string_attribute('compression')}:{level:g}")
    for name in _TOLD_ONCE:
        copy.erase_attribute(name)
    return _dateless(copy)


def _tiff_storage(spec: oiio.ImageSpec) -> oiio.ImageSpec:
    """Return the description of a TIFF's page without its notes, which OpenImageIO would not write as they were."""
    copy = oiio.ImageSpec()
    copy.copy_dimensions(spec)
    for name in _TIFF_STORAGE:
        value = spec.getattribute(name)
        if value is not None:
            copy.attribute(name, value)
    if spec.get_string_attribute("compression") not in _TIFF_COMPRESSIONS:
        copy.attribute("compression", "zip")
    if spec.get_int_attribute("oiio:BitsPerSample", _LEAST_BITS) < _LEAST_BITS:
        copy.erase_attribute("oiio:BitsPerSample")
    copy.attribute("tiff:write_exif", 0)
    return _dateless(copy)


def _dateless(spec: oiio.ImageSpec) -> oiio.ImageSpec:
    if not spec.getattribute("DateTime"):
        spec.attribute("DateTime", "")  # else OpenImageIO would have it that the picture was taken now
    return spec


def _set_kind(spec: oiio.ImageSpec, channels: Sequence[int], kind: str) -> None:
    """Have channels hold samples of another kind."""
    wanted = oiio.TypeDesc(kind)
    kinds = [wanted if channel in channels else spec.channelformat(channel) for channel in range(spec.nchannels)]
    spec.erase_attribute("oiio:BitsPerSample")
    if len({str(each) for each in kinds}) == 1:
        spec.set_format(wanted)
    else:
        spec.channelformats = tuple(kinds)


def _with_picture(source: oiio.ImageInput, file: PictureFile, native: VideoFrame, frame: oiio.ROI) -> NDArray[Any]:
    """Return all samples of the picture's part, with the picture in them."""
    spec = file.spec
    colours, alpha = planes_of(native)
    planes = colours * 3 if len(colours) < min(len(file.channels), 3) else colours
    planes = planes if alpha is None else [*planes, alpha]
    ours, theirs = shared(frame, spec.roi)
    is_covered = (spec.height, spec.width) == planes[0][ours].shape
    if is_covered and len(planes) >= len(file.channels) == spec.nchannels:
        samples = np.empty((spec.height, spec.width, spec.nchannels), planes[0].dtype)
    else:
        is_alike = native.format.name == file.pix_fmt
        samples = read_channels(
            source, file, file.part, (0, spec.nchannels), _type_of_all(spec) if is_alike else "float"
        )
        _check_whole_numbers(source, file, samples)
    for channel, plane in zip(file.channels, planes, strict=False):
        samples[*theirs, channel] = _in_kind(plane[ours], samples.dtype)
    return samples


def _in_kind(plane: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return samples as OpenImageIO has them in another type: whole numbers are 0 to 1 in floating-point ones."""
    if plane.dtype.kind == "u" and dtype.kind == "f":
        return plane / np.float32(np.iinfo(plane.dtype).max)
    return plane


def _type_of_all(spec: oiio.ImageSpec) -> str:
    """Name the type of sample that holds every channel of a part exactly, but for large whole numbers beside others."""
    kinds = {str(spec.channelformat(channel)) for channel in range(spec.nchannels)}
    return kinds.pop() if len(kinds) == 1 else "float"


def _check_whole_numbers(source: oiio.ImageInput, file: PictureFile, samples: NDArray[Any]) -> None:
    """Raise InputError where a whole number is not told from its neighbours among `samples`, as OpenImageIO has it."""
    most = np.float32(np.iinfo(np.uint32).max)
    for channel in range(file.spec.nchannels):
        if str(file.spec.channelformat(channel)) != "uint" or samples.dtype.kind != "f":
            continue
        exact = read_channels(source, file, file.part, (channel, channel + 1), "uint")[:, :, 0]
        if (np.rint(samples[:, :, channel].astype(np.float64) * most) != exact).any():
            name = file.spec.channelnames[channel]
            raise InputError(
                f"{file.path}: whole numbers as large as those of its channel {name} are kept in a part of their own "
                f"only, not beside the picture; write that channel to another part, or file"
            )


class _Target:
    """A file that is written part by part; a context manager, `product` being named in messages."""

    def __init__(self, made: Path, product: Path, specs: list[oiio.ImageSpec]) -> None:
        self._made, self._product, self._specs = made, product, specs
        self._written = 0
        target = oiio.ImageOutput.create(FORMATS[made.suffix.lower()])
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
        why = error_of(self._target)
        return OutputError(f"{self._product} cannot be written: {why}; free some space, or choose another folder")
