"""Fitting the linear appearance model of the bundled face model, and coding the faces that it is fitted to."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from facevid.appearance import bands
from facevid.appearance.light import without_light
from facevid.appearance.mean_face import MIRROR, reach
from facevid.appearance.measure import COLOUR_SIDE, CROP_SIDE, ENERGY_SIDE, Appearance, lab_of, measure
from facevid.edits.attributes import CELEBA
from facevid.errors import InputError, NoFaceError, UsageError
from facevid.faces.dlib_detector import LandmarkPredictor
from facevid.networks.appearance_model import AppearanceModel, AppearanceModelSizes
from facevid.training.appearance.dropped_jaw import dropped_jaw
from facevid.training.appearance.measured_labels import (
    BEARD,
    LIP_RED,
    SMILE,
    TABLE_RULES,
    as_cells,
    beards,
    gaps,
    lip_reds,
    percentile_rules,
    smiles,
    with_years,
)
from facevid.training.common.labels import NO, UNKNOWN, YES, LabelRule, Table, labels_of, numbers_of, read_table
from facevid.training.common.pictures import PictureFiles
from facevid.training.common.run import save_whole
from facevid.training.editors.codes import CodeSet, held_out_rows, save_codes
from facevid.utils.progress import Progress, silent

MODEL_FILE, CODES_FILE = "appearance.pt", "codes.safetensors"

WIDTH = 64
"""Components of each part: more of them are of single faces."""

LEAST_NATIVE_SIZE = 160
"""Least side, in pixels, of a face before it was brought to its set's size: a smaller one has no fine bands."""

NATIVE_SIZE = "native_size_px"
"""A column that may be in a table: that side."""

LEAST_FACES = 2
"""Faces without which nothing varies."""

REACHED = 0.5
"""Least of `mean_face.reach` where colour and energies are fitted; further out is hair, collar and background."""

PERCENTILES = (2, 98)
"""Percentiles over the fitted faces that limit the numbers of each part."""

DETAIL_SIDE = 144
"""Side of the maps of mean detail, in pixels: half the window's, for a mean has nothing finer."""

OPENED_EVERY = 3
"""Every so many-th face is taken again with its mouth opened: portraits hardly ever show open mouths."""

DROPS = (0.03, 0.09)
"""Least and most drop of an opened jaw, in shares of the crop's side: from parted lips to wide open."""

CLOSED = 0.012
"""Gap up to which a mouth is closed, in shares of the crop's side; a wider one may be a smile, so is unknown."""

ENCODED_AT_ONCE = 256
"""Faces encoded at once, to save memory."""

LEAST_VARIANCE = 1e-9
"""Variance, as a share of the greatest component's, under which a component is rounding and is left out."""


@dataclass(frozen=True)
class _Set:
    """One picture set, without the rows whose faces are too small.

    Attributes:
        path: its table.
        table: the rows that are kept.
        pictures: its folder or tar file.
        held_out: bool (N,).
    """

    path: Path
    table: Table
    pictures: Path
    held_out: NDArray[np.bool_]


@dataclass(frozen=True)
class _Faces:
    """Appearances of faces.

    Attributes:
        shapes: float32 (N, 68, 2).
        colours: float32 (N, COLOUR_SIDE, COLOUR_SIDE, 3), CIELAB.
        energies: float32 (N, bands.COUNT, ENERGY_SIDE, ENERGY_SIDE).
        held_out: bool (N,).
        files: the picture of each.
        detail: float32 (bands.COUNT, DETAIL_SIDE, DETAIL_SIDE), mean over the fitted ones.
    """

    shapes: NDArray[np.float32]
    colours: NDArray[np.float32]
    energies: NDArray[np.float32]
    held_out: NDArray[np.bool_]
    files: tuple[str, ...]
    detail: NDArray[np.float32]


