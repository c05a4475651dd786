"""Write a layer to composite over a frame: OpenEXR for scene-linear plates, else 16-bit PNG."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import OpenImageIO as oiio
from av import VideoFrame
from numpy.typing import NDArray

from facevid.video.color.pixels import is_float, pixel_layout, plane_view
from facevid.video.encoding.codecs import IMAGE_OPTIONS
from facevid.video.encoding.encoder_plan import EncoderPlan, displayed_aspect
from facevid.video.encoding.result_format import colours_of_result
from facevid.video.images.image_clip import frame_roi
from facevid.video.images.oiio_file import open_image
from facevid.video.images.oiio_writer import new_spec, part_spec, write_image_file
from facevid.video.info import ClipInfo
from facevid.video.writer.image_writer import save_image


@dataclass(frozen=True)
class Layer:
    """An image with alpha that covers a rectangle of a frame.

    Attributes:
        x, y: top-left pixel in the displayed frame, in the plate's own pixels.
        rgb: float32 (h, w, 3) RGB, not premultiplied, in the units of `Frame.float_rgb`.
        alpha: float32 (h, w), 0 to 1.
    """

    x: int
    y: int
    rgb: NDArray[np.float32]
    alpha: NDArray[np.float32]


def layer_suffix(plate: ClipInfo) -> str:
    """Return the file name suffix of layers over `plate`."""
    return ".exr" if is_float(plate.pix_fmt) else ".png"


def write_layer(path: Path, product: Path, layer: Layer, plate: ClipInfo, index: int) -> None:
    """Write a layer.

    A PNG file has the plate's size and is not premultiplied, as its specification requires. An EXR file is
    premultiplied and has the plate's bit depth, display window and attributes; its data window is the layer's
    rectangle.

    Args:
        path: the file to write, with the suffix from `layer_suffix`.
        product: the final path, named in messages.
        layer: the image.
        plate: properties of the source.
        index: index of the frame in the source.

    Raises:
        OutputError: the file cannot be written.
    """
    if path.suffix == ".exr":
        _write_exr(path, product, layer, plate, index)
        return
    native = _png_frame(layer, plate)
    save_image(path, native, _plan(native, plate), product=product, source=plate, file=None)


def write_map(
    path: Path,
    product: Path,
    pixels: NDArray[np.floating],
    *,
    corner: tuple[int, int],
    channels: tuple[str, ...],
    plate: ClipInfo,
) -> None:
    """Write an OpenEXR file with the plate's display window and any channels, compressed without loss.

    Args:
        path: the file to write.
        product: the final path, named in messages.
        pixels: float16 or float32 (height, width, channels), the plate's own pixels, as displayed.
        corner: x and y of the upper left pixel in the displayed frame.
        channels: channel names.
        plate: properties of the source.

    Raises:
        OutputError: the file cannot be written.
    """
    left, top = plate.display_window[:2] if plate.display_window else (0, 0)
    (height, width), x, y = pixels.shape[:2], corner[0] - left, corner[1] - top
    window = oiio.ROI(x, x + width, y, y + height)
    spec = new_spec(window, channels, "half" if pixels.dtype == np.float16 else "float")
    width, height = plate.display_window[2:] if plate.display_window else (plate.width, plate.height)
    spec.roi_full = oiio.ROI(0, width, 0, height)
    write_image_file(path, product, spec, np.ascontiguousarray(pixels))


def _write_exr(path: Path, product: Path, layer: Layer, plate: ClipInfo, index: int) -> None:
    file = open_image(plate.files[index], plate.layer)
    frame = frame_roi(file, plate)
    height, width = layer.alpha.shape
    left, top = frame.xbegin + layer.x, frame.ybegin + layer.y
    kind, dtype = ("half", np.float16) if "f16" in plate.pix_fmt else ("float", np.float32)
    alpha = layer.alpha.astype(dtype).astype(np.float32)[..., None]  # rounded as in the file
    samples = np.dstack([layer.rgb * alpha, alpha]).astype(dtype)
    spec = part_spec(file, oiio.ROI(left, left + width, top, top + height), ("R", "G", "B", "A"), kind)
    write_image_file(path, product, spec, samples)


def _plan(native: VideoFrame, plate: ClipInfo) -> EncoderPlan:
    return EncoderPlan(
        encoder="png",
        muxer="image2pipe",
        pix_fmt=native.format.name,
        options=IMAGE_OPTIONS["png"],
        width=native.width,
        height=native.height,
        sample_aspect_ratio=displayed_aspect(plate),
        colour=colours_of_result(plate, native.format.name, "png"),
        time_base=plate.time_base,
        rate=None,
    )


def _png_frame(layer: Layer, plate: ClipInfo) -> VideoFrame:
    """Return the layer as 16-bit RGBA of the plate's size."""
    native = VideoFrame(plate.width, plate.height, "rgba64be")
    layout = pixel_layout(native.format.name)
    assert layout is not None
    samples = plane_view(native, 0, layout)
    samples[...] = 0
    height, width = layer.alpha.shape
    region = samples[layer.y : layer.y + height, layer.x : layer.x + width]
    region[...] = np.rint(np.dstack([layer.rgb, layer.alpha]).clip(0, 1) * 65535)
    native.pts, native.time_base = 0, plate.time_base
    return native
