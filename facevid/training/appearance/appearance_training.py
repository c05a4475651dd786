"""Training of the bundled kind of model: fits an appearance model to faces, and labels and encodes them."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from facevid.edits.attributes import CELEBA
from facevid.errors import UsageError
from facevid.networks.appearance_model import AppearanceModel
from facevid.training.appearance.fitting import fit_model
from facevid.training.appearance.measured_faces import Faces, measure_faces, with_mirror_images
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
)
from facevid.training.appearance.mouth_opening import mouth_opening
from facevid.training.appearance.picture_sets import PictureSet, read_set, set_names
from facevid.training.common.labels import NO, UNKNOWN, YES, LabelRule, labels_of
from facevid.training.common.run import save_atomically
from facevid.training.editors.codes import CodeSet, save_codes
from facevid.utils.progress import Progress, no_progress

MODEL_FILE = "appearance.pt"
"""File name of the appearance model."""

CODES_FILE = "codes.safetensors"
"""File name of the labelled codes."""

OPENED_EVERY = 3
"""One of this many faces is added again with an opened mouth, because portraits rarely show open mouths."""

MIN_DROP = 0.03
"""Smallest drop of the jaw, as a fraction of the crop's side: slightly open lips."""

MAX_DROP = 0.09
"""Largest drop of the jaw, as a fraction of the crop's side: a wide open mouth."""

CLOSED_GAP = 0.012
"""Largest gap between the lips of a closed mouth, as a fraction of the crop's side. A wider gap is labelled unknown,
because it can belong to a smile."""

CHUNK_FACES = 256
"""Number of faces encoded at once, which bounds the memory."""


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
    picture_sets = [read_set(data, name) for name in sets or set_names(data)]
    faces = measure_faces(picture_sets, progress)
    labels = _label_faces(picture_sets, faces, rules)
    faces, labels = with_mirror_images(faces), np.concatenate([labels, labels])
    opened = np.arange(0, len(faces.shapes), OPENED_EVERY)
    offsets = _random_mouth_openings(len(opened), seed)
    labels = np.concatenate([labels, labels[opened]])
    if not any(rule.attribute.name == "Mouth_Slightly_Open" for rule in rules):
        labels[:, CELEBA.index("Mouth_Slightly_Open")] = _mouth_labels(faces, len(opened))
    shapes = np.concatenate([faces.shapes, faces.shapes[opened] + offsets])
    held_out = np.concatenate([faces.held_out, faces.held_out[opened]])
    model = fit_model(faces, shapes[~held_out])
    codes = CodeSet(
        codes=_encode_faces(model, faces, shapes, opened),
        labels=torch.from_numpy(labels),
        files=(*faces.files, *(faces.files[row] for row in opened)),
        held_out=torch.from_numpy(held_out),
    )
    save_atomically(out / MODEL_FILE, {name: tensor.contiguous() for name, tensor in model.state_dict().items()})
    save_codes(out / CODES_FILE, codes)
    return codes


def _label_faces(picture_sets: Sequence[PictureSet], faces: Faces, rules: Sequence[LabelRule]) -> NDArray[np.int8]:
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


def _mouth_labels(faces: Faces, opened_count: int) -> NDArray[np.int8]:
    """Label Mouth_Slightly_Open: no for closed mouths, unknown for other faces, yes for the opened ones at the end."""
    closed = np.where(mouth_gaps(faces.shapes) < CLOSED_GAP, NO, UNKNOWN)
    return np.concatenate([closed, np.full(opened_count, YES)]).astype(np.int8)


def _random_mouth_openings(count: int, seed: int) -> NDArray[np.float32]:
    """Return landmark offsets of random drops of the jaw, float32 (count, 84, 2)."""
    drops = np.random.default_rng(seed).uniform(MIN_DROP, MAX_DROP, count)
    return np.stack([mouth_opening(drop) for drop in drops.tolist()])


def _encode_faces(
    model: AppearanceModel, faces: Faces, shapes: NDArray[np.float32], opened: NDArray[np.int_]
) -> Tensor:
    """Encode the N faces, followed by M faces with an opened mouth, which differ from the originals in shape only.

    Args:
        model: the fitted model.
        faces: the N faces.
        shapes: (N + M, 84, 2).
        opened: (M,), index of the original of each face with an opened mouth.

    Returns:
        float32 (N + M, 3, WIDTH).
    """
    rows = np.concatenate([np.arange(len(faces.shapes)), opened])
    codes = []
    for start in range(0, len(rows), CHUNK_FACES):
        chunk = rows[start : start + CHUNK_FACES]
        parts = (shapes[start : start + CHUNK_FACES], faces.colours[chunk], faces.energies[chunk])
        codes.append(model.encode([torch.from_numpy(part.reshape(len(chunk), -1)) for part in parts]))
    return torch.cat(codes)