def fit_appearance(
    data: Path,
    out: Path,
    *,
    rules: Sequence[LabelRule] = (),
    sets: Sequence[str] = (),
    seed: int = 0,
    progress: Progress = silent,
) -> CodeSet:
    """Fit an appearance model to picture sets; write `appearance.pt`, and the faces' labelled codes.

    Every face is taken as it is and mirrored, and every third of these again with its mouth opened.

    Args:
        data: folder of sets, each a table NAME.csv beside NAME.tar or a folder NAME of FFHQ crops.
        out: folder for the two files.
        rules: how columns become labels; none means ages, sex and glasses where known, and what can be measured.
        sets: names of those to take; none means all.
        seed: of how far mouths are opened.
        progress: told how many faces are measured.

    Raises:
        InputError: a set is missing, or cannot be read.
        UsageError: no set has the column of a rule.
        NoFaceError: too few faces are large enough.
        OutputError: `out` cannot be written.
    """
    found = [_read_set(data, name) for name in sets or _set_names(data)]
    faces = _measured(found, progress)
    labels = _labels(found, faces, rules)
    faces, labels = _mirrored(faces), np.concatenate([labels, labels])
    drops = _opened(faces, seed)
    opened = np.arange(0, len(faces.shapes), OPENED_EVERY)
    labels = np.concatenate([labels, labels[opened]])
    if not any(rule.attribute.name == "Mouth_Slightly_Open" for rule in rules):
        labels[:, CELEBA.index("Mouth_Slightly_Open")] = _mouth_labels(faces, len(opened))
    shapes = np.concatenate([faces.shapes, faces.shapes[opened] + drops])
    held_out = np.concatenate([faces.held_out, faces.held_out[opened]])
    model = _fitted(faces, shapes[~held_out])
    codes = CodeSet(
        codes=_encoded(model, faces, shapes, opened),
        labels=torch.from_numpy(labels),
        files=(*faces.files, *(faces.files[row] for row in opened)),
        held_out=torch.from_numpy(held_out),
    )
    save_whole(out / MODEL_FILE, {name: tensor.contiguous() for name, tensor in model.state_dict().items()})
    save_codes(out / CODES_FILE, codes)
    return codes


