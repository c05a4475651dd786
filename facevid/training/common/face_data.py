"""The pictures that a face model is trained on: decoded once, kept as uint8 on the device."""

from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from facevid.edits.attributes import CELEBA
from facevid.errors import InputError
from facevid.training.common.labels import DEFAULT_RULES, Table, labels_of, read_table
from facevid.training.common.pictures import PictureFiles, aligned_faces
from facevid.training.editors.codes import held_out_rows
from facevid.utils.progress import Progress

CORNERS = "picture_corners_px"
"""A column with x y of the top left, bottom left, bottom right and top right corner of what is picture; the rest of
the aligned face is black. Pixels of the stored file, whose side is that of its set."""
WHOLE = ((-1.0, -1.0), (-1.0, 2.0), (2.0, 2.0), (2.0, -1.0))
"""The corners of a picture that is whole, in shares of its side."""
SHOWN = 64


@dataclass(frozen=True)
class FaceData:
    """Faces to train on.

    Attributes:
        pictures: uint8 (N, 3, R, R) RGB.
        corners: float32 (N, 4, 2), x and y of the valid quadrilateral in shares of the side; `WHOLE` for all of it.
        labels: int8 (N, 40), CelebA's attributes: 1 yes, 0 no, -1 unknown.
        shares: float32 (N,), how often each is drawn, relative to the others.
        held_out: uint8 (M, 3, R, R), at most `SHOWN` pictures of the first set that are not trained on.
        counts: pictures of each set.
    """

    pictures: Tensor
    corners: Tensor
    labels: Tensor
    shares: Tensor
    held_out: Tensor
    counts: dict[str, int]

    def boosted(self, boosts: tuple[tuple[str, bool, float], ...]) -> "FaceData":
        """Draw faces that have an attribute, or lack it, so many times more often."""
        shares = self.shares.clone()
        for name, yes, times in boosts:
            shares[self.labels[:, CELEBA.index(name)] == int(yes)] *= times
        return replace(self, shares=shares)


def load_faces(
    folder: Path, sets: tuple[tuple[str, float], ...], side: int, device: str, progress: Progress
) -> FaceData:
    """Read picture sets: each a table NAME.csv beside NAME.tar, or beside a folder NAME.

    Args:
        folder: where they lie.
        sets: name and share of each; those that are not there are left out.
        side: to bring the pictures to, in pixels.
        device: to keep them on.
        progress: told how many pictures are read.

    Raises:
        InputError: none of the sets is there, or one cannot be read.
    """
    loaded = [_load_set(folder, name, side, progress) for name, _ in sets if (folder / f"{name}.csv").is_file()]
    if not loaded:
        names = ", ".join(f"{name}.csv" for name, _ in sets)
        raise InputError(f"{folder}: holds none of the picture sets ({names}); name yours with --set")
    shares = [share for name, share in sets if (folder / f"{name}.csv").is_file()]
    weights = [torch.full((int((~each.held_out).sum()),), share) for each, share in zip(loaded, shares, strict=True)]
    first = loaded[0]
    return FaceData(
        pictures=torch.cat([each.pictures[~each.held_out] for each in loaded]).to(device),
        corners=torch.cat([each.corners[~each.held_out] for each in loaded]).to(device),
        labels=torch.cat([each.labels[~each.held_out] for each in loaded]).to(device),
        shares=torch.cat([weight / len(weight) for weight in weights]).to(device),
        held_out=first.pictures[first.held_out][:SHOWN].to(device),
        counts={each.name: len(weight) for each, weight in zip(loaded, weights, strict=True)},
    )


@dataclass(frozen=True)
class _Set:
    name: str
    pictures: Tensor
    corners: Tensor
    labels: Tensor
    held_out: Tensor


def _load_set(folder: Path, name: str, side: int, progress: Progress) -> _Set:
    path = folder / f"{name}.csv"
    table = read_table(path)
    source = folder / f"{name}.tar"
    with PictureFiles(source if source.is_file() else folder / name) as files:
        names = files.names(path, table)
        stored = len(files.read(names[0]))
        pictures = torch.empty(len(names), 3, side, side, dtype=torch.uint8)
        faces = progress(name, aligned_faces(files, names, side), len(names))
        for start in range(0, len(names), 256):
            chunk = np.stack(list(islice(faces, 256)))
            pictures[start : start + len(chunk)] = torch.from_numpy(chunk).permute(0, 3, 1, 2)
    rules = [rule for rule in DEFAULT_RULES if rule.column in table]
    return _Set(
        name,
        pictures,
        torch.from_numpy(_corners(path, table, stored)),
        torch.from_numpy(labels_of(path, table, rules)),
        torch.from_numpy(held_out_rows(len(names))),
    )


def _corners(path: Path, table: Table, side: int) -> NDArray[np.float32]:
    count = len(next(iter(table.values())))
    if CORNERS not in table:
        return np.broadcast_to(np.array(WHOLE, np.float32), (count, 4, 2)).copy()
    try:
        rows = np.array([[float(number) for number in cell.split()] for cell in table[CORNERS]], np.float32)
        return ((rows + np.float32(0.5)) / np.float32(side)).reshape(count, 4, 2)
    except ValueError as error:
        raise InputError(f"{path}: column {CORNERS} must hold eight numbers a row ({error}); mend the table") from error
