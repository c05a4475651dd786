"""Application of an appearance change to a plate: a warp, a colour offset, and a gain for each octave band.

The pixels of the plate are changed at the plate's own resolution, so that grain, pores and hair remain.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from facevid.appearance import bands, mean_face
from facevid.appearance.change import AppearanceChange
from facevid.appearance.lips import (
    LOWER,
    UPPER,
    draw_mouth_inside,
    drawn_share,
    lip_gap,
    lip_masks,
    mouth_outline,
    open_to_teeth,
    set_lip_gap,
)
from facevid.appearance.measure import COLOUR_SIDE
from facevid.appearance.warp import sample_maps, spline_grid, upsampled, warp
from facevid.faces.landmark_scheme import LANDMARK_COUNT

MAX_SHIFT = 0.05
"""Limit of the shift of a landmark, in shares of the crop's side; approached smoothly."""

HALF_AMPLIFIED_AMPLITUDE = 1.1
"""Band amplitude, in local energies, at which detail is amplified by half. What stands out, such as freckles, moles,
brows and lashes, is amplified less, or skin would become mottled; see `_amplified_share`."""

NOISE_SIGMA = 0.5
"""Standard deviation of a band's Gaussian, in pixels, up to which the band is noise and is not amplified."""

RESOLVED_SIGMA = 1.0
"""Standard deviation of a band's Gaussian, in pixels, from which the band is fully amplified."""

NODES_PER_SIDE = 48
"""Number of nodes of the coarse grid, on which splines are evaluated, along a side of the FFHQ crop."""

MIN_GAP_CHANGE = 0.004
"""Change of the gap between the lips, in shares of the crop's side, from which the lips are warped separately."""

MOUTH_MARGIN = 0.05
"""Distance around the lips in which they are warped separately, in shares of the crop's side."""

LIP_STIFFNESS = 1e-4
"""Smoothing of the spline of a single lip; less than that of a whole face, to follow the lip closely."""

MOUTH_EDGE_SIGMA = 0.006
"""Standard deviation of the soft edge of the mouth's inside, whose colours are kept, in shares of the crop's side."""

LEFT_CHEEK = [2, 31]
"""Landmarks of the jaw and the nose on the left of the picture; the middle of the cheek lies between them."""

RIGHT_CHEEK = [14, 35]
"""The same on the right of the picture."""


@dataclass(frozen=True)
class PlacedChange:
    """An appearance change and its region of a frame.

    Attributes:
        x: left column of the region, as a pixel index of the frame.
        y: top row of the region, as a pixel index of the frame.
        width: width of the region in pixels.
        height: height of the region in pixels.
        landmarks: float64 (84, 2), landmarks of the plate, as pixel indices of the region.
        target: float64 (84, 2), landmarks after the change, as pixel indices of the region.
        side: side of the FFHQ crop in pixels.
        change: the appearance change.
    """

    x: int
    y: int
    width: int
    height: int
    landmarks: NDArray[np.float64]
    target: NDArray[np.float64]
    side: float
    change: AppearanceChange

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the region in pixels."""
        return self.width, self.height


def place_change(
    landmarks: NDArray[np.floating], change: AppearanceChange, frame_size: tuple[int, int]
) -> PlacedChange | None:
    """Find the region of a frame that an appearance change affects.

    Args:
        landmarks: (84, 2) of the face, as pixel indices of the frame.
        change: the appearance change.
        frame_size: height and width of the frame in pixels.

    Returns:
        the change in its region; None where the region lies outside the frame.
    """
    source = np.asarray(landmarks, np.float64)
    affine = _fit_mean_face(source)
    target = _move_landmarks(source, change, affine[:2])
    side = float(np.sqrt(abs(np.linalg.det(affine[:2]))))
    outline = np.c_[mean_face.OUTLINE, np.ones(len(mean_face.OUTLINE))] @ affine
    points = np.concatenate([source, target, outline])
    margin = mean_face.FALL_OFF * side
    height, width = frame_size
    left, top = np.clip(np.floor(points.min(axis=0) - margin), 0, (width, height)).astype(int).tolist()
    right, bottom = np.clip(np.ceil(points.max(axis=0) + margin), 0, (width, height)).astype(int).tolist()
    if right - left < 2 or bottom - top < 2:
        return None
    corner = np.array([left, top])
    return PlacedChange(left, top, right - left, bottom - top, source - corner, target - corner, side, change)


def apply_change(placed: PlacedChange, plate: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Apply an appearance change to its region of the plate.

    Args:
        placed: from `place_change`.
        plate: float32 (height, width, 3) RGB, 0 to 1, the region of the frame, encoded for display.

    Returns:
        the difference to add to the plate, float32 (height, width, 3), exactly 0 where nothing changes; and the warp,
        float32 (height, width, 2), the offset in pixels at which each pixel was sampled.
    """
    side, size = placed.side, placed.size
    step = max(int(side / NODES_PER_SIDE), 1)
    values = np.concatenate([(placed.landmarks - placed.target) / side, mean_face.LANDMARKS], axis=1)
    grid = spline_grid(placed.target, values, size=size, step=step, unit=side)
    fields = sample_maps(placed.change.fields(), mean_face.to_window(grid[..., 2:]) * COLOUR_SIDE - 0.5)
    motion = upsampled(grid[..., :2] * (fields[..., :1] * side), size, step)
    warped = _warp_with_lips(placed, plate, motion)
    delta = warped - plate
    active = np.any(fields[..., 1:], axis=-1)
    if active.any():
        nodes = _active_span(active, 1), _active_span(active, 0)
        box = tuple(slice(span.start * step, span.stop * step) for span in nodes)
        lab = cv2.cvtColor(warped[box].clip(0, 1), cv2.COLOR_RGB2LAB)
        changes = _upsampled_maps(fields[nodes][..., 1:], lab.shape[1::-1], step)
        _fade_out_mouth(changes, placed, (box[1].start, box[0].start))
        delta[box] += _lab_to_rgb(_change_colour_and_bands(lab, changes, side)) - _lab_to_rgb(lab)
    return delta, motion