def principal_components(values: NDArray[np.floating], width: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Find the principal components of values (N, P).

    Returns:
        float32 (P,), the mean; float32 (width, P), the components, each as long as its standard deviation and with its
        greatest number positive, the widest first; zeros where there are fewer.
    """
    mean = values.mean(axis=0, dtype=np.float64)
    away = values - mean
    across = away.shape[0] < away.shape[1]
    products = (away @ away.T if across else away.T @ away) / len(away)
    variances, vectors = np.linalg.eigh(products)  # the smaller of the two, whose eigenvalues are those of an SVD
    kept = [i for i in np.argsort(-variances)[:width] if variances[i] > max(LEAST_VARIANCE * variances[-1], 1e-12)]
    rows = vectors[:, kept].T
    rows = rows @ away / np.sqrt(len(away)) if across else rows * np.sqrt(variances[kept])[:, None]
    basis = np.zeros((width, away.shape[1]), np.float32)
    for place, row in enumerate(rows):
        basis[place] = row * np.sign(row[np.abs(row).argmax()])
    return mean.astype(np.float32), basis


def _set_names(data: Path) -> list[str]:
    names = [path.stem for path in sorted(data.glob("*.csv")) if _pictures(data, path.stem).exists()]
    if not names:
        raise InputError(f"{data}: holds no picture set; put a table NAME.csv beside NAME.tar or a folder NAME")
    return names


def _pictures(data: Path, name: str) -> Path:
    archive = data / f"{name}.tar"
    return archive if archive.is_file() else data / name


def _read_set(data: Path, name: str) -> _Set:
    path = data / f"{name}.csv"
    table = with_years(path, read_table(path))
    count = len(next(iter(table.values())))
    kept = np.ones(count, bool)
    if NATIVE_SIZE in table:
        kept = ~(numbers_of(path, table, NATIVE_SIZE) < LEAST_NATIVE_SIZE)
    rows = np.flatnonzero(kept).tolist()
    table = {column: [cells[row] for row in rows] for column, cells in table.items()}
    return _Set(path, table, _pictures(data, name), held_out_rows(count)[kept])


def _measured(found: Sequence[_Set], progress: Progress) -> _Faces:
    """Measure the faces of all sets, as they are."""
    held_out = np.concatenate([each.held_out for each in found])
    if (~held_out).sum() < LEAST_FACES:
        told = ", ".join(str(each.path) for each in found)
        raise NoFaceError(f"{told}: too few faces of {LEAST_NATIVE_SIZE} px or more to fit anything to; give more")
    appearances: list[Appearance] = []
    files: list[str] = []
    detail = np.zeros((bands.COUNT, DETAIL_SIDE, DETAIL_SIDE))
    predictor = LandmarkPredictor()
    for name, picture in progress("measure", _pictures_of(found), len(held_out)):
        landmarks, scaled = predictor.place_in_crop(picture), picture.astype(np.float32) / np.float32(255)
        if not held_out[len(files)]:
            detail += _detail_of(lab_of(scaled, landmarks)[..., 0])
        appearances.append(measure(scaled, landmarks))
        files.append(name)
    return _Faces(
        np.stack([each.shape for each in appearances]),
        np.stack([each.colour for each in appearances]),
        np.stack([each.energies for each in appearances]),
        held_out,
        tuple(files),
        (detail / (~held_out).sum()).astype(np.float32),
    )


def _pictures_of(found: Sequence[_Set]) -> Iterator[tuple[str, NDArray[np.uint8]]]:
    for each in found:
        with PictureFiles(each.pictures) as files:
            for name in files.names(each.path, each.table):
                picture = files.read(name)
                height, width = picture.shape[:2]
                if height != width:
                    raise InputError(
                        f"{each.pictures}: {name} is {width}x{height}, and an aligned face is square; give FFHQ crops"
                    )
                yield name, picture


def _detail_of(lightness: NDArray[np.float32]) -> NDArray[np.float32]:
    """Take each band of a face in the window in units of its local energy, reduced."""
    octaves, _ = bands.split(np.ascontiguousarray(lightness), CROP_SIDE)
    units = [band / bands.energy(band, i, CROP_SIDE) for i, band in enumerate(octaves)]
    size = (DETAIL_SIDE, DETAIL_SIDE)
    return np.stack([np.asarray(cv2.resize(unit, size, interpolation=cv2.INTER_AREA), np.float32) for unit in units])


def _mirrored(faces: _Faces) -> _Faces:
    """Add every face as its mirrored picture has it: mean face and window are symmetric, so its maps are mirrored."""
    return _Faces(
        np.concatenate([faces.shapes, faces.shapes[:, MIRROR] * np.array([-1, 1], np.float32)]),
        np.concatenate([faces.colours, faces.colours[:, :, ::-1]]),
        np.concatenate([faces.energies, faces.energies[..., ::-1]]),
        np.concatenate([faces.held_out, faces.held_out]),
        faces.files * 2,
        ((faces.detail + faces.detail[..., ::-1]) / 2).astype(np.float32),
    )


def _opened(faces: _Faces, seed: int) -> NDArray[np.float32]:
    """Say how far a dropped jaw moves the landmarks of every third face, float32 (M, 68, 2)."""
    count = len(range(0, len(faces.shapes), OPENED_EVERY))
    return np.stack([dropped_jaw(drop) for drop in np.random.default_rng(seed).uniform(*DROPS, count).tolist()])


def _labels(found: Sequence[_Set], faces: _Faces, rules: Sequence[LabelRule]) -> NDArray[np.int8]:
    """Label the faces as they are, int8 (N, 40)."""
    fitted = ~faces.held_out
    columns = {
        SMILE: smiles(faces.shapes, fitted),
        BEARD: beards(faces.colours),
        LIP_RED: lip_reds(faces.colours),
    }
    for rule in rules:
        if not any(rule.column in {*each.table, *columns} for each in found):
            raise UsageError(f"no table has the column {rule.column} of --label; add it, or leave out the rule")
    rules = tuple(rules) or (*TABLE_RULES, *percentile_rules(columns, fitted))
    labelled, start = [], 0
    for each in found:
        rows = slice(start, start + len(each.held_out))
        start = rows.stop
        table = {column: as_cells(numbers[rows]) for column, numbers in columns.items()} | each.table
        labelled.append(labels_of(each.path, table, [rule for rule in rules if rule.column in table]))
    return np.concatenate(labelled)


def _mouth_labels(faces: _Faces, opened: int) -> NDArray[np.int8]:
    """Label whose mouth is open: those that were opened."""
    closed = np.where(gaps(faces.shapes) < CLOSED, NO, UNKNOWN)
    return np.concatenate([closed, np.full(opened, YES)]).astype(np.int8)


def _fitted(faces: _Faces, shapes: NDArray[np.float32]) -> AppearanceModel:
    """Fit a model to the faces not held out, and to `shapes` (M, 68, 2), theirs and those with mouths opened."""
    fitted = ~faces.held_out
    colours, energies = faces.colours[fitted], faces.energies[fitted]
    everywhere = np.ones(shapes[0].size, bool)
    on_colour = np.repeat(reach(COLOUR_SIDE).ravel() > REACHED, 3)
    on_energies = np.tile(reach(ENERGY_SIDE).ravel() > REACHED, bands.COUNT)
    unlit = np.stack([without_light(colour) for colour in colours])
    state = {"detail": torch.from_numpy(faces.detail)}
    for part, values, limited, mask in (
        ("shape", shapes, shapes, everywhere),
        ("colour", colours, unlit, on_colour),
        ("energies", energies, energies, on_energies),
    ):
        state |= _part(part, values.reshape(len(values), -1), limited.reshape(len(values), -1), mask)
    sizes = (everywhere.size, on_colour.size, on_energies.size)
    model = AppearanceModel(AppearanceModelSizes(WIDTH, sizes, (bands.COUNT, DETAIL_SIDE)))
    model.load_state_dict(state)
    return model


def _part(
    name: str, values: NDArray[np.float32], limited: NDArray[np.float32], mask: NDArray[np.bool_]
) -> dict[str, Tensor]:
    """Fit one part to values (N, P), where `mask` (P,) says, with limits from `limited` (N, P)."""
    basis = np.zeros((WIDTH, values.shape[1]), np.float32)
    _, basis[:, mask] = principal_components(values[:, mask], WIDTH)
    tensors = {
        "mean": values.mean(axis=0, dtype=np.float64),
        "basis": basis,
        "limits": np.percentile(limited, PERCENTILES, axis=0),
    }
    return {f"{name}.{key}": torch.from_numpy(np.asarray(each, np.float32)) for key, each in tensors.items()}


def _encoded(model: AppearanceModel, faces: _Faces, shapes: NDArray[np.float32], opened: NDArray[np.int_]) -> Tensor:
    """Encode the faces, and behind them those opened, which are as they were but for their shapes: (N, 3, WIDTH)."""
    rows = np.concatenate([np.arange(len(faces.shapes)), opened])
    codes = []
    for start in range(0, len(rows), ENCODED_AT_ONCE):
        chunk = rows[start : start + ENCODED_AT_ONCE]
        parts = (shapes[start : start + ENCODED_AT_ONCE], faces.colours[chunk], faces.energies[chunk])
        codes.append(model.encode([torch.from_numpy(part.reshape(len(chunk), -1)) for part in parts]))
    return torch.cat(codes)
