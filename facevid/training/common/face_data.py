"""Picture sets for training: pictures are decoded once and kept as uint8 tensors on the device."""

from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from facevid.edits.attributes import CELEBA
from facevid.errors import InputError
from facevid.training.common.labels import DEFAULT_RULES, Table, held_out_rows, labels_of, read_table
from facevid.training.common.pictures import PictureFiles, aligned_faces, pictures_path
from facevid.utils.progress import Progress

CORNERS_COLUMN = "picture_corners_px"
"""Optional table column: x y of the top left, bottom left, bottom right and top right corner of the valid part of an
aligned face, in pixels of the stored file. The rest of the file is black: the face was close to the picture's edge."""

WHOLE_PICTURE = ((-1.0, -1.0), (-1.0, 2.0), (2.0, 2.0), (2.0, -1.0))
"""Corners of a picture that is valid everywhere, as fractions of its side; outside it, so that no rim is excluded."""

MAX_HELD_OUT = 64
"""Largest number of held-out pictures that are kept for samples and metrics."""

CHUNK_PICTURES = 256
"""Number of pictures that are collected before they are copied into the tensor."""


@dataclass(frozen=True)
class FaceData:
    """Faces for training.

    Attributes:
        pictures: uint8 (N, 3, R, R), RGB.
        corners: float32 (N, 4, 2), corners of the valid part, x and y as fractions of the side, in the order of
            `CORNERS_COLUMN`; `WHOLE_PICTURE` if all of it is valid.
        labels: int8 (N, 40), CelebA's attributes: 1 yes, 0 no, -1 unknown.
        sampling_weights: float32 (N,), relative probability of each face in a batch.
        held_out: uint8 (M, 3, R, R), RGB, at most `MAX_HELD_OUT` pictures of the first set, excluded from training.
        counts: number of training pictures of each set, by name.
    """

    pictures: Tensor
    corners: Tensor
    labels: Tensor
    sampling_weights: Tensor
    held_out: Tensor
    counts: dict[str, int]

    def boosted(self, boosts: tuple[tuple[str, bool, float], ...]) -> "FaceData":
        """Multiply the sampling weights of some faces.

        Args:
            boosts: CelebA's attribute, whether to boost faces with or without it, and the factor.
        """
        weights = self.sampling_weights.clone()
        for name, present, factor in boosts:
            weights[self.labels[:, CELEBA.index(name)] == int(present)] *= factor
        return replace(self, sampling_weights=weights)


def load_faces(
    folder: Path, sets: tuple[tuple[str, float], ...], side: int, device: str, progress: Progress
) -> FaceData:
    """Read picture sets: each is a table NAME.csv beside an archive NAME.tar or a folder NAME.

    Args:
        folder: folder that contains the sets.
        sets: name of each set, and the fraction of each batch that is sampled from it; missing sets are skipped.
        side: side that pictures are resized to, in pixels.
        device: device to keep the pictures on.
        progress: receives the number of pictures read.

    Raises:
        InputError: all sets are missing, or one cannot be read.
    """
    available = [(name, share) for name, share in sets if (folder / f"{name}.csv").is_file()]
    loaded = [_load_set(folder, name, side, progress) for name, _ in available]
    if not loaded:
        names = ", ".join(f"{name}.csv" for name, _ in sets)
        raise InputError(f"{folder}: contains none of the picture sets ({names}); name your own with --set")
    weights = [
        torch.full((int((~each.held_out).sum()),), share) for each, (_, share) in zip(loaded, available, strict=True)
    ]
    first = loaded[0]
    return FaceData(
        pictures=torch.cat([each.pictures[~each.held_out] for each in loaded]).to(device),
        corners=torch.cat([each.corners[~each.held_out] for each in loaded]).to(device),
        labels=torch.cat([each.labels[~each.held_out] for each in loaded]).to(device),
        sampling_weights=torch.cat([weight / len(weight) for weight in weights]).to(device),
        held_out=first.pictures[first.held_out][:MAX_HELD_OUT].to(device),
        counts={each.name: len(weight) for each, weight in zip(loaded, weights, strict=True)},
    )


@dataclass(frozen=True)
class _PictureSet:
    """One picture set; the attributes are as in `FaceData`, except `held_out`: bool (N,), the rows held out."""

    name: str
    pictures: Tensor
    corners: Tensor
    labels: Tensor
    held_out: Tensor


def _load_set(folder: Path, name: str, side: int, progress: Progress) -> _PictureSet:
    path = folder / f"{name}.csv"
    table = read_table(path)
    with PictureFiles(pictures_path(folder, name)) as files:
        names = files.names(path, table)
        stored_side = len(files.read(names[0]))
        pictures = torch.empty(len(names), 3, side, side, dtype=torch.uint8)
        faces = progress(name, aligned_faces(files, names, side), len(names))
        for start in range(0, len(names), CHUNK_PICTURES):
            chunk = np.stack(list(islice(faces, CHUNK_PICTURES)))
            pictures[start : start + len(chunk)] = torch.from_numpy(chunk).permute(0, 3, 1, 2)
    rules = [rule for rule in DEFAULT_RULES if rule.column in table]
    return _PictureSet(
        name,
        pictures,
        torch.from_numpy(_corners(path, table, stored_side)),
        torch.from_numpy(labels_of(path, table, rules)),
        torch.from_numpy(held_out_rows(len(names))),
    )


def _corners(path: Path, table: Table, side: int) -> NDArray[np.float32]:
    """Return the corners of the valid part of each picture, float32 (N, 4, 2), as fractions of `side` pixels."""
    count = len(next(iter(table.values())))
    if CORNERS_COLUMN not in table:
        return np.broadcast_to(np.array(WHOLE_PICTURE, np.float32), (count, 4, 2)).copy()
    try:
        rows = np.array([[float(number) for number in cell.split()] for cell in table[CORNERS_COLUMN]], np.float32)
        return ((rows + np.float32(0.5)) / np.float32(side)).reshape(count, 4, 2)
    except ValueError as error:
        raise InputError(
            f"{path}: column {CORNERS_COLUMN} must hold eight numbers per row ({error}); correct the table"
        ) from error
