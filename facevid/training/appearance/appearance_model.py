"""Fitting of the linear appearance model of the bundled model, and encoding of the faces it is fitted to."""

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
from facevid.training.appearance.measured_labels import (
    BEARD,
    LIP_RED,
    SMILE,
    TABLE_RULES,
    as_cells,
    beards,
    lip_reds,
    mouth_gaps,
    percentile_rules,
    smiles,
    with_years,
)
from facevid.training.appearance.mouth_opening import mouth_opening
from facevid.training.common.labels import (
    NO,
    UNKNOWN,
    YES,
    LabelRule,
    Table,
    held_out_rows,
    labels_of,
    numbers_of,
    read_table,
)
from facevid.training.common.pictures import PictureFiles
from facevid.training.common.run import save_atomically
from facevid.training.editors.codes import CodeSet, save_codes
from facevid.utils.progress import Progress, no_progress

MODEL_FILE = "appearance.pt"
"""File name of the appearance model."""

CODES_FILE = "codes.safetensors"
"""File name of the labelled codes."""

WIDTH = 64
"""Number of components of each part: further components describe single faces only."""

MIN_NATIVE_SIZE = 160
"""Smallest side of a face before it was resized, in pixels: smaller faces have no content in the fine bands."""

NATIVE_SIZE = "native_size_px"
"""Optional table column: side of the face before it was resized, in pixels."""

MIN_FACES = 2
"""Smallest number of training faces: with fewer, the variance is 0."""

MIN_REACH = 0.5
"""Smallest value of `mean_face.reach` where colour and energies are fitted; beyond are hair, collar and background."""

LIMIT_PERCENTILES = (2, 98)
"""Percentiles over the training faces that become the lower and the upper limit of each value."""

DETAIL_SIDE = 144
"""Side of the mean detail, in pixels: half that of the window, because averaging removes finer detail."""

OPENED_EVERY = 3
"""One of this many faces is added again with an opened mouth, because portraits rarely show open mouths."""

MIN_DROP = 0.03
"""Smallest drop of the jaw, as a fraction of the crop's side: slightly open lips."""

MAX_DROP = 0.09
"""Largest drop of the jaw, as a fraction of the crop's side: a wide open mouth."""

CLOSED_GAP = 0.012
"""Largest gap between the lips of a closed mouth, as a fraction of the crop's side. A wider gap is labelled unknown,
because it can belong to a smile."""

CHUNK = 256
"""Number of faces encoded at once, which bounds the memory."""

MIN_VARIANCE = 1e-9
"""Smallest variance of a component, relative to the largest: smaller ones are rounding errors."""


@dataclass(frozen=True)
class _PictureSet:
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


