"""Write OpenEXR and TIFF files with OpenImageIO: new ones, or copies of a file with one image replaced."""

from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import OpenImageIO as oiio
from av import VideoFrame
from numpy.typing import NDArray

from facevid.errors import InputError, OutputError
from facevid.provenance.statement import Provenance
from facevid.provenance.xmp import extend_xmp
from facevid.video.color.pixels import colour_and_alpha_views
from facevid.video.images.oiio_file import OIIO_FORMATS, ImageFile, oiio_error, open_input
from facevid.video.images.oiio_pixels import oiio_type, overlap, read_channels

_READ_ONLY_ATTRIBUTES = ("openexr:chunkCount", "openexr:dwaCompressionLevel")
"""Attributes that describe how the file is stored; OpenImageIO would write them as custom attributes."""

_EXR_XMP = "xmp"
"""Attribute of an OpenEXR file with an XMP packet; OpenEXR does not define one."""

_TIFF_STORAGE = ("compression", "planarconfig", "Orientation", "oiio:BitsPerSample", "oiio:UnassociatedAlpha")
"""Attributes of a TIFF page that describe how samples are stored."""

_TIFF_COMPRESSIONS = ("none", "lzw", "zip", "packbits")
"""Compressions that are kept; all others (bilevel or lossy) become zip."""

_MIN_BIT_DEPTH = 8
"""Smallest bit depth that is written; files of 1, 2 or 4 bits become 8-bit."""


def rewrite_image(
    file: ImageFile, native: VideoFrame, frame: oiio.ROI, path: Path, product: Path, *, provenance: Provenance | None
) -> None:
    """Write a copy of an OpenEXR or TIFF file with another image.

    Kept are windows, compression, tiles, other channels and parts, pixels outside the frame, and the attributes of
    OpenEXR files. TIFF metadata is not copied here: see `copy_tiff_metadata`.

    Args:
        file: the file to copy.
        native: the new image, in stored orientation.
        frame: the rectangle that `native` covers, in the file's pixel coordinates.
        path: the file to write.
        product: the final path, named in messages.
        provenance: stated in OpenEXR files; None states nothing.

    Raises:
        InputError: `file` is damaged, or has integers that cannot be kept.
        OutputError: `path` cannot be written.
    """
    specs = [_output_spec(file, spec) for spec in file.specs]
    if native.format.name != file.pix_fmt:
        # All channels of a TIFF share one sample type.
        changed = file.channels if file.format == "openexr" else range(file.spec.nchannels)
        _set_sample_type(specs[file.part], changed, oiio_type(colour_and_alpha_views(native)[0][0]))
    if file.mixes_tiles_and_scanlines:
        for spec in specs:
            spec.tile_width = spec.tile_height = spec.tile_depth = 0
    if provenance is not None and file.format == "openexr":
        add_provenance_to_exr(specs[0], provenance)
    source = open_input(file.path)
    with _ImageWriter(path, product, specs) as writer:
        for part, spec in enumerate(specs):
            if part == file.part:
                writer.write(_merged_samples(source, file, native, frame))
            elif source.seek_subimage(part, 0) and spec.tile_width == file.specs[part].tile_width:
                writer.copy(source)
            else:
                writer.write(read_channels(source, file, part, (0, spec.nchannels), _common_type(spec)))


def write_image_file(path: Path, product: Path, spec: oiio.ImageSpec, samples: NDArray[Any]) -> None:
    """Write a file of one part.

    Args:
        path: the file to write.
        product: the final path, named in messages.
        spec: specification of the part.
        samples: (H, W, channels).

    Raises:
        OutputError: the file cannot be written.
    """
    with _ImageWriter(path, product, [spec]) as writer:
        writer.write(samples)


