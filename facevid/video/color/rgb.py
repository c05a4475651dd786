"""From the colours of a decoded picture to RGB, and from an RGB difference back to a difference of its samples.

The coefficients are those of ITU-R BT.601, BT.709 and BT.2020 and SMPTE 240M, the code numbers those of ITU-T H.273.
"""

import threading
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from av import VideoFrame
from av.video.reformatter import ColorRange, Interpolation, VideoReformatter
from numpy.typing import NDArray

from facevid.errors import InputError
from facevid.video.color.pixels import PixelLayout, component_view, pixel_layout, plane_view

HD_LINES = 720
"""From this many lines up an untagged picture is taken for BT.709, below for BT.601."""

# H.273 matrix coefficients -> (Kr, Kb, the number swscale knows the matrix by).
_MATRICES = {
    1: (0.2126, 0.0722, 1),
    4: (0.30, 0.11, 4),
    5: (0.299, 0.114, 5),
    6: (0.299, 0.114, 5),
    7: (0.212, 0.087, 7),
    9: (0.2627, 0.0593, 9),
}
QUALITY = Interpolation.BILINEAR | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT
"""How swscale is to convert: chroma interpolated, everything rounded."""

_LOCAL = threading.local()


@dataclass(frozen=True)
class ColourModel:
    """How the samples of a picture encode RGB: luma weights, range, and the layout of the samples."""

    layout: PixelLayout
    kr: float
    kb: float
    swscale: int
    full_range: bool

    @property
    def luma_step(self) -> float:
        """Sample values per RGB unit (of 255), for luma and for RGB."""
        return self._step(219)

    @property
    def chroma_step(self) -> float:
        """Sample values per unit (of 255) of a chroma difference in [-0.5, 0.5]."""
        return self._step(224)

    def _step(self, limited_span: int) -> float:
        if self.layout.is_float:
            return 1 / 255
        depth = self.layout.depth
        span: int = 2**depth - 1 if self.full_range else limited_span << (depth - 8)
        return span / 255

    @property
    def to_native(self) -> NDArray[np.float32]:
        """Matrix (1 or 3, 3) that takes an RGB difference in units of 0-255 to a difference of samples."""
        if self.layout.kind == "rgb":
            return np.eye(3, dtype=np.float32) * np.float32(self.luma_step)
        luma = np.array([self.kr, 1 - self.kr - self.kb, self.kb])
        blue = (np.array([0, 0, 1]) - luma) / (2 * (1 - self.kb))
        red = (np.array([1, 0, 0]) - luma) / (2 * (1 - self.kr))
        rows = np.stack([luma * self.luma_step, blue * self.chroma_step, red * self.chroma_step])
        return rows[: len(self.layout.places)].astype(np.float32)


def colour_model(native: VideoFrame) -> ColourModel:
    """Return the colour model of a picture, from its tags or, where it has none, from its size and format.

    Raises InputError for a pixel format or a matrix (such as ICtCp) in which a picture cannot be edited.
    """
    name = native.format.name
    layout = pixel_layout(name)
    if layout is None:
        msg = f"pixel format {name} is not supported: convert the source to yuv444p16le or rgb48le first"
        raise InputError(msg)
    matrix = int(native.colorspace)
    if matrix in (0, 2, 3) or layout.kind == "rgb":  # RGB, unspecified, reserved
        matrix = 1 if native.height >= HD_LINES else 6
    if matrix not in _MATRICES:
        msg = f"colour matrix {matrix} (ITU-T H.273) is not supported: convert the source to BT.709 or BT.2020 first"
        raise InputError(msg)
    tagged = ColorRange(int(native.color_range))
    full = tagged == ColorRange.JPEG or name.startswith("yuvj") or (layout.kind != "yuv" and tagged != ColorRange.MPEG)
    kr, kb, swscale = _MATRICES[matrix]
    return ColourModel(layout, kr, kb, swscale, full)


def swscale_matrix(matrix: int) -> int | None:
    """Return swscale's number of an H.273 matrix, None where it is none that pictures are converted with."""
    return _MATRICES[matrix][2] if matrix in _MATRICES else None