@dataclass(frozen=True)
class _Faces:
    """Appearances of N faces.

    Attributes:
        shapes: float32 (N, 68, 2), offsets of the landmarks from the mean face.
        colours: float32 (N, COLOUR_SIDE, COLOUR_SIDE, 3), CIELAB.
        energies: float32 (N, bands.COUNT, ENERGY_SIDE, ENERGY_SIDE), log energies of the octave bands.
        held_out: bool (N,), faces excluded from fitting.
        files: file name of each picture.
        detail: float32 (bands.COUNT, DETAIL_SIDE, DETAIL_SIDE), normalised bands, averaged over the training faces.
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
    progress: Progress = no_progress,
) -> CodeSet:
    """Fit an appearance model to picture sets; write `appearance.pt` and the labelled codes of the faces.

    The training data are every face, its mirror image, and every third of these again with an opened mouth.

    Args:
        data: folder of picture sets: each is a table NAME.csv beside NAME.tar or a folder NAME of FFHQ crops.
        out: folder of the two files.
        rules: rules that turn columns into labels; empty for `TABLE_RULES` and the measured columns.
        sets: names of the sets to use; empty for all.
        seed: seed of the random drops of the jaw.
        progress: receives the number of measured faces.

    Returns:
        The labelled codes, float32 (N, 3, WIDTH).

    Raises:
        InputError: a set is missing or cannot be read.
        UsageError: no set has the column of a rule.
        NoFaceError: too few faces are large enough.
        OutputError: `out` cannot be written.
    """
    picture_sets = [_read_set(data, name) for name in sets or _set_names(data)]
    faces = _measure_faces(picture_sets, progress)
    labels = _label_faces(picture_sets, faces, rules)
    faces, labels = _with_mirror_images(faces), np.concatenate([labels, labels])
    opened = np.arange(0, len(faces.shapes), OPENED_EVERY)
    offsets = _random_mouth_openings(len(opened), seed)
    labels = np.concatenate([labels, labels[opened]])
    if not any(rule.attribute.name == "Mouth_Slightly_Open" for rule in rules):
        labels[:, CELEBA.index("Mouth_Slightly_Open")] = _mouth_labels(faces, len(opened))
    shapes = np.concatenate([faces.shapes, faces.shapes[opened] + offsets])
    held_out = np.concatenate([faces.held_out, faces.held_out[opened]])
    model = _fit_model(faces, shapes[~held_out])
    codes = CodeSet(
        codes=_encode_faces(model, faces, shapes, opened),
        labels=torch.from_numpy(labels),
        files=(*faces.files, *(faces.files[row] for row in opened)),
        held_out=torch.from_numpy(held_out),
    )
    save_atomically(out / MODEL_FILE, {name: tensor.contiguous() for name, tensor in model.state_dict().items()})
    save_codes(out / CODES_FILE, codes)
    return codes


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


def _set_names(data: Path) -> list[str]:
    names = [path.stem for path in sorted(data.glob("*.csv")) if _pictures_path(data, path.stem).exists()]
    if not names:
        raise InputError(f"{data}: contains no picture set; put a table NAME.csv beside NAME.tar or a folder NAME")
    return names


def _pictures_path(data: Path, name: str) -> Path:
    archive = data / f"{name}.tar"
    return archive if archive.is_file() else data / name


def _read_set(data: Path, name: str) -> _PictureSet:
    path = data / f"{name}.csv"
    table = with_years(path, read_table(path))
    count = len(next(iter(table.values())))
    large_enough = np.ones(count, bool)
    if NATIVE_SIZE in table:
        large_enough = ~(numbers_of(path, table, NATIVE_SIZE) < MIN_NATIVE_SIZE)  # an unknown size is accepted
    rows = np.flatnonzero(large_enough).tolist()
    table = {column: [cells[row] for row in rows] for column, cells in table.items()}
    return _PictureSet(path, table, _pictures_path(data, name), held_out_rows(count)[large_enough])


def _measure_faces(picture_sets: Sequence[_PictureSet], progress: Progress) -> _Faces:
    """Measure the appearance of every face of all sets."""
    held_out = np.concatenate([each.held_out for each in picture_sets])
    if (~held_out).sum() < MIN_FACES:
        paths = ", ".join(str(each.path) for each in picture_sets)
        raise NoFaceError(
            f"{paths}: {int((~held_out).sum())} training faces of {MIN_NATIVE_SIZE} px or more, "
            f"but at least {MIN_FACES} are needed; add pictures"
        )
    appearances: list[Appearance] = []
    files: list[str] = []
    detail = np.zeros((bands.COUNT, DETAIL_SIDE, DETAIL_SIDE))
    predictor = LandmarkPredictor()
    for name, picture in progress("measure", _read_pictures(picture_sets), len(held_out)):
        landmarks, scaled = predictor.place_in_crop(picture), picture.astype(np.float32) / np.float32(255)
        if not held_out[len(files)]:
            detail += _normalised_bands(lab_of(scaled, landmarks)[..., 0])
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


def _read_pictures(picture_sets: Sequence[_PictureSet]) -> Iterator[tuple[str, NDArray[np.uint8]]]:
    """Yield file name and picture, uint8 (S, S, 3) RGB, of every face."""
    for each in picture_sets:
        with PictureFiles(each.pictures) as files:
            for name in files.names(each.path, each.table):
                picture = files.read(name)
                height, width = picture.shape[:2]
                if height != width:
                    raise InputError(
                        f"{each.pictures}: {name} is {width}x{height}, but an aligned face is square; use FFHQ crops"
                    )
                yield name, picture


def _normalised_bands(lightness: NDArray[np.float32]) -> NDArray[np.float32]:
    """Split the lightness of a face into octave bands, each divided by its local energy.

    Args:
        lightness: CIE lightness in the frame of the mean face, (S, S).

    Returns:
        float32 (bands.COUNT, DETAIL_SIDE, DETAIL_SIDE).
    """
    octaves, _ = bands.split(np.ascontiguousarray(lightness), CROP_SIDE)
    normalised = [band / bands.energy(band, i, CROP_SIDE) for i, band in enumerate(octaves)]
    size = (DETAIL_SIDE, DETAIL_SIDE)
    resized = [cv2.resize(band, size, interpolation=cv2.INTER_AREA) for band in normalised]
    return np.stack([np.asarray(band, np.float32) for band in resized])


def _with_mirror_images(faces: _Faces) -> _Faces:
    """Append the mirror image of every face. Mean face and window are symmetric, so maps can be flipped."""
    return _Faces(
        np.concatenate([faces.shapes, faces.shapes[:, MIRROR] * np.array([-1, 1], np.float32)]),
        np.concatenate([faces.colours, faces.colours[:, :, ::-1]]),
        np.concatenate([faces.energies, faces.energies[..., ::-1]]),
        np.concatenate([faces.held_out, faces.held_out]),
        faces.files * 2,
        ((faces.detail + faces.detail[..., ::-1]) / 2).astype(np.float32),
    )


def _random_mouth_openings(count: int, seed: int) -> NDArray[np.float32]:
    """Return landmark offsets of random drops of the jaw, float32 (count, 68, 2)."""
    drops = np.random.default_rng(seed).uniform(MIN_DROP, MAX_DROP, count)
    return np.stack([mouth_opening(drop) for drop in drops.tolist()])


def _label_faces(picture_sets: Sequence[_PictureSet], faces: _Faces, rules: Sequence[LabelRule]) -> NDArray[np.int8]:
    """Label the faces from tables and measurements, int8 (N, 40)."""
    training = ~faces.held_out
    columns = {
        SMILE: smiles(faces.shapes, training),
        BEARD: beards(faces.colours),
        LIP_RED: lip_reds(faces.colours),
    }
    for rule in rules:
        if not any(rule.column in {*each.table, *columns} for each in picture_sets):
            raise UsageError(f"no table has the column {rule.column} of --label; add the column or remove the rule")
    rules = tuple(rules) or (*TABLE_RULES, *percentile_rules(columns, training))
    labels, start = [], 0
    for each in picture_sets:
        rows = slice(start, start + len(each.held_out))
        start = rows.stop
        table = {column: as_cells(numbers[rows]) for column, numbers in columns.items()} | each.table
        labels.append(labels_of(each.path, table, [rule for rule in rules if rule.column in table]))
    return np.concatenate(labels)


def _mouth_labels(faces: _Faces, opened_count: int) -> NDArray[np.int8]:
    """Label Mouth_Slightly_Open: no for closed mouths, unknown for other faces, yes for the opened ones at the end."""
    closed = np.where(mouth_gaps(faces.shapes) < CLOSED_GAP, NO, UNKNOWN)
    return np.concatenate([closed, np.full(opened_count, YES)]).astype(np.int8)


def _fit_model(faces: _Faces, shapes: NDArray[np.float32]) -> AppearanceModel:
    """Fit a model to the training faces.

    Args:
        faces: all faces; the held-out ones are not used.
        shapes: (M, 68, 2), the shapes of the training faces, and those with an opened mouth.
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


def _encode_faces(
    model: AppearanceModel, faces: _Faces, shapes: NDArray[np.float32], opened: NDArray[np.int_]
) -> Tensor:
    """Encode the N faces, followed by M faces with an opened mouth, which differ from the originals in shape only.

    Args:
        model: the fitted model.
        faces: the N faces.
        shapes: (N + M, 68, 2).
        opened: (M,), index of the original of each face with an opened mouth.

    Returns:
        float32 (N + M, 3, WIDTH).
    """
    rows = np.concatenate([np.arange(len(faces.shapes)), opened])
    codes = []
    for start in range(0, len(rows), CHUNK):
        chunk = rows[start : start + CHUNK]
        parts = (shapes[start : start + CHUNK], faces.colours[chunk], faces.energies[chunk])
        codes.append(model.encode([torch.from_numpy(part.reshape(len(chunk), -1)) for part in parts]))
    return torch.cat(codes)
