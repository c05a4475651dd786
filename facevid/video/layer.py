"""One picture to be laid over a frame: an OpenEXR file for a plate of linear light, else a PNG file of 16 bits."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from av import VideoFrame
from numpy.typing import DTypeLike, NDArray

from facevid.video.encoder import PictureEncoder
from facevid.video.encoding import PICTURE_OPTIONS
from facevid.video.exr import place_exr
from facevid.video.info import ClipInfo
from facevid.video.notes import carry_notes
from facevid.video.pixels import is_float, pixel_layout, plane_view
from facevid.video.plan import EncoderPlan, upright_aspect
from facevid.video.result_format import colours_of_result


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
    premultiplied, of the plate's depth; its data window is the layer, its display window the plate; it carries the
    notes of the plate's header. `product` is the file named in messages. Raises OutputError.
    """
    native = _exr_picture(layer, plate) if path.suffix == ".exr" else _png_picture(layer, plate)
    encoder = PictureEncoder(path, product, _plan(native, path, plate))
    try:
        encoder.write(native)
        encoder.finish()
    finally:
        encoder.abandon()
    if path.suffix == ".exr":
        place_exr(path, layer.x, layer.y, plate.width, plate.height)
        carry_notes(plate.files[index], path, product)


def _plan(native: VideoFrame, path: Path, plate: ClipInfo) -> EncoderPlan:
    encoder = path.suffix[1:]
    options = dict(PICTURE_OPTIONS[encoder])
    if encoder == "exr":
        options["format"] = "half" if _is_half(plate) else "float"
    return EncoderPlan(
        encoder=encoder,
        muxer="image2pipe",
        pix_fmt=native.format.name,
        options=options,
        width=native.width,
        height=native.height,
        sample_aspect_ratio=upright_aspect(plate),
        colour=colours_of_result(plate, native.format.name, encoder),
        time_base=plate.time_base,
        rate=None,
    )


def _is_half(plate: ClipInfo) -> bool:
    return "f16" in plate.pix_fmt


def _exr_picture(layer: Layer, plate: ClipInfo) -> VideoFrame:
    dtype: DTypeLike = np.float16 if _is_half(plate) else np.float32  # FFmpeg would cut to half floats, not round
    alpha = layer.alpha.astype(dtype).astype(np.float32)[..., None]
    samples = np.dstack([(layer.rgb * alpha).astype(dtype), alpha])
    native = VideoFrame(samples.shape[1], samples.shape[0], "gbrapf32le")
    layout = pixel_layout(native.format.name)
    assert layout is not None
    for channel, plane in enumerate([*(plane for plane, _ in layout.places), len(layout.places)]):
        plane_view(native, plane, layout)[:, :, 0] = samples[:, :, channel]
    return _timed(native, plate)


def _png_picture(layer: Layer, plate: ClipInfo) -> VideoFrame:
    native = VideoFrame(plate.width, plate.height, "rgba64be")
    layout = pixel_layout(native.format.name)
    assert layout is not None
    whole = plane_view(native, 0, layout)
    whole[...] = 0
    height, width = layer.alpha.shape
    part = whole[layer.y : layer.y + height, layer.x : layer.x + width]
    part[...] = np.rint(np.dstack([layer.rgb, layer.alpha]).clip(0, 1) * 65535)
    return _timed(native, plate)


def _timed(native: VideoFrame, plate: ClipInfo) -> VideoFrame:
    native.pts, native.time_base = 0, plate.time_base
    return native
