"""Applying a change of appearance to a plate: a warp, a colour offset, and a gain for each octave band.

All of it is done on the plate's own pixels at the plate's own resolution, so grain, pores and hair stay.
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
    drawn_share,
    gap,
    lip_masks,
    mouth_inside,
    opened_to_teeth,
    with_gap,
)
from facevid.appearance.measure import COLOUR_SIDE
from facevid.appearance.warp import fetched, spline_grid, upsampled

MAX_SHIFT = 0.05
"""Longest way that a landmark is moved, in shares of the crop's side; approached smoothly."""

OUTSTANDING = 2.2
"""In local energies: detail that stands out as far, such as moles, brows and lashes, is not amplified."""

RESOLVED = 0.5, 1.0
"""Standard deviation of a band's Gaussian, in pixels, up to which the band is noise, and from which on it is not."""

NODES = 48
"""Nodes of the coarse grid for each side of the FFHQ crop."""

LIPS_MOVE = 0.004
"""Change of the gap between the lips, in shares of the crop's side, from which each lip moves by itself."""

AROUND_MOUTH = 0.05
"""How far beyond the lips they are moved by themselves, in shares of the crop's side."""

LIP_STIFFNESS = 1e-4
"""Smoothing of the splines of a single lip."""

MOUTH_EDGE = 0.006
"""Standard deviation of the soft edge of the mouth's inside, which keeps its colours, in shares of the crop's side."""


@dataclass(frozen=True)
class PlacedChange:
    """A change of appearance, and where in a frame it acts.

    Attributes:
        x, y: top left pixel of its region in the frame.
        width, height: of the region, in pixels.
        landmarks: float64 (68, 2), of the face as it is, as indices of the region's pixels.
        target: the same as the change leaves them.
        side: of the FFHQ crop, in pixels.
        change: what is done.
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
        """Width and height of the region."""
        return self.width, self.height


def place_change(
    landmarks: NDArray[np.floating], change: AppearanceChange, frame_size: tuple[int, int]
) -> PlacedChange | None:
    """Find out where a change acts in a frame.

    Args:
        landmarks: (68, 2) of the face, as indices of the frame's pixels.
        change: what is to be done.
        frame_size: height and width of the frame.

    Returns:
        the change in its region; None where that lies outside the frame.
    """
    source = np.asarray(landmarks, np.float64)
    affine = _from_mean_face(source)
    target = _moved(source, change, affine[:2])
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
    """Change a plate.

    Args:
        placed: from `place_change`.
        plate: float32 (height, width, 3) RGB, the region of the frame, 0 to 1, encoded as displayed.

    Returns:
        float32 (height, width, 3), what to add to the plate, exactly 0 where nothing changes; and float32 (height,
        width, 2), from how far beside its place each pixel was fetched.
    """
    side, size = placed.side, placed.size
    step = max(int(side / NODES), 1)
    values = np.concatenate([(placed.landmarks - placed.target) / side, mean_face.LANDMARKS], axis=1)
    grid = spline_grid(placed.target, values, size=size, step=step, unit=side)
    fields = _sampled(placed.change.fields(), mean_face.to_window(grid[..., 2:]) * COLOUR_SIDE - 0.5)
    motion = upsampled(grid[..., :2] * (fields[..., :1] * side), size, step)
    moved = _with_lips(placed, plate, motion)
    delta = moved - plate
    acting = np.any(fields[..., 1:], axis=-1)
    if acting.any():
        nodes = _span(acting, 1), _span(acting, 0)
        box = tuple(slice(span.start * step, span.stop * step) for span in nodes)
        lab = cv2.cvtColor(moved[box].clip(0, 1), cv2.COLOR_RGB2LAB)
        skin = _off_mouth(placed)[box]
        maps = np.moveaxis(fields[nodes], -1, 0)[1:]
        edited = _edited(lab, [upsampled(each, skin.shape[::-1], step)[..., 0] * skin for each in maps], side)
        delta[box] += _shown(edited) - _shown(lab)
    return delta, motion


def _span(acting: NDArray[np.bool_], axis: int) -> slice:
    """Find the rows (axis 1) or columns (0) of nodes that act, with one more at either end."""
    found = np.flatnonzero(acting.any(axis=axis))
    return slice(max(int(found[0]) - 1, 0), int(found[-1]) + 2)


def _edited(lab: NDArray[np.float32], changes: Sequence[NDArray[np.float32]], side: float) -> NDArray[np.float32]:
    """Add colour, and gains to bands: `changes` are 3 + bands.COUNT maps, as of `fields`."""
    lightness, green_red, blue_yellow = cv2.split(lab)
    octaves, _ = bands.split(lightness, side)
    edited = lightness + changes[0]
    for i, (band, gain) in enumerate(zip(octaves, changes[3:], strict=True)):
        outstanding = np.abs(band) > OUTSTANDING * bands.energy(band, i, side)
        amplified = np.where(outstanding, 0, gain * _resolved(i, side))
        edited += band * np.where(gain > 0, amplified, gain)
    return cv2.merge([edited, green_red + changes[1], blue_yellow + changes[2]])


def _resolved(i: int, side: float) -> float:
    """Say how much of band `i` is of the face, 0 to 1: what is finer than pixels is noise, which is not amplified."""
    none, whole = RESOLVED
    return float(np.clip((bands.FINEST * 2**i * side - none) / (whole - none), 0, 1))


def _shown(lab: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(cv2.cvtColor(lab, cv2.COLOR_LAB2RGB), np.float32).clip(0, 1)


def _from_mean_face(landmarks: NDArray[np.float64]) -> NDArray[np.float64]:
    """Fit the affine map, (3, 2), from the mean face to a face: a turned head is foreshortened."""
    rigid = mean_face.LANDMARKS[mean_face.RIGID]
    design = np.c_[rigid, np.ones(len(rigid))]
    return np.asarray(np.linalg.lstsq(design, landmarks[mean_face.RIGID], rcond=None)[0])


def _moved(landmarks: NDArray[np.float64], change: AppearanceChange, axes: NDArray[np.float64]) -> NDArray[np.float64]:
    length = np.linalg.norm(change.shape, axis=-1, keepdims=True)
    bounded = change.shape * (MAX_SHIFT * np.tanh(length / MAX_SHIFT) / np.maximum(length, 1e-9))
    return with_gap(landmarks + bounded @ axes, landmarks, change.lips, axes[1])


def _sampled(maps: NDArray[np.float32], places: NDArray[np.floating]) -> NDArray[np.float32]:
    """Sample maps (S, S, C) at places (rows, columns, 2), 0 beyond them; OpenCV takes four channels at once."""
    x, y = (np.ascontiguousarray(places[..., i], dtype=np.float32) for i in range(2))
    parts = [
        cv2.remap(np.ascontiguousarray(maps[..., i : i + 4]), x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
        for i in range(0, maps.shape[-1], 4)
    ]
    return np.dstack(parts)


def _off_mouth(placed: PlacedChange) -> NDArray[np.float32]:
    """Draw all but the mouth's inside, which keeps its colours: float32 (height, width)."""
    mouth = np.zeros((placed.height, placed.width), np.float32)
    cv2.fillPoly(mouth, [np.rint(placed.target[60:68] * 16).astype(np.int32)], 1.0, cv2.LINE_AA, 4)
    mouth = cv2.dilate(mouth, np.ones((3, 3), np.uint8))
    return np.asarray(1 - cv2.GaussianBlur(mouth, (0, 0), max(MOUTH_EDGE * placed.side, 0.5)), np.float32)


