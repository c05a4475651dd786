"""Adding an edit to a picture in its own pixel format, leaving every other sample as it was."""

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
from facevid.video.square import plate_box, scale_of, to_plate


def add_patches(frame: Frame, edits: Sequence[Patch]) -> Frame:
    """Return the frame with the RGB differences of `edits` added to its samples.

    The difference is converted to the source's own matrix, range and bit depth, for chroma averaged over each block of
    pixels that share a sample. It is rounded half to even, so that the mean does not drift, and the sum is clipped to
    the range of a sample. A sample none of whose pixels differ keeps its value exactly. The given frame is unchanged.
    Raises InputError for a pixel format or colour matrix that cannot be edited.
    """
    if not edits:
        return frame
    model = colour_model(frame.native)
    native = copy_picture(frame.native)
    for edit in edits:
        placed = _place(frame, edit)
        if placed is not None:
            _add(native, model, *placed)
    return replace(frame, native=native)


def copy_picture(native: VideoFrame) -> VideoFrame:
    """Return a copy of a decoded picture, with its timestamps, tags and side data, whose samples may be written to."""
    copy = filtered(native, [])
    copy.make_writable()
    return copy


def _place(frame: Frame, edit: Patch) -> tuple[int, int, NDArray[np.float32]] | None:
    """Return the stored top-left corner and the stored difference, cropped to the picture; None if all is outside."""
    edit = _in_plate(frame, edit)
    left, top = max(edit.x, 0), max(edit.y, 0)
    right = min(edit.x + edit.delta.shape[1], frame.width)
    bottom = min(edit.y + edit.delta.shape[0], frame.height)
    if left >= right or top >= bottom:
        return None
    delta = edit.delta[top - edit.y : bottom - edit.y, left - edit.x : right - edit.x]
    box = (left, top, right - left, bottom - top)
    x, y = frame.orientation.box_to_stored(box, (frame.width, frame.height))
    return x, y, np.ascontiguousarray(frame.orientation.to_stored(delta), dtype=np.float32)


def _in_plate(frame: Frame, edit: Patch) -> Patch:
    """Take an edit from square pixels to the plate's own."""
    if frame.aspect == 1:
        return edit
    size = frame.width, frame.height
    scale = scale_of(size, frame.aspect)
    box = edit.x, edit.y, edit.delta.shape[1], edit.delta.shape[0]
    place = plate_box(box, scale, size)
    return Patch(place[0], place[1], to_plate(edit.delta, box, place, scale))


def _add(native: VideoFrame, model: ColourModel, x: int, y: int, delta: NDArray[np.float32]) -> None:
    layout = model.layout
    difference = cv2.transform(delta, model.to_native).reshape(*delta.shape[:2], -1)
    for component in range(len(layout.places)):
        plane = component_view(native, component, layout)
        change = difference[:, :, component]
        left, top = x, y
        if component > 0 and layout.subsampling != (0, 0):
            change = _average_blocks(change, x, y, native, layout.subsampling)
            left, top = x >> layout.subsampling[0], y >> layout.subsampling[1]
        region = plane[top : top + change.shape[0], left : left + change.shape[1]]
        region[...] = _sum_linear(region, change) if layout.is_float else _sum(region, change, layout.depth)


def _sum(region: NDArray[Any], change: NDArray[Any], depth: int) -> NDArray[np.int32]:
    return np.clip(region.astype(np.int32) + np.rint(change).astype(np.int32), 0, 2**depth - 1)


def _sum_linear(region: NDArray[Any], change: NDArray[Any]) -> NDArray[Any]:
    """Add on the sRGB curve, on which the difference was seen, and return linear light again."""
    return np.where(change == 0, region, decode_srgb(encode_srgb(region) + change))


def _average_blocks(
    change: NDArray[Any], x: int, y: int, native: VideoFrame, shifts: tuple[int, int]
) -> NDArray[np.float32]:
    """Return the mean of `change`, placed at (x, y), over the blocks of 2^shifts pixels that share a chroma sample.

    Blocks are completed with zeros, beyond the picture's own edge with the edge's values.
    """
    block_w, block_h = 1 << shifts[0], 1 << shifts[1]
    height, width = change.shape
    left, top = x % block_w, y % block_h
    right, bottom = -(x + width) % block_w, -(y + height) % block_h
    at_right, at_bottom = x + width == native.width, y + height == native.height
    padded = np.pad(change, ((top, 0 if at_bottom else bottom), (left, 0 if at_right else right)))
    padded = np.pad(padded, ((0, bottom if at_bottom else 0), (0, right if at_right else 0)), mode="edge")
    blocks = padded.reshape(padded.shape[0] // block_h, block_h, padded.shape[1] // block_w, block_w)
    return blocks.mean(axis=(1, 3), dtype=np.float32)
