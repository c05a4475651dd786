"""Measurement of a face's appearance: shape, colour and local energies in the frame of the mean face.

After the active appearance models of Cootes, Edwards and Taylor (ECCV 1998), the prototypes of Tiddeman, Burt and
Perrett (IEEE Computer Graphics and Applications 2001), and the local energy maps of Shih et al. (SIGGRAPH 2014).
"""

import functools
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from facevid.appearance import bands
from facevid.appearance.mean_face import LANDMARKS, RIGID, WINDOW, WINDOW_SIDE
from facevid.appearance.warp import STIFFNESS, resize_grid, thin_plate_spline
from facevid.faces.landmark_scheme import LANDMARK_COUNT

SIDE = 288
"""Side, in pixels, of the window of the mean face at which a face is measured."""

CROP_SIDE = round(SIDE / WINDOW_SIDE)
"""Side, in pixels, of an FFHQ crop at the same scale."""

COLOUR_SIDE = 96
"""Side of colour maps in pixels."""

ENERGY_SIDE = 48
"""Side of energy maps in pixels."""

COLOUR_BLUR = 0.006
"""Standard deviation of the Gaussian over colour maps, as a share of the crop's side."""

GRID = 37
"""Number of nodes along a side of the grid on which the warp to the mean face is computed."""

MAX_UNBLURRED_SCALE = 1.5
"""Scale, in pixels of the picture per pixel of the window, above which the picture is blurred against aliasing."""


@dataclass(frozen=True)
class Appearance:
    """The appearance of one face, in the frame of the mean face.

    Attributes:
        shape: float32 (84, 2), offsets of the landmarks from those of the mean face, in shares of the crop's side.
        colour: float32 (COLOUR_SIDE, COLOUR_SIDE, 3), low-passed CIELAB.
        energies: float32 (bands.COUNT, ENERGY_SIDE, ENERGY_SIDE), natural logarithms of the local energies of
            the bands.
    """

    shape: NDArray[np.float32]
    colour: NDArray[np.float32]
    energies: NDArray[np.float32]


def measure(picture: NDArray[np.float32], landmarks: NDArray[np.floating]) -> Appearance:
    """Measure the appearance of a face.

    Args:
        picture: float32 (H, W, 3) RGB, 0 to 1, encoded for display (not linear light).
        landmarks: (84, 2) as pixel indices of the picture.
    """
    lab = lab_of(picture, landmarks)
    octaves, _ = bands.split(np.ascontiguousarray(lab[..., 0]), CROP_SIDE)
    energies = [np.log(_reduce(bands.energy(band, i, CROP_SIDE), ENERGY_SIDE)) for i, band in enumerate(octaves)]
    return Appearance(
        align_to_mean_face(landmarks) - LANDMARKS.astype(np.float32),
        _reduce(bands.blur(lab, COLOUR_BLUR * CROP_SIDE), COLOUR_SIDE),
        np.stack(energies),
    )


def lab_of(picture: NDArray[np.float32], landmarks: NDArray[np.floating]) -> NDArray[np.float32]:
    """Warp a face to the window of the mean face by a spline through its landmarks.

    Args:
        picture: float32 (H, W, 3) RGB, 0 to 1, encoded for display (not linear light).
        landmarks: (84, 2) as pixel indices of the picture.

    Returns:
        float32 (SIDE, SIDE, 3) CIELAB.
    """
    jaw_width = np.linalg.norm(landmarks[16] - landmarks[0])
    scale = float(jaw_width / np.linalg.norm(LANDMARKS[16] - LANDMARKS[0]) / CROP_SIDE)
    if scale > MAX_UNBLURRED_SCALE:
        picture = cv2.GaussianBlur(picture, (0, 0), scale / 2)
    nodes = (_node_weights() @ landmarks).reshape(GRID, GRID, 2).astype(np.float32)
    x, y = resize_grid(nodes, SIDE)
    warped = cv2.remap(picture, x, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(cv2.cvtColor(warped.clip(0, 1), cv2.COLOR_RGB2LAB), np.float32)


def align_to_mean_face(landmarks: NDArray[np.floating]) -> NDArray[np.float32]:
    """Align landmarks (84, 2) with the mean face by a similarity fitted to `RIGID`: float32 (84, 2)."""
    source, target = landmarks[RIGID].astype(np.float64), LANDMARKS[RIGID]
    centred_source, centred_target = source - source.mean(axis=0), target - target.mean(axis=0)
    norm = (centred_source * centred_source).sum()
    cosine = (centred_source * centred_target).sum() / norm
    cross = centred_source[:, 0] * centred_target[:, 1] - centred_source[:, 1] * centred_target[:, 0]
    sine = cross.sum() / norm
    scaled_rotation = np.array([[cosine, sine], [-sine, cosine]])
    aligned = (landmarks - source.mean(axis=0)) @ scaled_rotation + target.mean(axis=0)
    return np.asarray(aligned.astype(np.float32))


@functools.cache
def _node_weights() -> NDArray[np.float64]:
    """Compute the spline weight of each landmark at each node, float64 (GRID * GRID, 84); knots are the mean face's."""
    left, right, top, bottom = WINDOW
    places = np.stack(np.meshgrid(np.linspace(left, right, GRID), np.linspace(top, bottom, GRID)), axis=-1)
    return thin_plate_spline(LANDMARKS, np.eye(LANDMARK_COUNT), places.reshape(-1, 2), STIFFNESS)


def _reduce(picture: NDArray[np.float32], side: int) -> NDArray[np.float32]:
    return np.asarray(cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA), np.float32)
