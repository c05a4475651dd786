"""Add RGB patches to a frame in its own pixel format, leaving all other samples bit-exact."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import cv2
import numpy as np
from av import VideoFrame
from numpy.typing import NDArray

from facevid.video.color.pixels import component_view
from facevid.video.color.rgb import ColourModel, colour_model, decode_srgb, encode_srgb
from facevid.video.filters import filtered
from facevid.video.frame import Frame, Patch
from facevid.video.square_pixels import plate_box, square_pixel_scale, to_plate


def add_patches(frame: Frame, patches: Sequence[Patch]) -> Frame:
    """Return a copy of the frame with patches added to its samples.

    Each difference is converted to the source's colour matrix, range and bit depth. Subsampled chroma gets the mean
    over the pixels that share a sample. Differences are rounded half to even, so that the mean does not drift, and the
    sum is clipped to the sample range. A sample whose pixels have no difference keeps its exact value.

    Args:
        frame: the frame to edit; it is not modified.
        patches: differences to add, in order.

    Raises:
        InputError: the pixel format or colour matrix is not supported.
    """
    if not patches:
        return frame
    model = colour_model(frame.native)
    native = _writable_copy(frame.native)
    for patch in patches:
        stored = _to_stored(frame, patch)
        if stored is not None:
            _add(native, model, *stored)
    return replace(frame, native=native)


def _writable_copy(native: VideoFrame) -> VideoFrame:
    """Copy a decoded frame with its timestamps, tags and side data into memory that may be written to."""
    copy = filtered(native, [])
    copy.make_writable()
    return copy


def _to_stored(frame: Frame, patch: Patch) -> tuple[int, int, NDArray[np.float32]] | None:
    """Map a patch to stored pixels, cropped to the frame.

    Returns:
        The top-left corner (x, y) and the difference in stored orientation; None if the patch is outside the frame.
    """
    patch = _to_plate_pixels(frame, patch)
    left, top = max(patch.x, 0), max(patch.y, 0)
    right = min(patch.x + patch.delta.shape[1], frame.width)
    bottom = min(patch.y + patch.delta.shape[0], frame.height)
    if left >= right or top >= bottom:
        return None
    delta = patch.delta[top - patch.y : bottom - patch.y, left - patch.x : right - patch.x]
    box = (left, top, right - left, bottom - top)
    x, y = frame.orientation.box_to_stored(box, (frame.width, frame.height))
    return x, y, np.ascontiguousarray(frame.orientation.to_stored(delta), dtype=np.float32)


def _to_plate_pixels(frame: Frame, patch: Patch) -> Patch:
    """Resample a patch from square pixels to the plate's own pixels."""
    if frame.aspect == 1:
        return patch
    size = frame.width, frame.height
    scale = square_pixel_scale(size, frame.aspect)
    box = patch.x, patch.y, patch.delta.shape[1], patch.delta.shape[0]
    target = plate_box(box, scale, size)
    return Patch(target[0], target[1], to_plate(patch.delta, box, target, scale))


def _add(native: VideoFrame, model: ColourModel, x: int, y: int, delta: NDArray[np.float32]) -> None:
    """Add an RGB difference at stored position (x, y) to every component of `native`, in place."""
    layout = model.layout
    difference = cv2.transform(delta, model.to_native).reshape(*delta.shape[:2], -1)
    for component in range(len(layout.positions)):
        plane = component_view(native, component, layout)
        change = difference[:, :, component]
        left, top = x, y
        if component > 0 and layout.subsampling != (0, 0):
            change = _average_blocks(change, x, y, native, layout.subsampling)
            left, top = x >> layout.subsampling[0], y >> layout.subsampling[1]
        region = plane[top : top + change.shape[0], left : left + change.shape[1]]
        region[...] = _add_linear(region, change) if layout.is_float else _add_integer(region, change, layout.depth)


def _add_integer(region: NDArray[Any], change: NDArray[Any], depth: int) -> NDArray[Any]:
    samples = np.ascontiguousarray(region, dtype=region.dtype.newbyteorder("="))
    total = cv2.add(samples, np.rint(change), dtype=cv2.CV_8U if depth == 8 else cv2.CV_16U)
    return np.asarray(np.minimum(total, 2**depth - 1) if depth not in (8, 16) else total)


def _add_linear(region: NDArray[Any], change: NDArray[Any]) -> NDArray[Any]:
    """Add a difference measured in sRGB values to scene-linear samples; unchanged samples stay bit-exact."""
    return np.where(change == 0, region, decode_srgb(encode_srgb(region) + change))


def _average_blocks(
    change: NDArray[Any], x: int, y: int, native: VideoFrame, shifts: tuple[int, int]
) -> NDArray[np.float32]:
    """Average `change`, located at (x, y), over the blocks of 2^shifts (x, y) pixels that share a chroma sample.

    Incomplete blocks are padded with zeros inside the frame, and with edge values beyond the frame's edge.
    """
    block_w, block_h = 1 << shifts[0], 1 << shifts[1]
    height, width = change.shape
    left, top = x % block_w, y % block_h
    right, bottom = -(x + width) % block_w, -(y + height) % block_h
    at_right, at_bottom = x + width == native.width, y + height == native.height
    padded = np.pad(change, ((top, 0 if at_bottom else bottom), (left, 0 if at_right else right)))
    padded = np.pad(padded, ((0, bottom if at_bottom else 0), (0, right if at_right else 0)), mode="edge")
    if shifts == (1, 1):  # the mean over axes below is ten times slower
        upper, lower = padded[0::2], padded[1::2]
        total = (upper[:, 0::2] + upper[:, 1::2]) + (lower[:, 0::2] + lower[:, 1::2])
        return np.asarray(total * np.float32(0.25), np.float32)
    blocks = padded.reshape(padded.shape[0] // block_h, block_h, padded.shape[1] // block_w, block_w)
    return np.asarray(blocks.mean(axis=(1, 3), dtype=np.float32))
