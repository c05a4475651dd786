"""InterFaceGAN (Shen et al., CVPR 2020, section 3.1): the normal of a linear SVM's hyperplane between yes and no."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.svm import LinearSVC

from facevid.edits.attributes import CELEBA
from facevid.errors import OutputError
from facevid.training.common.labels import UNKNOWN, YES
from facevid.training.editors.codes import CodeSet
from facevid.training.editors.transformer import edit_layers_of


@dataclass(frozen=True)
class Direction:
    """A direction, and how well its hyperplane divides.

    Attributes:
        step: float32 (L, D), what a strength of +1 adds to a code; zero on layers that are not moved.
        accuracy: balanced accuracy of the SVM on the held-out codes, NaN where they are not labelled for it.
    """

    step: NDArray[np.float32]
    accuracy: float


def fit_direction(codes: CodeSet, index: int, layers: range | None = None, seed: int = 0) -> Direction:
    """Fit the direction of CelebA's attribute `index` on the codes that are not held out.

    The normal points to yes. It is as long as the classes' means are apart along it, so that a strength of 1 takes
    the mean of no to the mean of yes.

    Args:
        codes: labelled for the attribute.
        index: of the attribute.
        layers: those to move, None for 0-10.
        seed: of the solver.
    """
    moved = edit_layers_of(codes.codes.shape[1], layers)
    x, y = _labelled(codes.part(held_out=False), index, moved)
    centre, scale = x.mean(axis=0), x.std()
    svm = LinearSVC(C=1e-3, class_weight="balanced", random_state=seed, max_iter=20_000)
    svm.fit((x - centre) / scale, y)
    normal = svm.coef_[0] / np.linalg.norm(svm.coef_[0])
    apart = (x[y].mean(axis=0) - x[~y].mean(axis=0)) @ normal
    step = np.zeros(codes.codes.shape[1:], np.float32)
    step[moved.start : moved.stop] = (normal * apart).reshape(len(moved), -1)
    held_x, held_y = _labelled(codes.part(held_out=True), index, moved)
    accuracy = float("nan")
    if held_y.any() and not held_y.all():
        right = svm.predict((held_x - centre) / scale) == held_y
        accuracy = float((right[held_y].mean() + right[~held_y].mean()) / 2)
    return Direction(step, accuracy)


def direction_file(index: int) -> str:
    """Name the file of CelebA's attribute `index` so that `facevid models import` reads the attribute off it."""
    return f"direction_{CELEBA[index]}.npy"


def save_direction(folder: Path, index: int, direction: Direction) -> Path:
    """Write a direction, whole or not at all. Raises OutputError where that fails."""
    path = folder / direction_file(index)
    staging = folder / f".{path.name}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with staging.open("wb") as file:
            np.save(file, direction.step)
        staging.replace(path)
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error}); see to space and permissions") from error
    return path


def _labelled(codes: CodeSet, index: int, layers: range) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    labels = codes.labels[:, index].numpy()
    flat = codes.codes[:, layers.start : layers.stop].flatten(1).numpy()
    return flat[labels != UNKNOWN], labels[labels != UNKNOWN] == YES