def _upsampled_maps(grid: NDArray[np.float32], size: tuple[int, int], step: int) -> list[NDArray[np.float32]]:
    """Interpolate each map of a grid as `upsampled` does; OpenCV interpolates four channels faster than one."""
    fours = (np.ascontiguousarray(grid[..., i : i + 4]) for i in range(0, grid.shape[-1], 4))
    return [np.asarray(each, np.float32) for four in fours for each in cv2.split(upsampled(four, size, step))]


def _active_span(active: NDArray[np.bool_], axis: int) -> slice:
    """Find the span of rows (axis 1) or columns (axis 0) with an active node, and one more at either end."""
    indices = np.flatnonzero(active.any(axis=axis))
    return slice(max(int(indices[0]) - 1, 0), int(indices[-1]) + 2)


def _change_colour_and_bands(
    lab: NDArray[np.float32], changes: Sequence[NDArray[np.float32]], side: float
) -> NDArray[np.float32]:
    """Add the colour offset and scale the bands of a picture.

    Args:
        lab: float32 (H, W, 3) CIELAB.
        changes: 3 + bands.COUNT maps, float32 (H, W): differences of L*, a* and b*, and gains minus 1.
        side: side of the FFHQ crop in pixels.
    """
    lightness, green_red, blue_yellow = cv2.split(lab)
    octaves, _ = bands.split(lightness, side)
    changed = lightness + changes[0]
    for i, (band, gain) in enumerate(zip(octaves, changes[3:], strict=True)):
        added = np.maximum(gain, 0)
        if added.any():
            added *= _resolved_share(i, side)
            added *= _amplified_share(band, i, side)
        added += np.minimum(gain, 0)
        added *= band
        changed += added
    return np.asarray(cv2.merge([changed, green_red + changes[1], blue_yellow + changes[2]]))


def _amplified_share(band: NDArray[np.float32], i: int, side: float) -> NDArray[np.float32]:
    """Return the share of the gain by which each pixel of band `i` is amplified, float32 (H, W), 0 to 1.

    It is 1 / (1 + t^4), with t the amplitude in units of `HALF_AMPLIFIED_AMPLITUDE`. So the larger of two amplitudes
    stays the larger with a gain of up to 2.8; `appearance.change` limits gains to 2.7.
    """
    share = np.square(band)
    share /= bands.mean_square(band, i, side)
    share *= np.float32(HALF_AMPLIFIED_AMPLITUDE**-2)
    share *= share
    share += 1
    return np.asarray(np.reciprocal(share, out=share))


def _resolved_share(i: int, side: float) -> np.float32:
    """Return the share of band `i` that is amplified, 0 to 1; at the scale of a pixel, a band holds noise."""
    sigma = bands.FINEST * 2**i * side
    return np.float32(np.clip((sigma - NOISE_SIGMA) / (RESOLVED_SIGMA - NOISE_SIGMA), 0, 1))


