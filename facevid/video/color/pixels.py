"""Where the samples of a decoded picture lie in memory: one description for planar and packed formats."""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from av import VideoFormat, VideoFrame
from numpy.typing import NDArray

# Formats whose samples are awkward to address, and the plain one that holds exactly the same values.
_PLAIN = {
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

# Packed formats (without their byte order), and the order of the samples of a pixel; 0 is padding.
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
    """How one pixel format stores its colour.

    `places` are the (plane, channel within the plane) of R, G, B, of Y, Cb, Cr, or of Y alone, `alpha` is that of the
    alpha; `channels` the number of samples interleaved in each plane; `depth` the bits of a sample; `subsampling` the
    log2 factors of the chroma.
    """

    name: str
    kind: str  # "rgb", "yuv" or "gray"
    places: tuple[tuple[int, int], ...]
    channels: tuple[int, ...]
    depth: int
    subsampling: tuple[int, int]
    dtype: np.dtype[Any]
    alpha: tuple[int, int] | None = None

    @property
    def is_float(self) -> bool:
        """Whether samples are floating-point numbers, as in OpenEXR."""
        return self.dtype.kind == "f"


def is_float(name: str) -> bool:
    """Return whether the samples of pixel format `name` are floating-point numbers: scene-linear light here."""
    return bool(re.search(r"f(16|32)", name))


def plain_format(name: str) -> str | None:
    """Return the format in which pictures of format `name` are edited: itself if plain; None if there is none."""
    name = _PLAIN.get(name, name)
    return name if pixel_layout(name) else None


@lru_cache(maxsize=64)
def pixel_layout(name: str) -> PixelLayout | None:
    """Return the layout of pixel format `name`, or None where its samples cannot be addressed plainly."""
    if name in _PLAIN or name.startswith("xyz"):
        return None
    pixel_format = VideoFormat(name, 64, 64)
    components = pixel_format.components
    depth = components[0].bits
    order = _PACKED.get(re.sub("[lb]e$", "", name))
    planes = [component.plane for component in components]
    places: tuple[tuple[int, int], ...]
    channels: tuple[int, ...]
    if order:
        places = tuple((0, order.index(letter)) for letter in ("rgb" if "r" in order else "y"))
        channels = (len(order),)
    elif len(set(planes)) == len(planes):
        places = tuple((plane, 0) for plane in planes)
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
        places=places[: 1 if kind == "gray" else 3],
        channels=channels,
        depth=depth,
        subsampling=(shifts[0], shifts[1]) if kind == "yuv" else (0, 0),
        dtype=np.dtype(f"{'>' if pixel_format.is_big_endian else '<'}{letter}{size}"),
        alpha=_alpha_place(order, len(planes)) if has_alpha(name) else None,
    )


def _alpha_place(order: str | None, planes: int) -> tuple[int, int]:
    return (0, order.index("a")) if order else (planes - 1, 0)


def _chroma_size(pixel_format: VideoFormat) -> tuple[int, int]:
    return pixel_format.chroma_width(64), pixel_format.chroma_height(64)


def plane_view(native: VideoFrame, plane: int, layout: PixelLayout) -> NDArray[Any]:
    """Return the samples of one plane as a (H, W, channels) view of the picture's own memory."""
    buffer = native.planes[plane]
    width, height, channels = buffer.width, buffer.height, layout.channels[plane]
    itemsize = layout.dtype.itemsize
    if buffer.line_size < 0:
        msg = f"a picture of format {layout.name} is stored bottom-up"
        raise ValueError(msg)
    return np.ndarray(
        (height, width, channels),
        layout.dtype,
        np.frombuffer(memoryview(buffer), np.uint8),
        strides=(buffer.line_size, channels * itemsize, itemsize),
    )


def component_view(native: VideoFrame, component: int, layout: PixelLayout) -> NDArray[Any]:
    """Return one colour component (0-2: R, G, B or Y, Cb, Cr) as a (H, W) view of the picture's own memory."""
    plane, channel = layout.places[component]
    return plane_view(native, plane, layout)[:, :, channel]


def planes_of(native: VideoFrame) -> tuple[list[NDArray[Any]], NDArray[Any] | None]:
    """Return views (H, W) of the colours, R, G, B, or Y, Cb, Cr, or Y, and of the alpha."""
    layout = pixel_layout(native.format.name)
    assert layout is not None
    colours = [component_view(native, component, layout) for component in range(len(layout.places))]
    if layout.alpha is None:
        return colours, None
    plane, channel = layout.alpha
    return colours, plane_view(native, plane, layout)[:, :, channel]


def has_alpha(name: str) -> bool:
    """Return whether pixel format `name` holds an alpha."""
    return any(component.is_alpha for component in VideoFormat(name).components)


def pix_fmt_loss(source: str, candidate: str) -> tuple[int, ...]:
    """Return what pixel format `candidate` loses of `source`, to be compared: the smallest is the best.

    The first four say whether the kind of colour or alpha is lost, and how much chroma and depth; the rest the excess.
    """
    ours, theirs = VideoFormat(source, 64, 64), VideoFormat(candidate, 64, 64)
    alpha = [has_alpha(name) for name in (source, candidate)]
    chroma = [_chroma_size(fmt) if len(fmt.components) > 2 else (0, 0) for fmt in (ours, theirs)]
    lost = [max(0, of_ours - of_theirs) for of_ours, of_theirs in zip(*chroma, strict=True)]
    added = [max(0, of_theirs - of_ours) for of_ours, of_theirs in zip(*chroma, strict=True)]
    depth = [0 if fmt.has_palette else fmt.components[0].bits for fmt in (ours, theirs)]
    return (
        int(ours.is_rgb != theirs.is_rgb and any(chroma[0])) + 2 * int(any(chroma[0]) and not any(chroma[1])),
        int(alpha[0] and not alpha[1]),
        sum(lost),
        max(0, depth[0] - depth[1]),
        sum(added),
        max(0, depth[1] - depth[0]),
        int(alpha[1] and not alpha[0]),
        int(candidate.startswith("yuvj") != source.startswith("yuvj")),
        int(theirs.is_big_endian),
    )
