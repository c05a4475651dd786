"""Fitting of the components of an appearance model: principal components of shape, colour and energies."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from facevid.appearance import bands
from facevid.appearance.light import without_light
from facevid.appearance.mean_face import reach
from facevid.appearance.measure import COLOUR_SIDE, ENERGY_SIDE
from facevid.networks.appearance_model import AppearanceModel, AppearanceModelSizes
from facevid.training.appearance.measured_faces import DETAIL_SIDE, Faces

WIDTH = 64
"""Number of components of each part: further components describe single faces only."""

MIN_REACH = 0.5
"""Smallest value of `mean_face.reach` where colour and energies are fitted; beyond are hair, collar and background."""

LIMIT_PERCENTILES = (2, 98)
"""Percentiles over the training faces that become the lower and the upper limit of each value."""

MIN_VARIANCE = 1e-9
"""Smallest variance of a component, relative to the largest: smaller ones are rounding errors."""


def fit_model(faces: Faces, shapes: NDArray[np.float32]) -> AppearanceModel:
    """Fit a model to the training faces.

    Args:
        faces: all faces; the held-out ones are not used.
        shapes: (M, 84, 2), the shapes of the training faces, and those with an opened mouth.
    """
    training = ~faces.held_out
    colours, energies = faces.colours[training], faces.energies[training]
    shape_mask = np.ones(shapes[0].size, bool)
    colour_mask = np.repeat(reach(COLOUR_SIDE).ravel() > MIN_REACH, 3)
    energy_mask = np.tile(reach(ENERGY_SIDE).ravel() > MIN_REACH, bands.COUNT)
    unlit_colours = np.stack([without_light(colour) for colour in colours])
    state = {"detail": torch.from_numpy(faces.detail)}
    for part, values, limit_values, mask in (
        ("shape", shapes, shapes, shape_mask),
        ("colour", colours, unlit_colours, colour_mask),
        ("energies", energies, energies, energy_mask),
    ):
        state |= _fit_part(part, values.reshape(len(values), -1), limit_values.reshape(len(values), -1), mask)
    sizes = (shape_mask.size, colour_mask.size, energy_mask.size)
    model = AppearanceModel(AppearanceModelSizes(WIDTH, sizes, (bands.COUNT, DETAIL_SIDE)))
    model.load_state_dict(state)
    return model


def principal_components(values: NDArray[np.floating], width: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Compute the principal components of values.

    Args:
        values: (N, P).
        width: number of components to return.

    Returns:
        The mean, float32 (P,), and the components, float32 (width, P), largest variance first. The length of a
        component is its standard deviation, and its element of largest magnitude is positive. Unused rows are 0.
    """
    mean = values.mean(axis=0, dtype=np.float64)
    centred = values - mean
    use_gram_matrix = centred.shape[0] < centred.shape[1]  # same non-zero eigenvalues as the covariance, but smaller
    matrix = (centred @ centred.T if use_gram_matrix else centred.T @ centred) / len(centred)
    variances, vectors = np.linalg.eigh(matrix)
    selected = [i for i in np.argsort(-variances)[:width] if variances[i] > max(MIN_VARIANCE * variances[-1], 1e-12)]
    rows = vectors[:, selected].T
    rows = rows @ centred / np.sqrt(len(centred)) if use_gram_matrix else rows * np.sqrt(variances[selected])[:, None]
    basis = np.zeros((width, centred.shape[1]), np.float32)
    for index, row in enumerate(rows):
        basis[index] = row * np.sign(row[np.abs(row).argmax()])
    return mean.astype(np.float32), basis


def _fit_part(
    name: str, values: NDArray[np.float32], limit_values: NDArray[np.float32], mask: NDArray[np.bool_]
) -> dict[str, Tensor]:
    """Fit the components of one part of the appearance.

    Args:
        name: name of the part.
        values: (N, P).
        limit_values: (N, P), the values that the limits are computed from.
        mask: bool (P,), the values to fit; the basis is 0 elsewhere.

    Returns:
        State dict entries of the part.
    """
    basis = np.zeros((WIDTH, values.shape[1]), np.float32)
    _, basis[:, mask] = principal_components(values[:, mask], WIDTH)
    tensors = {
        "mean": values.mean(axis=0, dtype=np.float64),
        "basis": basis,
        "limits": np.percentile(limit_values, LIMIT_PERCENTILES, axis=0),
    }
    return {f"{name}.{key}": torch.from_numpy(np.asarray(each, np.float32)) for key, each in tensors.items()}