def new_spec(window: oiio.ROI, channels: tuple[str, ...], kind: str) -> oiio.ImageSpec:
    """Return the specification of a part with lossless compression (ZIP) and one sample type.

    Args:
        window: the data window.
        channels: channel names.
        kind: OpenImageIO's name of the sample type.
    """
    spec = oiio.ImageSpec(window.width, window.height, len(channels), kind)
    spec.x, spec.y, spec.channelnames = window.xbegin, window.ybegin, channels
    spec.attribute("compression", "zip")
    spec.attribute("tiff:write_exif", 0)
    return _without_date(spec)


def part_spec(file: ImageFile, window: oiio.ROI, channels: tuple[str, ...], kind: str) -> oiio.ImageSpec:
    """Return the specification of a part with another file's attributes and display window.

    Of a TIFF file, only the size is used.

    Args:
        file: the file to take attributes from.
        window: the data window of the new part.
        channels: channel names.
        kind: OpenImageIO's name of the sample type.
    """
    if file.format != "openexr":
        spec = new_spec(window, channels, kind)
        spec.roi_full = file.display_window
        return spec
    spec = _output_spec(file, file.spec)
    spec.nchannels, spec.channelnames = len(channels), channels
    spec.set_format(oiio.TypeDesc(kind))
    spec.roi = oiio.ROI(window.xbegin, window.xend, window.ybegin, window.yend, 0, 1, 0, len(channels))
    spec.tile_width = spec.tile_height = spec.tile_depth = 0
    spec.attribute("compression", "zip")
    for name in ("name", "oiio:subimagename"):
        spec.erase_attribute(name)
    return spec


def add_provenance_to_exr(spec: oiio.ImageSpec, provenance: Provenance) -> None:
    """State the provenance of an OpenEXR file in an attribute of its first part."""
    packet = spec.get_string_attribute(_EXR_XMP)
    spec.attribute(_EXR_XMP, extend_xmp(packet.encode() if packet else None, provenance).decode())


def _output_spec(file: ImageFile, spec: oiio.ImageSpec) -> oiio.ImageSpec:
    """Return a part's specification as needed to write it again."""
    if file.format == "tiff":
        return _tiff_storage(spec)
    copy = spec.copy()
    level = spec.get_float_attribute("openexr:dwaCompressionLevel", 0.0)
    if level:
        copy.attribute("compression", f"{spec.get_string_attribute('compression')}:{level:g}")
    for name in _READ_ONLY_ATTRIBUTES:
        copy.erase_attribute(name)
    return _without_date(copy)


def _tiff_storage(spec: oiio.ImageSpec) -> oiio.ImageSpec:
    """Return the specification of a TIFF page without metadata, which OpenImageIO would change."""
    copy = oiio.ImageSpec()
    copy.copy_dimensions(spec)
    for name in _TIFF_STORAGE:
        value = spec.getattribute(name)
        if value is not None:
            copy.attribute(name, value)
    if spec.get_string_attribute("compression") not in _TIFF_COMPRESSIONS:
        copy.attribute("compression", "zip")
    if spec.get_int_attribute("oiio:BitsPerSample", _MIN_BIT_DEPTH) < _MIN_BIT_DEPTH:
        copy.erase_attribute("oiio:BitsPerSample")
    copy.attribute("tiff:write_exif", 0)
    return _without_date(copy)


def _without_date(spec: oiio.ImageSpec) -> oiio.ImageSpec:
    if not spec.getattribute("DateTime"):
        spec.attribute("DateTime", "")  # otherwise OpenImageIO writes the current time
    return spec


def _set_sample_type(spec: oiio.ImageSpec, channels: Sequence[int], kind: str) -> None:
    """Change the sample type of some channels."""
    new_type = oiio.TypeDesc(kind)
    types = [new_type if channel in channels else spec.channelformat(channel) for channel in range(spec.nchannels)]
    spec.erase_attribute("oiio:BitsPerSample")
    if len({str(each) for each in types}) == 1:
        spec.set_format(new_type)
    else:
        spec.channelformats = tuple(types)