def _lab_to_rgb(lab: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(cv2.cvtColor(lab, cv2.COLOR_LAB2RGB), np.float32).clip(0, 1)


def _fit_mean_face(landmarks: NDArray[np.float64]) -> NDArray[np.float64]:
    """Fit the map from the mean face to a face, float64 (3, 2); affine, since a turned head is foreshortened."""
    rigid = mean_face.LANDMARKS[mean_face.RIGID]
    design = np.c_[rigid, np.ones(len(rigid))]
    return np.asarray(np.linalg.lstsq(design, landmarks[mean_face.RIGID], rcond=None)[0])


def _move_landmarks(
    landmarks: NDArray[np.float64], change: AppearanceChange, axes: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Shift landmarks (84, 2) by a change; `axes` (2, 2) are the x and y axes of the mean face, in pixels."""
    length = np.linalg.norm(change.shape, axis=-1, keepdims=True)
    limited = change.shape * (MAX_SHIFT * np.tanh(length / MAX_SHIFT) / np.maximum(length, 1e-9))
    return set_lip_gap(landmarks + limited @ axes, landmarks, change.lips, axes[1])


def _fade_out_mouth(changes: Sequence[NDArray[np.float32]], placed: PlacedChange, corner: tuple[int, int]) -> None:
    """Multiply maps, in place, by a mask of everything except the mouth's inside.

    Args:
        changes: float32 (H, W) each, maps over a part of the region.
        placed: the change in its region.
        corner: column and row of the region at which the maps begin.
    """
    inside, sigma = mouth_outline(placed.target) - corner, max(MOUTH_EDGE_SIGMA * placed.side, 0.5)
    margin = 6 * sigma + 3  # more than the reach of the Gaussian and the dilation
    height, width = changes[0].shape
    x0, y0 = np.floor(inside.min(axis=0) - margin).clip(0, (width, height)).astype(int).tolist()
    x1, y1 = np.ceil(inside.max(axis=0) + margin).clip(0, (width, height)).astype(int).tolist()
    if x1 <= x0 or y1 <= y0:
        return
    mouth = np.zeros((y1 - y0, x1 - x0), np.float32)
    cv2.fillPoly(mouth, [np.rint((inside - (x0, y0)) * 16).astype(np.int32)], 1.0, cv2.LINE_AA, 4)
    mouth = cv2.dilate(mouth, np.ones((3, 3), np.uint8))
    off_mouth = 1 - cv2.GaussianBlur(mouth, (0, 0), sigma)
    for each in changes:
        each[y0:y1, x0:x1] *= off_mouth


def _warp_with_lips(
    placed: PlacedChange, plate: NDArray[np.float32], motion: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Warp the plate; where the lips close or open, `motion` is first corrected in place and the mouth is drawn."""
    gap_before, gap_after = (
        float(np.linalg.norm(lip_gap(points))) / placed.side for points in (placed.landmarks, placed.target)
    )
    (x0, y0), (x1, y1) = _mouth_box(placed)
    if abs(gap_after - gap_before) < MIN_GAP_CHANGE or x1 - x0 < 2 or y1 - y0 < 2:
        return warp(plate, motion)
    mouth, size, target = (slice(y0, y1), slice(x0, x1)), (x1 - x0, y1 - y0), placed.target - (x0, y0)
    upper, lower, inside = lip_masks(target, size, placed.side)
    closing = max(1 - gap_after / gap_before, 0) if gap_before else 0
    _separate_lips(motion[mouth], placed, target, (upper, lower), closing)
    warped = warp(plate, motion)
    opacity = drawn_share(gap_before, gap_after)
    if opacity:
        lightness = float(cv2.cvtColor(_cheek_colours(placed, plate), cv2.COLOR_RGB2LAB)[..., 0].mean())
        picture = cv2.cvtColor(draw_mouth_inside(target, size, lightness), cv2.COLOR_LAB2RGB)
        warped[mouth] += (opacity * inside)[..., None] * (picture - warped[mouth])
    return warped


def _separate_lips(
    motion: NDArray[np.float32],
    placed: PlacedChange,
    target: NDArray[np.float64],
    masks: tuple[NDArray[np.float32], NDArray[np.float32]],
    closing: float,
) -> None:
    """Change the warp around the mouth, in place, so that each pixel follows only one lip.

    `target` are landmarks as pixel indices of `motion`; `masks` select the pixels of the upper and of the lower lip;
    `closing` is how far the edit closes the lips, 0 to 1.
    """
    height, width = motion.shape[:2]
    shift = (open_to_teeth(placed.landmarks, closing) - placed.target) / placed.side
    step = max(int(placed.side / NODES_PER_SIDE / 2), 1)
    smooth = motion.copy()
    for mask, other_lip in zip(masks, (LOWER, UPPER), strict=True):
        knots = [i for i in range(LANDMARK_COUNT) if i not in other_lip]
        grid = spline_grid(
            target[knots], shift[knots], size=(width, height), step=step, unit=placed.side, stiffness=LIP_STIFFNESS
        )
        motion += mask[..., None] * (upsampled(grid * np.float32(placed.side), (width, height), step) - smooth)


def _mouth_box(placed: PlacedChange) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return the first and the end column and row, (x0, y0) and (x1, y1), of the mouth and its margin."""
    lips, margin = placed.target[48:68], MOUTH_MARGIN * placed.side
    x0, y0 = np.clip(np.floor(lips.min(axis=0) - margin), 0, placed.size).astype(int).tolist()
    x1, y1 = np.clip(np.ceil(lips.max(axis=0) + margin), 0, placed.size).astype(int).tolist()
    return (x0, y0), (x1, y1)


def _cheek_colours(placed: PlacedChange, plate: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the pixels of the plate in the middle of the cheeks, float32 (1, 2, 3) RGB."""
    points = np.stack([placed.landmarks[cheek].sum(axis=0) for cheek in (LEFT_CHEEK, RIGHT_CHEEK)]) / 2
    columns, rows = np.rint(points).astype(int).clip(0, (placed.width - 1, placed.height - 1)).T
    return np.asarray(plate[rows, columns][None].clip(0, 1))