def _with_lips(placed: PlacedChange, plate: NDArray[np.float32], motion: NDArray[np.float32]) -> NDArray[np.float32]:
    """Move the plate's pixels; where the lips close or open, first correct `motion` in place."""
    before, after = (float(np.linalg.norm(gap(each))) / placed.side for each in (placed.landmarks, placed.target))
    margin = AROUND_MOUTH * placed.side
    x0, y0 = np.clip(np.floor(placed.target[48:68].min(axis=0) - margin), 0, placed.size).astype(int).tolist()
    x1, y1 = np.clip(np.ceil(placed.target[48:68].max(axis=0) + margin), 0, placed.size).astype(int).tolist()
    if abs(after - before) < LIPS_MOVE or x1 - x0 < 2 or y1 - y0 < 2:
        return fetched(plate, motion)
    mouth, size, target = (slice(y0, y1), slice(x0, x1)), (x1 - x0, y1 - y0), placed.target - (x0, y0)
    shift = (
        opened_to_teeth(placed.landmarks, max(1 - after / before, 0) if before else 0) - placed.target
    ) / placed.side
    upper, lower, inside = lip_masks(target, size, placed.side)
    smooth = motion[mouth].copy()
    for mask, other in ((upper, LOWER), (lower, UPPER)):
        knots = [i for i in range(68) if i not in other]
        step = max(int(placed.side / NODES / 2), 1)
        grid = spline_grid(target[knots], shift[knots], size=size, step=step, unit=placed.side, stiffness=LIP_STIFFNESS)
        motion[mouth] += mask[..., None] * (upsampled(grid * np.float32(placed.side), size, step) - smooth)
    moved = fetched(plate, motion)
    drawn = drawn_share(before, after)
    if drawn:
        light = float(cv2.cvtColor(_cheek_colours(placed, plate), cv2.COLOR_RGB2LAB)[..., 0].mean())
        picture = cv2.cvtColor(mouth_inside(target, size, light), cv2.COLOR_LAB2RGB)
        moved[mouth] += (drawn * inside)[..., None] * (picture - moved[mouth])
    return moved


def _cheek_colours(placed: PlacedChange, plate: NDArray[np.float32]) -> NDArray[np.float32]:
    """Take the plate's pixels in the middle of the cheeks: float32 (1, 2, 3)."""
    points = (placed.landmarks[[2, 14]] + placed.landmarks[[31, 35]]) / 2
    columns, rows = np.rint(points).astype(int).clip(0, (placed.width - 1, placed.height - 1)).T
    return plate[rows, columns][None].clip(0, 1)
