"""Memory layout of pixel formats, planar and packed, and NumPy views of the samples of decoded frames."""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from av import VideoFormat, VideoFrame
from numpy.typing import NDArray

# Pixel format whose samples are not addressable as an array -> an addressable one with exactly the same values.
_EQUIVALENTS = {
    "pal8": "rgba",
    "monow": "gray",
    "monob": "gray",
    "yuyv422": "yuv422p",
    "yvyu422": "yuv422p",
    "uyvy422": "yuv422p",
    "uyyvyy411": "yuv411p",
    "nv12": "yuv420p",
    "nv21": "yuv420p",
    "nv16": "yuv422p",
    "nv24": "yuv444p",
    "vuya": "yuva444p",
    "p010le": "yuv420p10le",
    "p012le": "yuv420p12le",
    "p016le": "yuv420p16le",
    "p210le": "yuv422p10le",
    "y210le": "yuv422p10le",
    "y212le": "yuv422p12le",
    "x2rgb10le": "gbrp10le",
    "rgb555le": "rgb24",
    "rgb565le": "rgb24",
    "rgb8": "rgb24",
    "bgr8": "rgb24",
}

# Packed pixel format, without the byte order -> order of the samples in a pixel; 0 is padding.
_PACKED = {
    "rgb24": "rgb",
    "bgr24": "bgr",
    "rgb48": "rgb",
    "bgr48": "bgr",
    "rgba": "rgba",
    "bgra": "bgra",
    "argb": "argb",
    "abgr": "abgr",
    "rgb0": "rgb0",
    "bgr0": "bgr0",
    "0rgb": "0rgb",
    "0bgr": "0bgr",
    "rgba64": "rgba",
    "bgra64": "bgra",
    "ya8": "ya",
    "ya16": "ya",
}


@dataclass(frozen=True)
class PixelLayout:
    """Memory layout of a pixel format.

    Attributes:
        name: FFmpeg's name of the pixel format.
        kind: "rgb", "yuv" or "gray".
        positions: (plane, channel in the plane) of R, G, B; of Y, Cb, Cr; or of Y alone.
        channels: number of interleaved samples in each plane.
        depth: bits per sample.
        subsampling: log2 of the chroma subsampling, (horizontal, vertical).
        dtype: type and byte order of a sample.
        alpha: (plane, channel in the plane) of alpha; None without alpha.
    """

    name: str
    kind: str
    positions: tuple[tuple[int, int], ...]
    channels: tuple[int, ...]
    depth: int
    subsampling: tuple[int, int]
    dtype: np.dtype[Any]
    alpha: tuple[int, int] | None = None

    @property
    def is_float(self) -> bool:
        """Whether samples are floating-point."""
        return self.dtype.kind == "f"


def is_float(name: str) -> bool:
    """Return whether a pixel format has floating-point samples, which are scene-linear in this package."""
    return bool(re.search(r"f(16|32)", name))


def editable_format(name: str) -> str | None:
    """Return the pixel format in which frames of format `name` are edited; None if the format is not supported."""
    name = _EQUIVALENTS.get(name, name)
    return name if pixel_layout(name) else None


