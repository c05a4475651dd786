"""One picture to be laid over a frame: an OpenEXR file for a plate of linear light, else a PNG file of 16 bits."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import OpenImageIO as oiio
from av import VideoFrame
from numpy.typing import NDArray

from facevid.video.color.pixels import is_float, pixel_layout, plane_view
from facevid.video.images.image_file import open_picture
from facevid.video.images.rewriting import part_spec, write_picture_file
from facevid.video.images.source import frame_in
from facevid.video.info import ClipInfo
from facevid.video.writer.encoding import PICTURE_OPTIONS
from facevid.video.writer.image import write_picture
from facevid.video.writer.plan import EncoderPlan, upright_aspect
from facevid.video.writer.result_format import colours_of_result


@dataclass(frozen=True)
class Layer:
    """A picture that covers a part of a frame.

    Attributes:
        x, y: its top-left pixel in the frame as displayed.
        rgb: float32 (h, w, 3), not premultiplied, as from `Frame.float_rgb`.
        alpha: float32 (h, w), 0 to 1.
    """

    x: int
    y: int
    rgb: NDArray[np.float32]
    alpha: NDArray[np.float32]


def layer_suffix(plate: ClipInfo) -> str:
    """Return the kind of file that layers over `plate` are written to."""
    return ".exr" if is_float(plate.pix_fmt) else ".png"


def write_layer(path: Path, product: Path, layer: Layer, plate: ClipInfo, index: int) -> None:
    """Write a layer over frame `index` of `plate` to `path`, of the kind that `layer_suffix` names.

    A PNG file is of the plate's whole size and not premultiplied, as its specification has it. An EXR file is
    premultiplied, of the plate's depth; its data window is the layer, its display window the plate's; it carries the
    attributes of the plate's file. `product` is the file named in messages. Raises OutputError.
    """
    if path.suffix == ".exr":
        _write_exr(path, product, layer, plate, index)
        return
    native = _png_picture(layer, plate)
    write_picture(path, native, _plan(native, plate), product=product, source=plate, file=None)


def _write_exr(path: Path, product: Path, layer: Layer, plate: ClipInfo, index: int) -> None:
    file = open_picture(plate.files[index], plate.layer)
    frame = frame_in(file, plate)
    height, width = layer.alpha.shape
    left, top = frame.xbegin + layer.x, frame.ybegin + layer.y
    kind, dtype = ("half", np.float16) if "f16" in plate.pix_fmt else ("float", np.float32)
    alpha = layer.alpha.astype(dtype).astype(np.float32)[..., None]  # as it will be read
    samples = np.dstack([layer.rgb * alpha, alpha]).astype(dtype)
    spec = part_spec(file, oiio.ROI(left, left + width, top, top + height), ("R", "G", "B", "A"), kind)
    write_picture_file(path, product, spec, samples)


def _plan(native: VideoFrame, plate: ClipInfo) -> EncoderPlan:
    return EncoderPlan(
        encoder="png",
        muxer="image2pipe",
        pix_fmt=native.format.name,
        options=PICTURE_OPTIONS["png"],
        width=native.width,
        height=native.height,
        sample_aspect_ratio=upright_aspect(plate),
        colour=colours_of_result(plate, native.format.name, "png"),
        time_base=plate.time_base,
        rate=None,
    )


def _png_picture(layer: Layer, plate: ClipInfo) -> VideoFrame:
    native = VideoFrame(plate.width, plate.height, "rgba64be")
    layout = pixel_layout(native.format.name)
    assert layout is not None
    whole = plane_view(native, 0, layout)
    whole[...] = 0
    height, width = layer.alpha.shape
    part = whole[layer.y : layer.y + height, layer.x : layer.x + width]
    part[...] = np.rint(np.dstack([layer.rgb, layer.alpha]).clip(0, 1) * 65535)
    native.pts, native.time_base = 0, plate.time_base
    return native
