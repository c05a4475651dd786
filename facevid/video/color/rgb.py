"""Conversion of decoded frames to RGB, and of RGB differences back to differences of samples.

Coefficients are those of ITU-R BT.601, BT.709 and BT.2020 and SMPTE 240M; code points are those of ITU-T H.273.
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
from facevid.video.filters import filtered

HD_LINES = 720
"""Height in pixels from which untagged YUV frames are taken for BT.709; smaller ones for BT.601."""

# H.273 matrix coefficients -> (Kr, Kb, swscale's number of the matrix).
_MATRICES = {
    1: (0.2126, 0.0722, 1),
    4: (0.30, 0.11, 4),
    5: (0.299, 0.114, 5),
    6: (0.299, 0.114, 5),
    7: (0.212, 0.087, 7),
    9: (0.2627, 0.0593, 9),
}

SWSCALE_FLAGS = Interpolation.BILINEAR | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT
"""Flags of swscale conversions: interpolated chroma, accurate rounding."""

WHOLE = slice(None)
"""All rows or columns of a frame."""

CROP_MARGIN = 8
"""Samples around a rectangle that are converted with it, and the multiple at which its crop begins and ends: more than
the reach of the interpolation of chroma, and a whole number of chroma samples in all formats."""

_THREAD_LOCAL = threading.local()
"""Holds one reformatter per thread: a reformatter is not thread-safe."""


@dataclass(frozen=True)
class ColourModel:
    """How the samples of a frame encode RGB.

    Attributes:
        layout: memory layout of the samples.
        kr, kb: luma weights of red and blue.
        swscale: swscale's number of the matrix.
        full_range: whether black and white are the extremes of the sample range.
    """

    layout: PixelLayout
    kr: float
    kb: float
    swscale: int
    full_range: bool

    @property
    def luma_step(self) -> float:
        """Sample values per RGB unit (of 0-255), for luma and RGB samples."""
        return self._step(219)

    @property
    def chroma_step(self) -> float:
        """Sample values per RGB unit (of 0-255), for chroma."""
        return self._step(224)

    def _step(self, limited_span: int) -> float:
        if self.layout.is_float:
            return 1 / 255
        depth = self.layout.depth
        span: int = 2**depth - 1 if self.full_range else limited_span << (depth - 8)
        return span / 255

    @property
    def to_native(self) -> NDArray[np.float32]:
        """float32 matrix (1 or 3, 3) from an RGB difference in units of 0-255 to a difference of samples."""
        if self.layout.kind == "rgb":
            return np.eye(3, dtype=np.float32) * np.float32(self.luma_step)
        luma = np.array([self.kr, 1 - self.kr - self.kb, self.kb])
        blue = (np.array([0, 0, 1]) - luma) / (2 * (1 - self.kb))
        red = (np.array([1, 0, 0]) - luma) / (2 * (1 - self.kr))
        rows = np.stack([luma * self.luma_step, blue * self.chroma_step, red * self.chroma_step])
        return rows[: len(self.layout.positions)].astype(np.float32)


def colour_model(native: VideoFrame) -> ColourModel:
    """Return the colour model of a frame, from its tags, or from its size and pixel format if it is untagged.

    Raises:
        InputError: the pixel format or the matrix (such as ICtCp) is not supported.
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
    """Return swscale's number of an H.273 matrix; None if the matrix is not supported."""
    return _MATRICES[matrix][2] if matrix in _MATRICES else None


