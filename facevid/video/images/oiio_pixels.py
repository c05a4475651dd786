"""Decode the samples of OpenEXR and TIFF files with OpenImageIO."""

from typing import Any

import numpy as np
import OpenImageIO as oiio
from av import VideoFrame
from numpy.typing import NDArray

from facevid.errors import InputError
from facevid.video.color.pixels import colour_and_alpha_views
from facevid.video.images.oiio_file import ImageFile, oiio_error, open_input, rows_and_columns


def read_pixels(file: ImageFile, frame: oiio.ROI, pix_fmt: str) -> VideoFrame:
    """Decode the image of a file.

    Args:
        file: the file.
        frame: the rectangle to return, in the file's pixel coordinates; pixels outside the data window are 0.
        pix_fmt: planar pixel format to return, which must represent the file's samples. Gray becomes equal R, G and B;
            a missing alpha becomes opaque.

    Raises:
        InputError: the file is damaged.
    """
    first, last = min(file.channels), max(file.channels)
    native = VideoFrame(frame.width, frame.height, pix_fmt)
    colours, alpha = colour_and_alpha_views(native)
    samples = read_channels(open_input(file.path), file, file.part, (first, last + 1), oiio_type(colours[0]))
    in_frame, in_file = overlap(frame, file.spec.roi)
    channels = [*file.channels, *[file.channels[0]] * 2][: len(colours)]  # gray becomes R, G and B
    for channel, plane in zip(channels, colours, strict=True):
        plane[...] = 0
        plane[in_frame] = samples[:, :, channel - first][in_file]
    if alpha is not None:
        alpha[...] = 0
        has_alpha = len(file.channels) > 3
        alpha[in_frame] = samples[:, :, file.channels[3] - first][in_file] if has_alpha else _opaque(alpha)
    return native


def oiio_type(plane: NDArray[Any]) -> str:
    """Return OpenImageIO's name of an array's dtype."""
    return {"float16": "half", "float32": "float"}.get(plane.dtype.name, plane.dtype.name)


def _opaque(alpha: NDArray[Any]) -> int:
    """Return the value of full opacity in the array's dtype."""
    return 1 if alpha.dtype.kind == "f" else int(np.iinfo(alpha.dtype).max)


def read_channels(
    source: oiio.ImageInput, file: ImageFile, part: int, channels: tuple[int, int], kind: str
) -> NDArray[Any]:
    """Read channels of a part.

    Args:
        source: the open file.
        file: its headers.
        part: index of the part.
        channels: first channel, and the one after the last.
        kind: OpenImageIO's name of the sample type to return.

    Returns:
        The samples, (H, W, channels).

    Raises:
        InputError: the file is damaged.
    """
    samples = source.read_image(part, 0, *channels, kind)
    if samples is None:
        raise InputError(f"{file.path} cannot be read: {oiio_error(source).lower()}; render or copy it again")
    return np.asarray(samples)


def overlap(frame: oiio.ROI, window: oiio.ROI) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """Return the (row, column) slices of the intersection of two regions, within the first and within the second."""
    both = oiio.intersection(rows_and_columns(frame), rows_and_columns(window))
    in_frame, in_window = (
        (
            slice(both.ybegin - region.ybegin, max(both.yend, both.ybegin) - region.ybegin),
            slice(both.xbegin - region.xbegin, max(both.xend, both.xbegin) - region.xbegin),
        )
        for region in (frame, window)
    )
    return in_frame, in_window
