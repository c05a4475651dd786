"""The picture sets that an appearance model is fitted to."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from facevid.errors import InputError
from facevid.training.appearance.measured_labels import with_years
from facevid.training.common.labels import Table, held_out_rows, numbers_of, read_table
from facevid.training.common.pictures import PictureFiles, pictures_path

MIN_NATIVE_SIZE = 160
"""Smallest side of a face before it was resized, in pixels: smaller faces have no content in the fine bands."""

NATIVE_SIZE = "native_size_px"
"""Optional table column: side of the face before it was resized, in pixels."""


@dataclass(frozen=True)
class PictureSet:
    """One picture set, without faces that are too small.

    Attributes:
        path: file of the table.
        table: the rows of the N faces.
        pictures: the folder or the tar file.
        held_out: bool (N,), faces excluded from fitting.
    """

    path: Path
    table: Table
    pictures: Path
    held_out: NDArray[np.bool_]


def set_names(data: Path) -> list[str]:
    """List the picture sets in a folder. Raises InputError if there are none."""
    names = [path.stem for path in sorted(data.glob("*.csv")) if pictures_path(data, path.stem).exists()]
    if not names:
        raise InputError(f"{data}: contains no picture set; put a table NAME.csv beside NAME.tar or a folder NAME")
    return names


def read_set(data: Path, name: str) -> PictureSet:
    """Read the table of a picture set. Raises InputError if it is missing or cannot be read."""
    path = data / f"{name}.csv"
    table = with_years(path, read_table(path))
    count = len(next(iter(table.values())))
    large_enough = np.ones(count, bool)
    if NATIVE_SIZE in table:
        large_enough = ~(numbers_of(path, table, NATIVE_SIZE) < MIN_NATIVE_SIZE)  # an unknown size is accepted
    rows = np.flatnonzero(large_enough).tolist()
    table = {column: [cells[row] for row in rows] for column, cells in table.items()}
    return PictureSet(path, table, pictures_path(data, name), held_out_rows(count)[large_enough])


def read_pictures(picture_sets: Sequence[PictureSet]) -> Iterator[tuple[str, NDArray[np.uint8]]]:
    """Yield file name and picture, uint8 (S, S, 3) RGB, of every face."""
    for each in picture_sets:
        with PictureFiles(each.pictures) as files:
            for name in files.names(each.path, each.table):
                yield name, files.read_aligned(name)