def _merged_samples(source: oiio.ImageInput, file: ImageFile, native: VideoFrame, frame: oiio.ROI) -> NDArray[Any]:
    """Return all channels of the image's part, (H, W, channels), with the new image in place of the old one."""
    spec = file.spec
    colours, alpha = colour_and_alpha_views(native)
    planes = colours * 3 if len(colours) < min(len(file.channels), 3) else colours
    planes = planes if alpha is None else [*planes, alpha]
    in_frame, in_file = overlap(frame, spec.roi)
    is_covered = (spec.height, spec.width) == planes[0][in_frame].shape
    if is_covered and len(planes) >= len(file.channels) == spec.nchannels:
        samples = np.empty((spec.height, spec.width, spec.nchannels), planes[0].dtype)
    else:
        kind = _common_type(spec) if native.format.name == file.pix_fmt else "float"
        samples = read_channels(source, file, file.part, (0, spec.nchannels), kind)
        _check_integers(source, file, samples)
    for channel, plane in zip(file.channels, planes, strict=False):
        samples[*in_file, channel] = _as_dtype(plane[in_frame], samples.dtype)
    return samples


def _as_dtype(plane: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Scale integer samples to 0-1 if `dtype` is floating-point, as OpenImageIO converts them."""
    if plane.dtype.kind == "u" and dtype.kind == "f":
        return plane / np.float32(np.iinfo(plane.dtype).max)
    return plane


def _common_type(spec: oiio.ImageSpec) -> str:
    """Return the sample type for all channels of a part: exact, except for large integers next to other types."""
    types = {str(spec.channelformat(channel)) for channel in range(spec.nchannels)}
    return types.pop() if len(types) == 1 else "float"


def _check_integers(source: oiio.ImageInput, file: ImageFile, samples: NDArray[Any]) -> None:
    """Raise InputError if float32 `samples`, which are scaled to 0-1, do not represent 32-bit integers exactly."""
    scale = np.float32(np.iinfo(np.uint32).max)
    for channel in range(file.spec.nchannels):
        if str(file.spec.channelformat(channel)) != "uint" or samples.dtype.kind != "f":
            continue
        exact = read_channels(source, file, file.part, (channel, channel + 1), "uint")[:, :, 0]
        if (np.rint(samples[:, :, channel].astype(np.float64) * scale) != exact).any():
            name = file.spec.channelnames[channel]
            raise InputError(
                f"{file.path}: the integers of its channel {name} are too large to be kept in the same part as the "
                f"image; move that channel to another part or file"
            )


class _ImageWriter:
    """Writes a file part by part; a context manager. `product` is the final path, named in messages."""

    def __init__(self, path: Path, product: Path, specs: list[oiio.ImageSpec]) -> None:
        self._path, self._product, self._specs = path, product, specs
        self._written = 0
        output = oiio.ImageOutput.create(OIIO_FORMATS[path.suffix.lower()])
        assert output is not None
        self._output = output

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        is_complete = self._output.close()
        if kind is None and not is_complete:
            raise self._failure()

    def write(self, samples: NDArray[Any]) -> None:
        """Write the samples, (H, W, channels), of the next part. Raises OutputError."""
        self._begin()
        if not self._output.write_image(np.ascontiguousarray(samples)):
            raise self._failure()

    def copy(self, source: oiio.ImageInput) -> None:
        """Copy the current part of `source` without decoding. Raises OutputError."""
        self._begin()
        if not self._output.copy_image(source):
            raise self._failure()

    def _begin(self) -> None:
        name, part = str(self._path), self._written
        self._written += 1
        if part:
            is_open = self._output.open(name, self._specs[part], "AppendSubimage")
        else:
            is_open = self._output.open(name, self._specs if len(self._specs) > 1 else self._specs[0])
        if not is_open:
            raise self._failure()

    def _failure(self) -> OutputError:
        cause = oiio_error(self._output)
        return OutputError(f"{self._product} cannot be written: {cause}; free some space, or choose another folder")
