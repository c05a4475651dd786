"""InterFaceGAN directions (Shen et al., CVPR 2020, section 3.1).

A direction is the normal of the hyperplane by which a linear SVM separates codes with and without an attribute.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.svm import LinearSVC

from facevid.edits.attributes import CELEBA
from facevid.training.common.labels import UNKNOWN, YES
from facevid.training.editors.codes import CodeSet
from facevid.training.editors.transformer import edit_layers_of
from facevid.utils.atomic_output import atomic_path

SVM_REGULARISATION = 1e-3
"""C of the linear SVM: codes have thousands of dimensions, so a weakly regularised SVM overfits."""

SVM_ITERATIONS = 20_000
"""Largest number of solver iterations."""


@dataclass(frozen=True)
class Direction:
    """A direction and the accuracy of its hyperplane.

    Attributes:
        step: float32 (L, D), added to a code for an edit of strength +1; zero in layers that are not edited.
        accuracy: balanced accuracy of the SVM on the held-out codes; NaN unless they have labels of both classes.
    """

    step: NDArray[np.float32]
    accuracy: float


def fit_direction(codes: CodeSet, index: int, layers: range | None = None, seed: int = 0) -> Direction:
    """Fit the direction of one attribute to the codes that are not held out.

    The direction points towards faces that have the attribute. Its length is the distance between the means of the two
    classes along it, so strength 1 moves the mean of the negative class to the mean of the positive class.

    Args:
        codes: codes with labels of the attribute.
        index: index of the attribute among CelebA's.
        layers: layers of the code to edit; None for 0-10.
        seed: seed of the solver.
    """
    edited_layers = edit_layers_of(codes.codes.shape[1], layers)
    x, y = _labelled(codes.part(held_out=False), index, edited_layers)
    centre, scale = x.mean(axis=0), x.std()
    svm = LinearSVC(C=SVM_REGULARISATION, class_weight="balanced", random_state=seed, max_iter=SVM_ITERATIONS)
    svm.fit((x - centre) / scale, y)
    normal = svm.coef_[0] / np.linalg.norm(svm.coef_[0])
    length = (x[y].mean(axis=0) - x[~y].mean(axis=0)) @ normal
    step = np.zeros(codes.codes.shape[1:], np.float32)
    step[edited_layers.start : edited_layers.stop] = (normal * length).reshape(len(edited_layers), -1)
    held_out_x, held_out_y = _labelled(codes.part(held_out=True), index, edited_layers)
    accuracy = float("nan")
    if held_out_y.any() and not held_out_y.all():
        correct = svm.predict((held_out_x - centre) / scale) == held_out_y
        accuracy = float((correct[held_out_y].mean() + correct[~held_out_y].mean()) / 2)
    return Direction(step, accuracy)


def direction_file(index: int) -> str:
    """Return the file name of a direction, from which `facevid models import` infers the attribute.

    Args:
        index: index of the attribute among CelebA's.
    """
    return f"direction_{CELEBA[index]}.npy"


def save_direction(folder: Path, index: int, direction: Direction) -> Path:
    """Write a direction atomically, and return its path.

    Raises:
        OutputError: the file cannot be written.
    """
    path = folder / direction_file(index)
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.save(file, direction.step)
    return path


def _labelled(codes: CodeSet, index: int, layers: range) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Return the labelled codes, flattened, (N, len(layers) * D), and whether each has the attribute, (N,)."""
    labels = codes.labels[:, index].numpy()
    flat = codes.codes[:, layers.start : layers.stop].flatten(1).numpy()
    return flat[labels != UNKNOWN], labels[labels != UNKNOWN] == YES