def to_rgb(native: VideoFrame) -> NDArray[np.uint8]:
    """Return a decoded picture as uint8 RGB (H, W, 3), as stored (not turned), with its own matrix and range.

    Scene-linear pictures (floating-point samples) are shown through the sRGB curve, values above 1 as white.
    """
    model = colour_model(native)
    layout = model.layout
    if layout.kind == "yuv":
        return _yuv_to_rgb(native, model)
    components = [component_view(native, index, layout) for index in range(len(layout.places))]
    if layout.is_float:
        shown = [np.rint(np.nan_to_num(encode_srgb(plane).clip(0, 1)) * 255).astype(np.uint8) for plane in components]
    elif layout.depth == 8 and model.full_range:
        shown = [np.ascontiguousarray(plane) for plane in components]
    else:
        lookup = _samples_as_uint8(model)
        shown = [lookup[plane] for plane in components]
    return np.stack(shown * (3 // len(shown)), axis=2)


def to_float_rgb(native: VideoFrame, rows: slice, columns: slice) -> NDArray[np.float32]:
    """Return a part of a decoded picture as float32 RGB (h, w, 3), as stored, with its own matrix, range and depth.

    Integer samples become 0 to 1, what is outside of a limited range is cut; floating-point ones stay as they are.
    """
    model = colour_model(native)
    if model.layout.kind == "yuv":
        native = _reformatted(native, model, "gbrp16le")
        black, white = 0.0, float(_white_of_swscale(model))
    else:
        black = 0.0 if model.full_range else 16.0 * 2 ** (model.layout.depth - 8)
        white = black + 255 * model.luma_step
    layout = pixel_layout(native.format.name)
    assert layout is not None
    planes = [component_view(native, index, layout)[rows, columns] for index in range(len(layout.places))]
    samples = cv2.merge([plane.astype(np.float32) for plane in planes] * (3 // len(planes)))
    if not layout.is_float:
        samples -= np.float32(black)
        samples /= np.float32(white - black)
        samples.clip(0, 1, out=samples)
    return np.asarray(samples, np.float32)


def to_rgb16(native: VideoFrame) -> VideoFrame:
    """Return a YUV picture as planar RGB of 16 bits and full range, with its alpha, converted by its own matrix."""
    model = colour_model(native)
    has_alpha = len(native.format.components) > len(model.layout.places)
    made = _reformatted(native, model, "gbrap16le" if has_alpha else "gbrp16le")
    layout = pixel_layout(made.format.name)
    assert layout is not None
    for plane in range(len(made.planes)):
        is_colour = plane < len(layout.places)
        white = _white_of_swscale(model) if is_colour else _shifted_white(model.layout.depth)
        samples = plane_view(made, plane, layout)
        samples[...] = np.minimum(np.rint(samples * np.float32(65535 / white)), 65535)
    return made


def _white_of_swscale(model: ColourModel) -> int:
    """Return what swscale makes of white in planar RGB of 16 bits; in packed RGB it has wrong lines from 4:2:0."""
    return _shifted_white(model.layout.depth) if model.full_range else 65283


def _shifted_white(depth: int) -> int:
    return (2**depth - 1) << (16 - depth)


def _samples_as_uint8(model: ColourModel) -> NDArray[np.uint8]:
    """Return the uint8 value of every sample value of an integer RGB or gray format."""
    black = 0 if model.full_range else 16 << (model.layout.depth - 8)
    values = (np.arange(2**model.layout.depth) - black) / model.luma_step
    return np.rint(np.clip(values, 0, 255)).astype(np.uint8)


def _yuv_to_rgb(native: VideoFrame, model: ColourModel) -> NDArray[np.uint8]:
    return _reformatted(native, model, "rgb24").to_ndarray().astype(np.uint8, copy=False)


def _reformatted(native: VideoFrame, model: ColourModel, pix_fmt: str) -> VideoFrame:
    reformatter = getattr(_LOCAL, "reformatter", None)
    if reformatter is None:
        reformatter = _LOCAL.reformatter = VideoReformatter()
    return reformatter.reformat(
        native,
        format=pix_fmt,
        src_colorspace=model.swscale,
        dst_colorspace=model.swscale,
        src_color_range=ColorRange.JPEG if model.full_range else ColorRange.MPEG,
        dst_color_range=ColorRange.JPEG,
        interpolation=QUALITY,
        threads=1,
    )


def encode_srgb(linear: NDArray[Any]) -> NDArray[np.float32]:
    """Return linear light on the sRGB curve (IEC 61966-2-1), continued above 1 and mirrored below 0."""
    size = np.abs(linear.astype(np.float32))
    with np.errstate(over="ignore", invalid="ignore"):  # OpenEXR samples may be infinite, or no number
        return np.copysign(np.where(size <= 0.0031308, 12.92 * size, 1.055 * size ** (1 / 2.4) - 0.055), linear)


def decode_srgb(encoded: NDArray[Any]) -> NDArray[np.float32]:
    """Return the linear light of values on the sRGB curve: the inverse of `encode_srgb`."""
    size = np.abs(encoded.astype(np.float32))
    with np.errstate(over="ignore", invalid="ignore"):
        return np.copysign(np.where(size <= 0.04045, size / 12.92, ((size + 0.055) / 1.055) ** 2.4), encoded)