@lru_cache(maxsize=64)
def pixel_layout(name: str) -> PixelLayout | None:
    """Return the layout of a pixel format; None if its samples are not addressable as an array."""
    if name in _EQUIVALENTS or name.startswith("xyz"):
        return None
    pixel_format = VideoFormat(name, 64, 64)
    components = pixel_format.components
    depth = components[0].bits
    order = _PACKED.get(re.sub("[lb]e$", "", name))
    planes = [component.plane for component in components]
    positions: tuple[tuple[int, int], ...]
    channels: tuple[int, ...]
    if order:
        positions = tuple((0, order.index(letter)) for letter in ("rgb" if "r" in order else "y"))
        channels = (len(order),)
    elif len(set(planes)) == len(planes):
        positions = tuple((plane, 0) for plane in planes)
        channels = (1,) * len(planes)
    else:
        return None
    kind = "rgb" if pixel_format.is_rgb else "yuv" if len(components) >= 3 else "gray"
    size = 1 if depth <= 8 else 2 if depth <= 16 else 4
    letter = "f" if is_float(name) else "u"
    shifts = [(64 // chroma_size).bit_length() - 1 for chroma_size in _chroma_size(pixel_format)]
    return PixelLayout(
        name=name,
        kind=kind,
        positions=positions[: 1 if kind == "gray" else 3],
        channels=channels,
        depth=depth,
        subsampling=(shifts[0], shifts[1]) if kind == "yuv" else (0, 0),
        dtype=np.dtype(f"{'>' if pixel_format.is_big_endian else '<'}{letter}{size}"),
        alpha=_alpha_position(order, len(planes)) if has_alpha(name) else None,
    )


def _alpha_position(order: str | None, planes: int) -> tuple[int, int]:
    return (0, order.index("a")) if order else (planes - 1, 0)


def _chroma_size(pixel_format: VideoFormat) -> tuple[int, int]:
    """Return width and height of the chroma planes of a 64x64 frame."""
    return pixel_format.chroma_width(64), pixel_format.chroma_height(64)


def plane_view(native: VideoFrame, plane: int, layout: PixelLayout) -> NDArray[Any]:
    """Return a (H, W, channels) view of one plane of a frame; writing to it changes the frame."""
    buffer = native.planes[plane]
    width, height, channels = buffer.width, buffer.height, layout.channels[plane]
    itemsize = layout.dtype.itemsize
    if buffer.line_size < 0:
        msg = f"a frame of pixel format {layout.name} is stored bottom-up, which is not supported"
        raise ValueError(msg)
    return np.ndarray(
        (height, width, channels),
        layout.dtype,
        np.frombuffer(memoryview(buffer), np.uint8),
        strides=(buffer.line_size, channels * itemsize, itemsize),
    )


def component_view(native: VideoFrame, component: int, layout: PixelLayout) -> NDArray[Any]:
    """Return a (H, W) view of one colour component (0-2: R, G, B or Y, Cb, Cr); writing to it changes the frame."""
    plane, channel = layout.positions[component]
    return plane_view(native, plane, layout)[:, :, channel]


def colour_and_alpha_views(native: VideoFrame) -> tuple[list[NDArray[Any]], NDArray[Any] | None]:
    """Return (H, W) views of the colour components (R, G, B; Y, Cb, Cr; or Y), and of alpha or None."""
    layout = pixel_layout(native.format.name)
    assert layout is not None
    colours = [component_view(native, component, layout) for component in range(len(layout.positions))]
    if layout.alpha is None:
        return colours, None
    plane, channel = layout.alpha
    return colours, plane_view(native, plane, layout)[:, :, channel]


def has_alpha(name: str) -> bool:
    """Return whether a pixel format has an alpha channel."""
    return any(component.is_alpha for component in VideoFormat(name).components)


def pix_fmt_loss(source: str, candidate: str) -> tuple[int, ...]:
    """Rank a pixel format as a replacement for another: the smallest tuple is the best.

    Returns:
        Loss of colour model, of alpha, of chroma resolution and of bit depth (all 0 if nothing is lost); then what is
        added without need: chroma resolution, bit depth, alpha, another colour range, big-endian byte order.
    """
    old, new = VideoFormat(source, 64, 64), VideoFormat(candidate, 64, 64)
    old_alpha, new_alpha = has_alpha(source), has_alpha(candidate)
    old_chroma, new_chroma = (_chroma_size(fmt) if len(fmt.components) > 2 else (0, 0) for fmt in (old, new))
    lost_chroma = sum(max(0, before - after) for before, after in zip(old_chroma, new_chroma, strict=True))
    added_chroma = sum(max(0, after - before) for before, after in zip(old_chroma, new_chroma, strict=True))
    old_depth, new_depth = (0 if fmt.has_palette else fmt.components[0].bits for fmt in (old, new))
    return (
        int(old.is_rgb != new.is_rgb and any(old_chroma)) + 2 * int(any(old_chroma) and not any(new_chroma)),
        int(old_alpha and not new_alpha),
        lost_chroma,
        max(0, old_depth - new_depth),
        added_chroma,
        max(0, new_depth - old_depth),
        int(new_alpha and not old_alpha),
        int(candidate.startswith("yuvj") != source.startswith("yuvj")),
        int(new.is_big_endian),
    )
