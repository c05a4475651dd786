"""Portraits, and the points that another network, the teacher, found in them."""

from collections import Counter
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Self

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from facevid.errors import InputError, reason
from facevid.faces.mesh.crop import FaceCrop
from facevid.networks.landmarks import INPUT_SIDE, POINT_COUNT
from facevid.training.common.labels import held_out_rows
from facevid.training.common.pictures import PictureFiles, pictures_path
from facevid.training.landmarks.turning import depth_map
from facevid.utils.atomic_output import atomic_path
from facevid.utils.progress import Progress

PICTURE_SIDE = 256
"""Side, in pixels, at which portraits are kept: a face then has about twice the size of the network's input."""

EARS = (234, 454)
"""Indices of the points in front of the ears, left and right in the picture."""


@dataclass(frozen=True)
class PointLabels:
    """The teacher's points of pictures of faces.

    Attributes:
        names: "SET/FILE" of each picture.
        points: float32 (N, 478, 3), x, y and depth as fractions of the picture's side; x and y from its top left
            corner, depth increasing away from the camera from any origin.
        mirror: int64 (478,), index of the point that takes the place of each point in a mirrored picture.
    """

    names: tuple[str, ...]
    points: NDArray[np.float32]
    mirror: NDArray[np.int64]

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read an .npz file of `names`, `points` and `mirror`.

        Raises:
            InputError: the file cannot be read, or its arrays do not fit.
        """
        try:
            with np.load(path, allow_pickle=False) as arrays:
                names, points, mirror = tuple(arrays["names"].tolist()), arrays["points"], arrays["mirror"]
            if points.shape != (len(names), POINT_COUNT, 3) or not np.isfinite(points).all():
                raise ValueError(f"points has shape {points.shape}; {(len(names), POINT_COUNT, 3)} is expected")
            if not np.array_equal(mirror[mirror], np.arange(POINT_COUNT)):
                raise ValueError("mirror does not pair 478 points")
        except Exception as error:  # a damaged file can fail in any way
            raise InputError(
                f"{path}: not a file of landmark labels ({reason(error)}); "
                "make one as facevid/training/README.md describes"
            ) from error
        return cls(names, points.astype(np.float32), mirror.astype(np.int64))

    def write(self, path: Path) -> None:
        """Write the file that `read` reads, atomically. Raises OutputError if that fails."""
        with atomic_path(path) as temporary, temporary.open("wb") as file:
            np.savez(file, names=np.array(self.names), points=self.points, mirror=self.mirror)


@dataclass(frozen=True)
class LabelledPortraits:
    """Portraits, aligned as FFHQ, and their points.

    Attributes:
        pictures: uint8 (N, PICTURE_SIDE, PICTURE_SIDE, 3), RGB.
        points: float64 (N, 478, 2), x and y in pixels.
        depths: float32 (N, GRID_SIDE, GRID_SIDE), depth maps from `turning.depth_map`.
        yaw: float64 (N,), turn to the side in radians; positive faces the right edge of the picture.
        mirror: as in `PointLabels`.
        probabilities: float64 (N,), of each portrait in a batch.
        held_out: uint8 (M, 3, INPUT_SIDE, INPUT_SIDE), RGB, crops of portraits that are excluded from training.
        held_out_points: float32 (M, 478, 2), as fractions of the side of these crops.
        counts: number of training portraits of each set, by name.
    """

    pictures: NDArray[np.uint8]
    points: NDArray[np.float64]
    depths: NDArray[np.float32]
    yaw: NDArray[np.float64]
    mirror: NDArray[np.int64]
    probabilities: NDArray[np.float64]
    held_out: Tensor
    held_out_points: NDArray[np.float32]
    counts: dict[str, int]


def load_portraits(
    folder: Path, sets: tuple[tuple[str, float], ...], labels: PointLabels, progress: Progress
) -> LabelledPortraits:
    """Read the labelled portraits of picture sets. Every twentieth is held out.

    Args:
        folder: folder that contains the sets, each an archive NAME.tar or a folder NAME.
        sets: name of each set, and the fraction of each batch that is sampled from it; those without labels are
            skipped.
        labels: the teacher's points.
        progress: receives the number of pictures read.

    Raises:
        InputError: no set has labels, or a picture cannot be read.
    """
    shares = dict(sets)
    rows = [row for row, name in enumerate(labels.names) if name.split("/")[0] in shares]
    if not rows:
        raise InputError(f"{folder}: the labels are of none of the picture sets ({', '.join(shares)}); see --set")
    pictures = np.stack(list(progress("pictures", _read(folder, [labels.names[row] for row in rows]), len(rows))))
    scaled = labels.points[rows].astype(np.float64) * PICTURE_SIDE
    points = scaled[..., :2] - 0.5
    held_out = held_out_rows(len(rows))
    crops = [FaceCrop.around(each) for each in points[held_out]]
    pixels = [crop.cut(each, INPUT_SIDE) for crop, each in zip(crops, pictures[held_out], strict=True)]
    fractions = [crop.to_fractions(each) for crop, each in zip(crops, points[held_out], strict=True)]
    names = [labels.names[row].split("/")[0] for row, out in zip(rows, held_out, strict=True) if not out]
    counts = Counter(names)
    probabilities = np.array([shares[name] / counts[name] for name in names])
    across = scaled[:, EARS[1]] - scaled[:, EARS[0]]
    return LabelledPortraits(
        pictures=pictures[~held_out],
        points=points[~held_out],
        depths=np.stack([depth_map(each, PICTURE_SIDE) for each in scaled[~held_out] - (0.5, 0.5, 0)]),
        yaw=np.arctan2(-across[~held_out, 2], across[~held_out, 0]),
        mirror=labels.mirror,
        probabilities=probabilities / probabilities.sum(),
        held_out=torch.from_numpy(np.stack(pixels)).permute(0, 3, 1, 2),
        held_out_points=np.stack(fractions).astype(np.float32),
        counts=dict(counts),
    )


def _read(folder: Path, names: list[str]) -> "list[NDArray[np.uint8]]":
    """Read pictures "SET/FILE" at PICTURE_SIDE."""
    pictures = []
    for name, files_of_set in groupby(names, key=lambda each: each.split("/")[0]):
        with PictureFiles(pictures_path(folder, name)) as files:
            for each in files_of_set:
                picture = files.read(each.split("/")[1])
                interpolation = cv2.INTER_AREA if len(picture) > PICTURE_SIDE else cv2.INTER_CUBIC
                pictures.append(cv2.resize(picture, (PICTURE_SIDE, PICTURE_SIDE), interpolation=interpolation))
    return pictures