def to_rgb(native: VideoFrame, rows: slice = WHOLE, columns: slice = WHOLE) -> NDArray[np.uint8]:
    """Convert a frame, or a rectangle of it, to uint8 RGB (H, W, 3) in stored orientation.

    The frame's own matrix and range are used. Scene-linear (floating-point) samples are encoded as sRGB; values above 1
    become white.
    """
    model = colour_model(native)
    layout, is_full_range = model.layout, model.full_range
    if layout.kind == "yuv":
        if rows != WHOLE or columns != WHOLE:
            native, rows, columns = _surroundings(native, layout, rows, columns)
        native = _reformatted(native, model, "gbrp")  # swscale takes three times as long for interleaved RGB
        layout, is_full_range = _layout(native), True
    components = [component_view(native, index, layout)[rows, columns] for index in range(len(layout.positions))]
    if layout.is_float:
        planes = [np.rint(np.nan_to_num(encode_srgb(plane).clip(0, 1)) * 255).astype(np.uint8) for plane in components]
    elif layout.depth == 8 and is_full_range:
        planes = components
    else:
        lookup = _uint8_lookup_table(model)
        planes = [lookup[plane] for plane in components]
    return np.asarray(cv2.merge(planes * (3 // len(planes))), np.uint8)


def to_float_rgb(native: VideoFrame, rows: slice, columns: slice) -> NDArray[np.float32]:
    """Convert a rectangle of a frame to float32 RGB (h, w, 3) in stored orientation, at the frame's own bit depth.

    Integer samples become 0 to 1; values outside a limited range are clipped. Floating-point samples are unchanged.
    """
    model = colour_model(native)
    if model.layout.kind == "yuv":
        native, rows, columns = _surroundings(native, model.layout, rows, columns)
        native = _reformatted(native, model, "gbrp16le")
        black, white = 0.0, float(_swscale_white(model))
    else:
        black = 0.0 if model.full_range else 16.0 * 2 ** (model.layout.depth - 8)
        white = black + 255 * model.luma_step
    layout = _layout(native)
    planes = [component_view(native, index, layout)[rows, columns] for index in range(len(layout.positions))]
    samples = cv2.merge([plane.astype(np.float32) for plane in planes] * (3 // len(planes)))
    if not layout.is_float:
        if black:
            samples -= np.float32(black)
        samples /= np.float32(white - black)
        samples.clip(0, 1, out=samples)
    return np.asarray(samples, np.float32)


def _surroundings(
    native: VideoFrame, layout: PixelLayout, rows: slice, columns: slice
) -> tuple[VideoFrame, slice, slice]:
    """Crop a YUV frame, without copying it, to a rectangle and the samples around it that its conversion needs.

    Returns:
        the cropped frame, and the rows and columns of the rectangle in it.
    """
    left, top = (max(span.start // CROP_MARGIN - 1, 0) * CROP_MARGIN for span in (columns, rows))
    right, bottom = (
        min((span.stop // CROP_MARGIN + 2) * CROP_MARGIN, end)
        for span, end in ((columns, native.width), (rows, native.height))
    )
    across, down = layout.subsampling
    stretches_chroma = native.width % (1 << across) or native.height % (1 << down)  # over the whole frame
    if stretches_chroma or 2 * (right - left) * (bottom - top) > native.width * native.height:
        return native, rows, columns
    cropped = filtered(native, [("crop", f"{right - left}:{bottom - top}:{left}:{top}:exact=1")])
    return cropped, slice(rows.start - top, rows.stop - top), slice(columns.start - left, columns.stop - left)


def to_rgb16(native: VideoFrame) -> VideoFrame:
    """Convert a YUV frame to full-range 16-bit planar RGB with its own matrix, keeping alpha."""
    model = colour_model(native)
    has_alpha = len(native.format.components) > len(model.layout.positions)
    result = _reformatted(native, model, "gbrap16le" if has_alpha else "gbrp16le")
    layout = _layout(result)
    for plane in range(len(result.planes)):
        is_colour = plane < len(layout.positions)
        white = _swscale_white(model) if is_colour else _shifted_white(model.layout.depth)
        samples = plane_view(result, plane, layout)
        samples[...] = np.minimum(np.rint(samples * np.float32(65535 / white)), 65535)
    return result


def _swscale_white(model: ColourModel) -> int:
    """Return the value of white after swscale's conversion of YUV to 16-bit planar RGB, which is below 65535.

    Planar, because swscale's conversion of 4:2:0 to packed 16-bit RGB returns wrong rows.
    """
    return _shifted_white(model.layout.depth) if model.full_range else 65283


def _shifted_white(depth: int) -> int:
    """Return the largest value of `depth` bits, shifted to 16 bits."""
    white: int = (2**depth - 1) << (16 - depth)
    return white


def _uint8_lookup_table(model: ColourModel) -> NDArray[np.uint8]:
    """Return the uint8 RGB value of every sample value of an integer RGB or gray format."""
    black = 0 if model.full_range else 16 << (model.layout.depth - 8)
    values = (np.arange(2**model.layout.depth) - black) / model.luma_step
    return np.rint(np.clip(values, 0, 255)).astype(np.uint8)


def _layout(native: VideoFrame) -> PixelLayout:
    """Return the layout of a frame in a supported pixel format."""
    layout = pixel_layout(native.format.name)
    assert layout is not None
    return layout


def _reformatted(native: VideoFrame, model: ColourModel, pix_fmt: str) -> VideoFrame:
    reformatter = getattr(_THREAD_LOCAL, "reformatter", None)
    if reformatter is None:
        reformatter = _THREAD_LOCAL.reformatter = VideoReformatter()
    return reformatter.reformat(
        native,
        format=pix_fmt,
        src_colorspace=model.swscale,
        dst_colorspace=model.swscale,
        src_color_range=ColorRange.JPEG if model.full_range else ColorRange.MPEG,
        dst_color_range=ColorRange.JPEG,
        interpolation=SWSCALE_FLAGS,
        threads=1,
    )


def encode_srgb(linear: NDArray[Any]) -> NDArray[np.float32]:
    """Encode linear light as sRGB (IEC 61966-2-1); the curve continues above 1 and is mirrored below 0."""
    size: NDArray[np.float32] = np.abs(linear.astype(np.float32))
    with np.errstate(over="ignore", invalid="ignore"):  # OpenEXR samples can be infinite or NaN
        encoded = np.where(size <= 0.0031308, 12.92 * size, 1.055 * size ** (1 / 2.4) - 0.055)
        signed: NDArray[np.float32] = np.copysign(encoded, linear)
    return signed


def decode_srgb(encoded: NDArray[Any]) -> NDArray[np.float32]:
    """Decode sRGB to linear light: the inverse of `encode_srgb`."""
    size: NDArray[np.float32] = np.abs(encoded.astype(np.float32))
    with np.errstate(over="ignore", invalid="ignore"):
        linear = np.where(size <= 0.04045, size / 12.92, ((size + 0.055) / 1.055) ** 2.4)
        signed: NDArray[np.float32] = np.copysign(linear, encoded)
    return signed
