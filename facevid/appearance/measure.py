"""Measuring a face's appearance: shape, colour and energies in the frame of the mean face.

After the active appearance models of Cootes, Edwards and Taylor (ECCV 1998), the prototypes of Tiddeman, Burt and
Perrett (IEEE Computer Graphics and Applications 2001), and the local energy maps of Shih et al. (SIGGRAPH 2014).
"""

import functools
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import RBFInterpolator

from facevid.appearance import bands
from facevid.appearance.mean_face import LANDMARKS, RIGID, WINDOW, WINDOW_SIDE
from facevid.appearance.warp import STIFFNESS, resized_grid

SIDE = 288
"""Side, in pixels, of the window of the mean face that a face is brought to."""

CROP_SIDE = round(SIDE / WINDOW_SIDE)
"""Side, in pixels, of an FFHQ crop at the same scale."""

COLOUR_SIDE, ENERGY_SIDE = 96, 48
"""Sides of the maps of colour and of energies."""

COLOUR_BLUR = 0.006
"""Standard deviation of the Gaussian over colour, as a share of the crop's side."""

GRID = 37
"""Nodes a side of the grid on which the warp to the mean face is computed."""

ALIAS_FREE = 1.5
"""Reduction, in pixels of the picture for one of the window, from which the picture is blurred before it is sampled."""


@dataclass(frozen=True)
class Appearance:
    """The appearance of one face, in the frame of the mean face.

    Attributes:
        shape: float32 (68, 2), the landmarks' offsets from the mean face's, in shares of the crop's side.
        colour: float32 (COLOUR_SIDE, COLOUR_SIDE, 3), low-passed CIELAB.
        energies: float32 (bands.COUNT, ENERGY_SIDE, ENERGY_SIDE), natural logarithms of the bands' local energies.
    """

    shape: NDArray[np.float32]
    colour: NDArray[np.float32]
    energies: NDArray[np.float32]


def measure(picture: NDArray[np.float32], landmarks: NDArray[np.floating]) -> Appearance:
    """Measure a face.

    Args:
        picture: float32 (H, W, 3) RGB, 0 to 1, encoded as displayed (not linear light).
        landmarks: (68, 2) as indices of its pixels.
    """
    lab = lab_of(picture, landmarks)
    octaves, _ = bands.split(np.ascontiguousarray(lab[..., 0]), CROP_SIDE)
    energies = [np.log(_reduced(bands.energy(band, i, CROP_SIDE), ENERGY_SIDE)) for i, band in enumerate(octaves)]
    return Appearance(
        aligned(landmarks) - LANDMARKS.astype(np.float32),
        _reduced(bands.blurred(lab, COLOUR_BLUR * CROP_SIDE), COLOUR_SIDE),
        np.stack(energies),
    )


def lab_of(picture: NDArray[np.float32], landmarks: NDArray[np.floating]) -> NDArray[np.float32]:
    """Bring a face to the window of the mean face by a spline through its landmarks: float32 (SIDE, SIDE, 3) CIELAB.

    Args:
        picture, landmarks: as for `measure`.
    """
    scale = float(
        np.linalg.norm(landmarks[16] - landmarks[0]) / np.linalg.norm(LANDMARKS[16] - LANDMARKS[0]) / CROP_SIDE
    )
    if scale > ALIAS_FREE:
        picture = cv2.GaussianBlur(picture, (0, 0), scale / 2)
    nodes = (_node_weights() @ landmarks).reshape(GRID, GRID, 2).astype(np.float32)
    places = resized_grid(nodes, SIDE)
    brought = cv2.remap(picture, places[..., 0], places[..., 1], cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(cv2.cvtColor(brought.clip(0, 1), cv2.COLOR_RGB2LAB), np.float32)


def aligned(landmarks: NDArray[np.floating]) -> NDArray[np.float32]:
    """Bring landmarks (68, 2) to the mean face by the similarity that fits those which expressions do not move."""
    source, target = landmarks[RIGID].astype(np.float64), LANDMARKS[RIGID]
    away, wanted = source - source.mean(axis=0), target - target.mean(axis=0)
    size = (away * away).sum()
    cosine = (away * wanted).sum() / size
    sine = (away[:, 0] * wanted[:, 1] - away[:, 1] * wanted[:, 0]).sum() / size
    turn = np.array([[cosine, sine], [-sine, cosine]])
    return ((landmarks - source.mean(axis=0)) @ turn + target.mean(axis=0)).astype(np.float32)


@functools.cache
def _node_weights() -> NDArray[np.float64]:
    """Weigh the landmarks for each node: float64 (GRID * GRID, 68). The knots are the mean face's, always the same."""
    left, right, top, bottom = WINDOW
    places = np.stack(np.meshgrid(np.linspace(left, right, GRID), np.linspace(top, bottom, GRID)), axis=-1)
    spline = RBFInterpolator(LANDMARKS, np.eye(68), kernel="thin_plate_spline", smoothing=STIFFNESS)
    return np.asarray(spline(places.reshape(-1, 2)))


def _reduced(picture: NDArray[np.float32], side: int) -> NDArray[np.float32]:
    return np.asarray(cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA), np.float32)
